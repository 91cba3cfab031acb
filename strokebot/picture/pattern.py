"""Finds the printed lines of ruled and squared paper, and takes them out of the darkness of a picture.

Nouns and symbols:
    D       darkness relative to the local paper, (H, W) in [0, 1]
    rule    a printed line: thin, straight (bent a little by a lens), from edge to edge of the sheet
    family  rules of about one direction with even gaps; perspective lets direction and gap drift
    p(y)    profile: mean of D along the lines y + (s0 + s1 (y - H / 2) / H) (x - W / 2)
    g       darkness of the rules alone

Search. For every s0, s1 of a grid the variance of the high-passed profile is taken, which is greatest where
the profile runs along the rules (a Radon transform over few angles). Peaks of the best profile that follow
each other with a gap that changes slowly are a family, if there are ``_LEAST_LINES`` of them, if each is
there along most of its length, and if they are lighter than the ink or run from edge to edge.

Taking out. g is the running median of D along each rule, for each distance from its middle: ink that
crosses is a small part of the window and does not enter. Paper and ink multiply, so the rules are divided
out: D' = 1 - (1 - D) / (1 - g), which leaves the ink whole where it crosses a rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.resize import BOX, resized

Field = NDArray[np.float32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The copy on which rules are looked for, px of its longer side, and its strips.
_COPY_PX = 640
_STRIPS = 24
# Directions: tangents of the middle line, and how much they change over the picture.
_MOST_SLOPE, _SLOPE_STEP = 0.22, 0.005
_MOST_FAN, _FANS = 0.16, 9
# How far perspective turns a margin line from the right angle to the rules.
_MOST_SKEW = 0.06
# Darkness over this counts no more: ink must not outweigh the rules.
_CAP = 0.3
# Scale of the high pass of the profile, px of the copy.
_PASS_PX = 5.0
# A family: least lines, least gap in px of the copy, how much a gap may differ from the one before.
_LEAST_LINES, _LEAST_GAP_PX, _GAP_CHANGE = 4, 5.0, 0.16
# Peaks over this many robust standard deviations of the profile, and over this share of the family's level.
_PEAK_SIGMAS = 4.0
# Share of the length along which a rule must be seen; from edge to edge.
_SEEN, _EDGE_TO_EDGE = 0.65, 0.85
# That is measured by running means of so many px; the faintest rule, in darkness.
_SEEN_PX, _FAINTEST = 15, 0.02
# Rules cover so much of the sheet at least, and their levels differ by at most so much of their median.
_SPANNED, _UNLIKE = 0.45, 0.5
# Rules are lighter than this share of the ink, unless they run from edge to edge.
_LIGHTER = 0.72
# Across a rule, px of the picture on either side at least; along it, the window of the running median.
_ACROSS_PX, _WINDOW_PX = 3, 81
# The profile is a median: so much is allowed for noise when it is divided out.
_ALLOWANCE = 1.2
# Darkness up to so many times that of the rule, and so much more, is the rule's own.
_RULE_ALONE, _RULE_NOISE = 1.5, 0.04
# A rule is at most so many times as dark as the rules of its family usually are.
_MOST_OF_USUAL = 1.4


@dataclass(frozen=True, eq=False)
class Rules:
    """The printed lines of a sheet, or its dots.

    Attributes:
        darkness: (H, W) g, 0 where there is no rule.
        rows: lines that run across.
        columns: lines that run down.
        gap_px: mean distance of neighbours, px.
        dotted: whether the paper has dots at the crossings of such lines, and no lines.
    """

    darkness: Field
    rows: int
    columns: int
    gap_px: float
    dotted: bool = False

    @property
    def name(self) -> str:
        """What the paper is called."""
        if self.dotted:
            return "dotted paper"
        return "squared paper" if self.rows > 2 and self.columns > 2 else "ruled paper"


@dataclass(frozen=True, eq=False)
class _Family:
    """Rules of one direction; ``paths`` (N, W) is the row of each at every column, NaN beside the sheet."""

    paths: Floats
    gap_px: float
    level: float
    slope: float


def find_rules(darkness: Field, known: Mask | None, ink_level: float) -> Rules | None:
    """Looks for printed rules.

    Args:
        darkness: D.
        known: (H, W) the sheet; None for all of the picture.
        ink_level: darkness of the ink.

    Returns:
        The rules, or None if there are none.
    """
    if min(darkness.shape) < 40:
        return None
    rows = _family(darkness, known, ink_level)
    columns = _family(darkness.T, None if known is None else known.T, ink_level)
    if rows is None and columns is None:
        return None
    if rows is None:
        assert columns is not None
        rows = _single(darkness, known, ink_level, -columns.slope)
    elif columns is None:
        columns = _single(darkness.T, None if known is None else known.T, ink_level, -rows.slope)
    g = np.zeros_like(darkness)
    gaps = []
    for family, field, target in ((rows, darkness, g), (columns, darkness.T, g.T)):
        if family is None:
            continue
        tables = [_across(field, path) for path in family.paths]
        # What all rules of a family have in common is none of the ink that runs along one of them.
        usual = np.median([np.median(table[:, known], axis=1) for table, known in tables], axis=0)
        for path, table in zip(family.paths, tables, strict=True):
            _lay(path, table, _MOST_OF_USUAL * usual + _RULE_NOISE, target)
        if family.gap_px > 0:
            gaps.append(family.gap_px)
    count = [0 if f is None else len(f.paths) for f in (rows, columns)]
    return Rules(g, count[0], count[1], float(np.mean(gaps)))


def without_rules(darkness: Field, rules: Rules) -> Field:
    """D' of the darkness D."""
    left = darkness.copy()
    on = rules.darkness > 0  # elsewhere D' is D, and most of the paper is elsewhere
    rule, dark = rules.darkness[on], darkness[on]
    under = np.clip(1 - (1 - dark) / (1 - np.clip(_ALLOWANCE * rule, 0.0, 0.95)), 0, 1)
    # What is hardly darker than the rule alone is the rule.
    under[(rule > 0.01) & (dark < _RULE_ALONE * rule + _RULE_NOISE)] = 0
    left[on] = under
    return left


