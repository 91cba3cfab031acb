"""Kinematics: from machine millimetres to the joints of the mechanism and back.

    kinematics = kinematics_of(machine)
    joints = kinematics.inverse(xy_mm)      # degrees of an arm, mm of a gantry or of cables
    rates = kinematics.jacobian(xy_mm)      # (N, 2, 2): how fast the joints turn for a moving tool

``base.py`` says what a mechanism is; each mechanism is a module of its own, a frozen
dataclass of plain numbers with closed-form equations. ``joint_moves`` turns programs into
joint moves for controllers that know no mechanism.
"""

from __future__ import annotations

from firmware_bridge.kinematics.base import Mechanism
from firmware_bridge.kinematics.cartesian import Cartesian, CoreXY
from firmware_bridge.kinematics.fivebar import FiveBar
from firmware_bridge.kinematics.kinematics import Kinematics
from firmware_bridge.kinematics.mechanisms import MECHANISMS, read_mechanism, write_mechanism
from firmware_bridge.kinematics.polargraph import Polargraph
from firmware_bridge.kinematics.scara import Scara

__all__ = [
    "MECHANISMS",
    "Cartesian",
    "CoreXY",
    "FiveBar",
    "Kinematics",
    "Mechanism",
    "Polargraph",
    "Scara",
    "read_mechanism",
    "write_mechanism",
]
