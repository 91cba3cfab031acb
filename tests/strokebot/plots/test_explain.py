"""The sheet says what the networks drew, where they were unsure, and where the tour goes the other way."""

import numpy as np

from strokebot.gesture import Gesture, chain
from strokebot.hand.draw import HandDrawing
from strokebot.plots import png_bytes, style
from strokebot.plots.explain import UNSURE, hand_figure
from strokebot.plots.figure import Line, Marks
from strokebot.raster import draw_ink


def gesture_of(strokes: list[np.ndarray], side: int) -> Gesture:
    return chain([np.column_stack([s / side, np.full(len(s), 3 / side), np.ones(len(s))]) for s in strokes])


def test_the_sheet_shows_what_differs_and_where_the_networks_were_unsure() -> None:
    there = np.column_stack([np.linspace(10.0, 110.0, 41), np.full(41, 20.0)])
    down = np.column_stack([np.full(21, 60.0), np.linspace(30.0, 70.0, 21)])
    xy, n = np.concatenate([there, down]), 62
    drawn = np.arange(n) != 41
    ink = draw_ink(xy, np.full(n, 3.0), np.ones(n), drawn, (80, 120))
    sure = np.ones(41)
    sure[20] = UNSURE / 2
    hand = HandDrawing(
        tuple(np.column_stack([s, np.full(len(s), 3.0)]) for s in (there, down)), (sure, np.ones(21)), 0.0
    )
    own, other = gesture_of([there, down], 120), gesture_of([down, there[::-1]], 120)
    figure = hand_figure(ink, hand, own, other, "two.png")
    assert "71% of the line the other way" in figure.title
    b, d = figure.panels[1], figure.panels[3]
    unsure = [item for item in b.items if isinstance(item, Marks) and item.colour == style.ASTRAY]
    assert [len(item.xy) for item in unsure] == [1]
    lines = {item.colour for item in d.items if isinstance(item, Line)}
    assert lines == {style.ASTRAY, style.TRAVEL}
    assert png_bytes(figure)[:4] == b"\x89PNG"


def test_a_hand_that_changed_nothing_differs_nowhere() -> None:
    line = np.column_stack([np.linspace(10.0, 110.0, 41), np.full(41, 20.0)])
    back = np.concatenate([line, line[::-1]])
    hand = HandDrawing((), (), 1.0)
    figure = hand_figure(np.zeros((40, 120), np.float32), hand, gesture_of([back], 120), None, "one.png")
    assert "0% of the line the other way" in figure.title
