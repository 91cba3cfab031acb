"""Layers that the networks share; written for small images and short sequences."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Channels a group in the group norms: 8, so that every width in use divides.
_GROUP_CHANNELS = 8
_HEAD_DIM = 32
_WIDEN = 3  # of the feed-forward part


def conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, group norm, GELU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
        nn.GroupNorm(channels_out // _GROUP_CHANNELS, channels_out),
        nn.GELU(),
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a skip; (B, C, H, W) stays (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.GroupNorm(channels // _GROUP_CHANNELS, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the map after the block."""
        return F.gelu(x + self.norm(self.second(self.first(x))))


class Attention(nn.Module):
    """Multi-head attention of a sequence on itself or on a memory."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.heads = dim // _HEAD_DIM
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """Sequence x (B, N, dim) attends to memory (B, M, dim)."""
        batch, n, dim = x.shape
        q = self.query(x).view(batch, n, self.heads, _HEAD_DIM).transpose(1, 2)
        pairs = self.key_value(memory).view(batch, memory.shape[1], 2, self.heads, _HEAD_DIM)
        k, v = pairs.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        mixed: Tensor = self.out(y.transpose(1, 2).reshape(batch, n, dim))
        return mixed


class AttentionBlock(nn.Module):
    """Pre-norm transformer layer, with a look at a memory where ``cross``."""

    def __init__(self, dim: int, *, cross: bool = False) -> None:
        super().__init__()
        self.norm_self, self.self_attention = nn.LayerNorm(dim), Attention(dim)
        self.cross = cross
        if cross:
            self.norm_cross, self.cross_attention = nn.LayerNorm(dim), Attention(dim)
        self.norm_feed = nn.LayerNorm(dim)
        self.feed = nn.Sequential(nn.Linear(dim, _WIDEN * dim), nn.GELU(), nn.Linear(_WIDEN * dim, dim))

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        """Sequence x (B, N, dim), memory (B, M, dim) where the block looks at one."""
        own = self.norm_self(x)
        x = x + self.self_attention(own, own)
        if self.cross:
            assert memory is not None
            x = x + self.cross_attention(self.norm_cross(x), memory)
        x = x + self.feed(self.norm_feed(x))
        return x


def parameter_count(module: nn.Module) -> int:
    """The number of trained numbers in a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def set_deterministic(seed: int) -> None:
    """Seeds torch on every device."""
    torch.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
