"""The pictures of ``benchmarks.pictures``: made here, shipped with a library, or from a folder.

Each has a kind, and each target is measured on the kinds that it speaks of:

    glyph, word    handwriting: letters of ``lettering``, and of the Hershey fonts if installed
    signature      a fast hand: loops, a changing width, a flourish
    oneline        one line that closes or crosses itself
    lineart        drawings of lines 3 px wide and more
    hairline       the same of 1 to 2 px
    pencil         overdrawn, shaky, grey lines
    clipart        filled shapes with holes
    photo          photos, the ones inside scikit-image
    scan           handwriting on shaded, noisy paper

Nothing is random but what a fixed seed draws, and ``supersampled``, not the judge, makes the
pictures. A file of a folder gets its kind from its name, up to the first "_" (clip_teacup.png),
and is line art otherwise.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from benchmarks.lettering import Floats, curve, fit, write
from benchmarks.supersampled import OVERSAMPLING, draw_strokes
from strokebot.picture.image import FORMATS

KINDS = (
    "glyph", "word", "signature", "oneline", "lineart", "hairline", "pencil", "clipart", "photo", "scan",
)  # fmt: skip
# Kinds drawn with lines of 3 px and more, whose centre line is known to a pixel.
LINE_KINDS = ("glyph", "word", "signature", "oneline", "lineart")
_ALIASES = {"clip": "clipart", "rgba": "clipart", "line": "lineart"}
_EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
_EXAMPLE_KINDS = {
    "digits.png": "glyph",
    "hello.png": "word",
    "flourish.png": "oneline",
    "drawing.png": "lineart",
    "scan.jpg": "scan",
}
_PHOTO_SIDE_PX = 320
_PAPER = 255


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture.

    Attributes:
        name: unique in the set, fit for a file name.
        kind: one of ``KINDS``.
        grey: (H, W) uint8, 255 = paper; None if there is a file.
        file: where the picture is; None if ``grey`` holds it.
    """

    name: str
    kind: str
    grey: NDArray[np.uint8] | None = None
    file: Path | None = None

    def saved(self, folder: Path) -> Path:
        """The file of the picture, written into the folder if there is none yet."""
        if self.file is not None:
            return self.file
        path = folder / f"{self.name}.png"
        Image.fromarray(np.asarray(self.grey)).save(path)
        return path


def pictures(quick: bool = False) -> tuple[list[Picture], list[str]]:
    """The set, and a line for each part of it that cannot be had. ``quick``: one or two of a kind."""
    makers: Sequence[Callable[[], Iterator[Picture]]] = (
        _examples, _glyphs, _words, _signatures, _onelines, _lineart, _hairlines, _pencil, _clipart,
        _photos, _scans,
    )  # fmt: skip
    found = [picture for make in makers for picture in make()]
    missing = []
    if importlib.util.find_spec("HersheyFonts"):
        found += _hershey()
    else:
        missing.append("Hershey words: skipped, the fonts are not installed: pip install hershey-fonts.")
    if quick:
        first = {kind: [p for p in found if p.kind == kind and p.file is None][:1] for kind in KINDS}
        found = [picture for kind in KINDS for picture in first[kind]]
    return sorted(found, key=lambda p: (KINDS.index(p.kind), p.name)), missing


def folder_pictures(folder: Path) -> list[Picture]:
    """Every picture file of a folder, by name."""
    endings = {e for e, name in Image.registered_extensions().items() if name in FORMATS}
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in endings)
    found = []
    for file in files:
        head = file.stem.split("_")[0]
        kind = _ALIASES.get(head, head)
        found.append(Picture(f"{folder.name}-{file.stem}", kind if kind in KINDS else "lineart", file=file))
    return found


