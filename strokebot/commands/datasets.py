"""``strokebot data``: the public data sets that training and evaluation use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strokebot.commands.common import DataOption, QuietOption, line_reporter, say

app = typer.Typer(no_args_is_help=True, help="Data sets for training and evaluation.")


@app.command("list")
def list_sources() -> None:
    """List the data sets with their licences."""
    from strokebot.training.data.sources import SOURCES

    for source in SOURCES.values():
        say(f"{source.name:10} {source.title}")
        say(f"{'':10} {source.licence}; {source.page}")
        if source.by_hand:
            say(f"{'':10} by hand: {source.by_hand}")


@app.command("fetch")
def fetch(
    names: Annotated[list[str], typer.Argument(help="Names of data sets, such as mnist.")],
    data: DataOption = Path("data"),
    quiet: QuietOption = False,
) -> None:
    """Download data sets into a folder, with their checksums checked."""
    from strokebot.training.data.sources import fetch as bring

    for name in names:
        for path in bring(name, data, line_reporter(quiet)):
            say(str(path), quiet)
