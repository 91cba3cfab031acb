"""Makes docs/images/hello.png: picture, gesture and dry run of examples/hello.png side by side.

python scripts/make_readme_picture.py [PICTURE [OUT.png]]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from strokebot import pipeline, plots
from strokebot.files import write_atomic

ROOT = Path(__file__).resolve().parent.parent
# A README is shown some 900 px wide; twice that is sharp on dense screens.
DPI = 170


def main(arguments: list[str]) -> None:
    """Draws the picture on the virtual machine and writes the figure."""
    picture = Path(arguments[0]) if arguments else ROOT / "examples" / "hello.png"
    out = Path(arguments[1]) if len(arguments) > 1 else ROOT / "docs" / "images" / "hello.png"
    result = pipeline.draw(picture)
    with Image.open(picture) as image:
        photo = np.asarray(image.convert("RGB"))
    plan = result.plan
    figure = plots.compare_figure(photo, plan.sketch.gesture, plan.ink.ink, plan.placement, result.trace)
    write_atomic(out, plots.png_bytes(figure, DPI))
    print(f"{out}: method {plan.sketch.method}, IoU {result.fidelity['iou']:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
