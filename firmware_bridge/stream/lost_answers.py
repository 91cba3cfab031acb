"""Whether a stream may go on though answers of a firmware without line numbers are missing.

Nouns:
    missing    k answers that did not come: each is an ``ok`` that was lost on the way, or that of a line
               that never arrived
    suspect    a line that may be the one that never arrived
    trace      half an ``ok`` that was heard: its line was taken
    way        places V_0 .. V_n, where lines lead: V_0 before the first, V_i after the i-th
    detour     places W, where they lead if some run of them never arrived

How many are missing. Answers come in order, so the oldest k of n lines under way are those that were
answered, whichever answer it was that was lost. A report with ``Bf`` tells k while the planner is full:
one line is then in hand, and the receive buffer holds the others, so

    bytes waiting = size of line k+2 + ... + size of line n

Lines that were still on their way would look as if they were missing, so k > 0 counts only where none was
sent between the request and its report: the request came behind them. Twice in a row, it is believed.
k = 0 means that every line so far has arrived. So does an answer to the last line under way: for that the
stream lets all be answered where only the pen moved or the kind of motion changes, which takes no time,
since the planner is full. A machine that stands idle has read all that reached it, so there k = n.

Suspects are the lines that were sent since all had arrived, and before k was told first: afterwards another
one would have made it k + 1. For k = 1, a line that would be waiting is none if it has another size than line
k+1, since the bytes that wait would be others.

Whether they were taken. It is certain that nothing of the drawing is missing if k traces were heard, or if
for each run of at most k suspects: without it the tool would stand elsewhere than it does, or the
detour is the way itself, each corner of one being on the other within what no eye sees. A line that
is left out leaves its words out, too: a detour ends where all axes were told again. A line that changes
more than places and feeds (a servo, the kind of motion) may not be one of a harmless run. A line that has
arrived is taken: an error would have to be lost as well, at another time.

Where one line at a time is under way, the place tells all: at the end of that line it was drawn; at its
beginning it was not, and is sent again.

Source: the order of bytes on a serial line, and GRBL's interface documentation (an answer comes when a
line was read from the receive buffer; ``Bf`` in reports).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from firmware_bridge.dialects.base import Status
from firmware_bridge.gcode.reader import Point, ToolpathReader, ToolpathStep
from firmware_bridge.gcode.words import DWELL, Line
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.link import MOST_RESENDS
from firmware_bridge.stream.progress_tracker import share_at
from firmware_bridge.stream.send_window import SendWindow

# Less than a pen line is uneven by, and more than a motor step and the digits of a report.
_SAME_MM = 0.05
_SAME_STEPS = 1.5
# Of more lines than that nothing is certain.
_MOST_SUSPECTS = 4096
# Lines after which a detour has ended, or is looked at no more.
_MOST_BEHIND = 64
# A machine whose counters are all zero may have just been switched on.
_ZERO_MM = 0.05
_AXES = "XYZ"
# Words of a line without which the tool only takes a shorter way, or does not rest.
_PLACES = frozenset("XYZF")
_MOTIONS = (("G", 0.0), ("G", 1.0))
# What may be said twice, one line alone being under way: places and what is in force anyway.
_REPEATABLE_G = frozenset({0.0, 1.0, 4.0, 17.0, 21.0, 90.0, 94.0})
_REPEATABLE_M = frozenset({3.0, 4.0, 5.0})
_OKS = re.compile(r"(?:ok.{0,2})+", re.DOTALL)
# So many turned bits leave two letters what they were.
_MOST_FLIPS = 2


class Verdict(Enum):
    """What became of the lines whose answers are missing."""

    TAKEN = auto()
    NOT_TAKEN = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A line under suspicion: its entry, what it does, and how it was read.

    Attributes:
        entry, line, step: as sent.
        absolute: whether its coordinates are places.
        turns: whether another kind of motion is in force from it on.
    """

    entry: int
    line: Line
    step: ToolpathStep
    absolute: bool
    turns: bool

    @property
    def end(self) -> Point:
        return self.step.points[-1]

    @property
    def rests(self) -> bool:
        """Whether it does nothing but wait, or nothing at all."""
        return not self.step.moves and all(w[0] == "P" or w[:2] == ("G", DWELL) for w in self.line.words)

    @property
    def may_be_left_out(self) -> bool:
        """Whether it changes nothing but places and the feed."""
        return self.only_moves and not self.turns

    @property
    def only_moves(self) -> bool:
        """Whether nothing but places, feed and the kind of motion depend on it."""
        words = self.line.words
        return self.rests or (self.is_straight and all(w[0] in _PLACES or w[:2] in _MOTIONS for w in words))

    @property
    def is_straight(self) -> bool:
        return len(self.step.points) == 2 and self.absolute

    @property
    def is_repeatable(self) -> bool:
        kinds = {"G": _REPEATABLE_G, "M": _REPEATABLE_M}
        return self.absolute and all(w[0] not in kinds or w[1] in kinds[w[0]] for w in self.line.words)


