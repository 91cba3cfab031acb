"""Letters are drawn edge by edge as a hand would, and the score is what the file says it is."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink
from strokebot.tour import TourCosts, beam_search, plan_tour
from strokebot.tour.graph import Graph
from strokebot.tour.postman import Turns, Walk
from tests.support.graph_cases import random_graph

Stroke = list[tuple[float, float]]


def shapes_of(graph: Graph) -> dict[int, np.ndarray]:
    return {k: edge.points for k, edge in graph.edges.items()}


def ends_of(graph: Graph, step: tuple[int, bool]) -> tuple[int, int]:
    edge = graph.edges[step[0]]
    return (edge.a, edge.b) if step[1] else (edge.b, edge.a)


def slow_score(graph: Graph, walk: Walk, lean: beam_search.OrderFeatures) -> float:
    """The score of a walk without lifts, written down as at the top of the file."""
    turns, index = Turns(graph), {k: e for e, k in enumerate(lean.numbers)}
    first, score, way, before = list[int](), lean.start[ends_of(graph, walk[0])[0]], 0.0, None
    for number, forward in walk:
        e = index[number]
        if e in first:
            way += lean.length[e]
            continue
        score += lean.forward[e] if forward else -lean.forward[e]
        if way > 0:
            score -= beam_search.RETRACE * way + beam_search.INTERRUPTION
        elif before is not None:
            score -= beam_search.TURN * turns.between(before, (number, forward))
        first.append(e)
        way, before = 0.0, (number, forward)
    return score + sum(float(lean.before[e, f]) for e, f in itertools.combinations(first, 2))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000), nodes=st.integers(2, 9), edges=st.integers(0, 8))
def test_a_growth_scores_what_its_walk_does_and_draws_everything(seed: int, nodes: int, edges: int) -> None:
    graph = random_graph(seed, nodes, edges)
    lean = beam_search.order_features(graph, list(graph.place), shapes_of(graph))
    assert lean.before + lean.before.T == pytest.approx(np.zeros_like(lean.before))
    part = beam_search._Part(graph, lean, None, 1.0)
    best = part.grow()
    (walk,) = part.walks(best)
    assert {number for number, _ in walk} == set(graph.edges)
    assert all(ends_of(graph, a)[1] == ends_of(graph, b)[0] for a, b in itertools.pairwise(walk))
    assert best.score == pytest.approx(slow_score(graph, walk, lean))
    assert beam_search.beam_search_walks(graph, list(graph.place), shapes_of(graph)) == [walk]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000), nodes=st.integers(2, 4), edges=st.integers(0, 1))
def test_the_search_finds_the_best_of_all_growths_of_a_small_part(seed: int, nodes: int, edges: int) -> None:
    graph = random_graph(seed, nodes, edges)
    lean = beam_search.order_features(graph, list(graph.place), shapes_of(graph))
    part = beam_search._Part(graph, lean, None, 1.0)

    def best_from(growth: beam_search.Beam) -> float:
        longer = part._longer(growth)
        if not longer:
            return growth.score
        found = []
        for score, _, edge, forward, ways in longer:
            step = (edge, forward, part._retraced(ways, part._ends[edge][not forward]))
            rest = [r - row[edge] for r, row in zip(growth.rest, lean.before.tolist(), strict=True)]
            steps, node = (*growth.steps, step), part._ends[edge][forward]
            found.append(best_from(beam_search.Beam(score, growth.drawn | 1 << edge, node, steps, rest)))
        return max(found)

    rest = lean.before.sum(axis=1).tolist()
    everything = max(best_from(beam_search.Beam(score, 0, n, (), rest)) for n, score in lean.start.items())
    assert part.grow().score == pytest.approx(everything)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100_000), lift_s=st.floats(0.0, 2.0))
def test_a_lift_takes_less_time_than_the_lines_it_leaves_out(seed: int, lift_s: float) -> None:
    """Against the shortest way over all that is drawn; to an end not drawn yet, out along its line."""
    graph = random_graph(seed, 7, 3)
    nodes, costs = list(graph.place), TourCosts(50.0, 120.0, lift_s)
    shapes = shapes_of(graph)
    runs = beam_search.beam_search_walks(graph, nodes, shapes, costs)
    assert {number for run in runs for number, _ in run} == set(graph.edges)
    never = TourCosts(50.0, 120.0, 1e6)
    assert beam_search.beam_search_walks(graph, nodes, shapes, never) == beam_search.beam_search_walks(
        graph, nodes, shapes
    )
    drawn = set[int]()
    for one, two in itertools.pairwise(runs):
        drawn |= {number for number, _ in one}
        here, there = ends_of(graph, one[-1])[1], ends_of(graph, two[0])[0]
        air_s = lift_s + float(np.hypot(*(graph.place[there] - graph.place[here]))) / 120.0
        known = any(there in ends_of(graph, (number, True)) for number in drawn)
        over = drawn if known else drawn | {two[0][0]}
        assert air_s <= shortest(graph, over, here, there) / 50.0 + 1e-6


def shortest(graph: Graph, numbers: set[int], start: int, end: int) -> float:
    """Bellman and Ford's shortest way over some of the edges."""
    far = {start: 0.0}
    for _ in numbers:
        for k in numbers:
            edge = graph.edges[k]
            for a, b in ((edge.a, edge.b), (edge.b, edge.a)):
                if a in far:
                    far[b] = min(far.get(b, np.inf), far[a] + edge.length)
    return far[end]


