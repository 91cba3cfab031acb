"""The speed of a drawing under way, in percent of what is planned.

Nouns:
    override  GRBL changes the speed of what it draws now, by single bytes that act at once
    feed      other firmware is given other F words in the lines that are not sent yet; what it has
              taken is drawn as it was

Marlin's own M220 waits in its queue as any line, so it acts no sooner, and it outlives the drawing;
a uArm has nothing of the kind. GRBL keeps one flag for each byte until its main loop looks, so two
equal bytes at once count as one: they are sent one at a time, and what it reports is compared.

Source: GRBL 1.1 interface documentation, realtime overrides.
"""

from __future__ import annotations

from firmware_bridge.dialects.base import Realtime, Status
from firmware_bridge.dialects.numbers import decimal, feed_word
from firmware_bridge.gcode.pen_words import may_move
from firmware_bridge.gcode.reader import ToolpathReader
from firmware_bridge.gcode.words import Line
from firmware_bridge.stream.link import Link

SLOWEST, FASTEST, STEP = 10, 200, 10
# GRBL looks at its flags between segments, which it prepares for 10 ms each.
_BYTE_EVERY_S = 0.05
# A report that was under way when the last byte was sent says nothing of it.
_REPORT_AFTER_S = 0.3
# Travels: the pen is up, so they are slowed down only where a drawing is slowed down a lot.
_RAPIDS = ((25, Realtime.RAPID_25), (50, Realtime.RAPID_50), (100, Realtime.RAPID_100))


class FeedOverride:
    """The speed that is wanted, and how the machine comes to know it.

    Attributes:
        percent: wanted.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self.at_once = link.hears(Realtime.FEED_RESET)
        self._range = link.dialect.words.feed_range
        self.percent = 100
        self._feed = self._rapid = 100  # what the machine has been told
        self._sent_s = -1.0

    def set(self, percent: int) -> None:
        """Wants another speed, within what GRBL allows."""
        self.percent = min(max(percent, SLOWEST), FASTEST)

    # -- at once ---------------------------------------------------------------------------------

    def tend(self) -> None:
        """Sends the next byte that leads to the wanted speed, if it is time."""
        now = self._link.now_s()
        if not self.at_once or 0.0 <= now - self._sent_s < _BYTE_EVERY_S:
            return
        what = self._next()
        if what is not None:
            self._sent_s = now
            self._link.send_realtime(what)

    def reported(self, status: Status) -> None:
        """Takes over what the machine says that its overrides are."""
        told = status.fields.get("Ov")
        if not self.at_once or told is None or self._link.now_s() - self._sent_s < _REPORT_AFTER_S:
            return
        numbers = told.split(",")
        if len(numbers) == 3 and all(n.isdigit() for n in numbers):
            self._feed, self._rapid = int(numbers[0]), int(numbers[1])

    def forgotten(self) -> None:
        """A reset has put the machine back to what is planned."""
        self._feed = self._rapid = 100

    def finish(self) -> None:
        """Puts the machine back to what is planned, for whoever comes next."""
        if self.at_once and (self._feed, self._rapid) != (100, 100):
            self._link.send_realtime(Realtime.FEED_RESET)
            self._link.send_realtime(Realtime.RAPID_100)
            self.forgotten()

    def _next(self) -> Realtime | None:
        level, rapid = next((r for r in _RAPIDS if self.percent <= r[0]), _RAPIDS[-1])
        off = self.percent - self._feed
        if off and self.percent == 100:
            self._feed = 100
            return Realtime.FEED_RESET
        for least, what in (
            (10, Realtime.FEED_UP_10),
            (1, Realtime.FEED_UP_1),
            (-10, Realtime.FEED_DOWN_10),
            (-1, Realtime.FEED_DOWN_1),
        ):
            if off * least > 0 and abs(off) >= abs(least):
                self._feed += least
                return what
        if self._rapid != level:
            self._rapid = level
            return rapid
        return None

    # -- by the lines ----------------------------------------------------------------------------

    def shaped(self, line: Line, reader: ToolpathReader) -> Line:
        """A line with the feed that is wanted now; a pure function until ``sent``."""
        if self.at_once or (self.percent == 100 and self._feed == 100):
            return line
        at = _feed_at(line)
        if at >= 0:
            feed = self._clipped(line.words[at].number * self.percent / 100)
            return line.replaced(at, decimal(feed, 1))
        moves = line.first("XYZ") >= 0 and may_move(line)
        if self.percent == self._feed or not moves or reader.feed_per_s <= 0.0:
            return line
        planned = reader.feed_per_s * 100 / self._feed
        return line.with_word("F", feed_word(planned * self.percent / 100))

    def sent(self, line: Line) -> None:
        """This line went out; whatever has an F word tells the machine the speed."""
        if not self.at_once and _feed_at(line) >= 0:
            self._feed = self.percent

    def _clipped(self, feed: float) -> float:
        low, high = self._range
        return min(max(feed, low), high)


def _feed_at(line: Line) -> int:
    """Index of the word that tells a feed; -1 if none does."""
    at = line.first("F")
    return at if at >= 0 and line.words[at].number > 0.0 and may_move(line) else -1
