"""The arrays underneath the refinement.

Functions that numpy and its likes have under one name are called on ``xp``; where they differ, an
engine translates. Sums run over neighbouring rows in a fixed order, so that the same input gives
the same bits.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

# An array of the library: its exact type would be longer than the code that uses it.
Array: TypeAlias = Any


class Engine(Protocol):
    """What ``capsules`` needs beyond the functions that numpy and torch share."""

    xp: Any
    chunk_pairs: int

    def floats(self, values: NDArray[Any]) -> Array:
        """32-bit floats on the device."""
        ...

    def reals(self, values: Array) -> Array:
        """Whole numbers or truths as 32-bit floats."""
        ...

    def whole(self, values: Array) -> Array:
        """Rounded down, as 64-bit integers."""
        ...

    def arange(self, count: int) -> Array:
        """0, 1, ... as 64-bit integers."""
        ...

    def repeat(self, values: Array, counts: Array) -> Array:
        """Each value so many times."""
        ...

    def scatter_max(self, target: Array, where: Array, values: Array) -> None:
        """``target[where] = max(target[where], values)``, in place; places may repeat."""
        ...

    def runs(self, values: Array) -> tuple[Array, Array]:
        """The distinct values of ascending ones, and how often each comes."""
        ...

    def group_sums(self, rows: list[Array], counts: Array) -> NDArray[np.float64]:
        """Sums of each row (P,) over groups of so many neighbours, (R, G); no group is empty."""
        ...

    def numpy(self, values: Array) -> NDArray[Any]:
        """As a numpy array."""
        ...


class NumpyEngine:
    """numpy on the CPU."""

    xp: Any = np
    # Pairs worked on at once: a dozen arrays of this many 32-bit floats fit into a cache of 2 MB.
    chunk_pairs = 40_000

    def floats(self, values: NDArray[Any]) -> Array:
        """See ``Engine``."""
        return np.asarray(values, dtype=np.float32)

    def reals(self, values: Array) -> Array:
        """See ``Engine``."""
        return np.asarray(values, dtype=np.float32)

    def whole(self, values: Array) -> Array:
        """See ``Engine``."""
        return np.floor(values).astype(np.int64)

    def arange(self, count: int) -> Array:
        """See ``Engine``."""
        return np.arange(count)

    def repeat(self, values: Array, counts: Array) -> Array:
        """See ``Engine``."""
        return np.repeat(values, counts)

    def scatter_max(self, target: Array, where: Array, values: Array) -> None:
        """See ``Engine``."""
        np.maximum.at(target, where, values)

    def runs(self, values: Array) -> tuple[Array, Array]:
        """See ``Engine``."""
        starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
        return values[starts], np.diff(starts, append=len(values))

    def group_sums(self, rows: list[Array], counts: Array) -> NDArray[np.float64]:
        """See ``Engine``."""
        starts = np.cumsum(counts) - counts
        return np.stack([np.add.reduceat(row, starts) for row in rows]).astype(np.float64)

    def numpy(self, values: Array) -> NDArray[Any]:
        """See ``Engine``."""
        return np.asarray(values)
