"""Training data: idx images, pen strokes of held-out writers, their sources. Torch-free.

Nouns: an *idx file* holds a stack of images or labels (MNIST, EMNIST); a *stroke
set* holds the true pen strokes of many samples; a *pack* is a stroke set
resampled to a fixed number of points, small enough to carry to another machine.
"""

from __future__ import annotations

from strokebot.training.data.idx import load_emnist, load_idx, load_letters, load_mnist, load_usps
from strokebot.training.data.packs import Pack, load_pack
from strokebot.training.data.strokes import Resampled, StrokeSet, is_held_out, load_strokes, resample

__all__ = [
    "Pack",
    "Resampled",
    "StrokeSet",
    "is_held_out",
    "load_emnist",
    "load_idx",
    "load_letters",
    "load_mnist",
    "load_pack",
    "load_strokes",
    "load_usps",
    "resample",
]
