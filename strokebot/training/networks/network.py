r"""The gesture network: an image in, one gesture out, then a few looks at its own drawing.

    encoder     image (B, 1, 28, 28) -> feature maps at 14x14 and 7x7
    head        feature maps -> raw commands (B, N, 4); one of ``HEADS``:
                    mlp          one dense layer over everything at once
                    gru          a recurrent block that emits the chain of commands
                    transformer  N learned time queries that look at the image
    corrector   image, rendering and difference -> a correction of the raw commands,
                applied ``rounds`` times with the same weights; its last layer starts at 0

Raw commands (x, y, size, intensity) become the gesture by ``decode``:
    p = sigmoid(logit(sweep) + 4 raw_xy)        inside the canvas by construction
    w = W_MIN + (W_MAX - W_MIN) sigmoid(raw)    a = sigmoid(raw + 3)
where sweep is a left-to-right line: an untrained network draws just that. The sigmoids
are the hard constraint that keeps the pen on the paper; velocities are differences of p.

Sources: queries that attend to an image, Carion et al. 2020 (DETR); sampling features
along the current contour, Peng et al. 2020 (Deep Snake); drawing with the canvas as
an input, Huang et al. 2019 (Learning to Paint). All written anew here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from firmware_bridge.toml_table import unknown_key
from strokebot.errors import ConfigError, ShapeError
from strokebot.model.predictor import IMAGE_PX as IMAGE_PX
from strokebot.training.networks.blocks import AttentionBlock, ResidualBlock, conv
from strokebot.training.pens.base import steps_of
from strokebot.training.pens.line import LinePen

HEADS = ("mlp", "gru", "transformer")

# Line widths that the network can ask for, canvas units: half a pixel to ten of 28.
WIDTH_MIN, WIDTH_MAX = 0.5 / 28, 10.0 / 28
# Where the raw commands are 0: widths of about 2.6 px, as in MNIST; ink on; the sweep.
_WIDTH_LOGIT0, _INK_LOGIT0 = -1.25, 3.0
_SWEEP_FROM, _SWEEP_TO = 0.2, 0.8
# d sigmoid / d raw is a quarter in the middle; 4 makes one unit of raw about one canvas.
_POSITION_GAIN = 4.0


_BOUNDS: dict[str, tuple[int, int]] = {
    "points": (2, 256),
    "dim": (32, 1024),
    "layers": (1, 12),
    "rounds": (0, 8),
    "corrector_layers": (1, 12),
}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class NetworkConfig:
    """The architecture; stored in the weights' card.

    Attributes:
        head: one of ``HEADS``.
        points: N, the number of gesture points.
        channels: channels of the encoder at 28, 14 and 7 pixels.
        dim: width of the head and of the corrector's tokens.
        layers: layers of the head.
        rounds: render-and-correct rounds.
        corrector_layers: attention layers of the corrector.
    """

    head: str = "transformer"
    points: int = 40
    channels: tuple[int, int, int] = (16, 48, 96)
    dim: int = 128
    layers: int = 3
    rounds: int = 2
    corrector_layers: int = 2

    def __post_init__(self) -> None:
        if not isinstance(self.channels, list | tuple):
            raise ConfigError("model.channels needs three multiples of 8.")
        object.__setattr__(self, "channels", tuple(self.channels))
        if self.head not in HEADS:
            raise ConfigError(f"model.head is {self.head!r}; choose one of {', '.join(HEADS)}.")
        if len(self.channels) != 3 or any(not _is_count(c) or c < 8 or c % 8 for c in self.channels):
            raise ConfigError("model.channels needs three multiples of 8.")
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not _is_count(value) or not low <= value <= high:
                raise ConfigError(f"model.{name} is {value!r}; it must be a whole number in {low} to {high}.")
        if self.dim % 32:
            raise ConfigError("model.dim must be a multiple of 32.")

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> NetworkConfig:
        """Builds a configuration from a TOML or JSON table.

        Raises:
            ConfigError: for unknown keys or values out of bounds.
        """
        known = [f.name for f in fields(cls)]
        for key in sorted(set(table) - set(known)):
            raise ConfigError(f"model.{key} {unknown_key(key, known)}")
        return cls(**table)

    def to_table(self) -> dict[str, Any]:
        """The configuration as plain data."""
        return {**asdict(self), "channels": list(self.channels)}


class Encoder(nn.Module):
    """Image to feature maps: (B, 1, 28, 28) -> (B, c1, 14, 14) and (B, c2, 7, 7)."""

    def __init__(self, channels: tuple[int, int, int]) -> None:
        super().__init__()
        c0, c1, c2 = channels
        self.to14 = nn.Sequential(conv(1, c0), conv(c0, c1, stride=2), ResidualBlock(c1))
        self.to7 = nn.Sequential(conv(c1, c2, stride=2), ResidualBlock(c2), ResidualBlock(c2))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the maps at 14 and at 7 pixels."""
        f14 = self.to14(image)
        return f14, self.to7(f14)


