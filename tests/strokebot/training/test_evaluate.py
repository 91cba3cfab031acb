from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from strokebot.errors import DataError
from strokebot.training import evaluate, metrics, testsets
from strokebot.training.evaluate import Judges, evaluate_drawer
from strokebot.training.judges import shipped_judge
from strokebot.training.networks.checkpoint import load_network
from strokebot.training.testsets import spread

Array = NDArray[np.float32]

# What the published table needs.
KEYS = [
    f"{name}_{figure}"
    for name in ("mnist", "mnist_polished", "letters", "letters_polished")
    for figure in ("mse", "accuracy", "iou", "ssim", "recognised", "length_ratio", "lifts")
]
KEYS += ["mnist_recognised_original", "letters_recognised_original", "unipen_dtw", "unipen_dtw_tour"]
KEYS += ["unipen_dtw_chance", "ms_per_glyph_single", "ms_per_glyph_batch", "ms_per_glyph_polish"]
KEYS += ["article_dots10_mse", "article_dots25_mse", "article_dots25_accuracy"]


class BarDrawer:
    """Draws one bar through the middle of each image's ink; ``off_px`` moves it aside."""

    def __init__(self, off_px: float = 0.0) -> None:
        self.off_px = off_px

    def predict_arrays(self, images: Array) -> tuple[Array, Array]:
        columns = (images * np.arange(28)).sum(axis=(1, 2)) / images.sum(axis=(1, 2)) + 0.5 + self.off_px
        start = np.stack([columns / 28, np.full(len(images), 6.5 / 28)], axis=1).astype(np.float32)
        steps = np.zeros((len(images), 4, 4), np.float32)
        steps[:, :3, 1] = 5 / 28
        steps[:, :, 2:] = [3 / 28, 1]
        return start, steps

    def render(self, start: Array, steps: Array) -> Array:
        return metrics.raster(start, steps)


def shift_back(images: Array, start: Array, steps: Array) -> tuple[Array, Array]:
    return BarDrawer().predict_arrays(images)


@pytest.fixture(scope="module")
def judges() -> Judges:
    return Judges((shipped_judge("judge-a"), shipped_judge("judge-b")), shipped_judge("judge-letters"))


def test_every_published_figure_is_there_and_files_agree(
    measured_folder: Path, tmp_path: Path, judges: Judges
) -> None:
    article = {f"article_dots{n}": (BarDrawer(3.0), "mnist") for n in (10, 25)}
    lines: list[str] = []
    result = evaluate_drawer(
        BarDrawer(1.5),
        measured_folder,
        tmp_path,
        judges=judges,
        polish=shift_back,
        article=article,
        report=lines.append,
    )
    table = result.metrics
    assert result.skipped == []
    assert [key for key in KEYS if key not in table] == []
    assert all(np.isfinite(v) for v in table.values())
    assert json.loads((tmp_path / "metrics.json").read_text()) == table
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == list(table)
    assert float(rows[0]["value"]) == pytest.approx(table[rows[0]["name"]], rel=1e-6)
    for sheet in ("mnist_worst", "mnist_polished_sample", "letters_nist_worst", "letters_unipen_sample"):
        with Image.open(tmp_path / f"{sheet}.png") as picture:
            assert picture.width > 100
    assert any("mnist" in line for line in lines)
    text = evaluate.summary(table).splitlines()
    assert len(text) < 30
    assert len({len(line) for line in text[1:3]}) == 1  # columns stand under each other
    polished = next(line for line in text if line.startswith("  polished")).split()
    assert polished[2] == f"{table['mnist_polished_mse']:.5f}"
    # The polish moves the bar to its place, the article's stand-in is further off.
    assert table["mnist_polished_mse"] < table["mnist_mse"] < table["article_dots10_mse"]
    assert table["mnist_polished_iou"] > 0.9


def test_figures_are_those_of_the_images(measured_folder: Path, tmp_path: Path, judges: Judges) -> None:
    drawer = BarDrawer(0.5)
    table = evaluate_drawer(drawer, measured_folder, tmp_path, judges=judges).metrics
    images = testsets.mnist_test(measured_folder).images
    assert len(images) == 20
    start, steps = drawer.predict_arrays(images)
    drawn = metrics.raster(start, steps)
    assert table["mnist_mse"] == pytest.approx(float(np.mean((images - drawn) ** 2)), rel=1e-5)
    labels = np.array([str(k % 10) for k in range(20)])
    assert table["mnist_recognised"] == pytest.approx((judges.digits[0].read(drawn) == labels).mean())
    assert table["mnist_recognised_original"] == pytest.approx(
        (judges.digits[0].read(images) == labels).mean()
    )
    assert table["mnist_lifts"] == 0
    assert "mnist_polished_mse" not in table
    # Letters are pooled over glyphs, not over sets.
    n, u = table["letters_nist_glyphs"], table["letters_unipen_glyphs"]
    pooled = (n * table["letters_nist_mse"] + u * table["letters_unipen_mse"]) / (n + u)
    assert table["letters_mse"] == pytest.approx(pooled)
    assert table["letters_glyphs"] == n + u


