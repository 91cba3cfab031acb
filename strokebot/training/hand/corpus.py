"""Pictures whose pen ways are known, at many sizes, pens and slants.

Nouns:
    source    where strokes come from: a stroke set (its training writers alone), walks of the tour
              (``walks``), or made curves (``made``)
    drawing   a picture with its true strokes and the style that they show

Strokes of a sample are warped a little (slant, turn, aspect), sized in line widths, drawn with a
round pen and, now and then, worn: the line's width swells, or the picture is blurred. Words are now
and then set side by side, as a page would have them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from strokebot.hand.retina import Floats, WorkPicture, prepare
from strokebot.raster import draw_ink
from strokebot.training.data.strokes import StrokeSet, is_held_out, load_strokes
from strokebot.training.hand.made import made
from strokebot.training.hand.walks import WALKS_NAME, load_walks

HAND, ONE_LINE = 0.0, 1.0
# Share of the training writers of UNIPEN, and of the characters of sets that are split by them, that no
# training sees, for choosing settings, and the text that goes before a name when it is hashed.
VALIDATION_SHARE = 0.05
_VALIDATED = ("unipen/", "character/")
_VALIDATION_SALT = "strokebot validation writers v1"
MADE = "made"
# Sizes in line widths: of what (0 = height, 1 = longer side), least, most. Sampled evenly in the logarithm.
_SIZES: dict[str, tuple[int, float, float]] = {
    "unipen_words": (0, 11.0, 32.0),
    "unipen_lower": (1, 9.0, 36.0),
    "unipen_upper": (1, 9.0, 36.0),
    "unipen_digits": (1, 9.0, 36.0),
    "omniglot": (1, 12.0, 40.0),
    "kanjivg": (1, 22.0, 60.0),
    "hanzi": (1, 22.0, 60.0),
    MADE: (1, 20.0, 90.0),
}
# A word is at most so many times as wide as its height says, as the benchmarks size them.
_MOST_ASPECT = 12.0
_MARGIN_WIDTHS = 2.0
_SHEAR = 0.15
_TURN_DEGREES = 3.0
_FAR_TURN_DEGREES = 30.0
_ASPECT = 0.12
# Shares of: pictures turned far, other pens than 3 px, swelling lines, blurred pictures, words in company.
_FAR_TURN, _OTHER_PEN, _SWELLING, _BLURRED, _COMPANY = 0.06, 0.2, 0.15, 0.2, 0.15
_PEN_PX = (2.5, 3.6)
_OTHER_PENS_PX = (1.5, 8.0)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture with the way of its pen.

    Attributes:
        picture: ready to be looked at.
        ways: the true strokes, (K, 2) each, in their order, work px.
        style: ``HAND`` or ``ONE_LINE``.
    """

    picture: WorkPicture
    ways: list[Floats]
    style: float


def is_validation(writer: str) -> bool:
    """Whether a training writer is kept for choosing settings; a fixed function of the name."""
    digest = hashlib.sha256(f"{_VALIDATION_SALT}:{writer}".encode()).digest()
    return writer.startswith(_VALIDATED) and int.from_bytes(digest[:8], "big") < VALIDATION_SHARE * 2**64


def training_part(strokes: StrokeSet) -> StrokeSet:
    """The samples of a set that training sees: neither held-out writers nor those for choosing."""
    names, which = np.unique(strokes.writer, return_inverse=True)
    kept = np.array([not is_held_out(str(name)) and not is_validation(str(name)) for name in names])
    return strokes.subset(kept[which.reshape(-1)])


def validation_part(strokes: StrokeSet) -> StrokeSet:
    """The samples of a set that are kept for choosing settings."""
    names, which = np.unique(strokes.writer, return_inverse=True)
    kept = np.array([not is_held_out(str(name)) and is_validation(str(name)) for name in names])
    return strokes.subset(kept[which.reshape(-1)])


