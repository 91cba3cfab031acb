"""Taking up the play of the x and the y axis: where to send a loose axis so that its tool goes right.

Nouns:
    play        dead band of an axis: the tool follows only when its motor has crossed it
    wanted      where the tool shall be
    sent        what the motor is told
    reversal    a place at which an axis turns back

Symbols, for one axis: b = its play, d = +1 or -1, the direction in which the tool was pulled last:

    sent = wanted + d b / 2

and at a reversal the motor crosses the band, a way of b, while the tool rests. Where the line turns back
gently, as at the top of a loop, the axis hardly moves on the next move, and that one crosses the band on its
way; at a corner the band is crossed by a move of its own before it. A way back of less than a tenth
of the play turns nothing: the tool stays where it is, since a line that wavers would else shake the axis.

Where the tool stands in its band at first is not known: it is taken to come from where the machine is
switched on. It is right from the first turn of each axis on, in any case.

``PenModel.against_play`` is the same for the pen axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move

# Share of the play by which an axis may come back without a turn.
_SLACK_SHARE = 0.1
# A way after a reversal on which the tool may be late, mm; before a longer one the band is crossed first.
_GENTLE_MM = 0.02


class _Axis:
    """One axis: where its tool was pulled to, and from which side."""

    def __init__(self, play_mm: float, start_mm: float) -> None:
        self.play = play_mm
        self.side = 0
        self.furthest = start_mm
        self.sent = start_mm

    def go(self, wanted: float) -> float | None:
        """Makes ``sent`` what takes the tool to a place.

        Returns:
            What is to be sent before, with the tool at rest; None if nothing is.
        """
        way = wanted - self.furthest
        if self.play == 0.0:
            self.sent = wanted
            return None
        back = abs(way) > _SLACK_SHARE * self.play if self.side else way != 0.0
        if way * self.side < 0.0 and not back:
            self.sent = self.furthest + self.side * self.play / 2
            return None
        before = None
        if back and way * self.side <= 0.0:
            self.side = 1 if way > 0.0 else -1
            if abs(way) > _GENTLE_MM:
                before = self.furthest + self.side * self.play / 2
        self.furthest = wanted
        self.sent = wanted + self.side * self.play / 2
        return before


def with_backlash_compensation(moves: Sequence[Move], machine: MachineProfile) -> list[Move]:
    """The moves that a machine with play must be sent, so that its tool makes the given ones.

    Args:
        moves: what the tool shall do, from the first move of a program on.
        machine: ``backlash_mm`` is the play of its axes.
    """
    if machine.backlash_mm is None:
        return list(moves)
    x, y = (_Axis(*pair) for pair in zip(machine.backlash_mm, machine.start_mm, strict=True))
    crossing_mm_s = min(machine.max_speed_mm_s)
    sent: list[Move] = []
    for move in moves:
        here = (x.sent, y.sent)
        before = (x.go(move.x_mm), y.go(move.y_mm))
        # Nothing comes before the first move: where the machine stands then is its own affair.
        if sent and before != (None, None):
            across = [old if new is None else new for old, new in zip(here, before, strict=True)]
            sent.append(Move(across[0], across[1], sent[-1].pen, crossing_mm_s, move.kind))
        sent.append(replace(move, x_mm=x.sent, y_mm=y.sent))
    return sent
