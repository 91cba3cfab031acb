"""Width and darkness of a line from profiles across its plan.

Symbols, mm:
    t        across the line, left of its direction positive
    s        along it
    I(t)     light;  P(t) light of the paper, a straight line through the light beside the line
    D(t)     1 - I / P, darkness
    c, w, d  middle, width and darkness of the line
    sigma    blur of the picture

A line is a bar of ink seen through a Gaussian blur:

    D(t) = d / 2 [ erf((t - c + w/2) / (sigma sqrt 2)) - erf((t - c - w/2) / (sigma sqrt 2)) ]

fitted by Levenberg-Marquardt to profiles that are means over a window of s. Where w is many
sigma this is the width at half maximum (ISO 13660 takes 60 %); where it is few, width and
darkness pull each other, and d is held near what wider lines of the same chart have: then
it is the equivalent width, integral of D over d.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.special import erf

from calibration.scan.find import sample
from calibration.scan.view import View

Floats = NDArray[np.float64]

# Samples along a line, mm, and across it: px of the picture, and not less than so many mm.
ALONG_MM = 0.1
_ACROSS_PX = 0.25
_ACROSS_MM = 0.015
# Share of the profile's length at either end that shows the paper.
_PAPER_SHARE = 0.2
# Darker than this, and than so many times the noise of the paper, is ink.
LEAST_DARKNESS = 0.06
_NOISE_FACTOR = 5.0
# Lines wider than so many sigma have a darkness of their own.
WIDE_SIGMAS = 4.0
# How firmly a thin line's darkness is held: one deviation of it counts as much as one of the profile.
_HELD_SIGMA = 0.05
_ROUNDS = 25
# Beside a bar: further from its edge than so many sigma and so many mm, where ink may feather. What lies
# there is smoothed over this length, mm.
_EDGE_SIGMAS, _EDGE_MM, _STRAY_MM = 3.0, 0.15, 0.15
_MAD = 1.4826
# A fit is done when nothing moves by more than this, mm.
_DONE_MM = 1e-4
_SQRT2 = float(np.sqrt(2.0))
_SQRT_2PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class Bars:
    """Fitted bars, one for each window along a line.

    Attributes:
        s_mm: (n,) middle of the window.
        centre_mm: (n,) c. width_mm: (n,) w, 0 where there is no ink. darkness: (n,) d.
        noise: deviation of the profiles from their fit.
        stray: (n,) the greatest darkness, or light, beside the bar that is not the paper's.
        stray_noise: deviation of that darkness where there is nothing.
    """

    s_mm: Floats
    centre_mm: Floats
    width_mm: Floats
    darkness: Floats
    noise: float
    stray: Floats
    stray_noise: float

    def take(self, which: NDArray[np.bool_]) -> Bars:
        """Some of the windows."""
        rows = ("s_mm", "centre_mm", "width_mm", "darkness", "stray")
        return replace(self, **{name: getattr(self, name)[which] for name in rows})


def profiles(
    grey: NDArray[np.float32], view: View, path_mm: Floats, reach_mm: float, window_mm: float
) -> tuple[Floats, Floats, Floats]:
    """Darkness across a planned path, averaged over windows along it.

    Args:
        grey: light of the picture.
        view: where the paper is in it.
        path_mm: (K, 2) the plan, paper mm.
        reach_mm: how far to either side.
        window_mm: length of a window.

    Returns:
        Middles of the windows (n,), offsets (m,) and darkness (n, m).
    """
    step = np.diff(path_mm, axis=0)
    length = np.linalg.norm(step, axis=1)
    total = float(length.sum())
    windows = max(1, round(total / window_mm))
    inside = max(1, round(total / windows / ALONG_MM))
    s = (np.arange(windows * inside) + 0.5) * total / (windows * inside)
    ends = np.concatenate([[0.0], np.cumsum(length)])
    k = np.clip(np.searchsorted(ends, s, side="right") - 1, 0, len(step) - 1)
    unit = step / np.maximum(length, 1e-12)[:, None]
    place = path_mm[k] + (s - ends[k])[:, None] * unit[k]
    left = np.column_stack([-unit[k, 1], unit[k, 0]])
    across_mm = max(_ACROSS_PX / view.px_per_mm, _ACROSS_MM)
    count = 2 * int(np.ceil(reach_mm / across_mm)) + 1
    t = np.linspace(-reach_mm, reach_mm, count)
    light = sample(grey, view.to_picture(place[:, None] + t[None, :, None] * left[:, None]))
    light = light.reshape(windows, inside, count).mean(axis=1)
    edge = max(2, int(_PAPER_SHARE * count))
    outer = np.r_[0:edge, count - edge : count]
    # The paper's light: the upper half of what is seen beside the line, left and right.
    low = np.quantile(light[:, :edge], 0.6, axis=1)
    high = np.quantile(light[:, -edge:], 0.6, axis=1)
    t0, t1 = float(t[:edge].mean()), float(t[-edge:].mean())
    paper = low[:, None] + (high - low)[:, None] * (t - t0) / (t1 - t0)
    # The quantile lies a little above the mean of noisy paper: take that off again.
    paper *= (light[:, outer].mean(axis=1) / paper[:, outer].mean(axis=1)).clip(0.97, 1.0)[:, None]
    middles = (np.arange(windows) + 0.5) * total / windows
    return middles, t, 1.0 - light / np.maximum(paper, 1e-3)


def fit_bars(
    s_mm: Floats, t_mm: Floats, darkness: Floats, sigma_mm: float, held: Floats | None = None
) -> Bars:
    """Fits a bar to each profile.

    Args:
        s_mm: (n,) middles of the windows.
        t_mm: (m,) offsets.
        darkness: (n, m) profiles.
        sigma_mm: blur.
        held: (n,) darkness near which that of thin lines is held, or None.
    """
    n = len(darkness)
    step = float(t_mm[1] - t_mm[0])
    edge = max(2, int(_PAPER_SHARE * len(t_mm)))
    paper_noise = float(np.median(np.std(np.diff(darkness[:, :edge], axis=1), axis=1))) / _SQRT2
    peak = np.quantile(darkness[:, edge:-edge], 0.98, axis=1)
    inked = peak > max(LEAST_DARKNESS, _NOISE_FACTOR * paper_noise)
    body = np.clip(darkness, 0.0, None) * (darkness > 0.3 * peak[:, None])
    mass = np.maximum(body.sum(axis=1), 1e-9)
    c = body @ t_mm / mass
    d = np.maximum(peak, 0.02)
    w = np.maximum(mass * step / d, 0.5 * step)
    damping = np.full(n, 1e-2)
    weight = np.zeros(n) if held is None else _held_weight(w, sigma_mm, len(t_mm), paper_noise)
    cost = _cost(t_mm, darkness, c, w, d, sigma_mm, held, weight)
    for _ in range(_ROUNDS):
        model, jacobian = _bar(t_mm, c, w, d, sigma_mm)
        residual = darkness - model
        normal = np.einsum("nmi,nmj->nij", jacobian, jacobian)
        gradient = np.einsum("nmi,nm->ni", jacobian, residual)
        if held is not None:
            normal[:, 2, 2] += weight
            gradient[:, 2] += weight * (held - d)
        diagonal = np.einsum("nii->ni", normal)
        normal = normal + np.eye(3) * (damping[:, None] * diagonal + 1e-12)[:, :, None]
        move = np.linalg.solve(normal, gradient[:, :, None])[:, :, 0]
        limit = np.maximum(w, sigma_mm)
        c2 = c + np.clip(move[:, 0], -limit, limit)
        w2 = np.clip(w + np.clip(move[:, 1], -0.5 * limit, 0.5 * limit), 0.1 * step, 2 * t_mm[-1])
        d2 = np.clip(d + move[:, 2], 0.005, 1.2)
        cost2 = _cost(t_mm, darkness, c2, w2, d2, sigma_mm, held, weight)
        better = cost2 < cost
        c, w, d = (np.where(better, new, old) for new, old in ((c2, c), (w2, w), (d2, d)))
        cost = np.where(better, cost2, cost)
        if (np.abs(move[:, :2]).max(axis=1) < _DONE_MM).all():
            break
        damping = np.clip(np.where(better, damping * 0.3, damping * 5.0), 1e-7, 1e6)
    noise = float(np.sqrt(np.median(cost / len(t_mm))))
    w, d = np.where(inked, w, 0.0), np.where(inked, d, 0.0)
    return Bars(s_mm, c, w, d, noise, *_stray(t_mm, darkness, c, w, d, sigma_mm))


def stray_darkness(t_mm: Floats, darkness: Floats) -> Floats:
    """What is not the paper's in profiles (n, m) of which a line was taken off: their size, smoothed."""
    box = max(1, round(_STRAY_MM / (t_mm[1] - t_mm[0])))
    return np.abs(uniform_filter1d(darkness, box, axis=-1, mode="nearest"))


