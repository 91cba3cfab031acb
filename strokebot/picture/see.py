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

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.modes import InkSide
from strokebot.picture.areas import find_areas
from strokebot.picture.channels import Channels, MadeChannels, luminance_of
from strokebot.picture.dots import find_dots, find_holes
from strokebot.picture.extrema import square_maximum, square_minimum
from strokebot.picture.ground import Ground, border_mask, clean_ground, other_ground
from strokebot.picture.ink import TRANSPARENT_SHARE, Polarity, ink_on_transparency, levels, raised
from strokebot.picture.light import at_size, closed, lit_surface, reach_px, smooth_closed, without_lift
from strokebot.picture.pattern import Rules, find_rules, without_rules
from strokebot.picture.perspective import is_oblique, perspective_of
from strokebot.picture.resize import BICUBIC, BOX, NEAREST, resized
from strokebot.picture.sheet import Sheet, find_sheet
from strokebot.picture.specks import joined_by_tooth, without_specks
from strokebot.picture.stains import find_stains, without_shades
from strokebot.wording import count_text

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]
# Whether a channel is turned to its negative before darkness is measured; both ways, for ink of either side.
Sides = tuple[bool, ...]

# Least contrast, relative to the paper, that is called ink (12 of 255 levels).
LEAST_CONTRAST = 12.0 / 255.0
# What stands out by less is noise, for the polarity.
_MARGIN = 0.05
# Less thin structure than this, as a mean over all pixels, says nothing; wide structure stands out by more.
_LEAST_THIN, _WIDE_MARGIN = 0.004, 0.2
# Where one side has so many times the thin structure of the other, a fraction of that says enough.
_CLEAR_TIMES, _CLEAR_FEWER = 3.0, 8.0
# Darkness of bare paper at most, for the measure of its noise; a standard deviation over a median deviation.
_PAPER, _MAD_TO_SIGMA = 0.12, 1.4826
# Ink of a photo: stronger than this, and than so many standard deviations; full ink is this percentile of it.
_STRONG, _STRONG_SIGMAS, _FULL_PERCENTILE = 0.2, 5.0, 80.0
# Wide structure of a photo is solid ink if what it reflects is at most twice what the lines reflect.
_SOLID_TIMES, _SOLID_RANGE = 2.0, (0.6, 0.8)
# In a faint drawing solid ink is between these shares of the lines' darkness, and no larger than this share.
_FAINT_SOLID, _FAINT_SOLID_SHARE = (0.6, 1.3), 0.05
# Solid darkness along more than this share of a side of the picture, and no more of the picture than that, is
# beside the paper, with a rim of px.
_BORDER_ALONG, _MOST_BESIDE, _RIM_PX = 0.4, 0.3, 3
# A larger picture is reduced to find its sheet and polarity.
_COPY_PIXELS = 4_000_000
# Rows that are worked on at a time.
_ROWS = 256
# Paper is coloured when its channels differ by this share of the lightest.
_COLOURED = 0.12
# Smoothing before a closing, px: single pixels of noise are no paper.
_SMOOTH_PX = 0.8
# What is beside the sheet is filled in a copy of so many px.
_FILL_PX = 500
# Far surroundings, for the polarity: medians over this share of a copy of so many px.
_FAR_PX, _FAR_SHARE = 96, 1 / 3
# Inks are told apart by this distance in RGB, and have this share of the inked pixels.
_INK_DISTANCE, _INK_SHARE, _INK_SAMPLES = 0.28, 0.04, 4000


@dataclass(frozen=True)
class SeeOptions:
    """What the user may say about what is ink.

    Attributes:
        ink_side: on which side of the paper the ink lies: darker, lighter, or of any other colour.
        threshold: darkness from which a pixel is ink, in (0, 1); None to find it.
        keep_rules: printed rules are ink.
        keep_perspective: a sheet seen at an angle stays as it is in the photo.
    """

    ink_side: InkSide = "auto"
    threshold: float | None = None
    keep_rules: bool = False
    keep_perspective: bool = False


