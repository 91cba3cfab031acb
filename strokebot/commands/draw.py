"""``strokebot draw``: a picture becomes a drawing, on the virtual machine or on a real one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from strokebot.commands.common import (
    OUT_ROOT,
    CheckOption,
    LogOption,
    OutOption,
    PortOption,
    ProfileOption,
    QuietOption,
    ReconnectOption,
    YesOption,
    confirm,
    needs,
    note,
    pair,
    progress_bar,
    require_somebody,
    say,
)

if TYPE_CHECKING:
    from firmware_bridge.job.device import KeepJournal
    from strokebot.pipeline import DrawResult

# Stages of a drawing in order, with their usual share of the time: for the bar alone.
_STAGES = {
    "read": 2,
    "gesture": 5,
    "load network": 15,
    "polish": 25,
    "compare": 2,
    "path": 5,
    "timing": 10,
    "compile": 5,
    "simulate": 15,
    "fidelity": 8,
    "save": 20,
}


def draw(
    image: Annotated[Path, typer.Argument(help="The picture: PNG, JPEG, WebP, BMP, GIF, TIFF, PPM.")],
    out_dir: OutOption = None,
    profile: ProfileOption = None,
    port: PortOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only on the virtual machine: open no port.")
    ] = False,
    method: Annotated[
        Literal["auto", "model", "tour"],
        typer.Option("--method", help="Who draws: the network, the skeleton tour, or whoever suits."),
    ] = "auto",
    style: Annotated[
        Literal["auto", "line", "tone"],
        typer.Option("--style", help="Lines, or one line whose width follows the tone of a photo."),
    ] = "auto",
    tone_pattern: Annotated[
        Literal["scan", "spiral"],
        typer.Option("--tone-pattern", help="Course of the line of a tone drawing."),
    ] = "scan",
    weights: Annotated[Path | None, typer.Option("--weights", help="Weights of the network.")] = None,
    paper: Annotated[
        str | None,
        typer.Option("--paper", help="A4, A5-landscape or WxH in mm.", show_default="the profile's"),
    ] = None,
    fit: Annotated[str | None, typer.Option("--fit", help="Box that the picture fills, WxH in mm.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Lower left corner, X,Y in mm.", show_default="the middle")
    ] = None,
    fill: Annotated[
        Literal["spiral", "hatch", "outline", "none"],
        typer.Option("--fill", help="How ink that is wider than the pen is filled."),
    ] = "spiral",
    speed: Annotated[
        Literal["careful", "normal", "fast"],
        typer.Option("--speed", help="How hard machine and pen are driven: docs/motion.md has the shares."),
    ] = "normal",
    quality: Annotated[
        Literal["draft", "normal", "fine"],
        typer.Option("--quality", help="How closely the line is followed: tolerances in docs/motion.md."),
    ] = "normal",
    no_polish: Annotated[
        bool, typer.Option("--no-polish", help="Do not fit the gesture to the picture.")
    ] = False,
    polish_seconds: Annotated[
        float,
        typer.Option(
            "--polish-seconds",
            min=0.0,
            max=3600.0,
            help="Nominal time for fitting; sets its number of steps.",
        ),
    ] = 10.0,
    join: Annotated[
        Literal["lift", "ink"],
        typer.Option("--join", help="Between the letters of a word: lift the pen, or draw on."),
    ] = "lift",
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.")] = 0,
    journal: Annotated[
        bool, typer.Option("--journal/--no-journal", help="Keep what strokebot resume needs.")
    ] = True,
    check: CheckOption = False,
    log: LogOption = None,
    reconnect: ReconnectOption = 0.0,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw a picture as one continuous gesture.

    Without --port it is drawn on the virtual machine. Either way the folder
    strokebot-out/NAME then holds gesture.json, trajectory.npz, drawing.gcode,
    drawing.svg, dry_run.png and report.json.
    """
    if reconnect and not journal:
        raise typer.BadParameter("it needs the journal.", param_hint="--reconnect")
    needs("PIL", "scipy", "matplotlib")
    from strokebot.commands.watching import check_first, keep_journal, require_log, tell_trim
    from strokebot.errors import PlacementError
    from strokebot.files import require_writable
    from strokebot.plots.painter import Painter
    from strokebot.trajectory.path.place import parse_paper
    from strokebot.wording import duration_text

    try:
        paper_mm = None if paper is None else parse_paper(paper)
    except PlacementError as error:
        raise typer.BadParameter(str(error), param_hint="--paper") from None
    fit_mm = None if fit is None else pair(fit, "x", "--fit", "WxH, such as 100x150", least=0.0)
    at_mm = None if at is None else pair(at, ",", "--at", "X,Y, such as 20,30")

    folder = out_dir or OUT_ROOT / image.stem
    require_writable(folder)
    keep: KeepJournal | None = None
    if port is not None and not dry_run:  # what would end it after minutes of planning ends it now
        from calibration.profile import Profile
        from firmware_bridge.transports import require_port

        require_somebody(yes)
        require_log(log)
        machine = Profile.load(profile).machine
        require_port(port, machine)
        keep = keep_journal(machine, port, image.name) if journal else None
    with Painter() as painter, progress_bar(f"drawing {image.name}", quiet) as advance:
        done: list[str] = []

        def progress(stage: str) -> None:
            done.append(stage)
            share = sum(part for name, part in _STAGES.items() if name in done and name != stage)
            advance(share, sum(_STAGES.values()), f"{image.name}: {stage}")

        from strokebot import pipeline
        from strokebot.report import save_drawing

        options = pipeline.DrawOptions(
            method=method,
            style=style,
            tone_pattern=tone_pattern,
            profile=profile,
            paper_mm=paper_mm,
            fit_mm=fit_mm,
            at_mm=at_mm,
            fill=fill,
            speed=speed,
            quality=quality,
            polish=not no_polish,
            polish_seconds=polish_seconds,
            weights=weights,
            seed=seed,
            join=join,
        )
        result = pipeline.draw(image, options, progress)
        progress("save")
        files = save_drawing(result, folder, painter)
    _summary(result, quiet)
    if join == "ink" and result.plan.sketch.join is None:
        note("--join ink has no effect here: the tour draws the picture as a whole.")
    if port is not None and dry_run:
        note("dry run: the port was not opened.")
    elif port is not None:
        confirm(f"Draw on {port}: {duration_text(result.trace.duration_s)}, pen up and paper in place?", yes)
        if check:
            check_first(result.plan.profile.machine, port, result.plan.program, quiet)
        result = _perform(result, port, keep, quiet, log, reconnect)
        tell_trim(result.stream, quiet)
        files = save_drawing(result, folder)
        say(f"  drawn on {port} in {duration_text(result.performed_s or 0.0)}", quiet)
    say(f"  {folder}: {' '.join(file.name for file in files)}", quiet)


