"""KanjiVG's and hanzi-writer's characters as stroke sets."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import DataError
from strokebot.training.data import hanzi, kanjivg
from strokebot.training.data.strokes import load_strokes

SVG = """<svg xmlns="http://www.w3.org/2000/svg"><g>
<path d="M10,20c5,0,10,5,10,10"/><path d="M50.5 10.25L50-5h3v2"/></g><text>1</text></svg>"""


def test_a_path_is_followed_command_by_command():
    points = kanjivg.path_points("M1,2L4,6l1-1H0v3")
    assert points.tolist() == [[1, 2], [4, 6], [5, 5], [0, 5], [0, 8]]
    again = kanjivg.path_points("M0 0 0 2 2 2z")
    assert again.tolist() == [[0, 0], [0, 2], [2, 2], [0, 0]]


@given(st.lists(st.floats(-50, 50), min_size=6, max_size=6))
@settings(max_examples=20)
def test_curves_are_beziers(numbers):
    numbers = [round(v, 3) for v in numbers]
    points = kanjivg.path_points("M3,4C" + ",".join(str(v) for v in numbers))
    p = [np.array([3.0, 4.0]), *np.array(numbers).reshape(3, 2)]
    for t, point in zip(np.linspace(0, 1, 12), points, strict=True):
        u = 1 - t
        bezier = u**3 * p[0] + 3 * u * u * t * p[1] + 3 * u * t * t * p[2] + t**3 * p[3]
        assert point == pytest.approx(bezier, abs=1e-9)


def test_smooth_curves_mirror_the_control_point_before():
    one = kanjivg.path_points("M0,0C0,1,1,2,2,2S4,1,4,0")
    two = kanjivg.path_points("M0,0c0,1,1,2,2,2C3,2,4,1,4,0")
    assert one == pytest.approx(two)
    assert kanjivg.path_points("M0,0Q1,1,2,0T4,0") == pytest.approx(
        kanjivg.path_points("M0,0q1,1,2,0q1-1,2,0")
    )


@pytest.mark.parametrize("data", ["", "M1", "C1,2,3", "A1,1,0,0,0,3,3", "M1,2Lx"])
def test_what_is_no_path_is_refused(data):
    with pytest.raises(DataError):
        kanjivg.path_points(data)


def test_archives_become_stroke_sets_split_by_character(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        for name in ("kanji/05b57.svg", "kanji/05b57-Kaisho.svg", "kanji/04e00.svg", "README"):
            bundle.writestr(name, SVG)
    assert kanjivg.convert(tmp_path / "a.zip", tmp_path) == {"kanjivg": 2}
    found = load_strokes(tmp_path, "kanjivg")
    assert found.label.tolist() == ["\u4e00", "\u5b57"]
    assert found.writer.tolist() == ["character/\u4e00", "character/\u5b57"]
    assert len(found.strokes(0)) == 2
    character = json.dumps({"medians": [[[0, 900], [100, 900]], [[50, 950], [50, 800]]]})
    with tarfile.open(tmp_path / "b.tgz", "w:gz") as bundle:
        for name in ("package/\u5b57.json", "package/package.json"):
            info = tarfile.TarInfo(name)
            info.size = len(character.encode())
            bundle.addfile(info, io.BytesIO(character.encode()))
    assert hanzi.convert(tmp_path / "b.tgz", tmp_path) == {"hanzi": 1}
    other = load_strokes(tmp_path, "hanzi")
    assert other.writer.tolist() == ["character/\u5b57"]
    # y grows upwards in the archive: the second stroke goes down.
    assert other.strokes(0)[1][-1, 1] > other.strokes(0)[1][0, 1]
    assert other.held_out[0] == found.held_out[1]


def test_damaged_archives_are_named(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"a\.zip"):
        kanjivg.convert(tmp_path / "a.zip", tmp_path)
    with pytest.raises(DataError, match=r"a\.zip"):
        hanzi.convert(tmp_path / "a.zip", tmp_path)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as bundle:
        bundle.writestr("README", "no characters")
    with pytest.raises(DataError, match="no characters"):
        kanjivg.convert(tmp_path / "b.zip", tmp_path)
    with pytest.raises(DataError, match="not an SVG"):
        kanjivg.parse("<svg>")
    with pytest.raises(DataError, match="no stroke"):
        kanjivg.parse("<svg/>")
    for text in ("{}", "x", '{"medians": []}', '{"medians": [["a"]]}'):
        with pytest.raises(DataError):
            hanzi.parse(text)