@dataclass(frozen=True, eq=False)
class _Look:
    """A small copy of D in strips across, and what is needed to follow lines through it."""

    strips: Field  # (h, n) mean capped darkness
    weight: Field  # (h, n) share of the strip on the sheet
    x: Field  # (n,) middles of the strips from the middle of the picture, px of the copy
    factor: float  # px of the picture for one of the copy

    def profile(self, slope: float, fan: float) -> tuple[Floats, Floats]:
        """p(y) and the weight behind it, (h,) each."""
        h, n = self.strips.shape
        rows = np.arange(h, dtype=np.float32)[:, None]
        y = rows + (np.float32(slope) + np.float32(fan) * (rows / h - np.float32(0.5))) * self.x[None]
        low = y.astype(np.int32)
        inside = (y >= 0) & (y < h - 1)
        np.clip(low, 0, h - 2, out=low)
        part = y - low
        index = low * n + np.arange(n, dtype=np.int32)[None]
        flat = self.strips.reshape(-1)
        weight = np.take(self.weight.reshape(-1), index) * inside
        value = np.take(flat, index)
        value += part * (np.take(flat, index + n) - value)
        mass = weight.sum(axis=1)
        mean = np.einsum("ij,ij->i", weight, value) / np.maximum(mass, 1e-6)
        return np.where(mass > 0.3 * n, mean, np.nan).astype(np.float64), mass

    def score(self, slope: float, fan: float) -> float:
        profile, _ = self.profile(slope, fan)
        return float(np.nanvar(_high_passed(profile)))


