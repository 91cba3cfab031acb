"""A pen trim and a feed override change the word that they must, and nothing else."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.dialects import dialect_of
from firmware_bridge.gcode.pen_words import PenWords, pen_word, pen_words_of
from firmware_bridge.gcode.reader import ToolpathReader
from firmware_bridge.gcode.words import parse, parse_lines
from firmware_bridge.job.feed_override import FeedOverride
from firmware_bridge.job.pen_trim import PenTrim
from firmware_bridge.simulator import simulate_lines
from tests.support.ink_cases import plotter

UP = {"z": 4.0, "servo": 100.0}
KINDS = [("grbl", "z"), ("grbl", "servo"), ("marlin", "z"), ("marlin", "servo"), ("uarm", "z")]


def packed(text: str) -> str:
    return re.sub(r"[ \t]", "", text).upper()


@pytest.mark.parametrize(("dialect", "pen"), KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "G4 S2",
        "N50 G4 S2",
        "n50 g4 s2",
        "G4S2",
        "N50G04P2S2",
        "G04 P2",
        "M400",
        "G92 Z0",
        "M92 Z400",
        "M106 S255",
        "G1 X5 (S2 Z-1)",
        "G1 X5 ; Z-1",
        "M203 Z5 F3",
        "G28 Z0",
    ],
)
def test_a_line_without_the_pen_stays(dialect: str, pen: str, text: str) -> None:
    machine = plotter(dialect, pen)
    line = parse(text, 50)
    # A first line tells the pen and carries the trim, so that this one is no carrier.
    first = {"z": "G1 X1 Z-1", "servo": "M280 P0 S160" if dialect == "marlin" else "M3 S160"}[pen]
    trim = PenTrim([parse(first), parse("G1 X2"), line], machine, lambda: UP[pen])
    trim.change(1, -0.5 if pen == "z" else -5)
    assert trim.shape(2) is line


@pytest.mark.parametrize(
    ("kind", "text", "word"),
    [
        (PenWords.Z, "N1 g1 x1z-1", "Z-1"),
        (PenWords.Z, "M3 G1 Z-1", "Z-1"),
        (PenWords.Z, "G92 Z0", ""),
        (PenWords.SPINDLE, "g1x1s200f1000", "S200"),
        (PenWords.SPINDLE, "N4 M03 S 2 00", "S200"),
        (PenWords.SPINDLE, "G4 S2", ""),
        (PenWords.SPINDLE, "M280 P0 S9", ""),
        (PenWords.M280, "N5 m280 p0 s90 T50", "S90"),
        (PenWords.M280, "M3 S90", ""),
        (PenWords.M280, "M280 P0", ""),
        (PenWords.M300, "M300 S30.00 (pen down)", "S30.00"),
        (PenWords.M300, "M300 S", ""),
    ],
)
def test_the_word_of_the_pen(kind: PenWords, text: str, word: str) -> None:
    line = parse(text)
    at = pen_word(line, kind)
    assert (str(line.words[at]) if at >= 0 else "") == word


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    order=st.lists(st.sampled_from(["move", "pen", "dwell", "other"]), min_size=1, max_size=12),
    style=st.sampled_from(["plain", "lower", "packed", "numbered"]),
    at=st.integers(0, 12),
    trim=st.integers(-8, 8),
)
def test_a_trim_changes_pen_words_alone(
    kind: tuple[str, str], order: list[str], style: str, at: int, trim: int
) -> None:
    dialect, pen = kind
    machine = plotter(dialect, pen)
    letter = "Z" if pen == "z" else "S"
    down = {"z": "G1 X1 Z-1", "servo": "M280 P0 S160" if dialect == "marlin" else "M3 S160"}[pen]
    texts = {"move": "G1 X3 Y4 F900", "pen": down, "dwell": "G4 P2 S2", "other": "M92 Z80 S9"}
    lines = []
    for i, name in enumerate(order):
        text = texts[name]
        text = {"plain": text, "lower": text.lower(), "packed": packed(text), "numbered": f"N{i} {text}"}[
            style
        ]
        lines.append(parse(text, i + 1))
    shaper = PenTrim(lines, machine, lambda: UP[pen])
    change = shaper.change(min(at, len(lines)), trim * (0.05 if pen == "z" else 1.0))
    for i, line in enumerate(lines):
        shaped = shaper.shape(i)
        assert shaped.file_line == i + 1
        assert shaped.words == parse(shaped).words
        # The slow way: by the name that the line was made of.
        if i < change.line or order[i] in ("dwell", "other"):
            assert shaped is line
            continue
        rest = [w for w in shaped.words if w.letter != letter]
        assert rest == [w for w in line.words if w.letter != letter]
        if order[i] == "move" and i != change.carrier:
            assert shaped is line


class _Link:
    """As much of a link as a feed override asks of it."""

    def __init__(self, name: str) -> None:
        self.dialect = dialect_of(name)

    def hears(self, what: object) -> bool:
        del what
        return False


@settings(max_examples=100)
@given(
    percent=st.integers(10, 200),
    texts=st.lists(
        st.sampled_from(
            ["G1 X1 F900", "n4 g1x2f600", "G1 X3", "G4 P5", "M203 X5 F3", "M400", "G1 F50", "(F3) G1 Y2"]
        ),
        max_size=8,
    ),
)
def test_an_override_changes_feeds_alone(percent: int, texts: list[str]) -> None:
    machine = plotter("marlin")
    override = FeedOverride(_Link("marlin"))  # type: ignore[arg-type]
    override.set(percent)
    reader, planned = ToolpathReader(machine), ToolpathReader(machine)
    for line in parse_lines(texts):
        shaped = override.shaped(line, reader)
        assert shaped.file_line == line.file_line
        assert [w for w in shaped.words if w.letter != "F"] == [w for w in line.words if w.letter != "F"]
        if "G4" in line or "M" in line:
            assert shaped is line
        override.sent(shaped)
        reader.take(shaped)
        planned.take(line)
        if planned.feed_per_s and line.first("XYZ") >= 0 and "M" not in line:
            assert reader.feed_per_s == pytest.approx(planned.feed_per_s * percent / 100, rel=0.01)


def test_a_dwell_of_two_seconds_stays_one_when_the_pen_is_trimmed() -> None:
    machine = dataclasses.replace(plotter("marlin", "servo"))
    lines = parse_lines(["G21", "G90", "M280 P0 S160", "N50 G4 S2", "G1 X10 F600"])
    shaper = PenTrim(lines, machine, lambda: UP["servo"])
    shaper.change(2, 4)
    shaped = [shaper.shape(i) for i in range(len(lines))]
    assert [str(line) for line in shaped] == ["G21", "G90", "M280 P0 S164", "N50 G4 S2", "G1 X10 F600"]
    assert pen_words_of(machine) is PenWords.M280
    bare = [line.bare() for line in shaped]
    rested_s = simulate_lines(bare, machine).duration_s
    assert rested_s - simulate_lines([*bare[:3], bare[4]], machine).duration_s == pytest.approx(2.0, abs=0.1)
