"""The composition: image -> gesture -> path -> trajectory -> program -> drawn ink. No algorithms here.

    plan      everything up to the G-code, without touching a device
    rehearse  the plan on the virtual machine: what it will look like, how long it takes
    perform   the plan on the machine behind a port

``draw`` is a plan and its rehearsal, which is all that a drawing without a port needs.
Every stage is timed. torch is imported where a network is asked for, and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge.checks import preflight
from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import PortError
from firmware_bridge.job.device import Device, KeepJournal, StreamReport, open_device
from firmware_bridge.job.reconnect import draw_on
from firmware_bridge.program import Program
from firmware_bridge.stream.link import Listener
from firmware_bridge.transports.simulated import SimulatedTransport
from strokebot import __version__, raster
from strokebot.fill.widths import MOSTLY_LINES, line_width_px
from strokebot.options import DrawOptions, Progress, Stages
from strokebot.picture.image import InkImage, load_ink_image
from strokebot.sketch import DrawingScale, Sketch, sketch_picture
from strokebot.tone import StyleChoice, choose_style
from strokebot.trace import Trace
from strokebot.trajectory.compile.compile import compile_program
from strokebot.trajectory.path.path import Path as DrawingPath
from strokebot.trajectory.path.pen_ramp import with_pen_ramps
from strokebot.trajectory.path.place import Placement, choose_placement, place
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.path.travel_routing import with_travel_routed
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.presets import apply_presets
from strokebot.trajectory.timing.trajectory import Trajectory
from strokebot.wording import printable

# Lines are drawn so large that one this much wider than most still fits the pen: a line a little too
# wide would be clipped, or drawn in two passes.
_WIDTH_MARGIN = 1.15

__all__ = ["DrawOptions", "DrawResult", "Plan", "Sketch", "draw", "perform", "plan", "rehearse"]


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything about a drawing before a machine moves.

    Attributes:
        name: file name of the picture.
        options: what was asked for.
        profile: machine, pen and the paper used.
        planned_with: the same with the limits that speed and quality leave.
        ink: the picture.
        sketch: the gesture and its origin.
        paper: where the picture lies on the paper, and in which style it is drawn.
        path: the smoothed path, paper mm.
        trajectory: the timed path.
        program: the machine's moves.
        gcode: the same as G-code lines.
        compute_s: seconds of each stage, in order.
    """

    name: str
    options: DrawOptions
    profile: Profile
    planned_with: Profile
    ink: InkImage
    sketch: Sketch
    paper: DrawingScale
    path: DrawingPath
    trajectory: Trajectory
    program: Program
    gcode: tuple[str, ...]
    compute_s: dict[str, float]

    @property
    def placement(self) -> Placement:
        """Where the picture lies on the paper."""
        return self.paper.placement

    @property
    def target(self) -> NDArray[np.float32]:
        """What the drawing shall look like, (H, W): the ink, or the darkness of a tone drawing."""
        return self.ink.ink if self.sketch.tone is None else self.ink.tone


@dataclass(frozen=True, eq=False)
class DrawResult:
    """A plan and what came of it.

    Attributes:
        plan: the plan.
        trace: what the virtual machine did with it.
        drawn: (H, W) the ink that this leaves, on the picture's pixel grid.
        fidelity: ``drawn`` against the picture, see ``raster.fidelity``.
        stream: of the machine that drew last: the virtual one, or the one behind the port.
        performed_s: how long the real machine took; None if none has drawn.
        compute_s: seconds of each stage, in order.
    """

    plan: Plan
    trace: Trace
    drawn: NDArray[np.float32]
    fidelity: dict[str, float]
    stream: StreamReport
    performed_s: float | None = None
    compute_s: dict[str, float] = field(default_factory=dict)


def draw(image: Path, options: DrawOptions | None = None, progress: Progress | None = None) -> DrawResult:
    """Plans a drawing and draws it on the virtual machine.

    Args:
        image: a picture file.
        options: what the user chose; None for the defaults.
        progress: called with the name of each stage as it begins.

    Raises:
        StrokebotError: what is wrong with the picture, the options, the profile or the weights.
    """
    return rehearse(plan(image, options, progress), progress)


