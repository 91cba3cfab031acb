"""Virtual controllers: the same bytes, the same planner, the same limits as the real ones.

``simulate_lines`` runs lines in process and returns what the tool did; ``virtual_controller``
is the controller itself, by name; ``serve_pty`` and ``serve_tcp`` put it behind a port.
"""

from __future__ import annotations

from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.marlin import VirtualMarlin
from firmware_bridge.simulator.recording import Recording
from firmware_bridge.simulator.registry import CONTROLLERS, virtual_controller
from firmware_bridge.simulator.run import simulate_lines, simulate_pieces
from firmware_bridge.simulator.serve import FreeRunning, RealTime, serve_pty, serve_tcp
from firmware_bridge.simulator.uarm import VirtualUarm
from firmware_bridge.simulator.virtual import VirtualController

__all__ = [
    "CONTROLLERS",
    "FreeRunning",
    "RealTime",
    "Recording",
    "VirtualController",
    "VirtualGrbl",
    "VirtualMarlin",
    "VirtualUarm",
    "serve_pty",
    "serve_tcp",
    "simulate_lines",
    "simulate_pieces",
    "virtual_controller",
]
