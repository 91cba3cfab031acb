"""What a person should know of a plan, and might want otherwise: the same for a terminal and for a page.

Nouns:
    advice   one fact about a plan, as a sentence
    cure     a change of options that makes it otherwise
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.checks import preflight
from strokebot.pipeline import Plan
from strokebot.trajectory.timing.outlook import Outlook
from strokebot.wording import duration_text, length_text

# What is told of before it is drawn: a line this long, a time this long, this much of a pen.
_LONG_MM = 10_000.0
_LONG_S = 600.0
_MUCH_INK = 0.25
# Share of the lines' length that the pen cannot draw, from which on it is told.
_MUCH_TOO_THIN = 0.05
# A drawing that is too fine is drawn so much larger.
_LARGER = 1.5


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know.

    Attributes:
        text: a sentence.
        hint: what to write on the command line to have it otherwise; empty for nothing.
        cures: what to press to have it otherwise: a label, and the options that it changes.
    """

    text: str
    hint: str = ""
    cures: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=())


def advice_on(plan: Plan) -> list[Advice]:
    """What was taken for what, and what a person might want otherwise."""
    sight, found = plan.ink.sight, list[Advice]()
    tone = plan.sketch.tone is not None
    if sight is not None and sight.notes and not tone:
        found.append(Advice("seen: " + "; ".join(sight.notes)))
    if plan.options.style == "auto" and plan.trajectory.drawn_mm > _LONG_MM:
        other, does = ("line", "draws its lines alone") if tone else ("tone", "draws its greys")
        found.append(
            Advice(
                f"style {plan.style.style}: {plan.style.reason}",
                f" --style {other} {does}.",
                ((f"Draw its {'lines alone' if tone else 'greys'}", {"style": other}),),
            )
        )
    if sight is not None and sight.area_share > 0 and not tone:
        mode = plan.options.area_mode
        done = {"tone": "hatched", "outline": "outlined", "none": "left out"}
        asks = {"tone": "Hatch them", "outline": "Outline them", "none": "Leave them out"}
        found.append(
            Advice(
                f"flat areas are {done[mode]} ({sight.area_share:.0%} of the picture)",
                "; --areas tone, outline or none",
                tuple((asks[other], {"area_mode": other}) for other in asks if other != mode),
            )
        )
    if plan.too_thin > _MUCH_TOO_THIN:
        pen_mm = plan.profile.pen.min_width_mm
        found.append(
            Advice(
                f"{plan.too_thin:.0%} of the line is thinner than the pen, "
                f"which draws {pen_mm:g} mm at least",
                ": a larger --fit or a finer pen keeps it",
                _larger(plan),
            )
        )
    return found


def machine_advice(plan: Plan) -> list[Advice]:
    """What the check of the program against the machine has to say, though it may be drawn."""
    return [Advice(str(finding)) for finding in preflight.check(plan.program, plan.profile.machine)]


def is_long(outlook: Outlook) -> bool:
    """Whether a drawing will take long, or much ink."""
    much = (outlook.pen_share or 0.0) > _MUCH_INK
    return outlook.drawn_mm > _LONG_MM or outlook.duration_s > _LONG_S or much


def outlook_text(outlook: Outlook) -> str:
    """What a drawing will come to, before it is planned."""
    ink = "" if outlook.pen_share is None else f", {outlook.pen_share:.0%} of a pen"
    return (
        f"about {length_text(outlook.drawn_mm)} of line and {duration_text(outlook.duration_s)} on the "
        f"machine{ink}"
    )


def _larger(plan: Plan) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The cure of a larger drawing, where the sheet has room for it."""
    width, height = plan.size_mm
    sheet = plan.profile.paper.size_mm
    factor = min(_LARGER, *(side / own for side, own in zip(sheet, (width, height), strict=True)))
    if factor < 1.05:
        return ()
    fit = [round(side * factor, 1) for side in (width, height)]
    patch = {"fit_mm": fit, "scale": None, "at_mm": None}
    return ((f"Draw it {fit[0]:g} x {fit[1]:g} mm large", patch),)
