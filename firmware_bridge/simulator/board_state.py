"""The state that a board is in when a program opens its port: what a real one keeps, loses and says.

Nouns:
    restart    the firmware begins anew: by its power, or by the DTR line when its port is opened
    boot       the time from a restart to the greeting; nothing is heard then, but noise may be said
    counters   where the firmware believes the tool to be (machine position)
    place      where the tool really is, in the frame of the recording

A fresh virtual board restarts when its port is opened, greets at once, has its counters at the
tool's place, and nothing is left over from an earlier program. Real boards differ in all of that, and a
program that meets them must not take one for the other.

Sources, read for facts: gnea/grbl (``main.c``, ``report.c``, ``gcode.c``, ``doc/markdown``): counters are
zero after a restart and kept by the reset byte; G92, the chosen frame and all modal words are
forgotten by both, what G10 L2, G28.1, ``$N`` and ``$x=`` store is kept; MarlinFirmware/Marlin
(``MarlinCore.cpp``, ``motion.cpp``); Espressif's boot messages as users of FluidNC show them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from firmware_bridge.simulator.planner import Vector

# What an ESP32 says before the firmware runs; FluidNC adds messages of its own.
ESP32_NOISE = (
    b"\x00\xfe\x8c",
    b"ets Jul 29 2019 12:21:46",
    b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
    b"configsip: 0, SPIWP:0xee",
    b"entry 0x400805f0",
)
WIFI_NOISE = (
    *ESP32_NOISE,
    b"[MSG:INFO: FluidNC v3.9.9 https://github.com/bdring/FluidNC]",
    b"[MSG:INFO: Local filesystem type is littlefs]",
    b"[MSG:INFO: Connecting to STA SSID:workshop]",
    b"[MSG:INFO: Connecting.]",
    b"[MSG:INFO: Connecting..]",
    b"[MSG:INFO: Connected - IP is 192.168.1.17]",
)


@dataclass(frozen=True, slots=True)
class Boot:
    """How a board comes up after a restart.

    Attributes:
        seconds: from the restart to the greeting.
        noise: lines that are said meanwhile: those of the loader at once, messages of the firmware
            at equal distances in time.
        greets: False for a board that comes back without a word, or whose words nobody can hear.
    """

    seconds: float = 0.0
    noise: tuple[bytes, ...] = ()
    greets: bool = True

    def spoken(self) -> list[tuple[float, bytes]]:
        """The lines of the noise with their times, s after the restart."""
        slow = [line for line in self.noise if line.startswith((b"[MSG", b"echo"))]
        loader = [line for line in self.noise if line not in slow]
        step_s = self.seconds / (len(slow) + 1)
        return [(0.0, line) for line in loader] + [((i + 1) * step_s, line) for i, line in enumerate(slow)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardState:
    """What all boards have.

    Attributes:
        resets_on_open: whether opening the port restarts it, as DTR does to an Arduino.
        boot: how it comes up after a restart.
        counters_mm: where it believes the tool to be at first; None: where the tool is.
        power_on_mm: where it believes the tool to be after a restart; None: where the tool was at first,
            as if somebody had put it back there. Real boards count from zero.
    """

    resets_on_open: bool = True
    boot: Boot = Boot()
    counters_mm: Vector | None = None
    power_on_mm: Vector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrblState(BoardState):
    """What a GRBL board adds.

    Attributes:
        settings: what is stored: ``$10`` as 10, and so on.
        frames: stored work frames by their number, 54 to 59: machine minus work position.
        stored: the places of G28 and G30, machine mm.
        startup: ``$N0`` and ``$N1``, carried out after each greeting of a board that is not locked.
        left: lines of an earlier program whose words are still in force, without motion; a board that
            restarts on opening forgets them.
        locked: whether it waits for homing or an unlock; with homing on, each restart locks it.
        alarm: the alarm that it stands in, or 0; after 1 and 2 it hears nothing but a reset.
        held: whether it stands in a feed hold.
        reports_to_offset: status reports until WCO is told again.
    """

    settings: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({}))
    frames: Mapping[int, Vector] = field(default_factory=lambda: MappingProxyType({}))
    stored: tuple[Vector, Vector] = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    startup: tuple[str, str] = ("", "")
    left: tuple[str, ...] = ()
    locked: bool = False
    alarm: int = 0
    held: bool = False
    reports_to_offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarlinState(BoardState):
    """What a Marlin board adds.

    Attributes:
        endstops: whether soft endstops are on; they hold on homed axes only.
        homed: whether all axes are homed.
        home_first: whether it moves no axis that is not homed, and says so (NO_MOTION_BEFORE_HOMING).
        steps_per_mm: of the EEPROM; None: those of the profile. The axes move by them.
        left: lines of an earlier program whose words are still in force, without motion.
        last_number: the number of the last numbered line that it has taken.
    """

    endstops: bool = False
    homed: bool = True
    home_first: bool = False
    steps_per_mm: Vector | None = None
    left: tuple[str, ...] = ()
    last_number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UarmState(BoardState):
    """What a uArm adds; it measures its joints, so its counters are always the place.

    Attributes:
        powered: whether its motors have power; the firmware also runs on USB.
    """

    powered: bool = True
