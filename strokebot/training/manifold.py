"""Unfolds a cloud of feature vectors into few dimensions, so that groups can be told apart.

Two embeddings of the same graph of nearest neighbours, neither of which sees a label:

spectral   leading eigenvectors of the normalised graph  D^-1/2 W D^-1/2, to be used with each
           row scaled to length 1 (A. Ng, M. Jordan, Y. Weiss, "On spectral clustering",
           NIPS 2001)
layout     points that attract along edges and repel otherwise, from the spectral start
           (L. McInnes, J. Healy, J. Melville, "UMAP", arXiv 1802.03426): the equations of
           that paper, written anew, all edges of an epoch at once

Symbols of the graph, for point i with its k neighbours j at distances d_ij:
    rho_i     the least distance,   sigma_i: sum_j exp(-max(0, d_ij - rho_i) / sigma_i) = log2 k
    w_ij      exp(-max(0, d_ij - rho_i) / sigma_i)
    W         w + w^T - w * w^T: an edge counts if either end says so
Symbols of the layout, for points y:
    q_ij      1 / (1 + a |y_i - y_j|^(2 b)), with a, b fitted so that q is near 1 within
              ``_MIN_DISTANCE`` and decays with unit length beyond
    an epoch moves y along the gradient of  sum W_ij log q_ij + sum over random pairs
              log(1 - q_ij),  each coordinate by at most ``_CLIP`` times the rate
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import curve_fit
from scipy.sparse.linalg import eigsh

from strokebot.errors import DataError

Vectors = NDArray[np.float64]

NEIGHBOURS = 15
_BISECTIONS = 40
_MIN_DISTANCE = 0.0  # groups may become dense: good for finding them, see the source, section 4.3
_SPREAD = 1.0
_CLIP = 4.0
_NEGATIVES = 5  # random pairs for each edge
_EPOCHS = 200
_RATE = 1.0
# Extent of the start, as in the source.
_START_SPAN = 10.0
_NOISE = 1e-4  # parts coinciding points
_BASIS = 60  # Krylov vectors: a small basis misses one of two equal eigenvalues (a graph in two parts)
_SOFT = 1e-3  # keeps the repulsion finite for points that coincide


def neighbour_graph(features: Vectors, neighbours: int = NEIGHBOURS) -> sparse.csr_matrix:
    """The symmetric graph W of nearest neighbours, (n, n) with weights in (0, 1].

    Args:
        features: (n, d).
        neighbours: k, of each point.

    Raises:
        DataError: if there are no more points than neighbours.
    """
    from sklearn.neighbors import NearestNeighbors  # an extra of training, slow to import

    n = len(features)
    if n <= neighbours:
        raise DataError(f"{n} points are too few for {neighbours} neighbours; give more images.")
    search = NearestNeighbors(n_neighbors=neighbours + 1).fit(features)
    distance, index = search.kneighbors(features)
    distance, index = distance[:, 1:], index[:, 1:]
    beyond = np.maximum(0.0, distance - distance[:, :1])
    low, high = np.zeros(n), np.full(n, np.inf)
    sigma = np.ones(n)
    for _ in range(_BISECTIONS):
        over = np.exp(-beyond / sigma[:, None]).sum(axis=1) > np.log2(neighbours)
        high, low = np.where(over, sigma, high), np.where(over, low, sigma)
        sigma = np.where(np.isfinite(high), (low + high) / 2, sigma * 2)
    weight = np.exp(-beyond / np.maximum(sigma, 1e-12)[:, None])
    rows = np.repeat(np.arange(n), neighbours)
    directed = sparse.csr_matrix((weight.ravel(), (rows, index.ravel())), shape=(n, n))
    back = directed.T.tocsr()
    return sparse.csr_matrix(directed + back - directed.multiply(back))


def spectral(graph: sparse.csr_matrix, dimensions: int, seed: int = 0) -> Vectors:
    """Leading eigenvectors of the normalised graph, (n, dimensions), the greatest first.

    Args:
        graph: W.
        dimensions: how many.
        seed: of the solver's start.
    """
    n = graph.shape[0]
    root = 1 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12))
    normal = sparse.diags(root) @ graph @ sparse.diags(root)
    # Shifted, so that the wanted eigenvalues are the largest in size too.
    shifted = normal + sparse.identity(n)
    start = np.random.default_rng(seed).random(n)
    wanted = min(dimensions, n - 1)
    basis = min(n, max(_BASIS, 4 * wanted))
    values, vectors = eigsh(shifted, k=wanted, which="LM", v0=start, ncv=basis)
    return np.asarray(vectors[:, np.argsort(-values)])


def unit_rows(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def curve() -> tuple[float, float]:
    """The constants a and b of q."""
    x = np.linspace(0, 3 * _SPREAD, 300)
    wanted = np.where(x < _MIN_DISTANCE, 1.0, np.exp(-(x - _MIN_DISTANCE) / _SPREAD))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 0 ** b while b is being searched
        (a, b), _ = curve_fit(lambda v, a, b: 1 / (1 + a * v ** (2 * b)), x, wanted, p0=(1.5, 0.9))
    return float(a), float(b)


def layout(graph: sparse.csr_matrix, dimensions: int, seed: int = 0, epochs: int = _EPOCHS) -> Vectors:
    """Attraction and repulsion on the graph, from the spectral start; (n, dimensions).

    Args:
        graph: W.
        dimensions: of the result.
        seed: of the start's noise, the edges drawn and the random pairs.
        epochs: passes over the edges.
    """
    generator = np.random.default_rng(seed)
    a, b = curve()
    # The first eigenvector tells only how well connected a point is.
    y = spectral(graph, dimensions + 1, seed)[:, 1:]
    y = y / np.abs(y).max() * _START_SPAN + generator.normal(0, _NOISE, y.shape)
    edges = graph.tocoo()
    chance = edges.data / edges.data.max()
    n = len(y)
    for epoch in range(epochs):
        rate = _RATE * (1 - epoch / epochs)
        drawn = generator.random(len(chance)) < chance
        i, j = edges.row[drawn], edges.col[drawn]
        difference = y[i] - y[j]
        square = (difference**2).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            pull = -2 * a * b * square ** (b - 1) / (1 + a * square**b)
        pull = np.where(square > 0, pull, 0.0)
        # Both ends of an edge come up as (i, j) and (j, i), so each moves its own first end twice.
        move = _gather(i, np.clip(pull[:, None] * difference, -_CLIP, _CLIP), n) * 2
        other = generator.integers(0, n, (len(i), _NEGATIVES))
        for k in range(_NEGATIVES):
            difference = y[i] - y[other[:, k]]
            square = (difference**2).sum(axis=1)
            push = 2 * b / ((_SOFT + square) * (1 + a * square**b))
            move += _gather(i, np.clip(push[:, None] * difference, -_CLIP, _CLIP), n)
        # An epoch applies its moves together; a step no longer than the clip keeps that stable.
        y = y + rate * np.clip(move, -_CLIP, _CLIP)
    return np.asarray(y)


def _gather(index: NDArray[np.int32], rows: Vectors, n: int) -> Vectors:
    """Sums rows (e, d) by index into (n, d)."""
    return np.column_stack([np.bincount(index, rows[:, d], minlength=n) for d in range(rows.shape[1])])
