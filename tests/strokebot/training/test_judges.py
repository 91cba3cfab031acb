from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from strokebot.errors import DataError, WeightsError
from strokebot.raster import draw_ink
from strokebot.training.judge import REQUIRED_ACCURACY, Characters, augment, main, train_judge
from strokebot.training.judges import SYMBOLS, build_judge, load_judge, shipped_judge
from strokebot.training.networks.checkpoint import Card, read_card, save_weights

DIGITS = ("judge-a", "judge-b")


def draw(points: list[tuple[float, float]], width_px: float = 2.7) -> NDArray[np.float32]:
    n = len(points)
    return draw_ink(points, np.full(n, width_px), np.ones(n), np.ones(n, bool), (28, 28))


def round_line(
    x: float, y: float, rx: float, ry: float, first: float, last: float
) -> list[tuple[float, float]]:
    angle = np.radians(np.linspace(first, last, 24))
    return [(float(x + rx * np.cos(a)), float(y + ry * np.sin(a))) for a in angle]


# Digits as a school book writes them; nobody needs data to know what they are.
WRITTEN = {
    "0": round_line(14, 14, 6, 9, -90, 270),
    "1": [(14.0, 5.0), (14.0, 23.0)],
    "2": [*round_line(14, 10, 5, 5, 180, 380), (8.0, 23.0), (20.0, 23.0)],
    "3": [*round_line(13, 9.5, 5, 4.5, 200, 450), *round_line(13, 18.5, 5.5, 4.5, -90, 160)],
    "4": [(10.0, 5.0), (8.5, 15.0), (19.0, 14.0), (18.0, 8.0), (17.0, 23.0)],
    "6": [*round_line(17, 15, 8, 10, 270, 180), *round_line(14, 18, 5, 5, 180, 540)],
    "7": [(8.0, 6.0), (20.0, 6.0), (13.0, 23.0)],
}


@pytest.mark.parametrize("kind", DIGITS)
def test_shipped_judges_read_plain_digits(kind: str) -> None:
    images = np.stack([draw(points) for points in WRITTEN.values()])
    assert "".join(shipped_judge(kind).read(images)) == "".join(WRITTEN)


@pytest.mark.parametrize("kind", DIGITS)
def test_shipped_judges_of_digits_are_good_enough_and_small(kind: str) -> None:
    judge = shipped_judge(kind)
    assert judge.card.metrics["test_accuracy"] >= REQUIRED_ACCURACY
    path = Path(str(__import__("strokebot.training.judges", fromlist=["x"]).__file__)).parent
    assert (path / f"{kind}.safetensors").stat().st_size <= 300_000


def test_shipped_judge_of_letters_reads_plain_capitals() -> None:
    letters = {
        "L": [(9.0, 5.0), (9.0, 23.0), (19.0, 23.0)],
        "O": round_line(14, 14, 8, 9, -90, 270),
        "V": [(7.0, 5.0), (14.0, 23.0), (21.0, 5.0)],
        "Z": [(7.0, 6.0), (20.0, 6.0), (8.0, 22.0), (21.0, 22.0)],
        "N": [(8.0, 23.0), (8.0, 5.0), (20.0, 23.0), (20.0, 5.0)],
    }
    judge = shipped_judge("judge-letters")
    assert "".join(judge.read(np.stack([draw(p) for p in letters.values()]))) == "".join(letters)
    assert judge.card.metrics["test_accuracy"] > 0.9


def test_the_two_judges_of_digits_are_different_networks() -> None:
    first, second = (build_judge(kind) for kind in DIGITS)
    assert {tuple(p.shape) for p in first.parameters()} != {tuple(p.shape) for p in second.parameters()}


def learnable(n: int = 256) -> Characters:
    """Bars whose row tells the class."""
    labels = (np.arange(n) % 10).astype(np.uint8)
    images = np.zeros((n, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 4 : 2 * label + 7, 4:24] = 255
        image[10:18, 2 * label + 4] = 200
    return Characters(images, labels)


def test_training_is_deterministic_and_learns() -> None:
    data = learnable()
    first = train_judge("judge-b", data, epochs=1, seed=3)
    again = train_judge("judge-b", data, epochs=1, seed=3)
    other = train_judge("judge-b", data, epochs=1, seed=4)
    pairs = zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))
    assert not first.training


def test_augmentation_moves_ink_and_stays_in_range() -> None:
    images = torch.from_numpy(learnable(64).images).unsqueeze(1).float() / 255
    moved = augment(images, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    assert float(moved.min()) >= 0
    assert float(moved.max()) <= 1
    assert float((moved - images).abs().mean()) > 0.01
    blank = augment(torch.zeros(4, 1, 28, 28), torch.Generator().manual_seed(0))
    assert float(blank.max()) == 0


def save(path: Path, kind: str = "judge-b") -> Path:
    save_weights(path, build_judge(kind), Card({"kind": kind}))
    return path


def test_loading_is_strict(tmp_path: Path) -> None:
    path = save(tmp_path / "j.safetensors")
    assert load_judge(path).read(np.zeros((2, 28, 28), np.float32)).shape == (2,)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(WeightsError, match="sha256"):
        load_judge(path)
    path.unlink()
    with pytest.raises(WeightsError, match="Cannot read"):
        load_judge(path)


def test_loading_refuses_another_network(tmp_path: Path) -> None:
    path = save(tmp_path / "j.safetensors", "judge-b")
    card = path.with_suffix(".json")
    card.write_text(card.read_text().replace("judge-b", "judge-a"))
    with pytest.raises(WeightsError, match="do not fit"):
        load_judge(path)
    card.write_text(card.read_text().replace("judge-a", "judge-x"))
    with pytest.raises(WeightsError, match="no judge 'judge-x'"):
        load_judge(path)
    with pytest.raises(WeightsError, match="judge-letters"):
        shipped_judge("nobody")


def test_reading_needs_the_right_size(tmp_path: Path) -> None:
    judge = load_judge(save(tmp_path / "j.safetensors"))
    with pytest.raises(DataError, match="28 x 28"):
        judge.read(np.zeros((2, 14, 14), np.float32))
    assert judge.read(np.zeros((0, 28, 28), np.float32)).shape == (0,)


def test_the_command_trains_measures_and_saves(
    measured_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "judge.safetensors"
    arguments = ["--data", str(measured_folder), "--out", str(out), "--epochs", "1"]
    for kind in ("judge-a", "judge-letters"):
        assert main([*arguments, "--kind", kind]) == 0
        assert kind in capsys.readouterr().out
        card = read_card(out)
        assert 0 <= card.metrics["test_accuracy"] <= 1
        assert len(load_judge(out).symbols) == len(SYMBOLS[kind])
    assert main(["--data", str(tmp_path), "--out", str(out)]) == 1
    assert "strokebot data" in capsys.readouterr().err
