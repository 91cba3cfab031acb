"""Boards as people have them, drawn by chance: what they stored, what is left over, and where the pen is.

In each of them a program that was sent now would be drawn in its place, by somebody who has set the
machine up: the work frame in force is that of the paper. Only boards that lock themselves must be homed
or unlocked first.

Nouns:
    paper   the frame of the recording: the paper's surface is at pen 0
    chance  what chooses: a seeded generator, or hypothesis
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import (
    ESP32_NOISE,
    WIFI_NOISE,
    Boot,
    GrblState,
    MarlinState,
    UarmState,
)
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import FLUIDNC, GRBL, GRBLHAL
from firmware_bridge.simulator.marlin.controller import MarlinOptions, VirtualMarlin
from firmware_bridge.simulator.planner import Vector
from firmware_bridge.simulator.uarm import VirtualUarm
from firmware_bridge.simulator.virtual import VirtualController
from tests.support.ink_cases import UP, plotter

BOARDS = ("grbl", "grblhal", "fluidnc", "marlin", "uarm")
_FLAVOURS = {"grbl": GRBL, "grblhal": GRBLHAL, "fluidnc": FLUIDNC}
ORIGIN: Vector = (0.0, 0.0, 0.0)
PULL_OFF_MM = 1.0
T = TypeVar("T")


class Chance(Protocol):
    """What chooses."""

    def pick(self, among: Sequence[T]) -> T:
        """One of some values."""
        ...

    def share(self) -> float:
        """A number from 0 to 1."""
        ...


class Seeded:
    """Chance by a seed."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)

    def pick(self, among: Sequence[T]) -> T:
        """See ``Chance``."""
        return self._random.choice(among)

    def share(self) -> float:
        """See ``Chance``."""
        return self._random.random()


@dataclass(frozen=True)
class Board:
    """One board, not switched on yet.

    Attributes:
        name: of its firmware.
        machine: its profile.
        how: in a word: which kind of set-up it is.
        switch_on: makes it.
        homes: whether it has switches.
        locked: whether it must be homed or unlocked after its port was opened.
        restarts: whether opening its port restarts it.
    """

    name: str
    machine: MachineProfile
    how: str
    switch_on: Callable[[], VirtualController]
    homes: bool
    locked: bool
    restarts: bool
    state: object = None


def homed_offset(machine: MachineProfile, mask: int) -> Vector:
    """Paper minus machine position after a homing cycle of GRBL whose low ends are in ``mask`` ($23)."""
    box = machine.envelope
    low = (box.x_min_mm, box.y_min_mm, box.pen_min)
    high = (box.x_max_mm, box.y_max_mm, box.pen_max)
    if machine.pen_actuator == "servo":
        low, high = (*low[:2], -200.0), (*high[:2], 0.0)
    ends = [
        a + (b - a) - PULL_OFF_MM if mask >> i & 1 else b + PULL_OFF_MM
        for i, (a, b) in enumerate(zip(low, high, strict=True))
    ]
    return ends[0], ends[1], ends[2]


def board_of(name: str, chance: Chance) -> Board:
    """A board of a firmware in a state drawn by chance."""
    if name == "marlin":
        return _marlin(chance)
    if name == "uarm":
        return _uarm(chance)
    return _grbl(name, chance)


def _boot(name: str, chance: Chance) -> Boot:
    seconds = chance.pick((0.0, 0.0, 1.2) if name != "fluidnc" else (0.0, 1.0, 4.0, 9.0, 14.0))
    noise = {"fluidnc": WIFI_NOISE, "grblhal": ESP32_NOISE}.get(name, ())
    return Boot(seconds, noise if seconds else (), greets=chance.pick((True, True, False)))


def _place(machine: MachineProfile, chance: Chance) -> Vector:
    box = machine.envelope
    x = box.x_min_mm + (0.2 + 0.6 * chance.share()) * (box.x_max_mm - box.x_min_mm)
    y = box.y_min_mm + (0.2 + 0.6 * chance.share()) * (box.y_max_mm - box.y_min_mm)
    return round(x, 1), round(y, 1), 0.0 if machine.pen_actuator == "servo" else UP


def _counters(chance: Chance, z_mm: float) -> Vector:
    """Where a board may stand that has counted from anywhere."""
    return round(200 * chance.share(), 1), round(100 * chance.share(), 1), round(z_mm * chance.share(), 1)


def _minus(a: Vector, b: Vector) -> Vector:
    x, y, z = (round(p - q, 3) + 0.0 for p, q in zip(a, b, strict=True))
    return x, y, z


