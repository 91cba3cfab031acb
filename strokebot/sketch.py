"""From a picture to the gesture that draws it: who draws, and what came of it.

Nouns:
    candidate   a gesture by one method, fitted to the picture
    sketch      the candidate that was chosen, and why

The network draws characters, the tour any line, the tone line photographs (``method.py`` and
``tone/detect.py`` decide). Where the network draws, the tour draws too: both are fitted to the
picture, and the closer one is taken, or of two equally close ones the one that is drawn
sooner. Where the tour draws, the hand's networks say in which order and direction its lines are
drawn, part by part, as far as the machine is no slower for it.

Every function here is a stage of a drawing (``strokebot.stages``): its parameters name what it depends
on, options among them, and ``pipeline.TABLE`` puts them in order. Lengths are canvas units unless they
say px (pixels of the picture) or mm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from calibration.profile import Profile
from strokebot.errors import ImageError, WeightsError
from strokebot.fill import FillMode
from strokebot.fill.widths import has_areas
from strokebot.geometry.pixels import reduced
from strokebot.geometry.polyline import simplify_gesture
from strokebot.gesture import Gesture
from strokebot.model.predictor import Predictor, load_predictor
from strokebot.modes import JoinMode, Pattern, StrokeStyle
from strokebot.modes import Method as MethodWord
from strokebot.picture.image import InkImage
from strokebot.picture.parts import find_parts
from strokebot.polish.refine import refine_gesture, score
from strokebot.stages import Tell
from strokebot.tone import StyleChoice, ToneDrawing, tone_gesture
from strokebot.tour import (
    FilledGraph,
    Guide,
    Lines,
    Skeleton,
    Tour,
    areas_of,
    lines_of,
    skeleton_of,
    tour_gesture,
    walk_lines,
)
from strokebot.tour.postman import TourCosts
from strokebot.trajectory.path.place import Placement, place
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.pressure import pen_move_time_s
from strokebot.wording import duration_text
from strokebot.writing.ligatures import join_page
from strokebot.writing.method import choose_method
from strokebot.writing.page import Glyphs, find_glyphs, on_page

if TYPE_CHECKING:  # loaded where the hand draws
    from strokebot.hand.draw import HandDrawing
    from strokebot.hand.policy import OnnxPolicy

Method = Literal["model", "hand", "tour", "tone"]

# Overlaps with the picture that differ by less than this are equal: half of what the smoothing of
# the path changes.
_EQUAL_IOU = 0.005
# Pixels on which it is decided who draws.
_LOOK_PIXELS = 4_000_000
# Why the tour draws a part by itself, and from which share of the ink on that is told.
_WHY_NOT = {
    "lost": "where they were lost",
    "lifts": "where they would lift too often",
    "dearer": "where their way takes the machine longer",
    "areas": "in filled areas",
}
_TOLD_SHARE = 0.005
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
        hand_lifts: lifts inside connected parts that the hand makes.
        network_share: share of the ink whose order and direction are a network's.
        decisions: share of the ink by what was decided about following the hand, see ``tour.guided``.
        hand: what the hand's networks drew; None where they did not.
        plain: the tour without the hand, to compare; None where the hand changed nothing.
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
    hand_lifts: int = 0
    network_share: float = 0.0
    decisions: Mapping[str, float] = field(default_factory=dict)
    hand: HandDrawing | None = None
    plain: Gesture | None = None
    tone: ToneDrawing | None = None


@dataclass(frozen=True, eq=False)
class Artists:
    """Who draws a picture of lines, and why.

    Attributes:
        glyphs: the picture's parts, those marked that the network draws.
        model: whether the network draws them; if not, the tour draws the picture.
        asked: whether the user asked for the one that draws; if not, the tour draws too.
        reason: one sentence.
        hand: whether the hand's networks say how the tour's lines are drawn.
    """

    glyphs: Glyphs
    model: bool
    asked: bool
    reason: str
    hand: bool = False


@dataclass(frozen=True, eq=False)
class Fitted:
    """A gesture fitted to its picture, or as it was where that was not wanted.

    Attributes:
        gesture: canvas units.
        iou: overlap with the picture; None where it was not fitted and nobody has looked.
    """

    gesture: Gesture
    iou: float | None


def solid(gesture: Gesture) -> Gesture:
    """The gesture with lines of nearly full ink made full, paler ones raised in proportion.

    A pen has one ink, so a paler line comes out narrower. The grey of a scanned line is light and paper
    rather than the writer's wish, and its shape counts more; clear differences stay.
    """
    ink = np.where(gesture.pen_down, np.minimum(gesture.intensity / _FULL_INK, 1.0), gesture.intensity)
    return Gesture(gesture.start, gesture.velocity, gesture.size, ink)


def same_gesture(one: Gesture, other: Gesture) -> bool:
    """Whether two gestures are the same to the last bit."""
    pairs = (
        (getattr(one, name), getattr(other, name)) for name in ("start", "velocity", "size", "intensity")
    )
    return all(np.array_equal(a, b) for a, b in pairs)


# -- who draws ------------------------------------------------------------------------------------


def find_artists(ink: InkImage, style_choice: StyleChoice, method: MethodWord) -> Artists | None:
    """Who draws; None for a drawing of tone."""
    if style_choice.style == "tone":
        return None
    if method == "model":
        return Artists(find_glyphs(ink, every=True), True, True, "The network was asked for.")
    # Who draws a large picture can be seen on a smaller one; the network then needs its own pixels.
    small, unit = reduced(ink.ink, _LOOK_PIXELS)
    look = ink if unit == 1.0 else InkImage(small)
    glyphs = find_glyphs(look)
    if method == "tour":
        return Artists(glyphs, False, True, "The tour was asked for.")
    if method == "hand":
        return Artists(glyphs, False, True, "The hand was asked for.", hand=True)
    choice = choose_method(look, glyphs)
    if choice.method == "model" and look is not ink:
        glyphs = find_glyphs(ink)
    return Artists(glyphs, choice.method == "model", False, choice.reason, hand=True)


def network_wanted(artists: Artists) -> bool | None:
    """True if the network draws."""
    return True if artists.model else None


def find_predictor(artists: Artists, network_wanted: bool, weights: Path | None) -> Predictor | WeightsError:
    """The network; or why it cannot draw, where the tour can stand in for it.

    Raises:
        WeightsError: if the network or these weights were asked for and cannot be used.
    """
    del network_wanted  # it is, or this would not be asked
    try:
        return load_predictor(weights)
    except WeightsError as error:
        if artists.asked or weights is not None:
            raise
        return error


def find_toured_ink(
    ink: InkImage,
    artists: Artists,
    join: JoinMode,
    predictor: Predictor | WeightsError | None = None,
) -> InkImage | None:
    """The picture, if the tour draws it."""
    # The tour does not join letters.
    too = not artists.asked and join == "lift"
    return ink if not artists.model or too or isinstance(predictor, WeightsError) else None


# -- the hand -------------------------------------------------------------------------------------


def hand_wanted(artists: Artists) -> bool | None:
    """True if the hand's networks draw."""
    return True if artists.hand else None


