"""The API page names what exists, and its example runs."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "api.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"^\| `(strokebot\.[A-Za-z0-9_.]+)` \|", PAGE, re.MULTILINE)))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_exists_and_tells_what_it_is(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    thing = getattr(importlib.import_module(module), attribute)
    assert (thing.__doc__ or "").strip()


def test_there_are_names_of_each_kind() -> None:
    assert len(NAMES) > 20
    assert "strokebot.training.networks.load_network" in NAMES


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "api.md", "exec"), {})
    paths, rest = capsys.readouterr().out.split(" ", 1)
    assert int(paths) > 0
    assert "(40, 3)" in rest


@pytest.mark.parametrize("package", ["strokebot", "calibration", "firmware_bridge"])
def test_the_packages_say_that_they_are_typed(package: str) -> None:
    folder = Path(importlib.import_module(package).__path__[0])
    assert (folder / "py.typed").is_file()
