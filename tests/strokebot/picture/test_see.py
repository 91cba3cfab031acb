"""What is seen in pictures whose ink is known: judged against the truth, kind by kind."""

from pathlib import Path

import numpy as np
import pytest

from strokebot.picture.image import load_ink_image
from strokebot.picture.parts import find_parts
from tests.support.scenes import FURTHER, KINDS, MIXED, make_scene
from tests.support.truth_f1 import truth_f1

# What a kind must reach: pencil on rough paper has no sharp truth.
_LEAST = {"pencil": 0.93, "marks": 0.97, "phone": 0.9, "close": 0.9, "chalk": 0.96}


@pytest.mark.parametrize("kind", [*KINDS, *MIXED, *FURTHER])
def test_the_true_ink_is_seen(tmp_path: Path, kind: str) -> None:
    scores, polarity = [], []
    for seed in (1, 2) if kind in FURTHER else (1, 2, 3):
        scene = make_scene(kind, seed)
        image = load_ink_image(scene.save(tmp_path))
        scores.append(truth_f1(find_parts(image.ink).labels > 0, scene.truth, scene.areas))
        if scene.light_on_dark is not None:
            polarity.append(image.polarity == ("light-on-dark" if scene.light_on_dark else "dark-on-light"))
    assert np.median(scores) >= _LEAST.get(kind, 0.98)
    assert all(polarity)


def test_a_scribble_in_broad_coloured_marker_is_no_sheet(tmp_path: Path) -> None:
    scene = make_scene("mixture", 708)
    image = load_ink_image(scene.save(tmp_path))
    assert image.sight is not None
    assert image.sight.sheet is None
    assert truth_f1(find_parts(image.ink).labels > 0, scene.truth, scene.areas) > 0.98
