"""The two drawing networks as drawing runs them: looks in, next movements out, by onnxruntime.

Nouns (``strokebot.hand.retina`` has those of looks):
    pen          the network that says where the pen goes next while it is on the paper
    eye          the network that says where the next stroke begins, in jumps of the gaze (saccades)
    stroke       what is drawn between landing and lifting
    style        0 = "hand": as people write and draw; 1 = "one line": as few lifts as there are parts,
                 going back over own lines in place of a lift

One step of the pen at place p with heading h, line width s = ``Canvases.scale_at(p)``:
    look        ``Canvases.look(which, p, h, s, PEN_RINGS)``
    extras      ``pen_extras(...)``
    answer      class c of 24 directions: the way to the next points, c 2 pi / 24 from the heading
                ``points[c]``: the next ``PEN_POINTS`` points, ``STEP`` line widths of drawn way apart
                lift: the stroke ends within this step. The points then end where it ends:
                draw them, then lift
    then        draw p -> point 1 -> point 2, mark both pieces (radius s / 2), and go on with
                h = ``heading_after``. A way that turns back within the step (a cusp, a retrace) is
                in the points: they need not lie ahead, and need not be ``STEP`` apart in a line.

One choice of the next start: the gaze is at q, at first where the pen was lifted (before the first
stroke: ``first_gaze``). Headings are 0 and s is ``WORK_PX`` for the eye, always.
    look        ``Canvases.look(which, q, 0, WORK_PX, RINGS)``
    extras      ``eye_extras(...)``
    answer      jump: logits of 14 x 24 cells of the look, and of LAND
    then        a cell: q moves to the cell's centre (``cell_place``), look again, ``MOST_LOOKS`` at most;
                LAND: the stroke begins at q + offset WORK_PX, with heading ``direction`` 2 pi / 24.
                The caller moves the start onto undrawn ridge (``Canvases.nearest_undrawn``).

Files: ``hand-pen.onnx`` (inputs ``look`` (B, 3, 9, 24) and ``extras`` (B, 12) float32, outputs
``direction`` (B, 24), ``points`` (B, 24, 2, 2), ``lift`` (B,)) and ``hand-eye.onnx`` (inputs
``look`` (B, 3, 14, 24) and ``extras`` (B, 36), outputs ``jump`` (B, 337), ``offset`` (B, 2),
``direction`` (B, 24)); each with its card and its .safetensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import WeightsError
from strokebot.hand.order import OrderAnswer
from strokebot.hand.retina import ANGLES, RADII, RINGS, WORK_PX
from strokebot.model.card import Card, read_card, read_checked
from strokebot.model.predictor import open_session

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Indices = NDArray[np.int64]

# Points that the pen draws after one look, and the way between two of them, line widths.
PEN_POINTS = 2
STEP = 0.75
# Earlier points that the pen is told of.
PAST_POINTS = 4
PEN_EXTRAS = 4 + 2 * PAST_POINTS
# Earlier strokes that the eye is told of.
PAST_STROKES = 6
_EVERY_STROKE = np.arange(PAST_STROKES)
EYE_EXTRAS = 6 + 5 * PAST_STROKES
# Number of the eye's cell that means: the stroke begins here.
LAND = RINGS * ANGLES
# The gaze lands wherever it is after so many looks.
MOST_LOOKS = 6
# Half-way values of lengths and counts that are told as x / (x + half): line widths, strokes.
_HALF_LENGTH = 10.0
_HALF_AWAY = 8.0
_HALF_STROKES = 8.0
# Under this many line widths a step has no direction of its own.
_LEAST_MOVE = 0.1


@dataclass(frozen=True, eq=False)
class PenAnswer:
    """What the pen answers to n looks.

    Attributes:
        direction: (n, 24) logits of the direction classes, relative to the heading.
        points: (n, 24, 2, 2) the next points of each class, in the frame of the heading (x ahead,
            y to the right of it as seen on the paper), in line widths s from the pen.
        lift: (n,) logit of: the stroke ends within this step.
    """

    direction: Singles
    points: Singles
    lift: Singles


@dataclass(frozen=True, eq=False)
class EyeAnswer:
    """What the eye answers to n looks.

    Attributes:
        jump: (n, 337) logits of the cells, ring by ring, and of ``LAND``.
        offset: (n, 2) from the gaze to the start of the stroke, line widths (``WORK_PX``), for landing.
        direction: (n, 24) logits of the first direction of the stroke, upright, for landing.
    """

    jump: Singles
    offset: Singles
    direction: Singles


class Policy(Protocol):
    """What the drawing loop asks: the networks, or anything that answers like them."""

    def pen(self, look: Singles, extras: Singles) -> PenAnswer:
        """Answers looks (n, 3, 9, 24) with extras (n, 12)."""
        ...

    def eye(self, look: Singles, extras: Singles) -> EyeAnswer:
        """Answers looks (n, 3, 14, 24) with extras (n, 36)."""
        ...


@dataclass(frozen=True, eq=False)
class StrokeHistory:
    """The strokes that were drawn last in each of n pictures, the newest first.

    Attributes:
        ends: (n, ``PAST_STROKES``, 2, 2) start and end of each, work px; anything where there is none.
        length: (n, ``PAST_STROKES``) drawn length, work px.
        count: (n,) strokes drawn in all.
    """

    ends: Floats
    length: Floats
    count: Indices

    @classmethod
    def empty(cls, n: int) -> StrokeHistory:
        """The history before the first stroke."""
        return cls(
            np.zeros((n, PAST_STROKES, 2, 2)), np.zeros((n, PAST_STROKES)), np.zeros(n, dtype=np.int64)
        )

    def added(self, rows: Indices, start: Floats, end: Floats, length: Floats) -> StrokeHistory:
        """The history after one more stroke in some of the pictures.

        Args:
            rows: (k,) which of the n.
            start: (k, 2) work px.
            end: (k, 2) work px.
            length: (k,) work px.
        """
        ends, lengths, count = self.ends.copy(), self.length.copy(), self.count.copy()
        ends[rows, 1:], lengths[rows, 1:] = self.ends[rows, :-1], self.length[rows, :-1]
        ends[rows, 0] = np.stack([start, end], axis=1)
        lengths[rows, 0] = length
        count[rows] += 1
        return StrokeHistory(ends, lengths, count)


def pen_extras(
    xy: Floats,
    heading: Floats,
    scale: Floats,
    *,
    past: Floats,
    drawn_px: Floats,
    looks: Indices,
    style: float | Floats,
) -> Singles:
    """What the pen is told besides the look, (n, 12).

    Args:
        xy: (n, 2) the pen, work px.
        heading: (n,) radians.
        scale: (n,) line width s, work px.
        past: (n, ``PAST_POINTS``, 2) the points of this stroke before ``xy``, the newest first, work px;
            NaN where there are none.
        drawn_px: (n,) length of this stroke so far, work px.
        looks: (n,) looks since the pen landed, 0 for the first.
        style: 0 = hand, 1 = one line.
    """
    turned = ((past[..., 0] - xy[:, :1]) + 1j * (past[..., 1] - xy[:, 1:])) / scale[:, None]
    turned *= np.exp(-1j * heading)[:, None]
    length = drawn_px / scale
    told = np.empty((len(xy), PEN_EXTRAS))
    told[:, 0] = style
    told[:, 1] = looks == 0
    told[:, 2] = length / (length + _HALF_LENGTH)
    told[:, 3] = np.log2(scale / WORK_PX)
    np.multiply(turned.view(np.float64), 0.5, out=told[:, 4:])
    told[np.isnan(told)] = 0.0
    return np.minimum(np.maximum(told, -3.0), 3.0).astype(np.float32)


def eye_extras(
    gaze: Floats,
    history: StrokeHistory,
    *,
    heading: Floats,
    looks: Indices,
    left: Floats,
    style: float | Floats,
) -> Singles:
    """What the eye is told besides the look, (n, 36).

    Args:
        gaze: (n, 2) where it looks from, work px.
        history: the strokes before, n pictures.
        heading: (n,) direction in which the last stroke ended, radians.
        looks: (n,) looks since the pen was lifted, 0 for the first.
        left: (n,) share of the picture's ridge that is undrawn.
        style: 0 = hand, 1 = one line.
    """
    n = len(gaze)
    away = history.ends - gaze[:, None, None]
    away /= WORK_PX
    away /= np.sqrt((away * away).sum(axis=-1, keepdims=True)) + _HALF_AWAY
    length = history.length / WORK_PX
    told = np.zeros((n, EYE_EXTRAS))
    told[:, 0] = style
    told[:, 1] = history.count / (history.count + _HALF_STROKES)
    told[:, 2] = left
    begun = history.count > 0
    told[:, 3] = np.cos(heading) * begun
    told[:, 4] = np.sin(heading) * begun
    told[:, 5] = looks / MOST_LOOKS
    strokes = told[:, 6:].reshape(n, PAST_STROKES, 5)
    strokes[..., :4] = away.reshape(n, PAST_STROKES, 4)
    strokes[..., 4] = length / (length + _HALF_LENGTH)
    strokes *= (history.count[:, None] > _EVERY_STROKE)[..., None]
    told[:, 6:] = strokes.reshape(n, -1)
    return told.astype(np.float32)


def first_gaze(box: Floats) -> Floats:
    """Where the eye looks from before the first stroke, work px: middle of the left side of the ridge's box.

    Args:
        box: (4,) as ``WorkPicture.box``.
    """
    return np.array([box[0], (box[1] + box[3]) / 2])


def cell_place(gaze: Floats, cell: Indices) -> Floats:
    """Centres (n, 2) of cells (n,) of the eye's looks from places (n, 2), work px; ``LAND`` is the place."""
    stays = cell == LAND
    ring, angle = np.divmod(np.where(stays, 0, cell), ANGLES)
    radius = np.where(stays, 0.0, RADII[ring] * WORK_PX)
    phi = angle * (2 * np.pi / ANGLES)
    return np.asarray(gaze + radius[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=1))


