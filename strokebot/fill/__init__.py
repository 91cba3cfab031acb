"""Filled areas: which ink is too wide for one line of the pen, and the passes that fill it.

spiral   rings along the edge, one inside the other
hatch    a ring along the edge, and rows to and fro inside it
outline  the ring along the edge alone
none     the skeleton, as wide as the pen draws
"""

from typing import Literal, TypeAlias

__all__ = ["FILL_MODES", "FillMode"]

FillMode: TypeAlias = Literal["hatch", "spiral", "outline", "none"]
FILL_MODES: tuple[FillMode, ...] = ("spiral", "hatch", "outline", "none")
