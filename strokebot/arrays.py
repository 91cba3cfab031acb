"""Validation of the arrays inside the frozen types: once, at construction.

Every array is copied, checked for shape, finite values and range, and made
read-only, so that a value that exists is a value that holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from strokebot.errors import StrokebotError


def frozen_array(
    name: str,
    value: Any,
    shape: tuple[int | None, ...],
    error: type[StrokebotError],
    *,
    dtype: DTypeLike = np.float64,
    low: float | None = None,
    high: float | None = None,
) -> NDArray[np.generic]:
    """Returns a checked read-only copy of an array.

    Args:
        name: the field's name, for the message.
        value: anything numpy can turn into an array.
        shape: the expected shape; None stands for any length.
        error: the error class to raise.
        dtype: the type of the copy.
        low: least value allowed, or None.
        high: greatest value allowed, or None.

    Raises:
        StrokebotError: (the given class) for a wrong shape, a value that is not
            finite, or one out of range.
    """
    try:
        array = np.array(value, dtype=dtype)
    except (TypeError, ValueError) as cause:
        raise error(f"{name} is not an array of numbers.") from cause
    if array.ndim != len(shape) or any(
        want is not None and have != want for have, want in zip(array.shape, shape, strict=True)
    ):
        wanted = "(" + ", ".join("n" if s is None else str(s) for s in shape) + ")"
        raise error(f"{name} has shape {array.shape}, but {wanted} is needed.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise error(f"{name} holds a value that is not a finite number.")
    if array.size and low is not None and array.min() < low:
        raise error(f"{name} holds {array.min():g}, below the least value {low:g}.")
    if array.size and high is not None and array.max() > high:
        raise error(f"{name} holds {array.max():g}, above the greatest value {high:g}.")
    array.setflags(write=False)
    return array
