"""``strokebot styles`` and ``animate``: a picture in every style, and a drawing as it comes into being."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strokebot.commands.choices import takes_draw_options
from strokebot.commands.common import (
    OUT_ROOT,
    OutOption,
    ProfileOption,
    QuietOption,
    needs,
    progress_bar,
    say,
)
from strokebot.options import DrawOptions
from strokebot.wording import count_text, duration_text, length_text, printable


@takes_draw_options
def styles(
    image: Annotated[Path, typer.Argument(help="The picture.")],
    *,
    out_dir: OutOption = None,
    options: DrawOptions,
    quiet: QuietOption = False,
) -> None:
    """Draw a picture in every style on one sheet, each with its time and metres of ink.

    The styles are drawn without the fit to the picture, so that it is quick; the other options hold
    for all of them.
    """
    needs("PIL", "scipy")
    from strokebot import plots
    from strokebot.files import require_writable, write_atomic
    from strokebot.plots.contact_sheet import FINENESS_PX, contact_sheet
    from strokebot.styles import Style, draw_samples

    folder = out_dir or OUT_ROOT / image.stem
    require_writable(folder)
    panels = []
    with progress_bar(image.name, quiet) as advance:

        def progress(style: Style, share: float) -> None:
            advance(share, 1.0, f"{image.name}: {style.name}")

        for sample in draw_samples(image, options, progress):
            if sample.result is None:
                say(f"{sample.style.name:36} not possible: {sample.reason}", quiet)
                continue
            trace, plan = sample.result.trace, sample.result.plan
            words = [duration_text(trace.duration_s), f"{length_text(trace.drawn_mm)} of ink"]
            words.append(count_text(trace.lifts, "lift"))
            say(f"{sample.style.name:36} {', '.join(words)}", quiet)
            height, width = plan.ink.height, plan.ink.width
            finer = FINENESS_PX / max(height, width)
            fine = (max(1, round(finer * height)), max(1, round(finer * width)))
            panels.append((sample.style.name, [", ".join(words)], trace.ink(plan.placement, fine)))
    sheet = folder / "styles.png"
    write_atomic(sheet, plots.png_bytes(contact_sheet(printable(image.name), panels)))
    say(f"  {sheet}", quiet)


def animate(
    file: Annotated[Path, typer.Argument(help="A G-code file, or the folder of a drawing.")],
    profile: ProfileOption = None,
    out_dir: OutOption = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.5, max=120.0, help="How long the animation runs.")
    ] = 10.0,
    width: Annotated[int, typer.Option("--width", min=50, max=2000, help="Width in pixels.")] = 600,
    quiet: QuietOption = False,
) -> None:
    """Show a drawing as it comes into being: an animated GIF, the pen as a dot."""
    needs("PIL", "scipy")
    from calibration.profile import Profile
    from firmware_bridge.gcode.sanitize import read_gcode
    from firmware_bridge.simulator import simulate_lines
    from strokebot.animation import replay_gif
    from strokebot.files import require_writable, write_atomic
    from strokebot.trace import Trace

    lines_file = file / "drawing.gcode" if file.is_dir() else file
    folder = out_dir or (file if file.is_dir() else OUT_ROOT / file.stem)
    require_writable(folder)
    loaded = Profile.load(profile)
    with progress_bar(f"animating {lines_file.name}", quiet):
        trace = Trace.recorded(simulate_lines(read_gcode(lines_file), loaded.machine), loaded)
        picture = folder / "replay.gif"
        write_atomic(picture, replay_gif(trace, seconds, width))
    say(f"{lines_file.name}: {duration_text(trace.duration_s)} of drawing in {seconds:g} s", quiet)
    say(f"  {picture}", quiet)
