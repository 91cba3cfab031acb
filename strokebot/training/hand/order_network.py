"""The network that orders strokes, and what its answers cost (``strokebot.hand.order``).

A token a stroke, of its points; blocks of attention, whose weights also depend on how two strokes lie
to one another (from the end of one to the start of the other, where their ends touch). A pair is judged
from both tokens and the way they lie, z_ij, and its logit is a_ij = z_ij - z_ji: what is first
for one is last for the other.

Loss, a mean over the pictures of a batch: the mean over pairs of the cross-entropy of who was first, plus the
mean over strokes of that of the direction; and ``_WHOLE`` times the mean over all strokes of that of being a
whole one.

Sources: A. Vaswani et al., "Attention is all you need", 2017; P. Shaw et al., "Self-attention with
relative position representations", 2018.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from strokebot.errors import ConfigError
from strokebot.hand.order import POINTS, TOLD

ORDER_KIND = "hand-order"
# Numbers that say how two strokes lie.
_PAIR = 15
_EPS = 1e-9
# Directions under this are none: drawn now this way, now that.
SURE = 0.3
_WHOLE = 0.3
# Strokes that the person began this close, samples or strokes, have no order.
_APART = 0.25


@dataclass(frozen=True)
class OrderConfig:
    """Size: width of tokens, blocks, heads, and width of what is known of a pair."""

    width: int = 96
    blocks: int = 3
    heads: int = 4
    pair: int = 32


class _Block(nn.Module):
    def __init__(self, config: OrderConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.before = nn.LayerNorm(width)
        self.parts = nn.Linear(width, 3 * width)
        self.bias = nn.Linear(config.pair, config.heads)
        self.joined = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.first = nn.Linear(width, 2 * width)
        self.second = nn.Linear(2 * width, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)
        nn.init.zeros_(self.joined.weight)
        nn.init.zeros_(self.joined.bias)

    def forward(self, x: Tensor, pair: Tensor, masked: Tensor) -> Tensor:
        b, n, width = x.shape
        parts = self.parts(self.before(x)).reshape(b, n, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        score = query @ key.transpose(-1, -2) * (width // self.heads) ** -0.5
        score = score + self.bias(pair).permute(0, 3, 1, 2) + masked
        got = (score.softmax(dim=-1) @ value).permute(0, 2, 1, 3).reshape(b, n, width)
        x = x + self.joined(got)
        return x + self.second(F.gelu(self.first(self.norm(x))))  # type: ignore[no-any-return]


class OrderNet(nn.Module):
    """Who is first, and which way.

    Args:
        config: its size.
    """

    def __init__(self, config: OrderConfig) -> None:
        super().__init__()
        self.config = config
        width, pair = config.width, config.pair
        self.token = nn.Linear(POINTS * 2 + 6 + 16 + TOLD, width)
        self.pair = nn.Linear(_PAIR, pair)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(width)
        self.told = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 2))
        self.one, self.other = nn.Linear(width, 2 * pair), nn.Linear(width, 2 * pair, bias=False)
        self.both = nn.Linear(pair, 2 * pair, bias=False)
        self.score = nn.Linear(2 * pair, 1, bias=False)

    def forward(self, points: Tensor, told: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits before (B, n, n), forward (B, n) and whole (B, n).

        Args:
            points: (B, n, 12, 2) in h from the middle.
            told: (B, n, 5).
            there: (B, n) 1 where there is a stroke, else 0.
        """
        pair = F.gelu(self.pair(_relations(points, told)))
        x = self.token(_features(points, told))
        masked = ((there - 1.0) * 1e4)[:, None, None, :]
        for block in self.blocks:
            x = block(x, pair, masked)
        x = self.norm(x)
        both = F.gelu(self.one(x)[:, :, None] + self.other(x)[:, None] + self.both(pair))
        score = self.score(both)[..., 0]
        answer = self.told(x)
        return score - score.transpose(1, 2), answer[..., 0], answer[..., 1]


