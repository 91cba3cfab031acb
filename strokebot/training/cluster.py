"""Groups gestures without labels, and tells how well the groups agree with the labels.

The article's test: k-means with 10 clusters on velocity and intensity of the test digits'
gestures, each cluster labelled by its dominant label. Here it is repeated over seeds: on raw
pixels, on the article's features, on other plain numbers of the gesture and other scalings,
and on direction maps (cluster_features.py, which also tells how those were chosen, on
training digits). Then better means of grouping get the same features. No method sees a label;
labels only score the result.

Symbols: clusters c and labels l of M images, n_cl = images of cluster c with label l.
    purity     sum_c max_l n_cl / M; grows with the number of clusters
    hungarian  max over one-to-one maps f of clusters to labels of sum_c n_c,f(c) / M
               (H. W. Kuhn, "The Hungarian method for the assignment problem", 1955)
    nmi        mutual information of c and l over the mean of their entropies

Names of the figures: ``kmeans_<features>_<scaling>_<figure>_mean`` and ``_std`` for the
ablation, ``<method>_<features>_<figure>_mean`` for the better means. In short:
    pixels_*           k-means on raw pixels
    gesture_article_*  k-means on the article's features, velocity and intensity unscaled
    gesture_*          k-means on direction maps
    gesture_*_best     the best mean of all rows on gestures. The choice of the row looks at
                       its score, so read it as an upper end and the row's own name as the result
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from strokebot.errors import DataError, StrokebotError
from strokebot.training import manifold, testsets
from strokebot.training.cluster_features import MAPS, Vectors, features
from strokebot.training.evaluate import Drawer, Report, save_table

Groups = NDArray[np.int64]

CLUSTERS = 10
SEEDS = 5
# The article's features: velocity and intensity, unscaled.
ARTICLE = ("velocity", "intensity")
# The features that group best by plain k-means; chosen on training digits.
CHOSEN = ("maps",)
# Rows of the ablation: features, and the scalings to try.
FEATURES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (ARTICLE, ("raw", "standard", "balanced")),
    (("velocity",), ("raw", "standard")),
    (("intensity",), ("raw", "standard")),
    (("size",), ("raw", "standard")),
    (("velocity", "intensity", "size"), ("raw", "standard", "balanced")),
    (("heading",), ("raw",)),
    (("position",), ("raw", "standard")),
    (("position", "intensity"), ("raw", "standard", "balanced")),
    (("path",), ("raw", "standard")),
    *(((part,), ("raw",)) for part in MAPS),
    (("maps", "size"), ("balanced",)),
)
# What the better means of grouping are tried on.
BETTER: tuple[tuple[str, ...], ...] = (ARTICLE, ("path",), CHOSEN)

_RESTARTS = 10  # of k-means, scikit-learn's default when the article was written
_MIXTURE_RESTARTS = 3
_COMPONENTS = 20  # of the principal components under a mixture
_DIMENSIONS = 10  # of the embeddings: one for each expected group
_REGULAR = 1e-4  # added to variances, against collapse on coinciding points
_LEAST_SPREAD = 1e-9


def agreement(labels: NDArray[np.str_], groups: Groups) -> dict[str, float]:
    """Purity, Hungarian accuracy and normalised mutual information of groups (M,) and labels (M,)."""
    _, label = np.unique(labels, return_inverse=True)
    _, group = np.unique(groups, return_inverse=True)
    table = np.zeros((group.max() + 1, label.max() + 1))
    np.add.at(table, (group, label), 1)
    share = table / table.sum()
    rows, columns = linear_sum_assignment(-share)

    def entropy(p: Vectors) -> float:
        p = p[p > 0]
        return float(-(p * np.log(p)).sum())

    by_group, by_label = entropy(share.sum(axis=1)), entropy(share.sum(axis=0))
    shared = by_group + by_label - entropy(share.ravel())
    mean = (by_group + by_label) / 2
    return {
        "purity": float(share.max(axis=1).sum()),
        "hungarian": float(share[rows, columns].sum()),
        "nmi": max(shared, 0.0) / mean if mean > 0 else 1.0,
    }


def kmeans(vectors: Vectors, seed: int) -> Groups:
    """k-means with ``CLUSTERS`` centres."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # A part that never changes (a pen that is always down) makes fewer groups than asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        groups = KMeans(CLUSTERS, n_init=_RESTARTS, random_state=seed).fit_predict(vectors)
    return np.asarray(groups, dtype=np.int64)


def mixture(vectors: Vectors, seed: int) -> Groups:
    """A mixture of ``CLUSTERS`` Gaussians, each with its own covariance."""
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        CLUSTERS, n_init=_MIXTURE_RESTARTS, reg_covar=_REGULAR, max_iter=500, random_state=seed
    )
    return np.asarray(model.fit_predict(vectors), dtype=np.int64)