class MlpHead(nn.Module):
    """Everything at once through two dense layers."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.points = config.points
        hidden = 4 * config.dim
        self.body = nn.Sequential(
            nn.Conv2d(config.channels[2], 32, 1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(32 * 49, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
        )
        self.out = nn.Linear(hidden, config.points * 4)

    def forward(self, f7: Tensor) -> Tensor:
        """(B, c2, 7, 7) to raw commands (B, N, 4)."""
        raw: Tensor = self.out(self.body(f7))
        return raw.view(-1, self.points, 4)


class GruHead(nn.Module):
    """A recurrent block that emits the chain of commands, each from the state before it.

    The raw positions are the running sum of what it emits: it commands velocities.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.layers = config.layers
        self.context = nn.Sequential(
            nn.Conv2d(config.channels[2], 32, 1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(32 * 49, 2 * config.dim),
            nn.GELU(),
        )
        self.state = nn.Linear(2 * config.dim, config.layers * 2 * config.dim)
        self.time = nn.Parameter(torch.randn(config.points, 2 * config.dim) * 0.02)
        self.gru = nn.GRU(2 * config.dim, 2 * config.dim, config.layers, batch_first=True)
        self.out = nn.Linear(2 * config.dim, 4)

    def forward(self, f7: Tensor) -> Tensor:
        """(B, c2, 7, 7) to raw commands (B, N, 4)."""
        context = self.context(f7)
        state = (
            self.state(context)
            .view(len(context), self.layers, self.gru.hidden_size)
            .transpose(0, 1)
            .contiguous()
        )
        emitted, _ = self.gru(context[:, None] + self.time, state)
        raw = self.out(emitted)
        return torch.cat([torch.cumsum(raw[..., :2], dim=1), raw[..., 2:]], dim=-1)


class TransformerHead(nn.Module):
    """N learned time queries that look at the 7x7 map and at each other."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        dim = config.dim
        self.tokens = nn.Linear(config.channels[2], dim)
        self.place = nn.Parameter(torch.randn(49, dim) * 0.02)
        self.time = nn.Parameter(torch.randn(config.points, dim) * 0.02)
        self.summary = nn.Linear(dim, dim)
        self.blocks = nn.ModuleList(AttentionBlock(dim, cross=True) for _ in range(config.layers))
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, 4)

    def forward(self, f7: Tensor) -> Tensor:
        """(B, c2, 7, 7) to raw commands (B, N, 4)."""
        memory = self.tokens(f7.flatten(2).transpose(1, 2)) + self.place
        queries = self.time + self.summary(memory.mean(dim=1))[:, None]
        for block in self.blocks:
            queries = block(queries, memory)
        raw: Tensor = self.out(self.norm(queries))
        return raw


class Corrector(nn.Module):
    """Looks at image, rendering and difference along the current line; returns a correction."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        c0, c1, c2 = config.channels
        dim = config.dim
        self.fine = conv(3, c0)
        self.coarse = nn.Sequential(conv(c0, c1, stride=2), conv(c1, c1))
        self.mix = nn.Conv2d(c1, c1, 1)
        self.low = nn.Conv2d(c2, c1, 1)
        # sampled features at 28, 14 and 7 px, and per point: place 2, steps in and out 4, size, ink
        self.embed = nn.Linear(c0 + 2 * c1 + 8, dim)
        self.time = nn.Parameter(torch.randn(config.points, dim) * 0.02)
        self.blocks = nn.ModuleList(AttentionBlock(dim) for _ in range(config.corrector_layers))
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, 4)

    def prepare(self, f14: Tensor, f7: Tensor) -> tuple[Tensor, Tensor]:
        """The image's own maps, the same in every round: (B, c1, 14, 14) and (B, c1, 7, 7)."""
        return self.mix(f14), self.low(f7)

    def forward(
        self, image: Tensor, drawn: Tensor, own_maps: tuple[Tensor, Tensor], points: Tensor, raw: Tensor
    ) -> Tensor:
        """Image and drawing (B, 1, 28, 28), points (B, N, 2), raw (B, N, 4) to a correction (B, N, 4)."""
        fine = self.fine(torch.cat([image, drawn, image - drawn], dim=1))
        coarse = self.coarse(fine) + own_maps[0]
        # (B, 1, N, 2), pixel edges at -1 and 1; torch's grid_sample on a CPU crashes on NaN
        where = torch.nan_to_num(points * 2 - 1)[:, None].to(fine.dtype)
        sampled = [
            F.grid_sample(m, where, align_corners=False, padding_mode="border")[:, :, 0].transpose(1, 2)
            for m in (fine, coarse, own_maps[1])
        ]
        step = torch.diff(points, dim=1)
        step_in, step_out = F.pad(step, (0, 0, 1, 0)), F.pad(step, (0, 0, 0, 1))
        own = torch.cat([points - 0.5, step_in * 8, step_out * 8, raw[..., 2:]], dim=-1)
        tokens = self.embed(torch.cat([*sampled, own.to(fine.dtype)], dim=-1)) + self.time
        for block in self.blocks:
            tokens = block(tokens)
        delta: Tensor = self.out(self.norm(tokens))
        return delta


