"""Trainings of seconds: they learn, repeat, resume exactly, stop politely, and run on several processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from strokebot.errors import ConfigError, DataError, StrokebotError, WeightsError
from strokebot.training.animate import Snapshots
from strokebot.training.networks.checkpoint import load_network
from strokebot.training.pens import MeasuredPen
from strokebot.training.state import PoliteStop
from strokebot.training.train import Trainer, TrainingProgress, main, train

CONFIG = """
name = "tiny"
seed = 1
[model]
kind = "gesture"
points = 8
channels = [8, 8, 8]
dim = 32
layers = 1
rounds = 1
corrector_layers = 1
[data]
mnist_share = 0.5
stroke_sets = { unipen_digits = 1, omniglot = 1 }
[train]
steps = 6
batch = 8
learning_rate = 3e-3
warmup_steps = 2
ema = 0.5
save_every = 3
log_every = 2
"""


def write(folder: Path, text: str = CONFIG, **changes: Any) -> Path:
    """The configuration with some of its values changed."""
    for key, value in changes.items():
        lines = [f"{key} = {json.dumps(value)}" if x.startswith(f"{key} =") else x for x in text.splitlines()]
        assert "\n".join(lines) != text or f"{key} = {json.dumps(value)}" in text, key
        text = "\n".join(lines)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "run.toml"
    path.write_text(text)
    return path


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Everything in the checkpoint: weights, averages, moments of the optimiser."""
    return load_file(folder / "tiny.state.safetensors")


def same(first: Path, second: Path) -> bool:
    ours, theirs = tensors(first), tensors(second)
    return set(ours) == set(theirs) and all(torch.equal(ours[k], theirs[k]) for k in ours)