@dataclass(frozen=True, eq=False)
class Sight:
    """What was seen.

    Attributes:
        ink: (H, W) float32 in [0, 1].
        areas: (H, W) float32 in [0, 1], darkness of flat areas that are no line ink; 0 elsewhere.
        polarity: how the ink was told from the paper.
        clean: whether the paper has one colour throughout.
        sheet: the sheet, or None where the picture is all paper.
        rules: printed rules that were taken out, or None.
        specks: (H, W) what was left out as noise or stains, or None.
        speck_count: how many parts of noise that was.
        inks: how many colours of ink there are.
        notes: what was taken for what, short phrases.
    """

    ink: Field
    areas: Field
    polarity: Polarity
    clean: bool = True
    sheet: Sheet | None = None
    rules: Rules | None = None
    specks: Mask | None = None
    speck_count: int = 0
    inks: int = 1
    notes: tuple[str, ...] = ()

    @property
    def area_share(self) -> float:
        """Share of the picture that is flat area."""
        return float((self.areas > 0).mean())

    def turned(self, quarters: int) -> Sight:
        """The same after quarter turns counterclockwise, as ``numpy.rot90`` counts them."""

        def turn(field: NDArray[np.generic]) -> NDArray[np.generic]:
            return np.ascontiguousarray(np.rot90(field, quarters))

        height, width = self.ink.shape
        sheet, rules = self.sheet, self.rules
        if sheet is not None:
            corners = sheet.corners_px
            for _ in range(quarters % 4):
                corners = np.column_stack([corners[:, 1], width - corners[:, 0]])
                height, width = width, height
            corners = np.roll(corners, -(quarters % 4), axis=0)
            sheet = replace(sheet, corners_px=corners, mask=np.asarray(turn(sheet.mask), dtype=np.bool_))
        if rules is not None:
            rows, columns = (rules.rows, rules.columns) if quarters % 2 == 0 else (rules.columns, rules.rows)
            rules = replace(rules, darkness=np.asarray(turn(rules.darkness)), rows=rows, columns=columns)
        return replace(
            self,
            ink=np.asarray(turn(self.ink)),
            areas=np.asarray(turn(self.areas)),
            sheet=sheet,
            rules=rules,
            specks=None if self.specks is None else np.asarray(turn(self.specks), dtype=np.bool_),
        )


def see(channels: Channels, options: SeeOptions) -> Sight | None:
    """Finds the ink of an opaque picture.

    Args:
        channels: one or three fields (H, W) in [0, 1].
        options: what the user says.

    Returns:
        What is seen, or None if nothing stands out from the paper.
    """
    ground = clean_ground(channels)
    sight = _photographed(channels, options) if ground is None else _clean(channels, ground, options)
    if sight is None:
        return None
    inks = _count_inks(channels, sight.ink)
    notes = [*sight.notes]
    if inks > 1 and sight.clean:
        notes.append(count_text(inks, "ink"))
    return replace(sight, inks=inks, notes=tuple(notes))


def see_transparent(channels: Channels, alpha: Field, options: SeeOptions) -> Sight | None:
    """The same for a picture with an opacity ``alpha`` (H, W) in [0, 1]."""
    luminance = luminance_of(channels)
    if float((alpha < 0.5).mean()) >= TRANSPARENT_SHARE and options.ink_side == "auto":
        drawn = ink_on_transparency(luminance, alpha)
        if drawn is not None:
            if drawn.max() <= LEAST_CONTRAST:
                return None
            ink = _leveled(drawn, 0.0, options)
            return Sight(
                raised(ink, True), np.zeros_like(drawn), "transparent", notes=("a transparent ground",)
            )
    # Laid on paper of its own most common shade, light or dark.
    opaque = luminance[alpha >= 0.5]
    paper = np.float32(1.0 if opaque.size == 0 or np.median(opaque) >= 0.5 else 0.0)
    return see(MadeChannels(len(channels), lambda k: channels[k] * alpha + paper * (1 - alpha)), options)


def _leveled(darkness: Field, noise: float, options: SeeOptions) -> Field:
    """Ink of a darkness (H, W): the threshold that was asked for is half ink."""
    if options.threshold is None:
        return levels(darkness, noise)
    return np.asarray(np.clip(darkness / (2 * options.threshold), 0, 1), dtype=np.float32)


def _finished(sight: Sight) -> Sight | None:
    """Specks left out, faint lines lifted; None if no ink is left."""
    ink, specks, count = without_specks(sight.ink, clean=sight.clean)
    if ink.max() < LEAST_CONTRAST:
        return None
    notes = sight.notes
    if sight.specks is not None:
        specks = sight.specks if specks is None else sight.specks | specks
    if count:
        notes = (*notes, f"{count_text(count, 'speck')} left out")
    return replace(sight, ink=raised(ink, sight.clean), specks=specks, speck_count=count, notes=notes)


