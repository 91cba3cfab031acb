"""Existing ways to turn a picture into lines, run on the same cleaned-up ink.

    outline      both edges of every line, as most tools draw a picture: potrace. The program
                 ``potrace`` where it is installed, else the Python port ``potracer``.
    centreline   the middle of every line: ``centerline-svg``.
    tour         ``plain_tour``: always there.

Outlines know no line width. They are drawn with a pen of 1 px, of half, and of the whole width
of the picture's lines, and the best of the three by IoU counts. ``centerline-svg`` says one width
for the picture, which is taken; its coordinates are numbers of pixels, so half a pixel is added.

The GPL programs are run or imported only if the user has installed them; nothing of them is here.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from benchmarks.line_metrics import Drawing, Floats, Mask, Target, iou
from benchmarks.plain_tour import plain_tour
from strokebot.picture.parts import ink_mask

# Straight pieces of one curve of potracer; the potrace program takes 8 too.
_CURVE_PIECES = 8
_PROGRAM_TIMEOUT_S = 300
# A part of the ink this deep is no line; its depth is left out of the width of the lines.
_QUANTILE = 0.5
_WIDTH_SHARES = (0.5, 1.0)


@dataclass(frozen=True)
class Rival:
    """One other way.

    Attributes:
        key: suffix of its figures.
        title: what the table calls it.
        draw: the ink of a picture to a drawing.
    """

    key: str
    title: str
    draw: Callable[[Target], Drawing]


def find_rivals() -> tuple[list[Rival], list[str]]:
    """The ways that are installed, and for each that is not a line saying how to get it."""
    rivals, missing = [], []
    if shutil.which("potrace"):
        rivals.append(Rival("outline", "potrace outlines", lambda t: _outlined(t, _potrace_program)))
    elif importlib.util.find_spec("potrace"):
        rivals.append(Rival("outline", "potrace outlines", lambda t: _outlined(t, _potracer)))
    else:
        missing.append(
            "outline: skipped, potrace is not installed: apt-get install potrace, or pip install potracer."
        )
    if importlib.util.find_spec("centerline_svg"):
        rivals.append(Rival("centreline", "centerline-svg", lambda t: _centreline(t.mask)))
    else:
        missing.append("centreline: skipped, centerline-svg is not installed: pip install centerline-svg.")
    rivals.append(Rival("tour", "plain tour", lambda t: plain_tour(t.mask)))
    return rivals, missing


def line_width_px(mask: Mask, skeleton: Mask) -> float:
    """Median width of the lines of a picture, px."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][skeleton]
    return float(2 * np.quantile(depth, _QUANTILE) - 1) if depth.size else 1.0


def _outlined(target: Target, trace: Callable[[Mask], list[Floats]]) -> Drawing:
    """The outlines with the one pen width that suits the picture best."""
    loops = trace(target.mask)
    width = line_width_px(target.mask, target.skeleton)
    widths = sorted({1.0, *(max(1.0, share * width) for share in _WIDTH_SHARES)})
    drawings = [_of_one_width(loops, w) for w in widths]
    return max(drawings, key=lambda d: iou(target.mask, ink_mask(d.ink(target.ink.shape))))


def _of_one_width(lines: list[Floats], width: float) -> Drawing:
    return Drawing(tuple(np.column_stack([v, np.full(len(v), width), np.ones(len(v))]) for v in lines))


def _potrace_program(mask: Mask) -> list[Floats]:
    """Closed outlines by the program, which reads a PBM and writes polygons as GeoJSON, y up."""
    picture = io.BytesIO()
    Image.fromarray(~mask).save(picture, format="PPM")
    done = subprocess.run(
        ["potrace", "--backend", "geojson", "--output", "-", "-"],
        input=picture.getvalue(), capture_output=True, check=True, timeout=_PROGRAM_TIMEOUT_S,
    )  # fmt: skip
    loops = [
        np.array(ring, dtype=np.float64)
        for feature in json.loads(done.stdout)["features"]
        for ring in feature["geometry"]["coordinates"]
    ]
    return [np.column_stack([loop[:, 0], mask.shape[0] - loop[:, 1]]) for loop in loops]


def _potracer(mask: Mask) -> list[Floats]:
    """Closed outlines by the Python port, which takes the paper."""
    potrace = importlib.import_module("potrace")
    t = (np.arange(1, _CURVE_PIECES + 1) / _CURVE_PIECES)[:, None]
    loops = []
    for path in potrace.Bitmap(~mask).trace():
        points = [np.array([[path.start_point.x, path.start_point.y]])]
        for segment in path.segments:
            a, d = points[-1][-1], np.array([segment.end_point.x, segment.end_point.y])
            if segment.is_corner:
                points.append(np.array([[segment.c.x, segment.c.y], d]))
            else:
                b, c = (np.array([p.x, p.y]) for p in (segment.c1, segment.c2))
                points.append((1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d)
        loops.append(np.concatenate(points))
    return loops


def _centreline(mask: Mask) -> Drawing:
    """Centre lines by centerline-svg, from a file as its users do."""
    tracer = importlib.import_module("centerline_svg")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ink.png"
        Image.fromarray(np.where(mask, 0, 255).astype(np.uint8)).save(path)
        return svg_lines(tracer.png_to_svg(str(path)))


def svg_lines(svg: str) -> Drawing:
    """The polylines of an SVG of centerline-svg: absolute M and L, one stroke width."""
    found = re.search(r'stroke-width="([\d.]+)"', svg)
    width = float(found[1]) if found else 1.0
    lines: list[NDArray[np.float64]] = []
    for path in re.findall(r'<path[^>]* d="([^"]*)"', svg):
        for part in path.split("M")[1:]:
            numbers = np.array([float(v) for v in re.findall(r"-?\d+(?:\.\d+)?", part)])
            lines.append(numbers.reshape(-1, 2) + 0.5)
    return _of_one_width(lines, width)
