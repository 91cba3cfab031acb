"""A figure as data: panels with their axes and what lies in them, keys, a title line.

Nouns:
    panel    a rectangle of the page with an axis of x and one of y
    item     what lies in a panel, in the units of its axes: a picture, a line, marks, an area, words
    note     words beside a panel, at a height of it
    key      samples of lines, marks and colours with what they mean

Places on the page are inches from its upper left corner. What lies later in a list lies on top.
``paint.py`` makes the picture of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LABEL_PT = 9.0
SMALL_PT = 8.0
# Room for one tick, inch, and most ticks of an axis.
_TICK_INCH = 0.45
_MOST_TICKS = 8
# Round numbers between ticks, in powers of ten.
_STEPS = (1.0, 2.0, 2.5, 5.0)

# Left edge, upper edge, width and height on the page, inch.
Place = tuple[float, float, float, float]
Shape = Literal["circle", "square", "cross", "plus", "dot"]


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels over a rectangle.

    Attributes:
        pixels: (H, W, 3) uint8 colours.
        extent: left, right, lower and upper edge, in the units of the axes.
    """

    pixels: NDArray[np.uint8]
    extent: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Line:
    """A polyline; NaN parts it.

    Attributes:
        xy: (N, 2) points.
        colour: its colour.
        width_pt: its width, points.
        dashed: whether it is dashed.
    """

    xy: NDArray[np.float64]
    colour: str
    width_pt: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class TimedLine:
    """A polyline coloured by time.

    Attributes:
        xy: (N, 2) points.
        drawn: (N,) True where the piece k-1 -> k is there.
        time: (N,) times at the points, not decreasing; from 0.
        last: the time that has the last colour.
        width_pt: its width, points.
    """

    xy: NDArray[np.float64]
    drawn: NDArray[np.bool_]
    time: NDArray[np.float64]
    last: float
    width_pt: float


@dataclass(frozen=True, eq=False)
class Marks:
    """The same mark at some places.

    Attributes:
        xy: (N, 2) places.
        shape: what it looks like.
        size_pt: its size, points.
        colour: of its lines.
        fill: of its inside; None for none.
        width_pt: of its lines, points.
    """

    xy: NDArray[np.float64]
    shape: Shape
    size_pt: float
    colour: str
    fill: str | None = None
    width_pt: float = 1.0


@dataclass(frozen=True, eq=False)
class Area:
    """A polygon (N, 2) of one colour."""

    xy: NDArray[np.float64]
    colour: str


@dataclass(frozen=True)
class Words:
    """Words in the middle of a place, or right of it.

    Attributes:
        x: the place. y: the same.
        text: the words.
        colour: of the letters.
        size_pt: of the letters.
        left: whether the words end at the place.
    """

    x: float
    y: float
    text: str
    colour: str = "#000000"
    size_pt: float = SMALL_PT
    left: bool = False


Item = Picture | Line | TimedLine | Marks | Area | Words


@dataclass
class Axis:
    """One axis of a panel.

    Attributes:
        low: value at the left or lower end. high: at the other; less than ``low`` for one that runs back.
        label: what it counts, with its unit.
        ticks: where it has ticks; None for round numbers, as many as there is room for.
        numbered: whether its ticks have numbers.
    """

    low: float = 0.0
    high: float = 1.0
    label: str = ""
    ticks: Sequence[float] | None = None
    numbered: bool = True

    def places(self, inches: float) -> tuple[float, ...]:
        """Where the ticks of an axis of this length are."""
        if self.ticks is not None:
            return tuple(self.ticks)
        return round_numbers(self.low, self.high, int(min(max(inches / _TICK_INCH, 1), _MOST_TICKS)))


@dataclass
class Panel:
    """A panel; see above.

    Attributes:
        place: on the page, without its labels.
        title: above it.
        x: the horizontal axis. y: the vertical one.
        items: what lies in it.
        notes: heights on the y axis, words right of it, and their colour.
        frame: whether it has a frame.
        right: whether the ticks and the label of y are at its right.
    """

    place: Place
    title: str = ""
    x: Axis = field(default_factory=Axis)
    y: Axis = field(default_factory=Axis)
    items: list[Item] = field(default_factory=list)
    notes: list[tuple[float, str, str]] = field(default_factory=list)
    frame: bool = True
    right: bool = False

    def show(self, *items: Item) -> None:
        """Lays items on top of those that are there."""
        self.items.extend(items)

    def spanned(self, left: float, right: float, bottom: float, top: float) -> None:
        """Sets what the axes span."""
        self.x.low, self.x.high, self.y.low, self.y.high = left, right, bottom, top

    def label(self, title: str, x: str, y: str) -> None:
        """Writes the title and the labels of the axes."""
        self.title, self.x.label, self.y.label = title, x, y


@dataclass(frozen=True)
class Entry:
    """A sample of a line, a mark or a colour, wherever it lies, and what it means."""

    sample: Line | Marks | Area
    label: str


@dataclass(frozen=True)
class Key:
    """Entries in the middle of a box, in columns that are filled one after the other."""

    place: Place
    entries: Sequence[Entry]
    columns: int = 1


@dataclass
class Figure:
    """A page: its size in inches, and what is on it."""

    width: float
    height: float
    title: str = ""
    panels: list[Panel] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)

    def panel(self, left: float, top: float, width: float, height: float) -> Panel:
        """Adds an empty panel."""
        self.panels.append(Panel((left, top, width, height)))
        return self.panels[-1]


def round_numbers(low: float, high: float, most: int) -> tuple[float, ...]:
    """Equally spaced round numbers within a range: some ``most`` of them, and two at least."""
    low, high = min(low, high), max(low, high)
    if not high > low:
        return (low,)
    power = math.floor(math.log10((high - low) / most)) - 1
    steps = [base * 10.0**exponent for exponent in range(power, power + 4) for base in _STEPS]
    fit = next(k for k, step in enumerate(steps) if step * most >= (high - low) * (1 - 1e-9))
    for step in reversed(steps[: fit + 1]):
        first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
        if last > first:
            break
    return tuple(k * step + 0.0 for k in range(first, last + 1))


def numbers(ticks: Sequence[float]) -> list[str]:
    """The ticks as texts, with as many digits as tell them apart."""
    for digits in range(7):
        texts = [f"{tick:.{digits}f}" for tick in ticks]
        step = min((abs(b - a) for a, b in pairwise(ticks)), default=1.0)
        if all(abs(float(text) - tick) < 1e-3 * step for text, tick in zip(texts, ticks, strict=True)):
            return texts
    return [f"{tick:.3g}" for tick in ticks]


def apart(heights: Sequence[float], gap: float) -> list[float]:
    """Ascending shares of a height, moved as little as keeps them a gap apart and at most at 1."""
    placed = list(heights)
    for k in range(1, len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + gap)
    if placed and placed[-1] > 1.0:
        for k in range(len(placed) - 1, -1, -1):
            placed[k] = min(placed[k], 1.0 if k == len(placed) - 1 else placed[k + 1] - gap)
    return placed
