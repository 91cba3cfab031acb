"""One picture in every style that the program has: what each looks like, takes and needs.

Nouns:
    style    a choice of options that changes how a picture looks on paper
    sample   a picture planned or drawn in one style, or why it cannot be

The samples are made by one session, so that what they share is planned once, and without the fit to
the picture, which takes the longest and changes the look the least.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from calibration.errors import ProfileError
from strokebot.errors import ImageError, PlacementError, PlanningStopped, StrokebotError
from strokebot.fill import FILL_MODES
from strokebot.modes import Pattern
from strokebot.options import DrawOptions
from strokebot.pipeline import DrawResult, Plan, Session
from strokebot.stages import Stop


@dataclass(frozen=True)
class Style:
    """One way to draw a picture.

    Attributes:
        name: as a person writes it on the command line.
        options: what of ``DrawOptions`` it chooses.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture in one style.

    Attributes:
        style: which.
        plan: the drawing before a machine moves, or None where there is none.
        reason: why there is none, or empty.
        result: the drawing on the virtual machine, where it was asked for.
    """

    style: Style
    plan: Plan | None
    reason: str = ""
    result: DrawResult | None = None


def all_styles() -> tuple[Style, ...]:
    """Every style: the network, lines with each way of filling, and each pattern of a tone drawing."""
    return (
        Style("--method model", {"method": "model", "style": "line"}),
        *(
            Style(f"--method tour --fill {fill}", {"method": "tour", "style": "line", "fill": fill})
            for fill in FILL_MODES
        ),
        *(
            Style(f"--style tone --tone-pattern {pattern}", {"style": "tone", "tone_pattern": pattern})
            for pattern in get_args(Pattern)
        ),
    )


def draw_samples(
    image: Path, options: DrawOptions, progress: Callable[[Style, float], None] | None = None
) -> Iterator[Sample]:
    """Draws a picture in every style; a style that draws what an earlier one drew is left out.

    Args:
        image: a picture file.
        options: of all of them, but for what a style chooses.
        progress: is told the style that is drawn now, and the share of all that is done.

    Raises:
        StrokebotError: if the picture, the profile or an option is wrong, whatever the style.
    """
    session = Session()

    def make(chosen: DrawOptions) -> tuple[Plan, DrawResult]:
        result = session.draw(image, chosen)
        return result.plan, result

    yield from _samples(image, options, make, progress)


def plan_samples(image: Path, options: DrawOptions, stop: Stop | None = None) -> Iterator[Sample]:
    """The same without the virtual machine: each sample has a plan and no result.

    Args:
        image: a picture file.
        options: of all of them, but for what a style chooses.
        stop: asked between steps; True ends the work.

    Raises:
        PlanningStopped: if ``stop`` said so.
        StrokebotError: as ``draw_samples``.
    """
    session = Session()
    yield from _samples(image, options, lambda chosen: (session.plan(image, chosen, stop=stop), None))


def _samples(
    image: Path,
    options: DrawOptions,
    make: Callable[[DrawOptions], tuple[Plan, DrawResult | None]],
    progress: Callable[[Style, float], None] | None = None,
) -> Iterator[Sample]:
    styles = all_styles()
    drawn: list[tuple[str, ...]] = []
    for number, style in enumerate(styles):
        if progress is not None:
            progress(style, number / len(styles))
        try:
            plan, result = make(replace(options, polish=False, **style.options))
        except (ImageError, PlanningStopped, ProfileError, PlacementError):
            raise  # whatever the style
        except StrokebotError as error:
            yield Sample(style, None, str(error))
            continue
        moves = tuple(line for line in plan.gcode if not line.startswith(";"))
        if moves in drawn:
            continue
        drawn.append(moves)
        yield Sample(style, plan, result=result)
    if not drawn:
        raise StrokebotError(f"{image.name} can be drawn in no style: strokebot draw says why.")
