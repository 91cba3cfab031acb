"""What a machine can reach, with the paper and the drawing in it; machine mm.

An arm's reach is a ring or a lens, a polargraph's a wedge, and a sheet that leaves it is
the commonest mistake with such machines. The panel shows reach, envelope, paper and path
in the machine's frame, and names the corners of the paper that cannot be reached.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge.machine import kinematics_of
from strokebot.plots import style

# Points along the longer side of the picture at which the reach is asked: finer than print.
_GRID_POINTS = 500
# Room around all that is shown, as a share of its longer side.
_ROOM_SHARE = 0.05
_REACH = "#CFE8D5"  # pale green, light enough for every line on it
_PAPER = "#0072B2"  # blue
_FIGURE_INCH = (7.0, 5.2)
_CORNERS = ("lower left", "lower right", "upper right", "upper left")


def lost_corners(profile: Profile) -> list[str]:
    """Names of the paper's corners that the machine cannot reach."""
    reached = kinematics_of(profile.machine).reachable(profile.to_machine(_corners(profile)))
    return [name for name, fine in zip(_CORNERS, reached.tolist(), strict=True) if not fine]


def draw_reach(
    axes: Axes, profile: Profile, xy_mm: NDArray[np.float64], size: tuple[float, float] = (4.0, 4.0)
) -> None:
    """Fills an axes with the reach, the envelope, the paper and a path, in the machine's frame.

    Args:
        axes: an empty one.
        profile: machine and paper.
        xy_mm: (N, 2) path, paper mm; may be empty.
        size: what the axes will measure, inch.
    """
    machine = profile.machine
    box, kinematics = machine.envelope, kinematics_of(machine)
    paper = profile.to_machine(_corners(profile))
    low = np.minimum(paper.min(axis=0), (box.x_min_mm, box.y_min_mm))
    high = np.maximum(paper.max(axis=0), (box.x_max_mm, box.y_max_mm))
    room = _ROOM_SHARE * float((high - low).max())
    low, high = low - room, high + room

    step = float((high - low).max()) / _GRID_POINTS
    x, y = (np.arange(a, b, step) for a, b in zip(low, high, strict=True))
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    reached = kinematics.reachable(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    axes.imshow(
        np.where(reached, 1.0, np.nan), extent=(low[0], high[0], low[1], high[1]), origin="lower",
        cmap=ListedColormap([_REACH]), interpolation="nearest", vmin=0.0, vmax=1.0,
    )  # fmt: skip
    corners = [(box.x_min_mm, box.y_min_mm), (box.x_max_mm, box.y_min_mm), (box.x_max_mm, box.y_max_mm),
               (box.x_min_mm, box.y_max_mm)]  # fmt: skip
    _outline(axes, np.array(corners), style.LIMIT, "--")
    _outline(axes, paper, _PAPER, "-")
    if len(xy_mm):
        axes.plot(*profile.to_machine(xy_mm).T, color=style.DRAWN, linewidth=0.7)
    lost = paper[~kinematics.reachable(paper)]
    axes.plot(*lost.T, "x", color=style.ASTRAY, markersize=6.0, markeredgewidth=1.5, zorder=4)
    if machine.raw_joints:
        axes.plot(*machine.start_mm, "+", color=style.DRAWN, markersize=8.0, zorder=4)
    axes.set_aspect("equal")
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    names = lost_corners(profile)
    title = f"out of reach: {', '.join(names)} of the paper" if names else "reach of the machine"
    style.dress(axes, title, "machine x, mm", "machine y, mm", size)


def reach_figure(profile: Profile, xy_mm: NDArray[np.float64]) -> Figure:
    """A figure of its own: the reach with paper and path (N, 2), paper mm."""
    figure = Figure(figsize=_FIGURE_INCH, layout="constrained")
    draw_reach(figure.add_subplot(), profile, xy_mm, _FIGURE_INCH)
    figure.legend(handles=reach_key(profile), loc="outside lower center", ncols=3, frameon=False)
    style.set_title(figure, profile.machine.name, ["reach, machine frame"])
    return figure


def reach_key(profile: Profile) -> list[Patch | Line2D]:
    """What the colours and marks of ``draw_reach`` mean."""
    key: list[Patch | Line2D] = [
        Patch(color=_REACH, label="in reach"),
        Line2D([], [], color=style.LIMIT, linestyle="--", linewidth=1.0, label="envelope"),
        Line2D([], [], color=_PAPER, linewidth=1.0, label="paper"),
    ]
    mark = {"linestyle": "none", "markersize": 6.0}
    if profile.machine.raw_joints:
        key.append(Line2D([], [], marker="+", color=style.DRAWN, label="where it is switched on", **mark))  # type: ignore[arg-type]
    if lost_corners(profile):
        key.append(Line2D([], [], marker="x", color=style.ASTRAY, label="corner out of reach", **mark))  # type: ignore[arg-type]
    return key


def _corners(profile: Profile) -> NDArray[np.float64]:
    width, height = profile.paper.size_mm
    return np.array([(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)])


def _outline(axes: Axes, corners: NDArray[np.float64], colour: str, line: str) -> None:
    closed = np.concatenate([corners, corners[:1]])
    axes.plot(*closed.T, color=colour, linestyle=line, linewidth=1.0)