def dense_lines(side_px: int, line_px: float = 4.0, seed: int = 1) -> NDArray[np.uint8]:
    """Line art that fills a square: wandering lines about 12 line widths apart, drawn by Pillow."""
    rng = np.random.default_rng(seed)
    image = Image.new("L", (side_px, side_px), _PAPER)
    pen = ImageDraw.Draw(image)
    pitch = 12 * line_px
    x = np.arange(pitch, side_px - pitch, line_px)
    for k in range(int(side_px / pitch) - 1):
        wave = rng.uniform(0.2, 0.7) * pitch * np.sin(x / rng.uniform(1.0, 4.0) / pitch + rng.uniform(0, 6))
        y = (k + 1) * pitch + wave
        for along in ((x, y), (y, x)):
            pen.line(np.column_stack(along).ravel().tolist(), fill=0, width=round(line_px), joint="curve")
    return np.asarray(image)


def _picture(name: str, kind: str, ink: NDArray[np.floating]) -> Picture:
    return Picture(name, kind, np.round(_PAPER * (1 - np.clip(ink, 0, 1))).astype(np.uint8))


def _lines(strokes: Sequence[Floats], shape: tuple[int, int], width: float) -> NDArray[np.float32]:
    return draw_strokes([np.column_stack([s, np.full(len(s), width)]) for s in strokes], shape)


def _written(text: str, em_px: float, width: float, seed: int) -> NDArray[np.float32]:
    strokes, shape = fit(write(text, seed), em_px, 3 * width)
    return _lines(strokes, shape, width)


def _examples() -> Iterator[Picture]:
    for name, kind in _EXAMPLE_KINDS.items():
        if (_EXAMPLES / name).exists():
            yield Picture(f"example-{Path(name).stem}", kind, file=_EXAMPLES / name)


def _glyphs() -> Iterator[Picture]:
    for k, letter in enumerate("aegkmt"):
        strokes, _ = fit(write(letter, k), 9.0, 0.0)
        size = np.concatenate(strokes).max(axis=0)
        moved = [s * min(1.0, 20.0 / size.max()) for s in strokes]
        shift = 14 - np.concatenate(moved).max(axis=0) / 2
        yield _picture(f"glyph-{letter}", "glyph", _lines([s + shift for s in moved], (28, 28), 3.0))


def _words() -> Iterator[Picture]:
    for k, (text, em_px, width) in enumerate(
        (
            ("minimum", 28, 3), ("robot hand", 40, 5), ("gesture", 60, 8), ("night", 34, 3.5),
            ("playground", 48, 6), ("one line art\nmoses laughs", 30, 3.5),
        )
    ):  # fmt: skip
        rows = [write(row, 10 + k) for row in text.split("\n")]
        strokes = [s + np.array([0.0, 3.4 * n]) for n, row in enumerate(rows) for s in row]
        placed, shape = fit(strokes, em_px, 3 * width)
        yield _picture(f"word-{text.split()[0]}", "word", _lines(placed, shape, width))


def _hershey() -> Iterator[Picture]:
    fonts = importlib.import_module("HersheyFonts").HersheyFonts()
    for text, font, scale, width in (
        ("Alumni", "scripts", 6.0, 5.0), ("Signature", "scripts", 4.5, 3.0),
        ("calligraphy", "cursive", 5.0, 4.0), ("Quartz", "futural", 7.0, 6.0),
    ):  # fmt: skip
        fonts.load_default_font(font)
        strokes = [np.array(s, dtype=np.float64) for s in fonts.strokes_for_text(text)]
        placed, shape = fit(strokes, scale, 3 * width)
        yield _picture(f"word-hershey-{text.lower()}", "word", _lines(placed, shape, width))


