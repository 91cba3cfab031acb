"""Writes a network as ONNX beside its weights, for drawing without torch.

    python -m strokebot.training.networks.export WEIGHTS.safetensors

The graph is torch's own export. Weights are stored as 16-bit floats, as in the .safetensors,
and widened when the file is loaded, so that both hold the same numbers. The card gets the hash
of the file. What the file answers is compared with the network before it is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from strokebot.errors import StrokebotError, WeightsError
from strokebot.files import write_atomic
from strokebot.model.card import Card
from strokebot.model.predictor import IMAGE_PX, Predictor, open_session
from strokebot.training.networks.checkpoint import AnyNetwork, load_network

OPSET = 18  # the first with group norms
_MOST_BATCH = 65_536
# Tensors with fewer numbers stay as they are: widening them costs more than it saves.
_LEAST_HALVED = 64
# What both may differ by on random images, canvas units: a hundredth of a pixel in 28.
TOLERANCE = 4e-4
_CHECKED_IMAGES = 8


def export_onnx(path: Path) -> Card:
    """Writes the ONNX of a weights file and notes its hash in the card.

    Args:
        path: the .safetensors file.

    Returns:
        The card as it is now.

    Raises:
        WeightsError: if the weights cannot be loaded, or the export answers otherwise than they do.
        StrokebotError: if a package for the export is missing.
    """
    network, card = load_network(path)
    data = onnx_of(network)
    _compare(network, data, path)
    card = replace(card, onnx_sha256=hashlib.sha256(data).hexdigest())
    write_atomic(path.with_suffix(".onnx"), data)
    write_atomic(path.with_suffix(".json"), card.to_json().encode())
    return card


def onnx_of(network: AnyNetwork) -> bytes:
    """A network as an ONNX file: image (B, 1, 28, 28) to start (B, 2) and steps (B, N, 4).

    Raises:
        StrokebotError: if onnx or onnxscript is missing.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  the exporter needs it, and says so less clearly
    except ImportError as cause:
        raise StrokebotError("The ONNX export needs more: pip install onnx onnxscript.") from cause
    model = onnx.load_from_string(_export(network, 2, torch.export.Dim("batch", min=1, max=_MOST_BATCH)))
    if model.graph.input[0].type.tensor_type.shape.dim[0].dim_value:
        # torch has made this one (a GRU, say) for the size of the batch that it saw: glyph by glyph, then.
        model = onnx.load_from_string(_export(network, 1, None))
    return packed(model)


def packed(model: Any) -> bytes:
    """A model as a file: weights in 16 bits, and nothing in it of the folders that it was made in."""
    _halve(model)
    _strip(model.graph)
    return bytes(model.SerializeToString(deterministic=True))


def _export(network: AnyNetwork, size: int, batch: Any) -> bytes:
    """The graph as torch writes it, for batches of one size, or of any if ``batch`` is given."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        file = Path(folder) / "network.onnx"
        torch.onnx.export(
            network.eval(),
            (torch.rand(size, 1, IMAGE_PX, IMAGE_PX),),
            file,
            input_names=["image"],
            output_names=["start", "steps"],
            dynamic_shapes=None if batch is None else ({0: batch},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return file.read_bytes()


def _halve(model: Any) -> None:
    """Stores the weights as 16-bit floats, widened by a node each."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LEAST_HALVED:
            continue
        half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue  # a constant of the graph that 16 bits do not hold
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)


def _strip(graph: Any) -> None:
    """Removes where in the source each node came from, which doubles the file and names its folders."""
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    graph.ClearField("value_info")
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _strip(attribute.g)


def _compare(network: AnyNetwork, data: bytes, path: Path) -> None:
    images = np.random.default_rng(0).random((_CHECKED_IMAGES, IMAGE_PX, IMAGE_PX), dtype=np.float32)
    answers = Predictor(open_session(data), Card({})).predict_arrays(images)
    with torch.inference_mode():
        wanted = network(torch.from_numpy(images)[:, None])
    apart = max(float(np.abs(a - w.numpy()).max()) for a, w in zip(answers, wanted, strict=True))
    if not apart <= TOLERANCE:
        raise WeightsError(f"The ONNX of {path} differs from the network by {apart:.2g}: it is not kept.")


@contextlib.contextmanager
def quiet() -> Any:
    """Keeps what the exporter says of itself from the terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or any(a.startswith("-") for a in given):
        sys.stderr.write("usage: python -m strokebot.training.networks.export WEIGHTS.safetensors ...\n")
        return 2
    try:
        for name in given:
            export_onnx(Path(name))
            sys.stdout.write(f"{Path(name).with_suffix('.onnx')}\n")
    except StrokebotError as error:
        sys.stderr.write(f"strokebot: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
