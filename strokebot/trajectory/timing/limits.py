"""What the machine and the pen allow along a curve, as rows and caps for ``topp``.

Nouns:
    axis       x or y of the machine, the pen axis, or a joint of an arm
    row        limit on an acceleration: |c u + d x| <= l, with x = (ds/dt)^2, u = d2s/dt2
    cap        limit on a speed: x <= cap

Symbols, for a curve q(s) in the machine's frame, q' and q'' by s; p(s) its joints, J = dp/dq:
    axis speed          |q'| sqrt(x) <= v_max                    ->  x <= (v_max / |q'|)^2
    axis acceleration   |q' u + q'' x| <= a_max                  ->  c = q', d = q''
    joints              the same of p' = J q' and p'' = J q'' + (dJ/ds) q'
    drawing speed       |(q_x', q_y')| sqrt(x) <= v_draw         ->  a cap
    path acceleration   the vector (|q'| u + tau x, nu x) has a length of at most a_draw;
                        tau = q'.q'' / |q'|, nu = |q' x q''| / |q'| (the centripetal part)

dJ/ds is the difference of J a little before and after the point on the tangent; its error
grows with the square of that way and is far under a millionth of an arm's length. Where
an arm is stretched out J grows beyond all bounds, and the rows slow the pen down.

The path acceleration's circle becomes a polygon of 16 sides inside it (rows must be
linear); it costs at most two in a hundred of the acceleration. The centripetal part is
in every row through q''. Travel knows no pen rows: the pen axis stands still there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge.machine import kinematics_of
from strokebot.trajectory.timing.spline import Derivatives

# Directions of the polygon's rows; each row limits both ways, so 8 make 16 sides.
_POLYGON_ANGLES = np.arange(8) * np.pi / 8
_POLYGON_SHRINK = np.cos(np.pi / 16)
# Way on the tangent over which the change of the Jacobian is measured, mm.
_JACOBIAN_STEP_MM = 1e-3
_LEAST = 1e-12

Rows = tuple[NDArray[np.float64], NDArray[np.float64]]


class MotionLimits:
    """Limits of one profile.

    Attributes:
        limit: (J,) right-hand sides l, all above 0.
        scale: (3,) factors that make x, y and the pen axis comparable, by their reserves.
        joint_acceleration: greatest acceleration of each joint, or None without joint limits.

    Raises:
        ReachError: by ``rows``, ``cap`` and ``joint_rates``, where an arm cannot reach a point.
    """

    def __init__(self, profile: Profile) -> None:
        machine, pen = profile.machine, profile.pen
        self._axis_speed = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
        self._draw_speed = pen.draw_speed_mm_s
        self._joint_speed = machine.joint_max_speed
        self.joint_acceleration = machine.joint_max_acceleration
        self._joint_rows = self.joint_acceleration is not None
        has_joints = self._joint_rows or self._joint_speed is not None
        self._kinematics = kinematics_of(machine) if has_joints else None
        axes = [*machine.max_acceleration_mm_s2, machine.pen_max_acceleration]
        self._polygon = pen.draw_acceleration_mm_s2 is not None
        if pen.draw_acceleration_mm_s2 is not None:
            axes += [pen.draw_acceleration_mm_s2 * _POLYGON_SHRINK] * len(_POLYGON_ANGLES)
        if self.joint_acceleration is not None:
            axes += self.joint_acceleration
        self.limit = np.array(axes)
        # The axis with the least reserve, of acceleration or of speed, counts most.
        by_acceleration = self.limit[:2].max() / self.limit[:3]
        by_speed = min(self._draw_speed, *machine.max_speed_mm_s) / self._axis_speed
        self.scale = np.maximum(by_acceleration, by_speed)

    def rows(self, curve: Derivatives, drawn: NDArray[np.bool_]) -> Rows:
        """The rows c and d, each (J, K), at points of the curve.

        Args:
            curve: derivatives at K points, columns machine x, machine y, pen value.
            drawn: (K,) whether the pen draws there.
        """
        c = [curve.first[:, 0], curve.first[:, 1], curve.first[:, 2] * drawn]
        d = [curve.second[:, 0], curve.second[:, 1], curve.second[:, 2] * drawn]
        if self._polygon:
            (qx, qy), (bx, by) = curve.first.T[:2], curve.second.T[:2]
            speed = np.maximum(np.hypot(qx, qy), _LEAST)
            tau = (qx * bx + qy * by) / speed * drawn
            nu = np.abs(qx * by - qy * bx) / speed * drawn
            cos, sin = np.cos(_POLYGON_ANGLES).tolist(), np.sin(_POLYGON_ANGLES).tolist()
            c += [speed * drawn * part for part in cos]
            d += [tau * part + nu * other for part, other in zip(cos, sin, strict=True)]
        if self._joint_rows:
            first, second = self._joints(curve)
            c += list(first.T)
            d += list(second.T)
        return np.stack(c), np.stack(d)

    def cap(self, curve: Derivatives, drawn: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Greatest x (K,) that the speeds allow at points of the curve."""
        qx, qy, pen = curve.first.T
        vx, vy, v_pen = self._axis_speed.tolist()
        slowness = np.maximum(np.abs(qx) / vx, np.abs(qy) / vy)
        np.maximum(slowness, np.abs(pen) * drawn / v_pen, out=slowness)
        np.maximum(slowness, np.hypot(qx, qy) * drawn / self._draw_speed, out=slowness)
        if self._joint_speed is not None:
            rate = np.abs(self.joint_rates(curve.position, curve.first)) / self._joint_speed
            np.maximum(slowness, rate.max(axis=1), out=slowness)
        return np.asarray(1.0 / np.maximum(slowness, _LEAST) ** 2)

    def joint_rates(self, position: NDArray[np.float64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rates of the joints (K, 2) for rates (K, >=2) of x and y at positions (K, >=2)."""
        if self._kinematics is None:
            return np.zeros((len(position), 2))
        return _product(self._kinematics.jacobian(position[:, :2]), rate)

    def _joints(self, curve: Derivatives) -> Rows:
        """First and second derivative of the joints by s, each (K, 2)."""
        if self._kinematics is None:
            return np.zeros((len(curve.first), 2)), np.zeros((len(curve.first), 2))
        at, tangent = curve.position[:, :2], curve.first[:, :2]
        jacobian = self._kinematics.jacobian(at)
        # The points beside the curve may lie a thousandth of a millimetre out of reach.
        free, way = self._kinematics.mechanism, _JACOBIAN_STEP_MM * tangent
        change = (free.jacobian(at + way) - free.jacobian(at - way)) / (2 * _JACOBIAN_STEP_MM)
        return _product(jacobian, tangent), _product(jacobian, curve.second) + _product(change, tangent)


def _product(matrices: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices (K, 2, 2) times the first two columns of vectors (K, >=2), shape (K, 2)."""
    return np.asarray(np.einsum("kij,kj->ki", matrices, vectors[:, :2]))
