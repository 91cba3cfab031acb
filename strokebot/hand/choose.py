"""The best of several drawings of one picture, without knowing what is true.

A network that is unsure at a crossing or a cusp goes wrong there in one rollout and right in another.
Wrong turns show afterwards: what they leave over is drawn later in more strokes, lines are drawn
twice, and strokes are none that a person would make. So connected parts are drawn side by side
(``split``), and of each part the drawings are kept with the least

    regret = STROKE n + L / l + UNDRAWN u - WHOLE w

n strokes, L drawn length and l the ridge's, u the undrawn share of the ridge, w the mean over the
strokes of the probability that people make such a stroke in one go, as ``order`` tells it of them among
the strokes of all parts.

Then the strokes of each whole drawing are brought into the order and direction in which people draw
such strokes (``order``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import arc_length
from strokebot.gesture import Gesture, chain
from strokebot.hand.draw import HandDrawing, Rollout, draw_pictures
from strokebot.hand.order import Order, likeliest_order, order_logits
from strokebot.hand.policy import Policy
from strokebot.hand.retina import WorkPicture, prepare
from strokebot.hand.split import Part, split
from strokebot.picture.image import InkImage
from strokebot.tour import Guide
from strokebot.tour.order import as_read

Floats = NDArray[np.float64]

# The rollouts of a picture, besides style: readiness to lift and chance. Large pictures take the first ones.
TRIED = (
    (0.0, 0.0), (2.0, 0.0), (1.0, 0.3), (1.0, 0.5),
    (1.0, 0.5), (1.0, 0.7), (1.0, 0.7), (0.0, 0.7), (2.0, 0.7), (1.0, 1.0), (1.0, 1.0), (0.0, 1.0),
)  # fmt: skip
# So many are tried of any picture, and more of a small one, up to so much ridge in all rollouts, px.
_TRIED, _SMALL_RIDGE = 4, 4_000
# The best so many of them are kept.
KEPT = 4
# Pixels of all work pictures of one call: bounds the memory. Ridge pixels that are drawn in all rollouts
# together: bounds the time; a word has 1,000.
_MOST_PIXELS, _MOST_RIDGE = 8_000_000, 16_000
# A long word of one part has 1,500 px of ridge, and is drawn by one pen.
_RIDGE_OF_A_PEN, _MOST_PENS = 1_500, 16
_STROKE, _UNDRAWN, _WHOLE = 0.1, 30.0, 1.0


class Hand(Policy, Order, Protocol):
    """All networks of the hand: the pen, the eye and the order."""


def draw_by_hand(
    images: Sequence[InkImage],
    hand: Hand,
    style: float = 0.0,
    tried: int = len(TRIED),
    seed: int = 0,
    *,
    together: bool = False,
) -> list[list[HandDrawing]]:
    """Draws pictures by the networks, each several times; the best drawings of each, the best first.

    Args:
        images: the pictures.
        hand: the networks.
        style: 0 = as people write and draw, 1 = one line, see ``policy``.
        tried: most rollouts of a picture; 1 for the likeliest way alone.
        seed: of the chance in the rollouts.
        together: whether several pens draw a long part at once. They need a fraction of the time, but their
            strokes are in each other's way: for those who take no lifts from them.
    """
    return [_drawings(prepare(image.ink), hand, style, tried, seed, together) for image in images]


def _drawings(
    work: WorkPicture, hand: Hand, style: float, tried: int, seed: int, together: bool
) -> list[HandDrawing]:
    """The drawings of one picture: the first of the best of every part, and so on."""
    ridge = max(1, int(np.count_nonzero(work.ridge)))
    most = min(_MOST_PIXELS // work.ink.size, _MOST_RIDGE // ridge, max(_TRIED, _SMALL_RIDGE // ridge), tried)
    rollouts = [Rollout(style, *TRIED[k]) for k in range(max(most, 1))]
    parts = draw_parts([work] * len(rollouts), hand, rollouts, seed, together=together)
    if not parts[0]:
        return [HandDrawing((), (), 0.0)]
    regrets = np.array([whole_regrets(own, hand, style) for own in parts])
    order = np.argsort(regrets, axis=0, kind="stable")[:KEPT]
    best = [joined([parts[k][j].drawing for j, k in enumerate(row)]) for row in order.tolist()]
    return [ordered(drawing, hand, style) for drawing in best]


@dataclass(frozen=True, eq=False)
class DrawnPart:
    """A connected part of a picture, drawn.

    Attributes:
        drawing: px of the whole picture.
        regret: what its strokes alone show of wrong turns; see the top of the file.
    """

    drawing: HandDrawing
    regret: float


def draw_parts(
    works: Sequence[WorkPicture],
    policy: Policy,
    rollouts: Sequence[Rollout],
    seed: int = 0,
    *,
    together: bool = False,
) -> list[list[DrawnPart]]:
    """Draws the connected parts of pictures, all in lock step.

    Args:
        works: the pictures, one for each rollout; the same one may come again.
        policy: the networks.
        rollouts: how each is drawn.
        seed: of the chance in rollouts.
        together: as for ``draw_by_hand``.

    Returns:
        The parts of each, in the order in which they are read.
    """
    taken: dict[int, list[Part]] = {}
    for work in works:
        if id(work) not in taken:
            found = split(work)
            boxes = np.array([part.box for part in found]).reshape(-1, 4)
            taken[id(work)] = [found[k] for k in as_read(boxes).tolist()] if found else []
    parts = [taken[id(work)] for work in works]
    pictures = [part.picture for own in parts for part in own]
    each = [rollout for rollout, own in zip(rollouts, parts, strict=True) for _ in own]
    pens = [_pens(picture) if together else 1 for picture in pictures]
    drawn = iter(draw_pictures(pictures, policy, each, seed, pens))
    return [
        [_placed(next(drawn), part, work) for part in own] for work, own in zip(works, parts, strict=True)
    ]


def _placed(drawing: HandDrawing, part: Part, work: WorkPicture) -> DrawnPart:
    return DrawnPart(_moved(drawing, part.corner / work.unit), regret(drawing, part.picture))


def whole_regrets(parts: Sequence[DrawnPart], network: Order, style: float) -> Floats:
    """The regret (parts,) of each part of one rollout, with the share of whole strokes."""
    strokes = [stroke for part in parts for stroke in part.drawing.strokes]
    sure = np.zeros(0)
    if strokes:
        sure = 1.0 / (1.0 + np.exp(-order_logits(network, _lines(strokes), _width(strokes), style).whole))
    found, first = list[float](), 0
    for part in parts:
        own = sure[first : first + len(part.drawing.strokes)]
        first += len(own)
        found.append(part.regret - (_WHOLE * float(own.mean()) if len(own) else 0.0))
    return np.array(found)


def _lines(strokes: Sequence[Floats]) -> list[Floats]:
    return [stroke[:, :2] for stroke in strokes]


def _width(strokes: Sequence[Floats]) -> float:
    return float(np.median(np.concatenate([stroke[:, 2] for stroke in strokes])))


def _pens(picture: WorkPicture) -> int:
    """How many pens draw one part together: time grows with what one of them draws."""
    return int(np.clip(np.count_nonzero(picture.ridge) // _RIDGE_OF_A_PEN, 1, _MOST_PENS))


def _moved(drawing: HandDrawing, by: Floats) -> HandDrawing:
    strokes = tuple(stroke + np.append(by, 0.0) for stroke in drawing.strokes)
    return HandDrawing(strokes, drawing.confidence, drawing.undrawn)


def joined(drawings: Sequence[HandDrawing]) -> HandDrawing:
    """The drawings of the parts as that of the whole; undrawn is the mean."""
    return HandDrawing(
        tuple(stroke for drawing in drawings for stroke in drawing.strokes),
        tuple(sure for drawing in drawings for sure in drawing.confidence),
        float(np.mean([drawing.undrawn for drawing in drawings])),
    )


def ordered(drawing: HandDrawing, network: Order, style: float) -> HandDrawing:
    """A drawing with its strokes in the order and direction of people.

    Args:
        drawing: the strokes as they were drawn.
        network: that orders strokes.
        style: in which they were drawn.
    """
    if not drawing.strokes:
        return drawing
    answer = order_logits(network, _lines(drawing.strokes), _width(drawing.strokes), style)
    strokes, confidence = list[Floats](), list[Floats]()
    for k in likeliest_order(answer.before):
        stroke, sure = drawing.strokes[k], drawing.confidence[k]
        if answer.forward[k] < 0:
            # A confidence is of the piece that leads to its point; the first point has none.
            stroke, sure = stroke[::-1], np.concatenate([sure[:1], sure[:0:-1]])
        strokes.append(stroke)
        confidence.append(sure)
    return HandDrawing(tuple(strokes), tuple(confidence), drawing.undrawn)


def regret(drawing: HandDrawing, work: WorkPicture) -> float:
    """How much a drawing shows that it went wrong, without the share of whole strokes."""
    drawn = sum(float(arc_length(stroke[:, :2])[-1]) for stroke in drawing.strokes)
    # Ridge is between one and two px wide.
    ridge = max(1.0, np.count_nonzero(work.ridge) / (1.5 * work.unit))
    return _STROKE * len(drawing.strokes) + drawn / ridge + _UNDRAWN * drawing.undrawn


def raw_gesture(drawing: HandDrawing, image: InkImage) -> Gesture | None:
    """The strokes as the networks drew them, canvas units, full ink; None if there are none."""
    rows = [
        np.column_stack([np.repeat(stroke, 2, axis=0) if len(stroke) == 1 else stroke])
        for stroke in drawing.strokes
    ]
    if not rows:
        return None
    return chain([np.column_stack([row / image.longer_side, np.ones(len(row))]) for row in rows])


def guide_of(drawings: Sequence[HandDrawing], lifts: bool, network: Order | None = None) -> Guide:
    """What the tour needs to take order and direction from drawings; see ``tour.follow``.

    Args:
        drawings: of one picture, the best first.
        lifts: whether it lifts where they lift.
        network: that orders the lines that are drawn in the end.
    """
    widths = np.concatenate([stroke[:, 2] for stroke in drawings[0].strokes] or [np.ones(1)])
    width = float(np.median(widths))
    first, *others = (tuple(stroke[:, :2] for stroke in drawing.strokes) for drawing in drawings)

    def judge(strokes: Sequence[Floats]) -> tuple[Floats, Floats]:
        assert network is not None
        answer = order_logits(network, strokes, width, 0.0 if lifts else 1.0, drawn=False)
        return answer.before.astype(np.float64), answer.forward.astype(np.float64)

    return Guide(first, width, lifts, tuple(others), judge if network is not None else None)
