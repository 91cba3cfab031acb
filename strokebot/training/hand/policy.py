"""Untrained or half-trained networks as the policy that drives pictures: torch, in this process."""

from __future__ import annotations

import numpy as np
import torch

from strokebot.hand.policy import EyeAnswer, PenAnswer, Singles
from strokebot.training.hand.networks import EyeNet, PenNet


class TorchPolicy:
    """Networks as a ``strokebot.hand.policy.Policy``.

    Args:
        pen: the pen.
        eye: the eye.
    """

    def __init__(self, pen: PenNet, eye: EyeNet) -> None:
        self._pen, self._eye = pen.eval(), eye.eval()

    def pen(self, look: Singles, extras: Singles) -> PenAnswer:
        """Answers looks (n, 3, 9, 24) with extras (n, 12)."""
        return PenAnswer(*_answer(self._pen, look, extras))

    def eye(self, look: Singles, extras: Singles) -> EyeAnswer:
        """Answers looks (n, 3, 14, 24) with extras (n, 36)."""
        return EyeAnswer(*_answer(self._eye, look, extras))


def _answer(network: PenNet | EyeNet, look: Singles, extras: Singles) -> list[Singles]:
    device = next(network.parameters()).device
    with torch.inference_mode():
        given = (torch.from_numpy(np.ascontiguousarray(v, np.float32)).to(device) for v in (look, extras))
        return [answer.float().cpu().numpy() for answer in network(*given)]