def on_paper(xy: Floats, heading: Floats, scale: Floats, points: NDArray[np.floating]) -> Floats:
    """Points (n, k, 2) in the frame of the heading, line widths, as places (n, k, 2), work px."""
    ahead = (np.exp(1j * heading) * scale)[:, None]
    turned = (points[..., 0] + 1j * points[..., 1]) * ahead
    turned += (xy[:, 0] + 1j * xy[:, 1])[:, None]
    return np.asarray(turned.view(np.float64).reshape(*turned.shape, 2))


def heading_after(xy: Floats, heading: Floats, scale: Floats, places: Floats) -> Floats:
    """The heading (n,) after a step from xy (n, 2) through places (n, k, 2), all work px.

    It is the direction of the last piece of the way that is longer than a tenth of a line width.
    """
    after, before = heading, xy
    for k in range(places.shape[1]):
        x, y = (places[:, k] - before).T
        moved = x * x + y * y > (_LEAST_MOVE * scale) ** 2
        after, before = np.where(moved, np.arctan2(y, x), after), places[:, k]
    return after


class OnnxPolicy:
    """The trained networks.

    Args:
        pen: onnxruntime session of the pen.
        eye: onnxruntime session of the eye.
        order: onnxruntime session of the network that orders strokes.
        cards: what their weights are: the pen's, the eye's and the order's.
    """

    def __init__(self, pen: Any, eye: Any, order: Any, cards: tuple[Card, Card, Card]) -> None:
        self._pen, self._eye, self._order, self.cards = pen, eye, order, cards

    @property
    def weights_hash(self) -> str:
        """sha256 of the weights files, joined by hyphens."""
        return "-".join(card.sha256 for card in self.cards)

    def pen(self, look: Singles, extras: Singles) -> PenAnswer:
        """See ``Policy``."""
        return PenAnswer(*self._pen.run(["direction", "points", "lift"], {"look": look, "extras": extras}))

    def eye(self, look: Singles, extras: Singles) -> EyeAnswer:
        """See ``Policy``."""
        return EyeAnswer(*self._eye.run(["jump", "offset", "direction"], {"look": look, "extras": extras}))

    def order(self, points: Singles, told: Singles) -> OrderAnswer:
        """See ``strokebot.hand.order.Order``."""
        there = np.ones((1, len(points)), np.float32)
        given = {"points": points[None], "told": told[None], "there": there}
        answers = self._order.run(["before", "forward", "whole"], given)
        return OrderAnswer(*(answer[0] for answer in answers))


