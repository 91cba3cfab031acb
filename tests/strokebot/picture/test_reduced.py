"""Large pictures are looked at reduced: by bytes or by fields, with the same picture and resolution."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from strokebot.picture.image import load_ink_image


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1"])
def test_a_reduced_picture_keeps_its_shape_and_resolution(mode: str, tmp_path: Path) -> None:
    paper = np.full((121, 182), 255, dtype=np.uint8)
    paper[30:90, 60:66] = 0
    file = tmp_path / "bar.png"
    Image.fromarray(paper).convert(mode).save(file, dpi=(300, 300))
    whole = load_ink_image(file)
    small = load_ink_image(file, reduce_to=2500)
    assert (whole.reduced, small.reduced) == (1, 3)
    assert small.ink.shape == (121 // 3, 182 // 3)
    assert whole.px_per_mm is not None
    assert small.px_per_mm == pytest.approx(whole.px_per_mm / 3, rel=1e-3)
    assert small.ink.sum() * 9 == pytest.approx(whole.ink.sum(), rel=0.1)
