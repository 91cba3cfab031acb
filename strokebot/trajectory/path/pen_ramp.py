"""Landing and lifting in motion: a stroke begins and ends with no pressure, inside its own ink.

Nouns:
    end       where a stroke begins or ends
    cap       the half disc of ink, as wide as the line, by which a drawn line goes on past its end
    lead      the short way inside the cap on which the pressure builds up, or goes

A pen that is pressed onto one spot and only then moves leaves a blot there: it rests on the paper with
the whole width of the line. With ``pen.soft_landing`` the lowering ends where the pen just
touches, a little before the end, and the pen presses on the way into the stroke; at the other end
it presses no more when it is lifted.

Symbols, at an end: w = width of the line, w_0 = the pen's thinnest, s = way from the end into the
stroke, c = length of the lead:

    c = min( (w - w_0) / 2, a quarter of the stroke )
    width(s) = w - (w - w_0) ((c - s) / 2c)^2              for s from -c to c

so that the thinnest line begins at s = -c, and at s = c the line is as wide as it should be, with no jump
of the slope there. A disc of diameter width(s) around any place of the lead lies within the cap, the disc
of diameter w around the end: nothing is drawn beside the ink. What is lost is the edge of the line
within c of its end, a quarter of w - w_0 in width at the end itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge.machine import kinematics_of
from strokebot.geometry.polyline import arc_length, distinct
from strokebot.trajectory.path.path import LEAST_STEP_MM, SMOOTH_TURN_RAD, Path, Run

Floats = NDArray[np.float64]

# A lead shorter than this is none: the line is about as thin as the pen draws.
_LEAST_LEAD_MM = 0.02
# A travel shorter than this would lie within the leads.
_LEAST_TRAVEL_MM = 1.0
_STROKE_SHARE = 0.25
# Points of a lead, its outer end among them.
_POINTS = 3
# Keeps the thinnest line from being taken for one that the pen cannot draw.
_ROUNDING = 1e-9


def with_pen_ramps(path: Path, profile: Profile) -> Path:
    """The path with a lead at each end of its strokes, where the profile's pen asks for it.

    A dot, a stroke next to a travel of less than a millimetre, and an end whose lead would leave
    the paper or the reach of the machine stay as they are.
    """
    if not profile.pen.soft_landing:
        return path
    rows = np.column_stack([path.xy_mm, path.width_mm, path.intensity])
    runs = list(path.runs())
    pieces: list[Floats] = []
    down: list[NDArray[np.bool_]] = []
    for k, run in enumerate(runs):
        part = rows[run.start : run.stop + 1]
        if run.down:
            # Of points on one spot that counts which the timing takes, with its width.
            kept = distinct(part[:, :2], LEAST_STEP_MM)
            part = part[kept] if len(kept) > 1 else part  # else it is a dot
            if k == 0 or _travels(rows, runs[k - 1]):
                part = _led(part, profile)
            if k + 1 == len(runs) or _travels(rows, runs[k + 1]):
                part = _led(part[::-1], profile)[::-1]
            # The travel that comes before ends where this run begins, and the one after begins at its end.
            pieces.append(part)
            down.append(np.append(k == 0, np.ones(len(part) - 1, dtype=bool)))
        else:
            inner = part[(1 if k else 0) : (-1 if k + 1 < len(runs) else None)]
            pieces.append(inner)
            down.append(np.zeros(len(inner), dtype=bool))
    table = np.concatenate(pieces)
    return Path(table[:, :2], table[:, 2], table[:, 3], np.concatenate(down))


def _travels(rows: Floats, run: Run) -> bool:
    """Whether a run with the pen up goes anywhere."""
    return bool(arc_length(rows[run.start : run.stop + 1, :2])[-1] >= _LEAST_TRAVEL_MM)


def _led(part: Floats, profile: Profile) -> Floats:
    """A stroke (N, 4) of x, y, width, intensity, with a lead at its beginning if there is room for one."""
    pen = profile.pen
    s = arc_length(part[:, :2])
    wanted = pen.effective_width_mm(part[:, 2], part[:, 3])
    drawn = np.clip(wanted, pen.min_width_mm, pen.max_width_mm)
    width = float(drawn[0])
    lead = min(0.5 * (width - pen.min_width_mm), _STROKE_SHARE * float(s[-1]))
    if lead < _LEAST_LEAD_MM:
        return part

    def share(way: Floats) -> Floats:
        """Width over that of the end."""
        missing = np.clip((lead - way) / (2 * lead), 0.0, 1.0) ** 2
        return np.asarray(1.0 - (1.0 - pen.min_width_mm / width) * missing * (1.0 - _ROUNDING))

    way = -lead * np.arange(_POINTS, 0, -1) / _POINTS
    places = part[0, :2] + way[:, None] * _heading(part[:, :2])
    inside = (places >= 0.0) & (places <= profile.paper.size_mm)
    reach = kinematics_of(profile.machine).reachable(profile.to_machine(places))
    if not (inside.all() and reach.all()):
        return part
    # The same ink, in a line of the width that is really drawn: one beyond the pen's range has no taper.
    asked = float(part[0, 2]) * width / max(float(wanted[0]), np.finfo(np.float64).tiny)
    before = np.column_stack([places, asked * share(way), np.full(_POINTS, part[0, 3])])
    after = part.copy()
    near = s < lead
    ratio = drawn / np.maximum(wanted, np.finfo(np.float64).tiny)
    after[near, 2] = (part[:, 2] * ratio * np.minimum(share(s) * width / drawn, 1.0))[near]
    return np.concatenate([before, after])


def _heading(xy: Floats) -> Floats:
    """Unit vector (2,) of a polyline at its first point; a smooth bend there is carried on."""
    step = np.diff(xy, axis=0)
    step = step[np.hypot(*step.T) > 0][:2]
    angle = np.arctan2(step[:, 1], step[:, 0])
    first = float(angle[0])
    if len(angle) == 2:
        turn = float(np.angle(np.exp(1j * (angle[1] - angle[0]))))
        first -= 0.5 * turn if abs(turn) <= SMOOTH_TURN_RAD else 0.0
    return np.array([np.cos(first), np.sin(first)])
