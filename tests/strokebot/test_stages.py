"""Stages that are kept: what runs after a change, against running everything each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strokebot.errors import PlanningStopped
from strokebot.stages import Kept, Stage, Stages


def half(a):
    return a // 2


def plus(half, b):
    return half + b


def wanted(c):
    return c if c > 0 else None


def scaled(plus, wanted):
    return plus * wanted


def total(plus, a, scaled=None):
    return (plus, a, scaled)


TABLE = Stages(
    {"a", "b", "c"},
    {
        "half": Stage(half, "halving", 1, same=lambda x, y: x == y),
        "plus": Stage(plus, "adding", 1),
        "wanted": Stage(wanted, "asking"),
        "scaled": Stage(scaled, "scaling", 1),
        "total": Stage(total, "adding", 1),
    },
)
GIVEN = st.fixed_dictionaries({name: st.integers(-3, 3) for name in "abc"})


def slow(a, b, c):
    """All of it, each time anew."""
    found = half(a) + b
    return (found, a, found * c if c > 0 else None)


@given(st.lists(GIVEN, min_size=1, max_size=12))
def test_what_is_kept_equals_what_is_made_anew(changes):
    kept = Kept(TABLE)
    for values in changes:
        assert kept.values(["total"], values)[0]["total"] == slow(**values)


@given(GIVEN, GIVEN)
def test_only_what_depends_on_a_change_runs(before, after):
    kept = Kept(TABLE)
    kept.values(["total"], before)
    ran = set(kept.values(["total"], after)[1].ran)
    changed = {name for name in before if before[name] != after[name]}
    behind = set().union(*(TABLE.behind(name) for name in changed)) if changed else set()
    assert ran <= behind
    if half(before["a"]) == half(after["a"]) and before["b"] == after["b"]:
        assert "plus" not in ran  # an equal result stops the wave


def test_an_equal_result_stops_the_wave_and_an_absent_one_runs_nothing():
    kept = Kept(TABLE)
    assert kept.values(["total"], {"a": 2, "b": 1, "c": 0})[1].ran == ["half", "plus", "wanted", "total"]
    assert kept.values(["total"], {"a": 3, "b": 1, "c": 0})[1].ran == ["half", "total"]
    assert kept.values(["total"], {"a": 3, "b": 1, "c": 5})[1].ran == ["wanted", "scaled", "total"]
    assert kept.values(["total"], {"a": 3, "b": 1, "c": 5})[1].ran == []
    assert kept.values(["plus"], {"a": 9, "b": 1, "c": 7})[1].ran == ["half", "plus"]


def test_what_is_forgotten_gives_the_same_and_keeps_nothing_else():
    kept = Kept(TABLE, forget=True)
    given_ = {"a": 2, "b": 1, "c": 2}
    assert kept.values(["total"], given_)[0] == Kept(TABLE).values(["total"], given_)[0]
    assert set(kept._kept) == {"total"}


def test_a_stage_that_fails_leaves_the_ones_before_and_is_tried_again():
    tries = []

    def broken(half):
        tries.append(half)
        if len(tries) == 1:
            raise ValueError("no")
        return half

    kept = Kept(Stages({"a"}, {"half": Stage(half, "x"), "broken": Stage(broken, "y")}))
    with pytest.raises(ValueError, match="no"):
        kept.values(["broken"], {"a": 4})
    values, done = kept.values(["broken"], {"a": 4})
    assert (values["broken"], done.ran) == (2, ["broken"])


def test_a_stop_ends_the_work_between_steps_and_what_was_finished_is_kept():
    told = []

    def long(half, tell):
        tell(0.5)
        return half

    stages = Stages({"a"}, {"half": Stage(half, "halving", 1), "long": Stage(long, "waiting", 3)})
    kept = Kept(stages)
    with pytest.raises(PlanningStopped):
        kept.values(["long"], {"a": 4}, lambda *what: told.append(what), lambda: len(told) == 2)
    assert told == [("halving", 0.0), ("waiting", 0.25)]
    done = kept.values(["long"], {"a": 4}, lambda *what: told.append(what))[1]
    assert done.ran == ["long"]
    assert told[2:] == [("waiting", 0.25), ("waiting", 0.625)]


def test_a_table_that_does_not_hold_together_is_refused():
    with pytest.raises(ValueError, match="needs \\['half'\\]"):
        Stages({"b"}, {"plus": Stage(plus, "x")})
    with pytest.raises(ValueError, match="'a' stands for two things"):
        Stages({"a"}, {"a": Stage(half, "x")})
