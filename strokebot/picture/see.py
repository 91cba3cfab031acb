"""What is seen in a picture: the sheet, its light and its pattern, the ink, and what is left out.

Nouns:
    ground     the paper, of one colour (clean files) or under light that changes (scans, photos)
    darkness   how far a pixel is from the ground, in the channel that shows it most: colour counts, so
               yellow on white is dark, and red on green of the same luminance too
    wide       structure wider than any line: a shadow, a flat area, solid ink
    solid      wide and about as dark as the lines: ink that is filled
    area       wide and lighter than the lines: a fill of line art, which may be drawn as tone or left out

The order is that of what lies over what: first the sheet is told from what it lies on, then light and
shadow are divided out, then printed rules; what then differs from paper is ink.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from strokebot.picture.ground import Channels, Ground, clean_ground, luminance_of
from strokebot.picture.ink import TRANSPARENT_SHARE, Polarity, ink_on_transparency, levels, raised
from strokebot.picture.light import closed, lit_paper, local_paper, reach_px
from strokebot.picture.pattern import Rules, find_rules, without_rules
from strokebot.picture.sheet import Sheet, find_sheet
from strokebot.picture.specks import joined_by_tooth, without_specks

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]
InkSide = Literal["auto", "dark", "light", "colour"]
LEAST_CONTRAST = 12.0 / 255.0
# What stands out by less is noise, for the polarity.
_MARGIN = 0.05


@dataclass(frozen=True)
class SeeOptions:
    """What the user may say about what is ink.

    Attributes:
        ink: on which side of the paper the ink lies: darker, lighter, or any other colour.
        threshold: darkness from which a pixel is ink, in (0, 1); None to find it.
        despeckle_mm: marks under this size are left out; None to judge them by the paper's noise.
        keep_rules: printed rules are ink.
    """

    ink: InkSide = "auto"
    threshold: float | None = None
    despeckle_mm: float | None = None
    keep_rules: bool = False


@dataclass(frozen=True, eq=False)
class Sight:
    """What was seen.

    Attributes:
        ink: (H, W) float32 in [0, 1].
        areas: (H, W) float32 in [0, 1], darkness of flat areas that are no line ink.
        polarity: how the ink was told from the paper.
        sheet: the sheet, or None where the picture is all paper.
        rules: printed rules that were taken out, or None.
        notes: what was taken for what, short phrases.
    """

    ink: Field
    areas: Field
    polarity: Polarity
    sheet: Sheet | None = None
    rules: Rules | None = None
    clean: bool = True
    notes: tuple[str, ...] = field(default=())


def see(channels: Channels, options: SeeOptions) -> Sight | None:
    """Finds the ink of an opaque picture.

    Args:
        channels: one or three fields (H, W) in [0, 1].
        options: what the user says.

    Returns:
        What is seen, or None if nothing stands out from the paper.
    """
    ground = clean_ground(channels)
    if ground is not None:
        return _clean(channels, ground, options)
    return _photographed(channels, options)


def see_transparent(channels: Channels, alpha: Field, options: SeeOptions) -> Sight | None:
    """The same for a picture with an opacity ``alpha`` (H, W) in [0, 1]."""
    luminance = luminance_of(channels)
    if float((alpha < 0.5).mean()) >= TRANSPARENT_SHARE:
        drawn = ink_on_transparency(luminance, alpha)
        if drawn is not None:
            if drawn.max() <= LEAST_CONTRAST:
                return None
            return Sight(raised(levels(drawn, noise=0.0)), np.zeros_like(drawn), "transparent")
    # Laid on paper of its own most common shade, light or dark.
    opaque = luminance[alpha >= 0.5]
    paper = np.float32(1.0 if opaque.size == 0 or np.median(opaque) >= 0.5 else 0.0)
    return see(tuple(channel * alpha + paper * (1 - alpha) for channel in channels), options)


# -- clean files -----------------------------------------------------------------------------------------


def _excess(channel: Field, level: float, side: InkSide) -> Field:
    """How far a channel (H, W) is from the ground's level, in [0, 1], on the side asked for."""
    found = np.zeros_like(channel)
    if side in ("dark", "colour"):
        found = np.clip((np.float32(level) - channel) / np.float32(max(level, 0.25)), 0, 1)
    if side in ("light", "colour"):
        np.maximum(
            found, np.clip((channel - np.float32(level)) / np.float32(max(1 - level, 0.25)), 0, 1), out=found
        )
    return found


def _clean(channels: Channels, ground: Ground, options: SeeOptions) -> Sight | None:
    side = options.ink
    if side == "auto":
        side = _clean_side(channels, ground)
    darkness = np.zeros_like(channels[0])
    for channel, level in zip(channels, ground.colour, strict=True):
        np.maximum(darkness, _excess(channel, level, side), out=darkness)
    if darkness.max() < LEAST_CONTRAST:
        return None
    ink, areas = darkness, np.zeros_like(darkness)
    ink, areas = _apart(channels, ground.colour, side, darkness)
    notes = []
    rules = None
    if not options.keep_rules:
        rules = find_rules(ink, None, float(np.percentile(ink[ink > 0.1], 90)) if (ink > 0.1).any() else 1.0)
        if rules is not None:
            ink = without_rules(ink, rules)
            notes.append(f"{rules.name} removed")
    ink, _ = without_specks(levels(ink, noise=0.0))
    if ink.max() < LEAST_CONTRAST:
        return None
    light = side == "light" or (side == "colour" and ground.luminance < 0.5)
    return Sight(
        raised(ink), areas, "light-on-dark" if light else "dark-on-light", None, rules, True, tuple(notes)
    )


