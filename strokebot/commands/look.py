"""``strokebot look``: what is seen in a picture, without planning a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strokebot.commands.common import OUT_ROOT, OutOption, QuietOption, needs, say
from strokebot.modes import InkSide
from strokebot.options import read_crop

LOOK_FILE = "look.png"
# A larger picture is looked at reduced: the figure shows no more, and the answer comes at once.
MOST_PIXELS = 3_000_000


def look(
    image: Annotated[Path, typer.Argument(help="The picture: PNG, JPEG, WebP, BMP, GIF, TIFF, PPM.")],
    ink: Annotated[
        InkSide, typer.Option("--ink", help="What is ink: darker, lighter, or any other colour.")
    ] = "auto",
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", min=0.01, max=0.99, help="Darkness from which a pixel is ink."),
    ] = None,
    crop: Annotated[str | None, typer.Option("--crop", help="Only this part, X,Y,W,H in px.")] = None,
    keep_rules: Annotated[
        bool, typer.Option("--keep-rules", help="Printed lines or dots of the paper are ink.")
    ] = False,
    keep_perspective: Annotated[
        bool, typer.Option("--keep-perspective", help="A sheet seen at an angle stays as it is in the photo.")
    ] = False,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
) -> None:
    """Show what is taken for ink, paper and area in a picture.

    Writes look.png into strokebot-out/NAME: the picture beside what is seen in it.
    """
    needs("PIL", "scipy", "skimage")
    from strokebot.files import require_writable, write_atomic
    from strokebot.picture.image import load_ink_image
    from strokebot.picture.see import SeeOptions
    from strokebot.picture.shown import look_figure
    from strokebot.tone.detect import choose_style
    from strokebot.wording import printable

    try:
        window = None if crop is None else read_crop(crop)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--crop") from None
    folder = out_dir or OUT_ROOT / image.stem
    require_writable(folder)
    options = SeeOptions(ink, threshold, keep_rules, keep_perspective)
    seen = load_ink_image(image, options=options, crop_px=window, reduce_to=MOST_PIXELS)
    style = choose_style(seen)
    sight = seen.sight
    assert sight is not None
    name = printable(image.name)
    reduced = "" if seen.reduced == 1 else f" (1/{seen.reduced} of the file's)"
    lines = [
        f"{seen.width} x {seen.height} px{reduced}, {seen.polarity}, drawn in {style.style}: {style.reason}",
        "seen: " + ("; ".join(sight.notes) or "ink on plain paper"),
        f"ink {float((seen.ink >= 0.5).mean()):.1%} of the picture, areas {sight.area_share:.1%}, "
        f"left out as noise: {sight.speck_count}",
    ]
    write_atomic(folder / LOOK_FILE, look_figure(seen, name, lines))
    say(name, quiet)
    for line in lines:
        say(f"  {line}", quiet)
    say(f"  {folder / LOOK_FILE}", quiet)
