"""``strokebot draw``: a picture becomes a drawing, on the virtual machine or on a real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strokebot.commands.choices import takes_draw_options
from strokebot.commands.common import (
    OUT_ROOT,
    CheckOption,
    HomeOption,
    LogOption,
    OriginOption,
    OutOption,
    PortOption,
    QuietOption,
    ReconnectOption,
    UnlockOption,
    YesOption,
    confirm,
    needs,
    note,
    progress_bar,
    ready_for,
    require_somebody,
    say,
)
from strokebot.options import DrawOptions
from strokebot.wording import count_text, duration_text

if TYPE_CHECKING:
    from firmware_bridge.job.device import Device, KeepJournal
    from strokebot.pipeline import DrawResult
    from strokebot.trajectory.timing.outlook import Outlook

# Share of the time that planning takes; the rest is for the files.
_PLANNING_SHARE = 0.85


@takes_draw_options
def draw(
    image: Annotated[Path, typer.Argument(help="The picture: PNG, JPEG, WebP, BMP, GIF, TIFF, PPM.")],
    *,
    out_dir: OutOption = None,
    port: PortOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only on the virtual machine: open no port.")
    ] = False,
    options: DrawOptions,
    journal: Annotated[
        bool, typer.Option("--journal/--no-journal", help="Keep what strokebot resume needs.")
    ] = True,
    explain: Annotated[
        bool, typer.Option("--explain", help="Write hand.png: how the hand came to its drawing.")
    ] = False,
    check: CheckOption = False,
    home: HomeOption = False,
    unlock: UnlockOption = False,
    origin: OriginOption = None,
    log: LogOption = None,
    reconnect: ReconnectOption = 0.0,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw a picture as one continuous gesture.

    Without --port it is drawn on the virtual machine. Either way the folder
    strokebot-out/NAME then holds gesture.json, trajectory.npz, drawing.gcode,
    drawing.svg, dry_run.png, recipe.txt and report.json.
    """
    ready_for(home, unlock, origin)  # wrong usage is told before the work
    if reconnect and not journal:
        raise typer.BadParameter("it needs the journal.", param_hint="--reconnect")
    needs("PIL", "scipy")
    import numpy as np

    from strokebot.commands.watching import check_first, keep_journal, require_log, tell_trim
    from strokebot.files import require_writable

    folder = out_dir or OUT_ROOT / image.stem
    require_writable(folder)
    keep: KeepJournal | None = None
    if port is not None and not dry_run:  # what would end it after minutes of planning ends it now
        from calibration.profile import Profile
        from firmware_bridge.transports import require_port

        require_somebody(yes)
        require_log(log)
        loaded = Profile.load(options.profile)
        machine = loaded.machine
        if not port.startswith("sim://"):
            loaded.require_real()
        require_port(port, machine)
        keep = keep_journal(machine, port, image.name) if journal else None
    with progress_bar(f"drawing {image.name}", quiet) as advance:

        def progress(stage: str, share: float) -> None:
            advance(_PLANNING_SHARE * share, 1.0, f"{image.name}: {stage}")

        from strokebot import pipeline
        from strokebot.report import save_drawing

        def foretell(outlook: Outlook) -> None:
            if not quiet and (warning := long_drawing(outlook)):
                note(f"{image.name}: {warning}")

        result = pipeline.draw(image, options, progress, foretell=foretell)
        progress("save", 1.0)
        files = save_drawing(result, folder, explain)
    _summary(result, quiet)
    if explain and result.plan.sketch.hand is None:
        note("--explain has nothing to show here: the hand did not draw (--method hand asks for it).")
    if options.join == "ink" and result.plan.sketch.join is None:
        note("--join ink has no effect here: the tour draws the picture as a whole.")
    if port is not None and dry_run:
        note("dry run: the port was not opened.")
    elif port is not None:
        corner = result.plan.profile.to_machine(np.zeros((1, 2)))[0]
        ready = ready_for(home, unlock, origin, (float(corner[0]), float(corner[1])))
        confirm(f"Draw on {port}: {duration_text(result.trace.duration_s)}, pen up and paper in place?", yes)
        if check:
            check_first(result.plan.profile.machine, port, result.plan.program, quiet)
        result = _perform(result, port, keep, quiet, log, reconnect, ready)
        tell_trim(result.stream, quiet)
        files = save_drawing(result, folder, explain)
        say(f"  drawn on {port} in {duration_text(result.performed_s or 0.0)}", quiet)
    say(f"  {folder}: {' '.join(file.name for file in files)}", quiet)


def _perform(
    result: DrawResult,
    port: str,
    keep: KeepJournal | None,
    quiet: bool,
    log: Path | None,
    reconnect_s: float,
    ready: Callable[[Device], None] | None,
) -> DrawResult:
    from strokebot.commands.watching import watched
    from strokebot.pipeline import perform

    with watched(result.plan.name, quiet) as listener_of:
        return perform(result, port, listener_of, keep, log, reconnect_s, ready)


def long_drawing(outlook: Outlook) -> str:
    """What a long drawing will come to, and what makes it shorter; empty for one that is not long."""
    from strokebot.advice import is_long, outlook_text

    return f"{outlook_text(outlook)}: a smaller --fit is shorter, Ctrl-C stops." if is_long(outlook) else ""


def _summary(result: DrawResult, quiet: bool) -> None:
    from calibration.profile import find_profile
    from strokebot.advice import advice_on
    from strokebot.report import facts_of

    plan, sketch, fidelity = result.plan, result.plan.sketch, result.fidelity
    say(f"{result.plan.name}: method {sketch.method}. {sketch.reason}", quiet)
    for advice in advice_on(plan):
        say(f"  {advice.text}{advice.hint}", quiet)
    file = find_profile(result.plan.options.profile)
    say(f"  profile {file.name} ({file.origin}), pen {result.plan.profile.calibration_note}", quiet)
    sheet = "{:g} x {:g}".format(*plan.profile.paper.size_mm)
    say(f"  {', '.join(facts_of(result))} on a sheet of {sheet} mm (virtual machine)", quiet)
    say(f"  {count_text(len(plan.gcode), 'line')} of G-code", quiet)
    if sketch.tone is not None:
        light, dark = sketch.tone.range
        say(
            f"  tone in lines {sketch.tone.spacing_px * plan.pixel_mm:.2f} mm apart, darkness "
            f"{light:.0%} to {dark:.0%}; correlation with the photo {fidelity['tone_correlation']:.3f}",
            quiet,
        )
        return
    say(
        f"  ink recall {fidelity['ink_recall']:.2f}, precision {fidelity['ink_precision']:.2f}, "
        f"IoU {fidelity['iou']:.2f}",
        quiet,
    )
