"""The steps of a calibration as the process that plans carries them out; ``strokebot.calibrating`` does them.

chart     the sheet is laid out, and made ready for the machine
scan      on virtual paper: it is drawn by a hidden pen, and scanned
measure   a picture of the sheet is measured
fit       pen or machine is fitted, and saved into a profile
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.chart.layout import chart_program
from calibration.profile import Profile
from firmware_bridge.dialects import dialect_of
from firmware_bridge.simulator import simulate_lines
from strokebot.calibrating import (
    Sheet,
    What,
    fit_sheet,
    load_chart,
    make_chart,
    measure_sheet,
    virtual_scan,
)
from strokebot.studio.machine import DrawJob

_MM_PER_INCH = 25.4


def chart(what: What, profile: str | None, folder: Path, printed: bool) -> dict[str, Any]:
    """Lays out a chart; what is drawn comes with it as a pickled ``DrawJob``."""
    loaded = Profile.load(profile)
    sheet = make_chart(what, loaded, folder, printed=printed)
    gcode = tuple(dialect_of(loaded.machine.dialect).encode(sheet.program, loaded.machine))
    recording = simulate_lines([line for line in gcode if not line.startswith(";")], loaded.machine)
    duration_s = float(recording.t_s[-1])
    course = np.array([[0.0, 0.0], [1.0, 0.0]])
    job = DrawJob(sheet.chart.title, loaded, sheet.program, gcode, duration_s, course)
    return {
        "title": sheet.chart.title,
        "paper_mm": list(sheet.chart.paper_mm),
        "duration_s": duration_s,
        "job": pickle.dumps(job, pickle.HIGHEST_PROTOCOL),
    }


def scan(profile: str | None, folder: Path) -> dict[str, Any]:
    """Draws the folder's chart on virtual paper, scans and measures it."""
    loaded, laid_out = Profile.load(profile), load_chart(folder)
    sheet = Sheet(laid_out, chart_program(laid_out, loaded), ())
    return measure(virtual_scan(sheet, loaded, folder, seed=0), folder)


def measure(file: Path, folder: Path) -> dict[str, Any]:
    """Measures a picture of the folder's chart."""
    found = measure_sheet(file, folder).measurements
    inked = sum(line.coverage > 0 for line in found.lines)
    places = f", {len(found.points)} places" if found.points else ""
    return {
        "virtual": found.virtual,
        "sentence": f"A {found.source} at {found.px_per_mm * _MM_PER_INCH:.0f} dpi, blur "
        f"{found.blur_mm:.3f} mm, fiducials within {found.residual_mm:.3f} mm: {inked} of "
        f"{len(found.lines)} lines have ink{places}.",
    }


def fit(what: What, profile: str | None, folder: Path, save_as: str | None) -> dict[str, Any]:
    """Fits what was measured, and saves it; pen and paper before and after come with it."""
    before = Profile.load(profile)
    done = fit_sheet(what, profile, folder, save_as)
    after = Profile.load(str(done.saved))
    return {
        "name": done.name,
        "virtual": done.virtual,
        "shadows": done.shadows,
        "words": list(done.words),
        "before": _numbers(before),
        "after": _numbers(after),
    }


def _numbers(profile: Profile) -> dict[str, Any]:
    """What a fit changes of a profile, as far as a person compares it."""
    pen = profile.pen
    return {
        "touch": pen.touch,
        "full": pen.full,
        "min_width_mm": pen.min_width_mm,
        "max_width_mm": pen.max_width_mm,
        "origin_mm": list(profile.paper.origin_mm),
        "correction": list(profile.paper.correction),
        "note": profile.calibration_note,
    }


_STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "chart": chart,
    "scan": scan,
    "measure": measure,
    "fit": fit,
}


def carry_out(values: Mapping[str, Any]) -> dict[str, Any]:
    """Does the step that ``values`` name, with the others as its arguments.

    Raises:
        StrokebotError: for whatever is wrong with it.
    """
    given = dict(values)
    return _STEPS[given.pop("step")](**given)
