"""Pictures without lines: photographs drawn as one line whose width and ripple follow the tone.

detect.py     is it lines or tone, and why
course.py     where the line runs: a meandering scan, or a spiral
coverage.py   how wide and how rippled the line must be for a darkness
draw.py       both together: a gesture, and what it will look like
"""

from __future__ import annotations

from strokebot.tone.detect import StyleChoice, choose_style
from strokebot.tone.draw import ToneDrawing, tone_gesture

__all__ = ["StyleChoice", "ToneDrawing", "choose_style", "tone_gesture"]
