"""Lines that are asked for again, where they are numbered.

Nouns:
    resend  the machine asks to hear again from an entry on, since one came damaged
    probe   an entry whose number is too high on purpose: the machine refuses it and names the one
            that it wants next, which is how far it has come
    quiet   the time after a resend in which nothing is sent, since every line that was under way
            makes the machine ask again
"""

from __future__ import annotations

from firmware_bridge.dialects.base import ONE_LINE
from firmware_bridge.errors import DeviceReset, ProtocolError
from firmware_bridge.stream.link import MOST_RESENDS, QUIET_S, Link
from firmware_bridge.stream.send_window import SendWindow

# How far the number of a probe lies beyond the last entry.
_EARLY = 1000
# A probe may be damaged on the way, as any line.
MOST_PROBES = 3


class Retransmission:
    """What the machine asks for again in one stream, and what it is asked.

    Attributes:
        count: how often lines were sent again.
        quiet_until_s: nothing may be sent before.
        probing: whether a probe is under way.
        complete: whether the machine said that it has every line.
    """

    def __init__(self, link: Link, base: int, send_window: SendWindow) -> None:
        self._link = link
        self._base = base
        self._send_window = send_window
        self.count = 0
        self.quiet_until_s = 0.0
        self.probing = False
        self.complete = False
        self._index = -1
        self._times = 0
        self._just_asked = False
        self._placed = False
        self._probes = 0

    def probe(self) -> None:
        """Asks the machine which entry it wants next."""
        self.probing = True
        early = self._base + self._send_window.entries + _EARLY
        self._link.send_framed(early, self._link.dialect.commands["status"])

    def may_probe(self) -> bool:
        """Whether another probe is worth sending, now that nothing is heard."""
        if self._probes >= MOST_PROBES:
            return False
        self._probes += 1
        return True

    def swallows_ok(self) -> bool:
        """Whether an answer that comes now belongs to a request to send again; asked once for each reply."""
        just, self._just_asked = self._just_asked, False
        return just and self._link.state.facts.ok_after_resend

    def other_reply(self) -> None:
        """Something else than an answer came after a request."""
        self._just_asked = False

    def wire_was_quiet(self) -> None:
        """The answer to a request will not come any more."""
        self._just_asked = False

    def placed(self) -> None:
        """A report of place came: that of the probe, unless one was asked for between the lines."""
        self._placed = self.probing and not any(sent.aside for sent in self._send_window.pending)

    def probe_answered(self) -> bool:
        """Whether an answer is that to a probe, by a machine that does not count lines."""
        placed, self._placed = self._placed, False
        if placed:
            self._take_probe(self._send_window.next)
        return placed

    def answered(self) -> None:
        """A line was answered: there is hope again."""
        self._probes = 0

    def asked(self, index: int) -> None:
        """The machine wants to hear again from an entry on.

        Raises:
            ProtocolError: if there is no such entry, or it never arrives whole.
        """
        self._just_asked = True
        box = self._send_window
        if index < 0 and index + self._base == 1:
            raise DeviceReset(
                "The machine counts its lines from 1 again: it has restarted without a word; check its power "
                "supply and USB cable."
            )
        if not 0 <= index <= box.sent:
            raise ProtocolError(
                f"The machine asks for line number {index + self._base}, which this drawing does not have: "
                "reset it and draw again."
            )
        if self.probing:
            self._take_probe(index)
            return
        now = self._link.now_s()
        again = now < self.quiet_until_s and index == self._index
        if not again:  # otherwise a line that was under way already
            self.count += 1
            self._times = self._times + 1 if index == self._index else 1
            self._index = index
            if self._times > MOST_RESENDS:
                raise ProtocolError(
                    f"Line {box.line_of(index) + 1} arrives damaged each time: "
                    "check the cable and the baud rate."
                )
        box.rewind(index)
        if box.window == ONE_LINE:  # it took the one line under way, and said so in this way
            box.all_answered()
        self.quiet_until_s = now + QUIET_S

    def _take_probe(self, index: int) -> None:
        """The machine wants this entry next, so it has all before it."""
        self.probing = False
        self._probes = 0
        if index < self._send_window.next:
            self.count += 1
        self._send_window.rewind(index)
        self._send_window.all_answered()
        self.complete = self._send_window.done()
        self.quiet_until_s = self._link.now_s() + QUIET_S
