"""Makes the pictures in examples/.

``python scripts/make_examples.py`` draws flourish.png and drawing.png from the
curves below, shades still_life.jpg, and photographs scan.jpg from the hello.png that is
there. With ``--data DIR``, a folder that holds ``unipen_lower.npz`` (pen strokes of UNIPEN
train_r01_v07, Zenodo 10.5281/zenodo.1195803) and ``mnist-t10k-images-idx3-ubyte.gz`` (MNIST), hello.png
and digits.png are made again as well. Everything is deterministic.
"""

# ruff: noqa: RUF005 (sums of places, not of lists)

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter, map_coordinates

from strokebot.raster import draw_ink

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
Points = NDArray[np.float64]

# hello.png: one UNIPEN writer, the letters as (letter, which sample of the writer) with the
# place of the box's lower left corner and the box's longer side, px.
_WRITER = 63
_HELLO = (
    ("h", 0, 38, 196, 152),
    ("e", 0, 176, 193, 84),
    ("l", 0, 296, 197, 158),
    ("l", 1, 388, 194, 150),
    ("o", 0, 478, 198, 84),
)
# digits.png: which MNIST test digits, left to right.
_DIGITS = (18, 2, 4, 5, 23, 12, 1)


def save(ink: NDArray[np.floating], path: Path, light_on_dark: bool = False) -> None:
    """Writes ink (H, W) in [0, 1] as an 8-bit grey PNG."""
    grey = ink if light_on_dark else 1.0 - ink
    Image.fromarray(np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)).save(path, optimize=True)
    print(path.name, ink.shape[::-1], path.stat().st_size, "bytes")


def smooth(points: Points, per_px: float = 0.5, closed: bool = False) -> Points:
    """A cubic spline through points (N, 2), sampled every 1 / per_px px; chord length as parameter."""
    if closed:
        points = np.vstack([points, points[:1]])
    moved = np.hypot(*np.diff(points, axis=0).T) > 1e-9
    points = points[np.concatenate([[True], moved])]
    along = np.concatenate([[0.0], np.cumsum(np.sqrt(np.hypot(*np.diff(points, axis=0).T)))])
    curve = CubicSpline(along, points, bc_type="periodic" if closed else "natural")
    length = float(np.hypot(*np.diff(points, axis=0).T).sum())
    return np.asarray(curve(np.linspace(0, along[-1], max(2, int(length * per_px)))))


