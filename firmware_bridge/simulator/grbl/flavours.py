"""What tells builds of GRBL apart: plain GRBL 1.1 on an AVR, grblHAL and FluidNC.

A flavour is what the board greets with, what it answers to ``$I`` and ``$$``, how large its buffers
are, and where its manners differ:

    GRBL      tells the sizes of its buffers; storing a setting makes it deaf for a while
    grblHAL   tells larger ones; repeats an error until an empty line, a ``$`` line or a reset; takes
              CR LF for one line end; explains its settings in words
    FluidNC   tells no sizes; answers ``$$`` with a few numbers, and the rest of its configuration
              item by item (``$/axes/x/max_rate_mm_per_min``)

Sources: answers that users show in the projects' issue threads (grblHAL/RP2040 29, ioSender 292;
FluidNC 1036, 1319, 1629); FluidNC/src/ProcessSettings.cpp and Configuration/RuntimeSetting.cpp, read
for facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from firmware_bridge.simulator.board_state import GrblState
from firmware_bridge.simulator.grbl.settings import Settings
from firmware_bridge.simulator.grbl.states import BUILD, VERSION

# FluidNC tells these numbers for ``$$``, and no other.
_FLUIDNC_NUMBERS = (10, 13, 30, 31, 32)
_AXES = "xyz"
_ITEMS: Mapping[str, int] = MappingProxyType(
    {
        "steps_per_mm": 100,
        "max_rate_mm_per_min": 110,
        "acceleration_mm_per_sec2": 120,
        "max_travel_mm": 130,
    }
)
_WORDS = MappingProxyType({0: "Step pulse time", 110: "X-axis maximum rate", 130: "X-axis maximum travel"})


@dataclass(frozen=True)
class GrblOptions:
    """What tells builds of the firmware apart, and the state that a board of it is in.

    Attributes:
        banner: what it greets with.
        build: what it answers to ``$I``; the sizes are filled in.
        hal: grblHAL: repeats an error, and takes CR LF for one line end.
        stalls: whether it is deaf while it stores a setting, as an AVR is.
        fluid: FluidNC: few numbers, and a configuration by items.
        rx_bytes: its receive buffer, or None for the profile's.
        planner_blocks: its planner, or None for the profile's.
        answers_alarmed: whether it still tells its status after an alarm that only a reset ends.
        board: the state it is in.
    """

    banner: str = f"Grbl {VERSION} ['$' for help]"
    build: tuple[str, ...] = (f"[VER:{VERSION}.{BUILD}:]", "[OPT:V,{planner},{rx}]")
    hal: bool = False
    stalls: bool = True
    fluid: bool = False
    rx_bytes: int | None = None
    planner_blocks: int | None = None
    answers_alarmed: bool = False
    board: GrblState = field(default_factory=GrblState)


GRBL = GrblOptions()
GRBLHAL = GrblOptions(
    banner="GrblHAL 1.1f ['$' or '$HELP' for help]",
    build=(
        "[VER:1.1f.20250102:]",
        "[OPT:VNMSL,{planner},{rx},3,0]",
        "[AXS:3:XYZ]",
        "[NEWOPT:ENUMS,RT+,ES,REBOOT,SED]",
        "[FIRMWARE:grblHAL]",
        "[SIGNALS:HSEP]",
        "[NVS STORAGE:*FLASH 4K]",
        "[DRIVER:virtual]",
    ),
    hal=True,
    stalls=False,
    rx_bytes=1024,
    planner_blocks=100,
    answers_alarmed=True,
)
FLUIDNC = GrblOptions(
    banner="Grbl 3.9 [FluidNC v3.9.9 (wifi) '$' for help]",
    build=("[VER:3.9 FluidNC v3.9.9 (wifi):]", "[OPT:PHS]", "[MSG: Machine: Virtual Plotter]"),
    stalls=False,
    fluid=True,
    rx_bytes=256,
    planner_blocks=16,
    answers_alarmed=True,
)


def setting_lines(options: GrblOptions, settings: Settings) -> list[str]:
    """The answer to ``$$``."""
    lines = settings.lines()
    if options.fluid:
        return [line for line in lines if int(line[1:].partition("=")[0]) in _FLUIDNC_NUMBERS]
    if options.hal:
        numbers = [int(line[1:].partition("=")[0]) for line in lines]
        return [
            f"{line} ({_WORDS[number]})" if number in _WORDS else line
            for number, line in zip(numbers, lines, strict=True)
        ]
    return lines


def config_line(settings: Settings, path: str) -> str | None:
    """FluidNC's answer to one item of its configuration, or None if it has no such item."""
    parts = path.strip("/").split("/")
    if len(parts) < 3 or parts[0] != "axes" or parts[1] not in _AXES:
        return None
    axis, item = _AXES.index(parts[1]), "/".join(parts[2:])
    values = settings.values
    if item in _ITEMS:
        return f"$/{'/'.join(parts)}={values[_ITEMS[item] + axis]:.3f}"
    if item == "soft_limits":
        return f"$/{'/'.join(parts)}={'true' if values[20] else 'false'}"
    low_end = bool(int(values[23]) >> axis & 1)
    if item == "homing/positive_direction":
        return f"$/{'/'.join(parts)}={'false' if low_end else 'true'}"
    if item == "homing/mpos_mm":
        # As GRBL counts: the upper end is 0.
        return f"$/{'/'.join(parts)}={-values[130 + axis] if low_end else 0.0:.3f}"
    return None
