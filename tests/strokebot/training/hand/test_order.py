"""Learning order and direction: truths of drawn strokes, the network, and a training of seconds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strokebot.errors import ConfigError, WeightsError
from strokebot.hand.policy import load_policy
from strokebot.training.data.strokes import load_strokes
from strokebot.training.hand.corpus import Corpus, is_validation, training_part, validation_part
from strokebot.training.hand.drawings import (
    FILE,
    VALIDATION_FILE,
    draw_corpus,
    load_drawings,
    save_drawings,
    truths,
)
from strokebot.training.hand.drawings import main as drawings_main
from strokebot.training.hand.export import load_order
from strokebot.training.hand.order import (
    OrderTrainer,
    TrueStrokes,
    collate,
    drawn_example,
    figures,
)
from strokebot.training.hand.order import main as order_main
from strokebot.training.hand.order_network import OrderConfig, OrderNet, build_order, order_loss

SMALL = OrderConfig(width=16, blocks=1, heads=2, pair=8)


@pytest.fixture(scope="module")
def drawn(folder, tmp_path_factory):
    """A data folder with drawings, those for choosing too."""
    place = tmp_path_factory.mktemp("drawn")
    (place / "unipen_words.npz").write_bytes((folder / "unipen_words.npz").read_bytes())
    found = draw_corpus(Corpus(folder, {"unipen_words": 1.0}), load_policy(), 12, np.random.default_rng(0))
    save_drawings(place / FILE, found)
    save_drawings(place / VALIDATION_FILE, found)
    return place


def line(*corners):
    return np.array(corners, float)


def test_truths_of_strokes_drawn_alike_backwards_cut_and_beside():
    ways = [line((0, 0), (60, 0)), line((0, 40), (60, 40)), line((30, 60), (30, 60))]
    strokes = [
        line((60, 41), (0, 41)),
        line((30, 0.5), (60, 0.5)),
        line((0, 0), (30, 0)),
        line((30, 60), (30, 60)),
        line((0, 90), (60, 90)),
        line((30, -30), (30, 30)),
    ]
    when, forward, whole = truths(strokes, ways)
    assert np.argsort(when[:4]).tolist() == [2, 1, 0, 3]
    assert forward[:4] == pytest.approx([-1, 1, 1, 0])
    assert forward[4] == 0
    assert np.isnan(when[4:]).all()  # beside the ways, and across one
    assert whole.tolist() == [1, 0, 0, 1, 0, 0]


def test_a_stroke_over_its_own_line_counts_where_it_was_written_first():
    ways = [line((0, 0), (60, 0), (0, 0), (0, 60))]
    when, forward, _ = truths([line((0, 60), (0, 0)), line((0, 0), (60, 0))], ways)
    assert when[1] < when[0]
    assert forward == pytest.approx([-1, 1], abs=0.1)


def test_drawings_are_repeatable_and_come_back_from_their_file(drawn, folder):
    kept = load_drawings(drawn)
    again = draw_corpus(Corpus(folder, {"unipen_words": 1.0}), load_policy(), 12, np.random.default_rng(0))
    assert len(kept) == 12
    for name in ("points", "length", "when", "forward", "whole", "start", "style"):
        assert np.array_equal(getattr(kept, name), getattr(again, name), equal_nan=True)
    assert kept.start[-1] == len(kept.when) == len(kept.points)
    assert np.isfinite(kept.when).mean() > 0.8
    assert (np.abs(kept.forward) > 0.3).mean() > 0.8


def test_what_is_kept_for_choosing_is_never_learned_from(folder):
    strokes = load_strokes(folder, "unipen_words")
    one, other = training_part(strokes), validation_part(strokes)
    assert not set(one.writer) & set(other.writer)
    names = [f"character/{chr(0x4E00 + k)}" for k in range(2000)]
    assert np.mean([is_validation(n) for n in names]) == pytest.approx(0.05, abs=0.02)


@given(st.integers(0, 2**16), st.integers(1, 9))
def test_pairs_are_antisymmetric_and_padding_changes_nothing(seed, count):
    torch.manual_seed(seed)
    network = OrderNet(SMALL).eval()
    # As trained: the last layers of blocks begin at nothing.
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    points, told = torch.randn(1, count, 12, 2), torch.rand(1, count, 5)
    there = torch.ones(1, count)
    with torch.inference_mode():
        before, forward, whole = network(points, told, there)
        more = [torch.cat([v, torch.full((1, 3, *v.shape[2:]), fill)], dim=1)
                for v, fill in ((points, 0.7), (told, 0.3), (there, 0.0))]  # fmt: skip
        padded, padded_forward, padded_whole = network(*more)
    assert before.numpy() == pytest.approx(-before.transpose(1, 2).numpy(), abs=1e-5)
    assert padded[:, :count, :count].numpy() == pytest.approx(before.numpy(), abs=1e-4)
    for padded_one, one in ((padded_forward, forward), (padded_whole, whole)):
        assert padded_one[:, :count].numpy() == pytest.approx(one.numpy(), abs=1e-4)


def test_the_loss_counts_what_has_a_truth_alone():
    there = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    when = torch.tensor([[2.0, 1.0, torch.nan, 0.0]])
    forward, whole = torch.tensor([[1.0, -0.9, 0.1, 1.0]]), torch.tensor([[1.0, 0.0, torch.nan, 1.0]])
    right = torch.zeros(1, 4, 4)
    right[0, 1, 0], right[0, 0, 1] = 9.0, -9.0
    way, entire = torch.tensor([[9.0, -9.0, 5.0, -50.0]]), torch.tensor([[9.0, -9.0, 7.0, -50.0]])
    terms = order_loss((right, way, entire), there, when, forward, whole)
    assert sum(terms.values()) < 1e-3
    wrong = order_loss((-right, -way, -entire), there, when, forward, whole)
    assert [float(wrong[k]) for k in ("order", "direction")] == pytest.approx([9.0, 9.0], abs=0.01)
    assert float(wrong["whole"]) > 1.0


def test_it_learns_is_saved_exported_and_read_again(drawn, tmp_path):
    trainer = OrderTrainer(OrderConfig(32, 2, 4, 16), drawn, seed=1)
    losses = [sum(trainer.step(0.0).values()) for _ in range(60)]
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])
    true = TrueStrokes([load_strokes(drawn, "unipen_words")], [1.0])
    rng = np.random.default_rng(5)
    trainer.averaged.load_state_dict(trainer.network.state_dict())
    tau, right = figures(trainer.averaged, [true.example(rng) for _ in range(60)])
    assert tau > 0.6
    assert right > 0.7
    trainer.save(tmp_path)
    network, card = load_order(tmp_path / "hand-order.safetensors")
    assert card.data["unipen_words"].startswith("CC BY 4.0")
    assert card.training["steps_done"] == 60
    example = true.example(rng)
    ours = trainer.averaged.eval()(*collate([example])[:3])
    for a, b in zip(network(*collate([example])[:3]), ours, strict=True):
        assert a.detach().numpy() == pytest.approx(b.detach().numpy(), abs=0.05)


def test_it_is_trained_from_the_command_and_then_orders(drawn, tmp_path, capsys):
    out = tmp_path / "out"
    assert order_main(["--data", str(drawn), "--out", str(out), "--minutes", "0.005"]) == 0
    for name in ("hand-pen", "hand-eye"):
        from strokebot.hand.policy import shipped_policy

        for end in ("onnx", "json"):
            (out / f"{name}.{end}").write_bytes((shipped_policy() / f"{name}.{end}").read_bytes())
    policy = load_policy(out)
    network, _ = load_order(out / "hand-order.safetensors")
    example = drawn_example(load_drawings(drawn), 0)
    with torch.inference_mode():
        wanted = network(*collate([example])[:3])
    for a, b in zip(policy.order(example.points, example.told), wanted, strict=True):
        assert a == pytest.approx(b[0].numpy(), abs=1e-3)
    assert order_main(["--data", str(tmp_path), "--out", str(out)]) == 1
    assert "drawings" in capsys.readouterr().err
    assert drawings_main(["--data", str(tmp_path), "--pictures", "2"]) == 1
    (out / "hand-order.onnx").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="differs"):
        load_policy(out)


def test_a_damaged_architecture_is_named():
    with pytest.raises(ConfigError, match="hand-pen"):
        build_order({"kind": "hand-pen"})
    with pytest.raises(ConfigError, match="damaged"):
        build_order({"kind": "hand-order", "height": 3})
