"""Pictures of grouped gestures: each cluster's mean gesture with members, and a map of all."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from strokebot.gesture import gestures_of
from strokebot.training import metrics
from strokebot.training.sheets import ink_panel, track_panel
from strokebot.training.testsets import TestSet

_MEMBERS = 10
_GAP = 4
_TEXT_PX = 150
_ZOOM = 3
_MAP_PX = 900
_DOT_PX = 2
_LEGEND_PX = 60
_GROUND = (244, 244, 240)


def cluster_sheet(
    test: TestSet, start: NDArray[np.float32], steps: NDArray[np.float32], groups: NDArray[np.int64]
) -> Image.Image:
    """One row a cluster: its mean gesture as track and drawing, its mean image, and typical members.

    Clusters are ordered by their dominant label; members by their distance to the mean gesture.

    Args:
        test: the images.
        start: (B, 2) of their gestures.
        steps: (B, N, 4) of their gestures.
        groups: (B,) cluster of each.
    """
    side = test.images.shape[1] * _ZOOM
    rows = []
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        labels, counts = np.unique(test.label[members], return_counts=True)
        rows.append((str(labels[counts.argmax()]), float(counts.max() / counts.sum()), members))
    rows.sort(key=lambda row: (row[0], -len(row[2])))
    width = _TEXT_PX + (3 + _MEMBERS) * (side + _GAP)
    sheet = Image.new("RGB", (width, len(rows) * (side + _GAP)), _GROUND)
    draw = ImageDraw.Draw(sheet)
    for k, (label, purity, members) in enumerate(rows):
        y = k * (side + _GAP)
        mean_start = start[members].mean(axis=0, keepdims=True)
        mean_steps = steps[members].mean(axis=0, keepdims=True)
        gesture = gestures_of(mean_start, mean_steps)[0]
        panels = [
            track_panel(gesture, side),
            ink_panel(metrics.raster(mean_start, mean_steps)[0], _ZOOM),
            ink_panel(test.images[members].mean(axis=0), _ZOOM),
        ]
        away = ((steps[members, :-1, :2] - mean_steps[:, :-1, :2]) ** 2).sum(axis=(1, 2))
        nearest = members[np.argsort(away)]
        shown = nearest[np.linspace(0, len(nearest) - 1, min(_MEMBERS, len(nearest))).astype(int)]
        panels += [ink_panel(test.images[i], _ZOOM) for i in shown]
        draw.text(
            (8, y + side // 2 - 18), f"mostly {label}\n{purity:.1%} of {len(members)}", fill=(20, 20, 20)
        )
        for column, panel in enumerate(panels):
            sheet.paste(panel, (_TEXT_PX + column * (side + _GAP), y))
    return sheet


def map_picture(points: NDArray[np.float64], labels: NDArray[np.str_]) -> Image.Image:
    """All gestures as dots at their place (B, 2) in a plane, coloured by label."""
    low, high = points.min(axis=0), points.max(axis=0)
    place = (points - low) / max(float((high - low).max()), 1e-12) * (_MAP_PX - 20) + 10
    picture = Image.new("RGB", (_MAP_PX + _LEGEND_PX, _MAP_PX), _GROUND)
    draw = ImageDraw.Draw(picture)
    names = np.unique(labels)
    for k, name in enumerate(names):
        colour = _colour(k, len(names))
        for x, y in place[labels == name]:
            draw.ellipse([x - _DOT_PX, y - _DOT_PX, x + _DOT_PX, y + _DOT_PX], fill=colour)
        draw.ellipse([_MAP_PX + 8, 20 + 24 * k, _MAP_PX + 20, 32 + 24 * k], fill=colour)
        draw.text((_MAP_PX + 28, 20 + 24 * k), str(name), fill=(20, 20, 20))
    return picture


def _colour(k: int, count: int) -> tuple[int, int, int]:
    """One of so many colours: hues at equal distances, every other one darker."""
    red, green, blue = colorsys.hls_to_rgb(k / count, 0.35 if k % 2 else 0.55, 0.75)
    return round(255 * red), round(255 * green), round(255 * blue)
