"""``strokebot ports``, ``status``, ``home``, ``jog``, ``pen`` and ``frame``: a machine by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strokebot.commands.common import (
    HomeOption,
    OriginOption,
    PortOption,
    ProfileOption,
    QuietOption,
    UnlockOption,
    YesOption,
    confirm,
    needs,
    note,
    ready_for,
    say,
)

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
    home: HomeOption = False,
    unlock: UnlockOption = False,
    port: PortOption = None,
    profile: ProfileOption = None,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Move by a small step: strokebot jog --x 10 --y 5."""
    from firmware_bridge.job.device import open_device

    ready = ready_for(home, unlock, None)
    loaded, target = _target(profile, port)
    _confirm(f"Move the machine on {target}?", target, yes)
    with open_device(loaded.machine, target) as device:
        if ready is not None:
            ready(device)
        device.jog(x, y, pen, feed)
    say(f"moved on {target}", quiet)


def pen(
    value: Annotated[str, typer.Argument(help="up, down, or a value of the pen axis, such as -1.2.")],
    home: HomeOption = False,
    unlock: UnlockOption = False,
    port: PortOption = None,
    profile: ProfileOption = None,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Move the pen alone: up, down (where it just touches), or to a value."""
    from firmware_bridge.job.device import open_device

    ready = ready_for(home, unlock, None)
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
        if ready is not None:
            ready(device)
        restarted = device.place_lost or device.counts_from_zero
        # A virtual machine in this process begins anew each time, with its pen up.
        unsure = restarted and loaded.machine.pen_actuator == "z" and not target.startswith("sim://")
        if value == "up":
            device.lift_pen(goal)
        else:
            device.move_pen(goal)
    if unsure:
        note(
            "the board has restarted and counts from where the pen was then: look where the pen is, "
            "and lift it by hand if it is down."
        )
    say(f"pen at {goal:g} on {target}", quiet)


def status(
    port: PortOption = None,
    profile: ProfileOption = None,
    quiet: QuietOption = False,
) -> None:
    """Tell what is on a port, in what state it is, and what to do; nothing moves."""
    from firmware_bridge.job.device import open_device

    loaded, target = _target(profile, port)
    with open_device(loaded.machine, target) as device:
        for line in device.describe():
            say(line, quiet)


# Files that hold G-code by the end of their name; anything else is taken for a picture.
_GCODE_ENDS = (".gcode", ".gc", ".g", ".nc", ".ngc", ".cnc", ".tap", ".txt")


def frame(
    file: Annotated[Path, typer.Argument(help="A G-code file, or a picture.")],
    port: PortOption = None,
    profile: ProfileOption = None,
    home: HomeOption = False,
    unlock: UnlockOption = False,
    origin: OriginOption = None,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Walk around what a drawing will cover, with the pen up: is the paper under it?"""
    from firmware_bridge.gcode.sanitize import read_gcode
    from firmware_bridge.job.frame import bounding_box, box_of_program, walk_around
    from firmware_bridge.job.reconnect import draw_on

    ready_for(home, unlock, origin)
    loaded, target = _target(profile, port)
    machine, zero = loaded.machine, (0.0, 0.0)
    if file.suffix.lower() in _GCODE_ENDS:
        low, high = bounding_box(read_gcode(file), machine)
    else:
        needs("PIL", "scipy")
        import numpy as np

        from strokebot import pipeline

        planned = pipeline.plan(file, pipeline.DrawOptions(profile=profile))
        low, high = box_of_program(planned.program)
        corner = loaded.to_machine(np.zeros((1, 2)))[0]
        zero = (float(corner[0]), float(corner[1]))
    ready = ready_for(home, unlock, origin, zero)
    size = f"{high[0] - low[0]:.1f} x {high[1] - low[1]:.1f} mm from {low[0]:.1f}, {low[1]:.1f}"
    _confirm(f"Walk around {size} on {target}, with the pen up?", target, yes)
    program = walk_around(low, high, machine)
    draw_on(machine, target, lambda device, listen, keep: device.run(program, listen), ready=ready)
    say(f"{file.name}: walked around {size} on {target}", quiet)


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
