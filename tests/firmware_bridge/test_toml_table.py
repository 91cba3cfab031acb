"""Tables become dataclasses, and what is wrong with them is named: file, table, key, nearest key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import ProgramError
from firmware_bridge.toml_table import Table, check_bounds, unknown_key


@dataclass(frozen=True)
class Sheet:
    """Something of every kind."""

    title: str
    width_mm: float
    corners_mm: tuple[float, float] = (0.0, 0.0)
    heights: tuple[float, ...] = ()
    copies: int = 1
    is_blank: bool = False
    printed: date | None = None


FULL = {
    "title": "chart",
    "width_mm": 210,
    "corners_mm": [1, 2.5],
    "heights": [0.1, 0.2, 0.3],
    "copies": 3,
    "is_blank": True,
    "printed": date(2026, 1, 31),
}


def read(table: object) -> Sheet:
    return Sheet(**Table(table, "sheet", "p.toml").fields(Sheet))


def test_every_kind_arrives_and_defaults_stay() -> None:
    assert read(FULL) == Sheet("chart", 210.0, (1.0, 2.5), (0.1, 0.2, 0.3), 3, True, date(2026, 1, 31))
    assert read({"title": "a", "width_mm": 1.5}) == Sheet("a", 1.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": ""}, "sheet.title is '': it must be text"),
        ({"width_mm": True}, "sheet.width_mm is True: it must be a number"),
        ({"width_mm": float("nan")}, "sheet.width_mm is nan: it must be a number"),
        ({"corners_mm": [1]}, "sheet.corners_mm has 1 entries: 2 are needed"),
        ({"heights": 3}, "sheet.heights is 3: it must be a list"),
        ({"copies": 1.5}, "sheet.copies is 1.5: it must be a whole number"),
        ({"is_blank": 1}, "sheet.is_blank is 1: it must be true or false"),
        ({"printed": "today"}, "sheet.printed is 'today': it must be a date"),
        ({"tilte": "x"}, "sheet.tilte is not a known key: did you mean title?"),
        ({"zzz": 1}, "sheet.zzz is not a known key: remove or correct it"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(ProgramError) as caught:
        read({**FULL, **change})
    assert str(caught.value).startswith(f"p.toml: {words}")
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ProgramError, match=r"p\.toml: sheet\.width_mm is missing"):
        read({"title": "a"})
    with pytest.raises(ProgramError, match=r"p\.toml: sheet is missing or not a table"):
        read(None)


@given(st.sampled_from(sorted(FULL)), st.data())
def test_a_key_with_one_letter_wrong_is_recognised(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(key) - 1))
    kind = data.draw(st.sampled_from(["left out", "doubled", "another"]))
    letter = {"left out": "", "doubled": 2 * key[place], "another": "q"}[kind]
    typed = key[:place] + letter + key[place + 1 :]
    if typed not in FULL:
        assert f"did you mean {key}?" in unknown_key(typed, FULL)


def test_sections_and_what_is_left() -> None:
    top = Table({"a": {"b": 1.0, "c": 2.0}, "d": 5}, "", "run.toml")
    inner = top.section("a")
    assert inner.number("b", 0, 2) == 1.0
    assert top.section("nothing").rest() == {}
    with pytest.raises(ProgramError, match=r"run\.toml: a\.c is not a known key"):
        inner.finish()
    with pytest.raises(ProgramError, match=r"run\.toml: d is 5: a section \[d\] is needed"):
        top.section("d")


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"width_mm": (0.0, 100.0)}, "sheet.width_mm is 210: it must lie between 0 and 100."),
        ({"corners_mm": (2.0, 9.0)}, "sheet.corners_mm is 1: it must lie between 2 and 9."),
        ({"copies": (4, float("inf"))}, "sheet.copies is 3: it must be at least 4."),
    ],
)
def test_bounds_of_a_dataclass(bounds: dict[str, tuple[float, float]], words: str) -> None:
    with pytest.raises(ProgramError) as caught:
        check_bounds(read(FULL), "sheet", bounds)
    assert str(caught.value) == words
    check_bounds(read(FULL), "sheet", dict.fromkeys(bounds, (0.0, 1000.0)))
