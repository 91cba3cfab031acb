"""What the machine and the pen allow along a curve, as rows and caps for ``topp``.

Nouns:
    axis       x or y of the machine, or the pen axis
    row        limit on an acceleration: |c u + d x| <= l, with x = (ds/dt)^2, u = d2s/dt2
    cap        limit on a speed: x <= cap

Symbols, for a curve q(s) in the machine's frame, q' and q'' by s:
    axis speed          |q'| sqrt(x) <= v_max                    ->  x <= (v_max / |q'|)^2
    axis acceleration   |q' u + q'' x| <= a_max                  ->  c = q', d = q''
    drawing speed       |(q_x', q_y')| sqrt(x) <= v_draw         ->  a cap
    path acceleration   the vector (|q'| u + tau x, nu x) has a length of at most a_draw;
                        tau = q'.q'' / |q'|, nu = |q' x q''| / |q'| (the centripetal part)

The path acceleration's circle becomes a polygon of 16 sides inside it (rows must be
linear); it costs at most two in a hundred of the acceleration. The centripetal part is
in every row through q''. Travel knows no pen rows: the pen axis stands still there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.trajectory.spline import Derivatives

# Directions of the polygon's rows; each row limits both ways, so 8 make 16 sides.
_POLYGON_ANGLES = np.arange(8) * np.pi / 8
_POLYGON_SHRINK = np.cos(np.pi / 16)
_LEAST = 1e-12


class Limits:
    """Limits of one profile.

    Attributes:
        limit: (J,) right-hand sides l, all above 0.
        scale: (3,) factors that make x, y and the pen axis comparable, by their reserves.
    """

    def __init__(self, profile: Profile) -> None:
        machine, pen = profile.machine, profile.pen
        self._axis_speed = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
        self._draw_speed = pen.draw_speed_mm_s
        axes = [*machine.max_acceleration_mm_s2, machine.pen_max_acceleration]
        self._polygon = pen.draw_acceleration_mm_s2 is not None
        if pen.draw_acceleration_mm_s2 is not None:
            axes += [pen.draw_acceleration_mm_s2 * _POLYGON_SHRINK] * len(_POLYGON_ANGLES)
        self.limit = np.array(axes)
        # The axis with the least reserve, of acceleration or of speed, counts most.
        by_acceleration = self.limit[:2].max() / self.limit[:3]
        by_speed = min(self._draw_speed, *machine.max_speed_mm_s) / self._axis_speed
        self.scale = np.maximum(by_acceleration, by_speed)

    def rows(
        self, curve: Derivatives, drawn: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The rows c and d, each (K, J), at points of the curve.

        Args:
            curve: derivatives at K points, columns machine x, machine y, pen value.
            drawn: (K,) whether the pen draws there.
        """
        mask = drawn[:, None]
        c, d = curve.first.copy(), curve.second.copy()
        c[:, 2:] *= mask
        d[:, 2:] *= mask
        if not self._polygon:
            return c, d
        q, b = curve.first[:, :2], curve.second[:, :2]
        speed = np.maximum(np.linalg.norm(q, axis=1), _LEAST)
        tau = (q * b).sum(axis=1) / speed
        nu = np.abs(q[:, 0] * b[:, 1] - q[:, 1] * b[:, 0]) / speed
        cos, sin = np.cos(_POLYGON_ANGLES), np.sin(_POLYGON_ANGLES)
        circle_c = speed[:, None] * cos * mask
        circle_d = (tau[:, None] * cos + nu[:, None] * sin) * mask
        return np.concatenate([c, circle_c], axis=1), np.concatenate([d, circle_d], axis=1)

    def cap(self, curve: Derivatives, drawn: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Greatest x (K,) that the speeds allow at points of the curve."""
        rate = np.abs(curve.first)
        rate[:, 2] *= drawn
        by_axis = (self._axis_speed / np.maximum(rate, _LEAST)).min(axis=1)
        speed = np.maximum(np.linalg.norm(curve.first[:, :2], axis=1), _LEAST)
        by_pen = np.where(drawn, self._draw_speed / speed, np.inf)
        return np.asarray(np.minimum(by_axis, by_pen) ** 2)
