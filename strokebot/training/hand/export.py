"""Writes the drawing networks as ONNX beside their weights, for drawing without torch.

    python -m strokebot.training.hand.export FOLDER [FIGURES.json]

The figures, name -> number as ``benchmarks.hand --json`` writes them, are kept in both cards.

The folder holds ``hand-pen.safetensors`` and ``hand-eye.safetensors`` with their cards, as training
writes them; each gets its .onnx, and its card the hash. What a file answers is compared with the
network before it is kept.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from strokebot.errors import StrokebotError, WeightsError
from strokebot.files import write_atomic
from strokebot.hand.policy import EYE_EXTRAS, EYE_NAME, PEN_EXTRAS, PEN_NAME
from strokebot.hand.retina import ANGLES, CHANNELS, PEN_RINGS, RINGS
from strokebot.model.card import Card, read_card
from strokebot.model.predictor import open_session
from strokebot.training.hand.networks import AnyHand, PenNet, build_hand
from strokebot.training.networks.checkpoint import fill_strictly
from strokebot.training.networks.export import OPSET, packed, quiet

_MOST_BATCH = 65_536
# What both may differ by on random looks.
TOLERANCE = 1e-4
_CHECKED_LOOKS = 16
_OUTPUTS = {PEN_NAME: ["direction", "points", "lift"], EYE_NAME: ["jump", "offset", "direction"]}


def load_hand(path: Path) -> tuple[AnyHand, Card]:
    """Loads a drawing network strictly, in evaluation mode.

    Raises:
        WeightsError: if a file is missing or damaged, or card and tensors disagree.
    """
    card = read_card(path)
    return fill_strictly(path, card, build_hand), card


def export_hand(folder: Path, figures: Mapping[str, float] | None = None) -> tuple[Card, Card]:
    """Writes the ONNX of both networks of a folder and notes their hashes in the cards.

    Args:
        folder: of the weights.
        figures: measured figures for the cards; None leaves those that they have.

    Raises:
        WeightsError: if weights cannot be loaded, or an export answers otherwise than they do.
        StrokebotError: if a package for the export is missing.
    """
    pen, eye = (_export(folder / f"{name}.safetensors", figures) for name in (PEN_NAME, EYE_NAME))
    return pen, eye


def read_figures(path: Path) -> dict[str, float]:
    """Figures of a JSON file, name -> number.

    Raises:
        WeightsError: if it cannot be read or holds something else.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(table, dict):
            raise ValueError("no table")
        return {str(name): round(float(value), 4) for name, value in table.items()}
    except (OSError, ValueError, TypeError) as cause:
        raise WeightsError(f"{path} holds no figures, name -> number: {cause}.") from cause


def _export(path: Path, figures: Mapping[str, float] | None) -> Card:
    network, card = load_hand(path)
    if figures is not None:
        card = replace(card, metrics=dict(figures))
    data = onnx_of_hand(network)
    _compare(network, data, path)
    card = replace(card, onnx_sha256=hashlib.sha256(data).hexdigest())
    write_atomic(path.with_suffix(".onnx"), data)
    write_atomic(path.with_suffix(".json"), card.to_json().encode())
    return card


def _given(network: AnyHand, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    rings, extras = (PEN_RINGS, PEN_EXTRAS) if isinstance(network, PenNet) else (RINGS, EYE_EXTRAS)
    rng = np.random.default_rng(0)
    look = rng.random((count, CHANNELS, rings, ANGLES), dtype=np.float32)
    told = rng.uniform(-1, 1, (count, extras)).astype(np.float32)
    return torch.from_numpy(look), torch.from_numpy(told)


def _names(network: AnyHand) -> list[str]:
    return _OUTPUTS[PEN_NAME if isinstance(network, PenNet) else EYE_NAME]


def onnx_of_hand(network: AnyHand) -> bytes:
    """A drawing network as an ONNX file, for any number of looks at once.

    Raises:
        StrokebotError: if onnx or onnxscript is missing.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  the exporter needs it, and says so less clearly
    except ImportError as cause:
        raise StrokebotError("The ONNX export needs more: pip install onnx onnxscript.") from cause
    batch = torch.export.Dim("batch", min=1, max=_MOST_BATCH)
    with tempfile.TemporaryDirectory() as folder, quiet():
        file = Path(folder) / "network.onnx"
        torch.onnx.export(
            network.eval(),
            _given(network, 2),
            file,
            input_names=["look", "extras"],
            output_names=_names(network),
            dynamic_shapes=({0: batch}, {0: batch}),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return packed(onnx.load_from_string(file.read_bytes()))


def _compare(network: AnyHand, data: bytes, path: Path) -> None:
    look, told = _given(network, _CHECKED_LOOKS)
    answers = open_session(data).run(_names(network), {"look": look.numpy(), "extras": told.numpy()})
    with torch.inference_mode():
        wanted = network(look, told)
    apart = max(float(np.abs(a - w.numpy()).max()) for a, w in zip(answers, wanted, strict=True))
    if not apart <= TOLERANCE:
        raise WeightsError(f"The ONNX of {path} differs from the network by {apart:.2g}: it is not kept.")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) not in (1, 2) or any(a.startswith("-") for a in given):
        sys.stderr.write("usage: python -m strokebot.training.hand.export FOLDER [FIGURES.json]\n")
        return 2
    try:
        export_hand(Path(given[0]), read_figures(Path(given[1])) if len(given) > 1 else None)
    except StrokebotError as error:
        sys.stderr.write(f"strokebot: {error}\n")
        return 1
    sys.stdout.write(f"{given[0]}: {PEN_NAME}.onnx {EYE_NAME}.onnx\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
