"""A figure as a PNG, painted with Pillow.

Every panel is painted finer than it is printed and then reduced, which smooths its lines; frames and
letters are laid on the printed pixels, so that they are sharp. Equal figures give equal files.
The letters are DejaVu Sans (``fonts/``), which has those of most alphabets.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from strokebot.plots.figure import (
    LABEL_PT,
    SMALL_PT,
    Area,
    Axis,
    Entry,
    Figure,
    Item,
    Key,
    Line,
    Marks,
    Panel,
    Picture,
    TimedLine,
    Words,
    apart,
    numbers,
)
from strokebot.plots.style import time_colours

PRINT_DPI = 110
_PT_PER_INCH = 72.0
# So much finer panels are painted.
_FINER = 3
_TITLE_PT = 11.0
# Paper above the title line, inch.
_TITLE_TOP_INCH = 0.07
# Between a panel and its title, points: the topmost number reaches up by half its height.
_TITLE_PAD_PT = 8.0
_FRAME_PT, _TICK_PT, _NUMBER_PAD_PT, _LABEL_PAD_PT, _NOTE_PAD_PT = 0.8, 3.0, 3.5, 2.0, 4.0
# The box of a line of text has room above its letters, which the pads below an axis make up for, points.
_ABOVE_PT = 1.5
_DASH_PT, _DASH_GAP_PT = 3.5, 1.8
# A corner that turns more than this is rounded, where a line is wide enough to show it, degrees.
_ROUNDED_DEG = 20.0
# Least distance of two notes, as a share of the panel's height.
_NOTE_GAP = 0.18
# A key: sample, gap to its words, gap of two columns, height of a row, points.
_SAMPLE_PT, _SAMPLE_GAP_PT, _COLUMN_GAP_PT, _ROW_PT, _SAMPLE_HEIGHT_PT = 20.0, 5.0, 14.0, 13.0, 6.5
# How much of the room of a sample one of an area takes.
_AREA_SHARE = 0.75
_BLACK = "#000000"
_FONT = Path(__file__).with_name("fonts") / "DejaVuSans.ttf"
# What places a text: middle of its left, right, upper edge, or its middle; of the whole line box.
_LEFT, _RIGHT, _UPPER, _MIDDLE = "lm", "rm", "ma", "mm"


@dataclass(frozen=True)
class Text:
    """A text where it is painted.

    Attributes:
        role: what it is: title, panel title, number, label, note, key, words.
        text: its letters; lines are parted.
        box: its left, upper, right and lower edge, px of the page.
        size_pt: of the letters.
        colour: of the letters.
        turned: whether it runs upwards.
        panel: index of its panel, or -1.
    """

    role: str
    text: str
    box: tuple[float, float, float, float]
    size_pt: float
    colour: str = _BLACK
    turned: bool = False
    panel: int = -1


def png_bytes(figure: Figure, dpi: float = PRINT_DPI) -> bytes:
    """Paints a figure as PNG, with no date in it, so that equal figures give equal files."""
    buffer = io.BytesIO()
    painted(figure, dpi).save(buffer, format="PNG", dpi=(dpi, dpi))
    return buffer.getvalue()


def painted(figure: Figure, dpi: float = PRINT_DPI) -> Image.Image:
    """Paints a figure."""
    page = Image.new("RGB", (round(figure.width * dpi), round(figure.height * dpi)), "white")
    pen = ImageDraw.Draw(page)
    for panel in figure.panels:
        left, top, right, bottom = edges(panel, dpi)
        page.paste(_Layer((right - left, bottom - top), panel, dpi).reduced(), (left, top))
        if panel.frame:
            _frame(pen, panel, dpi)
    for key in figure.keys:
        for entry, x, y in _entries(key, dpi):
            _sample(page, entry, x, y, dpi)
    for text in texts(figure, dpi):
        _write(page, pen, text, dpi)
    return page


def edges(panel: Panel, dpi: float) -> tuple[int, int, int, int]:
    """Left, upper, right and lower edge of a panel on the page, px."""
    left, top, width, height = panel.place
    return round(left * dpi), round(top * dpi), round((left + width) * dpi), round((top + height) * dpi)


def texts(figure: Figure, dpi: float = PRINT_DPI) -> list[Text]:
    """All texts of a figure, as they are painted."""
    found = []
    if figure.title:
        place = (figure.width * dpi / 2, _TITLE_TOP_INCH * dpi)
        found.append(_text("title", figure.title, place, _UPPER, _TITLE_PT, dpi))
    for k, panel in enumerate(figure.panels):
        found += _panel_texts(panel, k, dpi)
    for key in figure.keys:
        for entry, x, y in _entries(key, dpi):
            place = (x + (_SAMPLE_PT + _SAMPLE_GAP_PT) * dpi / _PT_PER_INCH, y)
            found.append(_text("key", entry.label, place, _LEFT, SMALL_PT, dpi))
    return found


def fitting(text: str, inches: float) -> str:
    """A line of small text, parted between words where it is longer than so many inches."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _size(longer, SMALL_PT * PRINT_DPI / _PT_PER_INCH)[0] > inches * PRINT_DPI:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


