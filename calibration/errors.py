"""The error tree of calibration. Each message is one line: what is wrong, and what to do about it."""

from firmware_bridge.errors import StrokebotError


class CalibrationError(StrokebotError):
    """Something about pen, paper, profile or measurement is wrong."""


class ProfileError(CalibrationError):
    """A profile is missing, malformed or holds a value out of bounds."""


class ChartError(CalibrationError):
    """A test chart cannot be made, read or drawn."""


class MeasureError(CalibrationError):
    """A scan, photo or list of measurements cannot be used."""


class FitError(CalibrationError):
    """Measurements do not fit any pen or machine."""
