"""The SVG's outlines, read back and filled, against the rasteriser."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon

from strokebot import raster, svg
from strokebot.svg import drawing_svg, strokes

PAPER = (40.0, 30.0)
NS = {"s": "http://www.w3.org/2000/svg"}
FINE = 20  # px per mm of the pictures compared


@dataclass
class Line:
    xy_mm: np.ndarray
    width_mm: np.ndarray
    intensity: np.ndarray
    pen_down: np.ndarray


def line(xy, width, intensity=None, down=None):
    n = len(xy)
    return Line(
        np.array(xy, float),
        np.array(width, float),
        np.ones(n) if intensity is None else np.array(intensity, float),
        np.ones(n, bool) if down is None else np.array(down, bool),
    )


def quarter(start, r, step):
    """Points on a quarter circle to ``start + step`` that runs clockwise on the screen."""
    step = np.array(step)
    assert np.abs(step).tolist() == [r, r]
    centre = start + step * ([1, 0] if step[0] * step[1] < 0 else [0, 1])
    angle = np.arctan2(*(start - centre)[::-1]) + np.linspace(0, np.pi / 2, 20)
    points = centre + r * np.column_stack([np.cos(angle), np.sin(angle)])
    np.testing.assert_allclose(points[-1], start + step, atol=1e-9)
    return points


def polygons(d):
    """Subpaths of path data (M, L, Z and quarter arcs), flattened."""
    out = []
    for subpath in d.upper().split("Z"):
        numbers = [float(v) for v in re.findall(r"-?[0-9.]+", subpath)]
        if "A" in subpath:
            points = [np.array(numbers[:2])[None]]
            for k in range(2, len(numbers), 7):
                rx, ry, rotation, large, sweep, *step = numbers[k : k + 7]
                assert (rx, rotation, large, sweep) == (ry, 0, 0, 1)
                points.append(quarter(points[-1][-1], rx, step))
            np.testing.assert_allclose(points[-1][-1], numbers[:2], atol=1e-9)
            out.append(np.concatenate(points))
        elif numbers:
            assert subpath.count("L") == 3
            out.append(np.array(numbers).reshape(4, 2))
    return out


def filled(svg):
    picture = np.zeros((int(PAPER[1] * FINE), int(PAPER[0] * FINE)))
    for path in ET.fromstring(svg).findall("s:g[@id='ink']/s:path", NS):
        for corners in polygons(path.get("d")):
            x, y = corners.T
            area = np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2
            assert area >= 0, "a subpath runs the other way round: nonzero filling would cut a hole"
            picture[polygon(y * FINE - 0.5, x * FINE - 0.5, picture.shape)] = 1
    return picture


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=25, deadline=None)
def test_outlines_cover_what_the_rasteriser_covers(seed, steep):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    xy = rng.uniform([5, 5], [35, 25], (n, 2)) if not steep else 20 + np.cumsum(rng.normal(0, 1, (n, 2)), 0)
    drawing = line(xy, rng.uniform(0.3, 6, n), down=rng.random(n) > 0.3)
    svg = filled(drawing_svg(drawing, PAPER))
    pixels = np.column_stack([xy[:, 0], PAPER[1] - xy[:, 1]]) * FINE
    drawn = raster.draw_ink(pixels, drawing.width_mm * FINE, np.ones(n), drawing.pen_down, svg.shape)
    wrong = np.abs(svg - (drawn > 0.5)).sum()
    assert wrong <= 0.01 * drawn.sum() + 20


def test_size_is_in_mm_and_y_points_up_on_paper():
    root = ET.fromstring(drawing_svg(line([[5, 29], [35, 29]], [1, 1]), PAPER, title="a < b"))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("40mm", "30mm", "0 0 40 30")
    assert root.find("s:title", NS).text == "a < b"
    centre = root.find("s:g[@id='centre-lines']", NS)
    assert centre.get("display") == "none"
    assert centre.find("s:polyline", NS).get("points") == "5,1 35,1"


def test_each_stroke_is_one_path_with_its_mean_intensity():
    drawing = line(
        [[1, 1], [11, 1], [12, 5], [20, 5], [28, 5]],
        [1, 1, 1, 1, 1],
        [1, 1, 0.4, 0.6, 0.8],
        [True, True, False, True, True],
    )
    paths = ET.fromstring(drawing_svg(drawing, PAPER)).findall("s:g[@id='ink']/s:path", NS)
    assert [p.get("fill-opacity") for p in paths] == ["1", "0.6"]


def test_points_on_a_straight_line_are_left_out_and_the_file_is_the_same_each_time():
    t = np.linspace(0, 1, 500)
    drawing = line(np.column_stack([2 + 30 * t, 3 + 20 * t]), 1 + t)
    svg = drawing_svg(drawing, PAPER)
    assert svg == drawing_svg(drawing, PAPER)
    (path,) = ET.fromstring(svg).findall("s:g[@id='ink']/s:path", NS)
    assert path.get("d").count("M") == 3  # two discs and what joins them


def test_a_dot_is_a_circle_and_nothing_drawn_is_an_empty_layer():
    dot = drawing_svg(line([[10, 10], [10, 10]], [4, 4]), PAPER)
    assert filled(dot).sum() / FINE**2 == pytest.approx(np.pi * 4, rel=0.02)
    assert filled(drawing_svg(line([[1, 1], [9, 9]], [1, 1], down=[False, False]), PAPER)).sum() == 0


@pytest.mark.parametrize(
    ("down", "parts"),
    [
        ([True, True, True], [(0, 3)]),
        ([True, False, True], [(1, 3)]),
        ([False, True, False, True], [(0, 2), (2, 4)]),
        ([True], [(0, 1)]),
        ([False], []),
        ([True, False], []),
    ],
)
def test_strokes_are_the_runs_of_drawn_segments(down, parts):
    assert [(s.start, s.stop) for s in strokes(np.array(down))] == parts


def test_a_drawing_of_many_points_stays_small_and_in_its_place(monkeypatch):
    monkeypatch.setattr(svg, "_MOST_POINTS", 300)
    t = np.linspace(0.0, 60.0, 20_000)
    xy = np.column_stack([20 + 2.5 * t, 100 + 30 * np.sin(t) + 0.02 * np.sin(400 * t)])
    text = drawing_svg(line(xy, 0.6 + 0.1 * np.sin(9 * t)), (210.0, 297.0))
    points = re.search(r'points="([^"]*)"', text)[1].split()
    assert 20 < len(points) <= 300
    drawn = np.array([[float(v) for v in point.split(",")] for point in points])
    there = np.interp(drawn[:, 0], xy[:, 0], 297.0 - xy[:, 1])
    assert np.abs(drawn[:, 1] - there).max() < 0.2
