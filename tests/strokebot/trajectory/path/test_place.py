import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import PlacementError
from strokebot.gesture import LIFT_THRESHOLD, Gesture
from strokebot.trajectory.path.place import (
    SMALLEST_DRAWING_MM,
    Placement,
    choose_placement,
    parse_paper,
    place,
)

A4 = (210.0, 297.0)
PEN_MM = 1.2


def stroke(size=0.01, points=((0.1, 0.2), (0.5, 0.6), (0.9, 0.3)), intensity=1.0):
    n = len(points)
    return Gesture.from_positions(np.array(points), np.full(n, size), np.broadcast_to(intensity, n))


unit = st.floats(0, 1)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0.01, 500),
    st.floats(-100, 500),
    st.floats(-100, 500),
    st.lists(st.tuples(unit, unit), min_size=1, max_size=8),
)
def test_placement_round_trip(scale, x0, y0, points):
    placement = Placement(scale, x0, y0)
    np.testing.assert_allclose(
        placement.to_canvas(placement.to_paper(points)), points, rtol=0, atol=1e-9 * max(1, 1000 / scale)
    )


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(unit, unit, st.floats(0.001, 0.2)), min_size=1, max_size=12),
    st.floats(0.2, 1.0),
    st.sampled_from(["A3", "A4", "A4-landscape", "A6", "100x60"]),
    st.booleans(),
)
def test_a_placed_drawing_keeps_its_shape_and_stays_inside_the_margin(rows, aspect, paper, care):
    table = np.array(rows)
    positions = table[:, :2] * [1.0, aspect]
    gesture = Gesture.from_positions(positions, table[:, 2], np.ones(len(table)))
    paper_mm = parse_paper(paper)
    line_width = float(table[:, 2].max()) if care else None
    placement = choose_placement((1.0, aspect), paper_mm, None, None, 8.0, line_width, PEN_MM)
    path = place(gesture, placement, paper_mm)
    np.testing.assert_allclose(path.xy_mm, placement.to_paper(positions), atol=1e-9)
    np.testing.assert_allclose(path.width_mm, placement.scale_mm * table[:, 2], atol=1e-9)
    assert path.xy_mm.min() >= 8.0 - 1e-6
    assert (path.xy_mm <= np.array(paper_mm) - 8.0 + 1e-6).all()
    corners = placement.to_paper([[0, 0], [1.0, aspect]])
    np.testing.assert_allclose(corners.mean(axis=0), np.array(paper_mm) / 2, atol=1e-6)


def test_y_turns_up():
    placement = choose_placement((1.0, 1.0), A4, fit_mm=(100, 100), at_mm=(20, 30))
    assert placement == Placement(100.0, 20.0, 130.0)
    np.testing.assert_allclose(place(stroke(), placement, A4).xy_mm, [[30, 110], [70, 70], [110, 100]])


def test_without_a_fit_the_picture_fills_the_margin():
    assert choose_placement((1.0, 0.5), A4, margin_mm=15).scale_mm == pytest.approx(180.0)
    upright = choose_placement((0.2, 1.0), (100, 297), margin_mm=10, at_mm=(30, 10))
    assert upright.scale_mm == pytest.approx(277.0)


def test_the_pen_holds_the_size_down_until_it_can_draw_the_lines():
    def scale_mm(line_width, pixels=None):
        return choose_placement(
            (1.0, 0.1), A4, line_width=line_width, widest_mm=PEN_MM, pixels=pixels
        ).scale_mm

    # A row of ten digits: lines of 3 of 280 pixels.
    assert scale_mm(3 / 280, 280) == pytest.approx(PEN_MM * 280 / 3)
    # Thin lines, or none: the page is the limit.
    assert scale_mm(0.001) == pytest.approx(190.0)
    assert scale_mm(None) == pytest.approx(190.0)
    # Lines as wide as the picture: of few pixels no smaller than the smallest useful drawing, of
    # many as large as fits, filled.
    assert scale_mm(0.9, 28) == pytest.approx(SMALLEST_DRAWING_MM)
    assert scale_mm(0.9, 300) == pytest.approx(190.0)
    # A fifth of the size, or half of it, for lines in one pass.
    assert scale_mm(PEN_MM * 5 / 190, 2000) == pytest.approx(190.0)
    assert scale_mm(PEN_MM * 2 / 190, 2000) == pytest.approx(95.0)


