"""``strokebot calibrate``: measure what this pen and this machine do, step by step or guided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from strokebot.commands.common import (
    OutOption,
    PortOption,
    ProfileOption,
    QuietOption,
    YesOption,
    confirm,
    needs,
    note,
    progress_bar,
    require_somebody,
    say,
)

if TYPE_CHECKING:
    from calibration.profile import Profile
    from strokebot.calibrating import Sheet, What

app = typer.Typer(
    help="Measure what this pen and this machine do. Without a step, a guide through all of them.",
    invoke_without_command=True,
)
pen = typer.Typer(no_args_is_help=True, help="The pen: width, darkness, touch point, lag.")
geometry = typer.Typer(no_args_is_help=True, help="The machine: scale, squareness, links, play.")
app.add_typer(pen, name="pen")
app.add_typer(geometry, name="geometry")

PrintedOption = Annotated[
    bool,
    typer.Option("--printed", help="Fiducials come from a printer: fiducials.png is the sheet to print."),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of the mixed order.")]
SimulateOption = Annotated[
    bool,
    typer.Option("--simulate", help="Draw on virtual paper with a hidden pen, and write its scan.png."),
]
ScanArgument = Annotated[
    Path | None,
    typer.Argument(help="Scan or photo of the drawn sheet.", show_default="the folder's scan.png"),
]
SourceOption = Annotated[
    Literal["auto", "scan", "photo"],
    typer.Option("--source", help="A flatbed's scan or a photo; auto tells by the stated resolution."),
]
CameraOption = Annotated[
    str | None,
    typer.Option("--camera", help="Take the photo from a camera: its number, or an address (needs opencv)."),
]
SaveOption = Annotated[
    str | None,
    typer.Option(
        "--save-as",
        help="Name of the profile to save.",
        show_default="the profile's own name; from virtual paper, a file beside the chart",
    ),
]


def _folder(out_dir: Path | None, profile: str | None, what: What, simulate: bool = False) -> Path:
    """Where a calibration lies; a simulated one never among the files of a real one."""
    needs("PIL", "scipy")
    from strokebot.calibrating import folder_of
    from strokebot.files import require_writable

    folder = out_dir or folder_of(profile, what, simulate)
    require_writable(folder)
    return folder


def _chart(
    what: What,
    profile: str | None,
    port: str | None,
    folder: Path,
    seed: int,
    printed: bool,
    simulate: bool,
    yes: bool,
    quiet: bool,
) -> Sheet:
    """Makes a chart, and draws it where that was asked for."""
    from calibration.profile import Profile
    from firmware_bridge.transports import require_port
    from strokebot.calibrating import make_chart, virtual_scan

    loaded = Profile.load(profile)
    if port is not None and not simulate:
        loaded.require_real()
        require_somebody(yes)
        require_port(port, loaded.machine)
    sheet = make_chart(what, loaded, folder, seed, printed)
    say(f"{folder}: {' '.join(file.name for file in sheet.files)}", quiet)
    if simulate:
        with progress_bar("drawing on virtual paper", quiet):
            scan = virtual_scan(sheet, loaded, folder, seed)
        say(f"{scan}: scanned from virtual paper; the next steps are given -o {folder}", quiet)
    elif port is not None:
        _draw(sheet, loaded, port, yes, quiet)
    else:
        say("Draw it: add --port, or stream chart.gcode; --simulate tries it on virtual paper.", quiet)
    return sheet


def _draw(sheet: Sheet, profile: Profile, port: str, yes: bool, quiet: bool) -> None:
    from firmware_bridge.events import Event, Notice, Progress
    from firmware_bridge.job.device import open_device

    confirm(f"Draw the {sheet.chart.title} on {port}: pen up, paper in place?", yes)
    with progress_bar(f"drawing on {port}", quiet) as advance, open_device(profile.machine, port) as device:

        def on_event(event: Event) -> None:
            if isinstance(event, Progress):
                advance(event.lines_done, event.lines_total)
            elif isinstance(event, Notice):
                note(event.message)

        device.run(sheet.program, on_event)
    say(f"drawn on {port}; now scan the sheet at 600 dpi, or photograph it from above", quiet)


def _measure(
    what: What, scan: Path | None, camera: str | None, source: str, folder: Path, quiet: bool
) -> None:
    from strokebot.calibrating import OVERLAY_FILE, SCAN_FILE, measure_sheet, take_photo

    file = scan or folder / SCAN_FILE
    if camera is not None:
        file = take_photo(camera, folder)
    with progress_bar(f"measuring {file.name}", quiet):
        reading = measure_sheet(file, folder, source)
    found = reading.measurements
    inked = sum(line.coverage > 0 for line in found.lines)
    say(
        f"{found.source} at {found.px_per_mm * 25.4:.0f} dpi, blur {found.blur_mm:.3f} mm, fiducials within "
        f"{found.residual_mm:.3f} mm: {inked} of {len(found.lines)} lines have ink"
        + (f", {len(found.points)} places" if found.points else ""),
        quiet,
    )
    say(f"look at {folder / OVERLAY_FILE}: are the edges where the lines are?", quiet)


def _fit(what: What, profile: str | None, save: str | None, folder: Path, quiet: bool) -> None:
    from strokebot.calibrating import fit_sheet

    result = fit_sheet(what, profile, folder, save)
    for sentence in result.words:
        say(f"  {sentence}", quiet)
    if result.virtual:
        say(f"{result.saved}: measured on virtual paper, so for the virtual machine alone:", quiet)
        say(f"  strokebot draw PICTURE --profile {result.name}", quiet)
    else:
        place = "; it now takes the place of the shipped one" if result.shadows else ""
        say(f"{result.saved}: used by --profile {result.name}{place}", quiet)
        say(f"  'strokebot profile undo {result.name}' goes back", quiet)
    say(f"{folder}: {' '.join(file.name for file in result.files)}", quiet)


@pen.command("chart")
def pen_chart(
    profile: ProfileOption = None,
    port: PortOption = None,
    out_dir: OutOption = None,
    seed: SeedOption = 0,
    printed: PrintedOption = False,
    simulate: SimulateOption = False,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make the pen chart, and draw it with --port."""
    folder = _folder(out_dir, profile, "pen", simulate)
    _chart("pen", profile, port, folder, seed, printed, simulate, yes, quiet)


