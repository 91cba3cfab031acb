"""The commands of a virtual Marlin board, each a generator of what it waits for.

One command stands in a line; the feed stays in force between lines, the motion does not.
Targets are logical: ``G92`` shifts them against the native frame in which the axes count.

Source: marlinfw.org, G-code reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from firmware_bridge.simulator.interpreter import Need, Wait
from firmware_bridge.simulator.marlin.serial_input import Command
from firmware_bridge.simulator.planner import Vector

if TYPE_CHECKING:
    from firmware_bridge.simulator.marlin.controller import VirtualMarlin

VERSION = "2.1.2"
_MM_PER_INCH = 25.4
_SECONDS_PER_MINUTE = 60.0
_MS_PER_S = 1000.0
_HOMING_SPEED_MM_S = (50.0, 50.0, 4.0)  # HOMING_FEEDRATE_MM_M
_DEFAULT_FEED_MM_S = 25.0  # 1500 mm/min, in force after a start
_WORD = re.compile(r"([A-Z])([+-]?[0-9]*\.?[0-9]*)")
_AXES = "XYZ"


class Commands:
    """Modal state of the board, and what each command does."""

    def __init__(self, board: VirtualMarlin) -> None:
        self.board = board
        self.reset()

    def reset(self) -> None:
        """What a restart does."""
        self.feed_mm_s = _DEFAULT_FEED_MM_S
        self.relative = False
        self.scale = 1.0
        self.shift: Vector = (0.0, 0.0, 0.0)  # logical minus native
        self.sync()

    def sync(self) -> None:
        """Takes the planner's position as the parser's."""
        self.native = self.board.planner.position_mm

    def carry_out(self, command: Command) -> Iterator[Wait]:
        """Runs one command; whatever it is, an ``ok`` follows."""
        text = command.text
        packed = text.replace(" ", "").upper()
        words = [(m[1], m[2]) for m in _WORD.finditer(packed)]
        if not words or not packed[0].isalpha():  # what does not begin with a command is none
            self.board.say(f'echo:Unknown command: "{text}"')
            return
        letter, number = words[0]
        values = {name: float(value) if _is_number(value) else 0.0 for name, value in words[1:]}
        name = f"{letter}{int(float(number))}" if _is_number(number) else letter
        if name in ("G0", "G1"):
            yield from self._move(values)
        elif name == "G4":
            yield Need.STILL
            yield self.board.now_s + values.get("S", 0.0) + values.get("P", 0.0) / _MS_PER_S
        elif name == "G28":
            yield from self._home(values)
        elif name == "G92":
            self._shift_to(values)
        elif name == "M400":
            yield Need.STILL
        elif name in ("M0", "M1"):
            yield Need.STILL
            self.board.say("//action:prompt_begin paused")
            yield Need.NEVER
        elif name in ("M92", "M201", "M203", "M204", "M205"):
            self.board.settings.write(int(name[1:]), values)
        elif name == "M280":
            self._servo(values)
        elif name in ("M17", "M18", "M84"):
            if name != "M17":
                yield Need.STILL
        else:
            self._simple(name, values, text)

    def _simple(self, name: str, values: dict[str, float], text: str) -> None:
        """Commands that need no time."""
        say = self.board.say
        if name in ("G90", "G91"):
            self.relative = name == "G91"
        elif name in ("G20", "G21"):
            self.scale = _MM_PER_INCH if name == "G20" else 1.0
        elif name == "M105":
            say("ok T:21.00 /0.00 B:21.00 /0.00 @:0 B@:0")
            self.board.answered = True
        elif name == "M113":
            if "S" in values:
                self.board.keepalive_s = values["S"]
            else:
                say(f"echo:M113 S{self.board.keepalive_s:g}")
        elif name == "M114":
            self._say_position()
        elif name == "M115":
            self._say_firmware()
        elif name == "M211":
            if "S" in values:
                self.board.settings.endstops = bool(values["S"])
            else:
                for line in self.board.settings.box_lines(self.board.options.old_endstops):
                    say(line)
        elif name == "M503":
            for line in self.board.settings.lines():
                say(line)
        elif name not in ("M110", "M112", "M410", "M108", "M82", "M83", "M106", "M107", "M117", "M155"):
            say(f'echo:Unknown command: "{text}"')

    def _move(self, values: dict[str, float]) -> Iterator[Wait]:
        if values.get("F", 0.0) > 0.0:
            self.feed_mm_s = values["F"] * self.scale / _SECONDS_PER_MINUTE
        goal = list(self.native)
        for i, axis in enumerate(_AXES):
            if axis in values:
                word = values[axis] * self.scale
                goal[i] = self.native[i] + word if self.relative else word - self.shift[i]
        target = self.board.settings.clamped((goal[0], goal[1], goal[2]))
        yield Need.ROOM
        self.native = target
        if self.board.planner.add(target, self.feed_mm_s, False):
            self.board.motion.plan_changed()
            self.board.blocks_queued()

    def _home(self, values: dict[str, float]) -> Iterator[Wait]:
        """Runs the named axes, or all, to the low end of the machine one after the other."""
        yield Need.STILL
        box = self.board.machine.envelope
        low = (box.x_min_mm, box.y_min_mm, 0.0 if self.board.servo else box.pen_min)
        here = self.board.physical_mm()
        which = [i for i, axis in enumerate(_AXES) if axis in values] or [0, 1, 2]
        place = [low[i] if i in which else here[i] for i in range(3)]
        believed = [low[i] if i in which else self.native[i] for i in range(3)]
        seconds = sum(abs(place[i] - here[i]) / _HOMING_SPEED_MM_S[i] for i in which)
        yield self.board.now_s + seconds
        self.board.carry_home(
            (place[0], place[1], place[2]), (believed[0], believed[1], believed[2]), seconds
        )
        shift = [0.0 if i in which else self.shift[i] for i in range(3)]
        self.shift = (shift[0], shift[1], shift[2])
        self.sync()

    def _shift_to(self, values: dict[str, float]) -> None:
        shift = [
            values[axis] * self.scale - self.native[i] if axis in values else self.shift[i]
            for i, axis in enumerate(_AXES)
        ]
        self.shift = (shift[0], shift[1], shift[2])

    def _servo(self, values: dict[str, float]) -> None:
        """Turns at once, though moves may still wait in the queue; whole degrees only."""
        if "S" not in values:
            self.board.say(f"Servo {int(values.get('P', 0.0))}: {self.board.servo_degrees}")
        elif self.board.servo:
            self.board.turn_servo(self.board.now_s, float(int(values["S"])))

    def _say_position(self) -> None:
        """The projected place, where the queued moves will end, and the steps where the motors are."""
        logical = [n + s for n, s in zip(self.native, self.shift, strict=True)]
        steps = [
            round(p * s)
            for p, s in zip(self.board.position_mm(), self.board.settings.steps_per_mm, strict=True)
        ]
        self.board.say(
            f"X:{logical[0] + 0.0:.2f} Y:{logical[1] + 0.0:.2f} Z:{logical[2] + 0.0:.2f} E:0.00 "
            f"Count X:{steps[0]} Y:{steps[1]} Z:{steps[2]}"
        )

    def _say_firmware(self) -> None:
        self.board.say(
            f"FIRMWARE_NAME:Marlin {VERSION} (virtual) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin "
            "PROTOCOL_VERSION:1.0 MACHINE_TYPE:Virtual Plotter EXTRUDER_COUNT:1 AXIS_COUNT:3"
        )
        capabilities = {
            "EEPROM": False,
            "EMERGENCY_PARSER": self.board.input.emergency_parser,
            "ARCS": False,
        }
        for capability, has in capabilities.items():
            self.board.say(f"Cap:{capability}:{int(has)}")


def _is_number(text: str) -> bool:
    return any(c.isdigit() for c in text)
