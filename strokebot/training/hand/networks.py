"""The pen and the eye: what they are made of, and what their answers cost.

Both read a look and a few numbers (``strokebot.hand.policy``).

    pen     look (3, 9, 24) and extras -> linear -> residual blocks of two linear layers -> three heads
    eye     the same trunk over (3, 14, 24), and beside it convolutions over the rings and angles of
            the look: they score each cell by what lies in and round it wherever it is, as turning and
            scaling a picture round the gaze moves its cells along angles and rings. Angles are a circle.

Losses, mean over the samples of a batch:
    pen     cross-entropy of the direction, its class shared between the two classes that it lies
            between; ``_POINTS`` times the smooth L1 distance of the points OF THE TRUE CLASS (points
            of other classes are other branches, and no mean of branches is asked for); cross-entropy
            of the lift
    eye     cross-entropy of the cell (softened: ``_SOFT`` of it falls to its four neighbours); for
            landings, smooth L1 of the offset and cross-entropy of the direction
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from strokebot.errors import ConfigError
from strokebot.hand.policy import EYE_EXTRAS, LAND, PEN_EXTRAS, PEN_POINTS, STEP
from strokebot.hand.retina import ANGLES, CHANNELS, PEN_RINGS, RINGS

PEN_KIND, EYE_KIND = "hand-pen", "hand-eye"
_POINTS = 4.0
_OFFSET = 1.0
_SOFT = 0.2
_BETA = 0.1


@dataclass(frozen=True)
class PenConfig:
    """Size of the pen: width of its layers, and residual blocks."""

    width: int = 192
    blocks: int = 2


@dataclass(frozen=True)
class EyeConfig:
    """Size of the eye: width of its layers, residual blocks, and channels of its convolutions."""

    width: int = 256
    blocks: int = 2
    channels: int = 24


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.gelu(self.first(self.norm(x))))  # type: ignore[no-any-return]


class _Trunk(nn.Module):
    """A look and extras to features."""

    def __init__(self, rings: int, extras: int, width: int, blocks: int) -> None:
        super().__init__()
        self.look = nn.Linear(CHANNELS * rings * ANGLES, width)
        self.extras = nn.Linear(extras, width)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)

    def forward(self, look: Tensor, extras: Tensor) -> Tensor:
        x = F.gelu(self.look(look.flatten(1)) + self.extras(extras))
        return self.norm(self.blocks(x))  # type: ignore[no-any-return]


class PenNet(nn.Module):
    """Where the pen goes next.

    Args:
        config: its size.
    """

    straight: Tensor

    def __init__(self, config: PenConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = _Trunk(PEN_RINGS, PEN_EXTRAS, config.width, config.blocks)
        self.direction = nn.Linear(config.width, ANGLES)
        self.points = nn.Linear(config.width, ANGLES * PEN_POINTS * 2)
        self.lift = nn.Linear(config.width, 1)
        angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
        way = np.stack([np.cos(angle), np.sin(angle)], axis=-1)[:, None] * STEP
        straight = way * np.arange(1, PEN_POINTS + 1)[:, None]
        # Answers are what differs from going straight in the direction of a class.
        self.register_buffer("straight", torch.from_numpy(straight.astype(np.float32)), persistent=False)
        nn.init.zeros_(self.points.weight)
        nn.init.zeros_(self.points.bias)

    def forward(self, look: Tensor, extras: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Direction (B, 24), points (B, 24, 2, 2), lift (B,)."""
        x = self.trunk(look, extras)
        points = self.points(x).reshape(-1, ANGLES, PEN_POINTS, 2) + self.straight
        return self.direction(x), points, self.lift(x)[:, 0]


