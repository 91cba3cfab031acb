import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import MeasureError
from calibration.measurements import LineMeasurement, Measurements, Point, Sample

size = st.floats(0, 5)
lines = st.builds(
    LineMeasurement,
    st.text(max_size=8),
    size,
    size,
    size,
    size,
    st.floats(0, 1),
    st.floats(-5, 5),
    st.lists(st.builds(Sample, size, size, size), max_size=3).map(tuple),
)
pair = st.tuples(st.floats(-500, 500), st.floats(-500, 500))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(lines, max_size=4, unique_by=lambda line: line.name).map(tuple),
    st.lists(st.builds(Point, st.text(max_size=8), pair, pair), max_size=3).map(tuple),
    st.sampled_from(["scan", "photo", "caliper"]),
)
def test_measurements_are_read_back_as_they_were_written(lines, points, source):
    before = Measurements("c" * 64, source, 23.6, 0.04, 0.01, lines, points)
    assert Measurements.from_json(before.to_json()) == before


def test_a_line_is_found_by_name():
    line = LineMeasurement("a", 0.5, 0.01, 0.8, 0.01, 1.0)
    measured = Measurements("", "scan", 10.0, 0.0, 0.0, (line,))
    assert measured.line("a") is line
    assert measured.line("b") is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LineMeasurement("a", float("nan"), 0, 0, 0, 0), "finite"),
        (lambda: LineMeasurement("a", -1, 0, 0, 0, 0), "below 0"),
        (lambda: Measurements("", "guess", 1, 0, 0, ()), "source"),
        (lambda: Measurements("", "scan", 1, 0, 0, (LineMeasurement("a", 1, 0, 0, 0, 0),) * 2), "twice"),
    ],
)
def test_impossible_measures_are_refused(make, message):
    with pytest.raises(MeasureError, match=message):
        make()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_raises_nothing_but_our_error(data):
    line = LineMeasurement("a", 0.5, 0.01, 0.8, 0.01, 1.0, 0.0, (Sample(1, 2, 0.5),))
    whole = Measurements("c", "scan", 10.0, 0.0, 0.0, (line,), (Point("p", (1, 2), (3, 4)),))
    document = json.loads(whole.to_json())
    target = data.draw(st.sampled_from(["top", "lines", "points"]))
    table = document if target == "top" else document[target][0]
    key = data.draw(st.sampled_from(sorted(table)))
    if data.draw(st.booleans()):
        table[key] = data.draw(st.sampled_from([None, "x", [], {}, [[]], -1, True]))
    else:
        del table[key]
    with contextlib.suppress(MeasureError):  # a negative place is a possible one
        Measurements.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', "[" * 100000])
def test_other_files_are_refused(text):
    with pytest.raises(MeasureError):
        Measurements.from_json(text)
