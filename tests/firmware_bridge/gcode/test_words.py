"""Lines are read as a slow and obvious reader reads them, however they are written."""

from __future__ import annotations

import math
import pickle
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.dialects.base import checksum
from firmware_bridge.gcode.words import (
    Line,
    Margin,
    dwell_s,
    file_line,
    motion_word,
    parse,
    parse_lines,
    stored,
)

NUMBERS = st.one_of(
    st.integers(-999, 999).map(str),
    st.decimals(-999, 999, places=3).map(str),
    st.sampled_from(["0", "-0", "+5", "5.", ".5", "-.25", "007", "+0.10"]),
)
# N is a line number at the head; M28 and its kind take a text.
LETTERS = st.sampled_from([a for a in string.ascii_uppercase if a not in "NM"])
WORDS = st.lists(st.tuples(LETTERS, NUMBERS), min_size=1, max_size=8)
BLANKS = st.sampled_from(["", " ", "  ", "\t", " \t "])
COMMENTS = st.text(alphabet=string.ascii_letters + string.digits + " .-!?~%$*;(", max_size=12)


def slow_words(text: str) -> list[tuple[str, float]]:
    """Letters and numbers of a line without anything else, character by character."""
    found: list[tuple[str, str]] = []
    for char in text.replace(" ", "").replace("\t", "").upper():
        if char.isalpha():
            found.append((char, ""))
        else:
            found[-1] = (found[-1][0], found[-1][1] + char)
    return [(letter, float(digits) if digits else math.nan) for letter, digits in found]


def same(line: Line, expected: list[tuple[str, float]]) -> bool:
    return [(w.letter, repr(w.number)) for w in line.words] == [(a, repr(n)) for a, n in expected]


@settings(max_examples=300)
@given(data=st.data(), words=WORDS)
def test_a_line_means_the_same_however_it_is_written(
    data: st.DataObject, words: list[tuple[str, str]]
) -> None:
    expected = [(letter, float(digits)) for letter, digits in words]
    parts: list[str] = []
    for letter, digits in words:
        shown = data.draw(st.sampled_from([letter, letter.lower()]))
        if digits[0].isdigit() and data.draw(st.booleans()):
            digits = "00" + digits
        spread = data.draw(BLANKS).join(digits) if data.draw(st.booleans()) else digits
        parts += [shown, data.draw(BLANKS), spread, data.draw(BLANKS)]
    text = "".join(parts)
    assert same(parse(text), slow_words(text))
    assert same(parse(text), expected)

    number = data.draw(st.none() | st.integers(0, 10**6))
    inside, after = data.draw(COMMENTS), data.draw(COMMENTS)
    written = text if number is None else f"n {number} {text}"
    written = data.draw(st.sampled_from(["", "/", " / "])).rstrip() + written
    summed = data.draw(st.booleans())
    if summed:
        written += f"*{checksum(written)}"
    written += f"({inside.replace('(', '')})" if data.draw(st.booleans()) else ""
    written += f" ; {after}" if data.draw(st.booleans()) else ""
    line = parse(written, 7)
    assert same(line, expected)
    if not line.margin.comments and not line.margin.deleted:
        assert line.command == text.strip(" \t")
    assert (line.margin.number, line.file_line) == (number, 7)
    assert (line.margin.checksum is not None) == summed
    assert not (line.margin.unread)
    assert not (line.margin.realtime)
    assert not (line.margin.unclosed)
    assert not (line.margin.message)


@given(words=WORDS)
def test_what_is_written_again_is_read_again(words: list[tuple[str, str]]) -> None:
    line = parse(" ".join(a + d for a, d in words))
    for again in (parse(line.plain), parse(line.bare()), parse(line.packed()), parse(str(line))):
        assert again.words == line.words
    assert [str(w) for w in line.words] == [a + d for a, d in words]


@given(words=WORDS, data=st.data(), decorated=st.booleans())
def test_another_number_changes_its_own_word_alone(
    words: list[tuple[str, str]], data: st.DataObject, decorated: bool
) -> None:
    at = data.draw(st.integers(0, len(words) - 1))
    blanks = [data.draw(BLANKS) for _ in words]
    head, tail = ("N12 ", " (X9 Y9) ; Z8") if decorated else ("", "")
    texts = [a + d for a, d in words]
    line = parse(head + "".join(t + b for t, b in zip(texts, blanks, strict=True)) + tail, 3)
    texts[at] = words[at][0] + "42.5"
    # Blanks behind a number are outside of it.
    expected = head + "".join(t + b for t, b in zip(texts, blanks, strict=True)) + tail
    changed = line.replaced(at, "42.5")
    assert (str(changed), changed.file_line, changed.margin) == (expected, 3, line.margin)
    assert changed.words == parse(changed).words


