"""The report of a drawing as plain data, and the files that a drawing leaves.

The fields are described in ``docs/report.md``; a change of their meaning raises
``REPORT_VERSION``. Every file is written whole or not at all, and the report is
written last: where it is, the others are complete.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from strokebot import __version__, plots, raster
from strokebot.files import write_atomic
from strokebot.picture.sheet import Sheet
from strokebot.picture.shown import seen_picture
from strokebot.pipeline import DrawResult, Plan
from strokebot.plots.shown import ShownLimits, shows_reach
from strokebot.recipe import to_text
from strokebot.svg import drawing_svg
from strokebot.tone import ToneDrawing
from strokebot.tour.guided import DECISIONS
from strokebot.trajectory.compile.compile import approach_time_s
from strokebot.trajectory.timing.time_budget import stage_times
from strokebot.wording import count_text, duration_text, length_text

REPORT_VERSION = 1

GESTURE_FILE = "gesture.json"
TRAJECTORY_FILE = "trajectory.npz"
GCODE_FILE = "drawing.gcode"
SVG_FILE = "drawing.svg"
DRY_RUN_FILE = "dry_run.png"
REACH_FILE = "reach.png"  # of arms and polargraphs alone
RECIPE_FILE = "recipe.txt"
REPORT_FILE = "report.json"
HAND_FILE = "hand.png"  # where it was asked for, and the hand drew

# Samples in the trajectory's file: 12 MB; a drawing of ten minutes has fewer.
_MOST_SAMPLES = 200_000
# Pixels of the longer side of the picture of what was seen: as many as print can show.
_SEEN_PX = 1400
# Digits of a number in the report: more than any of them means.
_DIGITS = 6


def build_report(result: DrawResult) -> dict[str, Any]:
    """The report as nested dictionaries of plain numbers and texts, ``version`` first."""
    plan = result.plan
    sketch, trajectory = plan.sketch, plan.trajectory
    skeleton_px = raster.skeleton_length_px(plan.ink.ink)
    report = {
        "version": REPORT_VERSION,
        "program": f"strokebot {__version__}",
        "image": {
            "file": plan.name,
            "size": [plan.ink.width, plan.ink.height],
            "px_per_mm": plan.ink.px_per_mm,
            "polarity": plan.ink.polarity,
            "connected_parts": sketch.parts,
        },
        "seen": _seen(plan),
        "style": plan.style.style,
        "style_reason": plan.style.reason,
        "method": sketch.method,
        "method_reason": sketch.reason,
        "weights_sha256": sketch.weights_sha256,
        "network_ink_share": sketch.network_share,
        "hand_ink_shares": {name: sketch.decisions.get(name) for name in DECISIONS},
        "polished": sketch.polished,
        "candidates": [
            {"method": c.method, "iou": c.iou, "drawing_s": c.drawing_s, "lifts": c.gesture.lifts}
            for c in sketch.candidates
        ],
        "tone": _tone(sketch.tone),
        "fill": {"mode": plan.options.fill, "area_share": sketch.area_share},
        "speed": plan.options.speed,
        "quality": plan.options.quality,
        "seed": plan.options.seed,
        "fidelity": {
            "source": result.trace.source,
            "tone_correlation": None,
            **result.fidelity,
            "recognised": None,
        },
        "gesture": {
            "points": len(sketch.gesture),
            "lifts": sketch.gesture.lifts,
            "cheaper_lifts": sketch.cheaper_lifts,
            "hand_lifts": sketch.hand_lifts,
            "join": sketch.join,
        },
        "path": {
            "drawn_mm": trajectory.drawn_mm,
            "travel_mm": trajectory.travel_mm,
            "skeleton_mm": skeleton_px * plan.placement.scale_mm / plan.ink.longer_side,
            "lifts": plan.path.lifts,
            "points": len(plan.path),
            "clamped_points": plan.path.clamped_points(plan.profile.pen),
            "too_thin_share": plan.too_thin,
        },
        "time": {
            "planned_s": approach_time_s(trajectory, plan.profile) + trajectory.duration_s,
            "simulated_s": result.trace.duration_s,
            "stages": _stage_seconds(plan),
            "machine_s": result.performed_s,
            "compute_s": {**result.compute_s, "total": sum(result.compute_s.values())},
        },
        "limits": _limits(plan),
        "stream": _stream(result),
        "placement": {
            "scale_mm": plan.placement.scale_mm,
            "x0_mm": plan.placement.x0_mm,
            "y0_mm": plan.placement.y0_mm,
        },
        "profile": {
            "machine": plan.profile.machine.name,
            "dialect": plan.profile.machine.dialect,
            "paper_mm": list(plan.profile.paper.size_mm),
            "pen": plan.profile.calibration_note,
        },
    }
    return {key: _rounded(value) for key, value in report.items()}


def facts_of(result: DrawResult) -> list[str]:
    """What a person wants to know first: time, length, lifts, size and place."""
    plan, trace = result.plan, result.trace
    width, height = plan.size_mm
    left, bottom = plan.placement.x0_mm, plan.placement.y0_mm - height
    return [
        duration_text(trace.duration_s),
        f"{length_text(trace.drawn_mm)} drawn",
        count_text(trace.lifts, "lift"),
        f"{width:.0f} x {height:.0f} mm at {left:.0f}, {bottom:.0f}",
    ]


def save_drawing(result: DrawResult, folder: Path, explain: bool = False) -> list[Path]:
    """Writes all files of a drawing, the report last.

    Args:
        result: the drawing.
        folder: made if it is not there.
        explain: whether a sheet shall say how the hand came to its drawing, where it drew.

    Returns:
        The files, in the order of writing.

    Raises:
        StrokebotError: if the folder cannot be written to.
    """
    plan = result.plan
    dry_run = plots.dry_run_figure(
        plan.target,
        plan.placement,
        result.trace,
        ShownLimits.of(plan.profile),
        plan.name,
        [*facts_of(result), f"method {plan.sketch.method}"],
        (plan.trajectory, plan.planned_with),
        plan.sketch.tone is not None,
        None if plan.ink.sight is None or plan.sketch.tone is not None else seen_picture(plan.ink, _SEEN_PX),
    )
    report = build_report(result)
    files = {
        GESTURE_FILE: plan.sketch.gesture.to_json().encode(),
        TRAJECTORY_FILE: plan.trajectory.thinned(_MOST_SAMPLES).to_bytes(),
        GCODE_FILE: ("\n".join(plan.gcode) + "\n").encode(),
        SVG_FILE: drawing_svg(plan.path, plan.profile.paper.size_mm, plan.name).encode(),
        DRY_RUN_FILE: plots.png_bytes(dry_run),
    }
    sketch = plan.sketch
    if explain and sketch.hand is not None:
        sheet = plots.hand_figure(plan.ink.ink, sketch.hand, sketch.gesture, sketch.plain, plan.name)
        files[HAND_FILE] = plots.png_bytes(sheet)
    if shows_reach(plan.profile):
        files[REACH_FILE] = plots.png_bytes(plots.reach_figure(plan.profile, result.trace.xy_mm))
    files |= {
        RECIPE_FILE: (to_text(plan.options) + "\n").encode(),
        REPORT_FILE: (json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(),
    }
    for name, data in files.items():
        write_atomic(folder / name, data)
    return [folder / name for name in files]


def _seen(plan: Plan) -> dict[str, Any]:
    """What was taken for what in the picture, and what was left out of the drawing."""
    sight = plan.ink.sight
    if sight is None:
        return {"notes": []}
    sheet, rules = sight.sheet, sight.rules
    return {
        "notes": list(sight.notes),
        "inks": sight.inks,
        "clean": sight.clean,
        "sheet": None if sheet is None else _sheet(sheet),
        "rules": None
        if rules is None
        else {"kind": rules.name, "rows": rules.rows, "columns": rules.columns, "gap_px": rules.gap_px},
        "areas": {
            "mode": plan.options.area_mode,
            "share": sight.area_share,
            "darkness": float(sight.areas[sight.areas > 0].mean()) if sight.area_share > 0 else None,
        },
        "specks": {
            "count": sight.speck_count,
            "share": 0.0 if sight.specks is None else float(sight.specks.mean()),
        },
    }


def _sheet(sheet: Sheet) -> dict[str, Any]:
    """Where the sheet lies in the picture, and how it lay in the photo if it was straightened."""
    view = sheet.perspective
    straightened = None
    if view is not None:
        straightened = {
            "corners_px": view.corners_px.tolist(),
            "size_px": list(view.size_px),
            "paper": view.paper,
        }
    return {"share": sheet.share, "corners_px": sheet.corners_px.tolist(), "straightened": straightened}


def _limits(plan: Plan) -> dict[str, Any]:
    """Greatest planned speeds and accelerations, and their share of what each axis allows."""
    trajectory, machine = plan.trajectory, plan.profile.machine
    down = trajectory.pen_down[1:]
    middle = (trajectory.t_s[1:] + trajectory.t_s[:-1]) / 2
    turn = plan.profile.to_machine(np.eye(2)) - plan.profile.to_machine(np.zeros((2, 2)))
    velocity, acceleration = (trajectory.at(middle, order=n) @ turn for n in (1, 2))
    speed = np.hypot(*velocity.T)
    pen = plan.profile.pen_value(trajectory.width_mm, trajectory.intensity, np.ones(len(trajectory), bool))
    pen_speed = np.abs(np.diff(pen) / np.diff(trajectory.t_s))[down]
    return {
        "peak_speed_mm_s": float(speed.max()),
        "peak_draw_speed_mm_s": float(speed[down].max(initial=0.0)),
        "peak_acceleration_mm_s2": float(np.hypot(*acceleration.T).max()),
        "axis_use": {
            "x_speed": float(np.abs(velocity[:, 0]).max() / machine.max_speed_mm_s[0]),
            "y_speed": float(np.abs(velocity[:, 1]).max() / machine.max_speed_mm_s[1]),
            "x_acceleration": float(np.abs(acceleration[:, 0]).max() / machine.max_acceleration_mm_s2[0]),
            "y_acceleration": float(np.abs(acceleration[:, 1]).max() / machine.max_acceleration_mm_s2[1]),
            "pen_speed": float(pen_speed.max(initial=0.0) / machine.pen_max_speed),
        },
    }


def _tone(tone: ToneDrawing | None) -> dict[str, Any]:
    return {
        "pattern": None if tone is None else tone.pattern,
        "spacing_px": None if tone is None else tone.spacing_px,
        "lightest": None if tone is None else tone.range[0],
        "darkest": None if tone is None else tone.range[1],
        "rippled": None if tone is None else tone.rippled,
    }


def _stage_seconds(plan: Plan) -> dict[str, float]:
    times = stage_times(plan.trajectory, plan.planned_with)
    return {
        "steady_s": times.steady_s,
        "bends_s": times.bends_s,
        "travel_s": times.travel_s,
        "pen_s": times.pen_s,
    }


def _stream(result: DrawResult) -> dict[str, Any]:
    stream = result.stream
    return {
        "target": "simulator" if result.performed_s is None else "machine",
        "lines": stream.lines,
        "bytes": stream.bytes,
        "acknowledged": stream.acknowledged,
        "errors": stream.errors,
        "stalls": stream.stalls,
        "resends": stream.resends,
        "duration_s": stream.duration_s,
    }


def _rounded(value: Any) -> Any:
    """Numbers to ``_DIGITS`` significant digits, all the way down."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    if isinstance(value, float):
        if value == 0 or not math.isfinite(value):
            return value
        return round(value, _DIGITS - 1 - math.floor(math.log10(abs(value))))
    return value
