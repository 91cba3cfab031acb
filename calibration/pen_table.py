"""The ``[pen]`` table of a profile."""

from __future__ import annotations

import math

from calibration.errors import ProfileError
from calibration.pen import PenModel
from calibration.tables import Table

_PEN_LIMIT = 100000.0


def read_pen(table: Table) -> PenModel:
    """The pen of a table.

    Raises:
        ProfileError: for a missing, unknown or impossible value; names the key.
    """
    everything = (-math.inf, math.inf)  # PenModel holds the bounds, for any way to build one
    pen = PenModel(
        actuator=table.text("actuator"),
        up=table.number("up", -_PEN_LIMIT, _PEN_LIMIT),
        touch=table.number("touch", -_PEN_LIMIT, _PEN_LIMIT),
        full=table.number("full", -_PEN_LIMIT, _PEN_LIMIT),
        values=table.numbers("values", -_PEN_LIMIT, _PEN_LIMIT),
        widths_mm=table.numbers("widths_mm", *everything),
        darkness=table.numbers("darkness", *everything),
        draw_speed_mm_s=table.number("draw_speed_mm_s", *everything),
        draw_acceleration_mm_s2=(
            table.number("draw_acceleration_mm_s2", *everything)
            if table.has("draw_acceleration_mm_s2")
            else None
        ),
        lag_s=table.number("lag_s", *everything) if table.has("lag_s") else 0.0,
        play=table.number("play", *everything) if table.has("play") else 0.0,
        dwell_s=table.number("dwell_s", *everything) if table.has("dwell_s") else 0.0,
        soft_landing=table.flag("soft_landing") if table.has("soft_landing") else False,
        levels=_whole(table.number("levels", *everything)) if table.has("levels") else None,
        darkness_speed_exponent=(
            table.number("darkness_speed_exponent", *everything)
            if table.has("darkness_speed_exponent")
            else 0.0
        ),
        bleed_mm2_mm_s=table.number("bleed_mm2_mm_s", *everything) if table.has("bleed_mm2_mm_s") else 0.0,
        blot_mm2_s=table.number("blot_mm2_s", *everything) if table.has("blot_mm2_s") else 0.0,
        reference_speed_mm_s=(
            table.number("reference_speed_mm_s", *everything) if table.has("reference_speed_mm_s") else None
        ),
        calibrated=table.day("calibrated") if table.has("calibrated") else None,
        residual_mm=table.number("residual_mm", *everything) if table.has("residual_mm") else None,
    )
    table.finish()
    return pen


def _whole(levels: float) -> int:
    if levels != round(levels):
        raise ProfileError(f"pen.levels is {levels:g}: it must be a whole number.")
    return int(levels)