def _signatures() -> Iterator[Picture]:
    for k in range(4):
        rng = np.random.default_rng(20 + k)
        t = np.linspace(0.5, 2 * np.pi * (5.5 + k), 60 * (5 + k))
        loop = np.arange(8 + k)
        tall = np.where((loop == 0) | (loop == 4), 2.2, rng.uniform(0.5, 1.1, len(loop)))
        rise = np.interp(t / (2 * np.pi), loop + 0.5, tall)
        lean = rng.uniform(0.3, 0.6)
        x = 0.16 * t - 0.42 * np.sin(t) + lean * rise * (1 - np.cos(t)) / 2
        body = np.column_stack([x, -rise * (1 - np.cos(t)) / 2 - 0.03 * t])
        under = curve([(x[-1] + 0.5, 0.5), (0.2, 0.7), (0.6, 0.95), (x[-1] + 0.2, 0.75)], 24)
        strokes, shape = fit([body, under], 70.0, 14.0)
        wide = []
        for stroke in strokes:
            speed = np.hypot(*np.gradient(stroke, axis=0).T)
            slow = ndimage.gaussian_filter1d(speed / speed.mean(), 6)
            wide.append(np.column_stack([stroke, np.clip(6.0 - 2.5 * slow, 3.0, 6.0)]))
        yield _picture(f"signature-{k}", "signature", draw_strokes(wide, shape))


def _onelines() -> Iterator[Picture]:
    t = np.linspace(0, 2 * np.pi, 700)
    shapes = {
        "lissajous": np.column_stack([np.sin(3 * t), np.sin(4 * t + 0.4)]),
        "rose": np.column_stack([np.cos(2.5 * 2 * t) * np.cos(2 * t), np.cos(2.5 * 2 * t) * np.sin(2 * t)]),
        "spiral": (t / 6.3 + 0.05)[:, None] * np.column_stack([np.cos(6 * t), np.sin(6 * t)]),
        "loops": np.column_stack([0.55 * t - 0.5 * np.sin(7 * t), 0.5 * np.cos(7 * t)]),
    }
    for (name, xy), width in zip(shapes.items(), (4.0, 5.0, 3.5, 6.0), strict=True):
        strokes, shape = fit([xy], 330 / float(np.ptp(xy, axis=0).max()), 12.0)
        swell = width * (1 + 0.3 * np.sin(5 * t))
        wide = np.column_stack([strokes[0], swell if name == "loops" else np.full(len(t), width)])
        yield _picture(f"oneline-{name}", "oneline", draw_strokes([wide], shape))


def _circle(x: float, y: float, r: float) -> Floats:
    t = np.linspace(0, 2 * np.pi, 60)
    return np.column_stack([x + r * np.cos(t), y + r * np.sin(t)])


def _house() -> list[Floats]:
    """A house with windows, a tree and a sun, about 10 units wide."""
    boxes = [(0, 4, 6, 9), (1, 5, 2.4, 6.6), (3.6, 5, 5, 6.6), (2.4, 7, 3.6, 9)]
    lines = [np.array([(a, b), (c, b), (c, d), (a, d), (a, b)], float) for a, b, c, d in boxes]
    lines += [np.array(v, float) for v in ([(-0.6, 4), (3, 1), (6.6, 4), (-0.6, 4)], [(-2, 9), (11, 9)])]
    lines += [np.array(v, float) for v in ([(1.7, 5), (1.7, 6.6)], [(1, 5.8), (2.4, 5.8)])]
    lines += [_circle(9, 5, 1.6), np.array([(8.7, 6.6), (8.7, 9)]), np.array([(9.3, 6.6), (9.3, 9)])]
    lines += [_circle(9, 1.2, 0.8)]
    for a in np.arange(12) * np.pi / 6:
        way = np.array([np.cos(a), np.sin(a)])
        lines.append(np.array([(9, 1.2) + 1.1 * way, (9, 1.2) + 1.6 * way]))
    return lines


