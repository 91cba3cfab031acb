from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strokebot.commands import learning
from strokebot.errors import DataError
from strokebot.training.data import sources


def test_lists_every_set_with_its_licence() -> None:
    result = CliRunner().invoke(learning.app, ["list"])
    assert result.exit_code == 0
    for name, source in sources.SOURCES.items():
        assert f"\n{name} " in f"\n{result.stdout}"
        assert source.licence in result.stdout


def test_fetches_into_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = tmp_path / "remote"
    remote.write_bytes(b"x")
    file = sources.RemoteFile("a.bin", (remote.as_uri(),))
    monkeypatch.setitem(sources.SOURCES, "mnist", replace(sources.SOURCES["mnist"], files=(file,)))
    folder = tmp_path / "data"
    result = CliRunner().invoke(learning.app, ["fetch", "mnist", "--data", str(folder)])
    assert result.exit_code == 0
    assert (folder / "a.bin").read_bytes() == b"x"
    assert str(folder / "a.bin") in result.stdout
    quiet = CliRunner().invoke(learning.app, ["fetch", "mnist", "--data", str(folder), "--quiet"])
    assert (quiet.exit_code, quiet.output) == (0, "")


def test_an_unknown_set_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(learning.app, ["fetch", "nosuch", "--data", str(tmp_path)])
    assert isinstance(result.exception, DataError)
