"""Groups gestures without labels, and tells how well the groups agree with the labels.

The article's test: k-means with 10 clusters on velocity and intensity of the test digits'
gestures, each cluster labelled by its dominant label. Here it is repeated over seeds: on raw
pixels, on the article's features, and on direction maps with and without each of their ideas
(cluster_features.py, which also tells how those were chosen, on training digits). Then
better means of grouping, all of scikit-learn, get the same features. No method sees a label;
labels only score the result.

Symbols: clusters c and labels l of M images, n_cl = images of cluster c with label l.
    purity     sum_c max_l n_cl / M; grows with the number of clusters
    hungarian  max over one-to-one maps f of clusters to labels of sum_c n_c,f(c) / M
               (H. W. Kuhn, "The Hungarian method for the assignment problem", 1955)
    nmi        mutual information of c and l over the mean of their entropies

Better means:
    pca_mixture      Gaussians of full covariance on the leading principal components
    spectral_kmeans  k-means on the leading eigenvectors of the normalised graph of nearest
                     neighbours, each row scaled to length 1 (A. Ng, M. Jordan, Y. Weiss, "On
                     spectral clustering", NIPS 2001)
    tsne_kmeans      k-means on the plane of t-SNE (L. van der Maaten, G. Hinton, JMLR 2008)

Names of the figures: ``<method>_<features>_<figure>_mean`` and ``_std``. In short:
    pixels_*           k-means on raw pixels
    gesture_article_*  k-means on the article's features, velocity and intensity unscaled
    gesture_unlabelled_*  k-means on the course of the pen, of which nothing was chosen with labels
    gesture_*          k-means on direction maps
    gesture_*_best     the best mean of all rows on gestures. The choice of the row looks at
                       its score, so read it as an upper end and the row's own name as the result
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from strokebot.errors import DataError, StrokebotError
from strokebot.training import testsets
from strokebot.training.cluster_features import MAPS, Vectors, features
from strokebot.training.evaluate import Drawer, Report, save_table, table_stems, text_table

Groups = NDArray[np.int64]

FIGURES = ("purity", "hungarian", "nmi")
CLUSTERS = 10
SEEDS = 5
NEIGHBOURS = 15
# The article's features: velocity and intensity, unscaled.
ARTICLE = ("velocity", "intensity")
# The features that group best by plain k-means; chosen on training digits.
CHOSEN = ("maps",)
# Features of which no setting was chosen with labels.
UNLABELLED = ("course",)
# Rows of plain k-means.
FEATURES: tuple[tuple[str, ...], ...] = (ARTICLE, ("path",), UNLABELLED, *((part,) for part in MAPS))

_RESTARTS = 10  # of k-means, scikit-learn's default when the article was written
_MIXTURE_RESTARTS = 3
_COMPONENTS = 20  # of the principal components under a mixture and under t-SNE
_REGULAR = 1e-4  # added to variances, against collapse on coinciding points
_LEAST_SPREAD = 1e-9


def agreement(labels: NDArray[np.str_], groups: Groups) -> dict[str, float]:
    """Purity, Hungarian accuracy and normalised mutual information of groups (M,) and labels (M,)."""
    from sklearn.metrics import normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    share = contingency_matrix(groups, labels) / len(labels)
    rows, columns = linear_sum_assignment(-share)
    return {
        "purity": float(share.max(axis=1).sum()),
        "hungarian": float(share[rows, columns].sum()),
        "nmi": float(normalized_mutual_info_score(labels, groups)),
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
    """The leading principal components (M, k), in units of the greatest one's spread."""
    from sklearn.decomposition import PCA

    main = PCA(min(_COMPONENTS, *vectors.shape), svd_solver="full").fit_transform(vectors)
    return np.asarray(main / max(float(main.std(axis=0).max()), _LEAST_SPREAD))


def spectral(vectors: Vectors) -> Vectors:
    """Leading eigenvectors of the graph of nearest neighbours, each row scaled to length 1."""
    from sklearn.manifold import spectral_embedding
    from sklearn.neighbors import kneighbors_graph
    from sklearn.preprocessing import normalize

    graph = kneighbors_graph(vectors, NEIGHBOURS)
    graph = 0.5 * (graph + graph.T)
    with warnings.catch_warnings():
        # Groups that are far apart make a graph of several parts: so much the better here.
        warnings.simplefilter("ignore", UserWarning)
        unfolded = spectral_embedding(graph, n_components=CLUSTERS, random_state=0, drop_first=False)
    return np.asarray(normalize(unfolded))


