"""Gestures fitted to their pictures by gradient.

refine.py    one gesture of any size on its picture, step by step
strokes.py   a gesture as strokes of evenly spread points, and back
capsules.py  how much ink a segment lays on a pixel, and how that changes with its ends
pairs.py     which segments may ink which pixels, and what the pixels ask of them
solver.py    the step that the pixels and the stiffness of the line ask for
"""

from __future__ import annotations

from strokebot.polish.refine import Refined, refine_gesture, score

__all__ = ["Refined", "refine_gesture", "score"]
