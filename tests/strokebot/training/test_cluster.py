from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from strokebot.errors import DataError, StrokebotError
from strokebot.training import cluster, testsets
from strokebot.training.cluster import agreement, cluster_drawer
from strokebot.training.testsets import TestSet

Array = NDArray[np.float32]


def test_agreement_by_hand() -> None:
    labels = np.array(list("aaaabbbb"))
    perfect = agreement(labels, np.array([7, 7, 7, 7, 3, 3, 3, 3]))
    assert list(perfect.values()) == pytest.approx([1, 1, 1])
    # One group holds aaa, one a + bb, one bb: two groups are mostly b, but only one may be called b.
    mixed = agreement(labels, np.array([0, 0, 0, 1, 1, 1, 2, 2]))
    assert mixed["purity"] == pytest.approx(7 / 8)
    assert mixed["hungarian"] == pytest.approx(5 / 8)
    assert agreement(labels, np.zeros(8, np.int64)) == pytest.approx(
        {"purity": 0.5, "hungarian": 0.5, "nmi": 0}
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=40))
@settings(deadline=None, max_examples=40)
def test_agreement_has_bounds_and_no_names(pairs: list[tuple[int, int]]) -> None:
    labels = np.array([str(a) for a, _ in pairs])
    groups = np.array([b for _, b in pairs], np.int64)
    result = agreement(labels, groups)
    assert -1e-9 <= result["nmi"] <= 1 + 1e-9
    assert 0 < result["hungarian"] <= result["purity"] <= 1
    renamed = agreement(labels, 9 - groups)
    assert renamed == pytest.approx(result)


def gestures(count: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.1, (count, 6, 4)).astype(np.float32)
    steps[..., 2:] = np.abs(steps[..., 2:])
    return rng.random((count, 2)).astype(np.float32), steps


class ClassDrawer:
    """Moves in the direction of the class: ten clear groups with some noise."""

    def __init__(self, labels: NDArray[np.int64]) -> None:
        self.labels = labels

    def predict_arrays(self, images: Array) -> tuple[Array, Array]:
        start, steps = gestures(len(images), seed=1)
        angle = self.labels * 2 * np.pi / 10
        steps[..., :2] = 0.05 * steps[..., :2] + 0.1 * np.stack([np.cos(angle), np.sin(angle)], 1)[:, None]
        steps[..., 2:] = [0.1, 0.9]
        return start, steps

    def render(self, start: Array, steps: Array) -> Array:
        raise AssertionError("grouping needs no drawing")


@pytest.fixture
def noise_digits(monkeypatch: pytest.MonkeyPatch) -> NDArray[np.int64]:
    """Pixels without any sense, labels of ten classes."""
    labels = np.arange(150) % 10
    images = np.random.default_rng(0).random((150, 28, 28)).astype(np.float32)
    test = TestSet("mnist", images, labels.astype(np.str_), np.ones(150, bool))
    monkeypatch.setattr(
        testsets, "mnist_test", lambda folder, limit: test.select(testsets.spread(150, limit))
    )
    return labels


def test_groups_that_are_there_are_found(noise_digits: NDArray[np.int64], tmp_path: Path) -> None:
    lines: list[str] = []
    table = cluster_drawer(ClassDrawer(noise_digits), tmp_path, tmp_path, seeds=1, report=lines.append)
    assert json.loads((tmp_path / "metrics.json").read_text()) == table
    for key in ("pixels_purity", "gesture_purity_mean", "gesture_purity_std", "gesture_hungarian_best"):
        assert 0 <= table[key] <= 1
    assert table["gesture_article_purity_mean"] == table["kmeans_velocity_intensity_purity_mean"] > 0.99
    # Maps stand slanted strokes up: 72 and 108 degrees become one group, and 252 and 288.
    assert table["gesture_purity_mean"] == table["kmeans_maps_purity_mean"] > 0.78
    assert table["gesture_hungarian_best"] > 0.99
    assert table["gesture_nmi_best"] > 0.98
    # Neither pixels nor a size that never changes tell anything.
    assert table["pixels_purity"] < 0.35
    assert table["pixels_purity"] == table["pixels_purity_mean"]
    with Image.open(tmp_path / "clusters.png") as picture:
        assert picture.height > 10 * 84
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.width > 900
    assert table["tsne_kmeans_velocity_intensity_hungarian_mean"] > 0.9
    assert table["spectral_kmeans_velocity_intensity_hungarian_mean"] > 0.9
    assert table["spectral_kmeans_maps_purity_mean"] > 0.78
    with Image.open(tmp_path / "clusters_article.png") as picture:
        assert picture.height > 10 * 84
    assert any("tsne" in line for line in lines)


def test_too_few_digits(noise_digits: NDArray[np.int64], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few"):
        cluster_drawer(ClassDrawer(noise_digits[:15]), tmp_path, tmp_path, 15)


def test_without_scikit_learn(
    noise_digits: NDArray[np.int64], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(StrokebotError, match="pip install scikit-learn"):
        cluster_drawer(ClassDrawer(noise_digits), tmp_path, tmp_path)


def test_the_articles_features_and_the_chosen_ones_are_tried_as_they_are() -> None:
    assert cluster.ARTICLE == ("velocity", "intensity")
    assert {cluster.ARTICLE, cluster.CHOSEN} < set(cluster.FEATURES)
