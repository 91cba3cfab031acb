"""New values in the text of a profile: nothing else of it changes, above all no comment."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.errors import ProfileError
from calibration.profile import Profile, find_profile
from calibration.profile_text import updated

SHIPPED = sorted(name for name in Profile.names() if not find_profile(name).own)


def comments(text):
    return re.findall(r"#.*", text)


@pytest.mark.parametrize("name", SHIPPED)
def test_without_a_change_not_a_byte_changes(name):
    text = find_profile(name).text
    assert updated(text, Profile.from_toml(text)) == text


@given(
    st.sampled_from(SHIPPED),
    st.floats(1.0, 200.0),
    st.floats(0.0, 0.4),
    st.tuples(st.floats(-50.0, 50.0), st.floats(0.0, 50.0)),
    st.booleans(),
)
def test_values_change_and_comments_stay(name, speed, lag, origin, virtual):
    text = find_profile(name).text
    profile = Profile.from_toml(text)
    changed = Profile(
        replace(profile.machine, name="mine", max_speed_mm_s=(speed, 2 * speed)),
        replace(profile.pen, lag_s=lag, calibrated=date(2026, 1, 31), residual_mm=0.01),
        replace(profile.paper, origin_mm=origin),
        virtual,
    )
    out = updated(text, changed)
    assert Profile.from_toml(out) == changed
    assert comments(out) == comments(text)
    # and back again: what was set is unset
    assert Profile.from_toml(updated(out, profile)) == profile


def test_what_is_no_profile_is_refused():
    with pytest.raises(ProfileError, match="not TOML"):
        updated("[machine", Profile.load())
