"""Every style of one picture: none is missing, each has its own figures, and equal ones stand once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calibration.errors import ProfileError
from strokebot import pipeline
from strokebot.errors import ImageError, PlacementError
from strokebot.modes import Pattern
from strokebot.options import DrawOptions
from strokebot.styles import all_styles, draw_samples


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """A thin line: no areas, so that all ways of filling draw the same."""
    ink = np.full((60, 90), 255, np.uint8)
    ink[28:30, 15:75] = 0
    Image.fromarray(ink).save(tmp_path / "line.png")
    return tmp_path / "line.png"


def test_every_word_of_every_choice_has_a_style() -> None:
    from typing import get_args

    from strokebot.fill import FILL_MODES

    names = " ".join(style.name for style in all_styles())
    for word in (*FILL_MODES, *get_args(Pattern), "model", "tour"):
        assert f" {word}" in names
    for style in all_styles():
        replace(DrawOptions(), **style.options)  # each is a choice that exists


def test_equal_drawings_stand_once_and_each_is_what_draw_makes(line: Path) -> None:
    options = DrawOptions(fit_mm=(60.0, 40.0))
    samples = [s for s in draw_samples(line, options) if s.result is not None]
    names = [s.style.name for s in samples]
    assert sum("--fill" in name for name in names) == 1
    assert sum("tone" in name for name in names) == 2
    for sample in samples:
        if "model" in sample.style.name:
            continue
        alone = pipeline.draw(line, replace(options, polish=False, **sample.style.options))
        assert alone.plan.gcode == sample.result.plan.gcode
        assert alone.trace.drawn_mm == sample.result.trace.drawn_mm


def test_what_is_wrong_whatever_the_style_is_said_at_once(line: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        list(draw_samples(tmp_path / "none.png", DrawOptions()))
    with pytest.raises(ProfileError):
        list(draw_samples(line, DrawOptions(profile="nobody")))
    with pytest.raises(PlacementError):
        list(draw_samples(line, DrawOptions(fit_mm=(900.0, 900.0))))