def _stray(
    t: Floats, darkness: Floats, c: Floats, w: Floats, d: Floats, sigma: float
) -> tuple[Floats, float]:
    """The greatest such darkness beside each bar (n,), and its deviation."""
    rest = stray_darkness(t, darkness - _bar(t, c, w, d, sigma, slopes=False)[0])
    near = np.where(w > 0, w / 2 + _EDGE_SIGMAS * sigma + _EDGE_MM, 0.0)
    beside = np.abs(t[None] - c[:, None]) > near[:, None]
    spread = _MAD * float(np.median(rest[beside])) if beside.any() else 0.0
    return np.where(beside, rest, 0.0).max(axis=1, initial=0.0), spread


def fit_sigma(t_mm: Floats, darkness: Floats, start_mm: float) -> float:
    """The blur that wide lines show best, mm: the profiles (n, m) fitted at several blurs."""
    tries = start_mm * np.geomspace(0.6, 1.7, 9)
    errors = [fit_bars(np.zeros(len(darkness)), t_mm, darkness, float(v)).noise for v in tries]
    k = int(np.argmin(errors))
    if 0 < k < len(tries) - 1:  # a parabola through the best three
        left, middle, right = errors[k - 1 : k + 2]
        bend = left - 2 * middle + right
        if bend > 0:
            shift = 0.5 * (left - right) / bend
            return float(tries[k] * (tries[1] / tries[0]) ** shift)
    return float(tries[k])


