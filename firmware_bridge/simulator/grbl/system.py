"""The ``$`` commands of the virtual controller.

Homing: first z, then x and y together; each axis runs to its switch at the seek rate
($25), touches it again at the locate rate ($24) and pulls off by $27. The switches stand
just outside the envelope, at the end that $23 names. After it the machine frame starts at
the switches, as in GRBL: a positive end is -pull-off, a negative end is -travel + pull-off.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator
from typing import TYPE_CHECKING

from firmware_bridge.gcode.grbl_grammar import GcodeError
from firmware_bridge.simulator.grbl.flavours import config_line, setting_lines
from firmware_bridge.simulator.grbl.interpreter import Need, Wait
from firmware_bridge.simulator.grbl.report import PLACE_DIGITS, vector_text
from firmware_bridge.simulator.grbl.states import ALARM_HOMING_APPROACH, FIRST_FRAME

if TYPE_CHECKING:
    from firmware_bridge.simulator.grbl.controller import VirtualGrbl

_SECONDS_PER_MINUTE = 60.0
ERROR_STATEMENT = 3
ERROR_HOMING_OFF = 5
ERROR_NOT_IDLE = 8
ERROR_JOG_TRAVEL = 15
ERROR_JOG = 16

# How far beyond its travel the firmware searches for a switch.
_SEARCH_SHARE = 1.5
# Which axes run together, in turn (HOMING_CYCLE_0 and _1).
_CYCLES = ((2,), (0, 1))

_SETTING = re.compile(r"\$([0-9]+)=([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))")

System = Generator[Wait, None, bool]


def run_system_line(grbl: VirtualGrbl, line: str) -> System:
    """Carries out one line that starts with ``$``.

    Returns:
        True if it is to be answered with ``ok``; False if a reset has answered already.

    Raises:
        GcodeError: with the firmware's error number.
        SettingError: if a setting is refused.
    """
    idle = grbl.state in ("Idle", "Alarm")
    if line == "$":
        grbl.say("[HLP:$$ $# $G $I $N $x=val $J=line $SLP $C $X $H ~ ! ? ctrl-x]")
    elif line == "$G":
        grbl.say(f"[{grbl.interpreter.modal.words()}]")
    elif line == "$C":
        return _toggle_check(grbl)
    elif line == "$X":
        if grbl.state == "Alarm":
            grbl.say("[MSG:Caution: Unlocked]")
            grbl.unlock()
    elif line.startswith("$J="):
        yield from _jog(grbl, line[3:])
    elif not idle:
        raise GcodeError(ERROR_NOT_IDLE)
    elif line == "$$":
        for text in setting_lines(grbl.options, grbl.settings):
            grbl.say(text)
    elif line == "$#":
        _say_frames(grbl)
    elif line == "$I":
        blocks = grbl.planner.capacity
        for text in grbl.options.build:
            grbl.say(text.format(planner=blocks, rx=grbl.rx.size))
    elif line == "$N":
        for number, startup in enumerate(grbl.options.board.startup):
            grbl.say(f"$N{number}={startup.replace(' ', '')}")
    elif line == "$H":
        yield from _home(grbl)
    elif line == "$SLP":
        grbl.sleep()
    elif line in ("$RST=$", "$RST=#", "$RST=*"):
        _restore(grbl, line[-1])
        return False
    elif grbl.options.fluid and (found := config_line(grbl.settings, line[1:].lower())) is not None:
        grbl.say(found)
    elif match := _SETTING.fullmatch(line):
        yield Need.STILL
        changed = grbl.settings.write(int(match[1]), float(match[2]))
        yield grbl.now_s + grbl.store(changed)
    else:
        raise GcodeError(ERROR_STATEMENT)
    return True


def _toggle_check(grbl: VirtualGrbl) -> bool:
    if grbl.state == "Check":
        grbl.say("[MSG:Disabled]")
        grbl.answer(0)
        grbl.soft_reset()
        return False
    if grbl.state != "Idle":
        raise GcodeError(ERROR_NOT_IDLE)
    grbl.enter_check()
    grbl.say("[MSG:Enabled]")
    return True


def _jog(grbl: VirtualGrbl, words: str) -> Generator[Wait, None, None]:
    if grbl.state not in ("Idle", "Jog"):
        raise GcodeError(ERROR_NOT_IDLE)
    if not words:
        raise GcodeError(ERROR_JOG)
    target = grbl.interpreter.jog(words)
    if grbl.interpreter.outside(target):
        raise GcodeError(ERROR_JOG_TRAVEL)
    yield from grbl.interpreter.jog_to(target)
    grbl.begin_jog()


def _say_frames(grbl: VirtualGrbl) -> None:
    parser, inches = grbl.interpreter, bool(grbl.settings.values[13])
    for i, frame in enumerate(parser.frames):
        grbl.say(f"[G{FIRST_FRAME + i}:{vector_text(frame, inches)}]")
    for code, place in zip((28, 30), parser.stored, strict=True):
        grbl.say(f"[G{code}:{vector_text(place, inches)}]")
    grbl.say(f"[G92:{vector_text(parser.shift, inches)}]")
    grbl.say(f"[TLO:{0.0:.{PLACE_DIGITS[inches]}f}]")
    grbl.say(f"[PRB:{vector_text((0.0, 0.0, 0.0), inches)}:0]")


def _restore(grbl: VirtualGrbl, what: str) -> None:
    if what in "$*":
        grbl.settings.reset()
    if what in "#*":
        grbl.interpreter.frames = [(0.0, 0.0, 0.0)] * len(grbl.interpreter.frames)
        grbl.interpreter.stored = [(0.0, 0.0, 0.0)] * len(grbl.interpreter.stored)
    grbl.say("[MSG:Restoring defaults]")
    grbl.answer(0)
    grbl.soft_reset()


def _home(grbl: VirtualGrbl) -> Generator[Wait, None, None]:
    values = grbl.settings.values
    if not values[22]:
        raise GcodeError(ERROR_HOMING_OFF)
    yield Need.STILL
    box = grbl.machine.envelope
    pull_off, travel, mask = values[27], grbl.settings.travel_mm, int(values[23])
    low_z, high_z = (-travel[2], 0.0) if grbl.servo else (box.pen_min, box.pen_max)
    ends = ((box.x_min_mm, box.x_max_mm), (box.y_min_mm, box.y_max_mm), (low_z, high_z))
    here = grbl.physical_mm()
    place: list[float] = []
    homed: list[float] = []
    for axis, (low, high) in enumerate(ends):
        negative = bool(mask >> axis & 1)
        place.append(low if negative else high)
        homed.append(-travel[axis] + pull_off if negative else -pull_off)
        if abs(place[axis] - here[axis]) > _SEARCH_SHARE * travel[axis]:
            grbl.raise_alarm(ALARM_HOMING_APPROACH)
            yield Need.NEVER
    grbl.begin_home()
    for axes in _CYCLES:
        now = grbl.physical_mm()
        way_mm = max(abs(place[axis] - now[axis]) for axis in axes) + pull_off
        touch_s = 2.0 * pull_off / (values[24] / _SECONDS_PER_MINUTE)
        duration_s = way_mm / (values[25] / _SECONDS_PER_MINUTE) + touch_s
        if not math.isfinite(duration_s):
            duration_s = 0.0
        yield grbl.now_s + duration_s
        goal = [place[i] if i in axes else now[i] for i in range(3)]
        grbl.carry_home((goal[0], goal[1], goal[2]), (homed[0], homed[1], homed[2]), duration_s)
    grbl.finish_home()
