"""How much of the paper a line covers, by its width and its ripple; and the reverse.

Neighbouring lines run side by side, a spacing apart. Two things darken a line: it
can be drawn wider, and it can swing from side to side. A pen of one width has only
the second; a brush hardly needs it.

Symbols, all lengths in one unit:
    s            spacing of the lines
    w_0, w_1     thinnest and widest line of the pen
    u            the drive, in [0, 1]: 0 = lightest line, 1 = darkest
    u_r          the drive at which the line has its full width and starts to ripple
    w, A, l      width, amplitude and wavelength of the line at u:
                 u <= u_r:  w = w_0 + (w_1 - w_0) u / u_r,  A = 0
                 u >= u_r:  q = (u - u_r) / (1 - u_r),  w = w_1,
                            A = A_1 sqrt(q),  l = l_0 (l_1 / l_0)^q,
                            the ripple is A tanh(f sin p) / tanh(f)
    c(u)         share of the paper that is covered

c is measured, not derived: one wave of the line and of both neighbours is laid on a fine
grid, and a grid point is covered if it lies within w / 2 of a line. That counts what
overlaps once, the neighbours included. c rises with u, so that the reverse is an interpolation.

The square root lets the amplitude grow first, while the wave is still long: long
waves have gentle bends, which a machine draws faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

# The spacing is the widest line's, so that the darkest tone leaves no paper, unless the
# thinnest line would then cover more than this share of it and light areas could not be told
# from grey ones.
LIGHTEST_WANTED = 0.28
# Greatest spacing, in widest lines: beyond it the lines themselves are what one sees.
WIDEST_SPACING = 3.5
# A ripple is worth its bends only if a straight line of full width covers less than this.
_DARK_ENOUGH = 0.9
# Wavelengths of the faintest and of the strongest ripple, in widest lines. The longest is too short to
# be seen as a wave from where the lines melt into grey; at the shortest, flanks nearly touch.
_LONGEST_WAVE = 3.0
_SHORTEST_WAVE = 1.75
# Flatness of the ripple's crests: 0 is a sine, beyond 3 the flanks are steps.
_FLATNESS = 1.5
# Drives in the table, and grid points across a spacing.
_TABLE = 33
_GRID = 48


@dataclass(frozen=True)
class Response:
    """Line width and ripple of a pen at a spacing, as functions of the drive.

    Attributes:
        thinnest: w_0.
        widest: w_1, at least w_0.
        spacing: s, at least w_1.
        coarse: how many times the waves are longer than they could be, at least 1; for
            drawings so large that the finest ripple would have too many points.
    """

    thinnest: float
    widest: float
    spacing: float
    coarse: float = 1.0

    @property
    def ripples(self) -> bool:
        """Whether width alone is too little, so that dark tones ripple."""
        return self.widest < _DARK_ENOUGH * self.spacing

    @property
    def ripple_from(self) -> float:
        """u_r: the drives are shared out by what width and ripple add to the coverage."""
        if not self.ripples:
            return 1.0
        straight = self.widest - self.thinnest
        return straight / (straight + self.spacing - self.widest)

    @property
    def amplitude(self) -> float:
        """A_1: each line stays in its strip, so that its coverage does not hang on its neighbours' phase."""
        return (self.spacing - self.widest) / 2 if self.ripples else 0.0

    @property
    def shortest_wave(self) -> float:
        """l_1."""
        return _SHORTEST_WAVE * self.widest * self.coarse

    def line(
        self, drive: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Width, amplitude and wavelength at drives in [0, 1], each of their shape."""
        start = self.ripple_from
        grown = np.clip(drive / max(start, 1e-9), 0.0, 1.0)
        width = self.widest - (self.widest - self.thinnest) * (1.0 - grown)
        if not self.ripples:
            return width, np.zeros_like(drive), np.full_like(drive, self.spacing)
        q = np.clip((drive - start) / (1.0 - start), 0.0, 1.0)
        wave = self.widest * self.coarse * _LONGEST_WAVE * (_SHORTEST_WAVE / _LONGEST_WAVE) ** q
        return width, self.amplitude * np.sqrt(q), wave

    @cached_property
    def table(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Drives (n,) and the coverage (n,) at each, rising."""
        drive = np.linspace(0.0, 1.0, _TABLE)
        width, amplitude, wave = self.line(drive)
        covered = [self._covered(*values) for values in zip(width, amplitude, wave, strict=True)]
        return drive, np.maximum.accumulate(np.array(covered))

    @property
    def range(self) -> tuple[float, float]:
        """Coverage of the lightest and of the darkest line."""
        covered = self.table[1]
        return float(covered[0]), float(covered[-1])

    def drive_for(self, coverage: NDArray[np.float64]) -> NDArray[np.float64]:
        """The drives that cover a share of the paper, clipped to the range of the pen."""
        drive, covered = self.table
        rising = np.concatenate([[True], np.diff(covered) > 1e-9])
        return np.asarray(np.interp(coverage, covered[rising], drive[rising]))

    def _covered(self, width: float, amplitude: float, wave: float) -> float:
        """Share of one wave of one strip (wave x spacing) that lies within width / 2 of a line."""
        if amplitude == 0.0:
            return min(1.0, width / self.spacing)
        count = max(16, int(np.ceil(_GRID * wave / self.spacing)))
        x = (np.arange(count) + 0.5) * (wave / count)
        # The line as points close together; a neighbour's phase is a matter of chance, and half a
        # wave later is the middle between swinging together and swinging apart.
        dense = np.arange(-4.0 * count, 8.0 * count) * (wave / (4 * count))
        points = [
            np.column_stack([dense, amplitude * swing(2 * np.pi * dense / wave + phase) + shift])
            for shift, phase in ((0.0, 0.0), (-self.spacing, np.pi / 2), (self.spacing, np.pi / 2))
        ]
        y = (np.arange(_GRID) + 0.5) / _GRID * self.spacing - self.spacing / 2
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        distance, _ = cKDTree(np.concatenate(points)).query(grid)
        # A grid point stands for a cell: a soft edge one cell wide takes the steps out of c.
        cell = self.spacing / _GRID
        return float(np.clip((width / 2 - distance) / cell + 0.5, 0.0, 1.0).mean())


def swing(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ripple, in [-1, 1]: a sine with flattened crests, which leave less paper between them."""
    return np.asarray(np.tanh(_FLATNESS * np.sin(phase)) / np.tanh(_FLATNESS))


def response(thinnest: float, widest: float) -> Response:
    """The response of a pen at the spacing that suits it."""
    spacing = max(widest, min(thinnest / LIGHTEST_WANTED, WIDEST_SPACING * widest))
    return Response(thinnest, widest, spacing)
