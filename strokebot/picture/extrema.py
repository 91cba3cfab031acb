"""Running maxima and minima over windows, as ``scipy.ndimage`` gives them, several times as fast.

Symbols: n = window, px; M_k(x) = max of k values from x on.
    M_1 = f,   M_2k(x) = max(M_k(x), M_k(x + k)),   M_n(x) = max(M_m(x), M_m(x + n - m)),
with m the greatest power of 2 up to n.

So a window costs log2 n steps, each of which a processor does for many pixels at once. The picture is
taken in strips that stay in the cache, and goes on beyond its border as it is there. Each strip is read
before it is written, so that a picture may be replaced by its own extrema.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Values of a strip, 256 KB of float32, and its least columns: what lies in a line of the cache is used.
_STRIP = 65536
_LEAST_COLUMNS = 64


def running_maximum(
    field: NDArray[Any], size: int, axis: int, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """``ndimage.maximum_filter1d(field, size, axis, mode="nearest")`` of (H, W).

    Args:
        field: (H, W).
        size: odd window, px.
        axis: 0 or 1.
        out: where to write it, which may be the field itself; None for a new array.
    """
    return _running(field, size, axis, np.maximum, out)


def running_minimum(
    field: NDArray[Any], size: int, axis: int, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """``ndimage.minimum_filter1d(field, size, axis, mode="nearest")`` of (H, W); see ``running_maximum``."""
    return _running(field, size, axis, np.minimum, out)


def square_maximum(field: NDArray[Any], size: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The greatest value in the square of ``size`` px round each pixel of (H, W); see ``running_maximum``."""
    found = running_maximum(field, size, 0, out)
    return running_maximum(found, size, 1, found)


def square_minimum(field: NDArray[Any], size: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The least value in the square of ``size`` px round each pixel of (H, W); see ``running_maximum``."""
    found = running_minimum(field, size, 0, out)
    return running_minimum(found, size, 1, found)


def _running(
    field: NDArray[Any], size: int, axis: int, extreme: np.ufunc, out: NDArray[Any] | None
) -> NDArray[Any]:
    assert size % 2 == 1
    if out is None:
        out = np.empty(field.shape, dtype=field.dtype)
    if size == 1:
        np.copyto(out, field)
        return out
    length, others = field.shape[axis], field.shape[1 - axis]
    reach = size // 2
    # Rows of a strip lie side by side, columns in lines of the cache at least.
    step = max(_LEAST_COLUMNS if axis == 0 else 1, _STRIP // (length + size))
    for first in range(0, others, step):
        part = np.s_[:, first : first + step] if axis == 0 else np.s_[first : first + step]
        pad = [(0, 0), (0, 0)]
        pad[axis] = (reach, reach)
        work = np.pad(field[part], pad, mode="edge")
        width = 1
        while 2 * width <= size:
            work = _step(work, width, axis, extreme)
            width *= 2
        out[part] = _step(work, size - width, axis, extreme) if size > width else work
    return out


def _step(work: NDArray[Any], shift: int, axis: int, extreme: np.ufunc) -> NDArray[Any]:
    """The extreme of each value and that ``shift`` px on; so many fewer along the axis."""
    if axis == 0:
        return np.asarray(extreme(work[:-shift], work[shift:]))
    return np.asarray(extreme(work[:, :-shift], work[:, shift:]))
