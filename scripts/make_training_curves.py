"""Draws the training curves of docs/model.md from the logs in docs/training."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parent.parent / "docs"
TERMS = {
    "pixel": "pixel loss (log)",
    "order": "order loss",
    "length": "path, canvas units",
    "lifts": "sum |da|",
}


def main() -> None:
    """Reads every log and writes docs/images/training.png."""
    figure = Figure(figsize=(10, 2.8), layout="constrained")
    axes = figure.subplots(1, len(TERMS))
    for log in sorted((DOCS / "training").glob("*.log.jsonl")):
        rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        for axis, (term, title) in zip(axes, TERMS.items(), strict=True):
            axis.plot([r["step"] for r in rows], [r[term] for r in rows], label=log.name.split(".")[0], lw=1)
            axis.set_title(title, fontsize=9)
            axis.set_xlabel("step", fontsize=8)
            axis.tick_params(labelsize=7)
            if "log" in title:
                axis.set_yscale("log")
    axes[0].legend(fontsize=7)
    figure.savefig(DOCS / "images" / "training.png", dpi=150)


if __name__ == "__main__":
    main()
