"""The firmware's main loop: reads lines from the buffer, carries them out, answers each.

It is a generator that yields what it waits for, see ``interpreter.Wait``.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from firmware_bridge.simulator.interpreter import Need, SoftLimit, Wait
from firmware_bridge.simulator.parser import LINE_CHARS, GcodeError
from firmware_bridge.simulator.settings import SettingError
from firmware_bridge.simulator.states import ALARM_SOFT_LIMIT, State
from firmware_bridge.simulator.system import run_system_line

if TYPE_CHECKING:
    from firmware_bridge.simulator.controller import VirtualGrbl

_ERROR_LOCKED = 9
_ERROR_OVERFLOW = 11


def main_loop(grbl: VirtualGrbl) -> Generator[Wait, None, None]:
    """Runs for ever; a reset drops it and starts another."""
    while True:
        line, overflow = yield from _read_line(grbl)
        if overflow:
            grbl.answer(_ERROR_OVERFLOW)
            continue
        try:
            if not line or line[0] == "$":
                grbl.standing_error = 0
            if not line:
                grbl.answer(0)
            elif line[0] == "$":
                if (yield from run_system_line(grbl, line)):
                    grbl.answer(0)
            elif grbl.state in (State.ALARM, State.JOG):
                grbl.answer(_ERROR_LOCKED)
            elif grbl.standing_error:
                grbl.answer(grbl.standing_error)
            else:
                if not grbl.checking():
                    yield grbl.now_s + 1.0 / grbl.machine.line_rate_per_s
                yield from grbl.interpreter.carry_out(line)
                grbl.answer(0)
        except (GcodeError, SettingError) as error:
            if grbl.options.hal:
                grbl.standing_error = error.code
            grbl.answer(error.code)
        except SoftLimit:
            yield from _stop_for_soft_limit(grbl)


def _read_line(grbl: VirtualGrbl) -> Generator[Wait, None, tuple[str, bool]]:
    """Reads one line as the firmware filters it; returns it, and whether it was too long."""
    ready = None if grbl.options.hal else grbl.rx.pop_line(LINE_CHARS)  # grblHAL looks at pairs of line ends
    if ready is not None:
        return ready, False
    chars: list[str] = []
    overflow = False
    comment = ""
    while True:
        if not grbl.rx:
            yield Need.DATA
        char = chr(grbl.rx.pop())
        if grbl.options.hal and char == "\n" and grbl.after_return:
            grbl.after_return = False  # CR LF is one line end
            continue
        grbl.after_return = char == "\r"
        if char in "\r\n":
            return "".join(chars), overflow
        if comment:
            comment = "" if comment == "(" and char == ")" else comment
        elif char in "(;":
            comment = char
        elif char > " " and (char != "/" or (grbl.options.fluid and chars[:1] == ["$"])):
            if len(chars) >= LINE_CHARS:
                overflow = True
            else:
                chars.append(char.upper())


def _stop_for_soft_limit(grbl: VirtualGrbl) -> Generator[Wait, None, None]:
    grbl.motion.hold()
    while grbl.motion.running:
        yield grbl.motion.next_event_s
    grbl.raise_alarm(ALARM_SOFT_LIMIT)
    yield Need.NEVER
