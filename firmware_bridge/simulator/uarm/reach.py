"""Where a uArm Swift Pro with its pen holder can stand: legality of its joint angles.

Symbols (mm, degrees): r distance from the base axis, z height; the shoulder stands at
(13.2, 106.1); lower arm l = 142.07 to the elbow, upper arm u = 158.81 to the wrist; the
pen's tip is 69.5 in front of the wrist and 43 below it; d shoulder to wrist.

    cos(gamma) = (l^2 + u^2 - d^2) / (2 l u)                     between the arms
    theta_l    = atan2(dz, dr) + acos((l^2 + d^2 - u^2) / (2 l d))
    theta_r    = 180 - gamma - theta_l                           upper arm below the horizontal

Legal are gamma in 10 to 151, theta_l in 1 to 135.6, theta_r in 1 to 119.9, and the base
within 90 degrees to either side. At the paper this is a ring of 126 to 366 mm.

Source: the firmware's published figures (uArm-Developer/SwiftProForArduino, uarm_common.h and
uarm_coord_convert.c).
"""

from __future__ import annotations

import math

_SHOULDER_MM = (13.2, 106.1)
_LOWER_MM, _UPPER_MM = 142.07, 158.81
_PEN_FRONT_MM, _PEN_BELOW_MM = 69.5, 43.0
_BETWEEN_DEG = (10.0, 151.0)
_LOWER_DEG = (1.0, 135.6)
_UPPER_DEG = (1.0, 119.9)
_BASE_DEG = (-90.0, 90.0)


def reachable(x_mm: float, y_mm: float, z_mm: float) -> bool:
    """Whether the pen's tip can stand at a point of the arm's frame."""
    dr = math.hypot(x_mm, y_mm) - _PEN_FRONT_MM - _SHOULDER_MM[0]
    dz = z_mm + _PEN_BELOW_MM - _SHOULDER_MM[1]
    d = math.hypot(dr, dz)
    if not abs(_LOWER_MM - _UPPER_MM) < d < _LOWER_MM + _UPPER_MM:
        return False
    between = _angle_deg(_LOWER_MM, _UPPER_MM, d)
    lower = math.degrees(math.atan2(dz, dr)) + _angle_deg(_LOWER_MM, d, _UPPER_MM)
    angles = (
        (between, _BETWEEN_DEG),
        (lower, _LOWER_DEG),
        (180.0 - between - lower, _UPPER_DEG),
        (math.degrees(math.atan2(y_mm, x_mm)), _BASE_DEG),
    )
    return all(low <= angle <= high for angle, (low, high) in angles)


def _angle_deg(a: float, b: float, opposite: float) -> float:
    """Angle between two sides of a triangle."""
    return math.degrees(math.acos((a * a + b * b - opposite * opposite) / (2.0 * a * b)))