@pytest.fixture(autouse=True)
def exported(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was exported: the export itself takes longer than these trainings, and has tests of its own."""
    paths: list[Path] = []
    monkeypatch.setattr("strokebot.training.train.export_onnx", paths.append)
    return paths


# --- learning -----------------------------------------------------------------------------------


def test_a_training_learns_and_leaves_its_files(
    measured_folder: Path, tmp_path: Path, exported: list[Path]
) -> None:
    seen: list[TrainingProgress] = []
    config = write(tmp_path, steps=40, log_every=10, save_every=40)
    weights = train(config, measured_folder, tmp_path / "out", on_progress=seen.append, device="cpu")
    assert [p.step for p in seen] == [10, 20, 30, 40]
    assert exported == [weights]
    assert seen[-1].losses["pixel"] < 0.7 * seen[0].losses["pixel"]
    assert all(p.images_per_s > 0 and p.steps == 40 for p in seen)
    network, card = load_network(weights)
    assert weights == tmp_path / "out" / "tiny.safetensors"
    assert card.training["steps_done"] == 40
    assert card.training["seed"] == 1
    assert set(card.data) == {"mnist", "unipen_digits", "omniglot"}
    assert network(torch.zeros(1, 1, 28, 28))[1].shape == (1, 8, 4)
    log = [json.loads(line) for line in (tmp_path / "out" / "tiny.log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [10, 20, 30, 40]
    assert log[-1]["pixel"] == pytest.approx(seen[-1].losses["pixel"])
    snapshots = Snapshots.load(tmp_path / "out" / "tiny.snapshots.npz")
    assert list(snapshots.at) == [10, 20, 30, 40]


def test_a_training_with_a_measured_pen_learns(measured_folder: Path, tmp_path: Path) -> None:
    text = CONFIG + '[pen]\nprofile = "grbl-z"\nglyph_mm = 8\n'
    seen: list[TrainingProgress] = []
    config = write(tmp_path, text, steps=40, log_every=10, save_every=40)
    weights = train(config, measured_folder, tmp_path / "out", on_progress=seen.append, device="cpu")
    assert seen[-1].losses["pixel"] < 0.7 * seen[0].losses["pixel"]
    network, card = load_network(weights)
    assert isinstance(network.pen, MeasuredPen)
    assert card.architecture["pen"]["mm_per_canvas"] == 8.0


@pytest.mark.parametrize("kind", ["dots-10", "dots-25"])
def test_the_articles_networks_train(measured_folder: Path, tmp_path: Path, kind: str) -> None:
    text = (
        f'name = "tiny"\n[model]\nkind = "{kind}"\n[data]\nmnist_share = 1\n[train]\nsteps = 2\nbatch = 4\n'
    )
    weights = train(write(tmp_path, text), measured_folder, tmp_path / "out", device="cpu")
    network, card = load_network(weights)
    assert card.architecture == {"kind": kind}
    assert set(card.data) == {"mnist"}
    assert network(torch.zeros(1, 1, 28, 28))[1].shape[1] == int(kind.split("-")[1])


def test_held_out_writers_are_not_trained_on(measured_folder: Path, tmp_path: Path) -> None:
    from strokebot.training.config import load_config
    from strokebot.training.data.packs import build_pack
    from strokebot.training.testsets import STROKE_POINTS, load_sources

    made = load_sources(load_config(write(tmp_path)), measured_folder, torch.device("cpu"))
    pack, _ = build_pack(measured_folder, ["unipen_digits", "omniglot"], STROKE_POINTS)
    assert 0 < pack.held_out.sum() < len(pack)
    assert made.points is not None
    assert len(made.points) == np.count_nonzero(~pack.held_out)
    assert made.set_weight is not None
    # Each set weighs what it should, whatever its size.
    member = torch.from_numpy(pack.set_id[~pack.held_out] == 0)
    assert float(made.set_weight[member].sum()) == pytest.approx(1)
    assert float(made.set_weight[~member].sum()) == pytest.approx(1)


# --- repetition ---------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_weights(measured_folder: Path, tmp_path: Path) -> None:
    config = write(tmp_path)
    for name in ("a", "b"):
        train(config, measured_folder, tmp_path / name, device="cpu")
    train(write(tmp_path, seed=2), measured_folder, tmp_path / "c", device="cpu")
    assert same(tmp_path / "a", tmp_path / "b")
    assert not same(tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize("stop", [3, 4])
def test_resume_goes_on_exactly(measured_folder: Path, tmp_path: Path, stop: int) -> None:
    config = write(tmp_path)
    train(config, measured_folder, tmp_path / "whole", device="cpu")

    class Stop(Exception):
        pass

    def stop_at(progress: TrainingProgress) -> None:
        if progress.step >= stop:
            raise Stop

    with pytest.raises(Stop):
        train(config, measured_folder, tmp_path / "parts", on_progress=stop_at, device="cpu")
    assert not same(tmp_path / "whole", tmp_path / "parts")
    train(config, measured_folder, tmp_path / "parts", resume=True, device="cpu")
    assert same(tmp_path / "whole", tmp_path / "parts")
    logs = [(tmp_path / name / "tiny.log.jsonl").read_text().splitlines() for name in ("whole", "parts")]
    assert [json.loads(x)["step"] for x in logs[0]] == [json.loads(x)["step"] for x in logs[1]] == [2, 4, 6]
    moments = [Snapshots.load(tmp_path / name / "tiny.snapshots.npz") for name in ("whole", "parts")]
    np.testing.assert_array_equal(moments[0].at, moments[1].at)
    np.testing.assert_array_equal(moments[0].steps, moments[1].steps)


def test_a_new_start_begins_a_new_log(measured_folder: Path, tmp_path: Path) -> None:
    config = write(tmp_path, steps=2)
    for _ in range(2):
        train(config, measured_folder, tmp_path / "out", device="cpu")
    assert len((tmp_path / "out" / "tiny.log.jsonl").read_text().splitlines()) == 1


def test_a_finished_training_resumes_to_itself(measured_folder: Path, tmp_path: Path) -> None:
    config = write(tmp_path, steps=2)
    train(config, measured_folder, tmp_path / "out", device="cpu")
    before = tensors(tmp_path / "out")
    train(config, measured_folder, tmp_path / "out", resume=True, device="cpu")
    after = tensors(tmp_path / "out")
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_time_ends_a_training(measured_folder: Path, tmp_path: Path) -> None:
    config = write(tmp_path, steps=100_000)
    weights = train(config, measured_folder, tmp_path / "out", max_seconds=0.3, device="cpu")
    assert 0 < load_network(weights)[1].training["steps_done"] < 100_000


def test_averages_follow_the_weights(measured_folder: Path, tmp_path: Path) -> None:
    train(write(tmp_path, ema=0.0), measured_folder, tmp_path / "out", device="cpu")
    state = tensors(tmp_path / "out")
    assert torch.equal(state["averaged.head.out.weight"], state["network.head.out.weight"])
    train(write(tmp_path, ema=0.9), measured_folder, tmp_path / "slow", device="cpu")
    state = tensors(tmp_path / "slow")
    assert not torch.equal(state["averaged.head.out.weight"], state["network.head.out.weight"])


def test_the_rate_warms_up_and_ends_at_a_hundredth(measured_folder: Path, tmp_path: Path) -> None:
    from strokebot.training.config import load_config

    config = load_config(write(tmp_path, steps=100, warmup_steps=4))
    trainer = Trainer(config, measured_folder, tmp_path, torch.device("cpu"))
    rates = []
    for trainer.step in (0, 1, 3, 4, 50, 100):
        rates.append(trainer.learning_rate() / 3e-3)
    assert rates[:3] == pytest.approx([0.25, 0.5, 1.0])
    assert rates[3] == pytest.approx(1.0, abs=0.01)
    assert rates[4] == pytest.approx(0.505)
    assert rates[5] == pytest.approx(0.01)


# --- refusal ------------------------------------------------------------------------------------


def test_there_is_nothing_to_resume(measured_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="without --resume"):
        train(write(tmp_path), measured_folder, tmp_path / "out", resume=True, device="cpu")


@pytest.mark.parametrize("damage", ["cut", "text", "other network"])
def test_a_checkpoint_that_does_not_fit(measured_folder: Path, tmp_path: Path, damage: str) -> None:
    config = write(tmp_path, steps=1)
    train(config, measured_folder, tmp_path, device="cpu")
    path = tmp_path / "tiny.state.safetensors"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "text":
        path.write_text("nothing")
    else:
        config = write(tmp_path, points=9)
    with pytest.raises(WeightsError, match="does not fit") as caught:
        train(config, measured_folder, tmp_path, resume=True, device="cpu")
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite_are_not_saved(measured_folder: Path, tmp_path: Path) -> None:
    config = write(tmp_path, steps=4)
    train(config, measured_folder, tmp_path / "out", device="cpu")
    before = (tmp_path / "out" / "tiny.state.safetensors").read_bytes()

    from strokebot.training.config import load_config

    trainer = Trainer(load_config(config), measured_folder, tmp_path / "out", torch.device("cpu"))
    with torch.no_grad():
        next(trainer.network.parameters()).fill_(torch.nan)
    with pytest.raises(StrokebotError, match=r"diverged.*learning_rate"):
        trainer.run()
    assert (tmp_path / "out" / "tiny.state.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (CONFIG.replace("omniglot = 1", "unipen_words = 1"), "stroke_sets"),
        (CONFIG.replace("0.5\nstroke", "0\nstroke").replace("= 1, omniglot = 1", "= 0"), "nothing to train"),
        (CONFIG.replace("points = 8", "points = 1"), r"model\.points"),
    ],
)
def test_a_bad_configuration_stops_at_once(
    measured_folder: Path, tmp_path: Path, text: str, pattern: str
) -> None:
    with pytest.raises(ConfigError, match=pattern):
        train(write(tmp_path, text), measured_folder, tmp_path / "out", device="cpu")
    assert not (tmp_path / "out" / "tiny.state.safetensors").exists()


def test_missing_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="strokebot data"):
        train(write(tmp_path), tmp_path / "nowhere", tmp_path / "out", device="cpu")


def test_the_command_says_errors_in_one_line(
    measured_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    config = str(write(tmp_path, steps=1))
    for arguments in (
        ["none.toml", "--data", str(measured_folder)],
        [config, "--data", str(tmp_path / "nowhere"), "--out-dir", str(tmp_path / "out")],
        [config, "--data", str(measured_folder), "--out-dir", str(tmp_path / "file")],
        [config, "--data", str(measured_folder), "--out-dir", str(tmp_path / "out"), "--resume"],
    ):
        assert main([*arguments, "--device", "cpu"]) == 1
        said = capsys.readouterr()
        assert said.err.startswith("strokebot: ")
        assert said.err.count("\n") == 1
        assert said.out == ""


def test_the_command_trains(
    measured_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(write(tmp_path, steps=2)), "--data", str(measured_folder), "--out-dir", str(tmp_path)]
    assert main([*arguments, "--device", "cpu"]) == 0
    assert capsys.readouterr().out.startswith("2/2 pixel 0.")


# --- stopping -----------------------------------------------------------------------------------


def interrupted_steps(done: list[int], number: signal.Signals) -> None:
    """Three steps, with a signal in the middle of the second."""
    with PoliteStop() as stop:
        for step in range(3):
            if step == 1:
                os.kill(os.getpid(), number)
                time.sleep(0)  # the signal is taken here
            done.append(step)
            stop.check()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_waits_for_the_end_of_the_step(number: signal.Signals) -> None:
    handler = signal.getsignal(number)
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted_steps(done, number)
    assert done == [0, 1]
    assert signal.getsignal(number) is handler


def interrupt_twice() -> None:
    with PoliteStop():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0)


def test_a_second_stop_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt_twice()


def test_a_stop_saves_a_whole_step(measured_folder: Path, tmp_path: Path) -> None:
    config = write(tmp_path)
    train(config, measured_folder, tmp_path / "whole", device="cpu")

    def interrupt(progress: TrainingProgress) -> None:
        if progress.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(config, measured_folder, tmp_path / "parts", on_progress=interrupt, device="cpu")
    assert load_network(tmp_path / "parts" / "tiny.safetensors")[1].training["steps_done"] == 3
    train(config, measured_folder, tmp_path / "parts", resume=True, device="cpu")
    assert same(tmp_path / "whole", tmp_path / "parts")


def command(config: Path, data: Path, out: Path, processes: int = 1, *more: str) -> list[str]:
    run = ["-m", "strokebot.training.train", str(config), "--data", str(data), "--out-dir", str(out)]
    many = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--master-addr", "127.0.0.1"]
    port = ["--master-port", "0", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    head = [sys.executable, *many, *port] if processes > 1 else [sys.executable]
    return [*head, *run, "--device", "cpu", *more]


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


@pytest.mark.slow
def test_ctrl_c_saves_and_says_so(measured_folder: Path, tmp_path: Path) -> None:
    config = write(tmp_path, steps=100_000, log_every=1)
    process = subprocess.Popen(
        command(config, measured_folder, tmp_path / "out"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("1/100000")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert said == "strokebot: stopped; --resume goes on.\n"
    assert load_network(tmp_path / "out" / "tiny.safetensors")[1].training["steps_done"] >= 1


# --- several processes --------------------------------------------------------------------------


def run_to_end(arguments: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True, env=env, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def launch(arguments: list[str]) -> str:
    done = subprocess.run(
        arguments, capture_output=True, text=True, env=environment(), timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_two_processes_share_a_training(measured_folder: Path, tmp_path: Path) -> None:
    config, out = write(tmp_path, steps=4), tmp_path / "out"
    said = launch(command(config, measured_folder, out, 2))
    assert said.count("4/4") == 1  # one process speaks
    network, card = load_network(out / "tiny.safetensors")
    assert card.training["steps_done"] == 4
    assert network(torch.zeros(1, 1, 28, 28))[1].shape == (1, 8, 4)
    # Then on with one process, and with two.
    again = tmp_path / "again"
    shutil.copytree(out, again)
    longer = write(tmp_path, steps=6)
    train(longer, measured_folder, out, resume=True, device="cpu")
    launch(command(longer, measured_folder, again, 2, "--resume"))
    for folder in (out, again):
        assert load_network(folder / "tiny.safetensors")[1].training["steps_done"] == 6
    assert set(tensors(out)) == set(tensors(again))
    assert not same(out, again)  # other batches from here on, in expectation the same


_BOTH_RANKS = """
import os, sys, torch
from dataclasses import replace
from pathlib import Path
from torch import distributed as dist
from strokebot.training.config import load_config
from strokebot.training.train import Trainer, end_process
config, data, out = (Path(a) for a in sys.argv[1:])
rank = int(os.environ["RANK"])
dist.init_process_group("gloo")


def of_the_first(tensor):
    copy = tensor.clone()
    dist.broadcast(copy, 0)
    return copy


def check(steps, seconds):
    config_now = replace(load_config(config), steps=steps)
    trainer = Trainer(config_now, data, out, torch.device("cpu"), rank, 2)
    trainer.run(max_seconds=seconds)
    held = (*trainer.network.parameters(), *trainer.averaged.parameters())
    flat = torch.cat([p.detach().flatten() for p in held])
    assert torch.equal(of_the_first(flat), flat), "the processes have different weights"
    done = torch.tensor([trainer.step])
    assert torch.equal(of_the_first(done), done), "the processes stopped at different steps"
    image = trainer.batches(0).image
    assert torch.equal(of_the_first(image), image) == (rank == 0), "the processes see the same images"
    return flat


assert torch.equal(check(5, None), check(5, None)), "the same seed gave other weights"
check(100_000, 0.3 if rank == 0 else 1000.0)  # by a clock, which the first process keeps
dist.barrier()  # a process that ends while another still talks to it aborts that one
dist.destroy_process_group()
end_process(0)
"""


@pytest.mark.slow
def test_processes_end_with_the_same_weights(measured_folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "both.py"
    script.write_text(_BOTH_RANKS)
    arguments = command(write(tmp_path), measured_folder, tmp_path, 2)
    head = arguments[: arguments.index("-m", 3)]
    launch([*head, str(script), str(tmp_path / "run.toml"), str(measured_folder), str(tmp_path)])
