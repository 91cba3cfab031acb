"""A loose, late pen on paper that is not level draws the widths that were asked for."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.profile import Paper, Profile
from firmware_bridge.dialects import dialect_of
from firmware_bridge.simulator import simulate_lines
from strokebot.trace import Trace
from strokebot.trajectory.compile.compile import compile_program
from strokebot.trajectory.path.path import Path
from strokebot.trajectory.timing.parametrise import parametrise

PLAIN = replace(Profile.load("grbl-z"), paper=Paper((120.0, 60.0), (5.0, 5.0)))


def wavy():
    x = np.linspace(10, 100, 400)
    width = 0.7 + 0.35 * np.sin(x / 4)
    return Path(np.column_stack([x, 20 + 0.1 * x]), width, np.ones(400), np.ones(400, dtype=bool)), x, width


def drawn(planned, real, path):
    """Median and greatest error of the width, where ``planned`` is thought and ``real`` draws."""
    program = compile_program(parametrise(path, planned), planned)
    lines = dialect_of("grbl").encode(program, planned.machine)
    return Trace.recorded(simulate_lines(lines, planned.machine), real)


@pytest.mark.parametrize(
    "change",
    [
        {"play": 0.12},
        {"lag_s": 0.03},
        {"height": (-0.1, 0.002, 0.001)},
        {"play": 0.12, "lag_s": 0.03, "height": (-0.1, 0.002, 0.001)},
    ],
    ids=["play", "lag", "height", "all"],
)
def test_what_the_profile_knows_of_the_pen_does_not_show(change):
    pen = {key: value for key, value in change.items() if key != "height"}
    paper = {key: value for key, value in change.items() if key == "height"}
    real = replace(PLAIN, pen=replace(PLAIN.pen, **pen), paper=replace(PLAIN.paper, **paper))
    path, x, width = wavy()

    def errors(planned):
        trace = drawn(planned, real, path)
        inside = (trace.xy_mm[:, 0] > 15) & (trace.xy_mm[:, 0] < 95) & (trace.width_mm > 0)
        return np.abs(trace.width_mm[inside] - np.interp(trace.xy_mm[inside, 0], x, width))

    known, unknown = errors(real), errors(PLAIN)
    assert np.median(known) < 0.012
    assert np.median(known) < 0.4 * np.median(unknown)
    assert known.max() < 0.06
