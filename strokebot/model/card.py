"""The card of a weights file: what the weights are, and the hashes of their files.

It lies beside them (same name, .json) and holds the format version, the architecture, the
data and their licences, the seed, the measured figures, and the sha256 of the tensors
(.safetensors, what training and evaluation read) and of the same network as .onnx (what
drawing reads).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from strokebot.errors import WeightsError

FORMAT_VERSION = 1
SHIPPED_NAME = "gesture"


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
        onnx_sha256: hash of the same network as ONNX, which drawing uses; empty where there is none.
    """

    architecture: dict[str, Any]
    data: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    sha256: str = ""
    onnx_sha256: str = ""

    def to_json(self) -> str:
        """The card as JSON text."""
        table = {"format": "strokebot-weights", "version": FORMAT_VERSION, **asdict(self)}
        return json.dumps(table, indent=2) + "\n"

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
        hashes = [data.get("sha256"), data.get("onnx_sha256", "")]
        if not all(isinstance(v, dict) for v in parts.values()) or not all(
            isinstance(h, str) for h in hashes
        ):
            raise WeightsError(f"The card {where} is damaged.")
        return cls(**parts, sha256=hashes[0], onnx_sha256=hashes[1])


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


def read_checked(path: Path, sha256: str) -> bytes:
    """The bytes of a file that a card describes.

    Raises:
        WeightsError: if it cannot be read, or its hash is another.
    """
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise WeightsError(f"Cannot read the weights {path}: {cause.strerror}.") from cause
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(f"The weights {path} are not the file that their card describes (sha256 differs).")
    return data


def shipped_weights() -> Path:
    """The weights file inside the package.

    Raises:
        WeightsError: if the package came without one.
    """
    path = Path(str(resources.files("strokebot.model") / "weights" / f"{SHIPPED_NAME}.safetensors"))
    if not path.is_file():
        raise WeightsError(f"The package holds no weights ({path}); train some, or draw with --method tour.")
    return path
