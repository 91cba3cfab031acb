"""Pictures as people feed them to a plotter, made together with the ink that is truly on them.

A drawing program that finds its own ink is easily judged against that same ink. Here each picture
is built in layers, so the ink is known before light, paper, table, camera and file format get in the way:

    drawing     coverage of line ink, in [0, 1], drawn ``_FINE`` times finer than the picture
    paper       colour, printed rules or squares, tooth (for pencil)
    view        a homography from the sheet to the picture: flat, or a sheet on a table
    light       fall-off, cast shadows with hard or soft edges
    camera      blur, shot noise, JPEG

The truth is the drawing under the same view. Areas (flat fills of line art) are told apart from lines:
they may be drawn or left out.

    KINDS       one difficulty each
    MIXED       several at once, as in a phone's photo
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

Field = NDArray[np.float32]
Points = NDArray[np.float64]
Colour = tuple[float, float, float]

# Layers are drawn so many times finer than the picture, then averaged.
_FINE = 3
_PHRASES = (
    "Tel. 0.75", "a = 1.5 cm", "oven: 190", "it is 7:45", "Lisa, Jim", "i; j; k", "3.14 x 2", "fig. 6 (b)",
    "yes!", "eggs, oil", "N = 12.0", "Main St. 8",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and what is truly on it.

    Attributes:
        kind: one of ``KINDS`` or ``MIXED``.
        seed: of everything random in it.
        picture: (H, W) uint16, (H, W, 3) or (H, W, 4) uint8.
        truth: (H, W) in [0, 1], coverage by line ink.
        areas: (H, W) in [0, 1], coverage by flat areas that are no lines.
        light_on_dark: polarity; None where neither answer is wrong.
        area_darkness: darkness of the areas, in [0, 1].
        jpeg_quality: the file is a JPEG of this quality; None for PNG.
    """

    kind: str
    seed: int
    picture: NDArray[Any]
    truth: Field
    areas: Field
    light_on_dark: bool | None = False
    area_darkness: float = 0.0
    jpeg_quality: int | None = None

    def save(self, folder: Path) -> Path:
        """Writes the picture into a folder; returns the file."""
        path = folder / f"{self.kind}-{self.seed}.{'png' if self.jpeg_quality is None else 'jpg'}"
        more = {} if self.jpeg_quality is None else {"quality": self.jpeg_quality}
        Image.fromarray(self.picture).save(path, **more)
        return path


@dataclass
class _Sheet:
    """A canvas of (w, h) px on which layers are drawn finely."""

    w: int
    h: int
    layers: list[Callable[[ImageDraw.ImageDraw], None]] = field(default_factory=list)

    def fine(self) -> Image.Image:
        canvas = Image.new("L", (self.w * _FINE, self.h * _FINE), 0)
        pen = ImageDraw.Draw(canvas)
        for layer in self.layers:
            layer(pen)
        return canvas

    def line(self, points: Points, width: float) -> None:
        """A line with round ends and joints."""
        fine = [(float(x) * _FINE, float(y) * _FINE) for x, y in points]
        r = width * _FINE / 2

        def paint(pen: ImageDraw.ImageDraw) -> None:
            pen.line(fine, fill=255, width=max(1, round(2 * r)), joint="curve")
            for x, y in (fine[0], fine[-1]):
                pen.ellipse((x - r, y - r, x + r, y + r), fill=255)

        self.layers.append(paint)

    def polygon(self, points: Points) -> None:
        fine = [(float(x) * _FINE, float(y) * _FINE) for x, y in points]
        self.layers.append(lambda pen: pen.polygon(fine, fill=255))

    def text(self, x: float, y: float, words: str, size: float) -> None:
        font = ImageFont.load_default(size * _FINE)
        self.layers.append(lambda pen: pen.text((x * _FINE, y * _FINE), words, fill=255, font=font))


def _circle(x: float, y: float, r: float, turns: float = 1.0, squash: float = 1.0) -> Points:
    t = np.linspace(0, 2 * np.pi * turns, 120)
    return np.column_stack([x + r * np.cos(t), y + squash * r * np.sin(t)])