def _look(darkness: Field, known: Mask | None) -> _Look:
    height, width = darkness.shape
    factor = max(1.0, max(height, width) / _COPY_PX)
    size = (max(8, round(width / factor)), max(8, round(height / factor)))
    capped = np.minimum(darkness, np.float32(_CAP))
    weight = np.ones_like(darkness) if known is None else known.astype(np.float32)
    small, share = resized(capped * weight, size, BOX), resized(weight, size, BOX)
    edges = np.linspace(0, size[0], min(_STRIPS, size[0]) + 1).round().astype(int)
    strips = np.add.reduceat(small, edges[:-1], axis=1)
    shares = np.add.reduceat(share, edges[:-1], axis=1)
    count = np.diff(edges)
    on = shares / count > 0.5
    mean = np.where(on, strips / np.maximum(shares, 1e-6), 0.0)
    middles = (edges[:-1] + edges[1:]) / 2 - size[0] / 2
    return _Look(mean.astype(np.float32), on.astype(np.float32), middles.astype(np.float32), factor)


def _high_passed(profile: Floats) -> Floats:
    known = np.isfinite(profile)
    if known.sum() < 8:
        return np.zeros_like(profile)
    filled = np.where(known, profile, 0.0)
    mass = ndimage.gaussian_filter1d(known.astype(np.float64), _PASS_PX)
    mean = ndimage.gaussian_filter1d(filled, _PASS_PX) / np.maximum(mass, 1e-6)
    return np.where(known, profile - mean, np.nan)


def _direction(look: _Look, middle: float = 0.0, most: float = _MOST_SLOPE) -> tuple[float, float]:
    """The slope, at most ``most`` from ``middle``, and fan of the profile with the greatest variance."""
    best = (-1.0, 0.0, 0.0)

    def search(slopes: Floats, fans: Floats) -> None:
        nonlocal best
        for fan in fans:
            for slope in slopes:
                best = max(best, (look.score(float(slope), float(fan)), float(slope), float(fan)))

    search(middle + np.arange(-most, most + 1e-9, _SLOPE_STEP), np.zeros(1))
    search(best[1] + np.linspace(-1.5, 1.5, 5) * _SLOPE_STEP, np.linspace(-_MOST_FAN, _MOST_FAN, _FANS))
    unit = _MOST_FAN / (_FANS - 1)
    search(best[1] + np.linspace(-0.8, 0.8, 5) * _SLOPE_STEP, best[2] + np.linspace(-1, 1, 5) * unit)
    search(best[1] + np.linspace(-0.3, 0.3, 3) * _SLOPE_STEP, best[2] + np.linspace(-0.3, 0.3, 3) * unit)
    return best[1], best[2]


def _peaks(look: _Look, slope: float, fan: float) -> tuple[Floats, Floats]:
    """Places (K,) and heights (K,) of the peaks of a profile."""
    profile, _ = look.profile(slope, fan)
    high = np.nan_to_num(_high_passed(profile))
    sigma = 1.4826 * float(np.median(np.abs(high - np.median(high)))) + 1e-6
    top = ndimage.maximum_filter1d(high, 5)
    place = np.flatnonzero((high >= top) & (high > max(_PEAK_SIGMAS * sigma, 0.008)))
    shift = np.zeros(len(place))
    inner = (place > 0) & (place < len(high) - 1)
    a, b, c = (high[np.clip(place + k, 0, len(high) - 1)] for k in (-1, 0, 1))
    bend = a - 2 * b + c
    shift[inner] = np.where(bend[inner] < 0, 0.5 * (a - c)[inner] / np.minimum(bend[inner], -1e-9), 0.0)
    return place.astype(np.float64) + np.clip(shift, -0.5, 0.5), high[place]


def _chain(place: Floats, extent: float) -> list[int]:
    """The longest run of peaks whose gaps change slowly; peaks between them are passed over."""
    best: list[int] = []
    n = len(place)
    for i in range(n):
        for j in range(i + 1, n):
            gap = place[j] - place[i]
            if gap < _LEAST_GAP_PX:
                continue
            if gap > extent / (_LEAST_LINES - 1):
                break
            chain, last, step, missed = [i, j], place[j], gap, 0
            while True:
                near = int(np.argmin(np.abs(place - (last + step))))
                if abs(place[near] - last - step) <= max(_GAP_CHANGE * step, 1.0) and near > chain[-1]:
                    taken = place[near] - last
                    step = 0.5 * step + 0.5 * (taken if missed == 0 else step)
                    chain.append(near)
                    last, missed = place[near], 0
                elif missed == 0 and last + step < place[-1] + step / 2:
                    last, missed = last + step, 1  # one rule may be hidden under ink
                else:
                    break
            if len(chain) > len(best):
                best = chain
    return best


