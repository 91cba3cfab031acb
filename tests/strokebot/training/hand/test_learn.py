"""The training of the drawing networks: repeatable, resumable, and it learns."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from strokebot.errors import ConfigError, WeightsError
from strokebot.hand.policy import load_policy
from strokebot.hand.retina import RINGS
from strokebot.training.hand.config import HandConfig, hand_config_of, is_hand
from strokebot.training.hand.corpus import MADE, Corpus
from strokebot.training.hand.drive import drive
from strokebot.training.hand.export import export_hand, load_hand
from strokebot.training.hand.export import main as export_main
from strokebot.training.hand.learn import HandTrainer, licences_of
from strokebot.training.hand.networks import EyeConfig, PenConfig
from strokebot.training.hand.policy import TorchPolicy
from strokebot.training.train import train

SMALL = HandConfig(
    pen=PenConfig(24, 1),
    eye=EyeConfig(24, 1, 4),
    sources={"unipen_words": 1.0, MADE: 0.3},
    rounds=3,
    pictures=4,
    own_from=1,
    swept=0.3,
    pen_passes=1,
    eye_passes=1,
    batch=64,
)


def trainer(config, folder, out):
    out.mkdir(exist_ok=True)
    return HandTrainer(config, folder, out, torch.device("cpu"))


def same(one, two):
    a, b = one.hand.state_dict(), two.hand.state_dict()
    return all(torch.equal(a[k], b[k]) for k in a)


def test_a_resumed_training_is_one_that_was_never_stopped(folder, tmp_path):
    whole = trainer(SMALL, folder, tmp_path / "whole")
    whole.run()
    first = trainer(replace(SMALL, rounds=2), folder, tmp_path / "parts")
    first.config = replace(SMALL, rounds=3)
    # Stopped after two rounds of three: the schedule is that of the whole training.
    for _ in range(2):
        first.learn(*first.see())
        first.round += 1
        first.save()
    second = trainer(SMALL, folder, tmp_path / "parts")
    second.resume()
    assert second.round == 2
    assert second.steps_done == first.steps_done
    second.run()
    assert same(whole, second)
    lines = (tmp_path / "parts" / "hand.log.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["round"] == 3


def test_workers_make_the_same_pictures(folder, tmp_path):
    import multiprocessing

    from strokebot.training.hand.learn import _start_worker

    alone = trainer(SMALL, folder, tmp_path / "a")
    alone.round = 1  # the networks drive
    with multiprocessing.get_context("spawn").Pool(1, _start_worker, (folder, SMALL)) as pool:
        theirs = alone.see(pool)
    ours = alone.see()
    for a, b in zip((*ours[0], *ours[1]), (*theirs[0], *theirs[1]), strict=True):
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def test_a_word_is_learned(folder, tmp_path):
    """Trained on a few words for seconds, the pen draws them all on its own."""
    config = replace(
        SMALL,
        pen=PenConfig(64, 1),
        sources={"unipen_words": 1.0},
        rounds=6,
        pictures=12,
        own_from=4,
        swept=0.0,
        pen_passes=6,
        eye_passes=6,
        learning_rate=4e-3,
        ema=0.98,
    )
    learned = trainer(config, folder, tmp_path / "run")
    learned.run()
    rng = np.random.default_rng(11)
    corpus = Corpus(folder, {"unipen_words": 1.0})
    some = [corpus.drawing(rng) for _ in range(6)]
    policy = TorchPolicy(learned.averaged.pen, learned.averaged.eye)
    untaught = trainer(config, folder, tmp_path / "new")
    before = drive(some, rng, TorchPolicy(untaught.hand.pen, untaught.hand.eye), own=1.0)
    after = drive(some, rng, policy, own=1.0)
    assert np.median(before.left) > 0.2
    assert np.median(after.left) < 0.05


def test_a_configuration_trains_from_the_command_and_is_exported(folder, tmp_path):
    text = """
name = "tiny"
seed = 2
[model]
kind = "hand"
pen = { width = 16, blocks = 1 }
eye = { width = 16, blocks = 1, channels = 4 }
[data]
sources = { unipen_words = 1 }
[train]
rounds = 1
pictures = 2
batch = 64
"""
    (tmp_path / "tiny.toml").write_text(text)
    told = []
    out = train(tmp_path / "tiny.toml", folder, tmp_path / "out", on_progress=told.append, device="cpu")
    assert told[0].step == told[0].steps == 1
    assert told[0].losses["total"] > 0
    policy = load_policy(out)
    pen, card = load_hand(out / "hand-pen.safetensors")
    assert card.data == {"unipen_words": "CC BY 4.0 (Zenodo 10.5281/zenodo.1195803)"}
    assert card.training["seed"] == 2
    rng = np.random.default_rng(0)
    look, extras = rng.random((5, 3, 9, 24), np.float32), rng.random((5, 12), np.float32)
    answer = policy.pen(look, extras)
    with torch.inference_mode():
        wanted = pen(torch.from_numpy(look), torch.from_numpy(extras))
    for a, b in zip((answer.direction, answer.points, answer.lift), wanted, strict=True):
        assert a == pytest.approx(b.numpy(), abs=1e-4)
    eye, _ = load_hand(out / "hand-eye.safetensors")
    look, extras = rng.random((1, 3, RINGS, 24), np.float32), rng.random((1, 36), np.float32)
    seen = policy.eye(look, extras)
    with torch.inference_mode():
        wanted = eye(torch.from_numpy(look), torch.from_numpy(extras))
    for a, b in zip((seen.jump, seen.offset, seen.direction), wanted, strict=True):
        assert a == pytest.approx(b.numpy(), abs=1e-4)
    (tmp_path / "figures.json").write_text('{"words_tau": 0.5}')
    assert export_main([str(out), str(tmp_path / "figures.json")]) == 0
    assert load_hand(out / "hand-eye.safetensors")[1].metrics == {"words_tau": 0.5}
    (tmp_path / "figures.json").write_text("[1]")
    assert export_main([str(out), str(tmp_path / "figures.json")]) == 1
    assert export_main([]) == 2
    (out / "hand-eye.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsError, match="differs"):
        load_policy(out)
    with pytest.raises(WeightsError, match="Cannot read"):
        export_hand(tmp_path)


def test_a_wrong_configuration_is_named(tmp_path):
    good = {"model": {"kind": "hand"}}
    assert is_hand(good)
    assert not is_hand({"model": {"kind": "gesture"}})
    assert hand_config_of(good) == HandConfig()
    for bad, message in (
        ({**good, "train": {"steps": 3}}, "train.steps"),
        ({**good, "train": {"batch": 0}}, "batch"),
        ({**good, "data": {"sources": {"nothing": 1}}}, "nothing"),
        ({**good, "data": {"sources": {"made": 0}}}, "no source"),
        ({"model": {"kind": "hand", "pen": {"height": 3}}}, "height"),
        ({**good, "name": "a/b"}, "file name"),
    ):
        with pytest.raises(ConfigError, match=message):
            hand_config_of(bad)


def test_every_shipped_configuration_can_be_read():
    from importlib import resources

    from strokebot.training.config import read_table

    folder = resources.files("strokebot.training") / "configs"
    read = [read_table(p) for p in folder.iterdir() if p.name.startswith("hand")]
    assert read
    for table in read:
        assert licences_of(hand_config_of(table).sources)