def _wander(rng: np.random.Generator, box: tuple[float, float, float, float]) -> Points:
    """A smooth curve (N, 2) through some places in a box (x0, y0, x1, y1): sums of a few sines."""
    x0, y0, x1, y1 = box
    t = np.linspace(0, 1, 200)
    curve = np.zeros((200, 2))
    for k in range(1, 4):
        curve += rng.normal(0, 1 / k, 2) * np.sin(2 * np.pi * k * t[:, None] * 0.7 + rng.uniform(0, 7, 2))
    curve -= curve.min(axis=0)
    curve /= np.maximum(curve.max(axis=0), 1e-6)
    low = rng.uniform(0, 0.35, 2)
    high = rng.uniform(0.65, 1, 2)
    return np.array([x0, y0]) + (low + curve * (high - low)) * [x1 - x0, y1 - y0]


def _draw(
    sheet: _Sheet,
    rng: np.random.Generator,
    widths: tuple[float, float],
    room: float = 0.1,
    words: bool = True,
    count: tuple[int, int] = (2, 6),
) -> None:
    """Puts one drawing on a sheet: rings, curves, polygons, spirals, zigzags, dots and words."""
    w, h = sheet.w, sheet.h
    x0, y0, x1, y1 = room * w, room * h, (1 - room) * w, (1 - room) * h
    side = min(x1 - x0, y1 - y0)
    for _ in range(rng.integers(*count)):
        width = rng.uniform(*widths)
        what = rng.integers(5)
        r = rng.uniform(0.08, 0.3) * side
        cx, cy = rng.uniform(x0 + r, x1 - r), rng.uniform(y0 + r, y1 - r)
        if what == 0:
            sheet.line(_circle(cx, cy, r, squash=rng.uniform(0.6, 1.0)), width)
        elif what == 1:
            sheet.line(_wander(rng, (x0, y0, x1, y1)), width)
        elif what == 2:
            corners = rng.uniform([x0, y0], [x1, y1], (rng.integers(2, 6), 2))
            sheet.line(np.vstack([corners, corners[:1]]) if rng.random() < 0.6 else corners, width)
        elif what == 3:
            t = np.linspace(0, 1, 160)[:, None]
            coil = _circle(0, 0, 1.0, 2.5)[:: 120 // 120]
            coil = np.column_stack([np.interp(t[:, 0], np.linspace(0, 1, 120), coil[:, k]) for k in (0, 1)])
            sheet.line([cx, cy] + coil * (0.25 + 0.75 * t) * r, width)
        else:
            n = int(rng.integers(4, 8))
            zig = np.column_stack([np.linspace(-r, r, n), r * 0.4 * (-1.0) ** np.arange(n)])
            turn = rng.uniform(0, np.pi)
            spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            sheet.line([cx, cy] + zig @ spin, width)
    for _ in range(rng.integers(0, 4)):
        spot = rng.uniform([x0, y0], [x1, y1])
        sheet.line(np.array([spot, spot + 0.1]), rng.uniform(0.8, 1.2) * np.mean(widths))
    if words:
        size = float(rng.uniform(17, 30))
        where = rng.uniform([x0, y0], [max(x0 + 1, x1 - 6 * size), y1 - 1.3 * size])
        sheet.text(*where, str(rng.choice(_PHRASES)), size)


def _averaged(fine: Image.Image, size: tuple[int, int]) -> Field:
    return np.asarray(fine.resize(size, Image.Resampling.BOX), dtype=np.float32) / np.float32(255)


def _homography(source: Points, target: Points) -> list[float]:
    """The eight coefficients of Pillow's PERSPECTIVE that show ``source`` corners at ``target``."""
    rows, right = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return [float(v) for v in np.linalg.solve(np.array(rows), np.array(right))]


@dataclass(frozen=True)
class _View:
    """How the sheet lies in the picture; None for a sheet that fills it."""

    size: tuple[int, int]
    corners: Points | None

    def show(self, sheet: _Sheet) -> Field:
        """The coverage of a layer in the picture, (H, W)."""
        fine = sheet.fine()
        if self.corners is None:
            return _averaged(fine, self.size)
        box = np.array([[0, 0], [sheet.w, 0], [sheet.w, sheet.h], [0, sheet.h]], dtype=np.float64) * _FINE
        big = (self.size[0] * _FINE, self.size[1] * _FINE)
        coefficients = _homography(box, self.corners * _FINE)
        shown = fine.transform(big, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)
        return _averaged(shown, self.size)


def _laid(ground: Field, coverage: Field, colour: Colour | NDArray[Any]) -> Field:
    c = coverage[..., None]
    return np.asarray(ground * (1 - c) + np.asarray(colour, dtype=np.float32) * c, dtype=np.float32)


def _even(size: tuple[int, int], colour: Any) -> Field:
    return np.ones((size[1], size[0], 3), dtype=np.float32) * np.asarray(colour, dtype=np.float32)


def _fall_off(rng: np.random.Generator, size: tuple[int, int], depth: float) -> Field:
    """Light (H, W, 1) that falls off, straight or round a lamp, by at most ``depth``."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]] / max(size)
    if rng.random() < 0.5:
        turn = rng.uniform(0, 2 * np.pi)
        far = np.cos(turn) * x + np.sin(turn) * y
    else:
        far = np.hypot(x - rng.uniform(-0.2, 1.2), y - rng.uniform(-0.2, 1.2)) ** 2
    far = (far - far.min()) / max(float(np.ptp(far)), 1e-6)
    return (1 - depth * far)[..., None].astype(np.float32)


def _cast_shadow(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """A shadow (H, W, 1) over part of the picture: a straight edge, a corner or a round head."""
    w, h = size
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    mid = np.array([w, h]) * rng.uniform(0.3, 0.7, 2)
    u = np.cos(turn) * (x - mid[0]) + np.sin(turn) * (y - mid[1])
    v = -np.sin(turn) * (x - mid[0]) + np.cos(turn) * (y - mid[1])
    shape = rng.integers(3)
    if shape == 0:
        inside = u
    elif shape == 1:
        inside = np.minimum(u, v + 0.2 * min(size))
    else:
        inside = np.maximum(0.35 * min(size) - np.hypot(u, v), np.minimum(u, 0.18 * min(size) - np.abs(v)))
    soft = rng.choice([0.4, 0.8, 2.5, 8.0, 20.0])
    dim = rng.uniform(0.25, 0.5)
    tint = np.array([1.0, 1.0, 0.94]) if rng.random() < 0.3 else np.ones(3)
    cover = 1 / (1 + np.exp(-np.clip(inside / soft, -50, 50)))
    return (1 - dim * cover[..., None] * tint).astype(np.float32)


def _camera(rng: np.random.Generator, light: Field, blur: float, noise: float) -> Field:
    seen = ndimage.gaussian_filter(light, (blur, blur, 0))
    return np.asarray(seen + rng.normal(0, noise, light.shape), dtype=np.float32)


def _table(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """What a sheet lies on: plain, grained like wood, or a cloth of checks."""
    w, h = size
    shade = rng.choice([28, 50, 75, 105, 135, 165])
    colour = np.clip(
        shade + rng.normal(0, 10, 3) + (np.array([18, 4, -14]) if rng.random() < 0.5 else 0), 5, 190
    )
    table = _even(size, colour)
    what = rng.integers(3)
    if what == 0:
        table += rng.normal(0, 5, (h, w, 1))
    elif what == 1:
        rows = ndimage.gaussian_filter1d(rng.normal(0, 1, h), 1.5)[:, None] * 12
        swirl = ndimage.gaussian_filter(rng.normal(0, 1, (h, w)), (2, 30)) * 60
        table += (rows + swirl)[..., None]
    else:
        y, x = np.mgrid[0:h, 0:w]
        pitch = rng.integers(8, 20)
        table *= (1 - 0.12 * (((x // pitch) + (y // pitch)) % 2))[..., None]
        table += rng.normal(0, 3, (h, w, 1))
    return np.asarray(table, dtype=np.float32)


def _rules(
    rng: np.random.Generator, sheet_size: tuple[int, int], kind: str
) -> list[tuple[_Sheet, Colour, float]]:
    """Printed lines of the paper: layers with colour and strength."""
    w, h = sheet_size
    pitch = float(rng.uniform(11, 24))
    strength = float(rng.uniform(0.5, 0.9))
    tone = rng.uniform(140, 205)
    colour: Colour = (tone - 15, tone + 5, 228) if rng.random() < 0.7 else (tone, tone, tone)
    lines = _Sheet(w, h)
    step = pitch if kind == "squared" else 1.7 * pitch
    for y in np.arange(rng.uniform(0, step), h, step):
        lines.line(np.array([[-9.0, y], [w + 9.0, y]]), 1.0)
    if kind == "squared":
        for x in np.arange(rng.uniform(0, pitch), w, pitch):
            lines.line(np.array([[x, -9.0], [x, h + 9.0]]), 1.0)
    layers = [(lines, colour, strength)]
    if kind == "ruled" and rng.random() < 0.8:
        margin, x = _Sheet(w, h), rng.uniform(0.08, 0.16) * w
        margin.line(np.array([[x, -9.0], [x, h + 9.0]]), 1.4)
        layers.append((margin, (232, 130, 145), 0.85))
    return layers


def _pencil(rng: np.random.Generator, stroke: Field, paper: float) -> Field:
    """Soft pencil on rough paper: graphite stays on the tooth's tops."""
    soft = ndimage.gaussian_filter(stroke, rng.uniform(0.8, 1.4))
    tooth = ndimage.gaussian_filter(rng.random(stroke.shape), rng.uniform(0.6, 1.0))
    tooth = (tooth - tooth.mean()) / tooth.std()
    held = 1 / (1 + np.exp(-2.5 * (tooth + rng.uniform(0.0, 0.5))))
    grey = paper - rng.uniform(110, 170) * soft * (0.12 + 0.88 * held) + rng.normal(0, 2.5, stroke.shape)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)


