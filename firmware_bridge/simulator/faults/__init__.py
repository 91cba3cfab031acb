"""Faults of wires and machines, drawn from a seed, to try a driver with."""

from __future__ import annotations

from firmware_bridge.simulator.faults.base import Fault
from firmware_bridge.simulator.faults.registry import KINDS, fault

__all__ = ["KINDS", "Fault", "fault"]