_HEAD_TYPES: dict[str, type[MlpHead] | type[GruHead] | type[TransformerHead]] = {
    "mlp": MlpHead,
    "gru": GruHead,
    "transformer": TransformerHead,
}


class GestureNetwork(nn.Module):
    """Image (B, 1, 28, 28) to gesture, through a pen that lets it see its own drawing.

    Args:
        config: the architecture.
        pen: the line pen that training and correction share.
    """

    def __init__(self, config: NetworkConfig, pen: LinePen | None = None) -> None:
        super().__init__()
        self.config = config
        self.pen = LinePen(IMAGE_PX, IMAGE_PX, learn_softness=True) if pen is None else pen
        self.encoder = Encoder(config.channels)
        self.head = _HEAD_TYPES[config.head](config)
        self.corrector = Corrector(config) if config.rounds else None
        for last in (self.head.out, *([self.corrector.out] if self.corrector else [])):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def proposals(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The gesture after the head and after each round: start (B, 2) and steps (B, N, 4).

        Raises:
            ShapeError: for images of another shape than (B, 1, 28, 28).
        """
        if image.ndim != 4 or image.shape[1:] != (1, IMAGE_PX, IMAGE_PX):
            raise ShapeError(
                f"The network takes images (B, 1, {IMAGE_PX}, {IMAGE_PX}), ink in [0, 1], not"
                f" {tuple(image.shape)}."
            )
        f14, f7 = self.encoder(image)
        raw = self.head(f7).float()
        gestures = [gesture_of(raw)]
        if self.corrector is None:
            return gestures
        own_maps = self.corrector.prepare(f14, f7)
        for _ in range(self.config.rounds):
            # Each round is judged on its own correction: no gradient through the state before it.
            raw = raw.detach()
            with torch.no_grad():
                drawn = self.pen(*gesture_of(raw))
            raw = raw + self.corrector(image, drawn, own_maps, decode(raw)[0], raw).float()
            gestures.append(gesture_of(raw))
        return gestures

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Image (B, 1, 28, 28) to start (B, 2) and steps (B, N, 4), canvas units."""
        return self.proposals(image)[-1]


def decode(raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Raw commands (B, N, 4) to points (B, N, 2), size (B, N) and intensity (B, N), canvas units."""
    sweep = torch.linspace(_SWEEP_FROM, _SWEEP_TO, raw.shape[1], device=raw.device, dtype=raw.dtype)
    sweep = torch.stack([torch.logit(sweep), torch.zeros_like(sweep)], dim=-1)
    points = torch.sigmoid(sweep + _POSITION_GAIN * raw[..., :2])
    size = WIDTH_MIN + (WIDTH_MAX - WIDTH_MIN) * torch.sigmoid(raw[..., 2] + _WIDTH_LOGIT0)
    return points, size, torch.sigmoid(raw[..., 3] + _INK_LOGIT0)


def gesture_of(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Raw commands (B, N, 4) to start (B, 2) and steps (B, N, 4), canvas units."""
    return steps_of(*decode(raw))