def picture(strokes: list[Stroke], width: float = 4.0, size: int = 100) -> InkImage:
    points = np.array([point for stroke in strokes for point in stroke], dtype=float)
    down = np.array([k > 0 for stroke in strokes for k in range(len(stroke))])
    n = len(points)
    return InkImage(draw_ink(points, np.full(n, width), np.ones(n), down, (size, size)))


def first_times(strokes: list[Stroke], costs: TourCosts | None = None) -> list[float]:
    """When the pen first comes to the middle of each stroke, as a share of its way."""
    gesture = plan_tour(picture(strokes), costs=costs).gesture
    line = np.concatenate([np.linspace(a, b, 50) for a, b in itertools.pairwise(gesture.positions * 100)])
    found = []
    for stroke in strokes:
        p = np.array(stroke, dtype=float)
        middle = p[len(p) // 2] if len(p) > 2 else p[0] + 0.35 * (p[1] - p[0])
        found.append(float(np.argmax(np.hypot(*(line - middle).T) < 3.0)) / len(line))
    return found


CAPITAL_H: list[Stroke] = [[(25, 10), (25, 90)], [(75, 10), (75, 90)], [(25, 50), (75, 50)]]
CAPITAL_E: list[Stroke] = [
    [(25, 10), (25, 90)], [(25, 10), (75, 10)], [(25, 50), (65, 50)], [(25, 90), (75, 90)]
]  # fmt: skip
SMALL_T: list[Stroke] = [[(50, 10), (50, 90)], [(25, 30), (75, 30)]]
SMALL_K: list[Stroke] = [[(25, 10), (25, 90)], [(70, 35), (25, 60), (70, 90)]]


@pytest.mark.parametrize("letter", [CAPITAL_E, SMALL_T, SMALL_K])
def test_the_strokes_of_a_letter_come_in_the_order_of_a_hand(letter: list[Stroke]) -> None:
    times = first_times(letter)
    assert times == sorted(times)


def test_cheap_lifts_draw_a_letter_stroke_by_stroke() -> None:
    costs = TourCosts(100.0, 1000.0, 0.05)
    tour = plan_tour(picture(CAPITAL_E), costs=costs)
    assert 1 <= tour.cheaper_lifts == tour.gesture.lifts <= 3
    times = first_times(CAPITAL_E, costs)
    assert times == sorted(times)
