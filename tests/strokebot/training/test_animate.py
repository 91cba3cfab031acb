from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strokebot.errors import DataError, GestureError
from strokebot.gesture import Gesture
from strokebot.training import animate
from strokebot.training.animate import (
    Snapshots,
    gesture_frames,
    gesture_still,
    gesture_svg,
    partial,
    save_gif,
)


def two_strokes() -> Gesture:
    points = np.array([[0.1, 0.2], [0.9, 0.2], [0.9, 0.5], [0.1, 0.8], [0.9, 0.8]])
    return Gesture.from_positions(points, np.full(5, 0.1), np.array([1.0, 1.0, 0.0, 1.0, 1.0]))


def down_length(gesture: Gesture) -> float:
    down = gesture.pen_down[1:] & gesture.pen_down[:-1]
    return float((np.hypot(*gesture.velocity.T) * down).sum())


@given(st.floats(0, 1), st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_a_part_has_its_share_of_the_way_and_no_ink_of_its_own(share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    gesture = Gesture.from_positions(rng.random((7, 2)), rng.random(7) * 0.1, rng.random(7).round())
    part = partial(gesture, share)
    whole = np.hypot(*gesture.velocity.T).sum()
    assert np.hypot(*part.velocity.T).sum() == pytest.approx(share * whole)
    assert down_length(part) <= down_length(gesture) + 1e-12
    assert part.lifts <= gesture.lifts
    assert np.allclose(part.start, gesture.start)


def test_parts_of_a_known_gesture() -> None:
    gesture = two_strokes()
    way = 0.8 + 0.3 + np.hypot(0.8, 0.3) + 0.8
    assert down_length(partial(gesture, 0.4 / way)) == pytest.approx(0.4)
    # In the middle of the lift: all of the first stroke, nothing of the second.
    assert down_length(partial(gesture, 1.3 / way)) == pytest.approx(0.8)
    assert partial(gesture, 1.0) is gesture
    assert len(partial(Gesture(np.zeros(2), np.zeros((0, 2)), np.array([0.1]), np.array([1.0])), 0.5)) == 1


def test_frames_grow_to_the_whole_drawing(tmp_path: Path) -> None:
    frames = gesture_frames(two_strokes(), frames=6, side_px=56)
    ink = [float((255 - np.asarray(f.convert("L"), float)).sum()) for f in frames]
    assert ink[0] < ink[2] < ink[-1]
    whole = animate.draw(two_strokes(), 56)
    assert np.allclose(np.asarray(frames[-1].convert("L")), 255 - np.rint(whole * 255), atol=1)
    red = [int((np.asarray(f)[..., 0].astype(int) - np.asarray(f)[..., 1] > 60).sum()) for f in frames]
    assert min(red[:-1]) > 5
    assert red[-1] == 0
    with pytest.raises(GestureError, match="2 frames"):
        gesture_frames(two_strokes(), frames=1)
    save_gif(frames, tmp_path / "g.gif")
    with Image.open(tmp_path / "g.gif") as gif:
        assert gif.n_frames == 6
        assert gif.info["loop"] == 0


def test_still_shows_the_gesture() -> None:
    with_image = np.asarray(gesture_still(two_strokes(), np.ones((28, 28), np.float32)), int)
    without = np.asarray(gesture_still(two_strokes()), int)
    assert with_image.shape == without.shape
    assert with_image.shape[1] > 900
    assert np.abs(with_image - without).sum() > 0
    gesture_still(Gesture(np.full(2, 0.5), np.zeros((0, 2)), np.array([0.1]), np.array([1.0])))


def test_svg_draws_each_inked_segment_in_time() -> None:
    root = ElementTree.fromstring(gesture_svg(two_strokes(), duration_s=2.0))
    space = {"s": "http://www.w3.org/2000/svg"}
    lines = root.findall(".//s:line", space)
    assert len(lines) == 2
    begins = [float(line.find("s:animate", space).attrib["begin"][:-1]) for line in lines]  # type: ignore[union-attr]
    assert lines[0].find("s:set", space) is None
    hidden = lines[1].find("s:set", space)
    assert hidden is not None
    assert hidden.attrib["to"] == "hidden"
    assert float(hidden.attrib["dur"][:-1]) == begins[1]
    way = 0.8 + 0.3 + np.hypot(0.8, 0.3) + 0.8
    assert begins == pytest.approx([0.0, 2.0 * (way - 0.8) / way], abs=1e-3)
    assert float(lines[0].attrib["x2"]) == pytest.approx(0.9 * 280)


def snapshots(moments: int = 3) -> Snapshots:
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 0.05, (moments, 2, 5, 4)).astype(np.float32)
    steps[..., 2:] = [0.1, 1.0]
    start = np.full((moments, 2, 2), 0.5, np.float32)
    return Snapshots(rng.random((2, 28, 28)).astype(np.float32), np.arange(moments) * 10, start, steps)


def test_training_round_trip_and_animation(tmp_path: Path) -> None:
    before = snapshots()
    before.save(tmp_path / "s.npz")
    after = Snapshots.load(tmp_path / "s.npz")
    for name in ("images", "at", "start", "steps"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
    animate.save_training(after, tmp_path / "t.gif")
    with Image.open(tmp_path / "t.gif") as gif:
        assert gif.n_frames == 3


def test_wrong_snapshots_are_refused(tmp_path: Path) -> None:
    good = snapshots()
    with pytest.raises(DataError, match="start has shape"):
        Snapshots(good.images, good.at, good.start[:, :1], good.steps)
    with pytest.raises(DataError, match="at least one moment"):
        Snapshots(good.images, good.at[:0], good.start[:0], good.steps[:0])
    np.savez(tmp_path / "s.npz", images=good.images)
    with pytest.raises(DataError, match="lacks"):
        Snapshots.load(tmp_path / "s.npz")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gesture, training = tmp_path / "gesture.json", tmp_path / "s.npz"
    gesture.write_text(two_strokes().to_json())
    snapshots().save(training)
    made = [(gesture, "a.png"), (gesture, "b.gif"), (gesture, "c.svg"), (training, "d.gif")]
    for source, name in made:
        assert animate.main([str(source), str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 100
    assert animate.main([str(training), str(tmp_path / "e.svg")]) == 1
    assert animate.main([str(tmp_path / "no.json"), str(tmp_path / "f.gif")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "e.svg" in lines[0]
    assert "no.json" in lines[1]
