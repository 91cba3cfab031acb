"""Trains a network: ``strokebot train CONFIG``, or data-parallel on several processes.

    torchrun --nproc-per-node N -m strokebot.training.train CONFIG --data DIR --out-dir DIR

``--resume`` goes on from the checkpoint in ``--out-dir``, also on another number of processes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch
from torch import distributed as dist

from strokebot.errors import StrokebotError
from strokebot.training.config import config_of, read_table
from strokebot.training.hand.config import HandConfig, hand_config_of, is_hand
from strokebot.training.hand.export import export_hand
from strokebot.training.hand.learn import HandTrainer
from strokebot.training.networks.export import export_onnx
from strokebot.training.testsets import PACK_NAME as PACK_NAME
from strokebot.training.testsets import load_sources as load_sources
from strokebot.training.trainer import Trainer as Trainer
from strokebot.training.trainer import TrainingProgress as TrainingProgress

# What a shell expects of a program that Ctrl-C has ended.
_INTERRUPTED = 130


def train(
    config_path: Path,
    data: Path,
    out_dir: Path,
    *,
    resume: bool = False,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    max_seconds: float | None = None,
    device: str | None = None,
) -> Path:
    """Trains what a configuration file says; returns the weights file.

    At the end a gesture network is written as ONNX too, which drawing reads. So are the two networks
    that draw any picture (``kind = "hand"``); of these the folder is returned.

    On several processes (torchrun) each calls this; the first one saves.

    Args:
        config_path: the TOML file.
        data: folder of the training data.
        out_dir: where weights, checkpoint and log go.
        resume: whether to go on from the checkpoint in out_dir.
        on_progress: called every ``log_every`` steps.
        max_seconds: stop after this time; ``resume`` goes on.
        device: "cpu", "cuda" or None for what is there.

    Raises:
        StrokebotError: for a bad configuration, missing data, or a checkpoint that does not fit.
    """
    table = read_table(config_path)
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if is_hand(table):
        return _train_hand(
            hand_config_of(table, config_path.name), data, out_dir, chosen, resume, on_progress, max_seconds
        )
    config = config_of(table, config_path.name)
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if world > 1:
        if chosen.type == "cuda":
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(chosen)
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    if chosen.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    try:
        _make_folder(out_dir)
        trainer = Trainer(config, data, out_dir, chosen, rank, world)
        if resume:
            trainer.resume()
        trainer.run(on_progress, max_seconds)
    finally:
        if world > 1:
            dist.destroy_process_group()
    if rank == 0 and config.model.get("kind", "gesture") == "gesture":
        export_onnx(trainer.weights_path)
    return trainer.weights_path


def _make_folder(out_dir: Path) -> None:
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise StrokebotError(
            f"Cannot write to {out_dir}: {cause.strerror}. Choose another folder."
        ) from cause


def _train_hand(
    config: HandConfig,
    data: Path,
    out_dir: Path,
    device: torch.device,
    resume: bool,
    on_progress: Callable[[TrainingProgress], None] | None,
    max_seconds: float | None,
) -> Path:
    """Trains the networks that draw any picture, in one process; returns the folder of their weights."""
    _make_folder(out_dir)
    trainer = HandTrainer(config, data, out_dir, device)
    if resume:
        trainer.resume()
    trainer.run(on_progress, max_seconds)
    export_hand(out_dir)
    return out_dir


def main(argv: list[str] | None = None) -> int:
    """Command line of ``python -m strokebot.training.train``; returns the exit code."""
    parser = argparse.ArgumentParser(description="Train a gesture network.")
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the training data")
    parser.add_argument("--out-dir", type=Path, default=Path("runs"))
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out-dir")
    parser.add_argument("--max-seconds", type=float, default=None)
    parser.add_argument("--device", choices=["cpu", "cuda"], default=None)
    args = parser.parse_args(argv)

    def show(progress: TrainingProgress) -> None:
        shown = [k for k in ("pixel", "order", "length", "lifts") if k in progress.losses]
        main_terms = " ".join(f"{k} {progress.losses[k]:.5f}" for k in shown or progress.losses)
        sys.stdout.write(
            f"{progress.step}/{progress.steps} {main_terms} {progress.images_per_s:.0f} images/s\n"
        )
        sys.stdout.flush()

    try:
        train(
            args.config,
            args.data,
            args.out_dir,
            resume=args.resume,
            on_progress=show,
            max_seconds=args.max_seconds,
            device=args.device,
        )
    except StrokebotError as error:
        sys.stderr.write(f"strokebot: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("strokebot: stopped; --resume goes on.\n")
        return _INTERRUPTED
    return 0


def end_process(code: int) -> NoReturn:
    """Ends this process, with what was printed written out.

    As one of several it leaves at once: gloo's threads outlive ``destroy_process_group`` and may
    hold tensors, and an interpreter that is taken down beneath them aborts (pytorch issues 190489
    and 109478).
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)


if __name__ == "__main__":
    end_process(main())
