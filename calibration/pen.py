"""The pen's response: which value of the pen axis draws which line.

Nouns:
    pen value   what the pen axis takes: z in mm, or the S value of a servo
    up          a value that is clear of the paper
    tip         where the pen's tip is in its own axis: it follows the value late (lag) and loosely (play)
    touch       the tip's value at which the pen just draws its thinnest line
    full        the value at which it draws its widest line
    pressure    p = (value - touch) / (full - touch), 0 at touch, 1 at full
    table       measured rows (pen value, line width in mm, darkness in [0, 1])

Model: width(p) is the monotone cubic through the table, so that its inverse is
exact on the pen's range; darkness is interpolated linearly. The pen axis may count
in either direction, as long as up lies on the other side of touch than full.

A grey line carries less ink than a black one of the same width. A pen has one ink,
so a line of intensity a < 1 is drawn narrower: effective width = a * width, clamped
to the pen's range.

Ink that runs out of the pen at a rate of its own leaves a darker line the slower the pen
goes. With q = -ln(1 - darkness), the ink on the paper in units of its own opacity,

    q(p, v) = q_table(p) (v_ref / v)^n

where v_ref is the speed at which the table was measured and n the exponent: 0 for a pencil,
about 0.3 to 1 for ink (from the flow of ink into paper: Kim et al., PRL 107, 264501,
2011). For such a pen a grey line is drawn faster instead of narrower: intensity a asks for the
darkness a d_table, and ``speed_for`` is the speed that leaves it; only what the drawing speed
cannot do is left to the width. A full line is drawn at v_ref or slower.

Ink also spreads the longer the pen is over it: a line drawn at v is wider than at v_ref by

    sqrt(b) (1 / sqrt(v + v_s) - 1 / sqrt(v_ref + v_s)),    v_s = 2 mm/s

and where the pen rests for t the radius of its dot grows, r^2 = (w/2)^2 + B t (ibid.).

A holder with play lets the tip follow the axis only beyond a dead band: |value - tip| <= play / 2.
``against_play`` are the values that take a tip where it is wanted all the same; near a turn the band is
crossed while the wanted value hardly moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.curve import MonotoneCurve
from calibration.errors import ProfileError
from firmware_bridge.toml_table import Bounds, Table, check_bounds

ACTUATORS = ("z", "servo")

# A value this little short of the touch point still counts as touching, in pen units:
# pen values travel with three decimals.
TOUCH_SLACK = 1e-3
# Least difference of pen values that means anything, in pen units.
_LEAST_STROKE = 1e-3
# Least rise from one table entry to the next, in mm: under it the inverse is ill conditioned.
_LEAST_RISE_MM = 1e-4
_WIDTH_RANGE_MM = (0.01, 50.0)
_SPEED_RANGE_MM_S = (0.1, 1000.0)
BOUNDS: Bounds = {
    **dict.fromkeys(("up", "touch", "full", "values"), (-100_000.0, 100_000.0)),
    "draw_speed_mm_s": _SPEED_RANGE_MM_S,
    "draw_acceleration_mm_s2": (1.0, 50_000.0),
    "lag_s": (0.0, 1.0),
    "dwell_s": (0.0, 10.0),
    "darkness_speed_exponent": (0.0, 2.0),
    "bleed_mm2_mm_s": (0.0, 10.0),
    "blot_mm2_s": (0.0, 10.0),
    "reference_speed_mm_s": _SPEED_RANGE_MM_S,
    "levels": (2, 1000),
    "ink_m": (0.1, 100_000.0),
    "residual_mm": (0.0, _WIDTH_RANGE_MM[1]),
    "widths_mm": _WIDTH_RANGE_MM,
}
# Speed added so that the bleed at rest is finite.
STILL_MM_S = 2.0
# The share of the play by which the tip may be off so that a small turn does not cross the band.
_PLAY_SLACK = 0.1
# Darker than this is black: q stays finite.
_BLACK = 1.0 - 1e-6


@dataclass(frozen=True)
class PenModel:
    """One pen in its holder.

    Attributes:
        actuator: ``z`` or ``servo``.
        up: pen value that is clear of the paper.
        touch: pen value of the thinnest line.
        full: pen value of the widest line.
        values: (n,) pen values of the table, from touch to full.
        widths_mm: (n,) line widths there, strictly increasing.
        darkness: (n,) darkness there in [0, 1], never decreasing.
        draw_speed_mm_s: greatest speed at which the pen still leaves an even line.
        draw_acceleration_mm_s2: greatest acceleration along and across the drawn line, or
            None where the machine's own limits are enough.
        lag_s: time by which the line follows the pen axis; the pen value is sent ahead by it.
        play: dead band between pen value and tip, pen units.
        dwell_s: rest after the pen has come down, until its ink flows.
        soft_landing: whether strokes begin and end without pressure, inside their own ink, so that
            the pen leaves no blot where it is lowered; for a z axis.
        levels: positions that a servo can take from touch to full, both included; it then follows
            the width in steps, for which the stroke stops. None: one value a stroke.
        darkness_speed_exponent: n of the ink model; 0 if the speed does not matter.
        bleed_mm2_mm_s: growth of slow lines, b below; 0 for none.
        blot_mm2_s: growth of the squared radius of a dot for each second at rest; 0 for none.
        reference_speed_mm_s: speed at which ``darkness`` was measured; None: ``draw_speed_mm_s``.
        calibrated: day of the measurement, or None where the table was never measured.
        residual_mm: standard deviation of the measured widths about the table, or None.
        ink_m: metres of line in a full pen, or None where nobody knows: a drawing that needs much of it
            is told of.

    Raises:
        ProfileError: for a value out of bounds; names the key.
    """

    actuator: str
    up: float
    touch: float
    full: float
    values: tuple[float, ...]
    widths_mm: tuple[float, ...]
    darkness: tuple[float, ...]
    draw_speed_mm_s: float
    draw_acceleration_mm_s2: float | None = None
    lag_s: float = 0.0
    play: float = 0.0
    dwell_s: float = 0.0
    soft_landing: bool = False
    levels: int | None = None
    darkness_speed_exponent: float = 0.0
    bleed_mm2_mm_s: float = 0.0
    blot_mm2_s: float = 0.0
    reference_speed_mm_s: float | None = None
    calibrated: date | None = None
    residual_mm: float | None = None
    ink_m: float | None = None

    def __post_init__(self) -> None:
        if self.actuator not in ACTUATORS:
            raise ProfileError(f"pen.actuator is '{self.actuator}': choose one of {', '.join(ACTUATORS)}.")
        for key in ("values", "widths_mm", "darkness"):
            object.__setattr__(self, key, tuple(float(v) for v in getattr(self, key)))
        check_bounds(self, "pen", BOUNDS, ProfileError)
        if abs(self.full - self.touch) < _LEAST_STROKE:
            raise ProfileError(f"pen.full is {self.full:g}, the same as pen.touch: they must differ.")
        if self._pressure(self.up) * abs(self.full - self.touch) > -_LEAST_STROKE:
            raise ProfileError(
                f"pen.up is {self.up:g}: it must lie on the other side of pen.touch ({self.touch:g}) "
                f"than pen.full ({self.full:g})."
            )
        self._check_table()
        check_bounds(self, "pen", {"play": (0.0, abs(self.full - self.touch))}, ProfileError)
        if self.soft_landing and self.actuator != "z":
            raise ProfileError("pen.soft_landing is for a z axis: a servo does not press while it moves.")
        if self.levels is not None and self.actuator != "servo":
            raise ProfileError("pen.levels is for a servo: a z axis has no steps worth counting.")

    def _check_table(self) -> None:
        n = len(self.values)
        if n < 2:
            raise ProfileError(f"pen.values has {n} entries: two or more are needed.")
        for key in ("widths_mm", "darkness"):
            if len(getattr(self, key)) != n:
                raise ProfileError(f"pen.{key} has {len(getattr(self, key))} entries, pen.values has {n}.")
        if not np.isfinite([*self.values, *self.widths_mm, *self.darkness]).all():
            raise ProfileError("pen.values, pen.widths_mm or pen.darkness holds a value that is not finite.")
        if self.values[0] != self.touch or self.values[-1] != self.full:
            raise ProfileError("pen.values must begin with pen.touch and end with pen.full.")
        if (np.diff(self._pressure(np.array(self.values))) <= 0).any():
            raise ProfileError("pen.values must run from pen.touch to pen.full without turning back.")
        if (np.diff(self.widths_mm) < _LEAST_RISE_MM).any():
            raise ProfileError(f"pen.widths_mm must rise by {_LEAST_RISE_MM:g} mm or more at each entry.")
        if (np.diff(self.darkness) < 0).any() or self.darkness[0] < 0 or self.darkness[-1] > 1:
            raise ProfileError("pen.darkness must not fall, and must lie between 0 and 1.")

    def moved(self, up: float, touch: float, full: float) -> PenModel:
        """The same pen where its axis counts otherwise: the table's values are stretched from touch to full.

        Raises:
            ProfileError: if the three values contradict each other.
        """
        share = (np.array(self.values) - self.touch) / (self.full - self.touch)
        inner = touch + share[1:-1] * (full - touch)
        values = (touch, *(float(value) for value in inner), full)
        return replace(self, up=up, touch=touch, full=full, values=values)

    @property
    def min_width_mm(self) -> float:
        """Width of the thinnest line."""
        return self.widths_mm[0]

    @property
    def max_width_mm(self) -> float:
        """Width of the widest line."""
        return self.widths_mm[-1]

    @property
    def calibration_note(self) -> str:
        """When the table was measured and how well it fits, or ``not calibrated``."""
        if self.calibrated is None:
            return "not calibrated"
        residual = "" if self.residual_mm is None else f", residual {self.residual_mm:.3f} mm"
        return f"calibrated {self.calibrated.isoformat()}{residual}"

    def effective_width_mm(self, width_mm: ArrayLike, intensity: ArrayLike) -> NDArray[np.float64]:
        """Width that carries the same ink as ``width_mm`` at ``intensity``, before the clamp, shape (K,).

        The width times the part of the intensity that the drawing speed cannot make.
        """
        width, ink = np.asarray(width_mm, dtype=np.float64), np.asarray(intensity, dtype=np.float64)
        if self.darkness_speed_exponent == 0.0:
            return np.asarray(width * ink)
        table = self.drawn_darkness(self.value_for(width))
        palest = self.darkness_at(table, self.draw_speed_mm_s)
        return np.asarray(width * np.minimum(ink * table / np.maximum(palest, 1.0 - _BLACK), 1.0))

    def speed_for(self, width_mm: ArrayLike, intensity: ArrayLike) -> NDArray[np.float64]:
        """Greatest drawing speeds, shape (K,), that leave lines as dark as wanted.

        Args:
            width_mm: (K,) wanted widths, before they are narrowed for their intensity.
            intensity: (K,) wanted ink in [0, 1].
        """
        n = self.darkness_speed_exponent
        ink = np.asarray(intensity, dtype=np.float64)
        if n == 0.0:
            return np.full(ink.shape, self.draw_speed_mm_s)
        table = self.drawn_darkness(self.value_for(width_mm))
        wanted = _ink(np.minimum(ink, 1.0) * table)
        share = np.divide(_ink(table), wanted, out=np.full(ink.shape, np.inf), where=wanted > 0)
        return np.asarray(np.minimum(self._reference_mm_s * share ** (1.0 / n), self.draw_speed_mm_s))

    def darkness_at(self, darkness: ArrayLike, speed_mm_s: ArrayLike) -> NDArray[np.float64]:
        """Darkness (K,) at some speeds of what is ``darkness`` at the speed of the table."""
        speed = np.maximum(np.asarray(speed_mm_s, dtype=np.float64), _SPEED_RANGE_MM_S[0])
        more = (self._reference_mm_s / speed) ** self.darkness_speed_exponent
        return np.asarray(1.0 - np.exp(-_ink(np.asarray(darkness, dtype=np.float64)) * more))

    def bled_width_mm(self, width_mm: ArrayLike, speed_mm_s: ArrayLike) -> NDArray[np.float64]:
        """Widths (K,) at some speeds of lines that are ``width_mm`` wide at the speed of the table."""
        width = np.asarray(width_mm, dtype=np.float64)
        return np.where(width > 0, np.maximum(width + self._bleed_mm(speed_mm_s), _WIDTH_RANGE_MM[0]), 0.0)

    def against_bleed(self, width_mm: ArrayLike, speed_mm_s: ArrayLike) -> NDArray[np.float64]:
        """Widths (K,) to draw at some speeds so that lines of ``width_mm`` are left."""
        width = np.asarray(width_mm, dtype=np.float64)
        return np.maximum(width - self._bleed_mm(speed_mm_s), 0.0)

    def _bleed_mm(self, speed_mm_s: ArrayLike) -> NDArray[np.float64]:
        v = np.maximum(np.asarray(speed_mm_s, dtype=np.float64), 0.0) + STILL_MM_S
        more = v**-0.5 - (self._reference_mm_s + STILL_MM_S) ** -0.5
        return np.asarray(math.sqrt(self.bleed_mm2_mm_s) * more)

    def blot_mm(self, width_mm: ArrayLike, rest_s: ArrayLike) -> NDArray[np.float64]:
        """Diameters (K,) of the dots where a pen that draws lines of ``width_mm`` rests for some times."""
        radius2 = (np.asarray(width_mm, dtype=np.float64) / 2) ** 2
        return np.asarray(2 * np.sqrt(radius2 + self.blot_mm2_s * np.asarray(rest_s, dtype=np.float64)))

    @property
    def _reference_mm_s(self) -> float:
        return self.reference_speed_mm_s or self.draw_speed_mm_s

    def out_of_range(self, width_mm: ArrayLike, intensity: ArrayLike) -> NDArray[np.bool_]:
        """True where the pen cannot draw the wanted line and takes its nearest width, shape (K,)."""
        wanted = self.effective_width_mm(width_mm, intensity)
        return np.asarray((wanted < self.min_width_mm) | (wanted > self.max_width_mm))

    def value_for(self, width_mm: ArrayLike) -> NDArray[np.float64]:
        """Pen values that draw lines of ``width_mm`` (K,), clamped to the pen's range."""
        pressure = self._curve.inverse(np.asarray(width_mm, dtype=np.float64))
        return np.asarray(self.touch + pressure * (self.full - self.touch))

    def drawn_width_mm(self, values: ArrayLike) -> NDArray[np.float64]:
        """Widths that the pen draws at pen values (K,): 0 clear of the paper, clamped beyond full."""
        pressure = self._pressure(np.asarray(values, dtype=np.float64))
        clear = pressure * abs(self.full - self.touch) < -TOUCH_SLACK
        return np.where(clear, 0.0, self._curve(pressure))

    def drawn_darkness(self, values: ArrayLike) -> NDArray[np.float64]:
        """Darkness in [0, 1] that the pen leaves at pen values (K,): 0 clear of the paper."""
        pressure = self._pressure(np.asarray(values, dtype=np.float64))
        clear = pressure * abs(self.full - self.touch) < -TOUCH_SLACK
        return np.where(clear, 0.0, np.interp(pressure, self._curve.x, self.darkness))

    def against_play(self, t_s: ArrayLike, tip: ArrayLike) -> NDArray[np.float64]:
        """Pen values (K,) that take the tip along wanted values in one stroke, whatever the play.

        Args:
            t_s: (K,) times.
            tip: (K,) wanted values of the tip; the pen has just been lowered to the first.
        """
        wanted = np.array(tip, dtype=np.float64)
        if self.play == 0.0 or not len(wanted):
            return wanted
        slack, half = _PLAY_SLACK * self.play, self.play / 2
        way = math.copysign(1.0, self.full - self.touch)
        here, last = float(wanted[0]), 0
        at, sent = [0], [here + way * half]
        for k, value in enumerate(wanted.tolist()):
            turns = (here - value) * way > slack
            if turns and k - 1 > last:  # the band is crossed while the tip may rest
                at.append(k - 1)
                sent.append(here - way * half)
            goes_on = (value - here) * way > 0
            if goes_on and k - 1 > last:  # it has rested where it is
                at.append(k - 1)
                sent.append(here + way * half)
            if turns or goes_on:
                way = math.copysign(1.0, value - here)
                here, last = value, k
                at.append(k)
                sent.append(here + way * half)
        time = np.asarray(t_s, dtype=np.float64)
        return np.interp(time, time[at], sent)

    def tip(self, t_s: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
        """Where the tip is, in pen units, at times (K,) while the axis takes pen values (K,)."""
        time, tip = np.asarray(t_s, dtype=np.float64), np.array(values, dtype=np.float64)
        if self.play > 0.0 and len(tip):
            # Between two samples the way is straight, so it is the ends that push the tip.
            half, here = self.play / 2, float(tip[0])
            for k, value in enumerate(tip.tolist()):
                here = min(max(here, value - half), value + half)
                tip[k] = here
        return tip if self.lag_s == 0.0 else np.interp(time - self.lag_s, time, tip)

    @cached_property
    def _curve(self) -> MonotoneCurve:
        """Width over pressure."""
        return MonotoneCurve(self._pressure(np.array(self.values)), self.widths_mm)

    def _pressure(self, value: float | NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((value - self.touch) / (self.full - self.touch))


def _ink(darkness: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ink -ln(1 - darkness)."""
    return np.asarray(-np.log1p(-np.clip(darkness, 0.0, _BLACK)))


def read_pen(table: Table) -> PenModel:
    """The pen of a table.

    Raises:
        ProfileError: for a missing, unknown or impossible value; names the key.
    """
    return PenModel(**table.fields(PenModel))
