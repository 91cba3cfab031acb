"""The steps of a calibration: make a chart, measure its scan, fit, save. One folder holds a calibration.

    chart.json         what is where on the sheet
    chart.png          the same for a person
    chart.gcode        how it is drawn
    fiducials.png      for a printer, where the fiducials are printed beforehand (300 dpi, full size)
    measurements.json  what was read off the scan
    overlay.png        what was measured where
    fit.png, fit.txt   data, curve and band; findings in words
    virtual.toml       on virtual paper: the profile of the first chart, in whose frame the sheet lies
    profile.toml       on virtual paper: the profile that came of it

Each step reads what the one before has left, so a calibration can be broken off after any of
them and taken up again.

Virtual paper says nothing of a real pen. A scan of it says so in its file, so do the measurements, and
so does the profile: it stays in the folder, or goes into a profile of its own where that is asked for,
and no port is opened with it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from calibration.chart.layout import chart_program, geometry_chart, pen_chart
from calibration.chart.spec import Chart
from calibration.errors import ChartError, MeasureError, ProfileError
from calibration.fit.geometry import fit_geometry
from calibration.fit.history import save_profile
from calibration.fit.observe import from_caliper
from calibration.fit.pen import fit_pen
from calibration.measurements import Measurements
from calibration.profile import DEFAULT_PROFILE, Profile, find_profile, is_shipped, user_directory
from calibration.profile_text import updated
from calibration.scan.measure import Reading, measure
from calibration.scan.overlay import overlay
from calibration.scan.picture import MM_PER_INCH, VIRTUAL_SOURCE, load_picture
from calibration.virtual.camera import scan
from calibration.virtual.machine import TrueMachine
from calibration.virtual.pen import TruePen
from calibration.virtual.sheet import draw_sheet, print_fiducials
from firmware_bridge.checks import preflight
from firmware_bridge.dialects import dialect_of
from firmware_bridge.program import Program
from strokebot.files import write_atomic

What = Literal["pen", "geometry"]

ROOT = Path("strokebot-out") / "calibration"

CHART_FILE = "chart.json"
LEGEND_FILE = "chart.png"
GCODE_FILE = "chart.gcode"
FIDUCIALS_FILE = "fiducials.png"
SCAN_FILE = "scan.png"
MEASUREMENTS_FILE = "measurements.json"
OVERLAY_FILE = "overlay.png"
FIT_FILE = "fit.txt"
FIT_FIGURE_FILE = "fit.png"
PHOTO_FILE = "photo.png"
VIRTUAL_FILE = "virtual.toml"
PROFILE_FILE = "profile.toml"

# Sheets for a printer, and virtual scans.
_PRINT_DPI = 300.0
_SCAN_DPI = 600.0
# A virtual sheet is this fine: a quarter finer than its scan.
_SHEET_PX_PER_MM = 30.0
_WARM_UP_PICTURES = 5
# What a camera is asked for: it takes the nearest that it can.
_MOST_CAMERA_PX = (4096, 3072)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A chart that is ready to be drawn.

    Attributes:
        chart: what is where.
        program: how it is drawn.
        files: what was written.
    """

    chart: Chart
    program: Program
    files: tuple[Path, ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What came of a fit.

    Attributes:
        name: what ``--profile`` is given: its name, or the path of a virtual one.
        saved: its file.
        shadows: whether it takes the place of a shipped profile of its name.
        virtual: whether it was measured on virtual paper.
        words: what a person should know, one sentence each.
        files: figure and words.
    """

    name: str
    saved: Path
    words: tuple[str, ...]
    files: tuple[Path, ...]
    shadows: bool = False
    virtual: bool = False


def folder_of(profile: str | None, what: str, virtual: bool = False) -> Path:
    """Where a calibration lies, if nobody says otherwise; a virtual one never among a real one's files."""
    return ROOT / Path(profile or DEFAULT_PROFILE).stem / (f"virtual-{what}" if virtual else what)


def make_chart(what: What, profile: Profile, folder: Path, seed: int = 0, printed: bool = False) -> Sheet:
    """Lays out a chart and writes its files.

    Raises:
        ChartError: if the sheet is too small.
        PreflightError: if the machine cannot draw it.
    """
    from strokebot.plots import png_bytes
    from strokebot.plots.charts import legend_figure

    chart = pen_chart(profile, seed, printed) if what == "pen" else geometry_chart(profile, printed)
    program = chart_program(chart, profile)
    preflight.require(program, profile.machine)
    gcode = dialect_of(profile.machine.dialect).encode(program, profile.machine)
    files = {
        LEGEND_FILE: png_bytes(legend_figure(chart)),
        GCODE_FILE: ("\n".join(gcode) + "\n").encode(),
    }
    if printed:
        files[FIDUCIALS_FILE] = _fiducials_png(chart)
    files[CHART_FILE] = chart.to_json().encode()  # last: where it is, the others are
    for name, data in files.items():
        write_atomic(folder / name, data)
    return Sheet(chart, program, tuple(folder / name for name in files))


def load_chart(folder: Path) -> Chart:
    """The chart of a calibration.

    Raises:
        ChartError: if there is none yet, or it is damaged.
    """
    try:
        return Chart.from_json((folder / CHART_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ChartError(f"There is no chart in {folder}: make one first, with 'chart'.") from None
    except (OSError, UnicodeDecodeError) as cause:
        raise ChartError(f"Cannot read {folder / CHART_FILE}: {cause}.") from cause


def measure_sheet(picture_file: Path, folder: Path, source: str = "auto") -> Reading:
    """Measures a scan or a photo of the folder's chart and writes what was found.

    Raises:
        ChartError: if the folder has no chart.
        MeasureError: if the picture cannot be used; says why.
    """
    chart = load_chart(folder)
    picture = load_picture(picture_file)
    reading = measure(picture, chart, source)
    image = io.BytesIO()
    Image.fromarray(overlay(picture, chart, reading)).save(image, "PNG")
    write_atomic(folder / OVERLAY_FILE, image.getvalue())
    write_atomic(folder / MEASUREMENTS_FILE, reading.measurements.to_json().encode())
    return reading


def load_measurements(folder: Path) -> Measurements:
    """What was measured.

    Raises:
        MeasureError: if nothing was measured yet, or the file is damaged.
    """
    try:
        return Measurements.from_json((folder / MEASUREMENTS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MeasureError(f"Nothing was measured in {folder} yet: use 'measure' with a scan.") from None
    except (OSError, UnicodeDecodeError) as cause:
        raise MeasureError(f"Cannot read {folder / MEASUREMENTS_FILE}: {cause}.") from cause


def virtual_scan(sheet: Sheet, profile: Profile, folder: Path, seed: int) -> Path:
    """Draws a chart on the virtual machine with a pen whose truth is hidden, and scans the sheet.

    Truth and frame are those of the folder's first chart: a chart that is drawn again with the profile
    that was fitted meets the same pen and machine, and shows what is left.

    Args:
        sheet: the chart.
        profile: the profile that it was made for.
        folder: where the scan goes.
        seed: of the hidden pen and machine.
    """
    from firmware_bridge.simulator import simulate_lines

    lines = dialect_of(profile.machine.dialect).encode(sheet.program, profile.machine)
    recording = simulate_lines([line for line in lines if not line.startswith(";")], profile.machine)
    frame = _virtual_frame(profile, folder)
    pen, machine = hidden_truth(frame, seed)
    ink = draw_sheet(recording, frame, pen, machine, _SHEET_PX_PER_MM, seed)
    if sheet.chart.printed:
        ink = print_fiducials(ink, sheet.chart, _SHEET_PX_PER_MM)
    grey = scan(ink, _SHEET_PX_PER_MM, _SCAN_DPI, rotation_deg=1.5, seed=seed)
    image, said = io.BytesIO(), PngInfo()
    said.add_text("Source", VIRTUAL_SOURCE)
    Image.fromarray(grey).save(image, "PNG", dpi=(_SCAN_DPI, _SCAN_DPI), pnginfo=said)
    write_atomic(folder / SCAN_FILE, image.getvalue())
    return folder / SCAN_FILE


def _virtual_frame(profile: Profile, folder: Path) -> Profile:
    """The profile of the folder's first virtual chart of this machine and sheet, which is kept there."""
    file = folder / VIRTUAL_FILE
    if file.exists():
        first = Profile.load(str(file))
        if (first.machine.name, first.paper.size_mm) == (profile.machine.name, profile.paper.size_mm):
            return first
    write_atomic(file, profile.to_toml().encode())
    return profile


def hidden_truth(profile: Profile, seed: int) -> tuple[TruePen, TrueMachine]:
    """A pen and a machine that differ from their profile as real ones do."""
    rng = np.random.default_rng(seed)
    stroke = profile.pen.full - profile.pen.touch
    touch = profile.pen.touch + rng.uniform(-0.12, 0.12) * stroke
    pen = TruePen(
        touch=touch,
        full=touch + rng.uniform(0.85, 1.1) * stroke,
        thinnest_mm=profile.pen.min_width_mm * rng.uniform(0.75, 1.2),
        widest_mm=profile.pen.max_width_mm * rng.uniform(0.8, 1.15),
        exponent=rng.uniform(0.6, 1.0),
        bleed_mm2_mm_s=rng.uniform(0.0, 0.05),
        ink_speed=rng.uniform(0.0, 0.5),
        play=abs(stroke) * rng.uniform(0.0, 0.04),
        lag_s=rng.uniform(0.0, 0.04),
        blot_mm2_s=rng.uniform(0.0, 0.3),
        noise=0.015,
        line_noise=0.008,
    )
    low, high = 0.994, 1.006
    machine = TrueMachine(
        matrix=((rng.uniform(low, high), rng.uniform(-0.004, 0.004)), (0.0, rng.uniform(low, high))),
        offset_mm=(rng.uniform(-1, 1), rng.uniform(-1, 1)),
        play_mm=(rng.uniform(0, 0.1), rng.uniform(0, 0.1)),
    )
    return pen, machine


def _fiducials_png(chart: Chart) -> bytes:
    """The sheet with its fiducials alone, for a printer, at full size."""
    px_per_mm = _PRINT_DPI / MM_PER_INCH
    width, height = chart.paper_mm
    empty = np.zeros((round(height * px_per_mm), round(width * px_per_mm)), dtype=np.float32)
    dark = print_fiducials(empty, chart, px_per_mm)
    image = io.BytesIO()
    page = Image.fromarray(np.where(dark > 0.5, 0, 255).astype(np.uint8))
    page.save(image, "PNG", dpi=(_PRINT_DPI, _PRINT_DPI))
    return image.getvalue()


def fit_sheet(what: What, profile: str | None, folder: Path, save_as: str | None = None) -> Fitted:
    """Fits what was measured, and saves it into a profile of the user's own.

    Args:
        what: pen or geometry.
        profile: name or file of the profile that the chart was drawn with.
        folder: of the calibration.
        save_as: name of the profile to save; None for the profile's own, or, from virtual paper, for
            a file in the folder.

    Raises:
        CalibrationError: if there is nothing to fit, or it fits no pen and no machine.
        ProfileError: if something virtual would be mixed with something real.
    """
    from strokebot.plots import png_bytes
    from strokebot.plots.fits import geometry_fit_figure, pen_fit_figure

    chart, measured, before = load_chart(folder), load_measurements(folder), Profile.load(profile)
    name = save_as or Path(profile or DEFAULT_PROFILE).stem
    if measured.virtual:
        target = folder / PROFILE_FILE if save_as is None else user_directory() / f"{save_as}.toml"
    else:
        before.require_real()
        target = user_directory() / f"{name}.toml"
    # What is in the profile by now, a pen or a geometry, stays, and so do its comments.
    text = find_profile(str(target) if target.is_file() else profile).text
    kept = Profile.from_toml(text, target.name)
    if measured.virtual and save_as is not None:
        _require_no_real(save_as, target, kept)
    elif not measured.virtual:
        kept.require_real()
    if what == "pen":
        pen = fit_pen(chart, measured, before)
        first = (
            f"The pen touches at {pen.touch:.3f} and draws lines of {pen.widths_mm[0]:.2f} to "
            f"{pen.widths_mm[-1]:.2f} mm; the lines lie within {pen.residual_mm:.3f} mm of the curve."
        )
        words, figure, after = pen.words, pen_fit_figure(pen, name), pen.apply(kept, date.today())
    else:
        place = fit_geometry(chart, measured, before)
        first = (
            f"Corners were {place.before_mm[0]:.3f} mm off ({place.before_mm[1]:.3f} at most); "
            f"after the fit {place.after_mm[0]:.3f} ({place.after_mm[1]:.3f})."
        )
        words, figure, after = place.words, geometry_fit_figure(place, name), place.apply(kept)
    words = (first, *words)
    after = replace(after, virtual=measured.virtual)
    if target.parent == folder:
        write_atomic(target, updated(text, after).encode())
        name = str(target)
    else:
        save_profile(name, after, text)
    write_atomic(folder / FIT_FIGURE_FILE, png_bytes(figure))
    write_atomic(folder / FIT_FILE, ("\n".join(words) + "\n").encode())
    files = (folder / FIT_FIGURE_FILE, folder / FIT_FILE)
    shadows = target.parent != folder and is_shipped(name)
    return Fitted(name, target, words, files, shadows, measured.virtual)


def _require_no_real(name: str, target: Path, there: Profile) -> None:
    """Passes a name that a virtual profile may take.

    Raises:
        ProfileError: if it is that of a shipped profile, or of one for a real machine.
    """
    if is_shipped(name) or (target.is_file() and not there.virtual):
        raise ProfileError(
            f"'{name}' is a profile for a real machine, and this was measured on virtual paper: give another "
            "name to --save-as."
        )


def take_photo(camera: str, folder: Path) -> Path:
    """Takes one picture from a camera and writes it into the folder.

    Args:
        camera: the number of a camera of this computer, or an address that opencv can open.
        folder: of the calibration.

    Raises:
        MeasureError: if opencv is not installed, or the camera gives no picture.
    """
    try:
        import cv2
    except ImportError:
        raise MeasureError("A camera needs opencv: pip install opencv-python-headless.") from None
    source = cv2.VideoCapture(int(camera) if camera.isdigit() else camera)
    try:
        if camera.isdigit():  # without being asked, most give 640 x 480: too coarse for a sheet
            source.set(cv2.CAP_PROP_FRAME_WIDTH, _MOST_CAMERA_PX[0])
            source.set(cv2.CAP_PROP_FRAME_HEIGHT, _MOST_CAMERA_PX[1])
        # The first pictures of a webcam are dark and out of focus; a file may hold fewer, or one.
        image = None
        for _ in range(_WARM_UP_PICTURES):
            good, next_image = source.read()
            if not good:
                break
            image = next_image
    finally:
        source.release()
    if image is None:
        raise MeasureError(f"The camera {camera} gives no picture: check its number and its cable.")
    _, data = cv2.imencode(".png", image)
    write_atomic(folder / PHOTO_FILE, data.tobytes())
    return folder / PHOTO_FILE


def measure_by_hand(widths_file: Path, folder: Path) -> int:
    """Takes widths from a text file: a mark's name and a width in mm on each line.

    Returns:
        How many.

    Raises:
        MeasureError: for a line that is not one, or a mark that the chart does not have.
    """
    try:
        text = widths_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise MeasureError(f"Cannot read {widths_file}: {cause}.") from cause
    widths: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            name, width = words
            widths[name] = float(width.replace(",", "."))
        except ValueError:
            raise MeasureError(
                f"{widths_file.name}, line {number}: '{line.strip()}' is not a mark and its width in mm."
            ) from None
    measured = from_caliper(load_chart(folder), widths)
    write_atomic(folder / MEASUREMENTS_FILE, measured.to_json().encode())
    return len(widths)
