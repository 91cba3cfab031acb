"""Pictures as people feed them to a plotter, made together with the ink that is truly on them.

A drawing program that finds its own ink is easily judged against that same ink. Here each picture
is built in layers, so the ink is known before light, paper, table, camera and file format get in the way:

    drawing     coverage of line ink, in [0, 1], drawn some times finer than the picture
    paper       colour, printed rules or squares, tooth (for pencil)
    view        a homography from the sheet to the picture: flat, or a sheet on a table
    light       fall-off, cast shadows with hard or soft edges
    camera      blur, shot noise, JPEG

The truth is the drawing under the same view. Areas (flat fills of line art) are told apart from lines:
they may be drawn or left out.

    KINDS       one difficulty each
    MIXED       several at once, as in a phone's photo
    FURTHER     papers, stains and copies that were thought of later (``further_scenes``)
    MIXTURE     any of all that at once (``mixture_scenes``), for training
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tests.support.further_scenes import MAKERS as FURTHER_MAKERS
from tests.support.mixture_scenes import mixture
from tests.support.scene_layers import (
    CARDS,
    INKS,
    PHRASES,
    Canvas,
    Field,
    Made,
    View,
    camera,
    cast_shadow,
    circle,
    even,
    fall_off,
    laid,
    maze,
    pen_colour,
    pencil,
    printed,
    rules,
    scribble,
    sheet_corners,
    table,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and what is truly on it.

    Attributes:
        kind: one of ``KINDS``, ``MIXED`` or ``FURTHER``.
        seed: of everything random in it.
        picture: (H, W) uint16, (H, W, 3) or (H, W, 4) uint8.
        truth: (H, W) in [0, 1], coverage by line ink.
        areas: (H, W) in [0, 1], coverage by flat areas that are no lines.
        light_on_dark: polarity; None where neither answer is wrong.
        area_darkness: darkness of the areas, in [0, 1].
        jpeg_quality: the file is a JPEG of this quality; None for PNG.
        pattern: (H, W) in [0, 1], coverage by printed rules.
        other: (H, W) in [0, 1], coverage by what is neither paper nor drawn: the table, holes, stains.
    """

    kind: str
    seed: int
    picture: NDArray[Any]
    truth: Field
    areas: Field
    light_on_dark: bool | None = False
    area_darkness: float = 0.0
    jpeg_quality: int | None = None
    pattern: Field | None = None
    other: Field | None = None

    def save(self, folder: Path) -> Path:
        """Writes the picture into a folder; returns the file."""
        path = folder / f"{self.kind}-{self.seed}.{'png' if self.jpeg_quality is None else 'jpg'}"
        more = {} if self.jpeg_quality is None else {"quality": self.jpeg_quality}
        Image.fromarray(self.picture).save(path, **more)
        return path


# -- the kinds -------------------------------------------------------------------------------------------