def _family(darkness: Field, known: Mask | None, ink_level: float) -> _Family | None:
    look = _look(darkness, known)
    slope, fan = _direction(look)
    place, _ = _peaks(look, slope, fan)
    if len(place) < _LEAST_LINES or len(place) > 400:
        return None
    h = look.strips.shape[0]
    chain = _chain(place, float(h))
    if len(chain) < _LEAST_LINES:
        return None
    rules = [_followed(darkness, known, look, place[k], slope, fan) for k in chain]
    kept = [rule for rule in rules if rule is not None]
    if len(kept) < max(_LEAST_LINES, 0.6 * len(chain)):
        return None
    level = float(np.median([rule[1] for rule in kept]))
    whole = float(np.mean([rule[2] for rule in kept])) >= _EDGE_TO_EDGE
    extent = float(np.count_nonzero(look.weight.sum(axis=1) > 0.3 * look.weight.shape[1]))
    spanned = (place[chain[-1]] - place[chain[0]]) / max(extent, 1.0)
    unlike = float(np.median([abs(rule[1] - level) for rule in kept])) / level
    if spanned < _SPANNED or unlike > _UNLIKE:
        return None
    if level > (1.0 if whole and spanned > 0.7 else _LIGHTER) * ink_level:
        return None
    gap = float(np.median(np.diff(place[chain]))) * look.factor
    return _Family(np.array([rule[0] for rule in kept]), gap, level, slope)


def _single(darkness: Field, known: Mask | None, ink_level: float, across: float) -> _Family | None:
    """Margin lines: few, from edge to edge, lighter than the ink, at right angles to the rules.

    Args:
        darkness: D.
        known: (H, W) the sheet; None for all of the picture.
        ink_level: darkness of the ink.
        across: the slope at right angles to the rules.
    """
    look = _look(darkness, known)
    slope, fan = _direction(look, across, _MOST_SKEW)
    place, _ = _peaks(look, slope, fan)
    found = [_followed(darkness, known, look, at, slope, fan) for at in place[:40]]
    kept = [
        rule for rule in found if rule is not None and rule[2] >= _EDGE_TO_EDGE and rule[1] < 0.85 * ink_level
    ]
    if not 1 <= len(kept) <= 3:
        return None
    level = float(np.median([rule[1] for rule in kept]))
    return _Family(np.array([rule[0] for rule in kept]), 0.0, level, slope)