def _features(points: Tensor, told: Tensor) -> Tensor:
    """What is known of each stroke (B, n, features)."""
    middle = points.mean(dim=2)
    shape = (points - middle[:, :, None]).flatten(2)
    waves = torch.cat([middle * (2 * torch.pi / period) for period in (1.0, 2.0, 4.0, 8.0)], dim=-1)
    return torch.cat(
        [2 * shape, middle, points[:, :, 0], points[:, :, -1], waves.sin(), waves.cos(), told], dim=-1
    )


def _relations(points: Tensor, told: Tensor) -> Tensor:
    """How stroke j lies seen from stroke i, (B, n, n, 15)."""
    start, end, middle = points[:, :, 0], points[:, :, -1], points.mean(dim=2)

    def from_to(a: Tensor, b: Tensor) -> Tensor:
        away = b[:, None] - a[:, :, None]
        return away / (0.3 + away.norm(dim=-1, keepdim=True))  # type: ignore[no-any-return]

    def beside(a: Tensor) -> Tensor:
        """How near place a of i is to the line of j."""
        away = (a[:, :, None, None] - points[:, None]).square().sum(dim=-1).amin(dim=-1)
        return torch.exp(-6.0 * (away + _EPS).sqrt())[..., None]

    near_start, near_end = beside(start), beside(end)
    place = (told[:, None, :, 1] - told[:, :, None, 1])[..., None]
    return torch.cat(
        [
            from_to(start, start), from_to(end, end), from_to(end, start), from_to(middle, middle),
            near_start, near_end, near_start.transpose(1, 2), near_end.transpose(1, 2),
            place / (0.1 + place.abs()), place, (told[:, None, :, 2:3] * told[:, :, None, 2:3]),
        ],
        dim=-1,
    )  # fmt: skip


def order_loss(
    answer: tuple[Tensor, Tensor, Tensor], there: Tensor, when: Tensor, forward: Tensor, whole: Tensor
) -> dict[str, Tensor]:
    """Parts of the loss; their sum is minimised.

    Args:
        answer: of ``OrderNet``.
        there: (B, n) 1 where there is a stroke.
        when: (B, n) of ``Drawings``.
        forward: (B, n) of ``Drawings``.
        whole: (B, n) of ``Drawings``; NaN where that is not asked.
    """
    before, way, entire = answer
    counted = ordered_pairs(there, when)
    first = (when[:, :, None] < when[:, None]).float()
    cross = F.binary_cross_entropy_with_logits(before, first, reduction="none")
    some = counted.sum(dim=(1, 2))
    pairs = ((cross * counted).sum(dim=(1, 2)) / some.clamp(min=1.0)).sum() / (some > 0).sum().clamp(min=1)
    directed = there * (forward.abs() > SURE)
    turn = F.binary_cross_entropy_with_logits(way, (forward > 0).float(), reduction="none")
    count = directed.sum(dim=1)
    turns = ((turn * directed).sum(dim=1) / count.clamp(min=1.0)).sum() / (count > 0).sum().clamp(min=1)
    asked = there * torch.isfinite(whole)
    part = F.binary_cross_entropy_with_logits(entire, whole.nan_to_num(), reduction="none")
    parts = (part * asked).sum() / asked.sum().clamp(min=1)
    return {"order": pairs, "direction": turns, "whole": _WHOLE * parts}


def ordered_pairs(there: Tensor, when: Tensor) -> Tensor:
    """Which pairs (B, n, n) have a true order."""
    known = there * torch.isfinite(when)
    apart = (when[:, :, None] - when[:, None]).abs() >= _APART
    return known[:, :, None] * known[:, None] * apart


def build_order(architecture: dict[str, Any]) -> OrderNet:
    """An untrained network of an architecture as a card words it.

    Raises:
        ConfigError: for an unknown kind or a bad value.
    """
    table = dict(architecture)
    kind = table.pop("kind", None)
    if kind != ORDER_KIND:
        raise ConfigError(f"{kind!r} orders no strokes: use {ORDER_KIND}.")
    try:
        return OrderNet(OrderConfig(**table))
    except TypeError as cause:
        raise ConfigError(f"The architecture of {kind} is damaged: {cause}.") from cause


def architecture_of_order(network: OrderNet) -> dict[str, Any]:
    """What a card says of the network's architecture."""
    return {"kind": ORDER_KIND, **asdict(network.config)}
