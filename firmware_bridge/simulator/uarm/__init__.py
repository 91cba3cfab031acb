"""A virtual uArm Swift Pro."""

from __future__ import annotations

from firmware_bridge.simulator.uarm.controller import VirtualUarm

__all__ = ["VirtualUarm"]
