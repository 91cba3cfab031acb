"""The judge of what is seen gives the figures that its definition gives, and can fail."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import seeing
from tests.support.scenes import KINDS, MIXED, MIXTURE, make_scene


def slow_f1(seen: np.ndarray, truth: np.ndarray, areas: np.ndarray) -> float:
    """The definition, pixel by pixel."""
    wanted = [tuple(p) for p in np.argwhere(truth >= 0.5)]
    neutral = (truth < 0.5) & ((truth > 0.02) | (areas > 0.02))
    claimed = [tuple(p) for p in np.argwhere(seen & ~neutral)]
    every = [tuple(p) for p in np.argwhere(seen)]

    def near(p: tuple[int, ...], others: list[tuple[int, ...]]) -> bool:
        return any((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 <= 1.5**2 for q in others)

    recall = np.mean([near(p, every) for p in wanted])
    precision = np.mean([near(p, wanted) for p in claimed])
    return float(2 * recall * precision / (recall + precision)) if recall + precision else 0.0


@pytest.mark.parametrize("seed", range(4))
def test_f1_is_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, areas = np.zeros((18, 22), np.float32), np.zeros((18, 22), np.float32)
    truth[5:8, 2:20] = 1.0
    truth[8, 2:20] = 0.3
    areas[12:, 10:] = 1.0
    seen = (rng.random(truth.shape) < 0.1) | ((truth > 0.2) & (rng.random(truth.shape) < 0.6))
    assert seeing.truth_f1(seen, truth, areas) == pytest.approx(slow_f1(seen, truth, areas))


def test_f1_at_the_ends() -> None:
    truth = np.zeros((9, 9), np.float32)
    nothing = np.zeros((9, 9), bool)
    assert seeing.truth_f1(nothing, truth, truth) == 1.0
    truth[4] = 1.0
    assert seeing.truth_f1(nothing, truth, 0 * truth) == 0.0
    assert seeing.truth_f1(truth > 0, truth, 0 * truth) == 1.0
    assert seeing.truth_f1(~nothing, truth, 0 * truth) < 0.6


@pytest.mark.parametrize("kind", [*KINDS, *MIXED, MIXTURE])
def test_scenes_are_the_same_for_the_same_seed_and_their_truth_is_in_them(kind: str) -> None:
    scene, again = make_scene(kind, 3), make_scene(kind, 3)
    assert np.array_equal(scene.picture, again.picture)
    assert not np.array_equal(scene.picture, make_scene(kind, 4).picture)
    assert scene.truth.shape == scene.areas.shape == scene.picture.shape[:2]
    assert 0.002 < (scene.truth >= 0.5).mean() < 0.7
    # What the truth calls ink looks unlike what lies a few pixels beside it.
    picture = np.atleast_3d(scene.picture).astype(np.float64)
    inside = picture[scene.truth > 0.95].mean(axis=0)
    beside = picture[(scene.truth == 0) & (scene.areas == 0)].mean(axis=0)
    assert np.abs(inside - beside).max() > 0.1 * picture.max()


def test_the_command_writes_its_keys(tmp_path: Path) -> None:
    out = tmp_path / "seeing.json"
    assert seeing.main(["--kinds", "lines,negative", "--seeds", "1-2", "--json", str(out)]) == 0
    flat = json.loads(out.read_text())
    assert set(flat) == {
        "truth_f1_median", "truth_f1_worst_tenth", "truth_polarity_right", "truth_f1_lines",
        "truth_f1_negative",
    }  # fmt: skip
    assert flat["truth_f1_median"] > 0.99
    assert flat["truth_polarity_right"] == 1.0
