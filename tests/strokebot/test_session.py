"""A session: after any changes it draws what a fresh drawing would, and runs no more than it must."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration.profile import Profile
from strokebot import pipeline
from strokebot.errors import PlanningStopped, StrokebotError
from strokebot.options import OPTION_NAMES, DrawOptions
from strokebot.pipeline import TABLE, Session

EXAMPLES = Path(__file__).parents[2] / "examples"
TOUR = DrawOptions(method="tour", polish_seconds=0.2)
DRAWN = {"outlook", "path", "trajectory", "program", "gcode"}

CHANGES = {
    "profile": [None, "grbl-servo", "marlin-printer"],
    "style": ["auto", "line"],
    "paper_mm": [None, (148.0, 210.0)],
    "fit_mm": [None, (60.0, 60.0), (25.0, 40.0)],
    "at_mm": [None, (20.0, 30.0)],
    "fill": ["spiral", "hatch", "none"],
    "speed": ["careful", "normal", "fast"],
    "quality": ["draft", "normal", "fine"],
    "polish": [True, False],
    "join": ["lift", "ink"],
    "area_mode": ["none", "tone", "outline"],
    "threshold": [None, 0.3],
    "margin_mm": [10.0, 25.0],
    "rotate_deg": [0, 90],
}


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A wide bar, a fine line and a hook: areas, lines and lifts in 90 x 60 px."""
    import numpy as np
    from PIL import Image

    paper = np.full((60, 90), 255, np.uint8)
    paper[8:24, 8:60] = 0
    paper[40:43, 8:80] = 0
    paper[30:52, 70:73] = 0
    path = tmp_path_factory.mktemp("session") / "bar.png"
    Image.fromarray(paper).save(path)
    return path


def outcome(make):
    """The G-code, or what went wrong."""
    try:
        return make().gcode
    except StrokebotError as error:
        return str(error)


@given(
    st.lists(
        st.sampled_from(sorted(CHANGES)).flatmap(
            lambda n: st.tuples(st.just(n), st.sampled_from(CHANGES[n]))
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_changes_the_gcode_is_that_of_a_fresh_drawing(picture, changes):
    session, options = Session(), TOUR
    outcome(lambda: session.plan(picture, options))
    for name, value in changes:
        options = replace(options, **{name: value})
        assert outcome(lambda: session.plan(picture, options)) == outcome(  # noqa: B023 (called at once)
            lambda: pipeline.plan(picture, options)  # noqa: B023
        )


def test_the_network_is_loaded_once_and_its_drawing_stays_the_same(picture):
    session, options = Session(), DrawOptions(method="model", polish_seconds=0.1)
    assert session.plan(picture, options).gcode == pipeline.plan(picture, options).gcode
    changed = replace(options, join="ink", fit_mm=(50.0, 50.0))
    assert session.plan(picture, changed).gcode == pipeline.plan(picture, changed).gcode
    assert set(session.ran).isdisjoint({"predictor", "drawn_characters", "skeleton"})


def after(session, picture, **change):
    """The stages that run after a change from ``TOUR``."""
    session.plan(picture, TOUR)
    session.plan(picture, replace(TOUR, **change))
    return set(session.ran)


def test_after_a_change_only_the_stages_behind_it_run(picture):
    session = Session()
    moved = after(session, picture, at_mm=(20.0, 30.0), fit_mm=(60.0, 60.0))
    assert "skeleton" not in moved
    session.plan(picture, TOUR)
    assert session.ran  # back again
    session.plan(picture, TOUR)
    assert session.ran == ()
    size = session.plan(picture, TOUR).size_mm
    # A drawing that only moves keeps its gesture.
    corner = replace(TOUR, fit_mm=size)
    session.plan(picture, corner)
    session.plan(picture, replace(corner, at_mm=(11.0, 12.0)))
    assert set(session.ran) == {"placement", "pixel_mm", "finest", "sketch"} | DRAWN
    assert after(session, picture, fill="hatch") <= TABLE.behind("fill")
    assert "skeleton" not in TABLE.behind("fill")
    fast = after(session, picture, speed="fast")
    assert fast.isdisjoint({"seen", "ink", "line_width", "artists", "skeleton", "areas", "lines"})
    assert fast >= {"trajectory", "gcode"}
    assert after(session, picture, quality="fine").isdisjoint({"skeleton", "tour", "tour_fit"})


def test_every_option_has_a_stage_behind_it_and_the_picture_is_behind_none_of_the_machine():
    for name in set(OPTION_NAMES) - {"seed"}:  # at present nothing in a drawing is random
        assert TABLE.behind(name), name
    assert "used_profile" not in TABLE.behind("picture")
    assert "seen" not in TABLE.behind("profile")


def test_a_picture_that_changes_on_the_disk_is_read_again(picture, tmp_path):
    own = tmp_path / "own.png"
    shutil.copy(picture, own)
    session = Session()
    before = session.plan(own, TOUR)
    shutil.copy(EXAMPLES / "flourish.png", own)
    assert (before.ink.width, session.plan(own, TOUR).ink.width) == (90, 600)


def test_the_profile_of_a_session_counts_where_the_options_name_none(picture):
    session = Session(Profile.load("grbl-servo"))
    assert session.plan(picture, TOUR).profile.machine.pen_actuator == "servo"
    assert session.plan(picture, replace(TOUR, profile="grbl-z")).profile.machine.pen_actuator == "z"


def test_a_session_stops_between_steps_and_goes_on_from_there(picture):
    told = []

    def stop():
        return bool(told) and told[-1][0] == "path"

    session = Session()
    with pytest.raises(PlanningStopped, match="nothing was drawn"):
        session.draw(picture, TOUR, lambda *what: told.append(what), stop)
    assert told[-1][0] == "path"
    result = session.draw(picture, TOUR)
    assert "skeleton" not in session.ran
    assert "path" not in session.ran  # it was finished
    assert "trajectory" in session.ran
    assert result.plan.gcode == pipeline.plan(picture, TOUR).gcode
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[0] >= 0.0
    assert shares[-1] <= 1.0
