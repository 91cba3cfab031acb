"""The channels of a picture: one or three fields, of which a large picture holds one at a time.

A field of 25 million pixels is 100 MB, its bytes are 25: so the fields of a file with 8 bits are made when
they are asked for, and what is done to each channel alone is done then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
# One or three fields (H, W) in [0, 1]: a tuple of them, or ``MadeChannels``.
Channels = Sequence[Field]

# ITU-R BT.601 weights, those of PIL's own conversion to grey.
LUMA = (0.299, 0.587, 0.114)


class MadeChannels(Sequence[Field]):
    """Fields (H, W) in [0, 1] that are made anew each time one is asked for."""

    def __init__(self, count: int, make: Callable[[int], Field]) -> None:
        """Makes none yet.

        Args:
            count: how many there are.
            make: makes the field of a number from 0 on.
        """
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Field: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Field, ...]: ...

    def __getitem__(self, index: int | slice) -> Field | tuple[Field, ...]:
        numbers = range(self._count)[index]  # raises IndexError, which ends an iteration
        return self._make(numbers) if isinstance(numbers, int) else tuple(self._make(k) for k in numbers)


def luminance_of(channels: Channels) -> Field:
    """ITU-R BT.601 brightness (H, W)."""
    if len(channels) == 1:
        return channels[0]
    found = np.zeros_like(channels[0])
    for channel, weight in zip(channels, LUMA, strict=True):
        found += np.float32(weight) * channel
    return found