def _followed(
    darkness: Field, known: Mask | None, look: _Look, at: float, slope: float, fan: float
) -> tuple[Floats, float, float] | None:
    """A rule at full size: its row at every column, its level, and the share of its length that is seen."""
    height, width = darkness.shape
    h = look.strips.shape[0]
    lean = slope + fan * (at / h - 0.5)
    x = np.arange(width)
    straight = (at + 0.5 + lean * ((x + 0.5) / look.factor - width / look.factor / 2)) * look.factor - 0.5
    reach = max(2, round(1.5 * look.factor))
    offsets = np.arange(-reach, reach + 1)
    on_sheet = (straight > 0) & (straight < height - 1)
    if known is not None:
        on_sheet &= known[np.clip(np.rint(straight).astype(np.intp), 0, height - 1), x]
    if on_sheet.sum() < 0.3 * width:
        return None
    band = _sampled(darkness, straight[None] + offsets[:, None])
    band = np.minimum(band, _CAP)
    # Where the rule truly runs: the centre of the darkness along pieces, through a parabola.
    pieces = np.array_split(np.flatnonzero(on_sheet), min(24, max(4, int(on_sheet.sum()) // 12)))
    middles, places, weights = [], [], []
    for piece in pieces:
        column = np.median(band[:, piece], axis=1)
        column = column - column.min()
        if column.sum() <= 1e-6:
            continue
        middles.append(piece.mean())
        places.append(float((column * offsets).sum() / column.sum()))
        weights.append(float(column.max()))
    if len(middles) < 3:
        return None
    scaled = (np.array(middles) - width / 2) / width
    w = np.array(weights)
    bend = np.polynomial.polynomial.polyfit(scaled, np.array(places), 2 if len(middles) > 6 else 1, w=w)
    path = straight + np.clip(np.polynomial.polynomial.polyval((x - width / 2) / width, bend), -reach, reach)
    middle = _sampled(darkness, path[None] + np.array([-0.5, 0.0, 0.5])[:, None]).mean(axis=0)
    aside = max(2.0, 1.5 * look.factor + 1.0)
    beside = _sampled(darkness, path[None] + np.array([-aside, aside])[:, None])
    # Ink beside the rule is no paper: the lighter side counts, where they differ.
    lift = (middle - np.minimum(beside.mean(axis=0), 2 * beside.min(axis=0) + 0.02))[on_sheet]
    level = float(np.median(lift))
    if level < _FAINTEST:
        return None
    along = ndimage.uniform_filter1d(np.minimum(lift, 2 * level), _SEEN_PX)
    # Ink across or along a rule hides it.
    hidden = ndimage.uniform_filter1d(middle, 5)[on_sheet] > 2.5 * level
    seen = float(((along > 0.4 * level) | hidden).mean())
    if seen < _SEEN or hidden.mean() > 0.5:
        return None
    path = np.where(on_sheet | (known is None), path, np.nan)
    return path, level, seen


def _sampled(field: Field, rows: Floats) -> Floats:
    """Values of a field (H, W) at rows (M, W), linear between pixels, edge values beyond."""
    height, width = field.shape
    rows = np.clip(rows, 0, height - 1)
    low = np.minimum(np.floor(rows).astype(np.intp), height - 2)
    part = rows - low
    column = np.arange(width)[None]
    return np.asarray(field[low, column] * (1 - part) + field[low + 1, column] * part)


def _across(darkness: Field, path: Floats) -> tuple[Floats, Mask]:
    """Darkness at steps of a pixel across a rule, (M, W), and where the rule is on the sheet, (W,)."""
    reach = max(_ACROSS_PX, round(0.004 * max(darkness.shape)))
    known = np.isfinite(path)
    at = np.where(known, path, 0.0)
    return _sampled(darkness, at[None] + np.arange(-reach, reach + 1)[:, None]), known


def _lay(path: Floats, across: tuple[Floats, Mask], most: Floats, target: Field) -> None:
    """Adds one rule's own darkness along its path (W,), at most ``most`` (M,), to ``target`` (H, W)."""
    height, width = target.shape
    table, known = across
    reach = len(table) // 2
    at = np.where(known, path, 0.0)
    window = max(_WINDOW_PX, width // 5) | 1
    along = np.minimum(_running_median(table[:, known], window), most[:, None])
    # Nearest to paper at the ends of the profile: what is there is no rule.
    along = np.maximum(along - np.minimum(along[0], along[-1])[None], 0.0)
    profile = np.zeros_like(table)
    profile[:, known] = along
    low = np.floor(at).astype(np.intp)
    for step in range(-reach, reach + 2):
        row = low + step
        distance = row - at + reach
        ok = known & (row >= 0) & (row < height) & (distance >= 0) & (distance <= 2 * reach)
        column = np.flatnonzero(ok)
        d = distance[column]
        i = np.minimum(np.floor(d).astype(np.intp), 2 * reach - 1)
        value = profile[i, column] * (1 - (d - i)) + profile[i + 1, column] * (d - i)
        target[row[column], column] = np.maximum(target[row[column], column], value)


def _running_median(table: Floats, window: int) -> Floats:
    """The median of each row of (M, K) within ``window`` columns, on a step of the window's tenth."""
    count = table.shape[1]
    if count <= window:
        return np.repeat(np.median(table, axis=1, keepdims=True), count, axis=1)
    step = max(1, window // 10)
    centres = np.arange(0, count + step, step)
    values = np.stack(
        [np.median(table[:, max(0, c - window // 2) : c + window // 2 + 1], axis=1) for c in centres], axis=1
    )
    return np.stack([np.interp(np.arange(count), centres, row) for row in values])