def _grbl(name: str, chance: Chance) -> Board:
    pen = chance.pick(("z", "z", "servo"))
    machine = plotter("grbl", pen)
    how = chance.pick(
        ("resets", "stays", "stays", "homed", "homed", "resets, homing", "locked", "alarm", "held")
    )
    homes = how in ("homed", "resets, homing", "locked", "alarm")
    settings: dict[int, float] = {
        10: chance.pick((0, 1, 2, 3)),
        13: chance.pick((0, 0, 1)),
        32: 1 if pen == "servo" else chance.pick((0, 0, 1)),
        27: PULL_OFF_MM,
    }
    boot = _boot(name, chance)
    stored = ((-5.0, -5.0, -1.0), (-50.0, -50.0, -1.0))
    place = _place(machine, chance)
    common = {
        "boot": boot,
        "power_on_mm": ORIGIN,
        "settings": settings,
        "stored": stored,
        "reports_to_offset": int(29 * chance.share()),
    }
    if homes:
        mask = chance.pick((0, 3, 3))
        settings |= {22: 1, 20: chance.pick((0, 1)), 21: chance.pick((0, 1)), 23: mask}
        box = machine.envelope
        spans = (box.x_max_mm - box.x_min_mm, box.y_max_mm - box.y_min_mm)
        settings |= {130: spans[0], 131: spans[1]}
        if pen == "z":
            settings[132] = box.pen_max - box.pen_min
        # The origin was set once, from the switches: stored, and right after each homing.
        offset = homed_offset(machine, mask)
        frames = {54: _minus(ORIGIN, offset), 55: (-30.0, -20.0, -1.0)}
        if pen == "servo":
            frames[54] = (*frames[54][:2], 0.0)
        known = how in ("homed", "alarm")
        state = GrblState(
            **common,
            resets_on_open=how == "resets, homing",
            counters_mm=_minus(place, offset) if known else ORIGIN,
            frames=frames,
            locked=how == "locked",
            alarm=chance.pick((1, 2)) if how == "alarm" else 0,
        )
        locked = how != "homed"
    elif how == "resets":
        # Its pen was put on the origin before: then all counts from there.
        up = chance.pick((0.0, UP)) if pen == "z" else 0.0
        frames = {54: (0.0, 0.0, 0.0 - up)}
        place = (0.0, 0.0, up)
        state = GrblState(
            **common,
            counters_mm=ORIGIN,
            frames=frames,
            startup=(chance.pick(("", "", "G20", "G91", "G20 G91")), ""),
        )
        locked = False
    else:
        counters = (
            round(200 * chance.share(), 1),
            round(100 * chance.share(), 1),
            round(9 * chance.share(), 1),
        )
        if pen == "servo":
            counters = (*counters[:2], 0.0)
        offset = _minus(counters, place)
        by = chance.pick(("G54", "G55", "G92"))
        shift = (7.0, -12.0, 2.5) if pen == "z" else (7.0, -12.0, 0.0)
        left: list[str] = []
        if by == "G54":
            frames = {54: offset}
        elif by == "G55":
            frames, left = {54: _minus(offset, shift), 55: offset}, ["G55"]
        else:
            frames = {54: _minus(offset, shift)}
            left = ["G21 G92 " + " ".join(f"{a}{v:.3f}" for a, v in zip("XYZ", place, strict=True))]
        left += [word for word in ("G20", "G91", "G93") if chance.pick((False, False, True))]
        state = GrblState(
            **common,
            resets_on_open=False,
            counters_mm=counters,
            frames=frames,
            left=tuple(left),
            held=how == "held",
        )
        locked = False
    options = dataclasses.replace(_FLAVOURS[name], board=state)
    return Board(
        name,
        machine,
        how,
        lambda: VirtualGrbl(machine, place, options),
        homes,
        locked,
        state.resets_on_open,
        state,
    )


def _marlin(chance: Chance) -> Board:
    pen = chance.pick(("z", "z", "servo"))
    machine = plotter("marlin", pen)
    how = chance.pick(("resets", "stays", "homed", "stays, homed"))
    place = _place(machine, chance)
    boot = dataclasses.replace(_boot("marlin", chance), noise=())
    steps = chance.pick((None, None, (100.0, 100.0, 800.0)))
    common = {"boot": boot, "power_on_mm": ORIGIN, "steps_per_mm": steps}
    if how == "resets":
        place = (0.0, 0.0, 0.0)
        state = MarlinState(**common, homed=False)
    elif how == "homed":  # and restarts when its port is opened, as most printers do
        state = MarlinState(**common, homed=True, counters_mm=place, home_first=chance.pick((False, True)))
    elif how == "stays":
        counters = _counters(chance, 1.0)
        if pen == "servo":
            counters = (*counters[:2], 0.0)
        left = ["G92 " + " ".join(f"{a}{v:.3f}" for a, v in zip("XYZ", place, strict=True))]
        left += [word for word in ("G20", "G91") if chance.pick((False, False, True))]
        state = MarlinState(
            **common,
            resets_on_open=False,
            homed=False,
            counters_mm=counters,
            left=tuple(left),
            last_number=int(chance.share() * 500),
        )
    else:
        state = MarlinState(
            **common, resets_on_open=False, homed=True, counters_mm=place, endstops=chance.pick((False, True))
        )
    options = MarlinOptions(
        resend_ok=chance.pick((True, False)),
        advanced_ok=chance.pick((True, False)),
        emergency_parser=chance.pick((True, False)),
        board=state,
    )
    return Board(
        "marlin",
        machine,
        how,
        lambda: VirtualMarlin(machine, place, options),
        True,
        how == "homed",
        state.resets_on_open,
        state,
    )


def _uarm(chance: Chance) -> Board:
    machine = plotter("uarm")
    state = UarmState(resets_on_open=chance.pick((True, False)), boot=Boot(chance.pick((0.0, 1.5)), ()))
    place = (180.0, 0.0, 20.0)
    return Board(
        "uarm",
        machine,
        "arm",
        lambda: VirtualUarm(machine, place, state),
        False,
        False,
        state.resets_on_open,
        state,
    )
