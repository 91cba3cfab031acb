"""The plain tour covers its skeleton, with the least retracing on graphs small enough to count."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import skeletonize

from benchmarks import plain_tour as module
from benchmarks.line_metrics import Drawing
from benchmarks.plain_tour import plain_tour


def drawn_mask(*segments: tuple[int, int, int, int], shape: tuple[int, int] = (60, 60)) -> np.ndarray:
    """Lines one pixel wide, horizontal or vertical, from (row, column) to (row, column)."""
    mask = np.zeros(shape, dtype=bool)
    for r0, c0, r1, c1 in segments:
        mask[r0 : r1 + 1, c0 : c1 + 1] = True
    return mask


def pixels_of(drawing: Drawing) -> set[tuple[int, int]]:
    return {(int(y), int(x)) for stroke in drawing.strokes for x, y in stroke[:, :2]}


def test_one_line_is_drawn_once_from_end_to_end() -> None:
    drawing = plain_tour(drawn_mask((10, 5, 10, 45)))
    assert len(drawing.strokes) == 1
    assert drawing.length_px == 40.0
    assert np.allclose(drawing.strokes[0][:, 2], 1.5)


def test_a_closed_square_is_drawn_once() -> None:
    square = drawn_mask((10, 10, 10, 40), (40, 10, 40, 40), (10, 10, 40, 10), (10, 40, 40, 40))
    drawing = plain_tour(square)
    assert drawing.length_px == pytest.approx(120, abs=4)  # the skeleton may cut its corners
    assert np.hypot(*(drawing.strokes[0][0, :2] - drawing.strokes[0][-1, :2])) == 0.0


def test_a_tee_retraces_its_shortest_arm() -> None:
    # Arms of 20 left, 25 right and 10 down: drawn 55 and the shortest once more.
    drawing = plain_tour(drawn_mask((10, 10, 10, 55), (10, 30, 20, 30)))
    assert drawing.length_px == pytest.approx(65, abs=3)


def test_the_matching_is_the_best_of_all_pairings() -> None:
    # A comb: a spine of 50 with teeth of unlike length.
    teeth = [(6, 12), (16, 25), (26, 7), (36, 18), (46, 10)]
    mask = drawn_mask((10, 2, 10, 52), *((10, c, 10 + n, c) for c, n in teeth))
    graph = module._contracted(module._pixel_graph(np.asarray(skeletonize(mask))))
    odd = sorted(n for n, d in graph.degree() if d % 2)
    reach = {n: module.nx.single_source_dijkstra_path_length(graph, n, weight="length") for n in odd}

    def best(left: tuple[tuple[int, int], ...]) -> float:
        if not left:
            return 0.0
        return min(reach[left[0]][left[k]] + best(left[1:k] + left[k + 1 :]) for k in range(1, len(left)))

    least = min(best(tuple(n for n in odd if n not in ends)) for ends in itertools.combinations(odd, 2))
    drawn_once = sum(d["length"] for *_, d in graph.edges(data=True))
    assert plain_tour(mask).length_px == pytest.approx(drawn_once + least)


def test_many_odd_nodes_are_paired_too(monkeypatch: pytest.MonkeyPatch) -> None:
    teeth = [(6, 12), (16, 25), (26, 7), (36, 18), (46, 10)]
    mask = drawn_mask((10, 2, 10, 52), *((10, c, 10 + n, c) for c, n in teeth))
    exact = plain_tour(mask)
    monkeypatch.setattr(module, "_EXACT_ODD", 0)
    greedy = plain_tour(mask)
    assert pixels_of(greedy) == pixels_of(exact)
    assert greedy.length_px >= exact.length_px


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_every_skeleton_pixel_is_visited_part_by_part(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = ndimage.binary_dilation(rng.random((40, 40)) < rng.uniform(0.002, 0.03), iterations=3)
    skeleton = np.asarray(skeletonize(mask))
    drawing = plain_tour(mask)
    assert pixels_of(drawing) == set(zip(*(v.tolist() for v in np.nonzero(skeleton)), strict=True))
    parts = ndimage.label(skeleton, structure=np.ones((3, 3)))[1]
    assert len(drawing.strokes) == parts
    for stroke in drawing.strokes:
        assert np.all(np.hypot(*np.diff(stroke[:, :2], axis=0).T) <= 2**0.5)


def test_nothing_is_an_empty_drawing() -> None:
    assert plain_tour(np.zeros((8, 8), dtype=bool)).strokes == ()
