"""Of several drawings the best: whole strokes count, and every part keeps its own best."""

from itertools import pairwise

import numpy as np
import pytest

from strokebot.hand.choose import KEPT, TRIED, DrawnPart, draw_by_hand, draw_parts, whole_regrets
from strokebot.hand.draw import HandDrawing, Rollout
from strokebot.hand.order import OrderAnswer
from strokebot.hand.retina import prepare
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink
from tests.support.hand_policies import AsDrawn, Following
from tests.support.writing_cases import written


def bars() -> InkImage:
    """Two parts: a bar at the left, and a short one at the right."""
    points = np.array([[10.0, 20.0], [60.0, 20.0], [90.0, 60.0], [120.0, 60.0]])
    down = np.array([False, True, False, True])
    return InkImage(draw_ink(points, np.full(4, 3.0), np.ones(4), down, (80, 130)))


def test_parts_are_drawn_as_one_by_one_and_come_as_they_are_read() -> None:
    work, other = prepare(bars().ink), prepare(written("l", 1, 40.0)[0].ink)
    rollouts = [Rollout(0.0, *TRIED[0]), Rollout(), Rollout(0.0, *TRIED[1])]
    found = draw_parts([work, other, work], Following(), rollouts)
    assert [len(parts) for parts in found] == [2, len(found[1]), 2]
    for work_again, rollout, parts in zip((work, other, work), rollouts, found, strict=True):
        alone = draw_parts([work_again], Following(), [rollout])[0]
        for a, b in zip(parts, alone, strict=True):
            assert a.regret == b.regret
            for s, t in zip(a.drawing.strokes, b.drawing.strokes, strict=True):
                np.testing.assert_allclose(s, t)
    lefts = [min(float(s[:, 0].min()) for s in part.drawing.strokes) for part in found[0]]
    assert all(a < b for a, b in pairwise(lefts))


def test_small_pictures_are_tried_often_and_the_best_are_kept() -> None:
    drawings = draw_by_hand([bars()], Following())[0]
    assert len(drawings) == KEPT
    assert len(draw_by_hand([bars()], Following(), tried=2)[0]) == 2
    assert all(drawing.undrawn == 0.0 for drawing in drawings)


def test_strokes_that_people_make_in_one_go_are_preferred() -> None:
    """Two drawings alike but for which strokes are whole; of each part its own strokes count."""

    class LongOnes:
        """Holds long strokes for whole."""

        def order(self, points, told):
            plain = AsDrawn().order(points, told)
            return OrderAnswer(plain.before, plain.forward, np.where(told[:, 0] > 0.4, 20.0, -20.0))

    def part(*lengths: float) -> DrawnPart:
        strokes = tuple(np.array([[0.0, 9.0 * k, 2.0], [n, 9.0 * k, 2.0]]) for k, n in enumerate(lengths))
        return DrawnPart(HandDrawing(strokes, tuple(np.ones(2) for _ in strokes), 0.0), 0.5)

    whole, half, none = whole_regrets([part(90.0), part(90.0, 1.0), part(1.0, 1.0, 1.0)], LongOnes(), 0.0)
    assert [whole, half, none] == pytest.approx([-0.5, 0.0, 0.5])
    assert whole_regrets([DrawnPart(HandDrawing((), (), 0.0), 0.25)], LongOnes(), 0.0) == pytest.approx(
        [0.25]
    )
