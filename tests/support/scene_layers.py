"""The layers that scenes are made of: drawings, papers, tables, views, light and the camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
PHRASES = (
    "Tel. 0.75", "a = 1.5 cm", "oven: 190", "it is 7:45", "Lisa, Jim", "i; j; k", "3.14 x 2", "fig. 6 (b)",
    "yes!", "eggs, oil", "N = 12.0", "Main St. 8",
)  # fmt: skip


@dataclass
class Canvas:
    """A layer of (w, h) px, drawn finely."""

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


def circle(x: float, y: float, r: float, turns: float = 1.0, squash: float = 1.0) -> Points:
    t = np.linspace(0, 2 * np.pi * turns, 120)
    return np.column_stack([x + r * np.cos(t), y + squash * r * np.sin(t)])


def wander(rng: np.random.Generator, box: tuple[float, float, float, float]) -> Points:
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


def scribble(
    sheet: Canvas,
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
            sheet.line(circle(cx, cy, r, squash=rng.uniform(0.6, 1.0)), width)
        elif what == 1:
            sheet.line(wander(rng, (x0, y0, x1, y1)), width)
        elif what == 2:
            corners = rng.uniform([x0, y0], [x1, y1], (rng.integers(2, 6), 2))
            sheet.line(np.vstack([corners, corners[:1]]) if rng.random() < 0.6 else corners, width)
        elif what == 3:
            t = np.linspace(0, 1, 160)[:, None]
            coil = circle(0, 0, 1.0, 2.5)[:: 120 // 120]
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
        sheet.text(*where, str(rng.choice(PHRASES)), size)


def averaged(fine: Image.Image, size: tuple[int, int]) -> Field:
    return np.asarray(fine.resize(size, Image.Resampling.BOX), dtype=np.float32) / np.float32(255)


def homography(source: Points, target: Points) -> list[float]:
    """The eight coefficients of Pillow's PERSPECTIVE that show ``source`` corners at ``target``."""
    rows, right = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return [float(v) for v in np.linalg.solve(np.array(rows), np.array(right))]


@dataclass(frozen=True)
class View:
    """How the sheet lies in the picture; None for a sheet that fills it."""

    size: tuple[int, int]
    corners: Points | None

    def show(self, sheet: Canvas) -> Field:
        """The coverage of a layer in the picture, (H, W)."""
        fine = sheet.fine()
        if self.corners is None:
            return averaged(fine, self.size)
        box = np.array([[0, 0], [sheet.w, 0], [sheet.w, sheet.h], [0, sheet.h]], dtype=np.float64) * _FINE
        big = (self.size[0] * _FINE, self.size[1] * _FINE)
        coefficients = homography(box, self.corners * _FINE)
        shown = fine.transform(big, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)
        return averaged(shown, self.size)


def laid(ground: Field, coverage: Field, colour: Colour | NDArray[Any]) -> Field:
    c = coverage[..., None]
    return np.asarray(ground * (1 - c) + np.asarray(colour, dtype=np.float32) * c, dtype=np.float32)


def even(size: tuple[int, int], colour: Any) -> Field:
    return np.ones((size[1], size[0], 3), dtype=np.float32) * np.asarray(colour, dtype=np.float32)


