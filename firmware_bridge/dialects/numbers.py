"""Numbers and comments of G-code lines, as all dialects write them."""

from __future__ import annotations

from collections.abc import Sequence

SECONDS_PER_MINUTE = 60.0
# Three decimals: 1 um is finer than a motor step, and every digit costs line rate.
POSITION_DECIMALS = 3
# Feeds keep three digits: half a percent is under what anyone can see, and equal
# feeds then repeat, so that the F word drops out of most lines.
FEED_DIGITS = 3
_REALTIME_CHARS = "?!~"  # taken out of the stream even inside a comment: "!" stops the machine


def decimal(value: float, digits: int = POSITION_DECIMALS) -> str:
    """A number without needless zeros, and never ``-0``."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def axis_words(target: Sequence[float | None], now: Sequence[float | None]) -> list[str]:
    """The words of the axes x, y and z that change; a target of None stays."""
    return [
        f"{axis}{decimal(goal)}"
        for axis, goal, here in zip("XYZ", target, now, strict=True)
        if goal is not None and goal != here
    ]


def feed_word(feed_mm_s: float) -> str:
    """mm/s as a rounded mm/min text, never zero."""
    per_minute = float(f"{feed_mm_s * SECONDS_PER_MINUTE:.{FEED_DIGITS}g}")
    return decimal(max(per_minute, 10.0**-POSITION_DECIMALS))


def comment_lines(text: str, line_chars: int) -> list[str]:
    """A header text as comment lines that no realtime byte or long line can spoil."""
    clean = "".join(c if " " <= c <= "}" and c not in _REALTIME_CHARS else "_" for c in text)
    room = line_chars - len("; ")
    return [f"; {clean[i : i + room]}".rstrip() for i in range(0, max(len(clean), 1), room)]
