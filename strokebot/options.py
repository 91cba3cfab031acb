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
    TONE_WHITE,
    AreaMode,
    InkSide,
    JoinMode,
    Method,
    Pattern,
    Quality,
    Speed,
    StrokeStyle,
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


def read_scale(text: str) -> float:
    """Drawn size over the true size of the picture from text such as 1:1 or 1:2.

    Raises:
        ValueError: for anything else.
    """
    try:
        drawn, true = (float(part) for part in text.split(":"))
    except ValueError:
        raise ValueError(f"'{text}' is not of the form 1:1, 1:2 or 2:1.") from None
    if not (math.isfinite(drawn) and math.isfinite(true) and drawn > 0 and true > 0):
        raise ValueError(f"'{text}': both numbers must be above 0.")
    return drawn / true


def read_crop(text: str) -> tuple[int, int, int, int]:
    """Left, top, width and height in pixels from text such as 100,50,640,480.

    Raises:
        ValueError: for anything else.
    """
    try:
        left, top, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"'{text}' is not of the form X,Y,W,H in whole pixels.") from None
    if left < 0 or top < 0 or width < 1 or height < 1:
        raise ValueError(f"'{text}': X and Y must be at least 0, W and H at least 1.")
    return left, top, width, height


_Size: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """What the user may choose.

    Attributes:
        profile: name or path of a profile; None for the default.
        method: who draws: the network for characters ("model"), the networks that follow lines ("hand"),
            the skeleton ("tour"), or whoever suits ("auto").
        stroke_style: how the hand draws: with as few lifts as the picture's parts allow ("one-line"), or
            with those that people make ("hand").
        style: whether the picture is lines or tone; "auto" looks.
        tone_pattern: course of the line of a tone drawing.
        tone_spacing_mm: distance of its neighbouring lines; None for what suits the pen.
        tone_contrast: by how much differences from middle grey are multiplied in it.
        tone_white: darkness up to which wide places of a photograph stay white, in [0, 1].
        weights: weights file of the network for characters, or the folder of the hand's two networks;
            None for the shipped ones.
        paper_mm: sheet in place of the profile's.
        fit_mm: box that the picture fills; None for a size of its own.
        at_mm: paper position of the picture's lower left corner; None for the middle.
        margin_mm: edge of the paper that is kept free; not with a box.
        scale: drawn size over the true size that the file states; None for another rule of size.
        rotate_deg: by how much the picture is turned first, clockwise.
        crop: left, top, width and height of the part that counts, px of the upright file; None for all.
        ink_side: on which side of the paper the ink lies: darker, lighter or of another colour; "auto" looks.
        threshold: darkness from which a pixel is ink, in (0, 1); None to find it.
        area_mode: what becomes of flat areas that are lighter than the lines.
        despeckle_mm: marks smaller than this on the paper are left out; 0 to judge by the picture's noise.
        keep_rules: whether printed lines of ruled and squared paper are drawn.
        keep_perspective: whether a sheet that was photographed at an angle stays as it is in the photo.
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
        Method,
        Asked(
            ("--method",),
            "Who draws: the network for characters, the hand's networks, the tour, or whoever suits.",
        ),
    ] = "auto"
    stroke_style: Annotated[
        StrokeStyle, Asked(("--stroke-style",), "The hand's lifts: as few as can be, or as people lift.")
    ] = "one-line"
    style: Annotated[
        StyleWord, Asked(("--style",), "Lines, or one line whose width follows the tone of a photo.")
    ] = "auto"
    tone_pattern: Annotated[Pattern, Asked(("--tone-pattern",), "Course of the line of a tone drawing.")] = (
        "scan"
    )
    tone_spacing_mm: Annotated[
        float | None,
        Asked(
            ("--tone-spacing",), "Distance of its lines, mm.", unset="suits the pen", least=0.01, most=100.0
        ),
    ] = None
    tone_contrast: Annotated[
        float, Asked(("--tone-contrast",), "Multiplies differences from middle grey.", least=0.1, most=10.0)
    ] = 1.0
    tone_white: Annotated[
        float, Asked(("--tone-white",), "Darkness up to which paper stays white.", least=0.0, most=0.9)
    ] = TONE_WHITE
    weights: Annotated[
        Path | None, Asked(("--weights",), "Weights of the network: a file; of the hand: a folder.")
    ] = None
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
    scale: Annotated[
        float | None,
        Asked(("--scale",), "Drawn size to the true size that the file states, 1:1.", read=read_scale),
    ] = None
    rotate_deg: Annotated[
        Turn, Asked(("--rotate",), "Turn the picture first, clockwise: 90, 180 or 270.", read=read_turn)
    ] = 0
    crop: Annotated[
        tuple[int, int, int, int] | None,
        Asked(("--crop",), "Only this part of the picture, X,Y,W,H in px.", read=read_crop),
    ] = None
    ink_side: Annotated[
        InkSide, Asked(("--ink",), "What is ink: darker or lighter than the paper, or any other colour.")
    ] = "auto"
    threshold: Annotated[
        float | None,
        Asked(
            ("--threshold",),
            "Darkness from which a pixel is ink, 0 to 1.",
            unset="found",
            least=0.01,
            most=0.99,
        ),
    ] = None
    area_mode: Annotated[
        AreaMode, Asked(("--areas",), "Flat areas lighter than the lines: hatched, outlined or left out.")
    ] = "tone"
    despeckle_mm: Annotated[
        float,
        Asked(
            ("--despeckle",), "Leave out marks smaller than this, mm; 0: only noise.", least=0.0, most=100.0
        ),
    ] = 0.0
    keep_rules: Annotated[
        bool, Asked(("--keep-rules/--no-rules",), "Draw the printed lines or dots of the paper.")
    ] = False
    keep_perspective: Annotated[
        bool,
        Asked(
            ("--keep-perspective/--straighten",),
            "Leave a sheet photographed at an angle as it is in the photo.",
        ),
    ] = False
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
