"""The hidden truth about a pen: which line it leaves at a pen value and a speed.

Symbols:
    p        pressure (value - touch) / (full - touch), 0 at the true touch point; at most p_s
    v        speed, mm/s
    w        line width   w = w_0 + (w_1 - w_0) p^g + sqrt(b / (v + v_0))
    d        darkness     d = d_1 (1 - exp(-q)),   q = k p'^m (v_r / (v + v_0))^n
    r        radius of the blot where the pen rests for t:  r^2 = (w/2)^2 + B t

p' is p, kept above a tenth, since a pen that touches at all leaves some ink. The pen holder
adds play (the tip follows the axis only beyond a dead band) and lag (first order).

Sources: resting blots grow with the square root of time, and lines get thinner with speed:
J. Kim et al., "Hydrodynamics of writing with ink", PRL 107, 264501 (2011). The exponents
differ from pen to pen; the values in use are assumptions, which is why pens are measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Speed added so that nothing is infinite at rest, and speed at which q is k.
_STILL_MM_S = 2.0
_REFERENCE_MM_S = 20.0
_LEAST_INK_PRESSURE = 0.1


@dataclass(frozen=True)
class TruePen:
    """One pen in its holder.

    Attributes:
        touch: pen value at which it touches.
        full: pen value of pressure 1.
        thinnest_mm: w_0. widest_mm: w_1. exponent: g.
        saturation: p_s, the pressure beyond which nothing changes.
        bleed_mm2_mm_s: b, mm^2 times mm/s.
        darkest: d_1. ink: k. ink_pressure: m. ink_speed: n.
        play: width of the dead band, pen units.
        lag_s: time constant of the pen's motion.
        blot_mm2_s: B.
        noise: standard deviation of the width along a line, as a share of it.
        line_noise: the same from line to line.
        wear_mm_per_m: growth of the width with the length drawn.
    """

    touch: float
    full: float
    thinnest_mm: float = 0.3
    widest_mm: float = 1.2
    exponent: float = 0.8
    saturation: float = 1.0
    bleed_mm2_mm_s: float = 0.0
    darkest: float = 0.95
    ink: float = 2.5
    ink_pressure: float = 0.3
    ink_speed: float = 0.0
    play: float = 0.0
    lag_s: float = 0.0
    blot_mm2_s: float = 0.0
    noise: float = 0.0
    line_noise: float = 0.0
    wear_mm_per_m: float = 0.0

    def pressure(self, value: ArrayLike) -> NDArray[np.float64]:
        """Pressures p at pen values, at most the saturation; below 0 the pen is clear of the paper."""
        p = (np.asarray(value, dtype=np.float64) - self.touch) / (self.full - self.touch)
        return np.minimum(p, self.saturation)

    def width_mm(self, value: ArrayLike, speed_mm_s: ArrayLike = _REFERENCE_MM_S) -> NDArray[np.float64]:
        """Line widths at pen values and speeds that broadcast; 0 clear of the paper."""
        p = self.pressure(value)
        solid = self.thinnest_mm + (self.widest_mm - self.thinnest_mm) * np.maximum(p, 0.0) ** self.exponent
        bleed = np.sqrt(self.bleed_mm2_mm_s / (np.asarray(speed_mm_s, dtype=np.float64) + _STILL_MM_S))
        return np.where(p < 0, 0.0, solid + bleed)

    def darkness(self, value: ArrayLike, speed_mm_s: ArrayLike = _REFERENCE_MM_S) -> NDArray[np.float64]:
        """Darkness in [0, 1] at pen values and speeds that broadcast; 0 clear of the paper."""
        p = self.pressure(value)
        slow = (_REFERENCE_MM_S + _STILL_MM_S) / (np.asarray(speed_mm_s, dtype=np.float64) + _STILL_MM_S)
        q = self.ink * np.maximum(p, _LEAST_INK_PRESSURE) ** self.ink_pressure * slow**self.ink_speed
        return np.where(p < 0, 0.0, self.darkest * -np.expm1(-q))

    def follow(self, t_s: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the tip really is, in pen units, while the axis takes these values (M,) at times (M,)."""
        tip = np.array(value, dtype=np.float64)
        if self.play > 0:
            half, here = self.play / 2, float(value[0])
            low, high = (value - half).tolist(), (value + half).tolist()
            for k in range(len(tip)):
                here = min(max(here, low[k]), high[k])
                tip[k] = here
        if self.lag_s > 0:
            share = (-np.expm1(-np.diff(t_s) / self.lag_s)).tolist()
            here = float(tip[0])
            goal = tip.tolist()
            for k, part in enumerate(share, start=1):
                here += part * (goal[k] - here)
                tip[k] = here
        return tip