def _fish() -> list[Floats]:
    """A fish with fins, gill and scales, about 10 units wide."""
    body = curve(
        [(0, 3), (2, 1), (5, 0.6), (8, 2.2), (9.5, 1), (9.2, 3), (9.5, 5), (8, 3.8), (5, 5.4), (2, 5), (0, 3)]
    )
    lines = [body, _circle(1.7, 2.5, 0.35), curve([(2.9, 1.4), (3.4, 3), (2.9, 4.6)])]
    lines += [curve([(3.5, 0.75), (4.5, -0.6), (6.3, 1.2)]), curve([(0.1, 3.1), (0.7, 3.3), (1.1, 3.2)])]
    lines += [
        curve([(x, y), (x + 0.5, y + 0.45), (x, y + 0.9)]) for x in (3.9, 4.9, 5.9) for y in (1.5, 2.5, 3.5)
    ]
    return lines


def _tree() -> list[Floats]:
    """A bare tree: branches that fork."""
    lines: list[Floats] = []

    def grow(x: float, y: float, angle: float, length: float, depth: int) -> None:
        end = (x + length * np.cos(angle), y - length * np.sin(angle))
        bend = ((x + end[0]) / 2 + 0.08 * length * np.sin(3 * angle), (y + end[1]) / 2)
        lines.append(curve([(x, y), bend, end]))
        if depth:
            grow(*end, angle + 0.42, 0.74 * length, depth - 1)
            grow(*end, angle - 0.5, 0.7 * length, depth - 1)

    grow(0.0, 0.0, np.pi / 2, 3.0, 5)
    return lines


def _mesh() -> list[Floats]:
    """Crooked squares: many crossings of degree four, and a circle over them."""
    rng = np.random.default_rng(5)
    places = np.stack(np.meshgrid(np.arange(7.0), np.arange(6.0)), axis=-1) + rng.normal(0, 0.12, (6, 7, 2))
    return [*places, *places.transpose(1, 0, 2), _circle(3, 2.5, 2.2)]


def _drawings() -> Iterator[tuple[str, list[Floats]]]:
    yield "fish", _fish()
    yield "house", _house()
    yield "tree", _tree()
    yield "mesh", _mesh()


def _scaled(strokes: list[Floats], side_px: float, width: float) -> NDArray[np.float32]:
    size = float(np.ptp(np.concatenate(strokes), axis=0).max())
    placed, shape = fit(strokes, side_px / size, 4 * width)
    return _lines(placed, shape, width)


def _lineart() -> Iterator[Picture]:
    for (name, strokes), side, width in zip(_drawings(), (300, 420, 360, 340), (4, 3, 5, 6), strict=True):
        yield _picture(f"lineart-{name}", "lineart", _scaled(strokes, side, width))
    yield Picture("lineart-dense", "lineart", dense_lines(512))


def _hairlines() -> Iterator[Picture]:
    for (name, strokes), side, width in zip(_drawings(), (240, 360, 300, 280), (1.5, 1, 2, 1.5), strict=True):
        yield _picture(f"hairline-{name}", "hairline", _scaled(strokes, side, width))


def _pencil() -> Iterator[Picture]:
    for seed, (name, strokes) in enumerate(_drawings()):
        if name == "mesh":
            continue
        rng = np.random.default_rng(40 + seed)
        size = float(np.ptp(np.concatenate(strokes), axis=0).max())
        placed, shape = fit(strokes, 320 / size, 14.0)
        rough = []
        for stroke in placed:
            for _ in range(int(rng.integers(2, 4))):
                shake = ndimage.gaussian_filter1d(rng.normal(0, 4.0, stroke.shape), 5, axis=0, mode="nearest")
                n = len(stroke)
                grey = np.clip(rng.uniform(0.45, 0.8) + 0.1 * np.sin(np.linspace(0, 6, n)), 0, 1)
                rough.append(np.column_stack([stroke + shake, np.full(n, rng.uniform(1.5, 3.0)), grey]))
        grain = ndimage.gaussian_filter(rng.normal(0, 0.25, shape), 0.7)
        ink = draw_strokes(rough, shape)
        yield _picture(f"pencil-{name}", "pencil", ink * (1 + grain) + np.abs(grain) * 0.05)


