from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from strokebot.commands import datasets
from strokebot.errors import DataError
from strokebot.training.data import sources


@pytest.fixture
def app() -> typer.Typer:
    program = typer.Typer()
    program.command()(datasets.data)
    return program


def test_lists_every_set_with_its_licence(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(sources.SOURCES)
    assert all(source.licence in line for source, line in zip(sources.SOURCES.values(), lines, strict=True))


def test_fetches_into_the_folder(app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = tmp_path / "remote"
    remote.write_bytes(b"x")
    file = sources.RemoteFile("a.bin", (remote.as_uri(),))
    monkeypatch.setitem(sources.SOURCES, "mnist", replace(sources.SOURCES["mnist"], files=(file,)))
    folder = tmp_path / "data"
    result = CliRunner().invoke(app, ["mnist", "--data", str(folder)])
    assert result.exit_code == 0
    assert (folder / "a.bin").read_bytes() == b"x"
    assert str(folder / "a.bin") in result.stdout
    quiet = CliRunner().invoke(app, ["mnist", "--data", str(folder), "--quiet"])
    assert (quiet.exit_code, quiet.output) == (0, "")


def test_an_unknown_set_is_an_error(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["nosuch", "--data", str(tmp_path)])
    assert isinstance(result.exception, DataError)
