"""docs/errors.md has each code with the words and the cure that the program gives, and no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from firmware_bridge.dialects.grbl_messages import ALARMS, ERRORS
from firmware_bridge.dialects.uarm import ERRORS as UARM_ERRORS

ROOT = Path(__file__).resolve().parents[2]
DOC = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("prefix", "words"), [("error:", ERRORS), ("ALARM:", ALARMS), ("E", UARM_ERRORS)], ids=str
)
def test_each_code_has_its_row(prefix: str, words: Mapping[int, tuple[str, str]]) -> None:
    rows = re.findall(rf"^\| `{prefix}([0-9]+)` \| (.*?) \| (.*?) \|$", DOC, re.M)
    assert {int(code): (what, cure) for code, what, cure in rows} == dict(words)
    assert [int(code) for code, _, _ in rows] == sorted(words)


@pytest.mark.parametrize("section", ["Found by strokebot", "Found before the pen moves"])
def test_what_the_page_quotes_is_said_by_the_program(section: str) -> None:
    files = [p for room in ("firmware_bridge", "strokebot") for p in (ROOT / room).rglob("*.py")]
    # Messages are broken over several literals.
    said = re.sub(r'"\s*f?"', "", "".join(p.read_text(encoding="utf-8") for p in files))
    table = DOC.split(f"## {section}")[1].split("\n##")[0]
    quoted = [
        part
        for text in re.findall(r"^\| (.*?) \|", table, re.M)
        if text not in ("says", "---")
        for part in text.split("; ")
    ]
    assert len(quoted) >= 10
    assert [text for text in quoted if text not in said] == []
