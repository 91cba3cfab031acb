"""A guide's order and direction on the tour's lines: taken where it draws them, and nowhere else."""

from collections.abc import Sequence
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink, fidelity
from strokebot.tour import Guide, Tour, lines_of, skeleton_of, walk_lines
from strokebot.tour.follow import Track, Vote
from strokebot.tour.guided import best_order
from strokebot.tour.postman import TourCosts
from strokebot.tour.runs import follow_runs, shortest_link
from tests.support.graph_cases import random_graph
from tests.support.writing_cases import PEN_PX, followed, written

Floats = np.ndarray
COSTS = TourCosts(100.0, 200.0, 0.3)


def walked(image: InkImage, guide: Guide | None, costs: TourCosts | None = None) -> Tour:
    skeleton = skeleton_of(image)
    return walk_lines(skeleton, lines_of(skeleton, None), costs=costs, guide=guide)


def recall(gesture: Gesture, image: InkImage) -> float:
    xy, down = gesture.positions * image.longer_side, gesture.pen_down
    drawn = np.append(down[0], down[1:] & down[:-1])
    size = gesture.size * image.longer_side
    return fidelity(image.ink, draw_ink(xy, size, gesture.intensity, drawn, image.ink.shape))["ink_recall"]


@pytest.mark.parametrize("text", ["kitch", "hot", "toilk"])
def test_true_strokes_as_a_guide_give_their_own_order_direction_and_lifts(text: str) -> None:
    image, strokes = written(text)
    tour = walked(image, Guide(tuple(strokes), PEN_PX))
    direction, tau = followed(tour.gesture, image, strokes)
    assert direction == 1.0
    assert tau > 0.95
    assert abs(tour.gesture.lifts - (len(strokes) - 1)) <= 1
    assert tour.guided_share > 0.99
    assert recall(tour.gesture, image) > 0.99


@pytest.mark.parametrize("text", ["kitch", "hot", "toilk"])
def test_a_reversed_guide_reverses_and_one_line_has_no_more_lifts_than_the_tour(text: str) -> None:
    image, strokes = written(text)
    reverse = [stroke[::-1] for stroke in strokes[::-1]]
    tour = walked(image, Guide(tuple(reverse), PEN_PX))
    direction, tau = followed(tour.gesture, image, strokes)
    assert direction < 0.5
    assert tau < -0.7
    joined = walked(image, Guide(tuple(strokes), PEN_PX, lifts=False))
    assert joined.gesture.lifts == walked(image, None).gesture.lifts
    assert joined.guided_lifts == 0


@given(st.integers(0, 2**16), st.booleans(), st.booleans())
@settings(max_examples=12)
def test_all_ink_is_drawn_whatever_the_guide(seed: int, lifts: bool, costs: bool) -> None:
    rng = np.random.default_rng(seed)
    image, strokes = written("it", seed % 7)
    kept = [stroke for stroke in strokes if rng.random() < 0.7]
    bent = [stroke + rng.normal(size=2) * rng.choice([0.0, 1.0, 8.0]) for stroke in kept]
    tour = walked(image, Guide(tuple(bent), PEN_PX, lifts), COSTS if costs else None)
    assert recall(tour.gesture, image) > 0.99
    assert 0.0 <= tour.guided_share <= 1.0


@pytest.mark.parametrize("lifts", [True, False])
def test_a_hopeless_guide_leaves_the_tour_as_it_is(lifts: bool) -> None:
    image, _ = written("hiltock")
    own = walked(image, None, COSTS)
    rng = np.random.default_rng(0)
    scribble = [rng.random((12, 2)) * image.ink.shape[::-1] for _ in range(30)]
    for strokes in ([], [np.array([[1.0, 1.0]])], scribble):
        tour = walked(image, Guide(tuple(strokes), PEN_PX, lifts), COSTS)
        assert tour.guided_share == 0.0
        assert tour.cheaper_lifts == own.cheaper_lifts
        assert tour.plain is None
        np.testing.assert_array_equal(tour.gesture.positions, own.gesture.positions)
        np.testing.assert_array_equal(tour.gesture.intensity, own.gesture.intensity)


def test_a_guide_that_costs_the_machine_too_much_is_not_followed() -> None:
    points = np.array([[10.0, 30.0], [210.0, 30.0]])
    ink = draw_ink(points, np.full(2, 3.0), np.ones(2), np.ones(2, bool), (60, 220))
    image = InkImage(ink)
    straight = walked(image, Guide((points,), 3.0, lifts=False), COSTS)
    assert straight.guided_share == 1.0
    assert straight.plain is not None


def test_a_judge_of_the_lines_decides_what_the_drawings_leave_open() -> None:
    image, strokes = written("hot")
    wanted = {"asked": 0}

    def reversing(pieces: Sequence[Floats]) -> tuple[Floats, Floats]:
        wanted["asked"] = len(pieces)
        right = np.array([piece[:, 0].min() for piece in pieces])
        return 99.0 * np.sign(right[:, None] - right), np.full(len(pieces), -99.0)

    plain = walked(image, Guide(tuple(strokes), PEN_PX))
    turned = walked(image, Guide(tuple(strokes), PEN_PX, judge=reversing))
    assert wanted["asked"] == plain.gesture.lifts + 1
    assert turned.gesture.lifts == plain.gesture.lifts
    assert recall(turned.gesture, image) > 0.99
    direction, tau = followed(turned.gesture, image, strokes)
    assert direction < 0.2
    assert tau < -0.7