# -- texts ----------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _font(size_px: float) -> ImageFont.FreeTypeFont:
    # The plain layout is there wherever Pillow is, and places letters alike everywhere.
    return ImageFont.truetype(str(_FONT), size_px, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _size(text: str, size_px: float) -> tuple[float, float]:
    """Width and height of a text's box, px."""
    font = _font(size_px)
    ascent, descent = font.getmetrics()
    lines = text.split("\n")
    return max(font.getlength(line) for line in lines), float((ascent + descent) * len(lines))


def _text(
    role: str, text: str, place: tuple[float, float], anchor: str, size_pt: float, dpi: float,
    colour: str = _BLACK, turned: bool = False, panel: int = -1,
) -> Text:  # fmt: skip
    """A text by the place that its anchor has."""
    width, height = _size(text, size_pt * dpi / _PT_PER_INCH)
    if turned:
        width, height = height, width
    x, y = place
    left = {"l": x, "m": x - width / 2, "r": x - width}[anchor[0]]
    top = {"a": y, "m": y - height / 2}[anchor[1]]
    return Text(role, text, (left, top, left + width, top + height), size_pt, colour, turned, panel)


def _panel_texts(panel: Panel, index: int, dpi: float) -> list[Text]:
    point = dpi / _PT_PER_INCH
    left, top, right, bottom = edges(panel, dpi)
    middle = (left + right) / 2, (top + bottom) / 2

    def text(
        role: str, words: str, x: float, y: float, anchor: str, pt: float = SMALL_PT, **more: str
    ) -> Text:
        return _text(role, words, (x, y), anchor, pt, dpi, panel=index, **more)  # type: ignore[arg-type]

    found = []
    number_pad = (_TICK_PT + _NUMBER_PAD_PT) * point
    widest, lowest = 0.0, float(bottom)
    x_ticks, y_ticks = _ticks(panel)
    if panel.x.numbered:
        for tick, number in zip(x_ticks, numbers(x_ticks), strict=True):
            x = left + _share(panel.x, tick) * (right - left)
            found.append(text("number", number, x, bottom + number_pad - _ABOVE_PT * point, _UPPER))
            lowest = max(lowest, found[-1].box[3])
    if panel.y.numbered:
        for tick, number in zip(y_ticks, numbers(y_ticks), strict=True):
            y = bottom - _share(panel.y, tick) * (bottom - top)
            x, anchor = (right + number_pad, _LEFT) if panel.right else (left - number_pad, _RIGHT)
            found.append(text("number", number, x, y, anchor))
            widest = max(widest, number_pad + found[-1].box[2] - found[-1].box[0])
    if panel.x.label:
        below = lowest + (_LABEL_PAD_PT - _ABOVE_PT) * point
        found.append(text("label", panel.x.label, middle[0], below, _UPPER))
    if panel.y.label:
        width = _size(panel.y.label, SMALL_PT * point)[1]
        off = widest + _LABEL_PAD_PT * point + width / 2
        x = right + off if panel.right else left - off
        found.append(
            _text("label", panel.y.label, (x, middle[1]), _MIDDLE, SMALL_PT, dpi, turned=True, panel=index)
        )
    if panel.title:
        height = _size(panel.title, LABEL_PT * point)[1]
        y = top - _TITLE_PAD_PT * point - height / 2
        found.append(text("panel title", panel.title, middle[0], y, _MIDDLE, LABEL_PT))
    notes = sorted(panel.notes)
    heights = apart([_share(panel.y, value) for value, _, _ in notes], _NOTE_GAP)
    for height, (_, words, colour) in zip(heights, notes, strict=True):
        y = bottom - height * (bottom - top)
        found.append(text("note", words, right + _NOTE_PAD_PT * point, y, _LEFT, colour=colour))
    for item in panel.items:
        if isinstance(item, Words):
            x = left + _share(panel.x, item.x) * (right - left)
            y = bottom - _share(panel.y, item.y) * (bottom - top)
            anchor = _RIGHT if item.left else _MIDDLE
            found.append(text("words", item.text, x, y, anchor, item.size_pt, colour=item.colour))
    return found


def _write(page: Image.Image, pen: ImageDraw.ImageDraw, text: Text, dpi: float) -> None:
    font = _font(text.size_pt * dpi / _PT_PER_INCH)
    left, top, right, bottom = (round(edge) for edge in text.box)
    if text.turned:
        upright = Image.new("L", (bottom - top, right - left), 0)
        _lines(ImageDraw.Draw(upright), font, text.text, (0, 0, bottom - top), 255)
        page.paste(Image.new("RGB", (right - left, bottom - top), text.colour), (left, top),
                   upright.transpose(Image.Transpose.ROTATE_90))  # fmt: skip
    else:
        _lines(pen, font, text.text, (left, top, right), text.colour)


def _lines(
    pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont, text: str, place: tuple[int, int, int],
    fill: str | int,
) -> None:  # fmt: skip
    """Writes lines of text, each in the middle between two edges."""
    left, top, right = place
    height = sum(font.getmetrics())
    for k, line in enumerate(text.split("\n")):
        x = left + round((right - left - font.getlength(line)) / 2)
        pen.text((x, top + k * height), line, fill=fill, font=font)


# -- panels ---------------------------------------------------------------------------------------


def _share(axis: Axis, value: float) -> float:
    """Where a value lies on an axis, 0 to 1."""
    return (value - axis.low) / (axis.high - axis.low)


def _ticks(panel: Panel) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return panel.x.places(panel.place[2]), panel.y.places(panel.place[3])


def _frame(pen: ImageDraw.ImageDraw, panel: Panel, dpi: float) -> None:
    """The frame of a panel, around its pixels, and its ticks."""
    left, top, right, bottom = edges(panel, dpi)
    wide = max(1, round(_FRAME_PT * dpi / _PT_PER_INCH))
    long = round(_TICK_PT * dpi / _PT_PER_INCH)
    pen.rectangle((left - wide, top - wide, right + wide - 1, bottom + wide - 1), outline=_BLACK, width=wide)
    x_ticks, y_ticks = _ticks(panel)
    for tick in x_ticks:
        x = round(left + _share(panel.x, tick) * (right - left)) - wide // 2 - 1
        pen.rectangle((x, bottom, x + wide - 1, bottom + long), fill=_BLACK)
    for tick in y_ticks:
        y = round(bottom - _share(panel.y, tick) * (bottom - top)) - wide // 2
        x = right if panel.right else left - 1 - long
        pen.rectangle((x, y, x + long, y + wide - 1), fill=_BLACK)


class _Layer:
    """What lies in a panel, painted finer than it is printed."""

    def __init__(self, size: tuple[int, int], panel: Panel | None, dpi: float) -> None:
        self._width, self._height = (max(1, side) * _FINER for side in size)
        self._point = _FINER * dpi / _PT_PER_INCH
        self._panel = panel
        self._image = Image.new("RGB", (self._width, self._height), "white")
        self._pen = ImageDraw.Draw(self._image)
        for item in [] if panel is None else panel.items:
            self.paint(item)

    def reduced(self) -> Image.Image:
        """As it is printed."""
        return self._image.reduce(_FINER)

    def paint(self, item: Item) -> None:
        """Paints one item on top."""
        if isinstance(item, Picture):
            self._picture(item)
        elif isinstance(item, TimedLine):
            self._timed(item)
        elif isinstance(item, Area):
            if len(item.xy):
                self._pen.polygon(self._pixels(item.xy).ravel().tolist(), fill=item.colour)
        elif isinstance(item, Line):
            self._line(item)
        elif isinstance(item, Marks):
            self._marks(item)

    def _pixels(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (N, 2) in the finer picture."""
        if self._panel is None:
            return xy
        x, y = self._panel.x, self._panel.y
        across = (xy[:, 0] - x.low) / (x.high - x.low) * self._width
        up = (xy[:, 1] - y.low) / (y.high - y.low) * self._height
        # What lies far outside is not seen, and its numbers might be too large to paint.
        far = 4.0 * (self._width + self._height)
        return np.clip(np.column_stack([across, self._height - up]) - 0.5, -far, far)

    def _picture(self, item: Picture) -> None:
        left, right, bottom, top = item.extent
        corners = self._pixels(np.array([[left, top], [right, bottom]])) + 0.5
        x0, y0, x1, y1 = (round(float(value)) for value in corners.ravel())
        size = max(1, x1 - x0), max(1, y1 - y0)
        finer = size[0] > item.pixels.shape[1]
        way = Image.Resampling.NEAREST if finer else Image.Resampling.BOX
        self._image.paste(Image.fromarray(item.pixels).resize(size, way), (x0, y0))

    def _line(self, item: Line) -> None:
        width = max(1, round(item.width_pt * self._point))
        for run in _runs(self._pixels(item.xy)):
            if item.dashed:
                for dash in self._dashes(run):
                    self._pen.line(dash, fill=item.colour, width=width)
            elif len(run) > 1:
                self._pen.line(run.ravel().tolist(), fill=item.colour, width=width)
                self._round(run, width, item.colour)

    def _dashes(self, run: NDArray[np.float64]) -> list[list[float]]:
        """The dashes of a polyline; a dash across a corner cuts it."""
        way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(run, axis=0).T))])
        starts = np.arange(0.0, way[-1], (_DASH_PT + _DASH_GAP_PT) * self._point)
        ends = np.minimum(starts + _DASH_PT * self._point, way[-1])
        ways = np.column_stack([starts, ends])
        points = np.stack([np.interp(ways, way, run[:, k]) for k in (0, 1)], axis=-1)
        return [dash.ravel().tolist() for dash in points]

    def _timed(self, item: TimedLine) -> None:
        colours = time_colours()
        xy, width = self._pixels(item.xy), max(1, round(item.width_pt * self._point))
        middle = 0.5 * (item.time[1:] + item.time[:-1]) / item.last
        shade = np.clip((middle * len(colours)).astype(int), 0, len(colours) - 1)
        names = [tuple(colour) for colour in colours.tolist()]
        drawn = item.drawn[1:]
        # Runs of pieces that are drawn in one colour.
        change = np.flatnonzero((np.diff(shade) != 0) | (np.diff(drawn.astype(np.int8)) != 0)) + 1
        for first, last in zip([0, *change.tolist()], [*change.tolist(), len(shade)], strict=True):
            if last > first and drawn[first]:
                run, colour = xy[first : last + 1], names[shade[first]]
                self._pen.line(run.ravel().tolist(), fill=colour, width=width)
                self._round(run, width, colour, ends=True)

    def _round(
        self, run: NDArray[np.float64], width: int, colour: str | tuple[int, ...], ends: bool = False
    ) -> None:
        """Rounds the corners of a line that turn much, and its ends."""
        step = np.diff(run, axis=0)
        before, after = step[:-1], step[1:]
        cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        turn = np.abs(np.degrees(np.arctan2(cross, (before * after).sum(axis=1))))
        at = run[1:-1][turn > _ROUNDED_DEG]
        if ends:
            at = np.concatenate([run[:1], at, run[-1:]])
        half = (width - 1) / 2
        if half >= 1:
            for x, y in at.tolist():
                self._pen.ellipse((x - half, y - half, x + half, y + half), fill=colour)

    def _marks(self, item: Marks) -> None:
        half, width = item.size_pt * self._point / 2, max(1, round(item.width_pt * self._point))
        for x, y in self._pixels(item.xy).tolist():
            box = (x - half, y - half, x + half, y + half)
            if item.shape in ("circle", "dot"):
                self._pen.ellipse(box, outline=item.colour, fill=item.fill, width=width)
            elif item.shape == "square":
                self._pen.rectangle(box, outline=item.colour, fill=item.fill, width=width)
            else:
                far = half if item.shape == "plus" else half / np.sqrt(2)
                ways = ((1, 1), (1, -1)) if item.shape == "cross" else ((1, 0), (0, 1))
                for a, b in ways:
                    ends = (x - a * far, y - b * far, x + a * far, y + b * far)
                    self._pen.line(ends, fill=item.colour, width=width)


def _runs(xy: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """The parts of a polyline between NaNs."""
    gaps = np.flatnonzero(np.isnan(xy).any(axis=1))
    for first, last in zip([0, *(gaps + 1).tolist()], [*gaps.tolist(), len(xy)], strict=True):
        if last > first:
            yield xy[first:last]


# -- keys -----------------------------------------------------------------------------------------


def key_widths(entries: Sequence[Entry]) -> list[float]:
    """Widths of entries of a key in one row, with the gap behind each, inch."""
    point = 1 / _PT_PER_INCH
    around = (_SAMPLE_PT + _SAMPLE_GAP_PT + _COLUMN_GAP_PT) * point
    return [around + _size(entry.label, SMALL_PT * PRINT_DPI * point)[0] / PRINT_DPI for entry in entries]


def _entries(key: Key, dpi: float) -> Iterator[tuple[Entry, float, float]]:
    """The entries of a key with the left edge and the height at which their samples are, px."""
    entries, point = list(key.entries), dpi / _PT_PER_INCH
    rows = -(-len(entries) // key.columns)
    columns = [entries[k : k + rows] for k in range(0, len(entries), rows)]
    widths = [max(key_widths(column)) * dpi for column in columns]
    left, top, width, height = (value * dpi for value in key.place)
    x = left + (width - sum(widths) + _COLUMN_GAP_PT * point) / 2
    for column, wide in zip(columns, widths, strict=True):
        for k, entry in enumerate(column):
            yield entry, x, top + height / 2 + (k - (rows - 1) / 2) * _ROW_PT * point
        x += wide


def _sample(page: Image.Image, entry: Entry, x: float, y: float, dpi: float) -> None:
    """Paints the sample of an entry."""
    point = dpi / _PT_PER_INCH
    size = round(_SAMPLE_PT * point), round(_ROW_PT * point)
    layer = _Layer(size, None, dpi)
    width, height = (side * _FINER for side in size)
    middle, half = height / 2, _SAMPLE_HEIGHT_PT * point * _FINER / 2
    sample = entry.sample
    if isinstance(sample, Marks):
        places = np.array([[width / 2, middle]])
        layer.paint(Marks(places, sample.shape, sample.size_pt, sample.colour, sample.fill, sample.width_pt))
    elif isinstance(sample, Line):
        ends = np.array([[0.0, middle], [width, middle]])
        layer.paint(Line(ends, sample.colour, sample.width_pt, sample.dashed))
    else:
        left, right = width * (1 - _AREA_SHARE) / 2, width * (1 + _AREA_SHARE) / 2
        box = ((left, middle - half), (right, middle - half), (right, middle + half), (left, middle + half))
        layer.paint(Area(np.array(box), sample.colour))
    page.paste(layer.reduced(), (round(x), round(y) - size[1] // 2))
