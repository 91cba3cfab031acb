"""Modules of the page against slow, obvious twins; they run in the browser."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from strokebot.wording import duration_text, length_text
from tests.support.studio_page import opened
from tests.support.studio_server import ROOT, Served


@pytest.fixture(scope="module")
def page(chrome: Any, studio: Served) -> Iterator[Any]:
    context = chrome.new_context()
    yield opened(context, studio)
    context.close()


def random_rows(points: int, seed: int) -> np.ndarray:
    """A path with lifts, changing widths and rests, as the server sends it."""
    rng = np.random.default_rng(seed)
    xy = np.cumsum(rng.normal(0, 1, (points, 2)), axis=0) + 100
    width = np.where(np.arange(points) % 37 < 30, rng.uniform(0.3, 1.2, points), 0.0)
    t = np.cumsum(rng.choice([0.0, 0.01, 0.05], points))
    return np.column_stack([xy, width, t, rng.uniform(0, 50, points), -width]).astype("<f4")


def as_text(rows: np.ndarray) -> str:
    return base64.b64encode(rows.tobytes()).decode()


_PATH = """
const {PlanPath} = await import("/page/path.js");
const path = new PlanPath(Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0)).buffer);
"""


@pytest.mark.parametrize("points", [2, 40, 5000])
def test_batches_hold_every_segment_once_at_its_width_and_colour(page: Any, points: int) -> None:
    rows = random_rows(points, points)
    found = page.evaluate(
        "async (data) => {"
        + _PATH
        + """const found = [];
        path.batches.forEach((parts, chunk) => {
          for (let k = 0; k < parts.length; k += 3)
            for (let at = parts[k + 1]; at < parts[k + 2]; at++)
              found.push([path.order[at], parts[k], path.colour(path.chunks[chunk]),
                          path.chunks[chunk] <= path.order[at] && path.order[at] < path.chunks[chunk + 1]]);
        });
        return found;}""",
        as_text(rows),
    )
    table = {segment: (level, colour) for segment, level, colour, inside in found if inside}
    assert sorted(table) == list(range(points - 1))
    assert len(found) == points - 1
    widest = rows[:, 2].max()
    for segment, (level, colour) in table.items():
        a, b = rows[segment], rows[segment + 1]
        drawn = a[2] > 0 and b[2] > 0
        assert (level > 0) == drawn
        if drawn:
            assert abs(level * widest / 12 - (a[2] + b[2]) / 2) <= widest / 12
        assert abs(colour + 0.5 - 64 * b[3] / rows[-1, 3]) <= 0.51


def test_where_the_pen_is_at_a_time(page: Any) -> None:
    rows = random_rows(400, 3)
    times = np.linspace(-0.1, float(rows[-1, 3]) + 0.1, 97)
    found = page.evaluate(
        "async ([data, times]) => {"
        + _PATH
        + """return times.map((t) => {
            const at = path.at(t); return [path.segmentsAt(t), at.x_mm, at.y_mm, at.pen]});}""",
        [as_text(rows), times.tolist()],
    )
    for t, (segments, x, y, pen) in zip(times, found, strict=True):
        assert segments == max(0, int((rows[:, 3] <= t).sum()) - 1)
        if t >= rows[-1, 3]:
            want = rows[-1]
        else:
            k = segments
            span = rows[k + 1, 3] - rows[k, 3]
            share = np.clip((t - rows[k, 3]) / span, 0, 1) if span > 0 else 0
            want = rows[k] * (1 - share) + rows[k + 1] * share
        assert (x, y, pen) == pytest.approx((want[0], want[1], want[5]), abs=1e-3)


def test_the_time_near_a_place(page: Any) -> None:
    """Against every place of a fine walk along the line; of two passes the expected one counts."""
    rows = random_rows(120, 7)
    rows[:, 3] = 0.05 * np.arange(len(rows))
    t = np.linspace(rows[10, 3], rows[60, 3], 4000)
    walk = np.column_stack([np.interp(t, rows[:, 3], rows[:, k]) for k in (0, 1)])
    rng = np.random.default_rng(8)
    asked = [
        [*walk[k] + rng.normal(0, 0.2, 2), float(t[rng.integers(len(t))])]
        for k in rng.integers(4000, size=60)
    ]
    found = page.evaluate(
        "async ([data, asked, from, to]) => {"
        + _PATH
        + "return asked.map(([x, y, expected]) => path.timeNear(x, y, from, to, expected, 1))}",
        [as_text(rows), asked, float(t[0]), float(t[-1])],
    )
    for (x, y, expected), time in zip(asked, found, strict=True):
        far = np.hypot(*(walk - (x, y)).T)
        cost = np.where(far <= 1, far + 0.3 * np.abs(t - expected), np.inf)
        assert (time is None) == (far.min() > 1)
        if time is not None:
            k = int(np.argmin(np.abs(t - time)))
            assert far[k] + 0.3 * abs(t[k] - expected) == pytest.approx(cost.min(), abs=0.03)


def test_strokes_by_batches_and_one_by_one_look_the_same(page: Any) -> None:
    """What the painter makes at once and what the page appends bit by bit are one drawing."""
    different = page.evaluate(
        "async (data) => {"
        + _PATH
        + """const {drawStrokes, sheetFor} = await import("/page/strokes.js");
        const sheet = sheetFor(
          "drawn", {colours: true, travel: false}, {scale: 4, x: -300, y: 600}, 300, 300, 1);
        const made = [[path.segments], [7, 300, 301, 900, path.segments]].map((ends) => {
          const context = new OffscreenCanvas(300, 300).getContext("2d");
          let from = 0;
          for (const end of ends) { drawStrokes(context, path, sheet, from, end); from = end; }
          return context.getImageData(0, 0, 300, 300).data;
        });
        let inked = 0, apart = 0;
        for (let k = 3; k < made[0].length; k += 4) {
          const on = [made[0][k] > 127, made[1][k] > 127];
          inked += on[0];
          apart += on[0] !== on[1];
        }
        return [inked, apart];}""",
        as_text(random_rows(1500, 5)),
    )
    inked, apart = different
    assert inked > 2000
    assert apart < 0.02 * inked


def test_times_and_lengths_read_as_on_the_command_line(page: Any) -> None:
    rng = np.random.default_rng(1)
    seconds = [0, 9.94, 9.96, 59.94, 59.96, 60, 3599.4, 3599.6, 3600, *rng.uniform(0, 20000, 200)]
    lengths = [0, 999.4, 999.6, 1000, *rng.uniform(0, 50000, 100)]
    found = page.evaluate(
        """async ([seconds, lengths]) => {
        const {duration, length} = await import("/page/format.js");
        return [seconds.map(duration), lengths.map(length)]}""",
        [[float(x) for x in seconds], [float(x) for x in lengths]],
    )
    assert found[0] == [duration_text(x) for x in seconds]
    assert found[1] == [length_text(x) for x in lengths]


def test_a_zoom_keeps_the_place_under_the_pointer(page: Any) -> None:
    far = page.evaluate(
        """async () => {
        const {Camera} = await import("/page/camera.js");
        let worst = 0;
        for (let k = 0; k < 200; k++) {
          const camera = new Camera(0.5 + k / 7, 13 * k % 400, 400 - k);
          const [px, py] = [k * 3, k * 2];
          const before = camera.toPaper(px, py);
          camera.zoom(k % 2 ? 1.3 : 0.7, px, py);
          const after = camera.toScreen(...before);
          worst = Math.max(worst, Math.hypot(after[0] - px, after[1] - py));
        }
        return worst}"""
    )
    assert far < 1e-6


def test_every_word_of_the_page_stands_in_one_module(page: Any) -> None:
    """No sentence is written where it would not be translated."""

    folder = ROOT / "strokebot" / "studio" / "page"
    markup = (folder / "index.html").read_text(encoding="utf-8")
    inside = page.evaluate(
        """(html) => {
        const made = new DOMParser().parseFromString(html, "text/html");
        return made.body.textContent.split(/\\s+/).filter(Boolean)}""",
        markup,
    )
    assert inside == ["strokebot", "studio"]
    assert "style=" not in markup
    assert "http" not in markup