@given(st.integers(0, 2**16), st.integers(2, 12), st.integers(0, 12))
@settings(max_examples=60)
def test_runs_pass_every_edge_and_hang_together(seed: int, nodes: int, edges: int) -> None:
    graph = random_graph(seed, nodes, edges)
    rng = np.random.default_rng(seed)
    votes = {
        k: Vote(rng.uniform(-1, 1), rng.uniform(0, 100), int(rng.integers(0, 4)), float(rng.random() < 0.7))
        for k in graph.edges
    }
    votes = {k: vote if vote.seen else Vote(0.0, np.nan, -1, 0.0) for k, vote in votes.items()}
    runs = follow_runs(graph, list(graph.place), votes, 2.0)
    assert {number for run in runs for number, _ in run} == set(graph.edges)
    for run in runs:
        for (one, ahead), (two, onward) in pairwise(run):
            a, b = graph.edges[one], graph.edges[two]
            assert (a.b if ahead else a.a) == (b.a if onward else b.b)


@given(st.integers(0, 2**16), st.integers(2, 10), st.integers(0, 10))
@settings(max_examples=40)
def test_links_are_as_short_as_the_slow_way_finds(seed: int, nodes: int, edges: int) -> None:
    graph = random_graph(seed, nodes, edges)
    far = np.full((nodes, nodes), np.inf)
    np.fill_diagonal(far, 0.0)
    for edge in graph.edges.values():
        far[edge.a, edge.b] = far[edge.b, edge.a] = min(far[edge.a, edge.b], edge.length)
    np.fill_diagonal(far, 0.0)
    for k in range(nodes):  # Floyd and Warshall
        far = np.minimum(far, far[:, k, None] + far[k])
    link = shortest_link(graph, 0, nodes - 1, 1e9)
    assert link is not None
    assert np.isclose(sum(graph.edges[number].length for number, _ in link), far[0, nodes - 1])
    assert shortest_link(graph, 0, nodes - 1, far[0, nodes - 1] - 1e-6) is None


def test_votes_say_which_way_when_and_how_much() -> None:
    track = Track([np.array([[0.0, 0.0], [100.0, 0.0]]), np.array([[50.0, 0.0], [50.0, 40.0]])], 3.0)
    shapes = {
        0: np.array([[60.0, 0.5], [20.0, 0.5]]),
        1: np.array([[50.0, 2.0], [50.0, 38.0]]),
        2: np.array([[0.0, 30.0], [40.0, 30.0]]),
        3: np.array([[80.0, 0.0], [120.0, 0.0]]),
    }
    votes = track.votes(shapes)
    assert votes[0].forward < -0.99
    assert votes[0].stroke == 0
    assert abs(votes[0].when - 40.0) < 1.5
    assert votes[1].forward > 0.99
    assert votes[1].stroke == 1
    assert votes[2] == Vote(0.0, votes[2].when, -1, 0.0)
    assert np.isnan(votes[2].when)
    assert 0.4 < votes[3].seen < 0.7
    assert abs(track.when_near(np.array([51.0, 40.0])) - 140.0) < 3.0


def test_votes_are_those_of_the_first_pass() -> None:
    there_and_back = Track([np.array([[0.0, 0.0], [60.0, 0.0], [0.0, 0.0]])], 3.0)
    vote = there_and_back.votes({0: np.array([[40.0, 0.0], [10.0, 0.0]])})[0]
    assert vote.forward < -0.99
    assert abs(vote.when - 25.0) < 2.0


@given(st.integers(0, 2**16), st.integers(1, 6), st.integers(1, 4))
@settings(max_examples=40)
def test_the_best_order_of_items_has_nearly_as_few_voters_against_it_as_any(
    seed: int, items: int, voters: int
) -> None:
    rng = np.random.default_rng(seed)
    # Voters that mostly agree: a common time, and each its own errors.
    whens = rng.random((items, 1)) + 0.4 * rng.random((items, voters))
    weight = rng.random(voters) + 0.1

    def against(order: tuple[int, ...]) -> float:
        pairs = [(i, j) for k, i in enumerate(order) for j in order[k + 1 :]]
        return sum(float(weight[whens[i] > whens[j]].sum()) for i, j in pairs)

    found = tuple(best_order(whens, weight).tolist())
    assert sorted(found) == list(range(items))
    best = min(against(order) for order in permutations(range(items)))
    assert against(found) <= best + 1e-9 or against(found) <= 1.2 * best
    assert against(found) <= against(tuple(np.argsort(whens[:, 0], kind="stable").tolist())) + 1e-9


def test_a_majority_turns_a_stroke_that_one_drawing_has_the_wrong_way() -> None:
    image, strokes = written("l")
    wrong = tuple(stroke[::-1] for stroke in strokes)
    right = tuple(strokes)
    alone = walked(image, Guide(wrong, PEN_PX))
    assert followed(alone.gesture, image, strokes)[0] == 0.0
    voted = walked(image, Guide(wrong, PEN_PX, others=(right, right, right)))
    assert followed(voted.gesture, image, strokes)[0] == 1.0