def find_policy(artists: Artists, hand_wanted: bool, weights: Path | None) -> OnnxPolicy | WeightsError:
    """The hand's networks; or why they cannot draw, where the tour can do without them.

    Raises:
        WeightsError: if the hand or these weights were asked for and cannot be used.
    """
    from strokebot.hand.policy import load_policy

    del hand_wanted  # it is, or this would not be asked
    # A file holds the network for characters.
    own = weights if artists.asked or (weights is not None and weights.is_dir()) else None
    try:
        return load_policy(own)
    except WeightsError as error:
        if artists.asked or own is not None:
            raise
        return error


def draw_hand(
    toured_ink: InkImage, policy: OnnxPolicy | WeightsError, stroke_style: StrokeStyle, seed: int
) -> list[HandDrawing] | None:
    """What the hand's networks draw of the whole picture, several times, the best first."""
    if isinstance(policy, WeightsError):
        return None
    from strokebot.hand.choose import draw_by_hand

    return draw_by_hand([toured_ink], policy, seed=seed, together=stroke_style == "one-line")[0]


def find_guide(
    hand_drawings: list[HandDrawing], policy: OnnxPolicy | WeightsError, stroke_style: StrokeStyle
) -> Guide:
    """The order and the direction that the tour takes of them."""
    from strokebot.hand.choose import guide_of

    assert not isinstance(policy, WeightsError)  # it has drawn
    return guide_of(hand_drawings, stroke_style == "hand", policy)


