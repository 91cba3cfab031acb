"""A training as a GIF, from the snapshots that it wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from strokebot.errors import DataError
from strokebot.training import animate
from strokebot.training.animate import Snapshots


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
    frames = animate.training_frames(after)
    assert len({frame.tobytes() for frame in frames}) == 3  # another drawing and another caption each


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
    snapshots().save(tmp_path / "s.npz")
    assert animate.main([str(tmp_path / "s.npz"), str(tmp_path / "d.gif")]) == 0
    assert (tmp_path / "d.gif").stat().st_size > 100
    assert animate.main([str(tmp_path / "no.npz"), str(tmp_path / "f.gif")]) == 1
    assert "no.npz" in capsys.readouterr().err
