"""The benchmark of the hand measures every way on the same specimens, and its sheet holds them all."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.hand import WAYS, Clock, draw_ways, measure_specimens, report
from benchmarks.hand_sheet import save_sheet
from benchmarks.lettering import write
from benchmarks.order_truth import pictured
from tests.support.hand_policies import Following


def specimens() -> list:
    strokes = [write(text, seed) for seed, text in enumerate(("hi", "to"))]
    return [pictured([np.rint(1000 * s).astype(np.int16) for s in each], 40.0) for each in strokes]


def test_every_way_is_measured(capsys) -> None:
    clock = Clock()
    flat = measure_specimens("words", specimens(), Following(), clock)
    for way in WAYS:
        end = f"_{way}" if way else ""
        assert 0.0 <= flat[f"words_direction{end}"] <= 1.0
        assert -1.0 <= flat[f"words_tau{end}"] <= 1.0
        assert flat[f"words_recall{end}"] > 0.95
        assert 0.0 <= flat[f"words_iou{end}"] <= 1.0
    assert flat["words_guided_tour"] == 0.0
    assert flat["words_guided_raw"] == 1.0
    assert flat["words_lifts_over_parts_one_line"] == flat["words_lifts_over_parts_tour"] == 0.0
    assert flat["words_pictures"] == 2
    assert clock.hand_s > 0
    assert clock.skeleton_px > 100
    report(flat)
    assert "words_tau" in capsys.readouterr().out


def test_the_sheet_has_a_row_for_each_picture(tmp_path: Path) -> None:
    pairs = []
    for image, _ in specimens():
        ways = draw_ways(image, Following(), Clock())
        pairs.append(("word", image, {way: gesture for way, (gesture, _) in ways.items() if way != "raw"}))
    save_sheet(tmp_path / "sheet.png", [*pairs, pairs[0]])
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet)
    halves = np.array_split(pixels, 2, axis=0)
    assert all((half < 100).all(axis=2).any() for half in halves)