_INKS: tuple[Colour, ...] = (
    (10, 10, 10), (215, 35, 45), (35, 80, 205), (25, 140, 55), (248, 214, 35), (242, 140, 40),
    (238, 130, 190), (90, 200, 230), (120, 60, 160), (150, 150, 150),
)  # fmt: skip
# Card and ink of about the same luminance.
_CARDS: tuple[tuple[Colour, Colour], ...] = (
    ((70, 145, 70), (215, 75, 55)), ((225, 185, 130), (80, 210, 230)), ((80, 115, 185), (190, 95, 70)),
    ((190, 165, 205), (225, 225, 70)), ((205, 120, 120), (110, 160, 110)), ((240, 205, 70), (255, 170, 190)),
)  # fmt: skip


def _pen_colour(rng: np.random.Generator) -> Colour:
    ink = [(35, 40, 105), (25, 25, 30), (20, 60, 140), (120, 25, 30), (45, 45, 50)][rng.integers(5)]
    return (float(ink[0]), float(ink[1]), float(ink[2]))


def _maze(rng: np.random.Generator, cells: int) -> NDArray[np.bool_]:
    """Walls of a maze, (2 cells + 1) squared: random depth-first search."""
    n = 2 * cells + 1
    wall = np.ones((n, n), dtype=bool)
    wall[1, 1] = False
    way = [(1, 1)]
    while way:
        y, x = way[-1]
        steps = [
            (y + dy, x + dx)
            for dy, dx in ((2, 0), (-2, 0), (0, 2), (0, -2))
            if 0 < y + dy < n and 0 < x + dx < n and wall[y + dy, x + dx]
        ]
        if not steps:
            way.pop()
            continue
        v, u = steps[rng.integers(len(steps))]
        wall[v, u] = wall[(y + v) // 2, (x + u) // 2] = False
        way.append((v, u))
    return wall


# -- the kinds -------------------------------------------------------------------------------------------


@dataclass
class _Made:
    picture: Field
    truth: Field
    areas: Field | None = None
    light_on_dark: bool | None = False
    area_darkness: float = 0.0
    jpeg_quality: int | None = None


def _plain(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    sheet = _Sheet(*size)
    _draw(sheet, rng, (1.4, 6.0))
    truth = _View(size, None).show(sheet)
    return _Made(_laid(_even(size, 255), truth, rng.uniform(0, 60, 3)), truth)


def _jpeg(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    made = _plain(rng, size)
    made.jpeg_quality = int(rng.integers(8, 40))
    return made


def _alpha(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    made = _plain(rng, size)
    colour = [(0, 0, 0), (255, 255, 255), (245, 215, 50), (190, 40, 70), (60, 120, 220)][rng.integers(5)]
    made.picture = np.concatenate([_even(size, colour), 255 * made.truth[..., None]], axis=2)
    made.light_on_dark = None
    return made


def _negative(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    made = _plain(rng, size)
    made.picture = _laid(_even(size, rng.uniform(5, 60, 3)), made.truth, rng.uniform(190, 255, 3))
    made.light_on_dark = True
    return made


def _marks(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    """Thick walls beside small print."""
    sheet, (w, h) = _Sheet(*size), size
    wall, em = rng.uniform(9, 18), rng.uniform(14, 21)
    m = wall
    sheet.line(np.array([[m, m], [w - m, m], [w - m, h - m], [m, h - m], [m, m]]), wall)
    for y in np.arange(0.2 * h, 0.8 * h - em, 2.1 * em):
        sheet.text(0.2 * w, float(y), str(rng.choice(_PHRASES)), em)
    truth = _View(size, None).show(sheet)
    return _Made(_laid(_even(size, 255), truth, (0, 0, 0)), truth)


def _pencilled(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    sheet = _Sheet(*size)
    _draw(sheet, rng, (3.0, 6.5), words=False)
    truth = _View(size, None).show(sheet)
    return _Made(_pencil(rng, truth, rng.uniform(225, 250)), truth)


def _coloured(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    picture, truth = _even(size, 255), np.zeros((size[1], size[0]), dtype=np.float32)
    for k in (0, *(rng.permutation(len(_INKS) - 1)[: rng.integers(2, 5)] + 1)):
        sheet = _Sheet(*size)
        _draw(sheet, rng, (2.2, 5.0), words=False, count=(1, 3))
        one = _View(size, None).show(sheet)
        picture, truth = _laid(picture, one, _INKS[int(k)]), np.maximum(truth, one)
    return _Made(picture, truth)


def _card(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    ground, ink = _CARDS[rng.integers(len(_CARDS))]
    sheet = _Sheet(*size)
    _draw(sheet, rng, (2.5, 6.0))
    truth = _View(size, None).show(sheet)
    return _Made(_laid(_even(size, ground), truth, ink), truth, light_on_dark=None)


def _areas(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    """Line art with a flat grey or coloured fill inside an outline."""
    w, h = size
    fill, lines = _Sheet(*size), _Sheet(*size)
    if rng.random() < 0.5:
        edge = _circle(w / 2, h / 2, 0.36 * min(size), squash=rng.uniform(0.7, 1.0))
    else:
        turn = np.sort(rng.uniform(0, 2 * np.pi, 7)) + np.linspace(0, 1e-3, 7)
        edge = np.column_stack([w / 2 + 0.4 * w * np.cos(turn), h / 2 + 0.4 * h * np.sin(turn)])
        edge = np.vstack([edge, edge[:1]])
    fill.polygon(edge)
    width = rng.uniform(2.5, 4.5)
    if rng.random() < 0.8:
        lines.line(edge, width)
    _draw(lines, rng, (2.5, 4.5), room=0.3, words=False, count=(1, 4))
    truth, shape = _View(size, None).show(lines), _View(size, None).show(fill)
    fills = [
        (205, 205, 205),
        (170, 170, 170),
        (135, 135, 135),
        (238, 170, 70),
        (165, 200, 240),
        (150, 210, 140),
    ]
    colour = fills[rng.integers(len(fills))]
    picture = _laid(_laid(_even(size, 255), shape, colour), truth, (0, 0, 0))
    darkness = float(1 - np.mean(colour) / 255)
    return _Made(picture, truth, np.clip(shape - truth, 0, 1), area_darkness=darkness)


def _framed(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    """Dark ink on the border of the picture: a frame or a maze."""
    if rng.random() < 0.5:
        cell = int(rng.integers(7, 16))
        truth = np.kron(_maze(rng, int(rng.integers(4, 10))), np.ones((cell, cell))).astype(np.float32)
        return _Made(np.repeat(255 * (1 - truth)[..., None], 3, axis=2), truth)
    sheet, (w, h), wide = _Sheet(*size), size, rng.uniform(5, 17)
    _draw(sheet, rng, (2.0, 6.0), room=0.12)
    m = wide / 2 - 0.5
    sheet.line(np.array([[m, m], [w - m, m], [w - m, h - m], [m, h - m], [m, m]]), wide)
    truth = _View(size, None).show(sheet)
    return _Made(_laid(_even(size, 255), truth, rng.uniform(0, 60, 3)), truth)


def _scanned(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    """Grainy paper under uneven light."""
    sheet = _Sheet(*size)
    _draw(sheet, rng, (1.8, 5.0))
    truth = _View(size, None).show(sheet)
    paper = _even(size, rng.uniform(205, 250, 3))
    paper += ndimage.gaussian_filter(rng.normal(0, 1, (size[1], size[0])), 1.2)[..., None] * rng.uniform(
        5, 22
    )
    picture = _laid(paper, truth, _pen_colour(rng)) * _fall_off(rng, size, rng.uniform(0.2, 0.5))
    return _Made(_camera(rng, picture, rng.uniform(0.4, 1.0), rng.uniform(2, 6)), truth)


def _shadowed(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    sheet = _Sheet(*size)
    _draw(sheet, rng, (2.2, 5.0))
    truth = _View(size, None).show(sheet)
    picture = _laid(_even(size, rng.uniform(228, 248, 3)), truth, _pen_colour(rng))
    picture = picture * _cast_shadow(rng, size) * _fall_off(rng, size, rng.uniform(0, 0.3))
    return _Made(_camera(rng, picture, rng.uniform(0.5, 0.9), rng.uniform(1, 4)), truth)


def _printed(kind: str) -> Callable[[np.random.Generator, tuple[int, int]], _Made]:
    def make(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
        sheet, view = _Sheet(*size), _View(size, None)
        _draw(sheet, rng, (2.2, 4.2))
        truth = view.show(sheet)
        picture = _even(size, rng.uniform(240, 252))
        for layer, colour, strength in _rules(rng, size, kind):
            picture = _laid(picture, strength * view.show(layer), colour)
        picture = _laid(picture, truth, _pen_colour(rng))
        if rng.random() < 0.7:
            picture = picture * _fall_off(rng, size, rng.uniform(0.0, 0.4))
            picture = _camera(rng, picture, rng.uniform(0.4, 0.8), rng.uniform(1, 4))
        return _Made(picture, truth)

    return make


def _corners(rng: np.random.Generator, size: tuple[int, int], lean: float) -> Points:
    """Where the corners of a sheet lie in a photo that shows its edges."""
    w, h = size
    m = rng.uniform(0.05, 0.14) * min(size)
    box = np.array([[m, m], [w - m, m], [w - m, h - m], [m, h - m]])
    turn = np.radians(rng.uniform(-6, 6))
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    mid = np.array([w / 2, h / 2])
    found = mid + (box - mid) @ spin * 0.94 + rng.normal(0, lean * min(size), (4, 2))
    return np.asarray(np.clip(found, 2, np.array([w - 3, h - 3])))


def _photographed(
    rng: np.random.Generator,
    size: tuple[int, int],
    lean: float,
    paper_kind: str = "plain",
    shadow: bool = False,
    jpeg: bool = False,
) -> _Made:
    """A sheet on a table."""
    w, h = size
    view = _View(size, _corners(rng, size, lean))
    sheet, whole = _Sheet(w, h), _Sheet(w, h)
    whole.polygon(np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]]))
    _draw(sheet, rng, (2.4, 5.0), room=0.14)
    truth = view.show(sheet)
    picture = _laid(_table(rng, size), view.show(whole), rng.uniform(222, 250, 3))
    if paper_kind != "plain":
        for layer, colour, strength in _rules(rng, size, paper_kind):
            picture = _laid(picture, strength * view.show(layer), colour)
    picture = _laid(picture, truth, _pen_colour(rng)) * _fall_off(rng, size, rng.uniform(0, 0.3))
    if shadow:
        picture = picture * _cast_shadow(rng, size)
    picture = _camera(rng, picture, rng.uniform(0.5, 0.9), rng.uniform(1, 4))
    return _Made(picture, truth, jpeg_quality=int(rng.integers(70, 92)) if jpeg else None)


def _marker(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    """A bold marker, clean or photographed."""
    sheet = _Sheet(*size)
    _draw(sheet, rng, (12.0, 24.0), room=0.15, words=False, count=(1, 3))
    truth = _View(size, None).show(sheet)
    picture = _laid(_even(size, rng.uniform(235, 255)), truth, _pen_colour(rng))
    if rng.random() < 0.5:
        picture = _camera(rng, picture * _fall_off(rng, size, 0.3), 0.8, 3)
    return _Made(picture, truth)


def _faint(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    """A hard pencil: light grey lines on white, clean or scanned."""
    sheet = _Sheet(*size)
    _draw(sheet, rng, (1.6, 4.0))
    truth = _View(size, None).show(sheet)
    picture = _laid(_even(size, 250), truth, _even(size, rng.uniform(150, 200))[0, 0])
    if rng.random() < 0.5:
        picture = _camera(rng, picture * _fall_off(rng, size, 0.15), 0.5, 2)
    return _Made(picture, truth)


def _deep(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    made = _plain(rng, size)
    levels = made.picture.mean(axis=2) / 255 * (2 ** int(rng.integers(9, 13)) - 1)
    made.picture = levels.astype(np.float32)
    return made


def _phone(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    """Ruled, squared or plain paper on a table, with a shadow, in a compressed photo."""
    paper = str(rng.choice(["plain", "squared", "ruled"]))
    return _photographed(rng, size, 0.02, paper, shadow=bool(rng.random() < 0.6), jpeg=True)


def _phone_close(rng: np.random.Generator, size: tuple[int, int]) -> _Made:
    """The same from nearby: the sheet fills the photo."""
    w, h = size
    out = 0.12 * np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
    box = np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])
    view = _View(size, box + out + rng.normal(0, 0.015 * min(size), (4, 2)))
    sheet = _Sheet(w, h)
    _draw(sheet, rng, (2.0, 4.0), room=0.2)
    truth = view.show(sheet)
    picture = _even(size, rng.uniform(225, 250, 3))
    kind = str(rng.choice(["squared", "ruled", "plain"]))
    for layer, colour, strength in _rules(rng, size, kind) if kind != "plain" else ():
        picture = _laid(picture, strength * view.show(layer), colour)
    picture = _laid(picture, truth, _pen_colour(rng)) * _fall_off(rng, size, 0.35)
    if rng.random() < 0.6:
        picture = picture * _cast_shadow(rng, size)
    picture = _camera(rng, picture, rng.uniform(0.5, 0.9), rng.uniform(1, 4))
    return _Made(picture, truth, jpeg_quality=int(rng.integers(70, 92)))


_MAKERS: dict[str, Callable[[np.random.Generator, tuple[int, int]], _Made]] = {
    "lines": _plain,
    "jpeg": _jpeg,
    "alpha": _alpha,
    "negative": _negative,
    "marks": _marks,
    "pencil": _pencilled,
    "colour": _coloured,
    "card": _card,
    "areas": _areas,
    "frame": _framed,
    "scan": _scanned,
    "shadow": _shadowed,
    "squared": _printed("squared"),
    "ruled": _printed("ruled"),
    "sheet": lambda rng, size: _photographed(rng, size, 0.01),
    "marker": _marker,
    "faint": _faint,
    "deep": _deep,
    "phone": _phone,
    "close": _phone_close,
}
MIXED = ("phone", "close")
KINDS = tuple(kind for kind in _MAKERS if kind not in MIXED)


def make_scene(kind: str, seed: int) -> Scene:
    """One scene: the same for the same kind and seed."""
    rng = np.random.default_rng([list(_MAKERS).index(kind), seed, 13])
    size = (int(rng.integers(260, 540)), int(rng.integers(220, 460)))
    made = _MAKERS[kind](rng, size)
    deep = made.picture.ndim == 2
    kinds = (65535, np.uint16) if deep else (255, np.uint8)
    picture = np.clip(made.picture + 0.5, 0, kinds[0]).astype(kinds[1])
    areas = np.zeros_like(made.truth) if made.areas is None else made.areas
    return Scene(
        kind, seed, picture, np.clip(made.truth, 0, 1), areas, made.light_on_dark, made.area_darkness,
        made.jpeg_quality,
    )  # fmt: skip


def encoded(scene: Scene) -> bytes:
    """The file of a scene, in memory."""
    out = io.BytesIO()
    if scene.jpeg_quality is None:
        Image.fromarray(scene.picture).save(out, "PNG")
    else:
        Image.fromarray(scene.picture).save(out, "JPEG", quality=scene.jpeg_quality)
    return out.getvalue()