class LostAnswers:
    """The suspects of one stream.

    Attributes:
        wants_rest: whether nothing should be sent until all that is under way was answered.
    """

    def __init__(self, machine: MachineProfile, reader: ToolpathReader, rx_bytes: int | None) -> None:
        """Prepares.

        Args:
            machine: the profile.
            reader: what reads the lines that are sent.
            rx_bytes: size of the machine's receive buffer, or None if it did not tell.
        """
        machine = machine.as_controller()
        self._reader = reader
        self._rx_bytes = rx_bytes
        self._servo = machine.pen_actuator == "servo"
        self._slack = tuple(max(_SAME_MM, _SAME_STEPS / steps) for steps in machine.steps_per_mm)
        self._motion = ""
        self._suspects: deque[_Suspect] = deque()
        self._last: _Suspect | None = None
        self._too_many = False
        self._traces = 0
        self._told: int | None = None
        self._asked: deque[int] = deque()  # of each request under way, the entry that followed
        self._found: tuple[int, frozenset[int]] | None = None  # so many are missing, of these
        self._sent_again: tuple[int, int] = (-1, 0)
        self.wants_rest = False

    def sent(self, entry: int, line: Line, step: ToolpathStep) -> None:
        """A line was sent for the first time, and makes the tool do this."""
        turns, self._motion = self._reader.motion != self._motion, self._reader.motion
        self._last = _Suspect(entry, line, step, self._reader.absolute, turns)
        self._suspects.append(self._last)
        if len(self._suspects) > _MOST_SUSPECTS:
            self._suspects.popleft()
            self._too_many = True
        self.wants_rest = turns or step.waits or (step.moves and self._only_pen(step))

    def sent_again(self, entry: int) -> None:
        """A line was sent again, since it was not taken."""
        before, times = self._sent_again
        self._sent_again = (entry, times + 1 if entry == before else 1)

    def asked(self, box: SendWindow) -> None:
        """A report was asked for."""
        self._asked.append(box.next)

    def heard(self, text: str) -> None:
        """A line came that is not understood."""
        self._traces += traces(text)
        if "<" in text and self._asked:  # a damaged report
            self._asked.popleft()

    def answered(self, box: SendWindow) -> None:
        """An answer came: where it was the last one under way, none is missing."""
        if not box.pending:
            self._all_arrived()
            self.wants_rest = False

    def reported(self, status: Status, box: SendWindow) -> int:
        """How many of the oldest lines under way are certainly drawn by a report, though not answered."""
        none_since = bool(self._asked) and self._asked.popleft() == box.next
        told, self._told = self._told, self._missing(status, box)
        if self._told and not none_since:
            self._told = None
        missing = self._told
        if missing is None or missing != told:
            return 0
        if missing == 0:
            self._all_arrived()
            self._told = 0
            return 0
        if self._found is None or self._found[0] != missing:
            hand = box.pending[missing]
            entries = (
                s.entry
                for s in self._suspects
                if s.entry <= hand.index or missing > 1 or len(s.line) + 1 == hand.size
            )
            self._found = missing, frozenset(entries)
        if not self._is_certain(missing, None):
            return 0
        self._all_arrived()
        return missing

    def _missing(self, status: Status, box: SendWindow) -> int | None:
        """How many answers are missing by the buffers of a report; None if that cannot be told."""
        if status.buffers is None or self._rx_bytes is None or status.state != "Run" or status.buffers[0]:
            return None
        waiting = self._rx_bytes - status.buffers[1]
        left = box.pending_bytes
        for count, sent in enumerate(box.pending):
            left -= sent.size
            if left <= waiting:
                return count if left == waiting > 0 else None
        return None

    def _all_arrived(self) -> None:
        """Every line that was sent has arrived."""
        self._suspects.clear()
        self._too_many = False
        self._traces = 0
        self._told = self._found = None

    def judge(self, status: Status, place: Point | None, box: SendWindow) -> Verdict:
        """What became of the lines under way, of a machine that has stood idle for a while.

        Args:
            status: its last report.
            place: where it stands by it, in words of the controller; None if that is not known.
            box: what is under way.
        """
        last = self._last
        if place is None or last is None or self._reader.trouble or _may_have_restarted(status):
            return Verdict.UNKNOWN
        if box.window.lines == 1:
            return self._of_one(last, place, box)
        if last.entry != box.next - 1 or not self._near(place, last.end):
            return Verdict.UNKNOWN
        return Verdict.TAKEN if self._is_certain(len(box.pending), place) else Verdict.UNKNOWN

    def _of_one(self, last: _Suspect, place: Point, box: SendWindow) -> Verdict:
        """The verdict where one line was under way."""
        if len(box.pending) != 1 or last.entry != box.pending[0].index:
            return Verdict.UNKNOWN
        begins, ends = self._near(place, last.step.points[0]), self._near(place, last.end)
        if ends and (self._traces or not begins):
            return Verdict.TAKEN
        if begins and last.is_repeatable and (not ends or not last.step.moves or last.is_straight):
            entry, times = self._sent_again
            return Verdict.UNKNOWN if entry == last.entry and times >= MOST_RESENDS else Verdict.NOT_TAKEN
        return Verdict.UNKNOWN

    def _is_certain(self, missing: int, place: Point | None) -> bool:
        """Whether nothing is missing of what was drawn, whichever of the suspects never arrived.

        Args:
            missing: how many at most.
            place: where the tool stands after all lines; None while it moves.
        """
        if self._traces >= missing:
            return True
        lines = list(self._suspects)
        among = None if self._found is None or self._found[0] != missing else self._found[1]
        if among is not None:
            last = max(among, default=-1) + _MOST_BEHIND
            lines = [s for s in lines if s.entry <= last]
            place = place if len(lines) == len(self._suspects) else None
        known = all(math.isfinite(v) for s in lines for p in s.step.points for v in self._flat(p))
        if self._too_many or self._reader.trouble or not known:
            return False
        for count in range(1, min(missing, len(lines)) + 1):
            for begin in range(len(lines) - count + 1):
                run = lines[begin : begin + count]
                suspected = among is None or all(s.entry in among for s in run)
                if suspected and not self._is_harmless(run, lines[begin + count :], place):
                    return False
        return True

    def _is_harmless(self, run: Sequence[_Suspect], after: Sequence[_Suspect], place: Point | None) -> bool:
        """Whether the tool would stand elsewhere without a run of lines, or draws the same all the same."""
        if all(s.rests for s in run):
            return True
        if after and not all(s.only_moves for s in run):
            return False
        at = run[0].step.points[0]
        way, detour = [at, *(s.end for s in run)], [at]
        for s in after:
            if s.rests:
                continue
            told = {w[0] for w in s.line.words}
            if not (s.is_straight and s.only_moves):
                return False  # an arc from elsewhere, or a word in between
            at = _moved(at, s.end, told)
            way.append(s.end)
            detour.append(at)
            if at == s.end:
                break
        else:
            if place is None:
                return False
            if not self._near(place, at):
                return True
        plain = all(s.may_be_left_out for s in run)
        return plain and self._follows(way, detour) and self._follows(detour, way)

    def _follows(self, points: Sequence[Point], way: Sequence[Point]) -> bool:
        flat = tuple(map(self._flat, way))
        return all(share_at(flat, self._flat(p), self._slack) is not None for p in points)

    def _near(self, a: Point, b: Point) -> bool:
        return share_at((self._flat(b),), self._flat(a), self._slack) is not None

    def _flat(self, p: Point) -> Point:
        """A report does not tell where a servo is."""
        return (p[0], p[1], 0.0) if self._servo else p

    def _only_pen(self, step: ToolpathStep) -> bool:
        begin, end = step.points[0], step.points[-1]
        return begin[:2] == end[:2] and begin[2] != end[2]


def _moved(at: Point, goal: Point, told: set[str]) -> Point:
    """Where a line leads from a place, that tells only some axes of its goal."""
    x, y, z = (g if axis in told else a for axis, a, g in zip(_AXES, at, goal, strict=True))
    return x, y, z


def _may_have_restarted(status: Status) -> bool:
    """Whether its counters are those of a machine that was just switched on."""
    place = status.machine_mm or status.work_mm or ()
    return all(abs(v) <= _ZERO_MM for v in place[:3])


def traces(text: str) -> int:
    """How many answers ``ok`` a line surely was that is not understood, before it was damaged.

    No error is as short, and none ends so.
    """
    text = text.strip()
    if _OKS.fullmatch(text):
        return text.count("ok")
    if text.startswith("ok<") or text.endswith("ok") or text in ("o", "k"):
        return 1
    if len(text) != 2:
        return 0
    flips = sum((ord(a) ^ ord(b)).bit_count() for a, b in zip(text, "ok", strict=True))
    return int(flips <= _MOST_FLIPS)
