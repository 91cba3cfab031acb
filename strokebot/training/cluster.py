"""Groups gestures without labels, and tells how well the groups agree with the labels.

The article's test: k-means with 10 clusters on velocity and intensity of the test digits'
gestures, each cluster labelled by its dominant label. Here it is repeated over seeds, on raw
pixels and on the gesture, ablated over what goes in and how it is scaled; then better means
of grouping get the same features. No method sees a label; labels only score the result.

Symbols: clusters c and labels l of M images, n_cl = images of cluster c with label l.
    purity     sum_c max_l n_cl / M; grows with the number of clusters
    hungarian  max over one-to-one maps f of clusters to labels of sum_c n_c,f(c) / M
               (H. W. Kuhn, "The Hungarian method for the assignment problem", 1955)
    nmi        mutual information of c and l over the mean of their entropies

Names of the figures: ``kmeans_<features>_<scaling>_<figure>_mean`` and ``_std`` for the
ablation, ``<method>_<features>_<figure>_mean`` for the better means; ``pixels_*`` and
``gesture_*`` are the article's test on pixels and on the article's features;
``gesture_hungarian_best`` and ``gesture_nmi_best`` are the best of all rows on gestures.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix

from strokebot.errors import DataError, StrokebotError
from strokebot.training import manifold, metrics, testsets
from strokebot.training.evaluate import Array, Drawer, Report, save_table
from strokebot.training.truth import along_ink

Vectors = NDArray[np.float64]
Groups = NDArray[np.int64]

CLUSTERS = 10
SEEDS = 5
# The article's features: velocity and intensity, unscaled.
ARTICLE = ("velocity", "intensity")
FEATURES: tuple[tuple[str, ...], ...] = (
    ARTICLE,
    ("velocity",),
    ("intensity",),
    ("size",),
    ("velocity", "intensity", "size"),
    ("position",),
    ("position", "intensity"),
    ("path",),
)
SCALINGS = ("raw", "standard", "balanced")
# What the better means of grouping are tried on: views of a gesture, alone and together.
BETTER: dict[str, tuple[tuple[str, ...], ...]] = {
    "velocity_intensity": (ARTICLE,),
    "path": (("path",),),
    "views": (ARTICLE, ("path",)),
}

_RESTARTS = 10  # of k-means, scikit-learn's default when the article was written
_MIXTURE_RESTARTS = 3
_PATH_POINTS = 32
_COMPONENTS = 20  # of the principal components under a mixture
_DIMENSIONS = 10  # of the embeddings: one for each expected group
_REGULAR = 1e-4  # added to variances, against collapse on coinciding points
_LEAST_SPREAD = 1e-9


def features(start: Array, steps: Array, parts: tuple[str, ...], scaling: str = "raw") -> Vectors:
    """Gestures as vectors.

    Args:
        start: (B, 2) canvas units.
        steps: (B, N, 4) canvas units.
        parts: of velocity (the last, which moves nothing, is left out), position, size,
            intensity, and path (``_PATH_POINTS`` points at equal arc length of what is drawn:
            the same movement in whatever steps the pen took).
        scaling: "raw"; "standard" (each number to unit variance); "balanced" (each part
            divided by its overall spread, so that no part drowns the others).

    Raises:
        DataError: for an unknown part or scaling.
    """
    known: dict[str, NDArray[Any]] = {
        "velocity": steps[:, :-1, :2],
        "position": metrics.positions(start, steps),
        "size": steps[:, :, 2],
        "intensity": steps[:, :, 3],
    }
    if "path" in parts:
        down = metrics.pen_down(steps)
        known["path"] = along_ink(known["position"], down[:, 1:] & down[:, :-1], _PATH_POINTS)[0]
    if scaling not in SCALINGS or not parts or any(part not in known for part in parts):
        raise DataError(
            f"Features are of {', '.join(known)}, path, scaled {', '.join(SCALINGS)}; not {parts}, {scaling}."
        )
    columns = []
    for part in parts:
        values = known[part].reshape(len(steps), -1).astype(np.float64)
        if scaling == "standard":
            values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), _LEAST_SPREAD)
        elif scaling == "balanced":
            values = values / max(float(np.sqrt(values.var(axis=0).mean())), _LEAST_SPREAD)
        columns.append(values)
    return np.concatenate(columns, axis=1)


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


def better_methods(views: list[Vectors]) -> dict[str, Callable[[int], Groups]]:
    """Means of grouping beyond k-means, for one or more views of the same gestures.

    The graph of several views is the mean of theirs: gestures are near if every view says so.

    Returns:
        Name of the method to a function of the seed.
    """
    scaled = [view / max(float(np.sqrt(view.var(axis=0).sum())), _LEAST_SPREAD) for view in views]
    main = components(np.concatenate(scaled, axis=1))
    graph = manifold.neighbour_graph(views[0])
    for view in views[1:]:
        graph = graph + manifold.neighbour_graph(view)
    graph = csr_matrix(graph / len(views))
    unfolded = manifold.unit_rows(manifold.spectral(graph, _DIMENSIONS))
    return {
        "pca_mixture": lambda seed: mixture(main, seed),
        "spectral_kmeans": lambda seed: kmeans(unfolded, seed),
        "layout_mixture": lambda seed: mixture(manifold.layout(graph, _DIMENSIONS, seed), seed),
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
        found = [method(seed) for seed in range(seeds)]
        rows = [agreement(test.label, groups) for groups in found]
        for figure in ("purity", "hungarian", "nmi"):
            values = [row[figure] for row in rows]
            table[f"{name}_{figure}_mean"] = float(np.mean(values))
            table[f"{name}_{figure}_std"] = float(np.std(values))
        return found[0]

    flat = test.images.reshape(len(test), -1).astype(np.float64)
    rate("pixels", lambda seed: kmeans(flat, seed))
    table["pixels_purity"] = table["pixels_purity_mean"]
    for parts in FEATURES:
        for scaling in SCALINGS:
            vectors = features(start, steps, parts, scaling)
            groups = rate(f"kmeans_{'_'.join(parts)}_{scaling}", lambda seed, v=vectors: kmeans(v, seed))  # type: ignore[misc]
            if parts == ARTICLE and scaling == "raw":
                article_groups = groups
    article = f"kmeans_{'_'.join(ARTICLE)}_raw"
    for figure in ("purity", "hungarian", "nmi"):
        for suffix in ("mean", "std"):
            table[f"gesture_{figure}_{suffix}"] = table[f"{article}_{figure}_{suffix}"]
    for name, views in BETTER.items():
        for method_name, method in better_methods([features(start, steps, parts) for parts in views]).items():
            rate(f"{method_name}_{name}", method)
    gesture_rows = [name for name in table if not name.startswith("pixels")]
    for figure in ("purity", "hungarian", "nmi"):
        rows = [name for name in gesture_rows if name.endswith(f"_{figure}_mean")]
        table[f"gesture_{figure}_best"] = max(table[name] for name in rows)
    save_table(table, out_dir)
    say("pictures")
    save_picture(cluster_sheet(test, start, steps, article_groups), out_dir / "clusters.png")
    graph = manifold.neighbour_graph(features(start, steps, ARTICLE))
    save_picture(map_picture(manifold.layout(graph, 2), test.label), out_dir / "map.png")
    return table
