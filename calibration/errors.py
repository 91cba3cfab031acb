"""Errors of calibration, part of the tree in ``firmware_bridge.errors``."""

from __future__ import annotations

from firmware_bridge.errors import StrokebotError


class ProfileError(StrokebotError):
    """A profile is missing, or a value in it is out of bounds."""
