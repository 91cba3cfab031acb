"""What the user of ``strokebot draw`` may choose."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from strokebot.fill import FillMode
from strokebot.polish.refine import DEFAULT_SECONDS
from strokebot.tone.draw import DEFAULT_PATTERN, Pattern
from strokebot.trajectory.timing.presets import Quality, Speed
from strokebot.writing.ligatures import JoinMode

MethodOption = Literal["auto", "model", "tour"]
StyleOption = Literal["auto", "line", "tone"]


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """What the user may choose.

    Attributes:
        method: who draws: the network ("model"), the skeleton ("tour"), or whoever suits ("auto").
        style: whether the picture is lines or tone; "auto" looks.
        tone_pattern: course of the line of a tone drawing.
        profile: name or path of a profile; None for the default.
        paper_mm: sheet in place of the profile's.
        fit_mm: box that the picture fills; None for a size of its own.
        at_mm: paper position of the picture's lower left corner; None for the middle.
        fill: how ink that is wider than the pen is filled.
        speed: how hard machine and pen are driven; see ``trajectory.presets``.
        quality: how closely the line is followed; see there too.
        polish: whether gestures are fitted to the picture.
        polish_seconds: nominal time for that; it sets the number of steps, so that equal
            calls give equal drawings.
        polish_steps: gradient steps of the polish of characters; None for its default.
        weights: weights file; None for the shipped one.
        seed: of everything random.
        join: whether the joins between the letters of a word are drawn ("ink") or travelled ("lift").
    """

    method: MethodOption = "auto"
    style: StyleOption = "auto"
    tone_pattern: Pattern = DEFAULT_PATTERN
    profile: str | None = None
    paper_mm: tuple[float, float] | None = None
    fit_mm: tuple[float, float] | None = None
    at_mm: tuple[float, float] | None = None
    fill: FillMode = "spiral"
    speed: Speed = "normal"
    quality: Quality = "normal"
    polish: bool = True
    polish_seconds: float = DEFAULT_SECONDS
    polish_steps: int | None = None
    weights: Path | None = None
    seed: int = 0
    join: JoinMode = "lift"


# Called with the stage that begins now.
Progress = Callable[[str], None]


class Stages:
    """Times the stages and announces them.

    Attributes:
        seconds: seconds of each stage so far, in order of first appearance.
    """

    def __init__(self, progress: Progress | None, before: dict[str, float] | None = None) -> None:
        self.seconds: dict[str, float] = dict(before or {})
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Times what is done inside."""
        if self._progress is not None:
            self._progress(name)
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
