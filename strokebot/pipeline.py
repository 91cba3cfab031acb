"""The composition: image -> gesture -> path -> trajectory -> program -> drawn ink. No algorithms here.

    Session   keeps what was planned; after a change only what depends on it is planned again
    plan      everything up to the G-code, without touching a device
    draw      a plan and its rehearsal on the virtual machine: all that a drawing without a port needs
    perform   the plan on the machine behind a port

``TABLE`` holds the stages in order. What a stage depends on are the names of its parameters: options
(``DrawOptions``), ``picture``, ``default_profile``, or earlier stages; ``strokebot.stages`` does the rest.
Every stage is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from operator import eq, is_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge.checks import preflight
from firmware_bridge.dialects import dialect_of
from firmware_bridge.program import Program
from firmware_bridge.simulator import simulate_lines
from firmware_bridge.stream.streamer import StreamReport
from strokebot import __version__, raster
from strokebot import sketch as sketching
from strokebot.errors import PlacementError
from strokebot.fill.drawable import drawable_ink, too_thin_share
from strokebot.fill.widths import MOSTLY_LINES, line_width_px
from strokebot.modes import AreaMode, InkSide, Method, Quality, Speed, StyleWord, Turn
from strokebot.options import OPTION_NAMES, DrawOptions
from strokebot.picture.image import InkImage, load_ink_image
from strokebot.picture.see import SeeOptions
from strokebot.sketch import Sketch
from strokebot.stages import Kept, Pass, Progress, Stage, Stages, Stop
from strokebot.tone import StyleChoice, choose_style
from strokebot.trace import Trace
from strokebot.trajectory.compile.compile import approach_time_s, compile_program
from strokebot.trajectory.path.path import Path as DrawingPath
from strokebot.trajectory.path.pen_ramp import with_pen_ramps
from strokebot.trajectory.path.place import Placement, choose_placement, place
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.path.travel_routing import with_travel_routed
from strokebot.trajectory.timing.outlook import Outlook, outlook
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.presets import Tolerances, apply_presets
from strokebot.trajectory.timing.trajectory import Trajectory
from strokebot.wording import duration_text, length_text, printable

if TYPE_CHECKING:
    from firmware_bridge.job.device import Device, KeepJournal
    from firmware_bridge.stream.link import Listener

# Lines are drawn so large that one this much wider than most still fits the pen: a line a little too
# wide would be clipped, or drawn in two passes.
_WIDTH_MARGIN = 1.15

# What begins a line that a machine need not read.
_COMMENT = ";"

__all__ = ["DrawOptions", "DrawResult", "Plan", "Progress", "Session", "Sketch", "draw", "perform", "plan"]


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything about a drawing before a machine moves.

    Attributes:
        name: file name of the picture.
        options: what was asked for.
        profile: machine, pen and the paper used.
        planned_with: the same with the limits that speed and quality leave.
        ink: the picture: what is drawn of it.
        too_thin: share of its lines' length that is clearly thinner than the pen.
        style: lines or tone, and why.
        sketch: the gesture and its origin.
        placement: where the picture lies on the paper.
        pixel_mm: side of a pixel of the picture on the paper.
        path: the smoothed path, paper mm.
        trajectory: the timed path.
        program: the machine's moves.
        gcode: the same as G-code lines.
        compute_s: seconds of what was planned now, in order.
    """

    name: str
    options: DrawOptions
    profile: Profile
    planned_with: Profile
    ink: InkImage
    too_thin: float
    style: StyleChoice
    sketch: Sketch
    placement: Placement
    pixel_mm: float
    path: DrawingPath
    trajectory: Trajectory
    program: Program
    gcode: tuple[str, ...]
    compute_s: dict[str, float]

    @property
    def pen_px(self) -> tuple[float, float]:
        """Thinnest and widest line of the pen, px of the picture."""
        return _pen_px(self.profile, self.pixel_mm)

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the picture on the paper."""
        return self.ink.width * self.pixel_mm, self.ink.height * self.pixel_mm

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
        performed_s: how long the real machine drew; None if none has drawn.
        compute_s: seconds of what was done now, in order.
    """

    plan: Plan
    trace: Trace
    drawn: NDArray[np.float32]
    fidelity: dict[str, float]
    stream: StreamReport
    performed_s: float | None = None
    compute_s: dict[str, float] = field(default_factory=dict)