def components(vectors: Vectors) -> Vectors:
    """The leading principal components, in units of the greatest one's spread."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    main = centred @ axes[:, ::-1][:, :_COMPONENTS]
    return np.asarray(main / max(float(main.std(axis=0).max()), _LEAST_SPREAD))


def better_methods(vectors: Vectors) -> dict[str, Callable[[int], Groups]]:
    """Means of grouping beyond k-means on the vectors as they are.

    Returns:
        Name of the method to a function of the seed.
    """
    main = components(vectors)
    graph = manifold.neighbour_graph(vectors)
    unfolded = manifold.unit_rows(manifold.spectral(graph, _DIMENSIONS))

    @cache
    def laid_out(seed: int) -> Vectors:
        return manifold.layout(graph, _DIMENSIONS, seed)

    return {
        "pca_mixture": lambda seed: mixture(main, seed),
        "spectral_kmeans": lambda seed: kmeans(unfolded, seed),
        "layout_kmeans": lambda seed: kmeans(laid_out(seed), seed),
        "layout_mixture": lambda seed: mixture(laid_out(seed), seed),
    }


def cluster(
    weights: Path | None,
    data: Path,
    out_dir: Path,
    limit: int | None = None,
    *,
    seeds: int = SEEDS,
    report: Report | None = None,
) -> dict[str, float]:
    """Groups the test digits by their gestures; writes ``metrics.json``, ``metrics.csv`` and pictures.

    Args:
        weights: the weights, or None for the shipped ones.
        data: the data folder with MNIST.
        out_dir: where the files go.
        limit: test digits at most, evenly spread; None for all.
        seeds: how many seeds.
        report: called with a line of text as each stage begins.

    Raises:
        StrokebotError: for missing or damaged weights or data, or without scikit-learn.
    """
    from strokebot.model.predictor import load_predictor

    return cluster_drawer(load_predictor(weights), data, out_dir, limit, seeds=seeds, report=report)


def cluster_drawer(
    drawer: Drawer,
    data: Path,
    out_dir: Path,
    limit: int | None = None,
    *,
    seeds: int = SEEDS,
    report: Report | None = None,
) -> dict[str, float]:
    """Groups by the gestures of any drawer; see ``cluster``, which loads one from a file."""
    from strokebot.training.cluster_pictures import cluster_sheet, map_picture
    from strokebot.training.sheets import save_picture

    try:
        import sklearn  # noqa: F401
    except ImportError as cause:
        raise StrokebotError("Clustering needs scikit-learn: pip install 'strokebot[train]'.") from cause
    say = report or (lambda _: None)
    test = testsets.mnist_test(data, limit)
    if len(test) <= manifold.NEIGHBOURS:
        raise DataError(f"{len(test)} digits are too few to group; give more than {manifold.NEIGHBOURS}.")
    start, steps = drawer.predict_arrays(test.images)

    table: dict[str, float] = {}

    def rate(name: str, method: Callable[[int], Groups]) -> Groups:
        say(f"grouping: {name}")
        grouped = [method(seed) for seed in range(seeds)]
        rows = [agreement(test.label, groups) for groups in grouped]
        for figure in ("purity", "hungarian", "nmi"):
            values = [row[figure] for row in rows]
            table[f"{name}_{figure}_mean"] = float(np.mean(values))
            table[f"{name}_{figure}_std"] = float(np.std(values))
        return grouped[0]

    flat = test.images.reshape(len(test), -1).astype(np.float64)
    rate("pixels", lambda seed: kmeans(flat, seed))
    table["pixels_purity"] = table["pixels_purity_mean"]
    found: dict[str, Groups] = {}
    for parts, scalings in FEATURES:
        for scaling in scalings:
            vectors = features(start, steps, parts, scaling)
            name = f"kmeans_{'_'.join(parts)}_{scaling}"
            found[name] = rate(name, lambda seed, v=vectors: kmeans(v, seed))  # type: ignore[misc]
    article, chosen = f"kmeans_{'_'.join(ARTICLE)}_raw", f"kmeans_{'_'.join(CHOSEN)}_raw"
    for figure in ("purity", "hungarian", "nmi"):
        for suffix in ("mean", "std"):
            table[f"gesture_article_{figure}_{suffix}"] = table[f"{article}_{figure}_{suffix}"]
            table[f"gesture_{figure}_{suffix}"] = table[f"{chosen}_{figure}_{suffix}"]
    for parts in BETTER:
        for method_name, method in better_methods(features(start, steps, parts)).items():
            rate(f"{method_name}_{'_'.join(parts)}", method)
    gesture_rows = [name for name in table if not name.startswith("pixels")]
    for figure in ("purity", "hungarian", "nmi"):
        rows = [name for name in gesture_rows if name.endswith(f"_{figure}_mean")]
        table[f"gesture_{figure}_best"] = max(table[name] for name in rows)
    save_table(table, out_dir)
    say("pictures")
    save_picture(cluster_sheet(test, start, steps, found[chosen]), out_dir / "clusters.png")
    save_picture(cluster_sheet(test, start, steps, found[article]), out_dir / "clusters_article.png")
    graph = manifold.neighbour_graph(features(start, steps, CHOSEN))
    save_picture(map_picture(manifold.layout(graph, 2), test.label), out_dir / "map.png")
    return table