def test_true_paths_tell_direction(measured_folder: Path, tmp_path: Path, judges: Judges) -> None:
    class Upwards(BarDrawer):
        def predict_arrays(self, images: Array) -> tuple[Array, Array]:
            start, steps = super().predict_arrays(images)
            start[:, 1] += 15 / 28
            steps[..., 1] *= -1
            return start, steps

    down = evaluate_drawer(BarDrawer(), measured_folder, tmp_path, judges=judges).metrics
    up = evaluate_drawer(Upwards(), measured_folder, tmp_path, judges=judges).metrics
    assert down["unipen_order"] > 0.5 > -0.5 > up["unipen_order"]
    assert down["unipen_dtw"] < up["unipen_dtw"]
    assert down["unipen_direction"] > 0.7
    assert down["unipen_dtw_tour"] == up["unipen_dtw_tour"]
    assert down["unipen_dtw_chance"] == up["unipen_dtw_chance"]


def test_sets_without_files_are_named(measured_folder: Path, tmp_path: Path, judges: Judges) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for path in measured_folder.glob("t10k*"):
        (folder / path.name).write_bytes(path.read_bytes())
    result = evaluate_drawer(BarDrawer(), folder, tmp_path, 5, judges=judges)
    assert [line.split()[0] for line in result.skipped] == ["letters_nist", "unipen", "omniglot"]
    text = evaluate.summary(result.metrics)
    assert "letters_nist" not in text
    assert "unipen" not in text
    assert result.metrics["mnist_glyphs"] == 5
    with pytest.raises(DataError, match="t10k"):
        evaluate_drawer(BarDrawer(), tmp_path, tmp_path, judges=judges)


def test_spread_is_even_and_within_the_limit() -> None:
    assert spread(10, None).tolist() == list(range(10))
    assert spread(10, 20).tolist() == list(range(10))
    assert spread(10, 4).tolist() == [0, 3, 6, 9]
    assert len(spread(10000, 2000)) == 2000
    with pytest.raises(DataError, match="at least 1"):
        spread(10, 0)


def test_held_out_samples_are_centred_like_mnist(measured_folder: Path) -> None:
    test = testsets.unipen(measured_folder)
    # Writers 8 and 22 wrote every other pair of the 24 samples.
    assert len(test) == 12
    weight = test.images / test.images.sum(axis=(1, 2), keepdims=True)
    centre = np.arange(28) + 0.5
    assert np.allclose((weight.sum(axis=1) * centre).sum(axis=1), 14, atol=0.5)
    assert np.allclose((weight.sum(axis=2) * centre).sum(axis=1), 14, atol=0.8)
    rows = (test.images > 0.5).any(axis=2).sum(axis=1)
    assert ((rows >= 19) & (rows <= 21)).all()
    assert test.truth is not None
    assert test.truth.shape == (12, 64, 2)


def test_judged_letters_are_those_the_judge_never_saw(measured_folder: Path) -> None:
    assert testsets.nist_letters(measured_folder).judged.tolist() == [False, True] * 6


def test_article_networks_lie_in_the_checkout_and_load() -> None:
    for name, (file, _) in evaluate.ARTICLE_NETWORKS.items():
        network, card = load_network(evaluate.ARTICLE_FOLDER / file)
        assert name.replace("article_dots", "dots-").replace("_", "-") == Path(file).stem
        assert card.architecture["kind"].startswith("dots")
        assert not network.training


def test_a_table_leaves_out_what_is_not_there() -> None:
    columns = [("a", "a", ".1f"), ("long heading", "b", ".0%"), ("c", "c", "d")]
    rows = [("one", {"a": 1.0, "b": 0.5}), ("empty", {"a": None}), ("three", {"a": 10.0})]
    assert evaluate.text_table("names", columns, rows).splitlines() == [
        "names     a  long heading",
        "one     1.0           50%",
        "three  10.0",
    ]
    assert evaluate.text_table("names", columns, []) == ""
