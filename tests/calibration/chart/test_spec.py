import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.chart.spec import Chart, Fiducial, Mark, MarkKind
from calibration.errors import ChartError

FOUR = tuple(Fiducial(k, (10.0 + 100 * (k % 2), 10.0 + 100 * (k // 2)), 8.0) for k in range(4))


def chart(*marks, **changes):
    values = {"title": "pen", "profile": "grbl-z", "paper_mm": (148.0, 210.0), "pen_range": (3.0, 0.0, -1.5)}
    return Chart(**(values | {"marks": marks, "fiducials": FOUR} | changes))


def mark(name="a", points=((10.0, 10.0), (40.0, 10.0)), pen=None, **changes):
    pen = np.full(len(points), -0.5) if pen is None else pen
    return Mark(
        name, MarkKind.PRESSURE_UP, np.array(points), np.array(pen), **({"feed_mm_s": 20.0} | changes)
    )


place = st.tuples(st.floats(0, 148), st.floats(0, 210), st.floats(-1.5, 3.0))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(place, min_size=1, max_size=5), max_size=5),
    st.floats(0.1, 100),
    st.floats(0, 5),
    st.booleans(),
)
def test_a_chart_is_read_back_as_it_was_written(paths, feed, dwell, printed):
    marks = [
        mark(f"m{k}", np.array(p)[:, :2], np.array(p)[:, 2], feed_mm_s=feed, dwell_s=dwell)
        for k, p in enumerate(paths)
    ]
    before = chart(*marks, printed=printed, seed=7)
    after = Chart.from_json(before.to_json())
    assert after.to_json() == before.to_json()
    assert after.checksum == before.checksum
    assert after.fiducials == before.fiducials
    assert (after.printed, after.seed, after.paper_mm) == (printed, 7, (148.0, 210.0))
    for a, b in zip(after.marks, before.marks, strict=True):
        np.testing.assert_allclose(a.xy_mm, b.xy_mm, atol=1e-4)
        np.testing.assert_allclose(a.pen, b.pen, atol=1e-4)


def test_another_chart_has_another_checksum():
    assert chart(mark()).checksum != chart(mark(points=((10.0, 10.0), (40.0, 10.1)))).checksum


def test_marks_are_found_by_name_and_kind():
    both = chart(mark("a"), mark("b"))
    assert both.mark("b") is both.marks[1]
    assert both.of_kind(MarkKind.PRESSURE_UP) == both.marks
    assert both.of_kind(MarkKind.HATCH) == ()
    assert both.marks[0].length_mm == pytest.approx(30.0)
    with pytest.raises(ChartError, match="no mark named 'c'"):
        both.mark("c")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: chart(mark("a"), mark("a")), "names a mark twice"),
        (lambda: chart(fiducials=FOUR[:3]), "four or more"),
        (lambda: chart(mark(points=((10, 10), (200, 10)))), "mark a leaves the paper"),
        (lambda: mark(points=np.zeros((0, 2)), pen=np.zeros(0)), "has 0 points"),
        (lambda: mark(pen=[1.0]), "shape"),
        (lambda: mark(pen=[1.0, float("nan")]), "not a finite number"),
        (lambda: mark(feed_mm_s=0.0), "feed"),
        (lambda: mark(dwell_s=-1.0), "rests"),
    ],
)
def test_impossible_charts_are_refused(make, message):
    with pytest.raises(ChartError, match=message):
        make()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_raises_nothing_but_our_error(data):
    document = json.loads(chart(mark()).to_json())
    key = data.draw(st.sampled_from(sorted(document)))
    damaged = data.draw(st.sampled_from([None, "x", [], {}, [[]], -1, [1e400]]))
    if data.draw(st.booleans()):
        document[key] = damaged
    elif key in ("marks", "fiducials"):
        inner = data.draw(st.sampled_from(sorted(document[key][0])))
        document[key][0][inner] = damaged
    else:
        del document[key]
    with contextlib.suppress(ChartError):  # some damage is a possible value: an empty title, no marks
        Chart.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', "[" * 100000])
def test_other_files_are_refused(text):
    with pytest.raises(ChartError):
        Chart.from_json(text)
