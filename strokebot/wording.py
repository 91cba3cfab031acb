"""Numbers and names as a person reads them: times in minutes, lengths in metres, counts with their noun."""

from __future__ import annotations

_MINUTE_S = 60.0
_HOUR_S = 3600.0
_METRE_MM = 1000.0


def duration_text(seconds: float) -> str:
    """A time: ``10.6 s``, ``4 min 20 s``, ``1 h 05 min``."""
    if round(seconds, 1) < _MINUTE_S:
        return f"{seconds:.1f} s"
    if round(seconds) < _HOUR_S:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(round(seconds / _MINUTE_S), 60)
    return f"{hours} h {minutes:02} min"


def length_text(millimetres: float) -> str:
    """A length: ``216 mm``, ``12.4 m``."""
    if round(millimetres) < _METRE_MM:
        return f"{millimetres:.0f} mm"
    return f"{millimetres / _METRE_MM:.1f} m"


def count_text(number: int, noun: str) -> str:
    """A count with its noun: ``1 lift``, ``4 lifts``, ``315,000 lines``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def printable(name: str) -> str:
    """A file's name as valid text: bytes that are no UTF-8 become a replacement sign."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
