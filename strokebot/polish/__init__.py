"""Gestures fitted to their pictures by gradient.

    glyphs.py    a batch of small gestures, through the line pen, with torch
    refine.py    one gesture of any size on its picture, step by step
    strokes.py   a gesture as strokes of evenly spread points, and back
    capsules.py  how much ink a segment lays on a pixel, and how that changes with its ends
    pairs.py     which segments may ink which pixels, and what the pixels ask of them
    solver.py    the step that the pixels and the stiffness of the line ask for
    engine.py    the arrays underneath: numpy, or torch on a device

``polish_arrays`` and ``polish_glyphs`` need torch, which takes a second to import, so they
are looked up when they are asked for; the rest does without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strokebot.polish.refine import Refined, refine_gesture, score

if TYPE_CHECKING:
    from strokebot.polish.glyphs import polish_arrays, polish_glyphs

__all__ = ["Refined", "polish_arrays", "polish_glyphs", "refine_gesture", "score"]


def __getattr__(name: str) -> Any:
    if name in ("polish_arrays", "polish_glyphs"):
        from strokebot.polish import glyphs

        return getattr(glyphs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
