"""One picture drawn by every way, and measured: the work behind ``benchmarks.pictures``.

strokebot goes the whole way (``pipeline.draw`` with its default settings); what is judged is its
smoothed path, changed back to pixels, with the widths that it asks of the pen, and apart from it
the ink that the virtual machine left. The other ways get the same ink and are judged alike.
Filled shapes are drawn, by every way, with a pen of ``FILL_PEN_MM`` and as large as A5 allows: widths
that the pen cannot draw are cut.

The time of the plain tour is that of the same smoothing and timing, at the same scale, on the
same machine. Its widths change from pixel to pixel, and a pen on a slow axis waits for them, so
it is timed once more with one width for the whole picture: what is left is the way alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.line_metrics import Drawing, Score, Target, drawing_of, iou, score
from benchmarks.picture_set import Picture
from benchmarks.rivals import Rival, line_width_px
from calibration.profile import Profile
from strokebot import pipeline, raster
from strokebot.errors import StrokebotError
from strokebot.modes import MARGIN_MM
from strokebot.picture.image import load_ink_image
from strokebot.picture.parts import ink_mask
from strokebot.trajectory.path.path import Path as DrawingPath
from strokebot.trajectory.path.place import PAPERS_MM
from strokebot.trajectory.path.smooth import DEFAULT_TOLERANCE_MM, smooth
from strokebot.trajectory.timing.parametrise import parametrise

FILL_PEN_MM = (0.3, 1.0)
_A5_MM = PAPERS_MM["A5"]
FILL_BOX_MM = (_A5_MM[0] - 2 * MARGIN_MM, _A5_MM[1] - 2 * MARGIN_MM)
# Line art of thinner lines counts as hairlines, px.
HAIRLINE_PX = 2.5
# Half a pixel of smoothing takes the steps of the pixel grid out of a line: as in the pipeline.
_SMOOTH_PX = 0.5
_NAN = float("nan")
# A way that failed has this score.
FAILED = Score(0.0, 0.0, 0.0, 0.0, 0, 0.0)


@dataclass(frozen=True, eq=False)
class Outcome:
    """One picture by one way.

    Attributes:
        drawing: what was drawn, or None if the way failed.
        score: its measures.
        ink: (H, W) what the drawing leaves; of a photo, what the virtual machine drew.
        compute_s: seconds that it took.
        machine_s: seconds on the machine; NaN where it was not timed.
        one_width_s: the same with one line width throughout.
        error: why there is no drawing, or "".
    """

    drawing: Drawing | None
    score: Score
    ink: NDArray[np.float32]
    compute_s: float
    machine_s: float = _NAN
    one_width_s: float = _NAN
    error: str = ""


@dataclass(frozen=True, eq=False)
class Result:
    """One picture by every way.

    Attributes:
        picture: the picture, its kind corrected for hairlines.
        ink: (H, W) its ink; of a photo, or where no ink was found, its darkness.
        ways: key of the way ("" is strokebot) to the outcome.
        machine_iou: of the virtual machine's ink; NaN without a drawing.
        tone: correlation with a photo's darkness; NaN for other kinds.
        method: who drew, as the report says.
    """

    picture: Picture
    ink: NDArray[np.float32]
    ways: dict[str, Outcome]
    machine_iou: float
    tone: float
    method: str


def fill_profile(folder: Path) -> Path:
    """The default profile with the pen and the paper of the filled shapes, as a file."""
    profile = Profile.load(None)
    widths = np.asarray(profile.pen.widths_mm, dtype=np.float64)
    low, high = FILL_PEN_MM
    scaled = low + (high - low) * (widths - widths.min()) / np.ptp(widths)
    pen = replace(profile.pen, widths_mm=tuple(scaled.tolist()))
    path = folder / "fill.toml"
    path.write_text(replace(profile, pen=pen).with_paper(_A5_MM).to_toml(), encoding="utf-8")
    return path


def run(picture: Picture, rivals: Sequence[Rival], folder: Path) -> Result:
    """Draws a picture by strokebot and by the rivals."""
    file = picture.saved(folder)
    try:
        ink = load_ink_image(file).ink
    except StrokebotError as error:
        dark = _darkness(file).astype(np.float32)
        return Result(picture, dark, {"": _failed(dark.shape, str(error))}, _NAN, _NAN, "refused")
    target = Target.of(ink)
    if picture.kind == "lineart" and line_width_px(target.mask, target.skeleton) < HAIRLINE_PX:
        picture = replace(picture, kind="hairline")
    filled = picture.kind == "clipart"

    def judged(drawing: Drawing, took: float, machine_s: float = _NAN) -> Outcome:
        seen = drawing.clamped(*_pen_limits_px(ink.shape)) if filled else drawing
        return Outcome(seen, score(target, seen), seen.ink(ink.shape), took, machine_s)

    def timed(drawing: Drawing, outcome: Outcome, plan: pipeline.Plan) -> Outcome:
        even = drawing.clamped(drawing.width_px, drawing.width_px)
        return replace(
            outcome, machine_s=machine_time_s(drawing, plan), one_width_s=machine_time_s(even, plan)
        )

    options = pipeline.DrawOptions()
    if filled:
        options = pipeline.DrawOptions(profile=str(fill_profile(folder)), fit_mm=FILL_BOX_MM)
    ways: dict[str, Outcome] = {}
    drawn: pipeline.DrawResult | None = None
    machine_iou = tone = _NAN
    begin = time.perf_counter()
    try:
        drawn = pipeline.draw(file, options)
    except Exception as error:  # a crash is a result too: it counts 0 and is named
        kind = "" if isinstance(error, StrokebotError) else f"{type(error).__name__}: "
        ways[""] = _failed(ink.shape, kind + str(error))
    else:
        seconds = time.perf_counter() - begin
        ours = plan_drawing(drawn.plan)
        ways[""] = judged(ours, seconds, drawn.plan.trajectory.duration_s)
        # A lift that the report shows to be quicker than a retrace is none too many.
        seen = ways[""].score
        cheaper = drawn.plan.sketch.cheaper_lifts
        ways[""] = replace(ways[""], score=replace(seen, extra_lifts=seen.extra_lifts - cheaper))
        machine_iou = iou(target.mask, ink_mask(drawn.drawn))
        if picture.kind == "photo":
            tone = _tone(file, drawn)
            ways[""] = replace(ways[""], ink=drawn.drawn)
    for rival in () if picture.kind == "photo" else rivals:
        begin = time.perf_counter()
        drawing = rival.draw(target)
        took = time.perf_counter() - begin
        ways[rival.key] = judged(drawing, took)
        if rival.key == "tour" and drawn is not None:
            ways[rival.key] = timed(drawing, ways[rival.key], drawn.plan)
    shown = _darkness(file).astype(np.float32) if picture.kind == "photo" else ink
    return Result(picture, shown, ways, machine_iou, tone, drawn.plan.sketch.method if drawn else "failed")


def _failed(shape: tuple[int, ...], error: str) -> Outcome:
    return Outcome(None, FAILED, np.zeros(shape, dtype=np.float32), 0.0, error=error)


def _pen_limits_px(shape: tuple[int, ...]) -> tuple[float, float]:
    """Thinnest and widest line of the pen of the fills on a picture (H, W) in the box, px."""
    px_per_mm = max(shape[1] / FILL_BOX_MM[0], shape[0] / FILL_BOX_MM[1])
    return px_per_mm * FILL_PEN_MM[0], px_per_mm * FILL_PEN_MM[1]


def _darkness(file: Path) -> NDArray[np.float64]:
    """(H, W) in [0, 1] of a picture file, 1 = black."""
    return 1 - np.asarray(Image.open(file).convert("L"), dtype=np.float64) / 255


def _tone(file: Path, drawn: pipeline.DrawResult) -> float:
    """Correlation of a photo with what the virtual machine drew, blurred by two of the pen's widest lines."""
    return raster.tone_correlation(_darkness(file), drawn.drawn, drawn.plan.pen_px[1])


def plan_drawing(plan: pipeline.Plan) -> Drawing:
    """The smoothed path of a plan in pixels of its picture, with the widths that it asks for."""
    longer = plan.ink.longer_side
    path, scale = plan.path, longer / plan.placement.scale_mm
    xy_px = plan.placement.to_canvas(path.xy_mm) * longer
    return drawing_of(xy_px, path.width_mm * scale, path.intensity, path.pen_down)


def machine_time_s(drawing: Drawing, plan: pipeline.Plan) -> float:
    """Planned seconds of a drawing, placed, smoothed and timed as the plan was."""
    points, down = drawing.chained()
    longer = plan.ink.longer_side
    scale = plan.placement.scale_mm / longer
    xy = plan.placement.to_paper(points[:, :2] / longer)
    path = DrawingPath(xy, points[:, 2] * scale, np.clip(points[:, 3], 0, 1), down)
    smoothed = smooth(path, max(DEFAULT_TOLERANCE_MM, _SMOOTH_PX * scale))
    return parametrise(smoothed, plan.profile).duration_s
