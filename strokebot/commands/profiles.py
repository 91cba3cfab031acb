"""``strokebot profile``: list, show and make profiles."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strokebot.commands.common import QuietOption, one_line, say

if TYPE_CHECKING:
    from calibration.profile import Profile

app = typer.Typer(no_args_is_help=True, help="Machine, pen and paper profiles.")


@app.command("list")
def list_profiles() -> None:
    """List the profiles: the shipped ones and your own."""
    from calibration.profile import Profile, find_profile
    from strokebot.errors import StrokebotError

    for name in Profile.names():
        file = find_profile(name)
        try:
            profile = Profile.from_toml(file.text, file.where)
            words = f"{profile.machine.name}; pen {profile.calibration_note}"
        except StrokebotError as error:
            words = f"cannot be used: {one_line(error)}"
        say(f"{name:16} {words}" + (f" ({file.origin})" if file.own else ""))


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A name, or a TOML file.")] = "grbl-z") -> None:
    """Print a profile as its file has it, checked, and what is at its default."""
    from calibration.profile import Profile, find_profile

    file = find_profile(name)
    profile = Profile.from_toml(file.text, file.where)
    say(f"# {name}: {file.origin}")
    say(file.text.rstrip("\n"))
    left_out = _left_out(file.text, profile)
    if left_out:
        say("\n# Not in the file, so at its default:")
        for line in left_out:
            say(f"#   {line}")


def _left_out(text: str, profile: Profile) -> list[str]:
    """The keys that a profile's file does not give, with their values."""
    import tomllib

    given = tomllib.loads(text)
    lines = []
    for table, part in (("machine", profile.machine), ("pen", profile.pen), ("paper", profile.paper)):
        for field in fields(part):
            if field.name not in given[table]:
                value = getattr(part, field.name)
                lines.append(f"{table}.{field.name} = {_value_text(value)}")
    return lines


def _value_text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value) if isinstance(value, tuple) else value)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    base: Annotated[str, typer.Option("--from", help="Profile to start from.")] = "grbl-z",
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write.", show_default="your folder")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Copy a profile to a file of your own, with its comments, to be edited."""
    from calibration.profile import Profile, find_profile, is_shipped

    path = _new_file(name, out)
    file = find_profile(base)
    _save_new(path, name, file.text, Profile.from_toml(file.text, file.where))
    say(f"{path}: edit it, then use --profile {name if out is None else path}", quiet)
    if is_shipped(name) and out is None:
        say(f"  it takes the place of the shipped {name} from now on", quiet)


def _new_file(name: str, out: Path | None) -> Path:
    """The file of a new profile.

    Raises:
        typer.BadParameter: for a name that is no file's.
        StrokebotError: if it exists.
    """
    from calibration.profile import user_directory
    from strokebot.errors import StrokebotError

    if out is None and (not name or name != Path(name).name or name.startswith((".", "-"))):
        raise typer.BadParameter(f"'{name}' is not a plain name.", param_hint="NAME")
    path = out or user_directory() / f"{name}.toml"
    if path.exists():
        raise StrokebotError(f"{path} exists: choose another name, or remove it first.")
    return path


def _save_new(path: Path, name: str, text: str, profile: Profile) -> None:
    """Writes a profile under its own name, with the comments of the text that it comes from."""
    from calibration.profile_text import updated
    from strokebot.files import write_atomic

    named = replace(profile, machine=replace(profile.machine, name=name))
    write_atomic(path, updated(text, named).encode())


@app.command("undo")
def undo(
    name: Annotated[str, typer.Argument(help="Profile of your own.")], quiet: QuietOption = False
) -> None:
    """Go back to the profile as it was before the last calibration."""
    from calibration.fit.history import undo as go_back

    say(go_back(name), quiet)
