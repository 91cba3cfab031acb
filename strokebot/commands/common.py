"""What all commands share: output, options, numbers from text, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Protocol

import typer

QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing on success.")]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", "-p", help="Profile: a name, or a TOML file.", show_default="grbl-z"),
]
PortOption = Annotated[
    str | None,
    typer.Option(
        "--port", help="Machine: /dev/ttyUSB0, COM3, usb:1a86:7523, socket://host:port or sim://grbl."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the machine moves.")]
LogOption = Annotated[
    Path | None, typer.Option("--log", help="Keep all that passes, with times, for strokebot replay.")
]
CheckOption = Annotated[
    bool,
    typer.Option("--check", help="First let the controller read all of it in its check mode, pen still."),
]
ReconnectOption = Annotated[
    float,
    typer.Option(
        "--reconnect",
        min=0.0,
        max=86400.0,
        help="After an unplugged cable: wait so many seconds, and go on if the place was kept.",
        show_default="do not wait",
    ),
]
OutOption = Annotated[Path | None, typer.Option("--out-dir", "-o", help="Folder for the results.")]
WeightsArgument = Annotated[Path | None, typer.Argument(help="Weights file; the shipped one by default.")]
DataOption = Annotated[Path, typer.Option("--data", help="Folder with the data sets.")]

OUT_ROOT = Path("strokebot-out")


class Advance(Protocol):
    """Tells a progress bar how far the work is."""

    def __call__(self, done: float, total: float, text: str | None = None) -> None:
        """``done`` of ``total``, and what is being done."""


def say(text: str, quiet: bool = False) -> None:
    """Prints a line, unless quiet."""
    if not quiet:
        print(text)


def note(text: str) -> None:
    """Prints a line for the user on the error stream, where it is in no result's way."""
    print(f"strokebot: {text}", file=sys.stderr)


def one_line(error: BaseException) -> str:
    """An error as one line."""
    return " ".join(str(error).split()) or type(error).__name__


def pair(text: str, separator: str, option: str, example: str) -> tuple[float, float]:
    """Two numbers from text such as 100x150.

    Raises:
        typer.BadParameter: if the text is anything else.
    """
    try:
        first, second = (float(part) for part in text.lower().replace("×", "x").split(separator))
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not of the form {example} (mm).", param_hint=option) from None
    return first, second


def confirm(question: str, yes: bool) -> None:
    """Asks before a machine moves.

    Raises:
        StrokebotError: if nobody can be asked.
        typer.Exit: if the answer is no; nothing has moved.
    """
    from strokebot.errors import StrokebotError

    if yes:
        return
    if not _somebody_is_there():
        raise StrokebotError("Nobody is here to confirm that the machine may move: add --yes.")
    if not typer.confirm(question, err=True):
        note("stopped; nothing was sent.")
        raise typer.Exit(1)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


@contextmanager
def progress_bar(text: str, quiet: bool, guess_left: bool = True) -> Iterator[Advance]:
    """A bar on the error stream; nothing if quiet or not a terminal.

    Args:
        text: what is being done.
        quiet: whether to show nothing.
        guess_left: whether to guess the time left from the share that is done.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, text=None: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        *((TextColumn("left"), TimeRemainingColumn()) if guess_left else ()),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=None)

        def advance(done: float, total: float, text: str | None = None) -> None:
            bar.update(task, completed=done, total=total, description=text)

        yield advance


def line_reporter(quiet: bool) -> Callable[[str], None]:
    """Prints each stage of long work on the error stream, unless quiet."""
    return (lambda text: None) if quiet else note
