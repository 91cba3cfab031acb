"""From a picture to the gesture that draws it: who draws, and what came of it.

Nouns:
    candidate   a gesture by one method, fitted to the picture
    sketch      the candidate that was chosen, and why

The network draws characters, the tour any line, the tone line photographs (``method.py`` and
``tone/detect.py`` decide). Where the network draws, the tour draws too: both are fitted to the
picture, and the closer one is taken, or of two equally close ones the one that is drawn
sooner. torch is imported where a network is asked for, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from calibration.profile import Profile
from strokebot.errors import ImageError, WeightsError
from strokebot.fill.widths import has_areas
from strokebot.geometry.polyline import simplify_gesture
from strokebot.gesture import Gesture
from strokebot.options import DrawOptions, Stages
from strokebot.picture.image import InkImage
from strokebot.picture.parts import find_parts
from strokebot.polish.refine import refine_gesture, score
from strokebot.tone import StyleChoice, ToneDrawing, tone_gesture
from strokebot.tour import plan_tour, tour_gesture
from strokebot.tour.postman import TourCosts
from strokebot.trajectory.path.place import Placement, place
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.presets import Tolerances
from strokebot.trajectory.timing.pressure import pen_move_time_s
from strokebot.writing.ligatures import JoinMode, join_page
from strokebot.writing.method import choose_method
from strokebot.writing.page import FIELD, Glyphs, find_glyphs, on_page

Method = Literal["model", "tour", "tone"]

# Overlaps with the picture that differ by less than this are equal: half of what the smoothing of
# the path changes.
_EQUAL_IOU = 0.005
# From this ink on a line counts as drawn with full ink.
_FULL_INK = 0.75


@dataclass(frozen=True, slots=True)
class Candidate:
    """A gesture by one method, fitted to the picture.

    Attributes:
        method: who drew it.
        gesture: canvas units of the picture.
        iou: its overlap with the picture, by the independent rasteriser.
        drawing_s: planned time of drawing it; None where it was not asked for.
    """

    method: Method
    gesture: Gesture
    iou: float
    drawing_s: float | None = None


@dataclass(frozen=True, eq=False)
class Sketch:
    """A gesture and how it came about.

    Attributes:
        gesture: canvas units of the picture.
        method: who drew it.
        reason: why that one, one sentence or two.
        parts: connected parts of the picture.
        weights_sha256: of the network's weights, or None where it did not draw.
        polished: whether the gesture was fitted to the picture.
        join: how its letters were joined, or None where the tour drew the picture as a whole.
        candidates: what was compared, in the order of trying.
        area_share: share of the ink that is wider than the pen.
        cheaper_lifts: lifts inside connected parts, each quicker than drawing a line again.
        tone: what the line of a tone drawing can show; None for a drawing of lines.
    """

    gesture: Gesture
    method: Method
    reason: str
    parts: int
    weights_sha256: str | None = None
    polished: bool = False
    join: JoinMode | None = None
    candidates: tuple[Candidate, ...] = ()
    area_share: float = 0.0
    cheaper_lifts: int = 0
    tone: ToneDrawing | None = None


@dataclass(frozen=True, eq=False)
class DrawingScale:
    """What is known of the drawing's size and machine before there is a gesture.

    Attributes:
        profile: machine, pen and paper, as planned with.
        placement: where the picture lies.
        tolerances: of smoothing.
        ink: the picture.
        style: lines or tone, and why.
    """

    profile: Profile
    placement: Placement
    tolerances: Tolerances
    ink: InkImage
    style: StyleChoice

    @property
    def pixel_mm(self) -> float:
        """Side of a pixel on the paper."""
        return self.placement.scale_mm / self.ink.longer_side

    @property
    def pen_px(self) -> tuple[float, float]:
        """Thinnest and widest line of the pen, px of the picture."""
        pen = self.profile.pen
        return pen.min_width_mm / self.pixel_mm, pen.max_width_mm / self.pixel_mm

    @property
    def smoothing_mm(self) -> float:
        """How far the smoothed line may leave the gesture."""
        # The ripple of a tone drawing is finer than the pixels of a small photo.
        pixel_mm = 0.0 if self.style.style == "tone" else self.pixel_mm
        return self.tolerances.smoothing_mm(pixel_mm)

    @property
    def costs(self) -> TourCosts:
        """What drawing, travelling and lifting take, in the picture's pixels."""
        pen, machine = self.profile.pen, self.profile.machine
        down_up_s = 2 * pen_move_time_s(abs(pen.up - pen.touch), self.profile, True, True)
        return TourCosts(
            pen.draw_speed_mm_s / self.pixel_mm,
            min(machine.max_speed_mm_s) / self.pixel_mm,
            down_up_s + pen.dwell_s,
        )

    def drawing_s(self, gesture: Gesture) -> float:
        """Planned time of a gesture."""
        placed = place(gesture, self.placement, self.profile.paper.size_mm)
        return parametrise(smooth(placed, self.smoothing_mm), self.profile).duration_s