def _held_weight(w: Floats, sigma_mm: float, count: int, noise: float) -> Floats:
    """How firmly the darkness of each line is held: not at all from ``WIDE_SIGMAS`` on."""
    thin = np.clip((WIDE_SIGMAS * sigma_mm - w) / (WIDE_SIGMAS * sigma_mm), 0.0, 1.0)
    return np.asarray(thin * (max(noise, 1e-3) / _HELD_SIGMA) ** 2 * count)


def _cost(
    t: Floats,
    darkness: Floats,
    c: Floats,
    w: Floats,
    d: Floats,
    sigma: float,
    held: Floats | None,
    weight: Floats | None = None,
) -> Floats:
    error = ((darkness - _bar(t, c, w, d, sigma, slopes=False)[0]) ** 2).sum(axis=1)
    if held is not None and weight is not None:
        error = error + weight * (held - d) ** 2
    return np.asarray(error)


def _bar(
    t: Floats, c: Floats, w: Floats, d: Floats, sigma: float, slopes: bool = True
) -> tuple[Floats, Floats]:
    """The bars (n, m) and their slopes (n, m, 3) by c, w and d."""
    a = (t[None] - c[:, None] + w[:, None] / 2) / sigma
    b = (t[None] - c[:, None] - w[:, None] / 2) / sigma
    shape = 0.5 * (erf(a / _SQRT2) - erf(b / _SQRT2))
    if not slopes:
        return d[:, None] * shape, np.zeros((0, 0, 0))
    ga, gb = np.exp(-0.5 * a * a) / (_SQRT_2PI * sigma), np.exp(-0.5 * b * b) / (_SQRT_2PI * sigma)
    by_c = d[:, None] * (gb - ga)
    by_w = d[:, None] * 0.5 * (ga + gb)
    return d[:, None] * shape, np.stack([by_c, by_w, shape], axis=-1)
