"""``strokebot studio``: what ends it before it begins, in one line."""

from __future__ import annotations

import importlib.util
import socket

import pytest
from typer.testing import CliRunner

from strokebot.cli import app


def studio(*words: str):
    return CliRunner().invoke(app, ["studio", "--no-browser", *words])


def test_a_missing_extra_is_named_with_its_cure(monkeypatch):
    find = importlib.util.find_spec
    lacks = ("starlette", "websockets")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in lacks else find(name))
    done = studio()
    assert done.exit_code == 1
    assert "starlette, websockets" in done.output
    assert "pip install 'strokebot[studio]'" in done.output
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-picture.png"], "There is no file"),
        (["--profile", "no-such-profile"], "There is no profile"),
        (["--recipe", "no-such-recipe.txt"], "Cannot read the recipe"),
        (["--host", "999.1.1.1"], "Cannot listen on 999.1.1.1"),
    ],
)
def test_what_is_wrong_is_told_at_once(words, said):
    pytest.importorskip("starlette")
    done = studio(*words)
    assert done.exit_code == 1
    assert said in done.output
    assert done.output.count("\n") == 1


def test_a_port_that_is_taken_is_told():
    pytest.importorskip("starlette")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = studio("--http-port", str(taken.getsockname()[1]))
    assert done.exit_code == 1
    assert "choose another --http-port" in done.output


def test_a_port_number_out_of_range_is_wrong_usage():
    assert studio("--http-port", "70000").exit_code == 2