def fall_off(rng: np.random.Generator, size: tuple[int, int], depth: float) -> Field:
    """Light (H, W, 1) that falls off, straight or round a lamp, by at most ``depth``."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]] / max(size)
    if rng.random() < 0.5:
        turn = rng.uniform(0, 2 * np.pi)
        far = np.cos(turn) * x + np.sin(turn) * y
    else:
        far = np.hypot(x - rng.uniform(-0.2, 1.2), y - rng.uniform(-0.2, 1.2)) ** 2
    far = (far - far.min()) / max(float(np.ptp(far)), 1e-6)
    return (1 - depth * far)[..., None].astype(np.float32)


def cast_shadow(rng: np.random.Generator, size: tuple[int, int]) -> Field:
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


def camera(rng: np.random.Generator, light: Field, blur: float, noise: float) -> Field:
    seen = ndimage.gaussian_filter(light, (blur, blur, 0))
    return np.asarray(seen + rng.normal(0, noise, light.shape), dtype=np.float32)


def table(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """What a sheet lies on: plain, grained like wood, or a cloth of checks."""
    w, h = size
    shade = rng.choice([28, 50, 75, 105, 135, 165])
    colour = np.clip(
        shade + rng.normal(0, 10, 3) + (np.array([18, 4, -14]) if rng.random() < 0.5 else 0), 5, 190
    )
    table = even(size, colour)
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


def rules(
    rng: np.random.Generator, sheet_size: tuple[int, int], kind: str
) -> list[tuple[Canvas, Colour, float]]:
    """Printed lines of the paper: layers with colour and strength."""
    w, h = sheet_size
    pitch = float(rng.uniform(11, 24))
    strength = float(rng.uniform(0.5, 0.9))
    tone = rng.uniform(140, 205)
    colour: Colour = (tone - 15, tone + 5, 228) if rng.random() < 0.7 else (tone, tone, tone)
    lines = Canvas(w, h)
    step = pitch if kind == "squared" else 1.7 * pitch
    for y in np.arange(rng.uniform(0, step), h, step):
        lines.line(np.array([[-9.0, y], [w + 9.0, y]]), 1.0)
    if kind == "squared":
        for x in np.arange(rng.uniform(0, pitch), w, pitch):
            lines.line(np.array([[x, -9.0], [x, h + 9.0]]), 1.0)
    layers = [(lines, colour, strength)]
    if kind == "ruled" and rng.random() < 0.8:
        margin, x = Canvas(w, h), rng.uniform(0.08, 0.16) * w
        margin.line(np.array([[x, -9.0], [x, h + 9.0]]), 1.4)
        layers.append((margin, (232, 130, 145), 0.85))
    return layers


def pencil(rng: np.random.Generator, stroke: Field, paper: float) -> Field:
    """Soft pencil on rough paper: graphite stays on the tooth's tops."""
    soft = ndimage.gaussian_filter(stroke, rng.uniform(0.8, 1.4))
    tooth = ndimage.gaussian_filter(rng.random(stroke.shape), rng.uniform(0.6, 1.0))
    tooth = (tooth - tooth.mean()) / tooth.std()
    held = 1 / (1 + np.exp(-2.5 * (tooth + rng.uniform(0.0, 0.5))))
    grey = paper - rng.uniform(110, 170) * soft * (0.12 + 0.88 * held) + rng.normal(0, 2.5, stroke.shape)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)


INKS: tuple[Colour, ...] = (
    (10, 10, 10), (215, 35, 45), (35, 80, 205), (25, 140, 55), (248, 214, 35), (242, 140, 40),
    (238, 130, 190), (90, 200, 230), (120, 60, 160), (150, 150, 150),
)  # fmt: skip
# Card and ink of about the same luminance.
CARDS: tuple[tuple[Colour, Colour], ...] = (
    ((70, 145, 70), (215, 75, 55)), ((225, 185, 130), (80, 210, 230)), ((80, 115, 185), (190, 95, 70)),
    ((190, 165, 205), (225, 225, 70)), ((205, 120, 120), (110, 160, 110)), ((240, 205, 70), (255, 170, 190)),
)  # fmt: skip


def pen_colour(rng: np.random.Generator) -> Colour:
    ink = [(35, 40, 105), (25, 25, 30), (20, 60, 140), (120, 25, 30), (45, 45, 50)][rng.integers(5)]
    return (float(ink[0]), float(ink[1]), float(ink[2]))


def maze(rng: np.random.Generator, cells: int) -> NDArray[np.bool_]:
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


def sheet_corners(rng: np.random.Generator, size: tuple[int, int], lean: float) -> Points:
    """Where the corners of a sheet lie in a photo that shows its edges."""
    w, h = size
    m = rng.uniform(0.05, 0.14) * min(size)
    box = np.array([[m, m], [w - m, m], [w - m, h - m], [m, h - m]])
    turn = np.radians(rng.uniform(-6, 6))
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    mid = np.array([w / 2, h / 2])
    found = mid + (box - mid) @ spin * 0.94 + rng.normal(0, lean * min(size), (4, 2))
    return np.asarray(np.clip(found, 2, np.array([w - 3, h - 3])))


@dataclass
class Made:
    """A picture before it is a file, 0 to 255 (deep ones as they are), and what is on it; see ``Scene``."""

    picture: Field
    truth: Field
    areas: Field | None = None
    light_on_dark: bool | None = False
    area_darkness: float = 0.0
    jpeg_quality: int | None = None
    pattern: Field | None = None
    other: Field | None = None


def printed(
    view: View, layers: Sequence[tuple[Canvas, Colour, float]], picture: Field
) -> tuple[Field, Field]:
    """A picture (H, W, 3) with printed rules laid over it, and where they are, (H, W)."""
    where = np.zeros(picture.shape[:2], dtype=np.float32)
    for layer, colour, strength in layers:
        coverage = view.show(layer)
        picture = laid(picture, strength * coverage, colour)
        where = np.maximum(where, coverage)
    return picture, where