def _plain(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    sheet = Canvas(*size)
    scribble(sheet, rng, (1.4, 6.0))
    truth = View(size, None).show(sheet)
    return Made(laid(even(size, 255), truth, rng.uniform(0, 60, 3)), truth)


def _jpeg(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    made = _plain(rng, size)
    made.jpeg_quality = int(rng.integers(8, 40))
    return made


def _alpha(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    made = _plain(rng, size)
    colour = [(0, 0, 0), (255, 255, 255), (245, 215, 50), (190, 40, 70), (60, 120, 220)][rng.integers(5)]
    made.picture = np.concatenate([even(size, colour), 255 * made.truth[..., None]], axis=2)
    made.light_on_dark = None
    return made


def _negative(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    made = _plain(rng, size)
    made.picture = laid(even(size, rng.uniform(5, 60, 3)), made.truth, rng.uniform(190, 255, 3))
    made.light_on_dark = True
    return made


def _marks(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    """Thick walls beside small print."""
    sheet, (w, h) = Canvas(*size), size
    wall, em = rng.uniform(9, 18), rng.uniform(14, 21)
    m = wall
    sheet.line(np.array([[m, m], [w - m, m], [w - m, h - m], [m, h - m], [m, m]]), wall)
    for y in np.arange(0.2 * h, 0.8 * h - em, 2.1 * em):
        sheet.text(0.2 * w, float(y), str(rng.choice(PHRASES)), em)
    truth = View(size, None).show(sheet)
    return Made(laid(even(size, 255), truth, (0, 0, 0)), truth)


def _pencilled(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    sheet = Canvas(*size)
    scribble(sheet, rng, (3.0, 6.5), words=False)
    truth = View(size, None).show(sheet)
    return Made(pencil(rng, truth, rng.uniform(225, 250)), truth)


def _coloured(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    picture, truth = even(size, 255), np.zeros((size[1], size[0]), dtype=np.float32)
    for k in (0, *(rng.permutation(len(INKS) - 1)[: rng.integers(2, 5)] + 1)):
        sheet = Canvas(*size)
        scribble(sheet, rng, (2.2, 5.0), words=False, count=(1, 3))
        one = View(size, None).show(sheet)
        picture, truth = laid(picture, one, INKS[int(k)]), np.maximum(truth, one)
    return Made(picture, truth)


def _card(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    ground, ink = CARDS[rng.integers(len(CARDS))]
    sheet = Canvas(*size)
    scribble(sheet, rng, (2.5, 6.0))
    truth = View(size, None).show(sheet)
    return Made(laid(even(size, ground), truth, ink), truth, light_on_dark=None)


def _areas(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    """Line art with a flat grey or coloured fill inside an outline."""
    w, h = size
    fill, lines = Canvas(*size), Canvas(*size)
    if rng.random() < 0.5:
        edge = circle(w / 2, h / 2, 0.36 * min(size), squash=rng.uniform(0.7, 1.0))
    else:
        turn = np.sort(rng.uniform(0, 2 * np.pi, 7)) + np.linspace(0, 1e-3, 7)
        edge = np.column_stack([w / 2 + 0.4 * w * np.cos(turn), h / 2 + 0.4 * h * np.sin(turn)])
        edge = np.vstack([edge, edge[:1]])
    fill.polygon(edge)
    width = rng.uniform(2.5, 4.5)
    if rng.random() < 0.8:
        lines.line(edge, width)
    scribble(lines, rng, (2.5, 4.5), room=0.3, words=False, count=(1, 4))
    truth, shape = View(size, None).show(lines), View(size, None).show(fill)
    fills = [
        (205, 205, 205),
        (170, 170, 170),
        (135, 135, 135),
        (238, 170, 70),
        (165, 200, 240),
        (150, 210, 140),
    ]
    colour = fills[rng.integers(len(fills))]
    picture = laid(laid(even(size, 255), shape, colour), truth, (0, 0, 0))
    darkness = float(1 - np.mean(colour) / 255)
    return Made(picture, truth, np.clip(shape - truth, 0, 1), area_darkness=darkness)


def _framed(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    """Dark ink on the border of the picture: a frame or a maze."""
    if rng.random() < 0.5:
        cell = int(rng.integers(7, 16))
        truth = np.kron(maze(rng, int(rng.integers(4, 10))), np.ones((cell, cell))).astype(np.float32)
        return Made(np.repeat(255 * (1 - truth)[..., None], 3, axis=2), truth)
    sheet, (w, h), wide = Canvas(*size), size, rng.uniform(5, 17)
    scribble(sheet, rng, (2.0, 6.0), room=0.12)
    m = wide / 2 - 0.5
    sheet.line(np.array([[m, m], [w - m, m], [w - m, h - m], [m, h - m], [m, m]]), wide)
    truth = View(size, None).show(sheet)
    return Made(laid(even(size, 255), truth, rng.uniform(0, 60, 3)), truth)


def _scanned(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    """Grainy paper under uneven light."""
    sheet = Canvas(*size)
    scribble(sheet, rng, (1.8, 5.0))
    truth = View(size, None).show(sheet)
    paper = even(size, rng.uniform(205, 250, 3))
    paper += ndimage.gaussian_filter(rng.normal(0, 1, (size[1], size[0])), 1.2)[..., None] * rng.uniform(
        5, 22
    )
    picture = laid(paper, truth, pen_colour(rng)) * fall_off(rng, size, rng.uniform(0.2, 0.5))
    return Made(camera(rng, picture, rng.uniform(0.4, 1.0), rng.uniform(2, 6)), truth)


def _shadowed(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    sheet = Canvas(*size)
    scribble(sheet, rng, (2.2, 5.0))
    truth = View(size, None).show(sheet)
    picture = laid(even(size, rng.uniform(228, 248, 3)), truth, pen_colour(rng))
    picture = picture * cast_shadow(rng, size) * fall_off(rng, size, rng.uniform(0, 0.3))
    return Made(camera(rng, picture, rng.uniform(0.5, 0.9), rng.uniform(1, 4)), truth)


def _printed(kind: str) -> Callable[[np.random.Generator, tuple[int, int]], Made]:
    def make(rng: np.random.Generator, size: tuple[int, int]) -> Made:
        sheet, view = Canvas(*size), View(size, None)
        scribble(sheet, rng, (2.2, 4.2))
        truth = view.show(sheet)
        picture = even(size, rng.uniform(240, 252))
        picture, pattern = printed(view, rules(rng, size, kind), picture)
        picture = laid(picture, truth, pen_colour(rng))
        if rng.random() < 0.7:
            picture = picture * fall_off(rng, size, rng.uniform(0.0, 0.4))
            picture = camera(rng, picture, rng.uniform(0.4, 0.8), rng.uniform(1, 4))
        return Made(picture, truth, pattern=pattern)

    return make


def _photographed(
    rng: np.random.Generator,
    size: tuple[int, int],
    lean: float,
    paper_kind: str = "plain",
    shadow: bool = False,
    jpeg: bool = False,
) -> Made:
    """A sheet on a table."""
    w, h = size
    view = View(size, sheet_corners(rng, size, lean))
    sheet, whole = Canvas(w, h), Canvas(w, h)
    whole.polygon(np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]]))
    scribble(sheet, rng, (2.4, 5.0), room=0.14)
    truth = view.show(sheet)
    on_sheet, pattern = view.show(whole), None
    picture = laid(table(rng, size), on_sheet, rng.uniform(222, 250, 3))
    if paper_kind != "plain":
        picture, pattern = printed(view, rules(rng, size, paper_kind), picture)
    picture = laid(picture, truth, pen_colour(rng)) * fall_off(rng, size, rng.uniform(0, 0.3))
    if shadow:
        picture = picture * cast_shadow(rng, size)
    picture = camera(rng, picture, rng.uniform(0.5, 0.9), rng.uniform(1, 4))
    quality = int(rng.integers(70, 92)) if jpeg else None
    return Made(picture, truth, jpeg_quality=quality, pattern=pattern, other=1 - on_sheet)


def _marker(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    """A bold marker, clean or photographed."""
    sheet = Canvas(*size)
    scribble(sheet, rng, (12.0, 24.0), room=0.15, words=False, count=(1, 3))
    truth = View(size, None).show(sheet)
    picture = laid(even(size, rng.uniform(235, 255)), truth, pen_colour(rng))
    if rng.random() < 0.5:
        picture = camera(rng, picture * fall_off(rng, size, 0.3), 0.8, 3)
    return Made(picture, truth)


def _faint(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    """A hard pencil: light grey lines on white, clean or scanned."""
    sheet = Canvas(*size)
    scribble(sheet, rng, (1.6, 4.0))
    truth = View(size, None).show(sheet)
    picture = laid(even(size, 250), truth, even(size, rng.uniform(150, 200))[0, 0])
    if rng.random() < 0.5:
        picture = camera(rng, picture * fall_off(rng, size, 0.15), 0.5, 2)
    return Made(picture, truth)


def _deep(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    made = _plain(rng, size)
    levels = made.picture.mean(axis=2) / 255 * (2 ** int(rng.integers(9, 13)) - 1)
    made.picture = levels.astype(np.float32)
    return made


def _phone(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    """Ruled, squared or plain paper on a table, with a shadow, in a compressed photo."""
    paper = str(rng.choice(["plain", "squared", "ruled"]))
    return _photographed(rng, size, 0.02, paper, shadow=bool(rng.random() < 0.6), jpeg=True)


def _phone_close(rng: np.random.Generator, size: tuple[int, int]) -> Made:
    """The same from nearby: the sheet fills the photo."""
    w, h = size
    out = 0.12 * np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
    box = np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])
    view = View(size, box + out + rng.normal(0, 0.015 * min(size), (4, 2)))
    sheet = Canvas(w, h)
    scribble(sheet, rng, (2.0, 4.0), room=0.2)
    truth = view.show(sheet)
    picture = even(size, rng.uniform(225, 250, 3))
    kind = str(rng.choice(["squared", "ruled", "plain"]))
    picture, pattern = printed(view, rules(rng, size, kind) if kind != "plain" else (), picture)
    picture = laid(picture, truth, pen_colour(rng)) * fall_off(rng, size, 0.35)
    if rng.random() < 0.6:
        picture = picture * cast_shadow(rng, size)
    picture = camera(rng, picture, rng.uniform(0.5, 0.9), rng.uniform(1, 4))
    return Made(picture, truth, jpeg_quality=int(rng.integers(70, 92)), pattern=pattern)


_MAKERS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Made]] = {
    "lines": _plain,
    "jpeg": _jpeg,
    "alpha": _alpha,
    "negative": _negative,
    "marks": _marks,
    "pencil": _pencilled,
    "colour": _coloured,
    "card": _card,
    "areas": _areas,
    "frame": _framed,
    "scan": _scanned,
    "shadow": _shadowed,
    "squared": _printed("squared"),
    "ruled": _printed("ruled"),
    "sheet": lambda rng, size: _photographed(rng, size, 0.01),
    "marker": _marker,
    "faint": _faint,
    "deep": _deep,
    "phone": _phone,
    "close": _phone_close,
    **FURTHER_MAKERS,
    "mixture": mixture,
}
MIXED = ("phone", "close")
FURTHER = tuple(FURTHER_MAKERS)
MIXTURE = "mixture"
KINDS = tuple(kind for kind in _MAKERS if kind not in (*MIXED, *FURTHER, MIXTURE))


def make_scene(kind: str, seed: int) -> Scene:
    """One scene: the same for the same kind and seed."""
    rng = np.random.default_rng([list(_MAKERS).index(kind), seed, 13])
    size = (int(rng.integers(260, 540)), int(rng.integers(220, 460)))
    made = _MAKERS[kind](rng, size)
    deep = made.picture.ndim == 2
    kinds = (65535, np.uint16) if deep else (255, np.uint8)
    picture = np.clip(made.picture + 0.5, 0, kinds[0]).astype(kinds[1])
    areas = np.zeros_like(made.truth) if made.areas is None else made.areas
    return Scene(
        kind, seed, picture, np.clip(made.truth, 0, 1), areas, made.light_on_dark, made.area_darkness,
        made.jpeg_quality, made.pattern, made.other,
    )  # fmt: skip


def encoded(scene: Scene) -> bytes:
    """The file of a scene, in memory."""
    out = io.BytesIO()
    if scene.jpeg_quality is None:
        Image.fromarray(scene.picture).save(out, "PNG")
    else:
        Image.fromarray(scene.picture).save(out, "JPEG", quality=scene.jpeg_quality)
    return out.getvalue()