@pen.command("measure")
def pen_measure(
    scan: ScanArgument = None,
    profile: ProfileOption = None,
    out_dir: OutOption = None,
    source: SourceOption = "auto",
    camera: CameraOption = None,
    widths: Annotated[
        Path | None,
        typer.Option(
            "--widths", help="No scanner: a text file with lines such as 'pressure-up-3 0.45' (mm)."
        ),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Measure a scan or a photo of the pen chart, or take widths from a caliper."""
    folder = _folder(out_dir, profile, "pen")
    if widths is not None:
        from strokebot.calibrating import measure_by_hand

        count = measure_by_hand(widths, folder)
        say(f"{count} widths taken from {widths}", quiet)
        return
    _measure("pen", scan, camera, source, folder, quiet)


@pen.command("fit")
def pen_fit(
    profile: ProfileOption = None,
    save: SaveOption = None,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
) -> None:
    """Fit the pen to what was measured, and save it into a profile."""
    _fit("pen", profile, save, _folder(out_dir, profile, "pen"), quiet)


@geometry.command("chart")
def geometry_chart(
    profile: ProfileOption = None,
    port: PortOption = None,
    out_dir: OutOption = None,
    printed: PrintedOption = False,
    simulate: SimulateOption = False,
    seed: SeedOption = 0,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make the geometry chart, and draw it with --port. Best on a sheet with --printed fiducials."""
    folder = _folder(out_dir, profile, "geometry", simulate)
    _chart("geometry", profile, port, folder, seed, printed, simulate, yes, quiet)


@geometry.command("measure")
def geometry_measure(
    scan: ScanArgument = None,
    profile: ProfileOption = None,
    out_dir: OutOption = None,
    source: SourceOption = "auto",
    camera: CameraOption = None,
    quiet: QuietOption = False,
) -> None:
    """Measure a scan or a photo of the geometry chart."""
    _measure("geometry", scan, camera, source, _folder(out_dir, profile, "geometry"), quiet)


@geometry.command("fit")
def geometry_fit(
    profile: ProfileOption = None,
    save: SaveOption = None,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
) -> None:
    """Fit the machine to what was measured, and save it into a profile."""
    _fit("geometry", profile, save, _folder(out_dir, profile, "geometry"), quiet)


@app.callback(invoke_without_command=True)
def guide(
    context: typer.Context,
    profile: ProfileOption = None,
    port: PortOption = None,
    out_dir: OutOption = None,
    simulate: SimulateOption = False,
    save: SaveOption = None,
    yes: YesOption = False,
) -> None:
    """Measure what this pen and this machine do. Without a step, a guide through all of them."""
    if context.invoked_subcommand is not None:
        return
    from calibration.profile import Profile
    from strokebot.calibrating import CHART_FILE, FIT_FILE, MEASUREMENTS_FILE, SCAN_FILE

    Profile.load(profile)  # a wrong name is said before anything is made
    folder = _folder(out_dir, profile, "pen", simulate)
    how = " on virtual paper" if simulate else ""
    say(f"Calibrating the pen of {profile or 'grbl-z'}{how}, in {folder}.")
    if (folder / FIT_FILE).exists():
        say("This calibration is finished. Start anew with 'strokebot calibrate pen chart', or go on with")
        say("'strokebot calibrate geometry chart --printed'.")
        return
    if not (folder / CHART_FILE).exists():
        say("Step 1 of 3: the pen draws a chart.")
        if not simulate and port is None:
            say("Put paper and pen in, then run 'strokebot calibrate --port /dev/ttyUSB0',")
            say("or 'strokebot calibrate --simulate' to try it on virtual paper.")
            return
        _chart("pen", profile, port, folder, 0, False, simulate, yes, False)
    if not (folder / MEASUREMENTS_FILE).exists():
        say("Step 2 of 3: a scan of the sheet is measured.")
        if not (folder / SCAN_FILE).exists():
            say(f"Scan the sheet at 600 dpi (or photograph it from above) to {folder / SCAN_FILE},")
            say("then run 'strokebot calibrate' again.")
            say("Without a scanner: strokebot calibrate pen measure --widths FILE")
            return
        _measure("pen", None, None, "auto", folder, False)
    say("Step 3 of 3: the pen is fitted, and saved into a profile.")
    _fit("pen", profile, save, folder, False)
