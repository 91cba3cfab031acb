"""The options: one definition, from which the command line is made."""

from __future__ import annotations

import dataclasses

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from strokebot.commands.choices import takes_draw_options
from strokebot.options import OPTION_NAMES, DrawOptions, asked_options, read_box, read_point


def parsed(*arguments):
    """What a command with the options gets for some arguments, and its result."""
    app, got = typer.Typer(), []

    @app.command()
    @takes_draw_options
    def command(*, loud: bool = False, options: DrawOptions) -> None:
        got.append((loud, options))

    return CliRunner().invoke(app, list(arguments)), got


def test_without_arguments_the_command_line_gives_the_defaults():
    result, got = parsed("--loud")
    assert result.exit_code == 0
    assert got == [(True, DrawOptions())]


def test_every_field_is_asked_for_and_arrives():
    assert set(OPTION_NAMES) == set(asked_options())
    placed = ("--paper", "A5", "--fit", "100x150", "--at", "20,30")
    result, got = parsed(*placed, "--fill", "hatch", "--no-polish", "--seed", "4", "-p", "uarm")
    assert result.exit_code == 0, result.output
    assert got[0][1] == DrawOptions(
        paper_mm=(148.0, 210.0), fit_mm=(100.0, 150.0), at_mm=(20.0, 30.0), fill="hatch", polish=False,
        seed=4, profile="uarm",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--paper", "B9"), "--paper"),
        (("--fit", "100"), "--fit"),
        (("--fit", "nanx10"), "--fit"),
        (("--fit", "-10x20"), "--fit"),
        (("--at", "1;2"), "--at"),
        (("--fill", "all"), "--fill"),
        (("--polish-seconds", "-1"), "--polish-seconds"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage_and_names_the_option(arguments, named):
    result, got = parsed(*arguments)
    assert (result.exit_code, got) == (2, [])
    assert named in result.output


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_pairs_are_read_as_they_are_written(x, y):
    assert read_box(f"{x}x{y}") == read_box(f"{x} × {y}") == (x, y)
    assert read_point(f"{-x},{y}") == (-x, y)


def test_options_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DrawOptions().seed = 3
