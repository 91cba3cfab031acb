"""The best of several drawings of one picture, without knowing what is true.

A network that is unsure at a crossing or a cusp goes wrong there in one rollout and right in
another. Wrong turns show afterwards: what they leave over is drawn later in more strokes, and lines
are drawn twice. So of the rollouts the one is kept with the least

    regret = STROKE n + L / l + UNDRAWN u

n strokes, L drawn length and l the ridge's, u the undrawn share of the ridge.

Connected parts are drawn side by side (``split``), and of each part the best drawings are kept. What was
drawn is known then, and the strokes of each whole drawing are brought into the order and direction in
which people draw such strokes (``order``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import arc_length
from strokebot.gesture import Gesture, chain
from strokebot.hand.draw import HandDrawing, Rollout, draw_pictures
from strokebot.hand.order import Order, likeliest_order, order_logits
from strokebot.hand.policy import Policy
from strokebot.hand.retina import WorkPicture, prepare
from strokebot.hand.split import split
from strokebot.picture.image import InkImage
from strokebot.tour import Guide
from strokebot.tour.order import as_read

Floats = NDArray[np.float64]

# The rollouts of a picture, besides style: readiness to lift and chance.
TRIED = ((0.0, 0.0), (2.0, 0.0), (1.0, 0.3), (1.0, 0.5))
# Pixels of all work pictures of one call: bounds the memory. Ridge pixels that are drawn in all rollouts
# together: bounds the time; a word has 1,000.
_MOST_PIXELS, _MOST_RIDGE = 8_000_000, 16_000
# A long word of one part has 1,500 px of ridge, and is drawn by one pen.
_RIDGE_OF_A_PEN, _MOST_PENS = 1_500, 16
_STROKE, _UNDRAWN = 0.1, 30.0


class Hand(Policy, Order, Protocol):
    """All networks of the hand: the pen, the eye and the order."""


def draw_by_hand(
    images: Sequence[InkImage], hand: Hand, style: float = 0.0, tried: int = len(TRIED), seed: int = 0
) -> list[list[HandDrawing]]:
    """Draws pictures by the networks, each several times; the drawings of each, the best first.

    Args:
        images: the pictures.
        hand: the networks.
        style: 0 = as people write and draw, 1 = one line, see ``policy``.
        tried: rollouts of each picture; 1 for the likeliest way alone.
        seed: of the chance in the rollouts.
    """
    return [_drawings(prepare(image.ink), hand, style, tried, seed) for image in images]


def _drawings(work: WorkPicture, hand: Hand, style: float, tried: int, seed: int) -> list[HandDrawing]:
    """The drawings of one picture: the first of the best of every part, and so on."""
    parts = split(work)
    if not parts:
        return [HandDrawing((), (), 0.0)]
    ridge = sum(int(np.count_nonzero(part.picture.ridge)) for part in parts)
    size = sum(part.picture.ink.size for part in parts)
    most = int(np.clip(min(_MOST_PIXELS // size, _MOST_RIDGE // ridge), 1, tried))
    pictures = [part.picture for part in parts for _ in range(most)]
    rollouts = [Rollout(style, *TRIED[k]) for k in range(most)] * len(parts)
    pens = [_pens(picture) for picture in pictures]
    found = draw_pictures(pictures, hand, rollouts, seed, pens)
    ranked = list[list[HandDrawing]]()
    # As they are read: what is drawn of a picture should be in some order.
    for k in as_read(np.array([part.box for part in parts])).tolist():
        own = found[k * most : (k + 1) * most]
        own.sort(key=lambda drawing, part=parts[k]: regret(drawing, part.picture))  # type: ignore[misc]
        ranked.append([_moved(drawing, parts[k].corner / work.unit) for drawing in own])
    joined = [_joined([own[k] for own in ranked]) for k in range(most)]
    return [ordered(drawing, hand, style) for drawing in joined]


def _pens(picture: WorkPicture) -> int:
    """How many pens draw one part together: time grows with what one of them draws."""
    return int(np.clip(np.count_nonzero(picture.ridge) // _RIDGE_OF_A_PEN, 1, _MOST_PENS))


def _moved(drawing: HandDrawing, by: Floats) -> HandDrawing:
    strokes = tuple(stroke + np.append(by, 0.0) for stroke in drawing.strokes)
    return HandDrawing(strokes, drawing.confidence, drawing.undrawn)


def _joined(drawings: Sequence[HandDrawing]) -> HandDrawing:
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
    width = float(np.median(np.concatenate([stroke[:, 2] for stroke in drawing.strokes])))
    answer = order_logits(network, [stroke[:, :2] for stroke in drawing.strokes], width, style)
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
    """How much a drawing shows that it went wrong; see the top of the file."""
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