# -- the tour -------------------------------------------------------------------------------------


def tour_costs(planned_profile: Profile, pixel_mm: float) -> TourCosts:
    """What drawing, travelling and lifting take, in the picture's pixels."""
    pen, machine = planned_profile.pen, planned_profile.machine
    down_up_s = 2 * pen_move_time_s(abs(pen.up - pen.touch), planned_profile, True, True)
    return TourCosts(
        pen.draw_speed_mm_s / pixel_mm, min(machine.max_speed_mm_s) / pixel_mm, down_up_s + pen.dwell_s
    )


def same_tour(one: Tour, other: Tour) -> bool:
    """Whether two tours are the same."""
    return (
        one.cheaper_lifts == other.cheaper_lifts
        and one.guided_lifts == other.guided_lifts
        and one.decisions == other.decisions
        and same_gesture(one.gesture, other.gesture)
    )


def find_area_share(toured_ink: InkImage, pen_px: tuple[float, float]) -> float:
    """Share of the ink that is wider than the pen."""
    return has_areas(toured_ink.ink, pen_px[1])


def tour_skeleton(toured_ink: InkImage) -> Skeleton:
    """What a tour needs of the picture, whatever the pen."""
    return skeleton_of(toured_ink)


def tour_areas(skeleton: Skeleton, pen_px: tuple[float, float], fill: FillMode) -> FilledGraph | None:
    """The passes through areas that are wider than the pen; None where there are none."""
    return areas_of(skeleton, pen_px, fill)


def tour_lines(skeleton: Skeleton, areas: FilledGraph | None = None) -> Lines:
    """All lines, measured on the ink."""
    return lines_of(skeleton, areas)


def walk_tour(
    skeleton: Skeleton,
    lines: Lines,
    pen_px: tuple[float, float],
    costs: TourCosts,
    tell: Tell,
    guide: Guide | None = None,
) -> Tour:
    """An order and a direction for every line."""
    return walk_lines(skeleton, lines, pen_px, costs, tell, guide)


def fit_tour(
    tour: Tour, ink: InkImage, pen_px: tuple[float, float], polish: bool, polish_seconds: float, tell: Tell
) -> Fitted:
    """The tour's gesture, fitted to the picture if that is wanted."""
    return _fitted(tour.gesture, ink, pen_px, polish, polish_seconds, tell)


def finish_tour(tour_fit: Fitted, tour: Tour, ink: InkImage, finest: float) -> Candidate:
    """The candidate of the tour, or of the hand where it follows one."""
    return _candidate("hand" if tour.guided_share > 0 else "tour", tour_fit, ink, finest)


# -- the network ----------------------------------------------------------------------------------


def draw_characters(artists: Artists, predictor: Predictor | WeightsError) -> list[Gesture] | None:
    """What the network draws for each marked part, on the canvas of its field.

    Raises:
        ImageError: if no part is marked.
    """
    if isinstance(predictor, WeightsError):
        return None
    characters = np.flatnonzero(artists.glyphs.is_glyph)
    if len(characters) == 0:
        raise ImageError("The picture holds no character for the network: use --method tour.")
    return predictor.gestures(artists.glyphs.images[characters])


def fit_characters(
    drawn_characters: list[Gesture], artists: Artists, pen_px: tuple[float, float], polish: bool
) -> list[Gesture]:
    """The same, each fitted to its field if that is wanted, in widths that the pen can draw there."""
    if not polish:
        return drawn_characters
    glyphs, (low, high) = artists.glyphs, pen_px
    fitted = []
    for k, gesture in zip(np.flatnonzero(glyphs.is_glyph), drawn_characters, strict=True):
        least, most = ((width + glyphs.grown_px[k]) / glyphs.scale_px[k] for width in (low, high))
        field = InkImage(glyphs.images[k])
        fitted.append(refine_gesture(gesture, field, min_width_px=least, max_width_px=most).gesture)
    return fitted


