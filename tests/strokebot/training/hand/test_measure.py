"""The hand on true strokes, and as a drawer of small pictures."""

from pathlib import Path

import numpy as np
import pytest

from strokebot.errors import WeightsError
from strokebot.hand.choose import raw_gesture
from strokebot.hand.draw import HandDrawing
from strokebot.hand.policy import load_policy
from strokebot.picture.image import InkImage
from strokebot.training import metrics
from strokebot.training.data import strokes as stored
from strokebot.training.hand.drawer import POINTS, HandDrawer, as_arrays, load_hand_drawer
from strokebot.training.hand.measure import measure_hand, pictured
from tests.support.writing_cases import written


def test_a_drawing_as_arrays_has_its_line_and_its_lifts() -> None:
    strokes = (
        np.array([[2.0, 3.0, 3.0], [12.0, 3.0, 3.0]]),
        np.array([[12.0, 13.0, 2.0], [2.0, 13.0, 2.0]]),
    )
    start, steps = as_arrays(HandDrawing(strokes, (np.ones(2), np.ones(2)), 0.0), 20.0)
    assert start.tolist() == [0.1, 0.15]
    ink = metrics.raster(start[None].astype(np.float32), steps[None].astype(np.float32), 20)[0]
    assert ink[3, 4:11].min() > 0.9
    assert ink[12, 4:11].min() > 0.5
    # The way between them is in the air.
    assert ink[6:11].max() == 0.0
    assert np.isclose(np.hypot(*steps[:, :2].T).sum(), 30 / 20, rtol=0.05)


def test_nothing_is_drawn_of_nothing() -> None:
    start, steps = HandDrawer(load_policy()).predict_arrays(np.zeros((2, 28, 28), np.float32))
    assert start.shape == (2, 2)
    assert steps.shape == (2, POINTS, 4)
    assert not steps.any()


def test_small_pictures_are_drawn_where_they_are_inked() -> None:
    images = np.zeros((2, 28, 28), np.float32)
    images[0, 6:22, 13:16] = images[1, 13:16, 5:23] = 1.0
    drawer = load_hand_drawer()
    start, steps = drawer.predict_arrays(images)
    drawn = drawer.render(start, steps)
    for picture, ink in zip(images, drawn, strict=True):
        assert ink[picture > 0].mean() > 0.6
        assert ink[picture == 0].mean() < 0.02
    with pytest.raises(WeightsError):
        load_hand_drawer(Path("nothing-here"))


def test_the_hand_is_measured_on_strokes_held_out_and_missing_sets_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strokes = [np.rint(100 * stroke).astype(np.int16) for stroke in written("it")[1]]
    image, runs = pictured(strokes, 40.0)
    assert [len(run) for run in runs] == [len(stroke) for stroke in strokes]
    assert image.ink[tuple(np.floor(runs[0][0][::-1]).astype(int))] > 0.5

    class One:
        held_out = np.array([False, True])

        def strokes(self, sample: int) -> list[np.ndarray]:
            assert sample == 1
            return strokes

    def load(folder: Path, name: str) -> One:
        if name == "unipen_words":
            return One()
        raise stored.DataError("There is none.")

    monkeypatch.setattr("strokebot.training.hand.measure.load_strokes", load)
    found, missing = measure_hand(load_policy(), tmp_path)
    assert found["hand_words_ink_recall"] > 0.98
    assert found["hand_words_tour_direction"] <= 1.0
    assert {name.split("_")[1] for name in found} == {"words"}
    assert len(missing) == 1
    assert "kanji" in missing[0]


def test_raw_gestures_and_arrays_agree_on_the_picture() -> None:
    image = InkImage(written("o")[0].ink)
    drawing = HandDrawing((np.array([[5.0, 5.0, 3.0], [25.0, 5.0, 3.0]]),), (np.ones(2),), 0.0)
    gesture = raw_gesture(drawing, image)
    assert gesture is not None
    start, _ = as_arrays(drawing, image.longer_side)
    assert np.allclose(start, gesture.positions[0])
