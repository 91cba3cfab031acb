"""The composition: image -> gesture -> path -> trajectory -> program -> drawn ink. No algorithms here.

    plan      everything up to the G-code, without touching a device
    rehearse  the plan on the virtual machine: what it will look like, how long it takes
    perform   the plan on the machine behind a port

``draw`` is a plan and its rehearsal, which is all that a drawing without a port needs.
Every stage is timed. torch is imported where a network is asked for, and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge import preflight
from firmware_bridge.device import StreamReport, open_device
from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import PortError
from firmware_bridge.events import Event
from firmware_bridge.program import Program
from firmware_bridge.transports.simulated import SimulatedTransport
from strokebot import __version__, raster
from strokebot.errors import ImageError, WeightsError
from strokebot.gesture import Gesture
from strokebot.image import InkImage, load_ink_image
from strokebot.joining import JoinMode, join_page
from strokebot.method import choose_method
from strokebot.page import Glyphs, find_glyphs, on_page
from strokebot.parts import line_width
from strokebot.tour import tour_gesture
from strokebot.trace import Trace
from strokebot.trajectory.compile import compile_program
from strokebot.trajectory.path import Path as DrawingPath
from strokebot.trajectory.place import Placement, choose_placement, place
from strokebot.trajectory.smooth import DEFAULT_TOLERANCE_MM, smooth
from strokebot.trajectory.timing import parametrise
from strokebot.trajectory.trajectory import Trajectory

MethodOption = Literal["auto", "model", "tour"]
# Called with the stage that begins now.
Progress = Callable[[str], None]

# Half a pixel takes the steps of the pixel grid out of a line, and no shape.
_SMOOTH_PX = 0.5


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """What the user may choose.

    Attributes:
        method: who draws: the network ("model"), the skeleton ("tour"), or whoever suits ("auto").
        profile: name or path of a profile; None for the default.
        paper_mm: sheet in place of the profile's.
        fit_mm: box that the picture fills; None for a size of its own.
        at_mm: paper position of the picture's lower left corner; None for the middle.
        polish: whether the network's gestures are fitted to their images.
        polish_steps: gradient steps of the polish; None for its default.
        weights: weights file; None for the shipped one.
        seed: of everything random.
        join: whether the joins between the letters of a word are drawn ("ink") or travelled ("lift").
    """

    method: MethodOption = "auto"
    profile: str | None = None
    paper_mm: tuple[float, float] | None = None
    fit_mm: tuple[float, float] | None = None
    at_mm: tuple[float, float] | None = None
    polish: bool = True
    polish_steps: int | None = None
    weights: Path | None = None
    seed: int = 0
    join: JoinMode = "lift"


@dataclass(frozen=True, eq=False)
class Sketch:
    """A gesture and how it came about.

    Attributes:
        gesture: canvas units of the picture.
        method: who drew it.
        reason: why that one, one sentence.
        parts: connected parts of the picture.
        weights_sha256: of the network's weights, or None without a network.
        polished: whether the network's gestures were fitted to their images.
        join: how its letters were joined, or None where the tour drew the picture as a whole.
    """

    gesture: Gesture
    method: Literal["model", "tour"]
    reason: str
    parts: int
    weights_sha256: str | None = None
    polished: bool = False
    join: JoinMode | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything about a drawing before a machine moves.

    Attributes:
        name: file name of the picture.
        options: what was asked for.
        profile: machine, pen and the paper used.
        ink: the picture.
        sketch: the gesture and its origin.
        placement: where the picture lies on the paper.
        path: the smoothed path, paper mm.
        trajectory: the timed path.
        program: the machine's moves.
        gcode: the same as G-code lines.
        compute_s: seconds of each stage, in order.
    """

    name: str
    options: DrawOptions
    profile: Profile
    ink: InkImage
    sketch: Sketch
    placement: Placement
    path: DrawingPath
    trajectory: Trajectory
    program: Program
    gcode: tuple[str, ...]
    compute_s: dict[str, float]


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


class _Stages:
    """Times the stages and announces them."""

    def __init__(self, progress: Progress | None, before: dict[str, float] | None = None) -> None:
        self.seconds: dict[str, float] = dict(before or {})
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        if self._progress is not None:
            self._progress(name)
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin


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
    stage = _Stages(progress)
    with stage("read"):
        profile = Profile.load(options.profile)
        if options.paper_mm is not None:
            profile = profile.with_paper(options.paper_mm)
        ink = load_ink_image(image)
    with stage("gesture"):
        glyphs = find_glyphs(ink)
    sketch = _sketch(ink, glyphs, options, stage)
    with stage("path"):
        canvas = (ink.width / ink.longer_side, ink.height / ink.longer_side)
        placement = choose_placement(
            canvas,
            profile.paper.size_mm,
            options.fit_mm,
            options.at_mm,
            line_width=line_width(ink.ink) / ink.longer_side,
            widest_mm=profile.pen.max_width_mm,
        )
        placed = place(sketch.gesture, placement, profile.paper.size_mm)
        pixel_mm = placement.scale_mm / ink.longer_side
        path = smooth(placed, max(DEFAULT_TOLERANCE_MM, _SMOOTH_PX * pixel_mm))
    with stage("timing"):
        trajectory = parametrise(path, profile)
    with stage("compile"):
        header = (
            f"strokebot {__version__}",
            f"picture {image.name}",
            f"profile {profile.machine.name}",
            f"method {sketch.method}",
            f"weights {sketch.weights_sha256 or 'none'}",
        )
        program = compile_program(trajectory, profile, header)
        preflight.require(program, profile.machine)
        gcode = dialect_of(profile.machine.dialect).encode(program, profile.machine)
    return Plan(
        image.name, options, profile, ink, sketch, placement, path, trajectory, program, tuple(gcode),
        stage.seconds,
    )  # fmt: skip