PEN_NAME, EYE_NAME, ORDER_NAME = "hand-pen", "hand-eye", "hand-order"


def shipped_policy() -> Path:
    """The folder of the networks that the package holds."""
    return Path(str(resources.files("strokebot.model") / "weights"))


def load_policy(folder: Path | None = None) -> OnnxPolicy:
    """Loads the drawing networks of a folder, or those of the package.

    Args:
        folder: holds ``hand-pen``, ``hand-eye`` and ``hand-order``, each as .onnx and .json; the last may be
            missing, and then is that of the package.

    Raises:
        WeightsError: if they are missing, damaged, or not what their cards say.
    """
    shipped = shipped_policy()
    where = shipped if folder is None else folder
    cards, sessions = list[Card](), []
    for name in (PEN_NAME, EYE_NAME, ORDER_NAME):
        lacks = name == ORDER_NAME and not (where / f"{name}.json").exists()
        path = (shipped if lacks else where) / f"{name}.safetensors"
        cards.append(read_card(path))
        data = read_checked(path.with_suffix(".onnx"), cards[-1].onnx_sha256)
        try:
            sessions.append(open_session(data))
        except Exception as cause:  # onnxruntime raises kinds of its own, without a common one
            first = str(cause).splitlines()[0]
            raise WeightsError(f"The network {path.with_suffix('.onnx')} cannot be read: {first}") from cause
    return OnnxPolicy(sessions[0], sessions[1], sessions[2], (cards[0], cards[1], cards[2]))
