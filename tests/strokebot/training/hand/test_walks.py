"""The tour's walks as a stroke set."""

from __future__ import annotations

import numpy as np

from strokebot.training.hand import walks
from strokebot.training.hand.corpus import ONE_LINE, Corpus


def test_walks_draw_every_part_in_one_go(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(walks, "_SOURCES", {"unipen_words": (1.0, 60.0)})
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert walks.build(tmp_path, 3, 0) == 3
    found = walks.load_walks(tmp_path)
    assert set(found.label) == {"unipen_words"}
    for sample in range(3):
        # A wave and a bar apart: two parts, two strokes.
        assert len(found.strokes(sample)) == 2
    drawing = Corpus(tmp_path, {walks.WALKS_NAME: 1.0}).drawing(np.random.default_rng(0))
    assert drawing.style == ONE_LINE


def test_the_command_says_what_is_missing(tmp_path, capsys):
    assert walks.main(["--data", str(tmp_path), "--samples", "2"]) == 1
    assert "unipen_words" in capsys.readouterr().err
