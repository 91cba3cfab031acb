"""The lines of a part in the order and direction of a drawing, with the lifts that it has.

Nouns, besides those of ``follow``:
    run     steps over edges without a lift
    link    the shortest way along the graph from the end of a run to the next edge
    jump    a link over edges that the drawing did not draw there: a lift is left out

The edges of a part are taken in the order in which the drawing first passes most of each, and each in
the direction in which it does. Between one and the next the pen goes along the link, where that is
short, and lifts elsewhere. What is short depends on whether the drawing lifted there: inside a stroke
the pen was on the paper all the way; between two, a hand that goes back over its own line for a
little way does not lift for it either.

Edges that the drawing missed are drawn there and back where a run passes one of their nodes, if they
are short, and else as runs of their own.

Symbols: w line width, L length of a link:
    inside a stroke     on the paper if L <= ``INSIDE`` w
    between strokes     on the paper if L <= ``BETWEEN`` w
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from strokebot.tour.follow import Vote
from strokebot.tour.graph import Graph
from strokebot.tour.postman import Step, Walk

INSIDE = 30.0
BETWEEN = 4.0
# An edge counts as drawn from this share on.
_SEEN = 0.3
# Missed edges up to this length are drawn in passing.
_IN_PASSING = 4.0


def follow_runs(
    graph: Graph,
    nodes: Sequence[int],
    votes: Mapping[int, Vote],
    width: float,
    inside: float = INSIDE,
    between: float = BETWEEN,
) -> list[Walk]:
    """The runs of one component; see the top of the file.

    Args:
        graph: the graph.
        nodes: all nodes of one of its components, with at least one edge.
        votes: of the drawing, for every edge of the component.
        width: line width, working px.
        inside: links inside a stroke that are drawn, line widths.
        between: the same between two strokes.

    Returns:
        Runs that together pass every edge of the component.
    """
    numbers = sorted({k for node in nodes for k in graph.at[node]})
    seen = [k for k in numbers if votes[k].seen >= _SEEN]
    seen.sort(key=lambda k: (votes[k].stroke, votes[k].when))
    length = {k: graph.edges[k].length for k in numbers}
    runs: list[Walk] = []
    before = -1
    for number in seen:
        vote = votes[number]
        step = (number, vote.forward >= 0)
        if runs:
            limit = (inside if vote.stroke == before else between) * width
            link = shortest_link(graph, _end(graph, runs[-1][-1]), _start(graph, step), limit, length)
            if link is not None:
                runs[-1] += [*link, step]
                before = vote.stroke
                continue
        runs.append([step])
        before = vote.stroke
    passed = {number for run in runs for number, _ in run}
    return _with_missed(graph, runs, [k for k in numbers if k not in passed], width)


def _with_missed(graph: Graph, runs: list[Walk], missed: list[int], width: float) -> list[Walk]:
    """The runs with the edges that no run passes: in passing, at an end of a run, or as new runs."""
    left = sorted(missed, key=lambda k: (graph.edges[k].length, k))
    progress = True
    while left and progress:
        progress = False
        for number in list(left):
            if _put(graph, runs, number, width):
                left.remove(number)
                progress = True
    for number in left:  # long ones, or nothing was drawn at all
        edge = graph.edges[number]
        for run in runs:
            if _end(graph, run[-1]) in (edge.a, edge.b):
                run.append((number, _end(graph, run[-1]) == edge.a))
                break
        else:
            runs.append([(number, True)])
    return runs


def _put(graph: Graph, runs: list[Walk], number: int, width: float) -> bool:
    """Puts an edge into a run that ends, begins or comes by at one of its nodes; whether there is one."""
    edge = graph.edges[number]
    for run in runs:
        end = _end(graph, run[-1])
        if end in (edge.a, edge.b):
            run.append((number, end == edge.a))
            return True
    for run in runs:
        start = _start(graph, run[0])
        if start in (edge.a, edge.b):
            run.insert(0, (number, start == edge.b))
            return True
    if edge.length > _IN_PASSING * width:
        return False
    for run in runs:
        for at, step in enumerate(run):
            here = _end(graph, step)
            if here in (edge.a, edge.b):
                run[at + 1 : at + 1] = [(number, here == edge.a), (number, here != edge.a)]
                return True
    return False


def shortest_link(
    graph: Graph, start: int, end: int, limit: float, length: Mapping[int, float] | None = None
) -> Walk | None:
    """The shortest way from a node to another along the graph; None if it is longer than the limit.

    Args:
        graph: the graph.
        start: a node.
        end: a node.
        limit: on the length of the way.
        length: of the edges, where somebody has measured them.
    """
    if start == end:
        return []
    heap: list[tuple[float, int, int, Step | None, int]] = [(0.0, 0, start, None, start)]
    came: dict[int, tuple[Step | None, int]] = {}
    count = 0
    while heap:
        far, _, node, step, before = heapq.heappop(heap)
        if node in came:
            continue
        came[node] = (step, before)
        if node == end:
            way: Walk = []
            while came[node][0] is not None:
                taken, node = came[node]
                assert taken is not None
                way.append(taken)
            return way[::-1]
        for number in graph.at[node]:
            edge = graph.edges[number]
            other = edge.other(node)
            if other in came:
                continue
            way_length = far + (edge.length if length is None else length[number])
            if way_length <= limit:
                count += 1
                heapq.heappush(heap, (way_length, count, other, (number, node == edge.a), node))
    return None


def _start(graph: Graph, step: Step) -> int:
    edge = graph.edges[step[0]]
    return edge.a if step[1] else edge.b


def _end(graph: Graph, step: Step) -> int:
    edge = graph.edges[step[0]]
    return edge.b if step[1] else edge.a
