"""The notebooks of docs/notebooks run from the first cell to the last, and show what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch

from strokebot.gesture import Gesture

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"


def run(name: str) -> dict[str, Any]:
    """The names that a notebook leaves, after all of its code cells."""
    notebook = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []  # results are not kept: they would differ at every run
            exec(compile("".join(cell["source"]), f"{name}:{cell['id']}", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def _beside_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder from which the notebooks find the examples, without a screen."""
    (tmp_path / "examples").symlink_to(FOLDER.parents[1] / "examples")
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    mpl.use("Agg")
    yield
    plt.close("all")
    torch.set_num_threads(threads)


def test_every_notebook_has_a_test() -> None:
    assert {p.name for p in FOLDER.glob("*.ipynb")} == {"digit_to_gesture.ipynb", "finetune_letters.ipynb"}


def test_from_a_digit_to_a_gesture_and_its_gradient() -> None:
    names = run("digit_to_gesture.ipynb")
    assert names["error_by_network"] < 0.002
    assert names["losses"][-1] < 0.2 * names["losses"][0]
    # The gradient points back: against the shift of the gesture.
    back = -names["gradient"][0].sum(0)
    assert back[0] < 0
    assert isinstance(names["gesture"], Gesture)
    assert names["svg"].startswith("<?xml") or "<svg" in names["svg"]
    assert Gesture.from_stroke3(names["rows"]).lifts == names["gesture"].lifts


def test_fine_tuning_on_own_letters() -> None:
    names = run("finetune_letters.ipynb")
    assert names["after"] < 0.7 * names["before"]
    assert names["others_after"] < 1.2 * names["others_before"]
    assert names["saved"].data["own letters"] == "hello.png"
    assert Path("mine.safetensors").is_file()
