"""What may be chosen for a drawing: the one definition that command line, page and library share.

Nouns:
    option    a field of ``DrawOptions``: its type, its default, and what it depends on nothing else for
    Asked     how a person is asked for it: its flag, one sentence, and how its text is read

``commands.draw`` makes its command line from the fields, the studio its form, and
``strokebot.pipeline`` says which stages of a drawing depend on which of them. Nothing heavy
is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints

from strokebot.fill import FillMode
from strokebot.modes import (
    MARGIN_MM,
    POLISH_SECONDS,
    JoinMode,
    Method,
    Pattern,
    Quality,
    Speed,
    StyleWord,
    Turn,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """How a person is asked for an option.

    Attributes:
        flags: on the command line.
        help: one sentence.
        read: makes the value of what was written; None where the type says it all. It raises
            ``ValueError`` or ``StrokebotError`` for a text that is none.
        unset: what the default means, where the value does not tell it.
        least: of a number.
        most: of a number.
    """

    flags: tuple[str, ...]
    help: str
    read: Callable[[str], Any] | None = None
    unset: str | None = None
    least: float | None = None
    most: float | None = None


def read_pair(text: str, separator: str, example: str, above: float = -math.inf) -> tuple[float, float]:
    """Two finite numbers above a bound from text such as 100x150.

    Raises:
        ValueError: if the text is anything else.
    """
    try:
        first, second = (float(part) for part in text.lower().replace("×", "x").split(separator))
    except ValueError:
        raise ValueError(f"'{text}' is not of the form {example} (mm).") from None
    if not all(math.isfinite(number) and number > above for number in (first, second)):
        bound = "" if math.isinf(above) else f" above {above:g}"
        raise ValueError(f"'{text}': both must be numbers{bound}, mm.")
    return first, second


def read_box(text: str) -> tuple[float, float]:
    """Width and height in mm from text such as 100x150; see ``read_pair``."""
    return read_pair(text, "x", "WxH, such as 100x150", above=0.0)


def read_point(text: str) -> tuple[float, float]:
    """A place on the paper in mm from text such as 20,30; see ``read_pair``."""
    return read_pair(text, ",", "X,Y, such as 20,30")


def read_paper(text: str) -> tuple[float, float]:
    """Width and height of a sheet in mm; see ``trajectory.path.place.parse_paper``."""
    from strokebot.trajectory.path.place import parse_paper

    return parse_paper(text)


def read_turn(text: str) -> Turn:
    """A quarter turn clockwise, or several, in degrees.

    Raises:
        ValueError: for anything else.
    """
    turns: dict[str, Turn] = {"0": 0, "90": 90, "180": 180, "270": 270, "-90": 270}
    if text.strip() not in turns:
        raise ValueError(f"'{text}' is no quarter turn: give 0, 90, 180 or 270.")
    return turns[text.strip()]


_Size: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """What the user may choose.

    Attributes:
        profile: name or path of a profile; None for the default.
        method: who draws: the network ("model"), the skeleton ("tour"), or whoever suits ("auto").
        style: whether the picture is lines or tone; "auto" looks.
        tone_pattern: course of the line of a tone drawing.
        weights: weights file; None for the shipped one.
        paper_mm: sheet in place of the profile's.
        fit_mm: box that the picture fills; None for a size of its own.
        at_mm: paper position of the picture's lower left corner; None for the middle.
        margin_mm: edge of the paper that is kept free; not with a box.
        rotate_deg: by how much the picture is turned first, clockwise.
        fill: how ink that is wider than the pen is filled.
        speed: how hard machine and pen are driven; see ``trajectory.timing.presets``.
        quality: how closely the line is followed; see there too.
        polish: whether gestures are fitted to the picture.
        polish_seconds: nominal time for that; it sets the number of steps, so that equal
            calls give equal drawings.
        join: whether the joins between the letters of a word are drawn ("ink") or travelled ("lift").
        seed: of everything random.
    """

    profile: Annotated[
        str | None, Asked(("--profile", "-p"), "Profile: a name, or a TOML file.", unset="grbl-z")
    ] = None
    method: Annotated[
        Method, Asked(("--method",), "Who draws: the network, the skeleton tour, or whoever suits.")
    ] = "auto"
    style: Annotated[
        StyleWord, Asked(("--style",), "Lines, or one line whose width follows the tone of a photo.")
    ] = "auto"
    tone_pattern: Annotated[Pattern, Asked(("--tone-pattern",), "Course of the line of a tone drawing.")] = (
        "scan"
    )
    weights: Annotated[Path | None, Asked(("--weights",), "Weights of the network.")] = None
    paper_mm: Annotated[
        _Size | None,
        Asked(
            ("--paper",),
            "A4, A5-landscape, letter, legal or WxH in mm.",
            read=read_paper,
            unset="the profile's",
        ),
    ] = None
    fit_mm: Annotated[
        _Size | None, Asked(("--fit",), "Box that the picture fills, WxH in mm.", read=read_box)
    ] = None
    at_mm: Annotated[
        _Size | None,
        Asked(("--at",), "Lower left corner, X,Y in mm.", read=read_point, unset="the middle"),
    ] = None
    margin_mm: Annotated[
        float,
        Asked(
            ("--margin",), "Edge of the paper that is kept free without --fit, mm.", least=0.0, most=1000.0
        ),
    ] = MARGIN_MM
    rotate_deg: Annotated[
        Turn, Asked(("--rotate",), "Turn the picture first, clockwise: 90, 180 or 270.", read=read_turn)
    ] = 0
    fill: Annotated[FillMode, Asked(("--fill",), "How ink that is wider than the pen is filled.")] = "spiral"
    speed: Annotated[
        Speed, Asked(("--speed",), "How hard machine and pen are driven: docs/motion.md has the shares.")
    ] = "normal"
    quality: Annotated[
        Quality, Asked(("--quality",), "How closely the line is followed: tolerances in docs/motion.md.")
    ] = "normal"
    polish: Annotated[bool, Asked(("--polish/--no-polish",), "Fit the gesture to the picture.")] = True
    polish_seconds: Annotated[
        float,
        Asked(
            ("--polish-seconds",),
            "Nominal time for fitting; sets its number of steps.",
            least=0.0,
            most=3600.0,
        ),
    ] = POLISH_SECONDS
    join: Annotated[
        JoinMode, Asked(("--join",), "Between the letters of a word: lift the pen, or draw on.")
    ] = "lift"
    seed: Annotated[int, Asked(("--seed",), "Seed of everything random.")] = 0


OPTION_NAMES: tuple[str, ...] = tuple(field.name for field in fields(DrawOptions))


def asked_options() -> dict[str, tuple[Any, Asked]]:
    """Type and way of asking of every option that a person is asked for, by its name."""
    hints = get_type_hints(DrawOptions, include_extras=True)
    found: dict[str, tuple[Any, Asked]] = {}
    for name in OPTION_NAMES:
        for note in getattr(hints[name], "__metadata__", ()):
            if isinstance(note, Asked):
                found[name] = (hints[name].__origin__, note)
    return found
