"""Papers, stains and copies that the kinds of ``scenes`` do not have: each with its true ink.

What is on the picture and is no drawing (a ring of coffee, a crease, the holes of a ring binder, the back
side that shines through) is no ink. Highlighter may be drawn or not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tests.support.scene_layers import (
    CARDS,
    Canvas,
    Field,
    Made,
    Points,
    View,
    camera,
    cast_shadow,
    circle,
    even,
    fall_off,
    laid,
    pen_colour,
    pencil,
    printed,
    rules,
    scribble,
    sheet_corners,
    table,
)  # fmt: skip

Rng = np.random.Generator
Size = tuple[int, int]


def _drawn(rng: Rng, size: Size, widths: tuple[float, float] = (2.2, 4.2), room: float = 0.12) -> Field:
    canvas = Canvas(*size)
    scribble(canvas, rng, widths, room=room)
    return View(size, None).show(canvas)


def _taken(rng: Rng, picture: Field, size: Size, dim: float = 0.3) -> Field:
    """Through a camera, in light that falls off."""
    lit = picture * fall_off(rng, size, rng.uniform(0.05, dim))
    return camera(rng, lit, rng.uniform(0.4, 0.8), rng.uniform(1, 4))


def _paper(rng: Rng, size: Size) -> Field:
    return even(size, rng.uniform(236, 252))


def _dots(rng: Rng, w: int, h: int) -> Canvas:
    """Dotted paper."""
    pitch, canvas = rng.uniform(11, 20), Canvas(w, h)
    start = rng.uniform(0, pitch, 2)
    for y in np.arange(start[1], h, pitch):
        for x in np.arange(start[0], w, pitch):
            canvas.line(np.array([[x, y], [x + 0.1, y]]), 1.6)
    return canvas


def _triangles(rng: Rng, w: int, h: int) -> Canvas:
    """Isometric paper: lines at 30, 90 and 150 degrees."""
    pitch, canvas = rng.uniform(13, 24), Canvas(w, h)
    for degrees in (30.0, 90.0, 150.0):
        along = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        across = np.array([-along[1], along[0]])
        for k in np.arange(-(w + h) / pitch, (w + h) / pitch):
            middle = np.array([w / 2, h / 2]) + across * (k + 0.3) * pitch
            canvas.line(np.array([middle - along * (w + h), middle + along * (w + h)]), 1.0)
    return canvas


def _on(pattern: Callable[[Rng, int, int], Canvas]) -> Callable[[Rng, Size], Made]:
    """Paper with a pattern, flat, nearby at an angle, or clean."""

    def make(rng: Rng, size: Size) -> Made:
        w, h = size
        box = np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])
        out = 0.12 * np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
        photo = rng.random() < 0.7
        corners = box + out + rng.normal(0, 0.012 * min(size), (4, 2)) if photo else None
        view, canvas = View(size, corners), Canvas(w, h)
        scribble(canvas, rng, (2.2, 4.2), room=0.2)
        truth = view.show(canvas)
        tone = rng.uniform(150, 200)
        colour = (tone - 15, tone + 5, 228) if rng.random() < 0.5 else (tone, tone, tone)
        strength = rng.uniform(0.6, 0.95)
        paper = _paper(rng, size)
        where = view.show(pattern(rng, w, h))
        picture = laid(paper, np.float32(strength) * where, colour)
        picture = laid(picture, truth, pen_colour(rng))
        return Made(_taken(rng, picture, size) if photo else picture, truth, pattern=where)

    return make


def _margin(rng: Rng, size: Size) -> Made:
    """Ruled paper with a margin line, on a table, at an angle."""
    w, h = size
    view = View(size, sheet_corners(rng, size, 0.022))
    canvas, whole = Canvas(w, h), Canvas(w, h)
    whole.polygon(np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]]))
    scribble(canvas, rng, (2.2, 4.0), room=0.16)
    truth = view.show(canvas)
    on_sheet = view.show(whole)
    picture = laid(table(rng, size), on_sheet, rng.uniform(228, 248, 3))
    picture, pattern = printed(view, rules(rng, size, "ruled"), picture)
    picture = laid(picture, truth, pen_colour(rng))
    taken = _taken(rng, picture, size)
    return Made(taken, truth, jpeg_quality=int(rng.integers(70, 92)), pattern=pattern, other=1 - on_sheet)


def _whiteboard(rng: Rng, size: Size) -> Made:
    """Marker on a whiteboard, with the glare of a lamp."""
    picture, truth = even(size, rng.uniform(185, 215, 3) * [1.0, 1.0, 1.02]), np.zeros(size[::-1], np.float32)
    for colour in rng.permutation([[25, 25, 30], [30, 60, 170], [190, 30, 40], [20, 120, 60]])[:2]:
        canvas = Canvas(*size)
        scribble(canvas, rng, (3.0, 5.5), room=0.12, count=(1, 3))
        one = View(size, None).show(canvas)
        picture, truth = laid(picture, one, colour), np.maximum(truth, one)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    at, reach = rng.uniform(0.2, 0.8, 2) * size, rng.uniform(0.06, 0.14) * min(size)
    glare = np.exp(-(((x - at[0]) / (2 * reach)) ** 2 + ((y - at[1]) / reach) ** 2))[..., None]
    picture = picture * fall_off(rng, size, 0.35) + 70 * glare
    return Made(camera(rng, picture, 0.7, rng.uniform(1, 3)), truth, jpeg_quality=85)


def _blueprint(rng: Rng, size: Size) -> Made:
    """White lines on blue, unevenly printed."""
    truth = _drawn(rng, size, (1.8, 3.5))
    ground = even(size, rng.uniform([15, 45, 110], [40, 85, 165]))
    patchy = ndimage.gaussian_filter(rng.normal(0, 1, size[::-1]), 25)
    ground *= (1 + 0.12 * patchy / patchy.std())[..., None]
    picture = laid(ground, truth, rng.uniform(195, 235, 3))
    return Made(_taken(rng, picture, size), truth, light_on_dark=True)


def _highlighter(rng: Rng, size: Size) -> Made:
    """Pencil or pen with broad, see-through marker over it."""
    truth = _drawn(rng, size, (2.0, 3.6))
    w, h = size
    marker = Canvas(w, h)
    for _ in range(rng.integers(1, 3)):
        x, y = rng.uniform(0.15, 0.4) * w, rng.uniform(0.2, 0.8) * h
        marker.line(
            np.array([[x, y], [x + rng.uniform(0.2, 0.4) * w, y + rng.uniform(-6, 6)]]), rng.uniform(16, 26)
        )
    broad = View(size, None).show(marker)
    colour = np.array([[255, 245, 90], [150, 245, 150], [255, 170, 200]][rng.integers(3)]) / 255
    picture = laid(_paper(rng, size), truth, rng.uniform(40, 90, 3))
    picture = picture * (1 - broad[..., None] * (1 - colour.astype(np.float32)))
    return Made(_taken(rng, picture, size), truth, areas=broad)


def _stamp(rng: Rng, size: Size) -> Made:
    """A rubber stamp: one colour, unevenly inked."""
    w, h = size
    canvas = Canvas(w, h)
    r = 0.36 * min(size)
    canvas.line(circle(w / 2, h / 2, r), rng.uniform(4, 7))
    canvas.line(circle(w / 2, h / 2, 0.8 * r), 2.0)
    canvas.text(w / 2 - 0.62 * r, h / 2 - 0.22 * r, "PAID 7.5", 0.34 * r)
    truth = View(size, None).show(canvas)
    patchy = ndimage.gaussian_filter(rng.normal(0, 1, (h, w)), 3.0)
    inked = truth * np.clip(0.8 + 0.15 * patchy / patchy.std(), 0.4, 1)
    picture = laid(
        _paper(rng, size),
        inked.astype(np.float32),
        [[190, 30, 50], [40, 60, 160], [110, 40, 130]][rng.integers(3)],
    )
    return Made(_taken(rng, picture, size, 0.2), truth)


def _coffee(rng: Rng, size: Size) -> Made:
    """The ring of a cup under the drawing."""
    w, h = size
    truth, ring = _drawn(rng, size), Canvas(w, h)
    r = rng.uniform(0.2, 0.3) * min(size)
    ring.line(circle(rng.uniform(0.35, 0.65) * w, rng.uniform(0.35, 0.65) * h, r), rng.uniform(7, 11))
    stain = ndimage.gaussian_filter(View(size, None).show(ring), 1.5)
    patchy = ndimage.gaussian_filter(rng.normal(0, 1, (h, w)), 12)
    stain = stain * np.clip(0.7 + 0.3 * patchy / patchy.std(), 0.1, 1)
    picture = laid(_paper(rng, size), (0.35 * stain).astype(np.float32), (150, 100, 55))
    return Made(_taken(rng, laid(picture, truth, pen_colour(rng)), size), truth, other=stain)


def _crease(rng: Rng, size: Size) -> Made:
    """A sheet that was folded: each fold is a light and a dark line, and one side lies darker."""
    w, h = size
    truth = _drawn(rng, size)
    light = np.ones((h, w), np.float32)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    for upright in (False, True)[: rng.integers(1, 3)]:
        far = (x - rng.uniform(0.4, 0.6) * w) if upright else (y - rng.uniform(0.4, 0.6) * h)
        far = far + rng.uniform(-0.03, 0.03) * (y if upright else x)
        light *= 1 - rng.uniform(0.03, 0.08) * (far > 0)
        light *= (
            1 - rng.uniform(0.06, 0.12) * np.exp(-((far / 1.6) ** 2)) + 0.05 * np.exp(-(((far + 3) / 2) ** 2))
        )
    picture = laid(_paper(rng, size) * 0.95, truth, pen_colour(rng)) * light[..., None]
    return Made(_taken(rng, picture, size), truth)


def _binder(rng: Rng, size: Size) -> Made:
    """A page from a ring binder or a spiral pad: holes along one side, dark behind."""
    w, h = size
    truth, holes = _drawn(rng, size, room=0.17), Canvas(w, h)
    pitch, wide = rng.uniform(16, 30), rng.uniform(6, 10)
    for y in np.arange(rng.uniform(4, pitch), h, pitch):
        holes.line(np.array([[0.05 * w, y], [0.05 * w + 0.1, y]]), wide)
    picture = laid(_paper(rng, size), truth, pen_colour(rng))
    where = View(size, None).show(holes)
    picture = laid(picture, where, rng.uniform(20, 70, 3))
    return Made(_taken(rng, picture, size), truth, other=where)


def _tiny(rng: Rng, size: Size) -> Made:
    """Line art of 200 px and less, hairlines of a pixel and a little more."""
    small = (round(0.4 * size[0]), round(0.4 * size[1]))
    canvas = Canvas(*small)
    scribble(canvas, rng, (1.0, 2.0), words=False)
    truth = View(small, None).show(canvas)
    picture = laid(even(small, 255), truth, rng.uniform(0, 60, 3))
    quality = int(rng.integers(30, 80)) if rng.random() < 0.5 else None
    return Made(picture, truth, jpeg_quality=quality)


def _squeezed(rng: Rng, size: Size) -> Made:
    """A photo that was sent too often: JPEG of quality 12 to 20."""
    truth = _drawn(rng, size, (2.2, 5.0))
    picture = laid(_paper(rng, size), truth, pen_colour(rng))
    return Made(_taken(rng, picture, size), truth, jpeg_quality=int(rng.integers(12, 21)))


def _one_bit(rng: Rng, size: Size) -> Made:
    """A scan in black and white, with dust."""
    truth = _drawn(rng, size, (2.0, 5.0))
    soft = ndimage.gaussian_filter(1 - truth, 0.6) + rng.normal(0, 0.06, truth.shape)
    black = soft < rng.uniform(0.45, 0.6)
    dust = rng.random(truth.shape) < rng.uniform(0.0002, 0.002)
    picture = np.where(black | dust, 0.0, 255.0).astype(np.float32)
    return Made(np.repeat(picture[..., None], 3, axis=2), truth)


def _lid(rng: Rng, size: Size) -> Made:
    """A scan whose page is smaller than the glass: black beside it, on one to three sides."""
    w, h = size
    truth = _drawn(rng, size, (2.0, 4.5), room=0.2)
    picture = laid(_paper(rng, size), truth, pen_colour(rng))
    page: NDArray[np.bool_] = np.ones((h, w), bool)
    y, x = np.mgrid[0:h, 0:w]
    tilt = rng.uniform(-0.02, 0.02)
    for side in rng.permutation(4)[: rng.integers(1, 4)]:
        edge = rng.uniform(0.03, 0.09) * min(size)
        far = (x + tilt * y, y - tilt * x, w - 1 - x + tilt * y, h - 1 - y - tilt * x)[side]
        page &= far > edge
    dark = rng.uniform(8, 50)
    picture = np.where(page[..., None], picture, np.float32(dark))
    taken = camera(rng, picture.astype(np.float32), 0.5, rng.uniform(1, 3))
    return Made(taken, truth, other=(~page).astype(np.float32))


def _gutter(rng: Rng, size: Size) -> Made:
    """A page of a book: it darkens towards the fold."""
    truth = _drawn(rng, size, (2.0, 4.0), room=0.16)
    w = size[0]
    x = np.arange(w, dtype=np.float32)[None, :, None]
    dark = 1 - rng.uniform(0.55, 0.85) * np.exp(-x / (rng.uniform(0.03, 0.07) * w))
    picture = laid(_paper(rng, size), truth, pen_colour(rng)) * dark
    return Made(camera(rng, picture.astype(np.float32), 0.6, rng.uniform(1, 3)), truth)


def _see_through(rng: Rng, size: Size) -> Made:
    """Thin paper: the drawing on the back shines through, mirrored and faint."""
    truth, back = _drawn(rng, size), _drawn(rng, size, (2.5, 5.0))[:, ::-1]
    picture = (
        _paper(rng, size) * (1 - rng.uniform(0.06, 0.14) * ndimage.gaussian_filter(back, 1.5))[..., None]
    )
    return Made(_taken(rng, laid(picture, truth, pen_colour(rng)), size), truth)


def _sugar(rng: Rng, size: Size) -> Made:
    """Coloured card, photographed: ink of another colour or darkness, light that falls off."""
    ground, ink = CARDS[rng.integers(len(CARDS))]
    colour = ink if rng.random() < 0.5 else (30.0, 30.0, 35.0)
    truth = _drawn(rng, size, (2.5, 5.0))
    return Made(_taken(rng, laid(even(size, ground), truth, colour), size), truth, light_on_dark=None)


def _chalk(rng: Rng, size: Size) -> Made:
    """Chalk on a blackboard that was wiped."""
    truth = _drawn(rng, size, (3.0, 5.5))
    shade = rng.uniform(35, 60)
    smear = ndimage.gaussian_filter(rng.normal(0, 1, size[::-1]), (6, 25))
    ground = even(size, (shade, shade + 12, shade + 3)) + (9 * smear / smear.std())[..., None]
    chalked = 255 - pencil(rng, truth, 235.0)
    picture = ground + np.clip(chalked - 20, 0, None) * 1.1
    return Made(_taken(rng, picture.astype(np.float32), size, 0.2), truth, light_on_dark=True)


def _desk(rng: Rng, size: Size) -> Made:
    """A coloured or dark sheet, or one with rounded corners, on a lighter table; a hand's shadow over it."""
    w, h = size
    corners: Points = sheet_corners(rng, size, 0.015)
    view, whole, canvas = View(size, corners), Canvas(w, h), Canvas(w, h)
    whole.polygon(np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]]))
    scribble(canvas, rng, (2.4, 5.0), room=0.16)
    truth = view.show(canvas)
    paper = [(190, 215, 235), (240, 225, 160), (215, 235, 200), (225, 225, 222)][rng.integers(4)]
    on_sheet = view.show(whole)
    picture = laid(even(size, rng.uniform(90, 160, 3)), on_sheet, paper)
    picture = laid(picture, truth, pen_colour(rng)) * cast_shadow(rng, size)
    taken = _taken(rng, picture, size, 0.2)
    return Made(taken, truth, jpeg_quality=int(rng.integers(70, 92)), other=1 - on_sheet)


MAKERS: dict[str, Callable[[Rng, Size], Made]] = {
    "dotted": _on(_dots),
    "isometric": _on(_triangles),
    "margin": _margin,
    "whiteboard": _whiteboard,
    "blueprint": _blueprint,
    "highlighter": _highlighter,
    "stamp": _stamp,
    "coffee": _coffee,
    "crease": _crease,
    "binder": _binder,
    "tiny": _tiny,
    "squeezed": _squeezed,
    "one_bit": _one_bit,
    "lid": _lid,
    "gutter": _gutter,
    "see_through": _see_through,
    "sugar": _sugar,
    "chalk": _chalk,
    "desk": _desk,
}