class EyeNet(nn.Module):
    """Where the next stroke begins.

    Args:
        config: its size.
    """

    def __init__(self, config: EyeConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = _Trunk(RINGS, EYE_EXTRAS, config.width, config.blocks)
        self.jump = nn.Linear(config.width, LAND + 1)
        self.offset = nn.Linear(config.width, 2)
        self.direction = nn.Linear(config.width, ANGLES)
        self.told = nn.Linear(config.width, config.channels)
        self.first = nn.Conv2d(CHANNELS, config.channels, 3)
        self.second = nn.Conv2d(config.channels, config.channels, 3)
        self.score = nn.Conv2d(config.channels, 1, 1)

    def forward(self, look: Tensor, extras: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Jump (B, 337), offset (B, 2), direction (B, 24)."""
        x = self.trunk(look, extras)
        maps = F.gelu(self.first(_round(look)))
        maps = F.gelu(self.second(_round(maps)) + self.told(x)[:, :, None, None])
        jump = self.jump(x)
        jump = jump + F.pad(self.score(maps).flatten(1), (0, 1))
        return jump, self.offset(x), self.direction(x)


def _round(maps: Tensor) -> Tensor:
    """Pads maps (B, C, rings, angles): angles go round, rings end."""
    around = torch.cat([maps[..., -1:], maps, maps[..., :1]], dim=-1)
    return F.pad(around, (0, 0, 1, 1))


AnyHand = PenNet | EyeNet


def build_hand(architecture: dict[str, Any]) -> AnyHand:
    """An untrained network of an architecture as a card words it.

    Raises:
        ConfigError: for an unknown kind or a bad value.
    """
    table = dict(architecture)
    kind = table.pop("kind", None)
    try:
        if kind == PEN_KIND:
            return PenNet(PenConfig(**table))
        if kind == EYE_KIND:
            return EyeNet(EyeConfig(**table))
    except TypeError as cause:
        raise ConfigError(f"The architecture of {kind} is damaged: {cause}.") from cause
    raise ConfigError(f"{kind!r} is no drawing network: use {PEN_KIND} or {EYE_KIND}.")


def architecture_of(network: AnyHand) -> dict[str, Any]:
    """What a card says of a network's architecture."""
    kind = PEN_KIND if isinstance(network, PenNet) else EYE_KIND
    return {"kind": kind, **asdict(network.config)}


def direction_shares(direction: Tensor) -> Tensor:
    """Directions (B,), radians, as shares (B, 24) of the two classes that each lies between."""
    at = torch.remainder(direction * (ANGLES / (2 * np.pi)), ANGLES)
    low = at.floor()
    share = torch.zeros(len(at), ANGLES, device=at.device)
    rows = torch.arange(len(at), device=at.device)
    share[rows, low.long() % ANGLES] = 1 - (at - low)
    share[rows, (low.long() + 1) % ANGLES] += at - low
    return share


def pen_loss(
    answer: tuple[Tensor, Tensor, Tensor], direction: Tensor, points: Tensor, lift: Tensor
) -> dict[str, Tensor]:
    """Parts of the pen's loss; their sum is minimised.

    Args:
        answer: of ``PenNet``.
        direction: (B,) radians; NaN where there is no step.
        points: (B, 2, 2) line widths.
        lift: (B,) 0 or 1.
    """
    logits, told, lifts = (a.float() for a in answer)
    moves = ~torch.isnan(direction)
    way = torch.where(moves, direction, 0.0)
    shares = direction_shares(way)
    count = moves.sum().clamp(min=1)
    cross = -(shares * F.log_softmax(logits, dim=1)).sum(dim=1)
    own = told[torch.arange(len(told), device=told.device), shares.argmax(dim=1)]
    apart = F.smooth_l1_loss(own, points, beta=_BETA, reduction="none").sum(dim=(1, 2))
    return {
        "direction": (cross * moves).sum() / count,
        "points": _POINTS * (apart * moves).sum() / count,
        "lift": F.binary_cross_entropy_with_logits(lifts, lift),
    }


def eye_loss(
    answer: tuple[Tensor, Tensor, Tensor], cell: Tensor, target: Tensor, direction: Tensor
) -> dict[str, Tensor]:
    """Parts of the eye's loss; their sum is minimised.

    Args:
        answer: of ``EyeNet``.
        cell: (B,) the true cells.
        target: (B, 2) from the gaze to the start, line widths.
        direction: (B,) radians.
    """
    jump, offset, way = (a.float() for a in answer)
    lands = (cell == LAND).float()
    count = lands.sum().clamp(min=1)
    shares = _soft_cells(cell)
    cross = -(shares * F.log_softmax(jump, dim=1)).sum(dim=1).mean()
    apart = F.smooth_l1_loss(offset, target.clamp(-4, 4), beta=_BETA, reduction="none").sum(dim=1)
    turn = -(direction_shares(direction) * F.log_softmax(way, dim=1)).sum(dim=1)
    return {
        "jump": cross,
        "offset": _OFFSET * (apart * lands).sum() / count,
        "direction": (turn * lands).sum() / count,
    }


def _soft_cells(cell: Tensor) -> Tensor:
    """Shares (B, 337) of the true cells and their four neighbours."""
    rows = torch.arange(len(cell), device=cell.device)
    shares = torch.zeros(len(cell), LAND + 1, device=cell.device)
    jumps = cell < LAND
    ring, angle = torch.where(jumps, cell, 0) // ANGLES, torch.where(jumps, cell, 0) % ANGLES
    shares[rows, cell] = torch.where(jumps, 1 - _SOFT, 1.0)
    soft = torch.where(jumps, _SOFT / 4, 0.0)
    for ring_step, angle_step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        beside = (ring + ring_step).clamp(0, RINGS - 1) * ANGLES + (angle + angle_step) % ANGLES
        shares[rows, beside] += soft
    return shares
