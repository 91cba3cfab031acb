"""Weights on disk: tensors in a .safetensors file, and a card beside it that says what they are.

The card (same name, .json) holds the format version, the architecture, the data and their
licences, the seed, the measured figures, and the sha256 of the tensors' file. Loading is
strict: version, hash, names and shapes must all agree. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from strokebot.errors import ConfigError, WeightsError
from strokebot.files import write_atomic
from strokebot.model.article import Dots10, Dots25
from strokebot.model.network import IMAGE_PX, GestureNetwork, NetworkConfig
from strokebot.pen.response import MeasuredPen, PenResponse

FORMAT_VERSION = 1
SHIPPED_NAME = "gesture"

AnyNetwork = GestureNetwork | Dots10 | Dots25
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Card:
    """What a weights file is.

    Attributes:
        architecture: {"kind": "gesture" | "dots-10" | "dots-25", ...}; for a gesture network the
            rest is ``NetworkConfig``.
        data: names of the training sets with their licences.
        training: seed, steps, commit, configuration.
        metrics: measured figures on test sets.
        sha256: hash of the tensors' file.
    """

    architecture: dict[str, Any]
    data: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    sha256: str = ""

    def to_json(self) -> str:
        """The card as JSON text."""
        return (
            json.dumps(
                {
                    "format": "strokebot-weights",
                    "version": FORMAT_VERSION,
                    "architecture": self.architecture,
                    "data": self.data,
                    "training": self.training,
                    "metrics": self.metrics,
                    "sha256": self.sha256,
                },
                indent=2,
            )
            + "\n"
        )

    @classmethod
    def from_json(cls, text: str, where: str) -> Card:
        """Reads a card.

        Raises:
            WeightsError: if the text is not a card of this version.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as cause:
            raise WeightsError(f"The card {where} is not JSON: {cause}.") from cause
        if not isinstance(data, dict) or data.get("format") != "strokebot-weights":
            raise WeightsError(f"{where} is not the card of strokebot weights.")
        if data.get("version") != FORMAT_VERSION:
            raise WeightsError(
                f"The weights {where} have format version {data.get('version')};"
                f" this program reads {FORMAT_VERSION}."
            )
        parts = {k: data.get(k, {}) for k in ("architecture", "data", "training", "metrics")}
        if not all(isinstance(v, dict) for v in parts.values()) or not isinstance(data.get("sha256"), str):
            raise WeightsError(f"The card {where} is damaged.")
        return cls(**parts, sha256=data["sha256"])


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
    card = Card(card.architecture, card.data, card.training, card.metrics, hashlib.sha256(data).hexdigest())
    write_atomic(path, data)
    write_atomic(path.with_suffix(".json"), card.to_json().encode())
    return card


def read_card(path: Path) -> Card:
    """The card of a weights file.

    Raises:
        WeightsError: if it is missing or not a card.
    """
    beside = path.with_suffix(".json")
    try:
        return Card.from_json(beside.read_text(encoding="utf-8"), str(beside))
    except (OSError, UnicodeDecodeError) as cause:
        raise WeightsError(f"Cannot read the card {beside}: it must lie beside the weights.") from cause


def fill_strictly(path: Path, card: Card, build: Callable[[dict[str, Any]], Network]) -> Network:
    """Builds the network that a card names and fills it with the file's tensors, as 32-bit floats.

    Args:
        path: the tensors' file.
        card: its card.
        build: makes the untrained network of an architecture.

    Raises:
        WeightsError: if the file is missing or damaged, or card and tensors disagree.
    """
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise WeightsError(f"Cannot read the weights {path}: {cause.strerror}.") from cause
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsError(f"The weights {path} are not the file that their card describes (sha256 differs).")
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


def load_network(path: Path) -> tuple[AnyNetwork, Card]:
    """Loads a network strictly, ready to draw.

    Raises:
        WeightsError: if a file is missing or damaged, or card and tensors disagree.
    """
    card = read_card(path)
    return fill_strictly(path, card, build_network), card


def shipped_weights() -> Path:
    """The weights file inside the package.

    Raises:
        WeightsError: if the package came without one.
    """
    path = Path(str(resources.files("strokebot.model") / "weights" / f"{SHIPPED_NAME}.safetensors"))
    if not path.is_file():
        raise WeightsError(f"The package holds no weights ({path}); train some, or draw with --method tour.")
    return path
