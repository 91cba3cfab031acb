"""``strokebot train``, ``evaluate`` and ``cluster``: the network's own commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strokebot.commands.common import (
    OUT_ROOT,
    DataOption,
    OutOption,
    QuietOption,
    WeightsArgument,
    line_reporter,
    needs,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from strokebot.training.train import TrainingProgress

LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="Images of each set at most.", show_default="all")
]


def train(
    config: Annotated[Path, typer.Argument(help="The TOML file of the run.")],
    data: DataOption = Path("data"),
    out_dir: Annotated[Path, typer.Option("--out-dir", "-o", help="For weights, checkpoint and log.")] = Path(
        "runs"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out-dir.")] = False,
    device: Annotated[
        str | None, typer.Option("--device", help="cpu or cuda.", show_default="what is there")
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option("--max-minutes", min=0.01, help="Stop after this time; --resume goes on.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Train a network as a configuration file says."""
    needs("torch", "safetensors", "onnx", "onnxscript", "scipy")
    from strokebot.training.train import train as run

    with progress_bar(f"training {config.stem}", quiet) as advance:

        def on_progress(progress: TrainingProgress) -> None:
            loss = progress.losses.get("total")
            text = "" if loss is None else f", loss {loss:.4f}"
            advance(progress.step, progress.steps, f"training {config.stem}{text}")

        seconds = None if max_minutes is None else 60 * max_minutes
        weights = run(
            config, data, out_dir, resume=resume, on_progress=on_progress, max_seconds=seconds, device=device
        )
    say(str(weights), quiet)


def evaluate(
    weights: WeightsArgument = None,
    data: DataOption = Path("data"),
    limit: LimitOption = None,
    out_dir: OutOption = None,
    no_polish: Annotated[bool, typer.Option("--no-polish", help="Leave the polish out.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Measure a network on the test sets: a table, metrics.json, metrics.csv and sheets."""
    needs("torch", "safetensors", "scipy", "PIL")
    from strokebot.training.evaluate import evaluate as run
    from strokebot.training.evaluate import summary

    folder = out_dir or OUT_ROOT / "evaluate"
    evaluation = run(weights, data, folder, limit, polish=not no_polish, report=line_reporter(quiet))
    say(summary(evaluation.metrics), quiet)
    for name in evaluation.skipped:
        say(f"left out: {name}", quiet)
    say(f"{folder}: metrics.json metrics.csv and sheets", quiet)


def cluster(
    weights: WeightsArgument = None,
    data: DataOption = Path("data"),
    limit: LimitOption = None,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
) -> None:
    """Group digits by their gestures alone: metrics.json, metrics.csv and pictures.

    WEIGHTS may be the folder of the hand's networks: then by what these draw.
    """
    needs("torch", "safetensors", "sklearn", "PIL")
    from strokebot.training.cluster import cluster as run
    from strokebot.training.cluster import summary

    folder = out_dir or OUT_ROOT / "cluster"
    say(summary(run(weights, data, folder, limit, report=line_reporter(quiet))), quiet)
    say(f"{folder}: metrics.json metrics.csv and pictures", quiet)


app = typer.Typer(no_args_is_help=True, help="Data sets for training and evaluation.")


@app.command("list")
def list_sources() -> None:
    """List the data sets with their licences."""
    from strokebot.training.data.sources import SOURCES

    for source in SOURCES.values():
        say(f"{source.name:10} {source.title}")
        say(f"{'':10} {source.licence}; {source.page}")
        if source.by_hand:
            say(f"{'':10} by hand: {source.by_hand}")


@app.command("fetch")
def fetch(
    names: Annotated[list[str], typer.Argument(help="Names of data sets, such as mnist.")],
    data: DataOption = Path("data"),
    quiet: QuietOption = False,
) -> None:
    """Download data sets into a folder, with their checksums checked."""
    from strokebot.training.data.sources import fetch as bring

    for name in names:
        for path in bring(name, data, line_reporter(quiet)):
            say(str(path), quiet)