def solid(gesture: Gesture) -> Gesture:
    """The gesture with lines of nearly full ink made full, paler ones raised in proportion.

    A pen has one ink, so a paler line comes out narrower. The grey of a scanned line is light and paper
    rather than the writer's wish, and its shape counts more; clear differences stay.
    """
    ink = np.where(gesture.pen_down, np.minimum(gesture.intensity / _FULL_INK, 1.0), gesture.intensity)
    return Gesture(gesture.start, gesture.velocity, gesture.size, ink)


def sketch_picture(paper: DrawingScale, options: DrawOptions, stage: Stages) -> Sketch:
    """Finds the gesture by the method asked for, or by the one that suits the picture.

    Args:
        paper: the picture and how large it is drawn.
        options: what the user chose.
        stage: times the stages.

    Raises:
        ImageError: if the picture holds nothing that this method can draw.
        WeightsError: if the network was asked for and cannot be used.
    """
    ink = paper.ink
    if paper.style.style == "tone":
        return _by_tone(paper, options, stage)
    with stage("gesture"):
        glyphs = find_glyphs(ink)
    if options.method == "tour":
        return _by_tour(paper, "The tour was asked for.", glyphs.parts, options, stage)
    if options.method == "model":
        every = replace(glyphs, is_glyph=np.ones(len(glyphs), dtype=bool))
        return _by_model(paper, every, "The network was asked for.", options, stage)
    choice = choose_method(ink, glyphs)
    if choice.method == "tour":
        return _by_tour(paper, choice.reason, glyphs.parts, options, stage)
    try:
        model = _by_model(paper, glyphs, choice.reason, options, stage)
    except WeightsError as error:
        if options.weights is not None:
            raise
        reason = f"{choice.reason} The network cannot be used: {error}"
        return _by_tour(paper, reason, glyphs.parts, options, stage)
    if options.join == "ink":  # the tour does not join letters
        return model
    return _better(paper, model, _by_tour(paper, choice.reason, glyphs.parts, options, stage), stage)


def _better(paper: DrawingScale, model: Sketch, tour: Sketch, stage: Stages) -> Sketch:
    """The closer one of two sketches, or the one that is drawn sooner."""
    with stage("compare"):
        first, second = (
            replace(sketch.candidates[0], drawing_s=paper.drawing_s(sketch.gesture))
            for sketch in (model, tour)
        )
    gain = second.iou - first.iou
    both = ", ".join(
        f"{name} {c.iou:.3f} in {c.drawing_s:.1f} s" for name, c in (("network", first), ("tour", second))
    )
    if abs(gain) >= _EQUAL_IOU:
        chosen, why = (tour if gain > 0 else model), "closer to the picture"
    else:
        sooner = (second.drawing_s or 0.0) < (first.drawing_s or 0.0)
        chosen, why = (tour if sooner else model), "as close and drawn sooner"
    name = "network" if chosen is model else "tour"
    return replace(chosen, reason=f"{model.reason} The {name} is {why} ({both}).", candidates=(first, second))


