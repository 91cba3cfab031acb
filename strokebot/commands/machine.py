"""``strokebot ports``, ``home``, ``jog`` and ``pen``: a machine by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from strokebot.commands.common import PortOption, ProfileOption, QuietOption, YesOption, confirm, say

if TYPE_CHECKING:
    from calibration.profile import Profile


def ports() -> None:
    """List the serial ports of this computer: name, USB address, description; each of both is a --port."""
    from firmware_bridge.job.device import ports as list_ports

    found = list_ports()
    for port in found:
        say(f"{port.device:24} {port.usb:32} {port.description}")
    if not found:
        say("no serial port found")


def home(
    with_pen: Annotated[
        bool, typer.Option("--pen", help="Marlin: home z too; the pen comes down to its switch.")
    ] = False,
    port: PortOption = None,
    profile: ProfileOption = None,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the machine's homing cycle."""
    from firmware_bridge.job.device import open_device

    loaded, target = _target(profile, port)
    _confirm(f"Home the machine on {target}: is its way free?", target, yes)
    with open_device(loaded.machine, target) as device:
        device.home(with_pen)
    say(f"homed on {target}", quiet)


def jog(
    x: Annotated[float, typer.Option("--x", help="Step in x, mm.")] = 0.0,
    y: Annotated[float, typer.Option("--y", help="Step in y, mm.")] = 0.0,
    pen: Annotated[float, typer.Option("--pen", help="Step of the pen axis, its own units.")] = 0.0,
    feed: Annotated[float, typer.Option("--feed", min=0.1, help="Speed, mm/s.")] = 20.0,
    port: PortOption = None,
    profile: ProfileOption = None,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Move by a small step: strokebot jog --x 10 --y 5."""
    from firmware_bridge.job.device import open_device

    loaded, target = _target(profile, port)
    _confirm(f"Move the machine on {target}?", target, yes)
    with open_device(loaded.machine, target) as device:
        device.jog(x, y, pen, feed)
    say(f"moved on {target}", quiet)


def pen(
    value: Annotated[str, typer.Argument(help="up, down, or a value of the pen axis, such as -1.2.")],
    port: PortOption = None,
    profile: ProfileOption = None,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Move the pen alone: up, down (where it just touches), or to a value."""
    from firmware_bridge.job.device import open_device

    loaded, target = _target(profile, port)
    model = loaded.pen
    named = {"up": model.up, "down": model.touch}
    try:
        goal = named[value] if value in named else float(value)
    except ValueError:
        raise typer.BadParameter(
            f"'{value}' is neither up nor down nor a number.", param_hint="VALUE"
        ) from None
    if value != "up":
        _confirm(f"Move the pen on {target} to {goal:g}?", target, yes)
    with open_device(loaded.machine, target) as device:
        device.move_pen(goal)
    say(f"pen at {goal:g} on {target}", quiet)


def _target(profile: str | None, port: str | None) -> tuple[Profile, str]:
    from calibration.profile import Profile

    loaded = Profile.load(profile)
    target = port or loaded.machine.url
    if not target.startswith("sim://"):
        loaded.require_real()
    return loaded, target


def _confirm(question: str, target: str, yes: bool) -> None:
    if not target.startswith("sim://"):
        confirm(question, yes)
