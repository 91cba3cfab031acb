"""The walk through the pages: what it takes for a command, and that it fails where a page is wrong."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no terminals to play")


@pytest.fixture(scope="module")
def walk_pages():
    spec = importlib.util.spec_from_file_location("walk_pages", ROOT / "scripts" / "walk_pages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["walk_pages"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


PAGE = """# A page

strokebot is no command here.

    strokebot profile list                     its comment
    scripts/draw examples/hello.png --fit 30x20
    strokebot send FILE --port URL [--check]  with a placeholder
    strokebot pen up|down|VALUE --port URL   the first of several
    strokebot draw IMAGE [--out-dir D]
                         [--method auto|model|tour]
    strokebot train CONFIG.toml --data DIR
    strokebot  ->  calibration

<!-- exits 1 -->

    strokebot draw none.png

Text ends a promise.

    strokebot ports

```
strokebot --version
```
"""


def test_commands_are_found_and_made_concrete(walk_pages):
    found = walk_pages.commands_of(PAGE)
    assert [(c.line, c.run, c.exits) for c in found] == [
        (5, "strokebot profile list", 0),
        (6, "strokebot draw examples/hello.png --fit 30x20", 0),
        (7, "strokebot send any.gcode --port /dev/ttyUSB0", 0),
        (8, "strokebot pen up --port /dev/ttyUSB0", 0),
        (9, "strokebot draw examples/flourish.png", 0),
        (11, "strokebot train CONFIG.toml --data DIR", 0),
        (16, "strokebot draw none.png", 1),
        (20, "strokebot ports", 0),
        (23, "strokebot --version", 0),
    ]


def test_a_placeholder_that_nobody_knows_is_told(walk_pages):
    with pytest.raises(ValueError, match="nothing stands in for GLYPH"):
        walk_pages.commands_of("    strokebot draw GLYPH\n")


def test_every_page_can_be_read(walk_pages):
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        walk_pages.commands_of(page.read_text(encoding="utf-8"))


def test_a_page_that_works_passes_and_a_wrong_one_fails(walk_pages, tmp_path):
    good = tmp_path / "good.md"
    good.write_text(
        "    strokebot pen up --port /dev/ttyUSB0\n    strokebot profile show mine\n\n"
        "<!-- exits 1 -->\n\n    strokebot draw none.png\n\nText.\n\n    strokebot train x.toml\n"
    )
    bad = tmp_path / "bad.md"
    bad.write_text(
        "    strokebot profile show nobody\n    strokebot pen up --nonsense\n    strokebot profile list\n"
    )
    outcomes = {outcome.page: outcome for outcome in walk_pages.walk([good, bad])}
    assert outcomes["good.md"].failures == []
    assert len(outcomes["good.md"].lines) == 4
    assert (
        outcomes["good.md"]
        .lines[-1]
        .startswith("left out  good.md:10: strokebot train x.toml (needs data sets")
    )
    first, second = outcomes["bad.md"].failures
    assert first.startswith("bad.md:1: strokebot profile show nobody\nexit code 1, not 0:")
    assert second.startswith("bad.md:2: strokebot pen up --nonsense\nexit code 2, not 0:")


def test_a_traceback_fails_whatever_the_exit_code(walk_pages, tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("    strokebot profile list\n")
    walk = walk_pages.Walk(page, tmp_path / "home")
    program = tmp_path / "home" / "bin" / "strokebot"
    program.write_text("#!/bin/sh\necho 'Traceback (most recent call last):' >&2\n")
    (failure,) = walk.go().failures
    assert "a traceback" in failure
