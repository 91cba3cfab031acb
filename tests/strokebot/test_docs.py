"""The documents say what is true: the example runs, links lead somewhere, commands exist."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strokebot.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "examples" / "README.md",
    *(ROOT / "docs").glob("*.md"),
]


def test_the_readme_example_runs(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(code.strip().splitlines()) <= 12
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    exec(compile(code, "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert re.search(r"\d+ mm in \d+\.\d s\nink recall [01]\.\d\d, lifts \d+", out)
    assert (tmp_path / "strokebot-out" / "flourish" / "report.json").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_command_and_option_in_the_documents_exists():
    checked = 0
    for page in PAGES:
        for line in re.findall(r"^ {4}strokebot (.+)$", page.read_text(), re.MULTILINE):
            words = line.split()
            depth = {"profile": 2, "data": 2, "calibrate": 3}.get(words[0], 1)
            command = [*takewhile(re.compile("[a-z][a-z-]*").fullmatch, words[:depth])]
            text = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"}).output
            assert "Usage" in text, line
            for option in re.findall(r"--[a-z-]+", line):
                assert option in text, f"{option} in: {line}"
            checked += 1
    assert checked > 15


def test_the_rooms_of_the_overview_exist():
    text = (ROOT / "docs" / "overview.md").read_text()
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*/?(?:\.py|\.toml|/))`", text))
    assert len(named) > 15
    for name in named:
        places = [ROOT / name, ROOT / "strokebot" / name]
        assert any(place.exists() for place in places), name


def test_the_text_for_an_index_leads_nowhere_relative():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / project["readme"]).read_text()
    for target in re.findall(r"\]\(([^)]+)\)|<img[^>]+src=\"([^\"]+)", text):
        assert target[0].startswith("https://") or target[1].startswith("https://"), target
    for name in ("strokebot", "calibration", "firmware_bridge"):
        assert f"`{name}`" in text
