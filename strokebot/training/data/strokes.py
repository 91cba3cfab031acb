"""True pen strokes of many writers, and their resampling to a fixed number of points.

Nouns: a *stroke* is one pen-down run in the writer's own order and direction; a
*sample* is the strokes of one character or word; a *writer* is the person. Points are
int16, x right, y DOWN, the longer side of a sample's box about 1000.

Symbols of the resampling (per sample with strokes s = 1 .. S):
    L_s   arc length of stroke s
    n     points asked for,  n >= 2 S
    m_s   points of stroke s: 2 for its ends, and a share of the n - 2 S left in
          proportion to L_s, rounded by the method of largest remainders
    point j of stroke s lies at arc length  L_s j / (m_s - 1),  j = 0 .. m_s - 1

So both ends of every stroke are kept exactly, a dot (L_s = 0) stays as a drawn segment
of no length, and the one segment between two strokes is travel, not drawn.

Held-out writers: a writer is held out if the SHA-256 of the name falls into the lowest
share; this depends on nothing but the name, so a person stays on one side in every set.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strokebot.errors import DataError
from strokebot.training.data.ragged import read_npz

# File of each stroke set inside a data folder.
STROKE_FILES: dict[str, str] = {
    "unipen_digits": "unipen_digits.npz",
    "unipen_lower": "unipen_lower.npz",
    "unipen_upper": "unipen_upper.npz",
    "unipen_words": "unipen_words.npz",
    "omniglot": "omniglot_small1_strokes.npz",
    "kanjivg": "kanjivg.npz",
    "hanzi": "hanzi.npz",
}
# Sets of characters that are split by character: their writers bear the characters' names.
CHARACTER_SETS = ("kanjivg", "hanzi")
# Share of the writers that training never sees.
HELD_OUT_SHARE = 0.12
# Part of the hashed text, so that another project's hash split does not coincide with this one.
_HASH_SALT = "strokebot held-out writers v1"
# Space put between strokes on the common arc-length axis; any positive length keeps them apart.
_GAP = 1.0
# Weight of a stroke without length when points are shared out, far under one unit of length.
_DOT_LENGTH = 1e-6


def is_held_out(writer: str) -> bool:
    """Whether a writer belongs to the test writers; a fixed function of the name."""
    digest = hashlib.sha256(f"{_HASH_SALT}:{writer}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < HELD_OUT_SHARE * 2**64


@dataclass(frozen=True, eq=False)
class StrokeSet:
    """Ragged strokes of M samples.

    Attributes:
        name: of the set, for messages.
        points: (P, 2) int16, x right, y down.
        stroke_start: (S + 1,) int64; stroke k is ``points[stroke_start[k]:stroke_start[k + 1]]``.
        sample_start: (M + 1,) int64; sample i has the strokes ``sample_start[i]`` up to, without,
            ``sample_start[i + 1]``.
        label: (M,) text.
        writer: (M,) text, unique across sets (the same person has the same name in each).

    Raises:
        DataError: if the arrays do not fit together, or a stroke or sample is empty.
    """

    name: str
    points: NDArray[np.int16]
    stroke_start: NDArray[np.int64]
    sample_start: NDArray[np.int64]
    label: NDArray[np.str_]
    writer: NDArray[np.str_]

    def __post_init__(self) -> None:
        points = np.asarray(self.points)
        if points.dtype != np.int16 or points.ndim != 2 or points.shape[1] != 2:
            raise DataError(f"{self.name}: points are {points.dtype} {points.shape}, int16 (P, 2) is needed.")
        _require_bounds(self.name, "stroke_start", self.stroke_start, len(points))
        _require_bounds(self.name, "sample_start", self.sample_start, len(self.stroke_start) - 1)
        for field in ("label", "writer"):
            value = np.asarray(getattr(self, field))
            if value.dtype.kind != "U" or value.shape != (len(self.sample_start) - 1,):
                raise DataError(
                    f"{self.name}: {field} is {value.dtype} {value.shape}, text for each of the"
                    f" {len(self.sample_start) - 1} samples is needed."
                )
        for field in ("points", "stroke_start", "sample_start", "label", "writer"):
            value = np.asarray(getattr(self, field)).view()
            value.setflags(write=False)
            object.__setattr__(self, field, value)

    def __len__(self) -> int:
        return len(self.label)

    @property
    def strokes_per_sample(self) -> NDArray[np.int64]:
        """How many strokes each sample has, (M,)."""
        return np.diff(self.sample_start)

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """True for the samples of test writers, (M,)."""
        names, which = np.unique(self.writer, return_inverse=True)
        return np.array([is_held_out(str(name)) for name in names], dtype=bool)[which.reshape(-1)]

    def strokes(self, sample: int) -> list[NDArray[np.int16]]:
        """The strokes of one sample, each (K, 2)."""
        first, last = int(self.sample_start[sample]), int(self.sample_start[sample + 1])
        return [self.points[self.stroke_start[k] : self.stroke_start[k + 1]] for k in range(first, last)]

    def subset(self, index: ArrayLike) -> StrokeSet:
        """The samples of an index or of a mask (M,), in the given order."""
        chosen = np.arange(len(self))[np.asarray(index)].reshape(-1)
        strokes = _ranges(self.sample_start[chosen], self.strokes_per_sample[chosen])
        lengths = np.diff(self.stroke_start)[strokes]
        return StrokeSet(
            self.name,
            self.points[_ranges(self.stroke_start[strokes], lengths)],
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            np.concatenate([[0], np.cumsum(self.strokes_per_sample[chosen])]).astype(np.int64),
            self.label[chosen],
            self.writer[chosen],
        )

    def split(self) -> tuple[StrokeSet, StrokeSet]:
        """The samples of training writers, and those of held-out writers."""
        held_out = self.held_out
        return self.subset(~held_out), self.subset(held_out)


class Resampled(NamedTuple):
    """Samples with equally many points.

    Attributes:
        points: (M, n, 2) float32, in units of the longer side of the sample's box, the box at (0, 0).
        segment_drawn: (M, n - 1) bool, whether the pen draws from point k to point k + 1.
    """

    points: NDArray[np.float32]
    segment_drawn: NDArray[np.bool_]


def resample(strokes: StrokeSet, index: ArrayLike | None, n_points: int) -> Resampled:
    """Resamples strokes by arc length to n points a sample (equations at the top of the file).

    Args:
        strokes: the set.
        index: which samples (index array, mask or slice), or None for all.
        n_points: points a sample, at least twice its number of strokes.

    Returns:
        Points and drawn segments of the chosen samples.

    Raises:
        DataError: if a sample has too many strokes for n points.
    """
    chosen = strokes if index is None else strokes.subset(index)
    if len(chosen) == 0:
        return Resampled(np.zeros((0, n_points, 2), np.float32), np.zeros((0, max(n_points - 1, 0)), bool))
    counts = chosen.strokes_per_sample
    most = int(counts.max())
    if 2 * most > n_points:
        raise DataError(
            f"{chosen.name}: a sample has {most} strokes and needs {2 * most} points, not {n_points}."
        )
    points = chosen.points.astype(np.float64)
    first, last = chosen.stroke_start[:-1], chosen.stroke_start[1:] - 1
    # One arc-length axis for all strokes: position of each point, with a gap before each stroke.
    step = np.hypot(*np.diff(points, axis=0, prepend=points[:1]).T)
    step[first] = _GAP
    along = np.cumsum(step)
    length = along[last] - along[first]
    share = _share_points(length, counts, n_points)
    stroke_of = np.repeat(np.arange(len(share)), share)
    rank = np.arange(len(stroke_of)) - np.repeat(np.cumsum(share) - share, share)
    fraction = rank / (share[stroke_of] - 1)
    wanted = np.minimum(along[first][stroke_of] + fraction * length[stroke_of], along[last][stroke_of])
    flat = np.column_stack([np.interp(wanted, along, points[:, axis]) for axis in (0, 1)])
    table = flat.reshape(len(chosen), n_points, 2)
    # The box is that of the original points, so that resampling cannot move the glyph on its canvas.
    sample_first = chosen.stroke_start[chosen.sample_start[:-1]]
    low = np.minimum.reduceat(points, sample_first, axis=0)
    side = (np.maximum.reduceat(points, sample_first, axis=0) - low).max(axis=1)
    table = (table - low[:, None]) / np.where(side > 0, side, 1.0)[:, None, None]
    drawn = (stroke_of[1:] == stroke_of[:-1]).tolist()
    drawn.append(False)
    mask = np.array(drawn, dtype=bool).reshape(len(chosen), n_points)[:, :-1]
    return Resampled(table.astype(np.float32), mask)


def load_strokes(folder: Path, name: str) -> StrokeSet:
    """Loads a stroke set from a data folder.

    Args:
        folder: the data folder.
        name: a key of ``STROKE_FILES``.

    Raises:
        DataError: if the name is unknown, or the file missing or damaged.
    """
    if name not in STROKE_FILES:
        raise DataError(f"There is no stroke set '{name}'; name one of: {', '.join(STROKE_FILES)}.")
    path = folder / STROKE_FILES[name]
    ragged = ("points", "stroke_start", "sample_start")
    if name == "omniglot":
        arrays = read_npz(path, (*ragged, "alphabet", "alphabet_names", "char", "drawer"))
        try:
            alphabet = arrays["alphabet_names"][arrays["alphabet"].astype(np.int64)]
            label = np.array([f"{a}/{c}" for a, c in zip(alphabet, arrays["char"], strict=True)])
            # Another group of people drew each alphabet, so a drawer's number says nothing without it.
            writer = np.array([f"omniglot/{a}/{d}" for a, d in zip(alphabet, arrays["drawer"], strict=True)])
        except (IndexError, ValueError) as cause:
            raise DataError(f"{path} is damaged: alphabets, characters and drawers do not fit.") from cause
    else:
        arrays = read_npz(path, (*ragged, "label", "writer"))
        label = arrays["label"].astype(np.str_)
        maker = "" if name in CHARACTER_SETS else "unipen/"
        writer = np.array([f"{maker}{w}" for w in arrays["writer"].reshape(-1)], dtype=np.str_)
    return StrokeSet(
        name,
        arrays["points"].astype(np.int16, copy=False),
        arrays["stroke_start"].astype(np.int64),
        arrays["sample_start"].astype(np.int64),
        label,
        writer,
    )


def _require_bounds(name: str, field: str, value: NDArray[np.int64], end: int) -> None:
    """Boundaries must run from 0 to ``end`` and enclose at least one item each."""
    array = np.asarray(value)
    if array.dtype != np.int64 or array.ndim != 1 or len(array) == 0:
        raise DataError(f"{name}: {field} is {array.dtype} {array.shape}, int64 (n,) is needed.")
    if array[0] != 0 or array[-1] != end or (np.diff(array) <= 0).any():
        raise DataError(f"{name}: {field} does not run upwards from 0 to {end}; the file is damaged.")


def _ranges(start: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """The concatenation of ``start[i] .. start[i] + count[i] - 1`` over i."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    result: NDArray[np.int64] = np.arange(total) + np.repeat(start - (ends - count), count)
    return result


def _share_points(length: NDArray[np.float64], counts: NDArray[np.int64], n_points: int) -> NDArray[np.int64]:
    """Points of each stroke: two, and its share of what is left, by largest remainders.

    Args:
        length: (S,) arc length of every stroke of every sample.
        counts: (M,) strokes of each sample.
        n_points: points of each sample.
    """
    sample_of = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    weight = np.maximum(length, _DOT_LENGTH)
    left = n_points - 2 * counts
    quota = left[sample_of] * weight / np.add.reduceat(weight, first)[sample_of]
    whole = np.floor(quota).astype(np.int64)
    missing = left - np.add.reduceat(whole, first)
    order = np.lexsort((whole - quota, sample_of))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - first[sample_of]
    share: NDArray[np.int64] = 2 + whole + (rank < missing[sample_of])
    return share
