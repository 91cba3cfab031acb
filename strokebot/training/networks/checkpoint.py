"""Networks on disk: tensors in a .safetensors file with a card beside it (``strokebot.model.card``).

Loading is strict: version, hash, names and shapes must all agree. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from strokebot.errors import ConfigError, StrokebotError, WeightsError
from strokebot.files import write_atomic
from strokebot.model.card import Card, read_card, read_checked, shipped_weights
from strokebot.training.networks.article import Dots10, Dots25
from strokebot.training.networks.network import IMAGE_PX, GestureNetwork, NetworkConfig
from strokebot.training.pens.response import MeasuredPen, PenResponse

AnyNetwork = GestureNetwork | Dots10 | Dots25
Network = TypeVar("Network", bound=nn.Module)


def build_network(architecture: dict[str, Any]) -> AnyNetwork:
    """An untrained network of an architecture, as a card or a configuration words it.

    Raises:
        ConfigError: for an unknown kind or a bad value.
    """
    table = dict(architecture)
    kind = table.pop("kind", "gesture")
    if kind == "gesture":
        pen = _pen(table.pop("pen")) if "pen" in table else None
        return GestureNetwork(NetworkConfig.from_table(table), pen)
    if kind not in ("dots-10", "dots-25") or table:
        raise ConfigError(
            f"model.kind {kind!r} with {sorted(table)} is not known; use gesture, dots-10 or dots-25."
        )
    return Dots10() if kind == "dots-10" else Dots25()


def _pen(table: Any) -> MeasuredPen:
    """The measured pen that a network is trained with.

    Raises:
        ConfigError: if the table is damaged.
    """
    if not isinstance(table, dict) or set(table) != {"mm_per_canvas", "response"}:
        raise ConfigError("model.pen needs mm_per_canvas and response: use a section [pen] in its place.")
    response, size = table["response"], table["mm_per_canvas"]
    if not isinstance(response, dict) or isinstance(size, bool) or not isinstance(size, int | float):
        raise ConfigError("model.pen is damaged: use a section [pen] in its place.")
    return MeasuredPen(PenResponse(response), float(size), IMAGE_PX, IMAGE_PX, learn_softness=True)


def save_weights(path: Path, network: nn.Module, card: Card, *, half: bool = True) -> Card:
    """Writes the tensors and the card; the card gets the hash.

    Args:
        path: the .safetensors file; the card lies beside it as .json.
        network: what to save.
        card: what to say of it.
        half: whether to store 16-bit floats (half the size; the error is far under the network's).
    """
    tensors = {
        name: (t.half() if half and t.is_floating_point() and t.ndim > 0 else t).contiguous().cpu()
        for name, t in network.state_dict().items()
    }
    data = save_tensors(tensors)
    card = replace(card, sha256=hashlib.sha256(data).hexdigest(), onnx_sha256="")
    write_atomic(path, data)
    write_atomic(path.with_suffix(".json"), card.to_json().encode())
    return card


def fill_strictly(path: Path, card: Card, build: Callable[[dict[str, Any]], Network]) -> Network:
    """Builds the network that a card names and fills it with the file's tensors, as 32-bit floats.

    Args:
        path: the tensors' file.
        card: its card.
        build: makes the untrained network of an architecture.

    Raises:
        WeightsError: if the file is missing or damaged, or card and tensors disagree.
    """
    data = read_checked(path, card.sha256)
    try:
        network = build(card.architecture)
    except (ConfigError, TypeError) as cause:
        raise WeightsError(
            f"The card of {path} names an architecture that cannot be built: {cause}"
        ) from cause
    try:
        tensors = {name: t.float() if t.is_floating_point() else t for name, t in load_tensors(data).items()}
        network.load_state_dict(tensors, strict=True)
    except (SafetensorError, RuntimeError) as cause:
        first = str(cause).splitlines()[-1].strip()
        raise WeightsError(f"The weights {path} do not fit their card: {first}") from cause
    if any(not torch.isfinite(t).all() for t in network.state_dict().values()):
        raise WeightsError(f"The weights {path} hold values that are not finite numbers.")
    network.eval()
    return network


def load_network(path: Path | None = None, *, device: str | torch.device = "cpu") -> tuple[AnyNetwork, Card]:
    """Loads a network strictly, in evaluation mode.

    Args:
        path: the .safetensors file; None for the shipped one.
        device: of torch, such as "cuda".

    Raises:
        WeightsError: if a file is missing or damaged, or card and tensors disagree.
        StrokebotError: if torch does not have the device.
    """
    path = shipped_weights() if path is None else path
    card = read_card(path)
    network = fill_strictly(path, card, build_network)
    return network.to(usable_device(device)), card


def usable_device(device: str | torch.device) -> torch.device:
    """The device, if torch can use it here.

    Raises:
        StrokebotError: if not.
    """
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError) as cause:
        raise StrokebotError(f"torch cannot use the device '{device}' here: choose cpu or cuda.") from cause
    return found
