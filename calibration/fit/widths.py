"""Width over pressure, told apart from play, lag, tilt and drift.

Symbols:
    u        pressure as commanded, 0 at the chart's touch value, 1 at its full value
    F(u)     width of a steady line in the middle of the sheet and of the drawing, mm
    eta      half the play of the pen's axis, in pressure. A steady line is reached from above, so the tip
             presses by eta less than commanded
    tau      lag, s
    a, b     tilt of the paper: pressure lost for each mm in x and in y
    h        memory: a line after a greater pressure is pressed by 2 h more than one after a smaller one
    d        drift: growth of the width for each metre drawn

    w = F(u - a x - b y - h o - [rising: tau r;  falling: -2 eta + tau r]) + d t + offset + slope u

with r = du/dt and the last two only for landings and ramps, one pair for each, since they are drawn at
other speeds. F is a natural cubic spline on fixed knots, whose second differences are held a little.
The model is linear but for the shifts of u, so Gauss and Newton's steps solve it; Tukey's bisquare
weights leave outliers out (P. J. Huber, "Robust Statistics", 1981).

The band is a bootstrap over marks: every mark gets a random weight (D. B. Rubin, "The Bayesian
bootstrap", Ann. Stat. 9 (1981)), and one more Newton step gives its curve.

Monotone regression is scipy's; ``rising`` makes a strict rise of it, as the inverse of a curve needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import isotonic_regression

from calibration.errors import FitError
from calibration.fit.observe import Rows

Floats = NDArray[np.float64]

# Knots of F as shares of the range of u: closer where the pen lands, since widths rise fastest there.
_KNOTS = np.array([0.0, 0.04, 0.1, 0.18, 0.27, 0.36, 0.46, 0.56, 0.67, 0.78, 0.89, 1.0])
_SHIFTS = ("eta", "tau", "a", "b", "h")
# Prior deviations, which hold what a sheet does not tell: pressures, s, pressure a mm, pressure, mm/m.
_PRIOR = {"eta": 0.3, "tau": 0.3, "a": 0.02, "b": 0.02, "h": 0.1, "d": 0.1}
_PRIOR_OFFSET_MM = 0.2
# With fewer steady lines than this, tilt, memory and drift cannot be told from the curve: they are 0.
_LEAST_LINES = 20
_NONE = 1e-9
# Deviation of F's second difference over the second difference of places: a bend of this much is usual.
_PRIOR_BEND_MM = 3.0
_ROUNDS = 40
_DONE = 1e-6
# Bisquare: beyond so many deviations a row counts nothing (95 % efficient for normal errors).
_BISQUARE = 4.685
_MAD = 1.4826
# A row this far from the fit, in deviations and in mm, is named as an outlier.
_OUTLIER_SIGMAS = 4.685
_OUTLIER_MM = 0.02
# The spread that a fit of many parameters must not talk itself into.
_LEAST_SPREAD = 0.2
# Curves of the bootstrap.
DRAWS = 200
# Shares of the band.
BAND = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class WidthFit:
    """The fitted curve and everything that was told apart from it.

    Attributes:
        knots: (k,) of F, in u. heights_mm: (k,) F there.
        eta: half the play. tau_s: lag. tilt: a, b, 1/mm. memory: h. drift_mm_per_m: d.
        middle_mm: place for which F holds. middle_m: length drawn for which it holds.
        draws: (DRAWS, k) heights of the bootstrap. draws_eta: (DRAWS,) half the play that goes with each.
        sigma: standard deviations of eta, tau, a, b, h from the bootstrap.
        used: (n,) rows that are no outliers. weight: (n,) their weights in [0, 1].
        tip_u: (n,) u - a x - b y and so on: where on F each row lies.
        flat_mm: (n,) widths less drift and offsets: points about F.
        spread_mm: standard deviation of steady lines about F.
    """

    knots: Floats
    heights_mm: Floats
    eta: float
    tau_s: float
    tilt: tuple[float, float]
    memory: float
    drift_mm_per_m: float
    middle_mm: tuple[float, float]
    middle_m: float
    draws: Floats
    draws_eta: Floats
    sigma: dict[str, float]
    used: NDArray[np.bool_]
    weight: Floats
    tip_u: Floats
    flat_mm: Floats
    spread_mm: float

    def width_mm(self, u: Floats) -> Floats:
        """F at commanded pressures, straight on beyond the knots."""
        return np.asarray(basis(self.knots, u)[0] @ self.heights_mm)

    def band_mm(self, u: Floats) -> tuple[Floats, Floats]:
        """Ends of the band at u, seen as tip pressures u - eta: the doubt about eta counts too."""
        matrix, slope = basis(self.knots, u)
        curves = self.draws @ matrix.T + (self.draws_eta - self.eta)[:, None] * (slope @ self.heights_mm)
        low, high = np.quantile(curves, BAND, axis=0)
        return low, high

    def level_u(self, u: Floats, xy_mm: Floats) -> Floats:
        """Commanded pressures at a place, as they would be in the middle of the sheet."""
        away = np.asarray(xy_mm) - self.middle_mm
        return np.asarray(u - away @ np.array(self.tilt))


def basis(knots: Floats, u: Floats) -> tuple[Floats, Floats]:
    """The matrix (n, k) that takes heights at the knots to values at u, and that of their slopes."""
    spline = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")
    inside = np.clip(u, knots[0], knots[-1])
    slope = spline(inside, 1)
    return spline(inside) + slope * (u - inside)[:, None], slope


def fit_widths(rows: Rows, edge: tuple[float, float, float] | None) -> WidthFit:
    """Fits the model to rows of one steady speed, landings and ramps.

    Args:
        rows: with ink.
        edge: what the ends of the landings' ink say about half the play: eta + tau r = value, as
            (value, r, its deviation), or None without landings.

    Raises:
        FitError: if there are too few lines.
    """
    return _Model(rows, edge).solve()


class _Model:
    def __init__(self, rows: Rows, edge: tuple[float, float, float] | None) -> None:
        self.rows, self.edge = rows, edge
        low, high = float(rows.u.min()), float(rows.u.max())
        if high - low < 1e-3:
            raise FitError("All measured lines have the same pressure: draw and measure the whole chart.")
        self.knots = low + _KNOTS * (high - low)
        if np.unique(rows.u).size < len(_KNOTS):  # a short ladder: no more knots than places
            self.knots = np.unique(rows.u)
        self.middle = rows.xy_mm.mean(axis=0)
        self.middle_m = float(rows.drawn_m.mean())
        self.away = rows.xy_mm - self.middle
        self.names = [*_SHIFTS, "d"]
        self.classes = int(rows.klass.max()) + 1
        own = [
            rows.klass == k for k in range(1, self.classes)
        ]  # offset and slope of each mark of changing pressure
        mid = (low + high) / 2
        self.fixed = np.column_stack(
            [rows.drawn_m - self.middle_m]
            + [column for m in own for column in (m.astype(float), m * (rows.u - mid))]
        )
        moving = rows.klass > 0
        up = moving & (rows.rate > 0)
        down = moving & (rows.rate < 0)
        # u_F = u - shift @ (eta, tau, a, b, h)
        self.shift = np.column_stack([-2.0 * down, rows.rate * moving, self.away, rows.order])
        self.up = up
        self.prior, self.prior_weight = self._priors()

    def _priors(self) -> tuple[Floats, Floats]:
        """Rows (m, parameters) that should come out 0, and their weights."""
        k, total = len(self.knots), len(self.knots) + len(_SHIFTS) + self.fixed.shape[1]
        rows, weights = [], []
        gap = np.diff(self.knots)
        for j in range(1, k - 1):
            row = np.zeros(total)
            row[j - 1] = 2 / (gap[j - 1] * (gap[j - 1] + gap[j]))
            row[j + 1] = 2 / (gap[j] * (gap[j - 1] + gap[j]))
            row[j] = -row[j - 1] - row[j + 1]
            rows.append(row)
            weights.append(_PRIOR_BEND_MM**-2 * (gap[j - 1] + gap[j]) / (self.knots[-1] - self.knots[0]))
        held = set() if np.count_nonzero(self.rows.klass == 0) >= _LEAST_LINES else {"a", "b", "h", "d"}
        deviations = [_NONE if name in held else _PRIOR[name] for name in self.names] + [_PRIOR_OFFSET_MM] * (
            self.fixed.shape[1] - 1
        )
        for j, deviation in enumerate(deviations):
            row = np.zeros(total)
            row[k + j] = 1.0
            rows.append(row)
            weights.append(deviation**-2)
        return np.array(rows), np.array(weights)

    def solve(self) -> WidthFit:
        rows, k = self.rows, len(self.knots)
        parameters = np.zeros(self.prior.shape[1])
        matrix = basis(self.knots, rows.u)[0]
        steady = rows.klass == 0
        start = matrix[steady] / rows.sigma_mm[steady, None]
        bends = self.prior[: max(k - 2, 0), :k] * np.sqrt(self.prior_weight[: max(k - 2, 0), None])
        parameters[:k] = np.linalg.lstsq(
            np.vstack([start, bends, 1e-6 * np.eye(k)]),
            np.concatenate([rows.width_mm[steady] / rows.sigma_mm[steady], np.zeros(len(bends) + k)]),
            rcond=None,
        )[0]
        weight = np.ones(len(rows.u))
        for _ in range(_ROUNDS):
            residual, jacobian = self.linear(parameters)
            weight, spread = _weights(residual / rows.sigma_mm, steady)
            step = self.step(parameters, residual, jacobian, weight / (rows.sigma_mm * spread) ** 2)
            # A shift of more than this at once would leave the range in which F is a straight line.
            step *= min(1.0, 0.2 / max(float(np.abs(self.shift @ step[k : k + 5]).max()), 1e-12))
            parameters = parameters + step
            if np.abs(step).max() < _DONE:
                break
        residual, jacobian = self.linear(parameters)
        weight, spread = _weights(residual / rows.sigma_mm, steady)
        return self.report(parameters, residual, jacobian, weight, spread)

    def linear(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Residuals (n,) and the derivatives (n, parameters) of the model."""
        k = len(self.knots)
        heights, shifts, fixed = np.split(parameters, [k, k + len(_SHIFTS)])
        at = self.rows.u - self.shift @ shifts
        matrix, slope = basis(self.knots, at)
        model = matrix @ heights + self.fixed @ fixed
        by_shift = -(slope @ heights)[:, None] * self.shift
        return self.rows.width_mm - model, np.column_stack([matrix, by_shift, self.fixed])

    def step(self, parameters: Floats, residual: Floats, jacobian: Floats, weight: Floats) -> Floats:
        """The Newton step for given weights of the rows."""
        normal = jacobian.T @ (weight[:, None] * jacobian)
        gradient = jacobian.T @ (weight * residual)
        normal += self.prior.T @ (self.prior_weight[:, None] * self.prior)
        gradient -= self.prior.T @ (self.prior_weight * (self.prior @ parameters))
        if self.edge is not None:
            value, rate, deviation = self.edge
            row = np.zeros(len(parameters))
            k = len(self.knots)
            row[k], row[k + 1] = 1.0, rate
            normal += np.outer(row, row) / deviation**2
            gradient += row * (value - float(row @ parameters)) / deviation**2
        return np.asarray(np.linalg.solve(normal, gradient))

    def report(
        self, parameters: Floats, residual: Floats, jacobian: Floats, weight: Floats, spread: float
    ) -> WidthFit:
        rows, k = self.rows, len(self.knots)
        heights, shifts, fixed = np.split(parameters, [k, k + len(_SHIFTS)])
        rng = np.random.default_rng(0)
        names, mark = np.unique(rows.name, return_inverse=True)
        base = weight / (rows.sigma_mm * spread) ** 2
        edge, draws = self.edge, np.empty((DRAWS, len(parameters)))
        for k_draw in range(DRAWS):
            if edge is not None:
                self.edge = (edge[0] + edge[2] * float(rng.standard_normal()), *edge[1:])
            chance = base * rng.exponential(size=len(names))[mark]
            draws[k_draw] = parameters + self.step(parameters, residual, jacobian, chance)
        self.edge = edge
        used = ~(
            (np.abs(residual) > _OUTLIER_SIGMAS * rows.sigma_mm * spread) & (np.abs(residual) > _OUTLIER_MM)
        )
        steady = used & (rows.klass == 0)
        about = float(np.sqrt(np.mean(residual[steady] ** 2))) if steady.any() else 0.0
        deviation = dict(zip(self.names, draws[:, k : k + 6].std(axis=0).tolist(), strict=True))
        eta, tau, a, b, h = shifts.tolist()
        return WidthFit(
            self.knots, heights, eta, tau, (a, b), h, float(fixed[0]),
            (float(self.middle[0]), float(self.middle[1])), self.middle_m, draws[:, :k], draws[:, k],
            deviation, used, weight, rows.u - self.shift @ shifts, rows.width_mm - self.fixed @ fixed, about,
        )  # fmt: skip


def _weights(scaled: Floats, steady: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Bisquare weights (n,) of residuals in their deviations, and the spread of the steady lines."""
    inner = scaled[steady] if steady.any() else scaled
    spread = max(_MAD * float(np.median(np.abs(inner))), _LEAST_SPREAD)
    share = np.clip(np.abs(scaled) / (_BISQUARE * spread), 0.0, 1.0)
    return (1 - share**2) ** 2, spread


def isotonic(values: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """The values (n,) that never fall and are nearest to ``values``, weighted least squares.

    Args:
        values: (n,) measured.
        weights: (n,) above 0; None for equal ones.
    """
    y = np.asarray(values, dtype=np.float64)
    w = None if weights is None else np.asarray(weights, dtype=np.float64)
    return np.asarray(isotonic_regression(y, weights=w).x)


def rising(values: ArrayLike, least_rise: float) -> NDArray[np.float64]:
    """Values (n,) that rise by ``least_rise`` or more at each step, nearest to ``values``."""
    y = np.asarray(values, dtype=np.float64)
    ladder = least_rise * np.arange(len(y))
    return np.asarray(isotonic(y - ladder) + ladder)