def plane(vectors: Vectors) -> Vectors:
    """The vectors laid out in a plane by t-SNE, (M, 2)."""
    from sklearn.manifold import TSNE

    main = components(vectors)
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    return np.asarray(TSNE(2, perplexity=perplexity, init="pca", random_state=0).fit_transform(main))


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
        weights: the weights, or None for the shipped ones; a folder holds those of the hand.
        data: the data folder with MNIST.
        out_dir: where the files go.
        limit: test digits at most, evenly spread; None for all.
        seeds: how many seeds.
        report: called with a line of text as each stage begins.

    Raises:
        StrokebotError: for missing or damaged weights or data, or without scikit-learn.
    """
    drawer: Drawer
    if weights is not None and weights.is_dir():
        from strokebot.training.hand.drawer import load_hand_drawer

        drawer = load_hand_drawer(weights)
    else:
        from strokebot.training.networks.predictor import load_torch_predictor

        drawer = load_torch_predictor(weights)
    return cluster_drawer(drawer, data, out_dir, limit, seeds=seeds, report=report)


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
        raise StrokebotError("Clustering needs scikit-learn: pip install scikit-learn.") from cause
    say = report or (lambda _: None)
    test = testsets.mnist_test(data, limit)
    if len(test) <= NEIGHBOURS:
        raise DataError(f"{len(test)} digits are too few to group; give more than {NEIGHBOURS}.")
    start, steps = drawer.predict_arrays(test.images)

    table: dict[str, float] = {}

    def rate(name: str, method: Callable[[int], Groups]) -> Groups:
        say(f"grouping: {name}")
        grouped = [method(seed) for seed in range(seeds)]
        rows = [agreement(test.label, groups) for groups in grouped]
        for figure in FIGURES:
            values = [row[figure] for row in rows]
            table[f"{name}_{figure}_mean"] = float(np.mean(values))
            table[f"{name}_{figure}_std"] = float(np.std(values))
        return grouped[0]

    flat = test.images.reshape(len(test), -1).astype(np.float64)
    rate("pixels", lambda seed: kmeans(flat, seed))
    table["pixels_purity"] = table["pixels_purity_mean"]
    found: dict[tuple[str, ...], Groups] = {}
    for parts in FEATURES:
        vectors = features(start, steps, parts)
        found[parts] = rate(f"kmeans_{'_'.join(parts)}", lambda seed, v=vectors: kmeans(v, seed))  # type: ignore[misc]
    for short, parts in (
        ("gesture_article", ARTICLE),
        ("gesture_unlabelled", UNLABELLED),
        ("gesture", CHOSEN),
    ):
        for figure in FIGURES:
            for suffix in ("mean", "std"):
                table[f"{short}_{figure}_{suffix}"] = table[f"kmeans_{'_'.join(parts)}_{figure}_{suffix}"]
    for parts in (ARTICLE, CHOSEN):
        vectors, name = features(start, steps, parts), "_".join(parts)
        main, unfolded, laid_out = components(vectors), spectral(vectors), plane(vectors)
        rate(f"pca_mixture_{name}", lambda seed, v=main: mixture(v, seed))  # type: ignore[misc]
        rate(f"spectral_kmeans_{name}", lambda seed, v=unfolded: kmeans(v, seed))  # type: ignore[misc]
        rate(f"tsne_kmeans_{name}", lambda seed, v=laid_out: kmeans(v, seed))  # type: ignore[misc]
    for figure in FIGURES:
        rows = [n for n in table if n.endswith(f"_{figure}_mean") and not n.startswith("pixels")]
        table[f"gesture_{figure}_best"] = max(table[n] for n in rows)
    save_table(table, out_dir)
    say("pictures")
    save_picture(cluster_sheet(test, start, steps, found[CHOSEN]), out_dir / "clusters.png")
    save_picture(cluster_sheet(test, start, steps, found[ARTICLE]), out_dir / "clusters_article.png")
    save_picture(map_picture(laid_out, test.label), out_dir / "map.png")
    return table


def summary(table: dict[str, float]) -> str:
    """The means of all rows as text; ``metrics.json`` has the deviations too.

    Args:
        table: of ``cluster``.
    """
    names = [name for name in table_stems(table, "", "_purity_mean") if not name.startswith("gesture")]
    columns = [(figure, f"{figure}_mean", ".3f") for figure in FIGURES]
    columns.insert(1, ("+-", "purity_std", ".3f"))
    return text_table(
        "grouping", columns, [(n, {k: table.get(f"{n}_{k}") for _, k, _ in columns}) for n in names]
    )
