"""How long a stream waits: every wait is bounded by signs of life.

Nouns:
    sign of life  a byte that was heard, an answer, a moving position, a word that it is busy
    silence       nothing is heard, though the machine is asked
    standstill    something is heard, but no answer comes and nothing moves: an answer was lost
    hold          the machine rightly does nothing, until somebody lets it go on
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from firmware_bridge.dialects.base import Realtime, Status
from firmware_bridge.errors import ResponseTimeout
from firmware_bridge.events import Notice
from firmware_bridge.gcode.words import dwell_s, file_line
from firmware_bridge.stream.link import BUSY_LIMIT_S, Link
from firmware_bridge.stream.send_window import SendWindow

# No byte at all for so long, despite status requests, means that nobody is there.
SILENCE_S = 5.0
# A machine that does not say when it is busy may be silent for one long move.
LONG_SILENCE_S = 60.0
# Idle or moving nowhere for so long without an answer: the answer is lost.
NO_PROGRESS_S = 10.0
# A machine that tells for so long that it is idle has no line left, whatever answer is missing.
IDLE_S = 1.5
# States in which the machine rightly does nothing until somebody resumes it; Tool is grblHAL's tool change.
WAITING_STATES = ("Hold", "Door", "Tool")


class Watchdog:
    """The signs of life of one stream, and when they have failed for too long."""

    def __init__(self, link: Link, send_window: SendWindow, held: Callable[[], bool]) -> None:
        """Prepares.

        Args:
            link: the conversation.
            send_window: what is under way.
            held: whether somebody here wants the machine to hold.
        """
        manners = link.dialect.manners
        self._link = link
        self._held = held
        self._asks_again = manners.asks_again
        self._polled = manners.answers_while_moving and link.hears(Realtime.STATUS)
        self._send_window = send_window
        self._idle_word = False
        self._heard_s = 0.0
        self._moved_s = 0.0
        self._answered_s = 0.0
        self._stood_until_s = 0.0
        self._place: tuple[float, ...] | None = None
        self._held_s: float | None = None
        self._idle_s: float | None = None

    def begin(self) -> None:
        """Nothing is awaited up to now."""
        self._heard_s = self._moved_s = self._answered_s = self._link.now_s()

    def heard(self, idle_word: bool = False) -> None:
        """Something was heard; a word that it is idle is a sign of life, but not one to be patient for."""
        self._idle_word = idle_word
        if not idle_word:
            self._heard_s = self._link.now_s()

    def asked(self) -> None:
        """A probe was sent: the wait for its answer begins."""
        self._heard_s = self._link.now_s()

    def busy(self) -> None:
        """The machine says that it works."""
        self._moved_s = self._link.now_s()

    def answered(self) -> None:
        """An answer has come, or a request that stands for one."""
        self._moved_s = self._answered_s = self._link.now_s()
        self._idle_s = None

    def reported(self, status: Status) -> None:
        """The machine told its state and place.

        Raises:
            ResponseTimeout: if it has held by itself for too long.
        """
        now = self._stood_until_s = self._link.now_s()
        place = self._link.state.raw_place_mm
        if status.state in WAITING_STATES or place != self._place:
            self._place = place
            self._moved_s = now
        self._watch_hold(status, now)
        if status.state != "Idle" or not self._send_window.pending:
            self._idle_s = None
        elif self._idle_s is None:
            self._idle_s = now

    def idle(self, wait_s: float = IDLE_S) -> bool:
        """Whether it told all through a wait that it is idle, though an answer is missing."""
        if self._idle_s is None:
            return False
        return self._stood_until_s - self._idle_s > wait_s + self.dwelling_s()

    def lost_answer(self) -> NoReturn:
        """Ends a wait for an answer that was lost.

        Raises:
            ResponseTimeout: always.
        """
        self._lost_answer()

    def dwelling_s(self) -> float:
        """Time that the pending lines make the machine wait by themselves."""
        box, words = self._send_window, self._link.dialect.words
        return sum(dwell_s(box.text(sent.index), words.dwell_units_s) or 0.0 for sent in box.pending)

    def silent_s(self, probing: bool) -> float | None:
        """The bound of silence, if it is over; None while there is hope.

        Args:
            probing: whether the machine was asked which line it wants.

        Raises:
            ResponseTimeout: if an answer was lost.
        """
        now, pending = self._link.now_s(), self._send_window.pending
        if not (pending or self._polled or probing):
            self.begin()  # nothing is awaited
            return None
        bound = SILENCE_S
        if not (self._polled or self._link.state.facts.keepalive or probing or self._idle_word):
            bound += LONG_SILENCE_S
        if self._over(now - self._heard_s, bound, not self._polled):
            return bound
        held = self._link.state.label.startswith(WAITING_STATES)
        if pending and self._over(now - self._answered_s, BUSY_LIMIT_S) and not held:
            self._lost_answer()
        # What counts is the time up to which something was heard: a silent machine may be moving.
        stood_s = (now if self._polled else self._stood_until_s) - self._moved_s
        # Where lines are numbered, a probe finds what was lost.
        if not self._asks_again and pending and self._over(stood_s, NO_PROGRESS_S):
            self._lost_answer()
        return None

    def _over(self, waited_s: float, bound_s: float, dwells: bool = True) -> bool:
        """Whether a wait is too long, the time that the machine was told to rest left out."""
        return waited_s > bound_s and (not dwells or waited_s > bound_s + self.dwelling_s())

    def _watch_hold(self, status: Status, now: float) -> None:
        """Bounds a hold that nobody here asked for: a button, an open door, or noise on the wire."""
        if status.state not in WAITING_STATES or self._held():
            self._held_s = None
        elif self._held_s is None:
            self._held_s = now
            cure = "finish its tool change" if status.state == "Tool" else "close its door, and resume it"
            self._link.tell(Notice(f"The machine holds ({status.label}) by itself: {cure}."))
        elif now - self._held_s > BUSY_LIMIT_S:
            raise ResponseTimeout(
                f"The machine held for {BUSY_LIMIT_S:.0f} s ({status.label}) by itself: find why and redraw."
            )

    def _lost_answer(self) -> NoReturn:
        box = self._send_window
        entry = box.pending[0].index
        number = file_line(box.text(entry), box.line_of(entry))
        raise ResponseTimeout(
            f"Line {number} was never answered though the machine stands still: "
            "an answer was lost on the way; check the cable and send again."
        )