def rehearse(plan: Plan, progress: Progress | None = None) -> DrawResult:
    """Draws a plan on the virtual machine, in virtual time, and compares the ink with the picture.

    Raises:
        BridgeError: if the virtual machine refuses the program.
    """
    stage = _Stages(progress, plan.compute_s)
    with stage("simulate"):
        with open_device(plan.profile.machine, f"sim://{plan.profile.machine.dialect}") as device:
            stream = device.run(plan.program)
            transport = device.transport
        if not isinstance(transport, SimulatedTransport):  # the registry could say otherwise
            raise PortError(f"{transport.name} keeps no record of what it drew: use sim://grbl.")
        trace = Trace.recorded(transport.recording(), plan.profile)
    with stage("fidelity"):
        drawn = trace.ink(plan.placement, (plan.ink.height, plan.ink.width))
        fidelity = raster.fidelity(plan.ink.ink, drawn)
    return DrawResult(plan, trace, drawn, fidelity, stream, compute_s=stage.seconds)


def perform(
    result: DrawResult, url: str | None = None, on_event: Callable[[Event], None] | None = None
) -> DrawResult:
    """Draws a rehearsed plan on a machine.

    Args:
        result: the rehearsal.
        url: the port; None for the profile's.
        on_event: called with progress, position and warnings while the machine draws.

    Returns:
        The result with the machine's own stream counts and time.

    Raises:
        BridgeError: if the port or the machine fails; the pen is lifted before it is raised.
    """
    begin = time.perf_counter()
    with open_device(result.plan.profile.machine, url) as device:
        stream = device.run(result.plan.program, on_event)
    return replace(result, stream=stream, performed_s=time.perf_counter() - begin)


def _sketch(ink: InkImage, glyphs: Glyphs, options: DrawOptions, stage: _Stages) -> Sketch:
    """Finds the gesture by the method asked for, or by the one that suits the picture."""
    if options.method == "tour":
        with stage("gesture"):
            return Sketch(tour_gesture(ink), "tour", "The tour was asked for.", glyphs.parts)
    if options.method == "model":
        every = replace(glyphs, is_glyph=np.ones(len(glyphs), dtype=bool))
        return _sketch_by_model(ink, every, "The network was asked for.", options, stage)
    choice = choose_method(ink, glyphs)
    reason = choice.reason
    if choice.method == "model":
        try:
            return _sketch_by_model(ink, glyphs, reason, options, stage)
        except WeightsError as error:
            if options.weights is not None:
                raise
            reason = f"{reason} The network cannot be used: {error}"
    with stage("gesture"):
        return Sketch(tour_gesture(ink), "tour", reason, glyphs.parts)


def _sketch_by_model(
    ink: InkImage, glyphs: Glyphs, reason: str, options: DrawOptions, stage: _Stages
) -> Sketch:
    """The network draws the characters, the tour what is none, and all are joined."""
    with stage("load network"):
        import torch

        from strokebot.model.predictor import load_predictor

        torch.manual_seed(options.seed)
        # Sums in another order end in other last digits: one thread gives the same gesture on every
        # machine, and for the few glyphs of a picture it is faster than two.
        torch.set_num_threads(1)
        predictor = load_predictor(options.weights)
    characters = np.flatnonzero(glyphs.is_glyph)
    if len(characters) == 0:
        raise ImageError("The picture holds no character for the network: use --method tour.")
    images = glyphs.images[characters]
    with stage("gesture"):
        drawn = predictor.gestures(images)
    if options.polish:
        with stage("polish"):
            from strokebot.polish import polish_glyphs

            limit = {} if options.polish_steps is None else {"iterations": options.polish_steps}
            drawn = polish_glyphs(images, drawn, predictor.softness_px, **limit)
    with stage("gesture"):
        by_glyph = dict(zip(characters.tolist(), drawn, strict=True))
        every = [
            by_glyph[k] if k in by_glyph else tour_gesture(glyphs.ink_of(k, ink)) for k in range(len(glyphs))
        ]
        placed = on_page(every, glyphs, ink)
        gesture = join_page(placed, glyphs.box_px / ink.longer_side, glyphs.line, options.join)
    return Sketch(
        gesture, "model", reason, glyphs.parts, predictor.weights_hash, options.polish, options.join
    )
