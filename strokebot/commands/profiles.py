"""``strokebot profile``: list, show and make profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strokebot.commands.common import QuietOption, say

app = typer.Typer(no_args_is_help=True, help="Machine, pen and paper profiles.")


@app.command("list")
def list_profiles() -> None:
    """List the profiles: the shipped ones and your own."""
    from calibration.profile import Profile

    for name in Profile.names():
        profile = Profile.load(name)
        say(f"{name:16} {profile.machine.name}; pen {profile.pen.calibration_note}")


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A name, or a TOML file.")] = "grbl-z") -> None:
    """Print a profile as TOML, every value of it."""
    from calibration.profile import Profile

    say(Profile.load(name).to_toml().rstrip("\n"))


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    base: Annotated[str, typer.Option("--from", help="Profile to start from.")] = "grbl-z",
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write.", show_default="your folder")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Copy a profile to a file of your own, to be edited."""
    from calibration.profile import Profile, user_directory
    from strokebot.errors import StrokebotError
    from strokebot.files import write_atomic

    if out is None and (not name or name != Path(name).name or name.startswith(".")):
        raise typer.BadParameter(f"'{name}' is not a plain name.", param_hint="NAME")
    path = out or user_directory() / f"{name}.toml"
    if path.exists():
        raise StrokebotError(f"{path} exists: choose another name, or remove it first.")
    write_atomic(path, Profile.load(base).to_toml().encode())
    say(f"{path}: edit it, then use --profile {name if out is None else path}", quiet)


@app.command("undo")
def undo(
    name: Annotated[str, typer.Argument(help="Profile of your own.")], quiet: QuietOption = False
) -> None:
    """Go back to the profile as it was before the last calibration."""
    from calibration.fit.history import undo as go_back

    say(go_back(name), quiet)
