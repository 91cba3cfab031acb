"""A virtual Marlin 2 board."""

from __future__ import annotations

from firmware_bridge.simulator.marlin.controller import VirtualMarlin

__all__ = ["VirtualMarlin"]