class Session:
    """Plans drawings of one picture after the other, and keeps what stays the same.

    After a change of one option only the stages behind it run again; the result is that of a plan made
    anew, byte for byte. For one thread at a time. A picture that changes on the disk is read again;
    profiles and weights are read once for each name.
    """

    def __init__(self, profile: Profile | None = None, keep: bool = True) -> None:
        """Begins with nothing planned.

        Args:
            profile: used where the options name none; None for the default one.
            keep: False to free each result as soon as nothing of the same drawing needs it.
        """
        self._profile = profile
        self._kept = Kept(TABLE, forget=not keep)
        self._last = Pass()

    @property
    def ran(self) -> tuple[str, ...]:
        """Names of the stages that the last call ran, in order."""
        return tuple(self._last.ran)

    def plan(
        self,
        image: Path,
        options: DrawOptions | None = None,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> Plan:
        """Does everything up to the G-code that is not done yet.

        Args:
            image: a picture file.
            options: what the user chose; None for the defaults.
            progress: called with what is done now and the share of all work that is done.
            stop: asked between steps; True ends the work.

        Raises:
            PlanningStopped: if ``stop`` said so; what was finished is kept.
            PreflightError: if the program must not be started on this machine.
            StrokebotError: what is wrong with the picture, the options, the profile or the weights.
        """
        return self._plan(image, options or DrawOptions(), _PLANNED, progress, stop)[0]

    def draw(
        self,
        image: Path,
        options: DrawOptions | None = None,
        progress: Progress | None = None,
        stop: Stop | None = None,
        foretell: Callable[[Outlook], None] | None = None,
    ) -> DrawResult:
        """Plans as ``plan`` does, draws it on the virtual machine and compares the ink with the picture.

        Args:
            image: as for ``plan``, and so are ``options``, ``progress`` and ``stop``.
            options: see there.
            progress: see there.
            stop: see there.
            foretell: is told what the drawing will come to, before the work that takes long for a long one.

        Raises:
            BridgeError: if the virtual machine refuses the program.
            StrokebotError: see ``plan``.
        """
        plan, values = self._plan(image, options or DrawOptions(), _REHEARSED, progress, stop, foretell)
        trace, stream = values["rehearsal"]
        return DrawResult(plan, trace, values["drawn"], values["fidelity"], stream, compute_s=plan.compute_s)

    def _plan(
        self,
        image: Path,
        options: DrawOptions,
        wanted: tuple[str, ...],
        progress: Progress | None,
        stop: Stop | None,
        foretell: Callable[[Outlook], None] | None = None,
    ) -> tuple[Plan, dict[str, Any]]:
        def seen(name: str, value: Any) -> None:
            if name == "outlook" and foretell is not None:
                foretell(value)

        given: dict[str, Hashable] = {name: getattr(options, name) for name in OPTION_NAMES}
        given |= {"picture": PictureFile.of(image), "default_profile": self._profile}
        values, self._last = self._kept.values(wanted, given, progress, stop, seen)
        plan = Plan(
            printable(image.name),
            options,
            values["used_profile"],
            values["planned_profile"],
            values["ink"],
            values["too_thin"],
            values["style_choice"],
            values["sketch"],
            values["placement"],
            values["pixel_mm"],
            values["path"],
            values["trajectory"],
            values["program"],
            values["gcode"],
            dict(self._last.seconds),
        )
        return plan, values


def draw(
    image: Path,
    options: DrawOptions | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
    foretell: Callable[[Outlook], None] | None = None,
) -> DrawResult:
    """Plans one drawing and draws it on the virtual machine; see ``Session.draw``."""
    return Session(keep=False).draw(image, options, progress, stop, foretell)


def plan(
    image: Path,
    options: DrawOptions | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Plan:
    """Plans one drawing up to the G-code; see ``Session.plan``."""
    return Session(keep=False).plan(image, options, progress, stop)


def perform(
    result: DrawResult,
    url: str | None = None,
    watch: Callable[[Device], Listener] | None = None,
    keep: KeepJournal | None = None,
    log: Path | None = None,
    reconnect_s: float = 0.0,
    ready: Callable[[Device], None] | None = None,
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
        ready: brings the machine into the state that is wanted; see there.

    Returns:
        The result with the machine's own stream counts and time.

    Raises:
        ProfileError: if the profile was measured on virtual paper, and the port is a real one.
        BridgeError: if the port or the machine fails; the pen is lifted before it is raised.
    """
    if not (url or result.plan.profile.machine.url).startswith("sim://"):
        result.plan.profile.require_real()
    from firmware_bridge.job.reconnect import draw_on  # what a drawing without a port does without

    stream = draw_on(
        result.plan.profile.machine,
        url,
        lambda device, listen, keeping: device.run(result.plan.program, listen, keeping),
        watch,
        keep=keep,
        log=log,
        wait_s=reconnect_s,
        ready=ready,
    )
    return replace(result, stream=stream, performed_s=stream.duration_s)


# -- the stages -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture on the disk, as it was when it was looked at.

    Attributes:
        path: where it lies.
        modified_ns: when it was changed last; None if it is not there.
        size_bytes: its size.
    """

    path: Path
    modified_ns: int | None
    size_bytes: int

    @classmethod
    def of(cls, path: Path) -> PictureFile:
        """Looks at a file."""
        path = Path(path)
        try:
            found = path.stat()
        except (OSError, ValueError):  # reading it will say what is wrong
            return cls(path, None, 0)
        return cls(path, found.st_mtime_ns, found.st_size)


def _used_profile(
    profile: str | None, default_profile: Profile | None, paper_mm: tuple[float, float] | None
) -> Profile:
    """Machine, pen and the paper used."""
    loaded = default_profile if profile is None and default_profile is not None else Profile.load(profile)
    return loaded if paper_mm is None else loaded.with_paper(paper_mm)


def _seen(
    picture: PictureFile,
    rotate_deg: Turn,
    crop: tuple[int, int, int, int] | None,
    ink_side: InkSide,
    threshold: float | None,
    keep_rules: bool,
    keep_perspective: bool,
) -> InkImage:
    """What is in the picture: its ink, and what was told from it."""
    options = SeeOptions(ink_side, threshold, keep_rules, keep_perspective)
    return load_ink_image(picture.path, options=options, crop_px=crop).turned(rotate_deg)


def _ink(
    seen: InkImage,
    style_choice: StyleChoice,
    pixel_mm: float,
    pen_px: tuple[float, float],
    area_mode: AreaMode,
    despeckle_mm: float,
) -> InkImage:
    """What is drawn of it, now that its size is known."""
    if style_choice.style == "tone":
        return seen
    return drawable_ink(seen, pen_px, area_mode, despeckle_mm / pixel_mm)


def _too_thin(ink: InkImage, style_choice: StyleChoice, pen_px: tuple[float, float]) -> float:
    """Share of the line's length that is clearly thinner than the pen."""
    return 0.0 if style_choice.style == "tone" else too_thin_share(ink.ink, pen_px[0])


def _style_choice(seen: InkImage, style: StyleWord, method: Method) -> StyleChoice:
    """Lines or tone, as the user says; a network or a tour that was asked for draws lines."""
    if style != "auto":
        return StyleChoice(style, f"The style '{style}' was asked for.", 0.0)
    if method != "auto":
        return StyleChoice("line", f"The method '{method}' draws lines.", 0.0)
    return choose_style(seen)


def _line_width(seen: InkImage, style_choice: StyleChoice) -> float | None:
    """Width of the picture's lines, canvas units, with some room; None where it is not mostly lines."""
    if style_choice.style == "tone":
        return None
    width_px, share = line_width_px(seen.ink)
    return _WIDTH_MARGIN * width_px / seen.longer_side if share >= MOSTLY_LINES else None


def _placement(
    seen: InkImage,
    used_profile: Profile,
    fit_mm: tuple[float, float] | None,
    at_mm: tuple[float, float] | None,
    margin_mm: float,
    scale: float | None,
    line_width: float | None = None,
) -> Placement:
    """Where the picture goes, and how large it is drawn."""
    return choose_placement(
        (seen.width / seen.longer_side, seen.height / seen.longer_side),
        used_profile.paper.size_mm,
        _true_size_mm(seen, scale, fit_mm),
        at_mm,
        margin_mm,
        line_width=line_width,
        widest_mm=used_profile.pen.max_width_mm,
        thinnest_mm=used_profile.pen.min_width_mm,
        pixels=seen.longer_side,
    )


def _true_size_mm(
    seen: InkImage, scale: float | None, fit_mm: tuple[float, float] | None
) -> tuple[float, float] | None:
    """The box of the drawing: that of --fit, or the file's true size times --scale; None for neither.

    Raises:
        PlacementError: for both, or if the file does not state its resolution.
    """
    if scale is None:
        return fit_mm
    if fit_mm is not None:
        raise PlacementError("--scale and --fit both say how large to draw: give one of them.")
    if seen.px_per_mm is None:
        raise PlacementError(
            "The file does not state its resolution, so its true size is unknown: give --fit WxH in mm."
        )
    factor = scale / seen.px_per_mm
    return seen.width * factor, seen.height * factor


def _pixel_mm(placement: Placement, seen: InkImage) -> float:
    """Side of a pixel on the paper."""
    return placement.scale_mm / seen.longer_side


def _pen_px(used_profile: Profile, pixel_mm: float) -> tuple[float, float]:
    """Thinnest and widest line of the pen, px of the picture."""
    return used_profile.pen.min_width_mm / pixel_mm, used_profile.pen.max_width_mm / pixel_mm


def _planned_profile(used_profile: Profile, speed: Speed, quality: Quality) -> Profile:
    return apply_presets(used_profile, speed, quality)[0]


def _tolerances(used_profile: Profile, speed: Speed, quality: Quality) -> Tolerances:
    return apply_presets(used_profile, speed, quality)[1]


def _smoothing_mm(style_choice: StyleChoice, tolerances: Tolerances, pixel_mm: float) -> float:
    """How far the smoothed line may leave the gesture."""
    # The ripple of a tone drawing is finer than the pixels of a small photo.
    return tolerances.smoothing_mm(0.0 if style_choice.style == "tone" else pixel_mm)


def _finest(tolerances: Tolerances, placement: Placement) -> float:
    """Distance under which a point of a gesture changes nothing that is drawn, canvas units."""
    return tolerances.chord_mm / placement.scale_mm


def _outlook(sketch: Sketch, placement: Placement, planned_profile: Profile) -> Outlook:
    """What the drawing will come to, as soon as its gesture is known."""
    return outlook(sketch.gesture, placement.scale_mm, planned_profile)


def _path(
    sketch: Sketch,
    placement: Placement,
    used_profile: Profile,
    planned_profile: Profile,
    smoothing_mm: float,
) -> DrawingPath:
    placed = place(sketch.gesture, placement, used_profile.paper.size_mm)
    path = with_pen_ramps(smooth(placed, smoothing_mm), planned_profile)
    return with_travel_routed(path, planned_profile)


def _trajectory(path: DrawingPath, planned_profile: Profile, tolerances: Tolerances) -> Trajectory:
    return parametrise(path, planned_profile, tolerances.chord_mm)


def _program(
    trajectory: Trajectory,
    planned_profile: Profile,
    used_profile: Profile,
    tolerances: Tolerances,
    picture: PictureFile,
    sketch: Sketch,
) -> Program:
    header = (
        f"strokebot {__version__}",
        f"picture {printable(picture.path.name)}",
        f"profile {used_profile.machine.name}",
        f"method {sketch.method}",
        f"weights {sketch.weights_sha256 or 'none'}",
    )
    program = compile_program(trajectory, planned_profile, header, tolerances.chord_mm)
    program = replace(program, header=(*header, *_extent(program, trajectory, planned_profile)))
    preflight.require(program, used_profile.machine)
    return program


def _extent(program: Program, trajectory: Trajectory, profile: Profile) -> tuple[str, str, str]:
    """How far the moves lead, and how long they take: the words of the header for whoever sends the file."""
    places = np.array([(move.x_mm, move.y_mm, move.pen) for move in program.moves])
    (left, low, least), (right, high, most) = places.min(axis=0), places.max(axis=0)
    duration_s = approach_time_s(trajectory, profile) + trajectory.duration_s
    return (
        f"bounds x {left:.1f} to {right:.1f} mm, y {low:.1f} to {high:.1f} mm, pen {least:g} to {most:g}",
        f"line {length_text(trajectory.drawn_mm)}",
        f"time {duration_text(duration_s)}",
    )


def _gcode(program: Program, used_profile: Profile) -> tuple[str, ...]:
    return tuple(dialect_of(used_profile.machine.dialect).encode(program, used_profile.machine))


def _rehearsal(gcode: tuple[str, ...], used_profile: Profile) -> tuple[Trace, StreamReport]:
    """The drawing on the virtual machine, in virtual time; nothing between it and the lines."""
    lines = [line for line in gcode if not line.startswith(_COMMENT)]
    trace = Trace.recorded(simulate_lines(lines, used_profile.machine), used_profile)
    sent = sum(len(line) + 1 for line in lines)
    return trace, StreamReport(len(lines), sent, len(lines), 0, 0, trace.duration_s)


def _drawn(rehearsal: tuple[Trace, StreamReport], placement: Placement, ink: InkImage) -> NDArray[np.float32]:
    return rehearsal[0].ink(placement, (ink.height, ink.width))


def _fidelity(
    drawn: NDArray[np.float32], ink: InkImage, sketch: Sketch, pen_px: tuple[float, float]
) -> dict[str, float]:
    """The drawn ink against the picture."""
    if sketch.tone is None:
        return raster.fidelity(ink.ink, drawn)
    correlation = raster.tone_correlation(ink.tone, drawn, pen_px[1])
    return {**raster.fidelity(ink.tone, drawn), "tone_correlation": correlation}


# What a stage is called where a person reads it, and its usual share of the time.
TABLE = Stages(
    {*OPTION_NAMES, "picture", "default_profile"},
    {
        "used_profile": Stage(_used_profile, "read", same=eq),
        "seen": Stage(_seen, "read", 3),
        "style_choice": Stage(_style_choice, "read", 2, same=eq),
        "line_width": Stage(_line_width, "read", 3, same=eq),
        "placement": Stage(_placement, "read", same=eq),
        "pixel_mm": Stage(_pixel_mm, "read", same=eq),
        "pen_px": Stage(_pen_px, "read", same=eq),
        "ink": Stage(_ink, "read", 1, same=is_),
        "too_thin": Stage(_too_thin, "read", 1, same=eq),
        "planned_profile": Stage(_planned_profile, "read", same=eq),
        "tolerances": Stage(_tolerances, "read", same=eq),
        "smoothing_mm": Stage(_smoothing_mm, "read", same=eq),
        "finest": Stage(_finest, "read", same=eq),
        # Tone.
        "tone_pen_px": Stage(sketching.find_tone_pen, "gesture", same=eq),
        "tone": Stage(sketching.draw_tone, "gesture", 20),
        # Who draws lines.
        "artists": Stage(sketching.find_artists, "gesture", 4),
        "network_wanted": Stage(sketching.network_wanted, "gesture", same=eq),
        "predictor": Stage(sketching.find_predictor, "load network", 10),
        # The tour.
        "toured_ink": Stage(sketching.find_toured_ink, "gesture", same=is_),
        "costs": Stage(sketching.tour_costs, "gesture", same=eq),
        "area_share": Stage(sketching.find_area_share, "gesture", 2, same=eq),
        "skeleton": Stage(sketching.tour_skeleton, "gesture", 10),
        "areas": Stage(sketching.tour_areas, "gesture", 15),
        "lines": Stage(sketching.tour_lines, "gesture", 5),
        # The hand: which way its networks would go along these lines.
        "hand_wanted": Stage(sketching.hand_wanted, "gesture", same=eq),
        "policy": Stage(sketching.find_policy, "load network", 2),
        "hand_drawings": Stage(sketching.draw_hand, "gesture", 20),
        "guide": Stage(sketching.find_guide, "gesture"),
        "tour": Stage(sketching.walk_tour, "gesture", 5, same=sketching.same_tour),
        "tour_fit": Stage(sketching.fit_tour, "polish", 15),
        "tour_candidate": Stage(sketching.finish_tour, "polish", 1),
        # The network.
        "drawn_characters": Stage(sketching.draw_characters, "gesture", 1),
        "fitted_characters": Stage(sketching.fit_characters, "polish", 10),
        "page": Stage(sketching.join_characters, "gesture", 1, same=sketching.same_gesture),
        "page_fit": Stage(sketching.fit_page, "polish", 10),
        "page_candidate": Stage(sketching.finish_page, "polish", 1),
        # The drawing.
        "sketch": Stage(sketching.choose_sketch, "compare", 1),
        "outlook": Stage(_outlook, "compare"),
        "path": Stage(_path, "path", 5),
        "trajectory": Stage(_trajectory, "timing", 5),
        "program": Stage(_program, "compile", 5),
        "gcode": Stage(_gcode, "compile", 2),
        "rehearsal": Stage(_rehearsal, "simulate", 10),
        "drawn": Stage(_drawn, "fidelity", 4),
        "fidelity": Stage(_fidelity, "fidelity", 4),
    },
)

_PLANNED = (
    "used_profile", "planned_profile", "ink", "too_thin", "style_choice", "sketch", "outlook", "placement",
    "pixel_mm",
    "path", "trajectory", "program", "gcode",
)  # fmt: skip
_REHEARSED = (*_PLANNED, "rehearsal", "drawn", "fidelity")
