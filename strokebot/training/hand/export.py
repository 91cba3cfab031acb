"""Writes the drawing networks as ONNX beside their weights, for drawing without torch.

    python -m strokebot.training.hand.export FOLDER [FIGURES.json]

The figures, name -> number as ``benchmarks.hand --json`` writes them, are kept in both cards.

The folder holds ``hand-pen.safetensors`` and ``hand-eye.safetensors`` with their cards, as training
writes them, and ``hand-order.safetensors`` where that was trained too; each gets its .onnx, and its card
the hash. What a file answers is compared with the network before it is kept.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from strokebot.errors import StrokebotError, WeightsError
from strokebot.files import write_atomic
from strokebot.hand.order import MOST_STROKES, POINTS, TOLD
from strokebot.hand.policy import EYE_EXTRAS, EYE_NAME, ORDER_NAME, PEN_EXTRAS, PEN_NAME
from strokebot.hand.retina import ANGLES, CHANNELS, PEN_RINGS, RINGS
from strokebot.model.card import Card, read_card
from strokebot.model.predictor import open_session
from strokebot.training.hand.networks import AnyHand, PenNet, build_hand
from strokebot.training.hand.order_network import OrderNet, build_order
from strokebot.training.networks.checkpoint import fill_strictly
from strokebot.training.networks.export import OPSET, packed, quiet

_MOST_BATCH = 65_536
# What both may differ by on random inputs; logits of the order are differences of numbers of some tens.
TOLERANCE, ORDER_TOLERANCE = 1e-4, 2e-3
_CHECKED_LOOKS = 16
_CHECKED_STROKES = 7
Exported = AnyHand | OrderNet
_OUTPUTS = {
    PEN_NAME: ["direction", "points", "lift"],
    EYE_NAME: ["jump", "offset", "direction"],
    ORDER_NAME: ["before", "forward", "whole"],
}


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
    pen, eye = (_export(folder / f"{name}.safetensors", load_hand, figures) for name in (PEN_NAME, EYE_NAME))
    if (folder / f"{ORDER_NAME}.safetensors").exists():
        export_order(folder, figures)
    return pen, eye


def load_order(path: Path) -> tuple[OrderNet, Card]:
    """Loads the network that orders strokes strictly, in evaluation mode.

    Raises:
        WeightsError: if a file is missing or damaged, or card and tensors disagree.
    """
    card = read_card(path)
    return fill_strictly(path, card, build_order), card


def export_order(folder: Path, figures: Mapping[str, float] | None = None) -> Card:
    """Writes the ONNX of the network that orders strokes; as ``export_hand``."""
    return _export(folder / f"{ORDER_NAME}.safetensors", load_order, figures)


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


def _export(
    path: Path, load: Callable[[Path], tuple[Exported, Card]], figures: Mapping[str, float] | None
) -> Card:
    network, card = load(path)
    if figures is not None:
        card = replace(card, metrics=dict(figures))
    data = onnx_of_hand(network)
    _compare(network, data, path)
    card = replace(card, onnx_sha256=hashlib.sha256(data).hexdigest())
    write_atomic(path.with_suffix(".onnx"), data)
    write_atomic(path.with_suffix(".json"), card.to_json().encode())
    return card


def _given(network: Exported, count: int) -> dict[str, torch.Tensor]:
    """Random inputs, by their names."""
    rng = np.random.default_rng(0)
    if isinstance(network, OrderNet):
        there = np.ones((count, _CHECKED_STROKES), np.float32)
        there[0, -1] = 0.0
        drawn = {
            "points": rng.uniform(-1, 1, (*there.shape, POINTS, 2)).astype(np.float32),
            "told": rng.uniform(0, 1, (*there.shape, TOLD)).astype(np.float32),
            "there": there,
        }
        return {name: torch.from_numpy(value) for name, value in drawn.items()}
    rings, extras = (PEN_RINGS, PEN_EXTRAS) if isinstance(network, PenNet) else (RINGS, EYE_EXTRAS)
    look = rng.random((count, CHANNELS, rings, ANGLES), dtype=np.float32)
    told = rng.uniform(-1, 1, (count, extras)).astype(np.float32)
    return {"look": torch.from_numpy(look), "extras": torch.from_numpy(told)}


def _shapes(network: Exported) -> tuple[dict[int, Any], ...]:
    """Which lengths of the inputs may change."""
    batch = torch.export.Dim("batch", min=1, max=_MOST_BATCH)
    if isinstance(network, OrderNet):
        strokes = torch.export.Dim("strokes", min=1, max=MOST_STROKES)
        return ({0: batch, 1: strokes},) * 3
    return ({0: batch}, {0: batch})


def _names(network: Exported) -> list[str]:
    if isinstance(network, OrderNet):
        return _OUTPUTS[ORDER_NAME]
    return _OUTPUTS[PEN_NAME if isinstance(network, PenNet) else EYE_NAME]


def onnx_of_hand(network: Exported) -> bytes:
    """A drawing network as an ONNX file, for any number of looks (or strokes) at once.

    Raises:
        StrokebotError: if onnx or onnxscript is missing.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  the exporter needs it, and says so less clearly
    except ImportError as cause:
        raise StrokebotError("The ONNX export needs more: pip install onnx onnxscript.") from cause
    given = _given(network, 2)
    with tempfile.TemporaryDirectory() as folder, quiet():
        file = Path(folder) / "network.onnx"
        torch.onnx.export(
            network.eval(),
            tuple(given.values()),
            file,
            input_names=list(given),
            output_names=_names(network),
            dynamic_shapes=_shapes(network),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return packed(onnx.load_from_string(file.read_bytes()))


def _compare(network: Exported, data: bytes, path: Path) -> None:
    given = _given(network, _CHECKED_LOOKS)
    answers = open_session(data).run(_names(network), {name: v.numpy() for name, v in given.items()})
    with torch.inference_mode():
        wanted = network(*given.values())
    apart = max(float(np.abs(a - w.numpy()).max()) for a, w in zip(answers, wanted, strict=True))
    if not apart <= (ORDER_TOLERANCE if isinstance(network, OrderNet) else TOLERANCE):
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
