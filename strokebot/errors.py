"""Errors of the drawing side, part of the tree in ``firmware_bridge.errors``."""

from __future__ import annotations

from firmware_bridge.errors import StrokebotError

__all__ = [
    "EXIT_INTERRUPTED",
    "ConfigError",
    "DataError",
    "GestureError",
    "ImageError",
    "PlacementError",
    "PlanningStopped",
    "ShapeError",
    "StrokebotError",
    "TrajectoryError",
    "WeightsError",
]

EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count


class ImageError(StrokebotError):
    """A picture cannot be read, or has nothing to draw."""


class GestureError(StrokebotError):
    """A gesture is not valid (shape, range, file)."""


class PlacementError(StrokebotError):
    """A drawing does not fit where it was asked to be."""


class PlanningStopped(StrokebotError):
    """The planning of a drawing was stopped before its end; no machine has moved."""


class TrajectoryError(StrokebotError):
    """A path or a trajectory is not valid, or cannot be timed."""


class ShapeError(StrokebotError, ValueError):
    """A tensor does not have the shape that a pen or a network takes."""


class WeightsError(StrokebotError):
    """A weights file is missing, damaged, or not what its card says."""


class DataError(StrokebotError):
    """Training data is missing, damaged, or in another format."""


class ConfigError(StrokebotError):
    """A configuration file has a missing, unknown or impossible value."""