def _perform(
    result: DrawResult, port: str, keep: KeepJournal | None, quiet: bool, log: Path | None, reconnect_s: float
) -> DrawResult:
    from strokebot.commands.watching import watched
    from strokebot.pipeline import perform

    with watched(result.plan.name, quiet) as listener_of:
        return perform(result, port, listener_of, keep, log, reconnect_s)


def _summary(result: DrawResult, quiet: bool) -> None:
    sketch, trace, fidelity = result.plan.sketch, result.trace, result.fidelity
    say(f"{result.plan.name}: method {sketch.method}. {sketch.reason}", quiet)
    if sketch.tone is not None:
        light, dark = sketch.tone.range
        say(
            f"  tone in lines {sketch.tone.spacing_px * result.plan.paper.pixel_mm:.2f} mm apart, darkness "
            f"{light:.0%} to {dark:.0%}; correlation with the photo {fidelity['tone_correlation']:.3f}",
            quiet,
        )
    say(
        f"  {trace.duration_s:.1f} s on the virtual machine, {trace.drawn_mm:.0f} mm drawn, "
        f"{trace.lifts} lifts; ink recall {fidelity['ink_recall']:.2f}, "
        f"precision {fidelity['ink_precision']:.2f}, IoU {fidelity['iou']:.2f}",
        quiet,
    )
