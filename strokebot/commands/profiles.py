"""``strokebot profile``: list, show and make profiles."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firmware_bridge.errors import StrokebotError
from strokebot.commands.common import PortOption, QuietOption, note, one_line, say

if TYPE_CHECKING:
    from calibration.profile import Profile
    from firmware_bridge.machine import MachineProfile

app = typer.Typer(no_args_is_help=True, help="Machine, pen and paper profiles.")


@app.command("list")
def list_profiles() -> None:
    """List the profiles: the shipped ones and your own."""
    from calibration.profile import Profile, find_profile

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


@app.command("read")
def read(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    port: PortOption = None,
    base: Annotated[str, typer.Option("--from", help="Profile to start from.")] = "grbl-z",
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write.", show_default="your folder")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: pen and paper stay as they are.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Make a profile of the connected machine: what it tells of itself, and what you say of pen and paper.

    Nothing moves. GRBL is asked for its settings ($$), Marlin for its own (M503).
    """
    from calibration.profile import Profile, find_profile
    from firmware_bridge.job.device import open_device

    path = _new_file(name, out)
    file = find_profile(base)
    profile = Profile.from_toml(file.text, file.where)
    target = port or profile.machine.url
    with open_device(profile.machine, target) as device:
        machine, taken, untold = device.as_told()
        firmware = device.facts.firmware or profile.machine.dialect
    say(f"{firmware} on {target} tells of itself:", quiet)
    for value in taken:
        setting = f"  ({value.setting})" if value.setting else ""
        say(f"  {value.key}: {value.now}, not {value.before}{setting}", quiet)
    if not taken:
        say("  nothing that the profile does not say already", quiet)
    if untold:
        say(f"It says nothing of {', '.join(untold)}: what {base} says stays, so check it.", quiet)
    profile = _with_machine(profile, replace(machine, url=target))
    if not yes and sys.stdin.isatty():
        profile = _asked(profile)
    _save_new(path, name, file.text, profile)
    say(f"{path}: look at it once more, then use --profile {name if out is None else path}", quiet)


def _with_machine(profile: Profile, machine: MachineProfile) -> Profile:
    """The profile with another machine; the pen axis keeps its range where the pen would not fit the new."""
    from calibration.errors import ProfileError

    try:
        return replace(profile, machine=machine)
    except ProfileError:
        box = profile.machine.envelope
        kept = replace(machine.envelope, pen_min=box.pen_min, pen_max=box.pen_max)
        return replace(profile, machine=replace(machine, envelope=kept))


def _asked(profile: Profile) -> Profile:
    """The profile with what only a person knows: where the pen is up and down, and where the paper lies."""
    pen, paper = profile.pen, profile.paper
    unit = "mm" if pen.actuator == "z" else "S"
    note("Enter keeps what stands in brackets.")
    while True:
        up = typer.prompt(
            f"Pen value that is clear of the paper ({unit})", default=pen.up, type=float, err=True
        )
        touch = typer.prompt("Where the pen just touches", default=pen.touch, type=float, err=True)
        full = typer.prompt("Where it is pressed hardest", default=pen.full, type=float, err=True)
        size = [
            typer.prompt(f"{side} of the sheet (mm)", default=value, type=float, err=True)
            for side, value in zip(("Width", "Height"), paper.size_mm, strict=True)
        ]
        origin = [
            typer.prompt(f"Machine {axis} of its lower left corner (mm)", default=value, type=float, err=True)
            for axis, value in zip("xy", paper.origin_mm, strict=True)
        ]
        try:
            return replace(
                profile,
                pen=pen.moved(up, touch, full),
                paper=replace(paper, size_mm=(size[0], size[1]), origin_mm=(origin[0], origin[1])),
            )
        except StrokebotError as error:
            note(f"{one_line(error)} Once more:")


def _new_file(name: str, out: Path | None) -> Path:
    """The file of a new profile.

    Raises:
        typer.BadParameter: for a name that is no file's.
        StrokebotError: if it exists.
    """
    from calibration.profile import user_directory

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
