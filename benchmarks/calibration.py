"""How well a pen and a machine are calibrated whose truth is hidden, and what that does to drawings.

    python -m benchmarks.calibration [--quick] [--json FILE]

Everything goes the whole way: the chart is compiled and run by the virtual machine; a hidden pen
draws it on a virtual sheet, with noise, play, lag, bleed and tilted paper; a scan at 600 dpi and a
photo at 200 dpi, with shading and perspective, are measured and fitted. Then a picture is drawn
three times by that hidden pen and machine: with the default profile, with the calibrated one, and
with one that knows the truth. Errors of widths are root mean squares over the pen's range and the
sheet; ``dry_run_error`` is the mean difference of the dry run's ink from the drawn one, and with
``_still_ink`` that of a dry run without blots and bleed; geometry is the root mean square distance
from the planned place over the whole sheet. Each figure is the median over the seeds, ``worst_`` is
that of the worst seed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmarks import harness
from benchmarks.calibration_truth import (
    TODAY,
    as_picture,
    crooked_frame,
    curve_errors,
    darkness_error,
    drawn_chart,
    hidden_pen,
    perfect,
    recorded,
    true_trace,
    width_error,
    wrong_arm,
)
from calibration.chart.layout import geometry_chart, pen_chart
from calibration.chart.spec import Chart
from calibration.errors import CalibrationError
from calibration.fit.geometry import fit_geometry
from calibration.fit.pen import fit_pen
from calibration.profile import Paper, Profile
from calibration.scan.measure import measure
from calibration.scan.picture import Picture
from calibration.virtual.camera import photo, scan
from calibration.virtual.machine import TrueMachine
from calibration.virtual.pen import TruePen
from calibration.virtual.sheet import draw_sheet, print_fiducials
from firmware_bridge.joint_moves import tool_mm
from strokebot import raster
from strokebot.options import DrawOptions
from strokebot.pipeline import Plan, plan
from strokebot.trace import Trace

_SEEDS, _QUICK_SEEDS = 5, 1
_RANDOM_PICTURES, _QUICK_RANDOM_PICTURES = 100, 10
# A sheet is a quarter finer than a 600 dpi scan of it; for crosses, 300 dpi are enough.
_FINE_PX_PER_MM, _PX_PER_MM = 30.0, 16.0
_SCAN_DPI, _CROSS_DPI, _PHOTO_DPI = 600.0, 300.0, 200.0
_A5_MM = (148.0, 210.0)
_PICTURE = Path(__file__).resolve().parents[1] / "examples" / "flourish.png"
# The picture is drawn across most of the sheet, so that geometry and tilt matter.
_FIT_MM = (120.0, 120.0)
_GRID = 7
_EDGE_MM = 15.0

Floats = NDArray[np.float64]


def _places(profile: Profile) -> Floats:
    width, height = profile.paper.size_mm
    x, y = np.linspace(_EDGE_MM, width - _EDGE_MM, _GRID), np.linspace(_EDGE_MM, height - _EDGE_MM, _GRID)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def pen_figures(
    profile: Profile, pen: TruePen, machine: TrueMachine, seed: int
) -> tuple[dict[str, float], Profile, Chart, Picture]:
    """Calibrates a pen from a scan and from a photo; the figures, the profile from the scan, and its scan."""
    chart = pen_chart(profile, seed)
    sheet = draw_sheet(drawn_chart(chart, profile), profile, pen, machine, _FINE_PX_PER_MM, seed)
    rng = np.random.default_rng(seed)
    figures: dict[str, float] = {}
    scanned = as_picture(
        scan(sheet, _FINE_PX_PER_MM, _SCAN_DPI, rotation_deg=rng.uniform(-3, 3), seed=seed), _SCAN_DPI
    )
    tilt = (rng.uniform(-14, 14), rng.uniform(-14, 14))
    taken = as_picture(
        photo(
            sheet, _FINE_PX_PER_MM, _PHOTO_DPI, tilt, rng.uniform(-12, 12), lens=0.01, shading=0.35, seed=seed
        )
    )
    del sheet
    places = _places(profile)
    fitted = profile
    for source, picture in (("photo", taken), ("scan", scanned)):
        fit = fit_pen(chart, measure(picture, chart).measurements, profile)
        fitted = fit.apply(profile, TODAY)
        errors, touch = curve_errors(fitted, profile, pen, machine, places)
        figures[f"width_error_um_{source}"] = 1000 * float(np.sqrt(np.mean(errors**2)))
        figures[f"width_largest_um_{source}"] = 1000 * float(np.abs(errors).max())
        if source == "scan":
            off = float(np.mean(touch) - fitted.pen.touch + pen.touch)
            figures["darkness_error"] = darkness_error(fitted, pen, chart.pen_range[2], off)
            figures["touch_error_mm"] = float(np.abs(touch).mean())
    return figures, fitted, chart, scanned


def geometry_figures(
    profile: Profile, pen: TruePen, machine: TrueMachine, seed: int
) -> tuple[tuple[float, float], Profile]:
    """Calibrates a machine from a sheet with printed fiducials; distances before and after, the profile."""
    chart = geometry_chart(profile, printed=True)
    sheet = draw_sheet(drawn_chart(chart, profile), profile, pen, machine, _PX_PER_MM, seed)
    sheet = print_fiducials(sheet, chart, _PX_PER_MM)
    picture = as_picture(scan(sheet, _PX_PER_MM, _CROSS_DPI, rotation_deg=1.5, seed=seed), _CROSS_DPI)
    del sheet
    fitted = fit_geometry(chart, measure(picture, chart).measurements, profile).apply(profile)
    still = replace(machine, play_mm=(0.0, 0.0))
    found = []
    places = _places(profile)
    for told in (profile, fitted):
        words = told.to_machine(places)
        if told.machine.raw_joints:
            joints, _ = told.machine.kinematics.joints_at(words)
            words = tool_mm(joints, profile.machine)
        drawn = profile.from_machine(still.position_mm(words))
        found.append(float(np.sqrt(((drawn - places) ** 2).sum(axis=1).mean())))
    return (found[0], found[1]), fitted


def drawing_figures(
    profiles: dict[str, Profile], frame: Profile, pen: TruePen, machine: TrueMachine
) -> dict[str, float]:
    """Draws a picture with each profile by the hidden pen and machine."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, profile in profiles.items():
            file = Path(folder) / "profile.toml"
            file.write_text(profile.to_toml(), encoding="utf-8")
            planned = plan(_PICTURE, DrawOptions(profile=str(file), fit_mm=_FIT_MM))
            trace = true_trace(planned, frame, pen, machine)
            ink = trace.ink(planned.placement, (planned.ink.height, planned.ink.width))
            figures[f"iou_{name}"] = raster.fidelity(planned.ink.ink, ink)["iou"]
            figures[f"width_asked_vs_drawn_{name}"] = width_error(planned, trace, pen)
            if name == "calibrated":
                still = replace(profile, pen=replace(profile.pen, blot_mm2_s=0.0, bleed_mm2_mm_s=0.0))
                for key, told in (("dry_run_error", profile), ("dry_run_error_still_ink", still)):
                    figures[key] = mismatch(planned, told, ink)
    return figures


