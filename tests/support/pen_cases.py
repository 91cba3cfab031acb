"""Gestures for the tests of the pens."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor

SIDE = 28


def wander(
    seed: int, batch: int = 3, points: int = 8, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Random gestures of handwriting size, start (B, 2) and steps (B, N, 4), no two places alike."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=generator, dtype=dtype)

    steps = torch.cat(
        [
            uniform(-4.0, 4.0, batch, points, 2) / SIDE,
            uniform(0.8, 4.0, batch, points, 1) / SIDE,
            uniform(0.5, 1.0, batch, points, 1),
        ],
        dim=-1,
    )
    return uniform(0.25, 0.75, batch, 2), steps


seeds = st.integers(0, 2**31 - 1)
coordinates = st.floats(-0.2, 1.2)
# Places that often coincide, widths and inks that often are 0: where divisions would break.
rough_points = st.lists(
    st.tuples(
        st.sampled_from([0.25, 0.5, 0.75]) | coordinates,
        st.sampled_from([0.25, 0.5, 0.75]) | coordinates,
        st.just(0.0) | st.floats(0.0, 0.4),
        st.sampled_from([0.0, 1.0]) | st.floats(0.0, 1.0),
    ),
    min_size=1,
    max_size=6,
)