class Corpus:
    """Draws pictures from its sources.

    Args:
        folder: data folder.
        weights: how often each source is drawn from: names of stroke sets, ``MADE``, ``WALKS_NAME``.
        part: which samples of a set it draws from.

    Raises:
        DataError: if a set is missing or damaged.
    """

    def __init__(
        self,
        folder: Path,
        weights: Mapping[str, float],
        part: Callable[[StrokeSet], StrokeSet] = training_part,
    ) -> None:
        self._sets: dict[str, StrokeSet] = {}
        for name, weight in weights.items():
            if weight > 0 and name != MADE:
                found = load_walks(folder) if name == WALKS_NAME else load_strokes(folder, name)
                self._sets[name] = part(found)
        self.names = [name for name, weight in weights.items() if weight > 0]
        share = np.array([weights[name] for name in self.names], np.float64)
        self._share: Floats = share / share.sum()

    def drawing(self, rng: np.random.Generator) -> Drawing:
        """The next picture."""
        name = self.names[int(rng.choice(len(self.names), p=self._share))]
        style, kind = HAND, name
        if name == MADE:
            strokes = made(rng)
            style = ONE_LINE if len(strokes) == 1 and rng.random() < 0.5 else HAND
        else:
            chosen = self._sets[name]
            sample = int(rng.integers(len(chosen)))
            strokes = [s.astype(np.float64) for s in chosen.strokes(sample)]
            if name == WALKS_NAME:
                style, kind = ONE_LINE, str(chosen.label[sample])
            elif name == "unipen_words" and rng.random() < _COMPANY:
                strokes = self._company(strokes, chosen, rng)
        return drawn(strokes, kind, style, rng)

    def _company(self, strokes: list[Floats], chosen: StrokeSet, rng: np.random.Generator) -> list[Floats]:
        """A word with one or two others to its right."""
        height = float(np.ptp(np.concatenate(strokes)[:, 1]))
        for _ in range(int(rng.integers(1, 3))):
            other = [s.astype(np.float64) for s in chosen.strokes(int(rng.integers(len(chosen))))]
            everything = np.concatenate(other)
            scale = height / max(float(np.ptp(everything[:, 1])), 1.0)
            right = float(np.concatenate(strokes)[:, 0].max())
            gap = rng.uniform(0.2, 0.6) * height
            low = everything.min(axis=0)
            top = float(np.concatenate(strokes)[:, 1].min())
            strokes = strokes + [(s - low) * scale + [right + gap, top] for s in other]
        return strokes


def drawn(strokes: list[Floats], kind: str, style: float, rng: np.random.Generator) -> Drawing:
    """Strokes in any unit as a picture, warped, sized and worn by chance."""
    shear, aspect = rng.uniform(-_SHEAR, _SHEAR), np.exp(rng.uniform(-_ASPECT, _ASPECT))
    turn = np.radians(rng.uniform(-1, 1) * (_FAR_TURN_DEGREES if rng.random() < _FAR_TURN else _TURN_DEGREES))
    cos, sin = np.cos(turn), np.sin(turn)
    warp = np.array([[cos, sin], [-sin, cos]]) @ np.array([[aspect, 0.0], [shear, 1.0]])
    strokes = [np.asarray(s, np.float64) @ warp for s in strokes]
    everything = np.concatenate(strokes)
    low, size = everything.min(axis=0), np.ptp(everything, axis=0)
    of, least, most = _SIZES.get(kind, _SIZES["unipen_words"])
    widths = np.exp(rng.uniform(np.log(least), np.log(most)))
    pen = rng.uniform(*_PEN_PX)
    if rng.random() < _OTHER_PEN:
        pen = np.exp(rng.uniform(*np.log(_OTHER_PENS_PX)))
    side = max(float(size[1]), float(size.max()) / _MOST_ASPECT) if of == 0 else float(size.max())
    scale = widths * pen / max(side, 1e-9)
    margin = _MARGIN_WIDTHS * pen
    runs = [(s - low) * scale + margin for s in strokes]
    shape = (int(np.ceil(size[1] * scale + 2 * margin)), int(np.ceil(size[0] * scale + 2 * margin)))
    ink = ink_of(runs, pen, shape, rng if rng.random() < _SWELLING else None)
    if rng.random() < _BLURRED:
        ink = np.asarray(gaussian_filter(ink, rng.uniform(0.1, 0.25) * pen), np.float32)
    picture = prepare(ink)
    return Drawing(picture, [run * picture.unit for run in runs], style)


def ink_of(
    runs: list[Floats], pen_px: float, shape: tuple[int, int], rng: np.random.Generator | None = None
) -> NDArray[np.float32]:
    """Strokes (K, 2), px, drawn with a round pen; its width swells where a generator is given."""
    rows = [np.repeat(run, 2, axis=0) if len(run) == 1 else run for run in runs]
    points = np.concatenate(rows)
    down = np.concatenate([np.arange(len(run)) > 0 for run in rows])
    width = np.full(len(points), pen_px)
    if rng is not None:
        slow = gaussian_filter1d(rng.normal(size=len(points)), 4.0, mode="nearest")
        width = width * np.exp(np.clip(0.25 * slow / max(float(slow.std()), 1e-9), -0.4, 0.4))
    return draw_ink(points, width, np.ones(len(points)), down, shape)
