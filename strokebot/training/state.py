"""The checkpoint of a training: weights, averaged weights, optimiser and step, without pickles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from strokebot.errors import WeightsError
from strokebot.files import write_atomic

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def save_state(
    path: Path,
    network: nn.Module,
    averaged: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    config: dict[str, Any],
) -> None:
    """Writes a checkpoint whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for prefix, module in (("network", network), ("averaged", averaged)):
        tensors |= {f"{prefix}.{k}": v for k, v in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(state[k]) for k in _MOMENTS}
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_atomic(path, save_tensors(tensors, {"step": str(step), "config": json.dumps(config)}))


def load_state(path: Path, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Puts a checkpoint back; returns its step.

    Raises:
        WeightsError: if it is missing, damaged, or of another architecture.
    """
    if not path.is_file():
        raise WeightsError(f"There is no checkpoint {path} to resume from; start without --resume.")
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (not a dict)
            step = int(file.metadata()["step"])

        def part(prefix: str) -> dict[str, Tensor]:
            return {k[len(prefix) + 1 :]: v for k, v in tensors.items() if k.startswith(prefix + ".")}

        network.load_state_dict(part("network"), strict=True)
        averaged.load_state_dict(part("averaged"), strict=True)
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in part("optimizer").items():
            index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = value
        whole = optimizer.state_dict()
        whole["state"] = moments
        optimizer.load_state_dict(whole)
    except (SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as cause:
        first = str(cause).splitlines()[-1].strip() if str(cause) else type(cause).__name__
        raise WeightsError(f"The checkpoint {path} does not fit this training: {first}") from cause
    return step
