"""What a machine can reach, with the paper and the drawing in it; machine mm.

An arm's reach is a ring or a lens, a polargraph's a wedge, and a sheet that leaves it is
the commonest mistake with such machines. The panel shows reach, envelope, paper and path
in the machine's frame, and names the corners of the paper that cannot be reached.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge.machine import kinematics_of
from strokebot.plots import style
from strokebot.plots.figure import Area, Entry, Figure, Key, Line, Marks, Panel, Picture
from strokebot.plots.panels import outline

# Points along the longer side of the picture at which the reach is asked: finer than print.
_GRID_POINTS = 500
# Room around all that is shown, as a share of its longer side.
_ROOM_SHARE = 0.05
_REACH = "#CFE8D5"  # pale green, light enough for every line on it
_PAPER = "#0072B2"  # blue
# The panel at most, and the room around it for words, inch: left, above, right, below.
_PANEL_INCH = (6.0, 4.2)
_AROUND_INCH = (0.75, 0.68, 0.25, 0.95)
_KEY_INCH = 0.4
# Entries of a key in one row.
_IN_A_ROW = 3
_MARK_PT, _MARK_LINE_PT = 7.0, 1.5
_CORNERS = ("lower left", "lower right", "upper right", "upper left")


def lost_corners(profile: Profile) -> list[str]:
    """Names of the paper's corners that the machine cannot reach."""
    reached = kinematics_of(profile.machine).reachable(profile.to_machine(_corners(profile)))
    return [name for name, fine in zip(_CORNERS, reached.tolist(), strict=True) if not fine]


def reach_figure(profile: Profile, xy_mm: NDArray[np.float64]) -> Figure:
    """The reach, the envelope, the paper and a path, in the machine's frame.

    Args:
        profile: machine and paper.
        xy_mm: (N, 2) path, paper mm; may be empty.
    """
    low, high = _span(profile)
    inch = min(_PANEL_INCH[0] / (high - low)[0], _PANEL_INCH[1] / (high - low)[1])
    width, height = (float(value) for value in inch * (high - low))
    left, above, right, below = _AROUND_INCH
    page = max(left + width + right, _PANEL_INCH[0])
    figure = Figure(page, above + height + below)
    panel = figure.panel(left + (page - left - width - right) / 2, above, width, height)
    _show_reach(panel, profile, low, high)
    corners = _corners(profile)
    box, machine = profile.machine.envelope, profile.machine
    envelope = outline(box.x_min_mm, box.x_max_mm, box.y_min_mm, box.y_max_mm, style.LIMIT, 1.0, dashed=True)
    paper = Line(profile.to_machine(np.concatenate([corners, corners[:1]])), _PAPER)
    panel.show(envelope, paper, Line(profile.to_machine(xy_mm), style.DRAWN, 0.7))
    key = [
        Entry(Area(np.zeros((0, 2)), _REACH), "in reach"),
        Entry(envelope, "envelope"),
        Entry(paper, "paper"),
    ]
    names = lost_corners(profile)
    if machine.raw_joints:
        start = Marks(np.array([machine.start_mm]), "plus", _MARK_PT, style.DRAWN)
        panel.show(start)
        key.append(Entry(start, "where it is switched on"))
    if names:
        lost = profile.to_machine(corners[[_CORNERS.index(name) for name in names]])
        crosses = Marks(lost, "cross", _MARK_PT, style.ASTRAY, width_pt=_MARK_LINE_PT)
        panel.show(crosses)
        key.append(Entry(crosses, "corner out of reach"))
    title = f"out of reach: {', '.join(names)} of the paper" if names else "reach of the machine"
    panel.label(title, "machine x, mm", "machine y, mm")
    columns = -(-len(key) // (1 if len(key) <= _IN_A_ROW else 2))
    figure.keys.append(Key((0.0, figure.height - _KEY_INCH - 0.03, page, _KEY_INCH), key, columns))
    figure.title = style.title(profile.machine.name, ["reach, machine frame"])
    return figure


def _span(profile: Profile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower left and upper right corner of what is shown."""
    box, paper = profile.machine.envelope, profile.to_machine(_corners(profile))
    low = np.minimum(paper.min(axis=0), (box.x_min_mm, box.y_min_mm))
    high = np.maximum(paper.max(axis=0), (box.x_max_mm, box.y_max_mm))
    room = _ROOM_SHARE * float((high - low).max())
    return low - room, high + room


def _show_reach(panel: Panel, profile: Profile, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
    """Fills a panel with where the machine reaches."""
    step = float((high - low).max()) / _GRID_POINTS
    across, up = (max(1, round(float(side) / step)) for side in high - low)
    x = low[0] + (np.arange(across) + 0.5) * (high[0] - low[0]) / across
    y = high[1] - (np.arange(up) + 0.5) * (high[1] - low[1]) / up
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    reached = kinematics_of(profile.machine).reachable(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    colours = np.where(reached[..., None], style.rgb(_REACH), 1.0)
    box = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    panel.spanned(*box)
    panel.show(Picture(np.round(255.0 * colours).astype(np.uint8), box))


def _corners(profile: Profile) -> NDArray[np.float64]:
    width, height = profile.paper.size_mm
    return np.array([(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)])