def mismatch(planned: Plan, told: Profile, ink: NDArray[np.float32]) -> float:
    """Mean difference between the dry run's ink and what was drawn, where either has any."""
    shown = Trace.recorded(recorded(planned.program, planned.profile), told)
    dry = shown.ink(planned.placement, (planned.ink.height, planned.ink.width))
    return float(np.abs(dry - ink)[(dry > 0) | (ink > 0)].mean())


def bad_pictures(chart: Chart, good: Picture, count: int) -> Iterator[tuple[Picture, Chart]]:
    """Pictures that must be refused, with the chart that they are held against."""
    grey = good.grey
    yield Picture(grey[:, ::-1].copy(), good.dpi), chart
    yield Picture(grey[: len(grey) // 3], good.dpi), chart
    yield Picture(grey[:, grey.shape[1] // 2 :], good.dpi), chart
    yield Picture(gaussian_filter(grey, 6.0), good.dpi), chart
    yield Picture(np.full_like(grey, 0.92), good.dpi), chart
    yield Picture(np.ascontiguousarray(grey[::6, ::6]), None), chart
    other = replace(Profile.load("grbl-z"), paper=Paper((210.0, 297.0), (5.0, 5.0)))
    yield good, pen_chart(other)
    yield good, geometry_chart(other)
    rng = np.random.default_rng(0)
    for _ in range(count):
        noise = gaussian_filter(rng.random((500, 400)).astype(np.float32), rng.uniform(0, 8))
        noise = (noise - noise.min()) / np.ptp(noise)
        yield Picture(np.where(rng.random() < 0.5, noise, (noise > 0.5).astype(np.float32)), 300.0), chart


def accepted(pictures: Iterator[tuple[Picture, Chart]], profile: Profile) -> int:
    """How many bad pictures were measured and fitted all the same."""
    count = 0
    for picture, chart in pictures:
        try:
            fit_pen(chart, measure(picture, chart).measurements, profile)
        except CalibrationError:
            continue
        count += 1
    return count


def one_seed(seed: int, random_pictures: int) -> dict[str, float]:
    """All figures of one hidden pen and its machines."""
    rng = np.random.default_rng(seed)
    frame = replace(Profile.load("grbl-z"), paper=Paper(_A5_MM, (8.0, 8.0)))
    pen, machine = hidden_pen(frame, rng), crooked_frame(frame, rng)
    figures, fitted, chart, scanned = pen_figures(frame, pen, machine, seed)
    figures["bad_scans_accepted"] = float(accepted(bad_pictures(chart, scanned, random_pictures), frame))
    del scanned
    (before, after), placed = geometry_figures(frame, pen, machine, seed)
    figures |= {"geometry_before_mm_cartesian": before, "geometry_residual_mm_cartesian": after}
    calibrated = replace(placed, pen=fitted.pen, paper=replace(placed.paper, height=fitted.paper.height))
    drawn = drawing_figures(
        {"default": frame, "calibrated": calibrated, "true": perfect(frame, pen, machine, fitted)},
        frame, pen, machine,
    )  # fmt: skip
    figures |= {
        "width_asked_vs_drawn_before": drawn["width_asked_vs_drawn_default"],
        "width_asked_vs_drawn_after": drawn["width_asked_vs_drawn_calibrated"],
        "iou_default_profile": drawn["iou_default"],
        "iou_calibrated": drawn["iou_calibrated"],
        "iou_true_profile": drawn["iou_true"],
        "dry_run_error": drawn["dry_run_error"],
        "dry_run_error_still_ink": drawn["dry_run_error_still_ink"],
    }
    for name in ("scara", "fivebar"):
        arm = Profile.load(name)
        hand = replace(hidden_pen(arm, rng), touch=arm.pen.touch, full=arm.pen.full)
        (before, after), _ = geometry_figures(arm, hand, wrong_arm(arm, rng), seed)
        figures |= {f"geometry_before_mm_{name}": before, f"geometry_residual_mm_{name}": after}
    return figures


# What the issue of the calibration asks for: at most, or at least for an IoU.
_AT_LEAST = ("iou_default_profile", "iou_calibrated", "iou_true_profile")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    chosen = harness.options("Calibrate hidden pens and machines.", arguments)
    seeds = _QUICK_SEEDS if chosen.quick else _SEEDS
    runs = []
    for seed in range(seeds):
        runs.append(one_seed(seed, _QUICK_RANDOM_PICTURES if chosen.quick else _RANDOM_PICTURES))
        print(f"seed {seed}: " + ", ".join(f"{k} {v:.4g}" for k, v in runs[-1].items()), file=sys.stderr)
    flat = harness.medians(runs)
    width = max(len(name) for name in flat)
    print(f"{seeds} hidden pens and machines\n{'':{width}}  {'median':>9}  {'worst':>9}")
    for name, value in list(flat.items()):
        worst = (min if name in _AT_LEAST else max)(run[name] for run in runs)
        print(f"{name:{width}}  {value:9.4f}  {worst:9.4f}")
        flat[f"worst_{name}"] = worst
    harness.save(flat, chosen)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
