"""A lift inside a part is made where it saves time, and nowhere else."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from strokebot.errors import GestureError
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink, fidelity, segments_down
from strokebot.tour import Tour, TourCosts, plan_tour


def comb(teeth: int = 5, length: int = 90) -> InkImage:
    """A bar with long teeth: a walk draws all but two of them twice."""
    image = Image.new("L", (20 * teeth + 20, length + 30))
    pen = ImageDraw.Draw(image)
    pen.line([(18, 15), (20 * teeth + 2, 15)], fill=255, width=4)
    for k in range(teeth):
        pen.line([(20 + 20 * k, 15), (20 + 20 * k, 15 + length)], fill=255, width=4)
    return InkImage(np.asarray(image) / 255.0)


def seconds(tour: Tour, image: InkImage, costs: TourCosts) -> float:
    """The time of a tour by the costs it was made for."""
    xy, down = tour.gesture.positions * image.longer_side, tour.gesture.pen_down
    step = np.hypot(*np.diff(xy, axis=0).T)
    drawn = down[1:] & down[:-1]
    travel = step[~drawn].sum() / costs.travel_px_s
    return float(step[drawn].sum() / costs.draw_px_s + travel + tour.gesture.lifts * costs.lift_s)


def test_the_pen_is_lifted_where_that_is_quicker() -> None:
    image = comb()
    slow, quick = TourCosts(50.0, 100.0, 100.0), TourCosts(50.0, 100.0, 0.1)
    assert plan_tour(image).cheaper_lifts == 0
    never, often = plan_tour(image, costs=slow), plan_tour(image, costs=quick)
    assert never.cheaper_lifts == never.gesture.lifts == 0
    assert np.array_equal(never.gesture.positions, plan_tour(image).gesture.positions)
    assert often.cheaper_lifts == often.gesture.lifts >= 2
    assert seconds(often, image, quick) < seconds(never, image, quick) - 2.0


def test_nothing_is_lost_by_lifting() -> None:
    image = comb()
    for costs in (None, TourCosts(50.0, 500.0, 0.0)):
        gesture = plan_tour(image, costs=costs).gesture
        side = image.longer_side
        ink = draw_ink(
            gesture.positions * side, gesture.size * side, gesture.intensity,
            segments_down(gesture.pen_down), image.ink.shape,
        )  # fmt: skip
        assert fidelity(image.ink, ink)["iou"] > 0.93
        assert fidelity(image.ink, ink)["ink_recall"] > 0.999


@pytest.mark.parametrize(
    "values", [(0.0, 1.0, 1.0), (1.0, np.nan, 1.0), (1.0, 1.0, -0.1), (1.0, np.inf, 0.0)]
)
def test_costs_are_checked(values: tuple[float, float, float]) -> None:
    with pytest.raises(GestureError, match="above 0"):
        TourCosts(*values)


def test_progress_rises_to_the_whole() -> None:
    shares: list[float] = []
    plan_tour(comb(), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[0] > 0.0
    assert shares[-1] == 1.0
