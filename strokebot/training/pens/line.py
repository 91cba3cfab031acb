r"""The line pen: a solid line of tapered capsules, the darkest segment wins.

Nouns and symbols, in pixels (canvas units times the longer side L):
    segment k   from p_k to p_{k+1}, half widths r_0, r_1, inks a_0, a_1
    m, l, u     p_{k+1} - p_k, its length, its direction (1, 0 where l = 0)
    h, w        along and across: (x - p_k).u and |cross(u, x - p_k)| of pixel centre x
    b           taper (r_0 - r_1) / l, held inside (-1, 1)
    s           where on the segment the edge is nearest: clip(h - w b / sqrt(1 - b^2), 0, l)
    sd          signed distance to the edge: sqrt((h - s)^2 + w^2 + eps) - (r_0 - b s)
    coverage    sigmoid(-sd / softness)
    I(x)        max_k a(s) coverage,   a(s) = a_0 + (a_1 - a_0) s / l

s minimises the distance to the union of discs along the segment: set the derivative
of sqrt((h - s)^2 + w^2) - r_0 + b s to zero. Where |b| reaches 1 the larger disc holds
the smaller one and s goes to its end; a smaller r_0 counts as large as fits inside, so that
the larger end keeps its own radius.

A maximum passes its gradient to one segment a pixel only, so the rendering is done
twice: the winning segment of each pixel is found without a graph, then that segment
alone is evaluated with one. Same image, same gradient (away from ties), memory for
pixels instead of segments x pixels. ``render_reference`` is the plain version.

A line drawn twice is one line: a maximum does not darken where the pen retraces, as
with a fibre tip.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from strokebot.training.pens.base import INTENSITY, SIZE, check_gestures, pixel_centres, positions

# Edge softness of the default pen in pixels: the logistic edge whose 10-90 % rise is about
# the one and a half pixels of an anti-aliased scan.
DEFAULT_SOFTNESS_PX = 0.35
# Shorter segments are points: their direction has no meaning (px).
_POINT_LENGTH_PX = 1e-4
# Under the square root of the distance, so that its gradient at 0 is finite (px^2).
_DISTANCE_EPS_PX2 = 1e-9
# The taper stays this far inside +-1; beyond, the larger disc holds the smaller one. The tip of a
# steeper cone is drawn blunter by 0.0005 of its length at most.
_MAX_TAPER = 0.9995
# Numbers of floats that the search for the winner holds at once on a CPU: fits a 1 MB cache.
_CPU_CHUNK_FLOATS = 100_000


class _Segments(NamedTuple):
    """Per-segment numbers, each (B, S), pixels."""

    x0: Tensor
    y0: Tensor
    ux: Tensor
    uy: Tensor
    length: Tensor
    radius0: Tensor
    taper: Tensor
    ink0: Tensor
    ink_slope: Tensor  # ink per pixel along the segment


def _segments(points: Tensor, radius: Tensor, ink_first: Tensor, ink_last: Tensor) -> _Segments:
    """Segments between points (B, N, 2) px with radii (B, N) px and inks (B, N-1) at both ends."""
    p0 = points[:, :-1]
    m = points[:, 1:] - p0
    is_point = (m * m).sum(-1) < _POINT_LENGTH_PX**2
    # The replaced m keeps the square root and the divisions away from zero in both passes.
    safe = torch.where(is_point[..., None], m.new_tensor([_POINT_LENGTH_PX, 0.0]), m)
    length = torch.sqrt((safe * safe).sum(-1))
    u = safe / length[..., None]
    radius_last = radius[:, 1:]
    # A first disc inside the last one is drawn as the largest that still lies inside: same union,
    # and radius0 - taper * length is the last radius although the taper is bounded.
    radius_first = torch.maximum(radius[:, :-1], radius_last - _MAX_TAPER * length)
    taper = ((radius_first - radius_last) / length).clamp(-_MAX_TAPER, _MAX_TAPER)
    return _Segments(
        p0[..., 0],
        p0[..., 1],
        u[..., 0],
        u[..., 1],
        length,
        radius_first,
        taper,
        ink_first,
        (ink_last - ink_first) / length,
    )


def _gesture_segments(start: Tensor, steps: Tensor, longer_px: int) -> _Segments:
    check_gestures(start, steps)
    points = positions(start, steps) * longer_px
    radius = steps[..., SIZE] * (0.5 * longer_px)
    ink = steps[..., INTENSITY]
    if points.shape[1] == 1:  # a single point is a segment without length
        points, radius, ink = (torch.cat([v, v], dim=1) for v in (points, radius, ink))
    return _segments(points, radius, ink[:, :-1], ink[:, 1:])


def _ink(seg: _Segments, x: Tensor, y: Tensor, softness: Tensor | float) -> Tensor:
    """Ink of segments at pixels; all shapes broadcast."""
    dx, dy = x - seg.x0, y - seg.y0
    along = dx * seg.ux + dy * seg.uy
    across = dx * seg.uy - dy * seg.ux
    slope = seg.taper * torch.rsqrt(1.0 - seg.taper * seg.taper)
    s = torch.minimum((along - across.abs() * slope).clamp(min=0.0), seg.length)
    gap = along - s
    distance = torch.sqrt(gap * gap + across * across + _DISTANCE_EPS_PX2)
    signed = distance - seg.radius0 + seg.taper * s
    return (seg.ink0 + seg.ink_slope * s) * torch.sigmoid(-signed / softness)


def render_reference(
    start: Tensor, steps: Tensor, height: int, width: int, softness: Tensor | float = DEFAULT_SOFTNESS_PX
) -> Tensor:
    """The plain rendering: every segment at every pixel, with a graph. The oracle of ``LinePen``.

    Args:
        start: (B, 2) canvas units.
        steps: (B, N, 4) canvas units.
        height: pixels, vertically.
        width: pixels, horizontally.
        softness: softness of the edge, px.

    Returns:
        Ink (B, 1, H, W) in [0, 1].
    """
    seg = _Segments(*(v[:, :, None] for v in _gesture_segments(start, steps, max(height, width))))
    x, y = pixel_centres(height, width, steps)
    return _ink(seg, x, y, softness).amax(dim=1).view(-1, 1, height, width)


@torch.no_grad()
def _winners(seg: _Segments, x: Tensor, y: Tensor, softness: Tensor | float) -> Tensor:
    """The index (B, P) of the segment that inks each pixel darkest, without a graph."""
    batch, count = seg.x0.shape
    column = _Segments(*(v[:, :, None] for v in seg))
    if x.is_cuda or torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export():
        return _ink(column, x, y, softness).argmax(dim=1)
    chunk = max(1, _CPU_CHUNK_FLOATS // (count * x.numel()))
    parts = [
        _ink(_Segments(*(v[i : i + chunk] for v in column)), x, y, softness).argmax(dim=1)
        for i in range(0, batch, chunk)
    ]
    return torch.cat(parts) if parts else torch.zeros(0, x.numel(), dtype=torch.long, device=x.device)


class LinePen(nn.Module):
    """A solid, tapered line with the winner-take-all gradient.

    Args:
        height: pixels of the rendering, vertically.
        width: pixels of the rendering, horizontally.
        softness_px: softness of the edge, px.
        learn_softness: whether the softness is a parameter that training fits.
    """

    log_softness: Tensor

    def __init__(
        self,
        height: int = 28,
        width: int = 28,
        softness_px: float = DEFAULT_SOFTNESS_PX,
        *,
        learn_softness: bool = False,
    ) -> None:
        super().__init__()
        if softness_px <= 0:
            raise ValueError("softness_px must be above 0")
        self.height, self.width = height, width
        log_softness = torch.tensor(math.log(softness_px))
        if learn_softness:
            self.log_softness = nn.Parameter(log_softness)
        else:
            self.register_buffer("log_softness", log_softness)

    @property
    def softness_px(self) -> float:
        """Softness of the edge, px."""
        return float(self.log_softness.detach().exp())

    def forward(self, start: Tensor, steps: Tensor) -> Tensor:
        """Renders start (B, 2) and steps (B, N, 4) to ink (B, 1, H, W)."""
        return self._render(_gesture_segments(start, steps, max(self.height, self.width)))

    def draw_segments(self, points: Tensor, size: Tensor, segment_ink: Tensor) -> Tensor:
        """Renders a path whose ink may change abruptly from one segment to the next.

        Args:
            points: (B, N, 2) canvas units.
            size: (B, N) full line width, canvas units.
            segment_ink: (B, N-1) ink of each segment.

        Returns:
            Ink (B, 1, H, W) in [0, 1].
        """
        longer = max(self.height, self.width)
        return self._render(_segments(points * longer, size * (0.5 * longer), segment_ink, segment_ink))

    def _render(self, seg: _Segments) -> Tensor:
        softness = self.log_softness.exp().to(seg.x0.dtype)
        x, y = pixel_centres(self.height, self.width, seg.x0)
        winner = _winners(seg, x, y, softness)
        picked = _Segments(*(torch.gather(v, 1, winner) for v in seg))
        return _ink(picked, x, y, softness).view(-1, 1, self.height, self.width)
