"""Arcs as short chords, as the firmware draws them.

Symbols (mm): r radius, phi swept angle (counterclockwise positive), tol arc tolerance ($12).
A chord of length L bulges by tol = r - sqrt(r^2 - L^2/4), so L = 2 sqrt(tol (2 r - tol));
the number of chords is floor(|phi r| / L), at least one.

Centre from a radius: the middle of the two ends, moved sideways by
h = sqrt(r^2 - d^2/4) with d the distance of the ends; a negative radius asks for the
longer way round.
"""

from __future__ import annotations

import math

from firmware_bridge.gcode.grbl_grammar import GcodeError, LineOrder

Vector = tuple[float, float, float]

# The axes of each plane, so that a counterclockwise turn goes from the first to the second.
_PLANES = {"G17": (0, 1, 2), "G18": (2, 0, 1), "G19": (1, 2, 0)}
# How far the two radii of an arc may differ: 5 um, or 0.1 % up to 0.5 mm.
_RADIUS_SLACK_MM = 0.005
_RADIUS_GREATEST_SLACK_MM = 0.5
_RADIUS_SLACK_SHARE = 0.001
# Ends closer than this angle are a full circle.
_FULL_CIRCLE_RAD = 5e-7


def chords(order: LineOrder, start: Vector, end: Vector, tolerance_mm: float) -> list[Vector]:
    """The end points of the chords of a G2 or G3, the last one being ``end``.

    Args:
        order: the checked line, with offsets or radius.
        start: where the tool stands, machine frame.
        end: the arc's end, machine frame.
        tolerance_mm: greatest bulge of the arc over a chord.

    Raises:
        GcodeError: 33 where end and centre do not fit, 34 where the radius is too small.
    """
    i, j, k = _PLANES[order.modal.plane]
    clockwise = order.modal.motion == "G2"
    x, y = end[i] - start[i], end[j] - start[j]
    if order.radius_mm is not None:
        cx, cy = _centre(x, y, order.radius_mm, clockwise)
        radius = abs(order.radius_mm)
    else:
        cx, cy = order.offsets.get("IJK"[i], 0.0), order.offsets.get("IJK"[j], 0.0)
        radius = math.hypot(cx, cy)
        slack = abs(math.hypot(x - cx, y - cy) - radius)
        if slack > _RADIUS_SLACK_MM and (
            slack > _RADIUS_GREATEST_SLACK_MM or slack > _RADIUS_SLACK_SHARE * radius
        ):
            raise GcodeError(33)
    if radius == 0.0:
        raise GcodeError(33)
    sweep = math.atan2(-cx * (y - cy) + cy * (x - cx), -cx * (x - cx) - cy * (y - cy))
    if clockwise and sweep >= -_FULL_CIRCLE_RAD:
        sweep -= 2.0 * math.pi
    elif not clockwise and sweep <= _FULL_CIRCLE_RAD:
        sweep += 2.0 * math.pi
    chord = 2.0 * math.sqrt(max(tolerance_mm * (2.0 * radius - tolerance_mm), 0.0))
    count = max(int(abs(sweep) * radius / chord), 1) if chord > 0.0 else 1
    points: list[Vector] = []
    for n in range(1, count):
        angle = sweep * n / count
        c, s = math.cos(angle), math.sin(angle)
        point = [0.0, 0.0, 0.0]
        point[i] = start[i] + cx - cx * c + cy * s
        point[j] = start[j] + cy - cx * s - cy * c
        point[k] = start[k] + (end[k] - start[k]) * n / count
        points.append((point[0], point[1], point[2]))
    return [*points, end]


def _centre(x: float, y: float, radius: float, clockwise: bool) -> tuple[float, float]:
    """Centre relative to the start, for an end at (x, y)."""
    distance = math.hypot(x, y)
    if distance == 0.0:
        raise GcodeError(33)
    side_sqr = radius * radius - 0.25 * distance * distance
    if side_sqr < 0.0:
        raise GcodeError(34)
    side = math.sqrt(side_sqr) / distance
    if clockwise != (radius < 0.0):
        side = -side
    return 0.5 * x - y * side, 0.5 * y + x * side
