"""Pictures with any of what ``scenes`` and ``further_scenes`` know at once: for training, and as a hard test.

Paper (white, coloured, dark), print on it, drawings in one to three inks or in pencil, what lies on paper
and is no drawing (stains, folds, holes, the back side), a table under it, light, shadow, glare, camera,
compression: each is there or not by chance.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tests.support.scene_layers import (
    INKS,
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
    pen_colour,
    printed,
    rules,
    scribble,
    sheet_corners,
    table,
    wander,
)  # fmt: skip

Rng = np.random.Generator
Size = tuple[int, int]

# Ink and paper differ by this much in one channel at least, of 255 levels.
_LEAST_CONTRAST = 70.0


def _paper_colour(rng: Rng) -> np.ndarray:
    what = rng.random()
    if what < 0.62:
        return rng.uniform(205, 254) + rng.normal(0, 2.5, 3)
    if what < 0.82:
        return rng.uniform(110, 250, 3)
    return rng.uniform(8, 70, 3) + rng.uniform(0, 60) * np.eye(3)[rng.integers(3)]


def _ink_colour(rng: Rng, paper: np.ndarray) -> np.ndarray:
    """An ink that stands out from the paper."""
    for _ in range(40):
        light = paper.max() < 135
        if light and rng.random() < 0.7:
            colour = rng.uniform(170, 255, 3)
        else:
            colour = np.array(pen_colour(rng) if rng.random() < 0.6 else INKS[rng.integers(len(INKS))])
        if np.abs(colour - paper).max() >= _LEAST_CONTRAST:
            return colour
    return np.full(3, 15.0) if paper.mean() > 120 else np.full(3, 235.0)


def _grain(rng: Rng, size: Size, scale: float) -> Field:
    field = ndimage.gaussian_filter(rng.normal(0, 1, size[::-1]), scale)
    return np.asarray(field / max(float(field.std()), 1e-6), dtype=np.float32)


def _held(rng: Rng, stroke: Field) -> Field:
    """What rough paper takes of a stroke of soft pencil or chalk, (H, W)."""
    tooth = _grain(rng, (stroke.shape[1], stroke.shape[0]), rng.uniform(0.6, 1.1))
    held = 1 / (1 + np.exp(-2.5 * (tooth + rng.uniform(0.0, 0.7))))
    return np.asarray(ndimage.gaussian_filter(stroke, rng.uniform(0.6, 1.3)) * (0.12 + 0.88 * held))


def _print(rng: Rng, size: Size) -> list[tuple[Canvas, tuple[float, float, float], float]]:
    """Layers of printed lines or dots."""
    w, h = size
    what = rng.random()
    if what < 0.75:
        return rules(rng, size, "squared" if what < 0.4 else "ruled")
    pitch, canvas, tone = rng.uniform(11, 24), Canvas(w, h), rng.uniform(140, 205)
    if what < 0.88:
        for y in np.arange(rng.uniform(0, pitch), h, pitch):
            for x in np.arange(rng.uniform(0, pitch), w, pitch):
                canvas.line(np.array([[x, y], [x + 0.1, y]]), 1.6)
    else:
        for degrees in (30.0, 90.0, 150.0):
            along = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
            across = np.array([-along[1], along[0]])
            for k in np.arange(-(w + h) / pitch, (w + h) / pitch):
                middle = np.array([w / 2, h / 2]) + across * (k + 0.3) * pitch
                canvas.line(np.array([middle - along * (w + h), middle + along * (w + h)]), 1.0)
    return [(canvas, (tone, tone, tone), rng.uniform(0.6, 0.95))]


def _stained(rng: Rng, picture: Field, size: Size, view: View, other: Field) -> tuple[Field, Field]:
    """Rings and spots of drinks, smudges, the back side; the picture, and what is no paper."""
    w, h = size
    if rng.random() < 0.22:  # the ring of a cup, whole or in part
        canvas = Canvas(w, h)
        r = rng.uniform(0.12, 0.34) * min(size)
        ring = circle(rng.uniform(0.2, 0.8) * w, rng.uniform(0.2, 0.8) * h, r, turns=rng.uniform(0.5, 1.0))
        canvas.line(ring, rng.uniform(4, 12))
        stain = ndimage.gaussian_filter(view.show(canvas), rng.uniform(0.8, 2.5))
        stain = stain * np.clip(0.7 + 0.3 * _grain(rng, size, rng.uniform(6, 16)), 0.1, 1)
        colour = rng.uniform([120, 75, 30], [190, 140, 100])
        picture = laid(picture, np.float32(rng.uniform(0.2, 0.5)) * stain, colour)
        other = np.maximum(other, stain)
    if rng.random() < 0.12:  # a spot
        canvas = Canvas(w, h)
        at, r = rng.uniform(0.15, 0.85, 2) * size, rng.uniform(0.04, 0.14) * min(size)
        canvas.polygon(at + circle(0, 0, r, squash=rng.uniform(0.5, 1.0)) * rng.uniform(0.85, 1.15, (120, 1)))
        stain = ndimage.gaussian_filter(view.show(canvas), rng.uniform(1, 5))
        picture = laid(picture, np.float32(rng.uniform(0.1, 0.35)) * stain, rng.uniform(60, 190, 3))
        other = np.maximum(other, stain)
    if rng.random() < 0.12:  # a smudge
        canvas = Canvas(w, h)
        canvas.line(wander(rng, (0.0, 0.0, float(w), float(h))), rng.uniform(8, 25))
        stain = ndimage.gaussian_filter(view.show(canvas), rng.uniform(4, 9))
        picture = laid(picture, np.float32(rng.uniform(0.05, 0.2)) * stain, (90, 90, 90))
    if rng.random() < 0.15:  # the back side shines through
        canvas = Canvas(w, h)
        scribble(canvas, rng, (2.5, 5.0))
        back = ndimage.gaussian_filter(view.show(canvas)[:, ::-1], rng.uniform(0.8, 2.0))
        picture = laid(picture, np.float32(rng.uniform(0.06, 0.16)) * back, (20, 20, 20))
        other = np.maximum(other, back)
    return picture, other


def _folded(rng: Rng, size: Size) -> Field:
    """Light (H, W, 1) of a sheet with folds, or of a page that darkens towards the middle of its book."""
    w, h = size
    light = np.ones((h, w), np.float32)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    if rng.random() < 0.2:
        for upright in (False, True)[: rng.integers(1, 3)]:
            far = (x - rng.uniform(0.2, 0.8) * w) if upright else (y - rng.uniform(0.2, 0.8) * h)
            far = far + rng.uniform(-0.05, 0.05) * (y if upright else x)
            light *= 1 - rng.uniform(0.0, 0.08) * (far > 0)
            light *= 1 - rng.uniform(0.03, 0.16) * np.exp(-((far / rng.uniform(0.8, 2.2)) ** 2))
            light *= 1 + 0.05 * np.exp(-(((far + 3) / 2) ** 2))
    if rng.random() < 0.07:
        light *= 1 - rng.uniform(0.4, 0.85) * np.exp(-x / (rng.uniform(0.02, 0.08) * w))
    return light[..., None]


def _beside(rng: Rng, picture: Field, size: Size, other: Field) -> tuple[Field, Field]:
    """Holes of a binder, the dark lid of a scanner."""
    w, h = size
    if rng.random() < 0.07:
        canvas, pitch = Canvas(w, h), rng.uniform(16, 60)
        x = rng.choice([0.05, 0.95]) * w
        for y in np.arange(rng.uniform(4, pitch), h, pitch):
            canvas.line(np.array([[x, y], [x + 0.1, y]]), rng.uniform(6, 10))
        holes = View(size, None).show(canvas)
        picture, other = laid(picture, holes, rng.uniform(15, 90, 3)), np.maximum(other, holes)
    if rng.random() < 0.06:
        y, x = np.mgrid[0:h, 0:w]
        tilt, page = rng.uniform(-0.02, 0.02), np.ones((h, w), dtype=bool)
        for side in rng.permutation(4)[: rng.integers(1, 4)]:
            far = (x + tilt * y, y - tilt * x, w - 1 - x + tilt * y, h - 1 - y - tilt * x)[side]
            page &= far > rng.uniform(0.02, 0.09) * min(size)
        lid = (~page).astype(np.float32)
        picture, other = laid(picture, lid, rng.uniform(5, 60)), np.maximum(other, lid)
    return picture, other


def mixture(rng: Rng, size: Size) -> Made:
    """One picture with any of all that."""
    w, h = size
    place = rng.random()
    flat, on_table = place < 0.45, place > 0.72
    box = np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])
    out = rng.uniform(0.02, 0.14) * np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
    near = box + out + rng.normal(0, 0.013 * min(size), (4, 2))
    view = View(
        size, None if flat else sheet_corners(rng, size, rng.uniform(0.0, 0.03)) if on_table else near
    )
    colour = _paper_colour(rng)
    sheet, other = even(size, colour), np.zeros((h, w), dtype=np.float32)
    if rng.random() < 0.5:
        sheet = sheet + _grain(rng, size, rng.uniform(0.8, 1.6))[..., None] * rng.uniform(1, 6)
    if rng.random() < 0.25:
        sheet = sheet * (1 + rng.uniform(0.02, 0.1) * _grain(rng, size, rng.uniform(10, 30)))[..., None]
    pattern = None
    if rng.random() < 0.45 and colour.mean() > 150:
        sheet, pattern = printed(view, _print(rng, size), sheet)
    sheet, other = _stained(rng, sheet, size, view, other)
    truth, room = np.zeros((h, w), dtype=np.float32), rng.uniform(0.12, 0.22)
    soft = rng.random() < 0.18
    thick = rng.random() < 0.1
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        canvas = Canvas(w, h)
        low = rng.uniform(9, 16) if thick else rng.uniform(2.6, 3.6) if soft else rng.uniform(1.4, 3.4)
        count = (1, 3) if thick else (2, 6)
        scribble(canvas, rng, (low, low * rng.uniform(1.2, 2.0)), room, words=not soft, count=count)
        one = view.show(canvas)
        ink = _ink_colour(rng, colour)
        weight = rng.uniform(0.4, 0.8) if rng.random() < 0.12 else rng.uniform(0.8, 1.0)
        sheet = laid(sheet, np.float32(weight) * (_held(rng, one) if soft else one), ink)
        truth = np.maximum(truth, one)
    areas = None
    if rng.random() < 0.08:  # highlighter
        marker = Canvas(w, h)
        at = rng.uniform(0.15, 0.4, 2) * size
        marker.line(
            at + np.array([[0, 0], [rng.uniform(0.2, 0.5) * w, rng.uniform(-8, 8)]]), rng.uniform(14, 26)
        )
        areas = view.show(marker)
        tint = np.array([[255, 245, 90], [150, 245, 150], [255, 170, 200]][rng.integers(3)]) / 255
        sheet = sheet * (1 - areas[..., None] * (1 - tint.astype(np.float32)))
    picture = sheet
    if on_table:
        whole = Canvas(w, h)
        whole.polygon(box)
        on_sheet = view.show(whole)
        picture = table(rng, size) * (1 - on_sheet[..., None]) + sheet * on_sheet[..., None]
        other = np.maximum(other, 1 - on_sheet)
    picture = picture * _folded(rng, size)
    if flat:
        picture, other = _beside(rng, picture, size, other)
    if rng.random() < 0.1 and flat:  # a file that no camera has seen
        quality = int(rng.integers(10, 90)) if rng.random() < 0.5 else None
        return Made(picture, truth, areas, None, jpeg_quality=quality, pattern=pattern, other=other)
    picture = picture * fall_off(rng, size, rng.uniform(0, 0.5))
    if rng.random() < 0.4:
        picture = picture * cast_shadow(rng, size)
    if rng.random() < 0.06:
        y, x = np.mgrid[0:h, 0:w]
        at, reach = rng.uniform(0.2, 0.8, 2) * size, rng.uniform(0.05, 0.15) * min(size)
        picture = (
            picture + 70 * np.exp(-(((x - at[0]) / (2 * reach)) ** 2 + ((y - at[1]) / reach) ** 2))[..., None]
        )
    picture = camera(rng, picture.astype(np.float32), rng.uniform(0.3, 1.1), rng.uniform(0.5, 6))
    quality = int(rng.integers(14, 93)) if rng.random() < 0.6 else None
    return Made(picture, truth, areas, None, jpeg_quality=quality, pattern=pattern, other=other)
