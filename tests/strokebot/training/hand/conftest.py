"""Stroke sets of a few made-up words, for trainings of seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strokebot.training.data.ragged import Sample, save_samples
from strokebot.training.data.strokes import STROKE_FILES


def word(seed: int) -> list[np.ndarray]:
    """A wave from left to right, and a dot or a bar above it."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 3 + rng.integers(3), 60)
    wave = np.stack([t + 0.35 * np.sin(2 * np.pi * t), 0.6 * np.cos(2 * np.pi * t)], axis=1)
    x = rng.uniform(0.5, 2.0)
    return [wave, np.array([[x, -1.2], [x + rng.uniform(0.2, 0.8), -1.1]])]


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("hand-data")
    samples = [Sample(word(k), "word", f"writer {k % 9}") for k in range(18)]
    save_samples(place / STROKE_FILES["unipen_words"], samples)
    return place