def _filled(
    size: tuple[int, int], paint: Callable[[ImageDraw.ImageDraw, float], None]
) -> NDArray[np.float64]:
    """A picture (width, height) painted in black and white on a finer grid, averaged."""
    fine = Image.new("L", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING), 0)
    paint(ImageDraw.Draw(fine), OVERSAMPLING)
    return np.asarray(fine.reduce(OVERSAMPLING), dtype=np.float64) / _PAPER


def _disc(pen: ImageDraw.ImageDraw, s: float, x: float, y: float, r: float, fill: int) -> None:
    pen.ellipse(((x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s), fill=fill)


def _gear(pen: ImageDraw.ImageDraw, s: float) -> None:
    t = np.linspace(0, 2 * np.pi, 12 * 8, endpoint=False)
    r = np.where(np.sin(12 * t) > 0, 130.0, 105.0)
    pen.polygon((s * np.column_stack([150 + r * np.cos(t), 150 + r * np.sin(t)])).ravel().tolist(), fill=255)
    _disc(pen, s, 150, 150, 45, 0)
    _disc(pen, s, 150, 150, 18, 255)


def _heart(pen: ImageDraw.ImageDraw, s: float) -> None:
    t = np.linspace(0, 2 * np.pi, 200)
    x = 140 + 7.5 * 16 * np.sin(t) ** 3
    y = 125 - 7.5 * (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    pen.polygon((s * np.column_stack([x, y])).ravel().tolist(), fill=255)
    pen.line([(90 * s, 150 * s), (150 * s, 90 * s), (190 * s, 150 * s)], fill=0, width=int(8 * s))


def _mug(pen: ImageDraw.ImageDraw, s: float) -> None:
    _disc(pen, s, 225, 130, 55, 255)
    _disc(pen, s, 225, 130, 35, 0)
    pen.rectangle((40 * s, 50 * s, 220 * s, 230 * s), fill=255)
    pen.ellipse((55 * s, 40 * s, 205 * s, 75 * s), fill=0)
    for k in range(3):
        pen.line([((80 + 45 * k) * s, 5 * s), ((90 + 45 * k) * s, 30 * s)], fill=255, width=int(5 * s))


def _clipart() -> Iterator[Picture]:
    yield _picture("clipart-gear", "clipart", _filled((300, 300), _gear))
    yield _picture("clipart-heart", "clipart", _filled((280, 270), _heart))
    yield _picture("clipart-mug", "clipart", _filled((300, 260), _mug))
    font = ImageFont.load_default(130 * OVERSAMPLING)
    yield _picture(
        "clipart-letters",
        "clipart",
        _filled((300, 200), lambda pen, s: pen.text((15 * s, 15 * s), "R&B", 255, font=font)),
    )
    from skimage import data

    yield _picture("clipart-horse", "clipart", ~data.horse())  # type: ignore[no-untyped-call]


def _photos() -> Iterator[Picture]:
    from skimage import data

    for name in ("camera", "astronaut", "coins", "chelsea", "coffee"):
        image = Image.fromarray(getattr(data, name)()).convert("L")
        image.thumbnail((_PHOTO_SIDE_PX, _PHOTO_SIDE_PX))
        yield Picture(f"photo-{name}", "photo", np.asarray(image))


def _scans() -> Iterator[Picture]:
    for k, text in enumerate(("another hand", "dusty page")):
        ink = _written(text, 36.0, 4.0, 60 + k)
        rng = np.random.default_rng(60 + k)
        height, width = ink.shape
        shade = 0.72 + 0.2 * np.linspace(0, 1, width)[None] * np.linspace(1, 0.6, height)[:, None]
        grey = shade * (1 - 0.75 * ndimage.gaussian_filter(ink, 0.6)) + rng.normal(0, 0.015, ink.shape)
        yield Picture(f"scan-{k}", "scan", np.round(_PAPER * np.clip(grey, 0, 1)).astype(np.uint8))