@settings(max_examples=500)
@given(text=st.text(alphabet=string.printable + "\x18\x85éıß", max_size=40), rs274=st.booleans())
def test_any_text_is_read_and_nothing_of_it_is_lost(text: str, rs274: bool) -> None:
    line = parse(text, rs274=rs274)
    assert line == text
    assert all(w.letter in string.ascii_uppercase for w in line.words)
    assert all(math.isnan(w.number) == (w.digits == "") for w in line.words)
    again = stored(text, 0)
    if rs274:
        assert repr(again.words) == repr(line.words)
        assert again.margin == line.margin
    restored = pickle.loads(pickle.dumps(line))
    assert restored == line
    assert repr(restored.words) == repr(line.words)
    assert restored.margin == line.margin


@pytest.mark.parametrize(
    ("text", "words", "margin"),
    [
        ("%", [], Margin(tape_mark=True)),
        ("  % (end)", [], Margin(tape_mark=True, comments=("end",))),
        ("$j=g91 x1 (a)", [], Margin(system="$J=G91X1", comments=("a",))),
        ("M117 Half done: 50%!", ["M117"], Margin(message="Half done: 50%!", realtime="!")),
        ("N7 M118 a*41", ["M118"], Margin(number=7, checksum=41, message="a")),
        ("G28 X Y", ["G28", "X", "Y"], Margin()),
        ("G1 X1.2.3", ["G1", "X1.2"], Margin(unread=".3")),
        ("G1 X--1", ["G1", "X"], Margin(unread="--1")),
        ("G1 X1 (open Y2", ["G1", "X1"], Margin(unclosed=True, comments=("open Y2",))),
        ("G(a)1 X1 ; b (c", ["G1", "X1"], Margin(comments=("a", " b (c"))),
        ("\xef\xbb\xbfG21", [], Margin(unread="\xef\xbb\xbfG21")),
        ("G1 ı5", ["G1"], Margin(unread="ı5")),
        ("O1001", ["O1001"], Margin()),
        ("", [], Margin()),
    ],
)
def test_what_stands_around_the_words(text: str, words: list[str], margin: Margin) -> None:
    line = parse(text)
    assert [str(w) for w in line.words] == words
    assert line.margin == margin


def test_marlin_reads_no_bracket_comments_and_ends_a_number_at_a_blank() -> None:
    assert parse("X1 0", rs274=False).margin.unread == "0"
    assert parse("X1 0").words == parse("X10").words
    assert parse("G1 (Y5)", rs274=False).margin.unread == "(Y5)"


def test_a_line_is_frozen_and_equal_to_its_text() -> None:
    line = parse("G1 X1", 5)
    assert line == "G1 X1"
    assert {line: 1}["G1 X1"] == 1
    with pytest.raises(AttributeError, match="frozen"):
        line.words = ()
    assert (file_line(line, 0), file_line("G1", 0), file_line(parse("G1"), 3)) == (5, 1, 4)
    assert parse_lines([line, "G0"]) == ["G1 X1", "G0"]
    assert [x.file_line for x in parse_lines([line, "G0"])] == [5, 2]


@pytest.mark.parametrize(
    ("text", "grbl_s", "marlin_s"),
    [
        ("G4 P0.5", 0.5, 0.0005),
        ("N50 g04p150", 150.0, 0.15),
        ("G4 S2", 0.0, 2.0),
        ("G4 P100 S2", 100.0, 2.0),
        ("G4", 0.0, 0.0),
        ("G4 P", 0.0, 0.0),
        ("G40 P1", None, None),
        ("G1 X4 P1", None, None),
        ("M4 S2", None, None),
        ("(G4 P9)", None, None),
    ],
)
def test_dwells(text: str, grbl_s: float | None, marlin_s: float | None) -> None:
    assert dwell_s(parse(text), {"P": 1.0}) == grbl_s
    told_s = dwell_s(parse(text), {"S": 1.0, "P": 0.001})
    assert told_s == (None if marlin_s is None else pytest.approx(marlin_s))


def test_motion_words() -> None:
    assert str(motion_word(parse("G90 g01 X1"))) == "G01"
    assert motion_word(parse("G28 X1")) is None


def test_codes() -> None:
    assert [w.code for w in parse("G010. G38.20 X M-0.5").words] == ["G10", "G38.2", "X", "M-0.5"]
