"""What the paper of a clean file is: one colour, exactly; and on which side of it the ink lies.

A file that a program wrote has its paper in one colour, to the last bit or nearly so (JPEG). That colour is
looked for on the border of the picture, where paper nearly always is. Where the border is a dark ring or a
maze's wall, it is ink: its deepest inscribed disc is small, and lighter paper lies inside.

Symbols: G = ground colour, a value in [0, 1] for each channel; r(S) = radius of the largest disc inside S.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.channels import LUMA, Channels

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

# A ground of one colour: so many of the border's pixels within this distance (1.5 of 255 levels).
_FLAT_SHARE = 0.9
_LEVEL = 1.5 / 255.0
# Colours this near (12 levels) are told from the ground by nothing but noise.
_NEAR = 12.0 / 255.0
# The border ring, as a share of the longer side.
_BORDER_SHARE = 0.03
# A ring of ink along the border is no thicker than twice this share of the shorter side.
_RING_SHARE = 0.075
# Colours are counted on about so many pixels.
_COUNTED = 2_000_000
# Discs are measured on a copy of at most so many px.
_COPY_PX = 700
# Luminance under which a ground is dark, and between which it is card: ink may be on either side.
_DARK, _CARD = 0.4, (0.3, 0.85)
# A ground is coloured when its channels differ by this much.
_COLOURED = 0.15


@dataclass(frozen=True)
class Ground:
    """The one colour of the paper.

    Attributes:
        colour: a value in [0, 1] for each channel.
        border_is_ink: the picture's border is ink and not paper.
    """

    colour: tuple[float, ...]
    border_is_ink: bool = False

    @property
    def luminance(self) -> float:
        """Brightness in [0, 1]."""
        return luma(self.colour)

    @property
    def is_card(self) -> bool:
        """Whether ink may be lighter or darker: a coloured or a middling ground."""
        coloured = max(self.colour) - min(self.colour) > _COLOURED
        return coloured or _CARD[0] < self.luminance < _CARD[1]


def luma(colour: tuple[float, ...]) -> float:
    """ITU-R BT.601 brightness of a colour of one or three channels."""
    if len(colour) == 1:
        return colour[0]
    return float(np.dot(LUMA, colour))


def border_mask(shape: tuple[int, int]) -> Mask:
    """The ring of pixels along the border, (H, W)."""
    mask = np.ones(shape, dtype=bool)
    ring = max(1, round(_BORDER_SHARE * max(shape)))
    if min(shape) > 2 * ring:
        mask[ring:-ring, ring:-ring] = False
    return mask


def clean_ground(channels: Channels) -> Ground | None:
    """The ground of a clean file, or None where the paper is uneven.

    Args:
        channels: one or three fields (H, W) in [0, 1].
    """
    ring = border_mask(channels[0].shape)
    level = tuple(float(np.median(channel[ring])) for channel in channels)
    off = _distance(channels, level)
    if float((off[ring] <= _LEVEL).mean()) < _FLAT_SHARE:
        # Ink may reach the border, yet clean files have few shades right beside the paper.
        level = _commonest(channels)
        off = _distance(channels, level)
        same, near = float((off <= _LEVEL / 3).mean()), float((off <= 8 * _LEVEL).mean())
        if same <= 0.2 or same <= 0.9 * near:
            return None
    ground = Ground(level)
    inner = _inner_paper(channels, level, off)
    return ground if inner is None else Ground(inner, border_is_ink=True)


def other_ground(channels: Channels, ground: Ground) -> Ground | None:
    """The commonest colour that is not the ground's, for those who say that the ink is on the other side."""
    rest = _distance(channels, ground.colour) > _NEAR
    if not rest.any():
        return None
    return Ground(_commonest(tuple(channel[rest] for channel in channels)))


def _inner_paper(channels: Channels, level: tuple[float, ...], off: Field) -> tuple[float, ...] | None:
    """The lighter paper inside a thin ring or a maze of dark ink; None where the border is paper."""
    if luma(level) > _DARK:
        return None
    border = off <= _NEAR
    rest = ~border
    if rest.mean() < 0.15:
        return None
    inner = _commonest(tuple(channel[rest] for channel in channels))
    if luma(inner) < luma(level) + 0.25:
        return None
    step = -(-max(off.shape) // _COPY_PX)
    dark = border[::step, ::step]
    light = (_distance(channels, inner) <= _NEAR)[::step, ::step]
    labels, _ = ndimage.label(dark)
    ring = border_mask(dark.shape) & dark
    numbers = np.unique(labels[ring])
    at_border = np.isin(labels, numbers[numbers > 0])
    thick, wide = _deepest(at_border), _deepest(light)
    if thick < _RING_SHARE * min(dark.shape) and wide >= 0.8 * thick:
        return inner
    return None


def _deepest(mask: Mask) -> float:
    """Radius of the largest disc inside a mask, px; what is beyond the picture is outside."""
    if not mask.any():
        return 0.0
    return float(ndimage.distance_transform_edt(np.pad(mask, 1)).max())


def _distance(channels: Channels, colour: tuple[float, ...]) -> Field:
    """The greatest difference of any channel, (H, W)."""
    off = np.zeros_like(channels[0])
    for channel, value in zip(channels, colour, strict=True):
        difference = channel - np.float32(value)
        np.maximum(off, np.abs(difference, out=difference), out=off)
    return off


def _commonest(channels: Channels) -> tuple[float, ...]:
    """The most frequent colour, to 1 of 255 levels."""
    step = 1 + channels[0].size // _COUNTED  # of large pictures one pixel in so many
    channels = tuple(channel.reshape(-1)[::step] for channel in channels)
    code = np.zeros(channels[0].shape, dtype=np.int64)
    for channel in channels:
        code = code * 256 + np.rint(np.clip(channel, 0, 1) * 255).astype(np.int64)
    values, counts = np.unique(code.reshape(-1), return_counts=True)
    most = int(values[np.argmax(counts)])
    found = []
    for _ in channels:
        found.append((most % 256) / 255)
        most //= 256
    chosen = tuple(reversed(found))
    # The exact value, where there is one: deep files have levels between.
    near = _distance(channels, chosen) <= 0.6 / 255
    return tuple(float(np.median(channel[near])) for channel in channels) if near.any() else chosen
