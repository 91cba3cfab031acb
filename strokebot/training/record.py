"""What a training leaves behind beside its weights: a log, and gestures of one batch over time."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from strokebot.errors import DataError
from strokebot.files import write_atomic
from strokebot.training.data.npz import read_npz


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