def join_characters(
    fitted_characters: list[Gesture], artists: Artists, ink: InkImage, join: JoinMode
) -> Gesture:
    """One gesture for the page: characters by the network, what is none by the tour, all joined."""
    glyphs = artists.glyphs
    by_glyph = dict(zip(np.flatnonzero(glyphs.is_glyph).tolist(), fitted_characters, strict=True))
    every = [
        by_glyph[k] if k in by_glyph else tour_gesture(glyphs.ink_of(k, ink)) for k in range(len(glyphs))
    ]
    return join_page(on_page(every, glyphs, ink), glyphs.box_px / ink.longer_side, glyphs.line, join)


def fit_page(
    page: Gesture,
    ink: InkImage,
    pen_px: tuple[float, float],
    join: JoinMode,
    polish: bool,
    polish_seconds: float,
    tell: Tell,
) -> Fitted:
    """The network's gesture, fitted to the picture if that is wanted."""
    # The joins of letters are no ink of the picture: fitting would pull them to some.
    return _fitted(page, ink, pen_px, polish and join == "lift", polish_seconds, tell)


def finish_page(page_fit: Fitted, ink: InkImage, finest: float) -> Candidate:
    """The network's candidate."""
    return _candidate("model", page_fit, ink, finest)


# -- tone -----------------------------------------------------------------------------------------


def find_tone_pen(
    style_choice: StyleChoice, used_profile: Profile, pen_px: tuple[float, float]
) -> tuple[float, float] | None:
    """Thinnest and widest line within a stroke, px, for a drawing of tone; None for one of lines."""
    if style_choice.style != "tone":
        return None
    # A servo keeps one width in a stroke: the ripple alone shows the tone.
    return (pen_px[0], pen_px[0]) if used_profile.pen.actuator == "servo" else pen_px


def draw_tone(
    ink: InkImage,
    tone_pen_px: tuple[float, float],
    tone_pattern: Pattern,
    tone_spacing_mm: float | None,
    tone_contrast: float,
    tone_white: float,
    pixel_mm: float,
) -> ToneDrawing:
    """The line of a tone drawing."""
    return tone_gesture(
        ink,
        tone_pen_px,
        tone_pattern,
        spacing_px=None if tone_spacing_mm is None else tone_spacing_mm / pixel_mm,
        contrast=tone_contrast,
        white=tone_white,
    )


# -- which is kept --------------------------------------------------------------------------------


def choose_sketch(
    ink: InkImage,
    style_choice: StyleChoice,
    placement: Placement,
    planned_profile: Profile,
    smoothing_mm: float,
    join: JoinMode,
    tone: ToneDrawing | None = None,
    artists: Artists | None = None,
    predictor: Predictor | WeightsError | None = None,
    tour: Tour | None = None,
    area_share: float | None = None,
    tour_fit: Fitted | None = None,
    tour_candidate: Candidate | None = None,
    page_fit: Fitted | None = None,
    page_candidate: Candidate | None = None,
    policy: OnnxPolicy | WeightsError | None = None,
    hand_drawings: list[HandDrawing] | None = None,
) -> Sketch:
    """The sketch: of two candidates the closer one, or of equally close ones the one that is drawn sooner."""
    if tone is not None:
        return Sketch(tone.gesture, "tone", style_choice.reason, len(find_parts(ink.ink)), tone=tone)
    assert artists is not None  # it is lines
    reason, parts = artists.reason, artists.glyphs.parts
    if isinstance(predictor, WeightsError):
        reason = f"{reason} The network cannot be used: {predictor}"
    if isinstance(policy, WeightsError):
        reason = f"{reason} The hand's networks cannot be used: {policy}"
    sketches: list[Sketch] = []
    if page_candidate is not None and page_fit is not None:
        assert predictor is not None
        assert not isinstance(predictor, WeightsError)
        sketches.append(
            Sketch(
                page_candidate.gesture, "model", reason, parts, predictor.weights_hash,
                page_fit.iou is not None, join, (page_candidate,),
                network_share=_glyph_share(artists.glyphs, ink),
            )
        )  # fmt: skip
    if tour_candidate is not None and tour_fit is not None and tour is not None:
        guided = tour.guided_share > 0
        hash_ = policy.weights_hash if guided and policy and not isinstance(policy, WeightsError) else None
        sketches.append(
            Sketch(
                tour_candidate.gesture,
                tour_candidate.method,
                reason + _hand_told(hand_drawings is not None, tour),
                parts,
                hash_,
                tour_fit.iou is not None,
                candidates=(tour_candidate,),
                area_share=area_share or 0.0,
                cheaper_lifts=tour.cheaper_lifts,
                hand_lifts=tour.guided_lifts,
                network_share=tour.guided_share,
                decisions=tour.decisions,
                hand=hand_drawings[0] if hand_drawings else None,
                plain=tour.plain,
            )
        )
    return sketches[0] if len(sketches) == 1 else _better(sketches, placement, planned_profile, smoothing_mm)


