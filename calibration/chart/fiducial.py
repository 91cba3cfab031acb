"""The figures by which a scan of a chart is found: squares of 6 x 6 modules.

Nouns:
    module    one little square of a figure, dark or light
    figure    a frame of dark modules around 4 x 4 code modules; light paper around it
    code      the number that the 4 x 4 modules spell, row by row, least bit first

The codes were chosen so that any two of them differ in five modules or more, in every
rotation and mirrored; so do the rotations and the mirror images of one code. Two
modules read wrongly are corrected, and a mirrored scan is told from a turned one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.errors import ChartError

# Modules of a side, frame included.
MODULES = 6
# Light modules that must stay free around a figure.
QUIET_MODULES = 1
# Least number of modules in which two codes differ; see above.
CODE_DISTANCE = 5
CODES = (
    0x015B,
    0x01E7,
    0x02BA,
    0x05B9,
    0x072E,
    0x138B,
    0x14EB,
    0x179C,
    0x1AB4,
    0x1BC5,
    0x1D97,
    0x2D77,
    0x3A6F,
)
_CODE_SIDE = MODULES - 2


def code_modules(number: int) -> NDArray[np.bool_]:
    """The code modules (4, 4) of a figure, True = dark, row 0 on top.

    Raises:
        ChartError: if there is no figure of this number.
    """
    if not 0 <= number < len(CODES):
        raise ChartError(f"There is no fiducial {number}: there are 0 to {len(CODES) - 1}.")
    bits = np.array([CODES[number] >> k & 1 for k in range(_CODE_SIDE**2)], dtype=bool)
    return bits.reshape(_CODE_SIDE, _CODE_SIDE)


def modules(number: int) -> NDArray[np.bool_]:
    """A whole figure (6, 6), True = dark, row 0 on top, column 0 on the left.

    Raises:
        ChartError: if there is no figure of this number.
    """
    figure = np.ones((MODULES, MODULES), dtype=bool)
    figure[1:-1, 1:-1] = code_modules(number)
    return figure


def dark_runs(number: int) -> list[tuple[float, float, float, float]]:
    """Rectangles that make up a figure, as (x0, y0, x1, y1) in modules from its lower left corner, y up.

    The frame is four of them, so that it is drawn in long strokes without gaps. Inside it, dark
    modules side by side are one rectangle, and equal ones above each other too.
    """
    side = float(MODULES)
    frame = [(0.0, 0.0, side, 1.0), (0.0, side - 1, side, side), (0.0, 1.0, 1.0, side - 1)]
    frame.append((side - 1, 1.0, side, side - 1))
    code = code_modules(number)
    open_runs: dict[tuple[int, int], int] = {}  # (first, last + 1) column -> row where it began
    done: list[tuple[float, float, float, float]] = []
    for row in range(_CODE_SIDE + 1):
        now: set[tuple[int, int]] = set()
        if row < _CODE_SIDE:
            edges = np.flatnonzero(np.diff(np.concatenate([[False], code[row], [False]]).astype(np.int8)))
            now = {(int(a), int(b)) for a, b in edges.reshape(-1, 2)}
        for run in sorted(set(open_runs) - now):
            top = open_runs.pop(run)
            y0, y1 = MODULES - 1.0 - row, MODULES - 1.0 - top
            done.append((run[0] + 1.0, y0, run[1] + 1.0, y1))
        for run in sorted(now - set(open_runs)):
            open_runs[run] = row
    return frame + sorted(done)
