"""The drawing networks that ship: whole, what their cards say, and able to draw."""

from __future__ import annotations

import numpy as np
import pytest

from strokebot.hand.choose import raw_gesture
from strokebot.hand.draw import Rollout, draw_pictures
from strokebot.hand.order import POINTS, TOLD
from strokebot.hand.policy import (
    EYE_EXTRAS,
    EYE_NAME,
    ORDER_NAME,
    PEN_EXTRAS,
    PEN_NAME,
    load_policy,
    shipped_policy,
)
from strokebot.hand.retina import PEN_RINGS, RINGS, prepare
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink, fidelity, segments_down

# The networks, each as .safetensors and as .onnx.
MOST_BYTES = 5_000_000


def test_they_are_small_and_say_what_they_are():
    files = [f for f in shipped_policy().iterdir() if f.name.startswith("hand-")]
    assert sum(f.stat().st_size for f in files) < MOST_BYTES
    policy = load_policy()
    for card, name in zip(policy.cards, (PEN_NAME, EYE_NAME, ORDER_NAME), strict=True):
        assert card.architecture["kind"] == name
        assert card.data["unipen_words"].startswith("CC BY 4.0")
        assert card.data["kanjivg"].startswith("CC BY-SA 3.0")
        assert card.training["steps_done"] > 0
    assert policy.weights_hash.count("-") == 2


def test_torch_and_onnx_answer_alike():
    torch = pytest.importorskip("torch")
    from strokebot.training.hand.export import load_hand

    policy, rng = load_policy(), np.random.default_rng(0)
    for name, rings, extras in ((PEN_NAME, PEN_RINGS, PEN_EXTRAS), (EYE_NAME, RINGS, EYE_EXTRAS)):
        network, _ = load_hand(shipped_policy() / f"{name}.safetensors")
        look = (rng.random((9, 3, rings, 24)) < 0.2).astype(np.float32)
        told = rng.uniform(-1, 1, (9, extras)).astype(np.float32)
        answer = policy.pen(look, told) if name == PEN_NAME else policy.eye(look, told)
        with torch.inference_mode():
            wanted = network(torch.from_numpy(look), torch.from_numpy(told))
        for ours, theirs in zip(vars(answer).values(), wanted, strict=True):
            assert ours == pytest.approx(theirs.numpy(), abs=1e-4)


def test_torch_and_onnx_order_alike():
    torch = pytest.importorskip("torch")
    from strokebot.training.hand.export import load_order

    policy, rng = load_policy(), np.random.default_rng(0)
    network, _ = load_order(shipped_policy() / f"{ORDER_NAME}.safetensors")
    for count in (1, 2, 30):
        points = rng.uniform(-1, 1, (count, POINTS, 2)).astype(np.float32)
        told = rng.uniform(0, 1, (count, TOLD)).astype(np.float32)
        with torch.inference_mode():
            wanted = network(
                torch.from_numpy(points)[None], torch.from_numpy(told)[None], torch.ones(1, count)
            )
        for ours, theirs in zip(policy.order(points, told), wanted, strict=True):
            assert ours == pytest.approx(theirs[0].numpy(), abs=5e-3)


@pytest.mark.parametrize("pen_px", [2.0, 3.0, 6.0])
def test_they_draw_a_figure_of_any_width_in_few_strokes(pen_px):
    t = np.linspace(0, 2 * np.pi, 300)
    size = 28 * pen_px
    points = size * np.stack([1.15 + np.sin(2 * t + 0.7), 1.15 + np.sin(3 * t)], axis=1)
    down = np.arange(len(points)) > 0
    shape = (int(2.3 * size),) * 2
    ink = draw_ink(points, np.full(300, pen_px), np.ones(300), down, shape)
    image = InkImage(ink)
    drawing = draw_pictures([prepare(image.ink)], load_policy(), [Rollout()])[0]
    assert drawing.undrawn < 0.01
    # Straight through all of its crossings.
    assert len(drawing.strokes) <= 3
    gesture = raw_gesture(drawing, image)
    assert gesture is not None
    side = image.longer_side
    down = segments_down(gesture.pen_down)
    drawn = draw_ink(gesture.positions * side, gesture.size * side, gesture.intensity, down, shape)
    assert fidelity(image.ink, drawn)["ink_recall"] > 0.99
