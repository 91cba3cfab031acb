"""Distances on a pixel grid, computed where they are asked for.

Symbols, px, between pixel centres:
    nearest(x)   the pixel of a mask that lies nearest to x (the feature transform of the mask)
    d(x)         |x - nearest(x)|

The feature transform of all pixels takes about as long as turning it into distances of all
pixels; drawings are mostly paper, so distances are taken at the pixels that matter alone, and
within the reach that matters. Thin lines need no transform: their depth is at hand.

Source: C. R. Maurer, R. Qi, V. Raghavan, "A linear time algorithm for computing exact Euclidean
distance transforms of binary images in arbitrary dimensions", IEEE PAMI 25, 2003 (scipy's).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects, label, maximum_filter

# Distances within reach are looked for in squares of this side, px.
_CELL_PX = 32
# So many looks aside a pixel of the picture take about as long as the transform does.
_WORK_PER_PX = 1.5


def nearest(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Row and column (H, W) of the nearest pixel of a mask (H, W) that has at least one."""
    rows, columns = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return rows, columns


def distance_at(
    mask: NDArray[np.bool_],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    *,
    reach: float = np.inf,
) -> NDArray[np.float64]:
    """Distance of some pixels to the nearest pixel of a mask.

    Args:
        mask: (H, W).
        rows: (K,) rows of the pixels.
        columns: (K,) their columns.
        reach: distances up to this one are wanted.

    Returns:
        (K,) distances, px; inf where there is none within ``reach`` for sure.
    """
    y, x = nearest_at(mask, rows, columns, reach=reach)
    return np.where(y >= 0, np.hypot(y - rows, x - columns), np.inf)


def nearest_at(
    mask: NDArray[np.bool_],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    *,
    reach: float = np.inf,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Row and column (K,) of the pixel of a mask that lies nearest to some pixels; see ``distance_at``.

    Both are -1 where there is none within ``reach`` for sure.
    """
    if max(mask.shape) < 2 * _CELL_PX + reach and mask.any():
        y, x = nearest(mask)
        return y[rows, columns], x[rows, columns]
    found_y, found_x = (np.full(len(rows), -1, dtype=np.int32) for _ in range(2))
    if mask.any():
        region, boxes = _regions(mask, reach)
        of = region[rows // _CELL_PX, columns // _CELL_PX]
        for number, (down, across) in enumerate(boxes, start=1):
            own = np.flatnonzero(of == number)
            if len(own):
                y, x = nearest(mask[down, across])
                r, c = rows[own] - down.start, columns[own] - across.start
                found_y[own], found_x[own] = y[r, c] + down.start, x[r, c] + across.start
    return found_y, found_x


def _regions(mask: NDArray[np.bool_], reach: float) -> tuple[NDArray[np.int32], list[tuple[slice, slice]]]:
    """Cells within reach of a mask's pixels, numbered by region, and the box (px) of each region."""
    height, width = mask.shape
    cells = np.zeros((-(-height // _CELL_PX), -(-width // _CELL_PX)), dtype=bool)
    rows, columns = np.nonzero(mask)
    cells[rows // _CELL_PX, columns // _CELL_PX] = True
    around = int(np.ceil(reach / _CELL_PX))
    near = maximum_filter(cells, size=2 * around + 1, mode="constant")
    region = np.asarray(label(near, np.ones((3, 3), dtype=bool))[0], dtype=np.int32)
    return region, [
        (
            slice(y.start * _CELL_PX, min(y.stop * _CELL_PX, height)),
            slice(x.start * _CELL_PX, min(x.stop * _CELL_PX, width)),
        )
        for y, x in find_objects(region)
    ]


def depth(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance (H, W) of each pixel of a mask to the nearest one outside it, 0 outside.

    Beyond the edge of the picture everything is outside: ink that runs off the picture ends there.
    """
    found = np.zeros(mask.shape, dtype=np.float32)
    rows, columns = np.nonzero(mask)
    if len(rows):
        square = _square_depth(mask, rows, columns)
        if square is None:
            found[rows, columns] = distance_at(np.pad(~mask, 1, constant_values=True), rows + 1, columns + 1)
        else:
            found[rows, columns] = np.sqrt(square)
    return found


def _square_depth(
    mask: NDArray[np.bool_], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.int32] | None:
    """Square depths (K,) of a mask's pixels, quick for thin lines; None where the transform is quicker.

    v(x) is the depth of x in its own column; then d(x)^2 is the least of k^2 + v(x +- k along the row)^2.
    Only pixels with d > k look k pixels aside, and in thin lines these are soon few.
    """
    height, width = mask.shape
    upright = np.zeros((height + 2, width + 2), dtype=np.int32)
    upright[1:-1, 1:-1] = _column_depth(mask)
    flat = upright.ravel()
    at = (rows + 1) * (width + 2) + columns + 1
    best = np.square(flat[at])
    work, most, k = 0, _WORK_PER_PX * mask.size, 1
    active = np.flatnonzero(best > 1)
    while len(active):
        work += len(active)
        if work > most:
            return None
        here = at[active]
        aside = np.minimum(flat[here - k], flat[here + k])
        best[active] = np.minimum(best[active], aside * aside + k * k)
        k += 1
        active = active[best[active] > k * k]
    return np.asarray(best)


def _column_depth(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Pixels (H, W) from each pixel of a mask to the nearest one above or below it that is outside."""
    columns, rows = np.nonzero(np.ascontiguousarray(mask.T))
    begins = np.flatnonzero((np.diff(columns, prepend=-1) != 0) | (np.diff(rows, prepend=-2) != 1))
    ends = np.append(begins[1:], len(rows))
    place = np.arange(len(rows)) - np.repeat(begins, ends - begins)
    found = np.zeros(mask.shape, dtype=np.int32)
    found[rows, columns] = np.minimum(place + 1, np.repeat(ends - begins, ends - begins) - place)
    return found
