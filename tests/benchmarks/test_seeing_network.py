"""The network that sees ink, its crops and its training; and how it is joined with the rules."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import seeing_network as seeing
from benchmarks import seeing_rivals as rivals
from tests.support.scenes import make_scene


@pytest.fixture(scope="module", autouse=True)
def threads() -> Iterator[None]:
    """Training and the command take one thread; afterwards there are as many as before."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network of a few steps."""
    folder = tmp_path_factory.mktemp("seeing")
    seeing.train(folder, minutes=0.005, scenes=3)
    return folder


def test_the_network_is_small_and_answers_for_each_pixel() -> None:
    network = seeing.SeeingNetwork().eval()
    assert sum(weight.numel() for weight in network.parameters()) < 500_000
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 64, 96)).shape == (2, len(seeing.CLASSES), 64, 96)


@pytest.mark.parametrize("kind", ["sheet", "highlighter", "squared", "deep"])
def test_classes_are_what_the_scene_says(kind: str) -> None:
    scene = make_scene(kind, 3)
    answer = seeing.classes_of(scene)
    assert seeing.rgb_of(scene).shape == (*answer.shape, 3)
    assert ((answer == seeing.INK) == (scene.truth >= 0.5)).all()
    # Bare paper is where nothing else is.
    covers = [one for one in (scene.truth, scene.areas, scene.pattern, scene.other) if one is not None]
    assert ((answer == 0) == (np.max(covers, axis=0) <= 0.02)).all()


def test_crops_are_the_same_for_the_same_seed_and_hold_ink(trained: Path) -> None:
    store, places = seeing.stored_scenes(trained, 3)
    x, answer = seeing.batch_of(np.random.default_rng(1), store, places)
    again = seeing.batch_of(np.random.default_rng(1), store, places)
    assert torch.equal(x, again[0])
    assert torch.equal(answer, again[1])
    assert x.shape[2:] == answer.shape[1:] == (seeing.CROP, seeing.CROP)
    assert 0 <= float(x.min()) <= float(x.max()) <= 1
    assert (answer == seeing.INK).any()


def test_the_loss_is_least_for_the_right_answer() -> None:
    answer = torch.zeros(1, 32, 32, dtype=torch.long)
    answer[:, 10:14] = seeing.INK
    answer[:, 20:] = 255
    right = 8 * torch.nn.functional.one_hot(answer.clamp(max=4), 5).permute(0, 3, 1, 2).float()
    assert float(seeing.loss_of(right, answer)) < 0.1
    assert float(seeing.loss_of(-right, answer)) > 1
    # Where either answer is right, none counts.
    other = right.clone()
    other[:, :, 20:] = 0
    assert float(seeing.loss_of(other, answer)) == pytest.approx(float(seeing.loss_of(right, answer)))


def test_training_goes_on_from_its_checkpoint(trained: Path) -> None:
    before = torch.load(trained / "network.pt", weights_only=True)
    seeing.train(trained, minutes=before["used"] / 60 + 0.005, scenes=3)
    after = torch.load(trained / "network.pt", weights_only=True)
    assert after["step"] > before["step"] > 0
    assert after["used"] > before["used"]


def test_a_large_picture_is_seen_by_tiles(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = rivals.load_network(trained / "network.pt")
    rgb = np.random.default_rng(2).integers(0, 255, (150, 330, 3)).astype(np.uint8)
    monkeypatch.setattr(rivals, "_TILE", 192)
    found = rivals.likelihoods(network, rgb)
    assert found.shape == (len(seeing.CLASSES), 150, 330)
    assert np.allclose(found.sum(axis=0), 1, atol=1e-5)
    # Inside its first tile a picture is what that tile is alone.
    alone = rivals.likelihoods(network, rgb[:, :192])
    assert np.allclose(found[:, :, :128], alone[:, :, :128])


def test_joined_takes_the_rules_in_a_clean_file_and_elsewhere_vetoes_and_rescues() -> None:
    rules, ink = np.zeros((60, 60), bool), np.zeros((60, 60), np.float32)
    rules[5:8, 5:50] = rules[20:23, 5:50] = True
    ink[5:8, 5:50] = ink[40:44, 5:50] = 0.95
    assert np.array_equal(rivals.joined(rules, True, ink), rules)
    both = rivals.joined(rules, False, ink)
    assert both[5:8, 5:50].all()
    assert both[40:44, 5:50].all()
    assert not both[20:23].any()


def test_the_command_prints_all_ways(
    trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "rivals.json"
    weights = str(trained / "network.pt")
    command = ["--weights", weights, "--kinds", "tiny", "--seeds", "1-2", "--json", str(out)]
    assert rivals.main(command) == 0
    printed = capsys.readouterr().out
    assert all(way in printed for way in rivals.WAYS)
    assert '"rules_f1_tiny": 1.0' in out.read_text()
