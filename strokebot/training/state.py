"""The checkpoint of a training: weights, averaged weights, optimiser and step, without pickles."""

from __future__ import annotations

import io
import json
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from strokebot.errors import DataError, WeightsError
from strokebot.files import write_atomic
from strokebot.training.data.ragged import read_npz

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


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class PoliteStop:
    """Holds SIGINT and SIGTERM back while the body runs; ``check`` lets them through.

    A second signal does not wait. Outside of the main thread, where Python takes no
    signals, it does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> PoliteStop:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() itself returned

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def check(self) -> None:
        """Raises the KeyboardInterrupt that was held back, if there was one."""
        if self.asked:
            raise KeyboardInterrupt


class Record:
    """The log (one line of JSON a moment) and the snapshots (see ``animate``) of one run.

    Args:
        folder: where the files go.
        name: of the run.
        images: (B, 1, H, W) the images whose gestures are kept.
    """

    def __init__(self, folder: Path, name: str, images: Tensor) -> None:
        self.log_path = folder / f"{name}.log.jsonl"
        self.snapshots_path = folder / f"{name}.snapshots.npz"
        self.images: NDArray[np.float32] = images[:, 0].cpu().numpy()
        self._at: list[int] = []
        self._start: list[NDArray[np.float32]] = []
        self._steps: list[NDArray[np.float32]] = []

    def begin(self, step: int) -> None:
        """Keeps of the files what was before this step: nothing at a start, nothing twice later."""
        lines = self.log_path.read_text(encoding="utf-8").splitlines() if self.log_path.is_file() else []
        kept = [line for line in lines if _step_of(line) <= step]
        write_atomic(self.log_path, "".join(f"{line}\n" for line in kept if step).encode())
        if not step or not self.snapshots_path.is_file():
            return
        try:
            arrays = read_npz(self.snapshots_path, ("images", "step", "start", "steps"))
        except DataError:
            return  # they are only for looking at; the training goes on without them
        # On another number of processes the watched batch is another one: those begin anew.
        if np.array_equal(arrays["images"], self.images):
            at = arrays["step"].astype(np.int64)
            past = at <= step
            self._at = at[past].tolist()
            self._start = list(arrays["start"][past].astype(np.float32))
            self._steps = list(arrays["steps"][past].astype(np.float32))

    def log(self, step: int, figures: dict[str, float]) -> None:
        """Writes one line."""
        with self.log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **figures}) + "\n")

    def watch(self, step: int, start: Tensor, steps: Tensor) -> None:
        """Keeps the gestures of the watched images: start (B, 2) and steps (B, N, 4)."""
        self._at.append(step)
        self._start.append(start.cpu().numpy())
        self._steps.append(steps.cpu().numpy())

    def save(self) -> None:
        """Writes the snapshots, if there are any."""
        if not self._at:
            return
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            images=self.images,
            step=np.array(self._at),
            start=np.stack(self._start),
            steps=np.stack(self._steps),
        )
        write_atomic(self.snapshots_path, buffer.getvalue())


def _step_of(line: str) -> float:
    """The step of a line of the log; infinity for a line that was cut off."""
    try:
        return float(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return float("inf")