def _by_tour(paper: DrawingScale, reason: str, parts: int, options: DrawOptions, stage: Stages) -> Sketch:
    with stage("gesture"):
        tour = plan_tour(paper.ink, pen_px=paper.pen_px, fill=options.fill, costs=paper.costs)
        share = has_areas(paper.ink.ink, paper.pen_px[1])
    lifts = tour.cheaper_lifts
    sketch = Sketch(tour.gesture, "tour", reason, parts, area_share=share, cheaper_lifts=lifts)
    return _fitted(paper, sketch, options, stage)


def _by_tone(paper: DrawingScale, options: DrawOptions, stage: Stages) -> Sketch:
    with stage("gesture"):
        thinnest, widest = paper.pen_px
        if paper.profile.pen.actuator == "servo":
            widest = thinnest  # a servo keeps one width in a stroke: the ripple alone shows the tone
        drawing = tone_gesture(paper.ink, (thinnest, widest), options.tone_pattern)
        parts = len(find_parts(paper.ink.ink))
    return Sketch(drawing.gesture, "tone", paper.style.reason, parts, tone=drawing)


def _by_model(
    paper: DrawingScale, glyphs: Glyphs, reason: str, options: DrawOptions, stage: Stages
) -> Sketch:
    """The network draws the characters, the tour what is none, and all are joined."""
    ink = paper.ink
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
            from strokebot.pen.response import OnPaper, PenResponse, response_table
            from strokebot.polish import polish_glyphs

            field_px = FIELD * glyphs.scale_px[characters]
            on_paper = OnPaper(
                PenResponse(response_table(paper.profile.pen)),
                field_px * paper.pixel_mm,
                glyphs.grown_px[characters] / field_px,
                _FULL_INK,
            )
            limit = {} if options.polish_steps is None else {"iterations": options.polish_steps}
            drawn = polish_glyphs(images, drawn, predictor.softness_px, on_paper=on_paper, **limit)
    with stage("gesture"):
        by_glyph = dict(zip(characters.tolist(), drawn, strict=True))
        every = [
            by_glyph[k] if k in by_glyph else tour_gesture(glyphs.ink_of(k, ink)) for k in range(len(glyphs))
        ]
        placed = on_page(every, glyphs, ink)
        gesture = join_page(placed, glyphs.box_px / ink.longer_side, glyphs.line, options.join)
    sketch = Sketch(gesture, "model", reason, glyphs.parts, predictor.weights_hash, False, options.join)
    # The joins of letters are no ink of the picture: fitting would pull them to some.
    return _fitted(paper, sketch, options, stage) if options.join == "lift" else _judged(paper, sketch, stage)


def _fitted(paper: DrawingScale, sketch: Sketch, options: DrawOptions, stage: Stages) -> Sketch:
    """The sketch with its gesture fitted to the picture, if that is wanted."""
    if not options.polish:
        return _judged(paper, sketch, stage)
    low, high = paper.pen_px
    with stage("polish"):
        refined = refine_gesture(
            sketch.gesture, paper.ink, seconds=options.polish_seconds, min_width_px=low, max_width_px=high
        )
    gesture = _finished(paper, refined.gesture)
    candidate = Candidate(sketch.method, gesture, refined.iou_after)
    return replace(sketch, gesture=gesture, polished=True, candidates=(candidate,))


def _judged(paper: DrawingScale, sketch: Sketch, stage: Stages) -> Sketch:
    with stage("compare"):
        gesture = _finished(paper, sketch.gesture)
        iou, _ = score(gesture, paper.ink)
    return replace(sketch, gesture=gesture, candidates=(Candidate(sketch.method, gesture, iou),))


def _finished(paper: DrawingScale, gesture: Gesture) -> Gesture:
    """The gesture in solid ink, without the points that change it by less than its moves will."""
    return simplify_gesture(solid(gesture), paper.tolerances.chord_mm / paper.placement.scale_mm)
