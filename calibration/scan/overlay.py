"""A picture of what was measured where: the scan, with every mark's plan and measured edges on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from calibration.chart.spec import Chart
from calibration.light import encoded
from calibration.scan.measure import Reading
from calibration.scan.picture import Picture

# Longest side of the picture, px: enough to read a line of 0.3 mm on an A4 sheet.
_LONGEST_PX = 3000
# Okabe and Ito's colours: measured edges, plans without ink, fiducials and crosses.
_EDGE = (0, 114, 178)
_MISSING = (213, 94, 0)
_PLACE = (0, 158, 115)


def overlay(picture: Picture, chart: Chart, reading: Reading) -> NDArray[np.uint8]:
    """Draws what was measured over the picture.

    Args:
        picture: the scan.
        chart: its plan.
        reading: of ``measure``.

    Returns:
        (h, w, 3) RGB, reduced to ``_LONGEST_PX``. Blue: both edges of a line, as wide as it was
        measured; vermillion: the plan of a line that has no ink; green: fiducials and crosses.
    """
    rows, columns = picture.grey.shape
    scale = min(1.0, _LONGEST_PX / max(rows, columns))
    grey = Image.fromarray(encoded(picture.grey))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    image = grey.resize(size, Image.Resampling.BOX).convert("RGB")
    draw = ImageDraw.Draw(image)

    def path(points_mm: NDArray[np.float64]) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in reading.view.to_picture(points_mm) * scale]

    for figure in chart.fiducials:
        half = figure.size_mm / 2
        square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * half + figure.centre_mm
        draw.line(path(square), fill=_PLACE, width=2)
    for line in reading.measurements.lines:
        points = chart.mark(line.name).xy_mm
        if len(points) == 1:
            turn = np.linspace(0, 2 * np.pi, 25)
            circle = points[0] + line.width_mm / 2 * np.column_stack([np.cos(turn), np.sin(turn)])
            draw.line(path(circle), fill=_EDGE, width=1)
            continue
        if line.coverage == 0:
            draw.line(path(points), fill=_MISSING, width=1)
            continue
        unit = (points[-1] - points[0]) / max(float(np.linalg.norm(points[-1] - points[0])), 1e-9)
        left = np.array([-unit[1], unit[0]])
        if line.samples:
            place = points[0] + np.array([s.s_mm for s in line.samples])[:, None] * unit
            half_width = np.array([s.width_mm for s in line.samples])[:, None] / 2
        else:
            place, half_width = points[[0, -1]], np.full((2, 1), line.width_mm / 2)
        for sign in (1.0, -1.0):
            draw.line(path(place + (line.offset_mm + sign * half_width) * left), fill=_EDGE, width=1)
    for point in reading.measurements.points:
        (x, y), reach = path(np.array([point.measured_mm]))[0], 4
        draw.line([(x - reach, y), (x + reach, y)], fill=_PLACE)
        draw.line([(x, y - reach), (x, y + reach)], fill=_PLACE)
    return np.asarray(image)
