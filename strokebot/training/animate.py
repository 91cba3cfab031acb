"""Shows a gesture as a still, a GIF or an animated SVG, and a training as a GIF.

The pen of an animation moves in steps of equal arc length, lifted parts included, so that
a long line takes longer than a short one. A training is shown by the drawings of one fixed
batch at several moments: *snapshots*, which a training writes as it goes.

    python -m strokebot.training.animate FILE.json OUT.png|OUT.gif|OUT.svg     a gesture
    python -m strokebot.training.animate FILE.snapshots.npz OUT.gif            a training
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from strokebot.arrays import frozen_array
from strokebot.errors import DataError, GestureError, StrokebotError
from strokebot.files import write_atomic
from strokebot.gesture import LIFT_THRESHOLD, Gesture
from strokebot.raster import draw_ink, segments_down
from strokebot.training import metrics
from strokebot.training.data.ragged import read_npz
from strokebot.training.sheets import colour_at, ink_panel, save_picture

# Frames of one drawing and how long each is shown; the last one stays.
FRAMES = 40
_FRAME_MS = 50
_LAST_MS = 1200
_SIDE_PX = 280
_PEN_PX = 4
_PEN_COLOUR = (225, 70, 70)
# Seconds that an animated SVG takes to draw.
_SVG_DURATION_S = 2.5
_SVG_SIDE = 280
_TRAINING_MS = 220
_CAPTION_PX = 16
_TRAINING_ZOOM = 2
_DPI = 120


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Gestures of one fixed batch of B images at E moments of a training.

    Attributes:
        images: (B, H, W) originals, ink.
        at: (E,) steps of the training, ascending.
        start: (E, B, 2) canvas units.
        steps: (E, B, N, 4) canvas units.

    Raises:
        DataError: if the shapes do not fit or a value is not finite.
    """

    images: NDArray[np.float32]
    at: NDArray[np.int64]
    start: NDArray[np.float32]
    steps: NDArray[np.float32]

    def __post_init__(self) -> None:
        images = frozen_array("images", self.images, (None, None, None), DataError, dtype=np.float32)
        at = frozen_array("at", self.at, (None,), DataError, dtype=np.int64)
        e, b = len(at), len(images)
        for name, value in (
            ("images", images),
            ("at", at),
            ("start", frozen_array("start", self.start, (e, b, 2), DataError, dtype=np.float32)),
            ("steps", frozen_array("steps", self.steps, (e, b, None, 4), DataError, dtype=np.float32)),
        ):
            object.__setattr__(self, name, value)
        if e == 0 or b == 0:
            raise DataError("Snapshots need at least one moment and one image.")

    def save(self, path: Path) -> None:
        """Writes the snapshots as .npz."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, images=self.images, step=self.at, start=self.start, steps=self.steps)
        write_atomic(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Snapshots:
        """Reads snapshots.

        Raises:
            DataError: if the file is missing, damaged or not of snapshots.
        """
        arrays = read_npz(path, ("images", "step", "start", "steps"))
        return cls(arrays["images"], arrays["step"], arrays["start"], arrays["steps"])  # type: ignore[arg-type]


def partial(gesture: Gesture, share: float) -> Gesture:
    """The first part of a gesture, by arc length; share in [0, 1] (0 leaves its first point)."""
    points = gesture.positions
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*gesture.velocity.T))])
    wanted = float(np.clip(share, 0.0, 1.0)) * along[-1]
    if share >= 1.0 or len(gesture) == 1:
        return gesture
    k = int(np.searchsorted(along, wanted, side="right")) - 1
    step = along[k + 1] - along[k]
    t = (wanted - along[k]) / step if step > 0 else 0.0
    table = np.column_stack([points, gesture.size, gesture.intensity])
    end = table[k] + t * (table[k + 1] - table[k])
    # A segment is drawn only if both of its ends are down: half a lift must not become ink.
    if min(table[k, 3], table[k + 1, 3]) < LIFT_THRESHOLD:
        end[3] = min(end[3], np.nextafter(LIFT_THRESHOLD, 0))
    kept = np.vstack([table[: k + 1], end])
    return Gesture.from_positions(kept[:, :2], kept[:, 2], kept[:, 3])


def draw(gesture: Gesture, side_px: int) -> NDArray[np.float32]:
    """Draws a gesture with the independent rasteriser: (side, side) ink."""
    return draw_ink(
        gesture.positions * side_px,
        gesture.size * side_px,
        gesture.intensity,
        segments_down(gesture.pen_down),
        (side_px, side_px),
    )


def gesture_still(gesture: Gesture, image: NDArray[np.float32] | None = None) -> Image.Image:
    """One picture of a gesture: its track in time, its drawing, its size and its intensity.

    Args:
        gesture: the gesture.
        image: (H, W) the original, shown faintly under the track, or None.
    """
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 3)
    track = figure.add_subplot(grid[:, 0], title="track")
    ink = figure.add_subplot(grid[:, 1], title="drawing")
    size = figure.add_subplot(grid[0, 2], ylabel="size")
    intensity = figure.add_subplot(grid[1, 2], ylabel="intensity", xlabel="point")
    points, n = gesture.positions, len(gesture)
    if image is not None:
        track.imshow(image, cmap="Greys", vmin=0, vmax=3, extent=_extent(image))
    if n > 1:
        pieces = np.stack([points[:-1], points[1:]], axis=1)
        down = gesture.pen_down[1:] & gesture.pen_down[:-1]
        colours = np.array([colour_at(k / max(n - 2, 1)) for k in range(n - 1)]) / 255
        track.add_collection(LineCollection(list(pieces[down]), colors=colours[down], linewidths=2.5))
        lifted = LineCollection(list(pieces[~down]), colors="tab:red", linewidths=1, linestyles="dotted")
        track.add_collection(lifted)
    marks = np.arange(n) / max(n - 1, 1)
    track.scatter(points[:, 0], points[:, 1], c=marks, cmap="viridis", s=9, zorder=3)
    track.plot(points[:1, 0], points[:1, 1], marker="o", color="black", fillstyle="none", markersize=10)
    ink.imshow(draw(gesture, _SIDE_PX), cmap="Greys", vmin=0, vmax=1, extent=(0, 1, 1, 0))
    for axes in (track, ink):
        axes.set(xlim=(0, 1), ylim=(1, 0), aspect="equal", xticks=[], yticks=[])
    size.plot(gesture.size, color="tab:blue", drawstyle="steps-mid")
    size.set_ylim(bottom=0)
    intensity.plot(gesture.intensity, color="tab:orange", drawstyle="steps-mid")
    intensity.axhline(LIFT_THRESHOLD, color="grey", linestyle="dotted", linewidth=1)
    intensity.set_ylim(-0.05, 1.05)
    figure.set_dpi(_DPI)
    canvas.draw()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())  # type: ignore[no-untyped-call]


def _extent(image: NDArray[np.float32]) -> tuple[float, float, float, float]:
    height, width = image.shape
    return 0.0, width / max(image.shape), height / max(image.shape), 0.0


def gesture_frames(gesture: Gesture, frames: int = FRAMES, side_px: int = _SIDE_PX) -> list[Image.Image]:
    """The frames of a gesture being drawn, the pen as a dot (hollow while lifted), the last without.

    Raises:
        GestureError: if there are fewer than 2 frames.
    """
    if frames < 2:
        raise GestureError(f"An animation needs at least 2 frames, not {frames}.")
    pictures = []
    for k in range(frames):
        part = partial(gesture, k / (frames - 1))
        picture = ink_panel(draw(part, side_px), 1)
        if k < frames - 1:
            x, y = part.positions[-1] * side_px
            box = [x - _PEN_PX, y - _PEN_PX, x + _PEN_PX, y + _PEN_PX]
            down = part.intensity[-1] >= LIFT_THRESHOLD
            ImageDraw.Draw(picture).ellipse(box, fill=_PEN_COLOUR if down else None, outline=_PEN_COLOUR)
        pictures.append(picture)
    return pictures


def save_gif(frames: Sequence[Image.Image], path: Path, frame_ms: int = _FRAME_MS) -> None:
    """Writes frames as a GIF that repeats; the last frame stays longer."""
    buffer = io.BytesIO()
    durations = [frame_ms] * (len(frames) - 1) + [_LAST_MS]
    first, *rest = [frame.quantize(64) for frame in frames]
    first.save(
        buffer, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0, optimize=False
    )
    write_atomic(path, buffer.getvalue())


def gesture_svg(gesture: Gesture, duration_s: float = _SVG_DURATION_S) -> str:
    """An animated SVG: the drawn segments appear one after another as the pen passes, once.

    Args:
        gesture: the gesture.
        duration_s: seconds for the whole way, lifted parts included.
    """
    points = gesture.positions * _SVG_SIDE
    length = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(length)])
    scale = duration_s / along[-1] if along[-1] > 0 else 0.0
    down = segments_down(gesture.pen_down)
    rows = []
    for k in range(1, len(gesture)):
        if not down[k]:
            continue
        (x0, y0), (x1, y1) = points[k - 1], points[k]
        width = _SVG_SIDE * (gesture.size[k - 1] + gesture.size[k]) / 2
        ink = (gesture.intensity[k - 1] + gesture.intensity[k]) / 2
        begin, span = along[k - 1] * scale, max(length[k - 1] * scale, 1e-3)
        when = f'begin="{begin:.3f}s" dur="{span:.3f}s"'
        # Hidden until its time comes, not shown from then on: a viewer that does not move shows all.
        hidden = (
            f'<set attributeName="visibility" to="hidden" begin="0s" dur="{begin:.3f}s"/>'
            if begin > 0
            else ""
        )
        rows.append(
            f'<line x1="{x0:.2f}" y1="{y0:.2f}" x2="{x1:.2f}" y2="{y1:.2f}" stroke-width="{width:.2f}"'
            f' stroke-opacity="{ink:.3f}">{hidden}'
            f'<animate attributeName="x2" from="{x0:.2f}" to="{x1:.2f}" {when}/>'
            f'<animate attributeName="y2" from="{y0:.2f}" to="{y1:.2f}" {when}/>'
            "</line>"
        )
    body = "\n".join(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SVG_SIDE} {_SVG_SIDE}">\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        f'<g stroke="black" stroke-linecap="round">\n{body}\n</g>\n</svg>\n'
    )


def training_frames(snapshots: Snapshots, columns: int = 8) -> list[Image.Image]:
    """One frame a moment: each original above its drawing, and the step of the training."""
    side = max(snapshots.images.shape[1:]) * _TRAINING_ZOOM
    b = len(snapshots.images)
    columns = min(columns, b)
    rows = -(-b // columns)
    frames = []
    for at, start, steps in zip(snapshots.at, snapshots.start, snapshots.steps, strict=True):
        drawn = metrics.raster(start, steps)
        frame = Image.new("RGB", (columns * side, rows * (2 * side + 4) + _CAPTION_PX), (232, 232, 228))
        for i in range(b):
            x, y = (i % columns) * side, (i // columns) * (2 * side + 4)
            frame.paste(ink_panel(snapshots.images[i], _TRAINING_ZOOM), (x, y))
            frame.paste(ink_panel(drawn[i], _TRAINING_ZOOM), (x, y + side))
        ImageDraw.Draw(frame).text((4, frame.height - _CAPTION_PX + 2), f"step {int(at)}", fill=(20, 20, 20))
        frames.append(frame)
    return frames


def save_training(snapshots: Snapshots, path: Path) -> None:
    """Writes a training as a GIF."""
    save_gif(training_frames(snapshots), path, _TRAINING_MS)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m strokebot.training.animate")
    parser.add_argument("file", type=Path, help="gesture.json, or the .snapshots.npz of a training")
    parser.add_argument("out", type=Path, help=".gif; for a gesture also .png or .svg")
    options = parser.parse_args(arguments)
    kind = (options.file.suffix, options.out.suffix)
    try:
        if kind == (".npz", ".gif"):
            save_training(Snapshots.load(options.file), options.out)
        elif kind == (".json", ".gif"):
            save_gif(gesture_frames(Gesture.load(options.file)), options.out)
        elif kind == (".json", ".svg"):
            write_atomic(options.out, gesture_svg(Gesture.load(options.file)).encode())
        elif kind == (".json", ".png"):
            save_picture(gesture_still(Gesture.load(options.file)), options.out)
        else:
            raise DataError(
                f"Cannot turn {options.file.name} into {options.out.name}; see --help for what can be."
            )
    except StrokebotError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