def draw(
    strokes: list[tuple[Points, float | NDArray[np.float64]]], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Ink (H, W) of strokes, each points (N, 2) px with a width, px."""
    ink = np.zeros(shape, np.float32)
    for points, width in strokes:
        widths = np.broadcast_to(np.asarray(width, dtype=np.float64), len(points))
        ink = np.maximum(
            ink, draw_ink(points, widths, np.ones(len(points)), np.ones(len(points), dtype=bool), shape)
        )
    return ink


def pointed_pen(points: Points, thin: float, thick: float) -> NDArray[np.float64]:
    """Widths (N,) of a pointed pen: thick where it moves down, thin where it moves up."""
    step = np.gradient(points, axis=0)
    down = step[:, 1] / np.maximum(np.hypot(*step.T), 1e-9)
    press = np.clip(0.5 + 0.7 * gaussian_filter(down, 6), 0, 1) ** 1.5
    ends = np.minimum(np.linspace(0, 14, len(points)), np.linspace(14, 0, len(points))).clip(0, 1)
    return thin + (thick - thin) * press * ends


def flourish() -> NDArray[np.float32]:
    """A signature: an initial, loops that get smaller, and a swash back under all of it."""
    t = np.linspace(0, 1, 400)
    initial = smooth(
        np.array([[96, 150], [70, 96], [104, 44], [150, 66], [132, 140], [92, 208], [64, 190], [110, 160.0]])
    )
    phase = 2 * np.pi * 5.5 * t
    height = 46 * (1 - 0.72 * t) * (1 + 0.35 * np.cos(1.7 * phase / 5))
    loops = np.column_stack(
        [
            110 + 300 * t + 30 * (1 - 0.5 * t) * np.sin(phase),
            128 + 32 * np.cos(phase * 0.0) - height * (1 - np.cos(phase)) / 2,
        ]
    )
    swash = smooth(
        np.array(
            [
                loops[-1],
                [460, 112],
                [520, 132],
                [470, 190],
                [320, 214],
                [180, 222],
                [150, 246],
                [260, 240],
                [430, 226],
                [552, 214.0],
            ]
        )
    )
    line = smooth(np.vstack([initial[:-1:12], loops[::6], swash[6::12]]), per_px=1.0)
    return draw([(line, pointed_pen(line, 2.4, 9.5))], (290, 600))


def circle(x: float, y: float, r: float, start: float = 0.0, turn: float = 2 * np.pi) -> Points:
    """An arc of ``turn`` radians."""
    a = np.linspace(start, start + turn, max(8, int(abs(turn) * r / 2)))
    return np.column_stack([x + r * np.cos(a), y + r * np.sin(a)])


def bicycle() -> NDArray[np.float32]:
    """Line art: wheels with spokes, a frame, a saddle, a basket with flowers, grass."""
    rear, front, crank = np.array([165.0, 330.0]), np.array([535.0, 330.0]), np.array([315.0, 338.0])
    seat, head = np.array([268.0, 178.0]), np.array([478.0, 172.0])
    w = 5.0
    strokes: list[tuple[Points, float | NDArray[np.float64]]] = []
    for hub in (rear, front):
        strokes += [(circle(*hub, 116), 6.0), (circle(*hub, 104), 3.0), (circle(*hub, 9), w)]
        for k in range(10):
            a = 2 * np.pi * k / 10 + 0.3
            spoke = np.array([np.cos(a), np.sin(a)])
            strokes.append((np.array([hub + 9 * spoke, hub + 104 * spoke]), 2.2))
    lower_head = head + 0.26 * (front - head)
    for a, b in ((rear, crank), (rear, seat), (seat, crank), (seat, head), (crank, lower_head)):
        strokes.append((np.array([a, b]), w))
    fork = smooth(np.array([head, lower_head, head + 0.62 * (front - head), front + [-6, -30], front]))
    strokes.append((fork, w))
    post = seat + 0.22 * (seat - crank)
    strokes.append((np.array([seat, post]), w))
    saddle = np.array([[-46, -4], [-38, -18], [0, -14], [46, -10], [52, 0], [10, 4], [-20, 8.0]])
    strokes.append((smooth(post + saddle, closed=True), w))
    stem = head + 0.3 * (head - lower_head)
    bars = np.array([[0, 0], [-6, -16], [-30, -26], [-58, -18], [-66, 0], [-52, 8.0]])
    strokes += [(np.array([head, stem]), w), (smooth(stem + bars), w)]
    strokes += [(circle(*crank, 30), w), (circle(*crank, 8), 4.0)]
    arm = np.array([0.5, 0.866])
    for sign in (1, -1):
        pedal = crank + sign * 52 * arm
        strokes += [
            (np.array([crank + sign * 8 * arm, pedal]), w),
            (np.array([pedal - [16, 0], pedal + [16, 0]]), 6.0),
        ]
    strokes += [
        (np.array([crank + [2, -30], rear + [2, -14]]), 2.5),
        (np.array([crank + [2, 30], rear + [2, 14]]), 2.5),
    ]
    basket = stem + np.array([[8, -2], [84, -10], [74, 56], [22, 60.0]])
    strokes.append((np.vstack([basket, basket[:1]]), 4.0))
    for k in (0.33, 0.66):
        side = [basket[0] + k * (basket[3] - basket[0]), basket[1] + k * (basket[2] - basket[1])]
        rib = [basket[0] + k * (basket[1] - basket[0]), basket[3] + k * (basket[2] - basket[3])]
        strokes += [(np.array(side), 2.6), (np.array(rib), 2.6)]
    for x, y in ((24, -46), (50, -66), (74, -44)):
        flower = stem + [x, y]
        petals = np.linspace(0, 2 * np.pi, 120)
        r = 11 + 5 * np.cos(5 * petals)
        strokes.append((flower + np.column_stack([r * np.cos(petals), r * np.sin(petals)]), 3.0))
        root = stem + [28 + 0.4 * x, -6]
        strokes.append((smooth(np.array([flower + [0, 16], (flower + root) / 2 + [4, 6], root])), 3.0))
    ground = [[20, 452]]
    for k in range(12):
        x = 48 + 52 * k
        ground += [[x, 450], [x + 8, 451]]
    ground.append([690, 452])
    strokes.append((smooth(np.array(ground, dtype=np.float64)), 4.0))
    for x in (60, 88, 402, 424, 668):
        blade = np.array([[x, 450], [x + 3, 434], [x + 9, 420.0]])
        strokes += [(smooth(blade), 3.0), (smooth(blade * [-1, 1] + [2 * x - 4, 0]), 3.0)]
    return draw(strokes, (480, 710))


def hello(data: Path) -> NDArray[np.float32]:
    """Five letters of one writer, side by side, drawn with a felt pen."""
    table = np.load(data / "unipen_lower.npz", allow_pickle=False)
    strokes: list[tuple[Points, float | NDArray[np.float64]]] = []
    for letter, which, x, y, size in _HELLO:
        sample = np.flatnonzero((table["writer"] == _WRITER) & (table["label"] == letter))[which]
        runs = range(table["sample_start"][sample], table["sample_start"][sample + 1])
        pens = [
            table["points"][table["stroke_start"][k] : table["stroke_start"][k + 1]].astype(float)
            for k in runs
        ]
        low, high = np.vstack(pens).min(axis=0), np.vstack(pens).max(axis=0)
        scale = size / (high - low).max()
        for pen in pens:
            points = np.array([x, y]) + (pen - [low[0], high[1]]) * scale
            line = smooth(points, per_px=1.0)
            line = np.column_stack([gaussian_filter(column, 2.0) for column in line.T])
            strokes.append((line, pointed_pen(line, 6.5, 9.5)))
    return draw(strokes, (250, 600))


def digits(data: Path) -> NDArray[np.float32]:
    """A row of MNIST test digits, light on dark, 28 px each."""
    with gzip.open(data / "mnist-t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 28, 28)
    return np.concatenate([images[k] for k in _DIGITS], axis=1).astype(np.float32) / 255


def photograph(ink: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Ink (H, W) as a phone sees it: turned, blue on cream, light from one side, noise; (h, w, 3)."""
    height, width = 520, 820
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    angle, scale = np.radians(-4.0), 0.88
    dx, dy = (x - width / 2) * scale, (y - height / 2) * scale
    at = [
        ink.shape[0] / 2 - np.sin(angle) * dx + np.cos(angle) * dy,
        ink.shape[1] / 2 + np.cos(angle) * dx + np.sin(angle) * dy,
    ]
    seen = gaussian_filter(map_coordinates(ink.astype(np.float64), at, order=1, mode="constant"), 0.8)
    light = 0.95 - 0.45 * ((x / width - 0.25) ** 2 + (y / height - 0.3) ** 2)
    light *= 1 - 0.22 / (1 + np.exp((620 - x - 0.5 * y) / 40))  # the shadow of a hand
    paper, pen = np.array([0.97, 0.94, 0.86]), np.array([0.13, 0.17, 0.45])
    colour = light[..., None] * (paper + seen[..., None] * (pen - paper))
    noise = np.random.default_rng(7).normal(0, 0.012, colour.shape)
    return np.round(255 * np.clip(colour + noise, 0, 1)).astype(np.uint8)


def still_life() -> NDArray[np.uint8]:
    """A photograph of a pear and a plum on a table, shaded as balls are; (H, W) light."""
    height, width = 360, 480
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    light = np.array([-0.55, -0.62, 0.56])
    table = y > 205 + 6 * np.sin(x / 90)
    picture = np.where(table, 0.80 - 0.0004 * (x - 120), 0.62 - 0.0007 * x + 0.0004 * y)
    picture -= 0.30 * np.exp(-(((x - 330) / 120) ** 2 + ((y - 297) / 20) ** 2))  # their shadows
    picture -= 0.22 * np.exp(-(((x - 190) / 110) ** 2 + ((y - 308) / 17) ** 2))
    #           x,   y,  rx, ry, how light
    balls = [(205, 232, 78, 76, 0.82), (210, 168, 46, 62, 0.80), (335, 258, 52, 48, 0.42)]
    depth = np.zeros((height, width))
    shade = np.zeros((height, width))
    for cx, cy, rx, ry, albedo in balls:
        u, v = (x - cx) / rx, (y - cy) / ry
        inside = u**2 + v**2 < 1
        w = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
        lit = np.clip(u * light[0] + v * light[1] + w * light[2], 0, 1)
        gloss = np.clip(u * -0.4 + v * -0.45 + w * 0.8, 0, 1) ** 40
        here = inside & (w * rx > depth)
        shade = np.where(here, albedo * (0.12 + 0.88 * lit) + 0.25 * gloss, shade)
        depth = np.where(here, w * rx, depth)
    covered = gaussian_filter((depth > 0).astype(np.float64), 0.8)
    smooth_shade = gaussian_filter(shade, 2.0) / np.maximum(gaussian_filter((depth > 0) * 1.0, 2.0), 1e-6)
    picture = (1 - covered) * picture + covered * smooth_shade
    stalk = draw([(smooth(np.array([[212, 112], [216, 92], [228, 76.0]])), 6.0)], (height, width))
    picture = picture * (1 - 0.85 * stalk)
    noise = np.random.default_rng(11).normal(0, 0.012, picture.shape)
    return np.round(255 * np.clip(picture + noise, 0.02, 0.98)).astype(np.uint8)


def main() -> None:
    """Makes the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the UNIPEN and MNIST files")
    parser.add_argument("--out-dir", type=Path, default=EXAMPLES, help="where to write")
    choice = parser.parse_args()
    out: Path = choice.out_dir
    out.mkdir(parents=True, exist_ok=True)
    save(flourish(), out / "flourish.png")
    save(bicycle(), out / "drawing.png")
    if choice.data:
        save(hello(choice.data), out / "hello.png")
        save(digits(choice.data), out / "digits.png", light_on_dark=True)
    source = out / "hello.png" if (out / "hello.png").exists() else EXAMPLES / "hello.png"
    word = 1.0 - np.asarray(Image.open(source).convert("L"), dtype=np.float64) / 255
    Image.fromarray(photograph(word)).save(out / "scan.jpg", quality=80)
    print("scan.jpg", (out / "scan.jpg").stat().st_size, "bytes")
    Image.fromarray(still_life()).save(out / "still_life.jpg", quality=85)
    print("still_life.jpg", (out / "still_life.jpg").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
