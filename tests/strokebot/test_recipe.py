"""A recipe says everything about a drawing's options, and nothing else gets through."""

from __future__ import annotations

import json
import string
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strokebot import recipe
from strokebot.errors import ConfigError
from strokebot.options import OPTION_NAMES, DrawOptions, asked_options

_SIZES = st.floats(min_value=0.001, max_value=1e6, allow_nan=False)
_SHEETS = st.floats(min_value=5.0, max_value=5000.0)
_ANY = st.floats(min_value=-1e6, max_value=1e6)
_WORDS = st.text(string.ascii_letters + string.digits + "-_ äß&=%+", min_size=1, max_size=12)
_OWN = {
    "profile": st.none() | _WORDS,
    "weights": st.none() | _WORDS.map(Path),
    "paper_mm": st.none() | st.tuples(_SHEETS, _SHEETS),
    "fit_mm": st.none() | st.tuples(_SIZES, _SIZES),
    "at_mm": st.none() | st.tuples(_ANY, _ANY),
    "crop": st.none() | st.tuples(*[st.integers(0, 9999)] * 2, *[st.integers(1, 9999)] * 2),
    "scale": st.none() | _SIZES,
    "seed": st.integers(-(2**40), 2**40),
}


def _strategy(name):
    if name in _OWN:
        return _OWN[name]
    kind, asked = asked_options()[name]
    if get_args(kind) and all(isinstance(value, str | int) for value in get_args(kind)):
        return st.sampled_from(get_args(kind))
    if kind is bool:
        return st.booleans()
    numbers = st.floats(min_value=asked.least, max_value=asked.most)
    return numbers if get_origin(kind) is None else st.none() | numbers


_OPTIONS = st.builds(DrawOptions, **{name: _strategy(name) for name in OPTION_NAMES})


@given(_OPTIONS)
def test_a_recipe_reads_back_to_the_same_options(options):
    text = recipe.to_text(options)
    assert recipe.from_text(text) == options
    assert set(text) <= set(string.ascii_letters + string.digits + "-_.~%&=+,:/")


@given(_OPTIONS, _OPTIONS)
def test_what_json_says_is_what_the_options_were(options, others):
    said = json.loads(json.dumps(recipe.as_json(options)))
    assert recipe.patched(others, said) == options


def test_every_option_is_in_a_recipe():
    assert set(OPTION_NAMES) == set(recipe.as_json(DrawOptions())) == set(recipe.described())
    assert len(fields(DrawOptions)) == len(OPTION_NAMES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no recipe"),
        ("hello", "no recipe"),
        ("profile=grbl-z", "begins with"),
        ("recipe=2", "format '2'"),
        ("recipe=1&colour=red", "no option 'colour'"),
        ("recipe=1&style=oil", "--style: 'oil' is none of auto, line, tone"),
        ("recipe=1&threshold=2", "--threshold: 2 is out of range, 0.01 to 0.99"),
        ("recipe=1&threshold=nan", "no finite number"),
        ("recipe=1&seed=1.5", "no whole number"),
        ("recipe=1&polish=yes", "neither true nor false"),
        ("recipe=1&fit_mm=10", "--fit"),
        ("recipe=1&style=line&style=tone", "twice"),
        ("recipe=1&profile=a%00b", "cannot be printed"),
        ("recipe=1&" + "a" * 30_000, "too long"),
    ],
)
def test_what_is_no_recipe_is_told_in_one_line(text, said):
    with pytest.raises(ConfigError, match=said) as caught:
        recipe.from_text(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "patch",
    [
        {"fit_mm": [1]},
        {"fit_mm": [1, 2, 3]},
        {"fit_mm": "100"},
        {"fit_mm": [True, 2]},
        {"crop": [0.5, 0, 1, 1]},
        {"style": 3},
        {"style": {}},
        {"seed": True},
        {"polish": 1},
        {"threshold": 1e9},
        {"nothing": 1},
    ],
)
def test_a_wrong_patch_is_refused(patch):
    with pytest.raises(ConfigError):
        recipe.patched(DrawOptions(), patch)


def test_a_patch_may_speak_as_the_command_line_does():
    said = recipe.patched(DrawOptions(), {"paper_mm": "A5", "scale": "1:2", "rotate_deg": 90, "seed": 3})
    assert (said.paper_mm, said.scale, said.rotate_deg, said.seed) == ((148.0, 210.0), 0.5, 90, 3)
    assert recipe.patched(said, {"paper_mm": None}).paper_mm is None