def _undotted(ink: Field, rules: Rules | None, options: SeeOptions) -> tuple[Field, Rules | None, list[str]]:
    """The ink (H, W) without the dots of dotted paper; what is printed on the paper; a note of it."""
    found = None if rules is not None else find_dots(ink)
    if found is None:
        return ink, rules, []
    if options.keep_rules:
        return ink, None, ["dotted paper kept"]
    dots, gap_px = found
    printed = Rules(np.where(dots, ink, np.float32(0)), 0, 0, gap_px, dotted=True)
    return np.where(dots, np.float32(0), ink), printed, [f"{printed.name} removed"]


def _ruled(
    darkness: Field, known: Mask | None, full: float, options: SeeOptions
) -> tuple[Field, Rules | None, list[str]]:
    """The darkness (H, W) without printed rules, or with them as dark as ink; the rules; a note of it."""
    rules = find_rules(darkness, known, full)
    if rules is None:
        return darkness, None, []
    if not options.keep_rules:
        return without_rules(darkness, rules), rules, [f"{rules.name} removed"]
    level = float(np.percentile(rules.darkness[rules.darkness > 0.01], 75))
    kept = np.float32(full) * np.clip(rules.darkness / np.float32(level), 0, 1)
    return np.maximum(darkness, kept), None, [f"{rules.name} kept"]


# -- clean files -----------------------------------------------------------------------------------------


def _clean(channels: Channels, ground: Ground, options: SeeOptions, again: bool = False) -> Sight | None:
    """What is seen on a ground; ``again`` if that is the second one that was tried."""
    side = options.ink_side
    if side == "auto":
        side = _clean_side(channels, ground)
    darkness = np.zeros_like(channels[0])
    for channel, level in zip(channels, ground.colour, strict=True):
        np.maximum(darkness, _excess(channel, level, side), out=darkness)
    if darkness.max() < LEAST_CONTRAST:
        other = None if options.ink_side == "auto" or again else other_ground(channels, ground)
        return None if other is None else _clean(channels, other, options, again=True)
    darkness, areas = find_areas(channels, ground.colour, side, darkness)
    notes = []
    if ground.border_is_ink:
        notes.append("ink on the border")
    if areas.any():
        count = int(ndimage.label(areas > 0)[1])
        notes.append(f"{count_text(count, 'flat area')} ({float((areas > 0).mean()):.0%} of the picture)")
    strong = darkness[darkness > 0.1]
    full = float(np.percentile(strong, 90)) if strong.size else 1.0
    darkness, rules, found = _ruled(darkness, None, full, options)
    notes += found
    light = side == "light" or (side == "colour" and ground.luminance < 0.5)
    ink, rules, found = _undotted(_leveled(darkness, 0.0, options), rules, options)
    notes += found
    return _finished(
        Sight(
            ink,
            areas,
            "light-on-dark" if light else "dark-on-light",
            rules=rules,
            notes=tuple(notes),
        )
    )


def _excess(channel: Field, level: float, side: InkSide) -> Field:
    """How far a channel (H, W) is from the ground's level, in [0, 1], on the side asked for."""
    found = np.zeros_like(channel)
    if side in ("dark", "colour"):
        found = np.clip((np.float32(level) - channel) / np.float32(max(level, 0.25)), 0, 1)
    if side in ("light", "colour"):
        over = (channel - np.float32(level)) / np.float32(max(1 - level, 0.25))
        np.maximum(found, np.clip(over, 0, 1), out=found)
    return found


def _clean_side(channels: Channels, ground: Ground) -> InkSide:
    """Dark, light or any: by the ground, and by what there is on it."""
    if ground.is_card and len(channels) == 3:
        return "colour"
    dark = light = 0.0
    for channel, level in zip(channels, ground.colour, strict=True):
        dark += float(np.clip(level - channel - LEAST_CONTRAST / 2, 0, None).sum())
        light += float(np.clip(channel - level - LEAST_CONTRAST / 2, 0, None).sum())
    return "light" if light > dark else "dark"


