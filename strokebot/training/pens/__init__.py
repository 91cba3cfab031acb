"""Differentiable pens: a gesture in, pixels out, gradients back.

    base.py      the protocol and what all pens share (positions, pixel centres)
    dots.py      the pen of the article: one soft dot a point
    line.py      the pen of strokebot: a solid, tapered line
    response.py  the line pen set to a measured pen: draws what that pen on its machine can

A pen is called with ``start (B, 2)`` and ``steps (B, N, 4)`` in canvas units
(vx, vy, size, intensity) and answers with ink ``(B, 1, H, W)`` in [0, 1].
"""

from strokebot.training.pens.base import Pen
from strokebot.training.pens.dots import DotPen
from strokebot.training.pens.line import LinePen
from strokebot.training.pens.response import MeasuredPen, PenResponse, response_table

PENS: dict[str, type[DotPen] | type[LinePen]] = {"dots": DotPen, "line": LinePen}

__all__ = ["PENS", "DotPen", "LinePen", "MeasuredPen", "Pen", "PenResponse", "response_table"]