def _glyph_share(glyphs: Glyphs, ink: InkImage) -> float:
    """Share of the ink that lies in the parts that the network for characters draws."""
    if glyphs.labels.shape != ink.ink.shape:  # they were looked for on a smaller picture
        return float(np.mean(glyphs.is_glyph)) if len(glyphs) else 0.0
    mass = np.bincount(glyphs.labels.ravel(), weights=ink.ink.ravel(), minlength=len(glyphs) + 1)[1:]
    return float(mass[glyphs.is_glyph].sum() / max(float(mass.sum()), 1e-9))


def _hand_told(drew: bool, tour: Tour) -> str:
    """For what share of the ink the hand's networks decide; nothing where they were not asked."""
    if not drew:
        return ""
    if tour.guided_share == 0 and tour.decisions.get("areas") == 1:
        return ""
    others = [
        f"{share:.0%} {_WHY_NOT[name]}"
        for name, share in tour.decisions.items()
        if name != "followed" and share >= _TOLD_SHARE
    ]
    why = f" The rest is the tour's: {', '.join(others)}." if others else ""
    return f" The hand's networks decide order and direction of {tour.guided_share:.0%} of the ink.{why}"


def _better(
    sketches: Sequence[Sketch], placement: Placement, profile: Profile, smoothing_mm: float
) -> Sketch:
    """The closer one of the network's sketch and the tour's, or the one that is drawn sooner."""
    model, tour = sketches

    def timed(sketch: Sketch) -> Candidate:
        placed = place(sketch.gesture, placement, profile.paper.size_mm)
        drawing_s = parametrise(smooth(placed, smoothing_mm), profile).duration_s
        return replace(sketch.candidates[0], drawing_s=drawing_s)

    first, second = model.candidates[0], tour.candidates[0]
    gain = second.iou - first.iou
    if abs(gain) >= _EQUAL_IOU:
        chosen, why = (tour if gain > 0 else model), "closer to the picture"
    else:  # smoothing and timing both takes as long as planning one of them
        first, second = timed(model), timed(tour)
        sooner = (second.drawing_s or 0.0) < (first.drawing_s or 0.0)
        chosen, why = (tour if sooner else model), "as close and drawn sooner"
    both = "; ".join(
        f"{name}: overlap {c.iou:.3f}"
        + ("" if c.drawing_s is None else f", drawn in {duration_text(c.drawing_s)}")
        for name, c in (("network", first), (tour.method, second))
    )
    name = "network" if chosen is model else tour.method
    return replace(chosen, reason=f"{model.reason} The {name} is {why} ({both}).", candidates=(first, second))


def _fitted(
    gesture: Gesture, ink: InkImage, pen_px: tuple[float, float], polish: bool, seconds: float, tell: Tell
) -> Fitted:
    if not polish:
        return Fitted(gesture, None)
    low, high = pen_px
    refined = refine_gesture(
        gesture, ink, seconds=seconds, min_width_px=low, max_width_px=high,
        progress=lambda done, planned: tell(done / planned),
    )  # fmt: skip
    return Fitted(refined.gesture, refined.iou_after)


def _candidate(method: Method, fit: Fitted, ink: InkImage, finest: float) -> Candidate:
    """The gesture in solid ink, without the points that change it by less than its moves will."""
    gesture = simplify_gesture(solid(fit.gesture), finest)
    return Candidate(method, gesture, score(gesture, ink)[0] if fit.iou is None else fit.iou)