def _count_inks(channels: Channels, ink: Field) -> int:
    """Colours of the full ink that lie apart: greedy clustering of a sample."""
    core = (ink >= 0.5) & (ink >= square_maximum(ink, 3))
    rows, columns = np.nonzero(core)
    if len(channels) == 1 or len(rows) == 0:
        return 1
    step = max(1, len(rows) // _INK_SAMPLES)
    place = (rows[::step], columns[::step])
    colours = np.column_stack([channel[place] for channel in channels]).astype(np.float64)
    count, least = 0, max(8.0, _INK_SHARE * len(colours))
    while len(colours) >= least:
        near = np.linalg.norm(colours - np.median(colours, axis=0), axis=1)
        centre = colours[np.argmin(near)]
        for _ in range(3):
            mine = np.linalg.norm(colours - centre, axis=1) < _INK_DISTANCE
            centre = colours[mine].mean(axis=0)
        mine = np.linalg.norm(colours - centre, axis=1) < _INK_DISTANCE
        if not mine.any():
            break
        count += int(np.count_nonzero(mine) >= least)
        colours = colours[~mine]
    return max(1, count)


# -- scans and photos ------------------------------------------------------------------------------------


def _photographed(channels: Channels, options: SeeOptions) -> Sight | None:
    shape = channels[0].shape
    # Where the sheet lies and on which side of it the ink, a copy tells of a large picture.
    copy = _small_copy(channels)
    sheet = find_sheet(copy)
    notes = []
    if sheet is not None:
        sheet = sheet.at(shape)
        view = None if options.keep_perspective else perspective_of(sheet.corners_px, shape)
        if view is not None:
            paper = "" if view.paper is None else f" to {view.paper}'s sides"
            notes.append(f"a sheet on a table, seen at an angle and straightened{paper}")
            channels = view.straightened_channels(channels)
            shape = channels[0].shape
            copy, sheet = _small_copy(channels), Sheet.straight(view, shape)
        else:
            notes.append(
                "a sheet on a table" + (", seen at an angle" if is_oblique(sheet.corners_px) else "")
            )
    known = None if sheet is None else sheet.mask
    reach = reach_px(shape)
    side = options.ink_side
    if side == "auto":
        on_copy = None if sheet is None else sheet.at(copy[0].shape).mask
        if on_copy is not None:
            copy = filled_beside(copy, on_copy)
        side = "light" if _is_light_on_dark(luminance_of(copy), reach_px(copy[0].shape)) else "dark"
        sides = _channel_sides(copy, on_copy, reach_px(copy[0].shape), side)
    else:
        sides = [{"light": (True,), "colour": (False, True)}.get(side, (False,))] * len(channels)
    del copy
    if known is not None:
        channels = filled_beside(channels, known)
    darkness, full, beside = _darkness(channels, known, reach, sides)
    if beside is not None:
        known = ~beside if known is None else known & ~beside
        corners = _whole(known.shape) if sheet is None else sheet.corners_px
        view = None if sheet is None else sheet.perspective
        sheet = Sheet(corners, known, sheet is not None, view)
        notes.append("a dark border left out")
    noise = _noise(darkness, known)
    np.clip(darkness, 0, 1, out=darkness)
    if known is not None:
        darkness *= known
    darkness, rules, found = _ruled(darkness, known, full, options)
    notes += found
    ink, rules, found = _undotted(_leveled(darkness, noise, options), rules, options)
    notes += found
    holes = find_holes(ink)
    if holes is not None:
        ink = np.where(holes[0], np.float32(0), ink)
        notes.append(f"{count_text(holes[1], 'hole')} of a binder left out")
    # With a threshold, the user says what is ink.
    stains = find_stains(ink) if options.threshold is None else None
    if stains is not None:
        ink = stains[1]
        notes.append(f"{count_text(stains[2], 'stain')} left out")
    joined = joined_by_tooth(ink)
    if joined is not None:
        ink = joined
        notes.append("pencil on rough paper")
    polarity: Polarity = "light-on-dark" if side == "light" else "dark-on-light"
    left_out = None if stains is None else stains[0]
    return _finished(
        Sight(
            ink,
            np.zeros_like(ink),
            polarity,
            clean=False,
            sheet=sheet,
            rules=rules,
            specks=left_out,
            notes=tuple(notes),
        )
    )


def _small_copy(channels: Channels) -> Channels:
    """The channels, reduced by a whole factor where they have more than ``_COPY_PIXELS``."""
    height, width = channels[0].shape
    factor = math.ceil(math.sqrt(height * width / _COPY_PIXELS))
    if factor == 1:
        return tuple(channels)
    size = (max(1, width // factor), max(1, height // factor))
    return tuple(resized(channel, size, BOX) for channel in channels)


def _whole(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The corners (4, 2) of a picture."""
    height, width = shape
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)


def _channel_sides(channels: Channels, known: Mask | None, reach: int, side: InkSide) -> list[Sides]:
    """On which sides of the paper the ink lies in each channel: on coloured paper, each has its own."""
    usual: Sides = (side == "light",)
    on = np.s_[::4, ::4] if known is None else known
    shade = [float(np.median(channel[on])) for channel in channels]
    if max(shade) - min(shade) < _COLOURED * max(shade):
        return [usual] * len(channels)
    found: list[Sides] = []
    for channel in channels:
        dark, light, clear = _thin_structure(channel, reach)
        found.append((light > dark,) if clear else usual)
    return found


def _darkness(
    channels: Channels, known: Mask | None, reach: int, sides: list[Sides]
) -> tuple[Field, float, Mask | None]:
    """How far each pixel is from the paper.

    Args:
        channels: one or three fields (H, W) in [0, 1].
        known: (H, W) the sheet; None for all of the picture.
        reach: px, see ``light``.
        sides: for each channel, whether it counts turned to its negative: ink lighter than paper.

    Returns:
        Darkness (H, W) over the local paper, of solid ink over the paper at large; that of full ink; and
        where the picture's dark border is (H, W), or None.
    """
    thin = np.full_like(channels[0], -1.0)
    wide, broad = np.zeros_like(thin), np.zeros_like(thin)
    for channel, own in zip(channels, sides, strict=True):
        for flipped in own:
            value = np.float32(1) - channel if flipped else channel
            high = smooth_closed(value, reach)
            surface = lit_surface(high, known)
            paper = without_lift(value, high, reach)
            del high
            lit = at_size(surface, value.shape)
            for first in range(0, len(thin), _ROWS):  # by rows: a whole field for each step is much memory
                rows = np.s_[first : first + _ROWS]
                v, p, light = value[rows], paper[rows], lit[rows]
                np.maximum(thin[rows], 1 - v / np.maximum(p, np.float32(0.02)), out=thin[rows])
                np.maximum(wide[rows], 1 - p / light, out=wide[rows])
                np.maximum(broad[rows], 1 - v / light, out=broad[rows])
            del value, paper, lit
    noise = _noise(thin, known)
    strong = thin[thin > max(_STRONG, _STRONG_SIGMAS * noise)]
    full = float(np.percentile(strong, _FULL_PERCENTILE)) if strong.size else 0.9
    least = float(np.clip(1 - _SOLID_TIMES * (1 - full), *_SOLID_RANGE))
    solid = wide > least
    if full < least:
        solid |= _faint_solid(wide, full)
    if known is not None:
        solid &= known
    beside = _along_border(solid)
    if beside is not None:
        solid &= ~beside
    solid = without_shades(solid, broad, thin, reach)
    if not solid.any():
        return thin, full, beside
    # Its edge fades over some pixels: there it counts over the ground that it lies on, shadow or light.
    edge = square_maximum(solid, 2 * reach + 1) & ~solid
    ground = square_minimum(wide, 2 * reach + 1, out=wide)[edge]
    fading = 1 - (1 - broad[edge]) / np.maximum(1 - ground, np.float32(0.05))
    thin[edge] = np.maximum(fading, thin[edge])
    thin[solid] = np.maximum(broad[solid], thin[solid])
    return thin, full, beside


def _along_border(solid: Mask) -> Mask | None:
    """Solid darkness (H, W) along a side of the picture: the lid of a scanner, the fold of a book."""
    labels, count = ndimage.label(solid)
    if count == 0:
        return None
    along = np.zeros(count + 1, dtype=bool)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        along |= np.bincount(side, minlength=count + 1) > _BORDER_ALONG * len(side)
    along[0] = False
    beside = along[labels]
    if not 0 < beside.mean() <= _MOST_BESIDE:
        return None
    return np.asarray(square_maximum(beside, 2 * _RIM_PX + 1))


def _faint_solid(wide: Field, full: float) -> Mask:
    """Solid ink (H, W) of a faint drawing, whose lines are no darker than a shadow may be.

    A shadow reaches over the border of the picture, or is large; a filled shape is as dark as the lines.
    """
    labels, count = ndimage.label(wide > _FAINT_SOLID[0] * full)
    if count == 0:
        return np.zeros(wide.shape, dtype=bool)
    pixels = np.bincount(labels.reshape(-1), minlength=count + 1)
    dark = np.bincount(labels.reshape(-1), weights=wide.reshape(-1), minlength=count + 1)
    keep = (dark <= _FAINT_SOLID[1] * full * pixels) & (pixels <= _FAINT_SOLID_SHARE * wide.size)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    keep[border] = False
    keep[0] = False
    return np.asarray(keep[labels])


def filled_beside(channels: Channels, known: Mask) -> Channels:
    """The channels with what is beside the sheet replaced by the paper nearest to it."""
    height, width = known.shape
    factor = max(1.0, max(height, width) / _FILL_PX)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    on = resized(known, size, BOX) > 0.99
    if not on.any():
        return channels
    index = tuple(ndimage.distance_transform_edt(~on, return_distances=False, return_indices=True))
    beside = []
    for channel in channels:
        small = ndimage.median_filter(resized(channel, size, BOX), 5)
        beside.append(ndimage.maximum_filter(np.where(on, small, 0), 9)[index])

    def filled(k: int) -> Field:
        whole = resized(beside[k], (width, height), NEAREST)
        np.copyto(whole, channels[k], where=known)
        return whole

    return MadeChannels(len(channels), filled)


def _noise(darkness: Field, known: Mask | None) -> float:
    """Standard deviation of the darkness of bare paper."""
    values = darkness[::2, ::2] if known is None else darkness[::2, ::2][known[::2, ::2]]
    bare = values[np.abs(values) < _PAPER]
    if bare.size == 0:
        return 0.0
    return _MAD_TO_SIGMA * float(np.median(np.abs(bare - np.median(bare))))


def _is_light_on_dark(brightness: Field, reach: int) -> bool:
    """Whether thin light structure outweighs thin dark structure.

    Paper between dark lines is lighter than they are, but no lighter than paper elsewhere: what counts has to
    stand out from its surroundings near (less than ``reach`` px) and far.
    """
    dark, light, clear = _thin_structure(brightness, reach)
    if max(dark, light) < _LEAST_THIN and not clear:  # wide shapes alone: against the border
        smooth = ndimage.gaussian_filter(brightness, _SMOOTH_PX)
        off = smooth - np.median(smooth[border_mask(smooth.shape)])
        dark += float(np.clip(-off - _WIDE_MARGIN, 0, None).mean())
        light += float(np.clip(off - _WIDE_MARGIN, 0, None).mean())
    return light > dark


def _thin_structure(field: Field, reach: int) -> tuple[float, float, bool]:
    """Thin dark and thin light structure of (H, W), means over all pixels; whether one clearly outweighs."""
    smooth = ndimage.gaussian_filter(field, _SMOOTH_PX)
    far = _far_median(smooth)
    near_light, near_dark = closed(smooth, reach), closed(1 - smooth, reach)
    np.subtract(1, near_dark, out=near_dark)
    dark = light = 0.0
    for first in range(0, len(smooth), _ROWS):
        rows = np.s_[first : first + _ROWS]
        value = smooth[rows]
        dark += float(np.clip(np.minimum(near_light[rows], far[rows]) - value - _MARGIN, 0, None).sum())
        light += float(np.clip(value - np.maximum(near_dark[rows], far[rows]) - _MARGIN, 0, None).sum())
    dark, light = dark / smooth.size, light / smooth.size
    few, many = min(dark, light), max(dark, light)
    return dark, light, many > _CLEAR_TIMES * few and many > _LEAST_THIN / _CLEAR_FEWER


def _far_median(field: Field) -> Field:
    """Medians over windows of a third of the shorter side, on a small copy."""
    height, width = field.shape
    factor = max(1.0, max(height, width) / _FAR_PX)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = resized(field, size, BOX)
    window = max(3, round(_FAR_SHARE * min(size)) | 1)
    middle = ndimage.median_filter(small, window, mode="nearest")
    return resized(middle, (width, height), BICUBIC)