def _clean_side(channels: Channels, ground: Ground) -> InkSide:
    """Dark, light or any: by the ground, and by what there is on it."""
    if ground.is_card and len(channels) == 3:
        return "colour"
    dark = light = 0.0
    for channel, level in zip(channels, ground.colour, strict=True):
        dark += float(np.clip(level - channel - LEAST_CONTRAST / 2, 0, None).sum())
        light += float(np.clip(channel - level - LEAST_CONTRAST / 2, 0, None).sum())
    return "light" if light > dark else "dark"


def _apart(
    channels: Channels, colour: tuple[float, ...], side: InkSide, darkness: Field
) -> tuple[Field, Field]:
    """Line ink and areas of a clean picture: darkness over the local fill, and the darkness of the fills."""
    from strokebot.picture.areas import find_areas

    return find_areas(channels, colour, side, darkness)


# -- scans and photos ------------------------------------------------------------------------------------


def _photographed(channels: Channels, options: SeeOptions) -> Sight | None:
    brightness = luminance_of(channels)
    sheet = find_sheet(brightness)
    known = None if sheet is None else sheet.mask
    notes = [] if sheet is None else ["a sheet on a table"]
    side = options.ink
    reach = reach_px(brightness.shape)
    if known is not None:
        channels = tuple(_filled(channel, known) for channel in channels)
    if side == "auto":
        side = "light" if _is_light_on_dark(luminance_of(channels), reach) else "dark"
    if side == "light":
        channels = tuple(np.float32(1) - channel for channel in channels)
    thin = np.zeros_like(brightness)
    wide = np.zeros_like(brightness)
    broad = np.zeros_like(brightness)
    for channel in channels:
        paper = local_paper(channel, reach)
        lit = lit_paper(closed(ndimage.gaussian_filter(channel, 0.8), reach), known)
        np.maximum(thin, 1 - channel / np.maximum(paper, 0.02), out=thin)
        np.maximum(wide, 1 - paper / lit, out=wide)
        np.maximum(broad, 1 - channel / lit, out=broad)
    noise = _noise(thin, known)
    strong = thin[thin > max(0.2, 5 * noise)]
    full = float(np.percentile(strong, 80)) if strong.size else 0.9
    solid = wide > np.clip(1 - 2 * (1 - full), 0.6, 0.8)
    if known is not None:
        solid &= known
    darkness = np.where(solid, np.maximum(broad, thin), thin)
    darkness = np.clip(darkness, 0, 1).astype(np.float32)
    if known is not None:
        darkness *= known
    rules = None
    if not options.keep_rules:
        rules = find_rules(darkness, known, full)
        if rules is not None:
            darkness = without_rules(darkness, rules)
            notes.append(f"{rules.name} removed")
    ink = levels(darkness, noise)
    joined = joined_by_tooth(ink)
    if joined is not None:
        ink = joined
        notes.append("pencil on rough paper")
    ink, _ = without_specks(ink)
    if ink.max() < LEAST_CONTRAST:
        return None
    return Sight(
        raised(ink), np.zeros_like(ink), "light-on-dark" if side == "light" else "dark-on-light",
        sheet, rules, False, tuple(notes),
    )  # fmt: skip


def _filled(channel: Field, known: Mask) -> Field:
    """A channel with what is beside the sheet replaced by the nearest paper: its smoothed closing."""
    index = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    smooth = ndimage.median_filter(channel, 5)
    near = ndimage.maximum_filter(np.where(known, smooth, 0), 9)
    return np.where(known, channel, near[tuple(index)]).astype(np.float32)


def _noise(darkness: Field, known: Mask | None) -> float:
    """Standard deviation of the darkness of bare paper."""
    values = darkness[::2, ::2] if known is None else darkness[known]
    bare = values[np.abs(values) < 0.12]
    if bare.size == 0:
        return 0.0
    return 1.4826 * float(np.median(np.abs(bare - np.median(bare))))


def _is_light_on_dark(brightness: Field, reach: int) -> bool:
    """Whether thin light structure outweighs thin dark structure.

    Paper between dark lines is lighter than they are, but no lighter than paper elsewhere: what counts has to
    stand out from its surroundings near (less than ``reach`` px) and far.
    """
    smooth = ndimage.gaussian_filter(brightness, 0.8)
    far = _far_median(smooth)
    near_light, near_dark = closed(smooth, reach), 1 - closed(1 - smooth, reach)
    dark = np.clip(np.minimum(near_light, far) - smooth - _MARGIN, 0, None).sum()
    light = np.clip(smooth - np.maximum(near_dark, far) - _MARGIN, 0, None).sum()
    return bool(light > dark)


def _far_median(field: Field) -> Field:
    """Medians over windows of a third of the shorter side, on a small copy."""
    height, width = field.shape
    factor = max(1.0, max(height, width) / 96)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = np.asarray(Image.fromarray(field).resize(size, Image.Resampling.BOX), dtype=np.float32)
    window = max(3, round(min(size) / 3) | 1)
    middle = ndimage.median_filter(small, window, mode="nearest")
    return np.asarray(Image.fromarray(middle).resize((width, height), Image.Resampling.BICUBIC))
