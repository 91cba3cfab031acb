"""What the user of ``strokebot draw`` may choose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from strokebot.joining import JoinMode

MethodOption = Literal["auto", "model", "tour"]


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """What the user may choose.

    Attributes:
        method: who draws: the network ("model"), the skeleton ("tour"), or whoever suits ("auto").
        profile: name or path of a profile; None for the default.
        paper_mm: sheet in place of the profile's.
        fit_mm: box that the picture fills; None for a size of its own.
        at_mm: paper position of the picture's lower left corner; None for the middle.
        polish: whether gestures are fitted to the picture.
        polish_steps: gradient steps of the polish of characters; None for its default.
        weights: weights file; None for the shipped one.
        seed: of everything random.
        join: whether the joins between the letters of a word are drawn ("ink") or travelled ("lift").
    """

    method: MethodOption = "auto"
    profile: str | None = None
    paper_mm: tuple[float, float] | None = None
    fit_mm: tuple[float, float] | None = None
    at_mm: tuple[float, float] | None = None
    polish: bool = True
    polish_steps: int | None = None
    weights: Path | None = None
    seed: int = 0
    join: JoinMode = "lift"