def test_the_users_fit_wins_over_the_pen():
    placement = choose_placement((1.0, 1.0), A4, (150, 180), line_width=0.5, widest_mm=PEN_MM)
    assert placement.scale_mm == pytest.approx(150.0)


def test_the_pen_leaves_the_paper_where_the_ink_crosses_the_threshold():
    gesture = stroke(points=[(0, 0), (0.2, 0), (0.6, 0), (1.0, 0), (1.0, 0.5)], intensity=[0, 1, 0, 1, 1])
    placement = choose_placement((1.0, 0.5), A4, fit_mm=(100, 50), at_mm=(0, 0))
    path = place(gesture, placement, A4)
    canvas = placement.to_canvas(path.xy_mm)
    np.testing.assert_allclose(canvas[:, 0], [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0], atol=1e-12)
    np.testing.assert_array_equal(path.pen_down, [True, True, True, False, False, True, True])
    np.testing.assert_allclose(path.intensity[[0, 2, 4]], LIFT_THRESHOLD)
    assert path.lifts == 1


def test_a_single_inked_point_stays_a_dot():
    placement = choose_placement((1, 1), A4, fit_mm=(100, 100))
    alone = place(stroke(points=[(0.5, 0.5)]), placement, A4)
    assert len(alone) == 1
    np.testing.assert_allclose(alone.xy_mm, [[105, 148.5]])
    same_place = stroke(points=[(0.1, 0.1), (0.5, 0.5), (0.5, 0.5), (0.5, 0.5)], intensity=[0, 0, 1, 0])
    path = place(same_place, placement, A4)
    assert path.drawn_mm == pytest.approx(0.0, abs=1e-9)
    assert path.pen_down.all()


def test_nothing_to_draw_is_refused():
    with pytest.raises(PlacementError, match="draws nothing"):
        place(stroke(intensity=0.2), Placement(100.0, 0.0, 100.0), A4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fit_mm": (300, 300)}, "A drawing of 300.0 x 300.0 mm .* does not fit on paper of 210 x 297 mm"),
        ({"fit_mm": (100, 100), "at_mm": (150, 0)}, "does not fit"),
        ({"fit_mm": (100, 100), "at_mm": (-1, 0)}, "does not fit"),
        ({"fit_mm": (0, 100)}, "fit box of 0 x 100 is empty"),
        ({"margin_mm": 105}, "no room .* margin of 105"),
        ({"at_mm": (205, 0)}, "no room .* beyond 205, 0"),
        ({"at_mm": (float("nan"), 0)}, "finite"),
    ],
)
def test_what_does_not_fit_is_said_in_clear_words(arguments, message):
    with pytest.raises(PlacementError, match=message):
        choose_placement((1.0, 1.0), A4, **arguments)


def test_a_gesture_that_leaves_the_paper_is_refused_but_the_margin_forgives():
    outside = stroke(points=[(0.1, 0.2), (1.02, 0.6)])
    place(outside, choose_placement((1.0, 1.0), A4), A4)
    with pytest.raises(PlacementError, match=r"leaves its picture and the paper by 4\.2 mm"):
        place(outside, choose_placement((1.0, 1.0), A4, margin_mm=0), A4)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("A4", (210, 297)),
        ("a5-landscape", (210, 148)),
        ("A0-Portrait", (841, 1189)),
        ("100x150", (100, 150)),
        (" 99.5 X 42 ", (99.5, 42)),
    ],
)
def test_paper_sizes(text, size):
    assert parse_paper(text) == size


@pytest.mark.parametrize(
    "text", ["", "A7", "A4-sideways", "100", "100x", "-5x10", "1x1", "100x9999", "nanxnan"]
)
def test_other_papers_are_refused(text):
    with pytest.raises(PlacementError, match="paper"):
        parse_paper(text)


def test_a_lift_on_the_spot_keeps_the_ink_of_the_line_up_to_there():
    points = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.1], [0.6, 0.1], [0.6, 0.1], [0.9, 0.1]]
    gesture = Gesture.from_positions(points, np.full(6, 0.02), [1.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    path = place(gesture, choose_placement((1.0, 1.0), A4, fit_mm=(100.0, 100.0)), A4)
    touching = path.pen_down | np.append(path.pen_down[1:], False)
    np.testing.assert_array_equal(path.intensity[touching], 1.0)
    assert path.drawn_mm == pytest.approx(60.0)
    assert path.lifts == 1
