"""From a picture to the gesture that draws it: who draws, and what came of it.

The network draws characters, the tour any line (``method.py`` decides). torch is imported
where a network is asked for, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from strokebot.errors import ImageError, WeightsError
from strokebot.gesture import Gesture
from strokebot.image import InkImage
from strokebot.joining import JoinMode, join_page
from strokebot.method import choose_method
from strokebot.options import DrawOptions
from strokebot.page import Glyphs, find_glyphs, on_page
from strokebot.stages import Stages
from strokebot.tour import tour_gesture


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


def sketch_picture(ink: InkImage, options: DrawOptions, stage: Stages) -> Sketch:
    """Finds the gesture by the method asked for, or by the one that suits the picture.

    Raises:
        ImageError: if the picture holds nothing that this method can draw.
        WeightsError: if the network was asked for and cannot be used.
    """
    with stage("gesture"):
        glyphs = find_glyphs(ink)
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
    ink: InkImage, glyphs: Glyphs, reason: str, options: DrawOptions, stage: Stages
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