def plan(image: Path, options: DrawOptions | None = None, progress: Progress | None = None) -> Plan:
    """Does everything up to the G-code; see ``draw``.

    Raises:
        PreflightError: if the program must not be started on this machine.
        StrokebotError: see ``draw``.
    """
    options = options or DrawOptions()
    stage = Stages(progress)
    with stage("read"):
        profile = Profile.load(options.profile)
        if options.paper_mm is not None:
            profile = profile.with_paper(options.paper_mm)
        ink = load_ink_image(image)
        style = _style(ink, options)
        placement = _placement(ink, profile, options, style)
        planned, tolerances = apply_presets(profile, options.speed, options.quality)
        paper = DrawingScale(planned, placement, tolerances, ink, style)
    sketch = sketch_picture(paper, options, stage)
    with stage("path"):
        placed = place(sketch.gesture, placement, profile.paper.size_mm)
        path = with_pen_ramps(smooth(placed, paper.smoothing_mm), planned)
        path = with_travel_routed(path, planned)
    with stage("timing"):
        trajectory = parametrise(path, planned, tolerances.chord_mm)
    with stage("compile"):
        header = (
            f"strokebot {__version__}",
            f"picture {printable(image.name)}",
            f"profile {profile.machine.name}",
            f"method {sketch.method}",
            f"weights {sketch.weights_sha256 or 'none'}",
        )
        program = compile_program(trajectory, planned, header, tolerances.chord_mm)
        preflight.require(program, profile.machine)
        gcode = dialect_of(profile.machine.dialect).encode(program, profile.machine)
    return Plan(
        printable(image.name), options, profile, planned, ink, sketch, paper, path, trajectory, program,
        tuple(gcode), stage.seconds,
    )  # fmt: skip


def rehearse(plan: Plan, progress: Progress | None = None) -> DrawResult:
    """Draws a plan on the virtual machine, in virtual time, and compares the ink with the picture.

    Raises:
        BridgeError: if the virtual machine refuses the program.
    """
    stage = Stages(progress, plan.compute_s)
    with stage("simulate"):
        simulator = dialect_of(plan.profile.machine.dialect).manners.simulator
        with open_device(plan.profile.machine, f"sim://{simulator}") as device:
            stream = device.run(plan.program, encoded=plan.gcode)
            transport = device.transport
        if not isinstance(transport, SimulatedTransport):  # the registry could say otherwise
            raise PortError(f"{transport.name} keeps no record of what it drew: use a sim:// port.")
        trace = Trace.recorded(transport.recording(), plan.profile)
    with stage("fidelity"):
        drawn = trace.ink(plan.placement, (plan.ink.height, plan.ink.width))
        fidelity = raster.fidelity(plan.target, drawn)
        if plan.sketch.tone is not None:
            fidelity["tone_correlation"] = raster.tone_correlation(plan.target, drawn, plan.paper.pen_px[1])
    return DrawResult(plan, trace, drawn, fidelity, stream, compute_s=stage.seconds)


def perform(
    result: DrawResult,
    url: str | None = None,
    watch: Callable[[Device], Listener] | None = None,
    keep: KeepJournal | None = None,
    log: Path | None = None,
    reconnect_s: float = 0.0,
) -> DrawResult:
    """Draws a rehearsed plan on a machine.

    Args:
        result: the rehearsal.
        url: the port; None for the profile's.
        watch: makes, for the open device, what is called with progress, position and warnings
            while it draws; that may pause and cancel it.
        keep: begins the journal of the job, from which it can be resumed; None for none.
        log: a file that keeps all that passes; None for none.
        reconnect_s: how long to wait for a port that went away; see ``reconnect.draw_on``.

    Returns:
        The result with the machine's own stream counts and time.

    Raises:
        BridgeError: if the port or the machine fails; the pen is lifted before it is raised.
    """
    begin = time.perf_counter()
    stream = draw_on(
        result.plan.profile.machine,
        url,
        lambda device, listen, keeping: device.run(result.plan.program, listen, keeping),
        watch,
        keep=keep,
        log=log,
        wait_s=reconnect_s,
    )
    return replace(result, stream=stream, performed_s=time.perf_counter() - begin)


def _style(ink: InkImage, options: DrawOptions) -> StyleChoice:
    """Lines or tone, as the user says; a network or a tour that was asked for draws lines."""
    if options.style != "auto":
        return StyleChoice(options.style, f"The style '{options.style}' was asked for.", 0.0)
    if options.method != "auto":
        return StyleChoice("line", f"The method '{options.method}' draws lines.", 0.0)
    return choose_style(ink)


def _placement(ink: InkImage, profile: Profile, options: DrawOptions, style: StyleChoice) -> Placement:
    """Where the picture goes, and so large that the pen can draw its lines; areas are filled at any size."""
    width_px, share = line_width_px(ink.ink) if style.style == "line" else (0.0, 0.0)
    return choose_placement(
        (ink.width / ink.longer_side, ink.height / ink.longer_side),
        profile.paper.size_mm,
        options.fit_mm,
        options.at_mm,
        line_width=_WIDTH_MARGIN * width_px / ink.longer_side if share >= MOSTLY_LINES else None,
        widest_mm=profile.pen.max_width_mm,
        thinnest_mm=profile.pen.min_width_mm,
    )
