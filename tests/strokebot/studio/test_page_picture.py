"""The page before it draws: a picture is dropped, placed, looked at in time; by mouse and by keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.studio_page import (
    at_rest,
    box_on_screen,
    dragged,
    drop,
    drop_and_wait,
    opened,
    plan_number,
    wait_for_plan,
)
from tests.support.studio_server import ROOT, Served

DRAWING = ROOT / "examples" / "drawing.png"
HELLO = ROOT / "examples" / "hello.png"
# Pixels of the still canvas whose colour is neither paper nor desk nor the grey of what is to come.
_COLOURED = """() => {
  const canvas = document.getElementById("still");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let k = 0; k < data.length; k += 4) {
    const [r, g, b] = [data[k], data[k + 1], data[k + 2]];
    if (Math.max(r, g, b) - Math.min(r, g, b) > 60) count++;
  }
  return count}"""


@pytest.fixture(scope="module")
def page(chrome: Any, studio: Served) -> Iterator[Any]:
    """A page with the drawing of a bicycle planned; the tests follow each other on it."""
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    shown = opened(context, studio)
    drop_and_wait(shown, DRAWING)
    yield shown
    context.close()


def box(page: Any) -> dict[str, float]:
    found: dict[str, float] = page.evaluate("() => studio.stage.placing.box()")
    return found


def test_a_dropped_picture_becomes_a_drawing(page: Any) -> None:
    facts = page.inner_text("#facts")
    assert "drawing.png" in facts
    assert "lift" in facts
    assert page.is_enabled("#draw")
    assert page.is_hidden("#empty")
    assert page.evaluate(_COLOURED) > 2000


def test_dragging_a_corner_changes_the_size(page: Any) -> None:
    before, number = box(page), plan_number(page)
    corners = box_on_screen(page)
    start, fixed = corners[2], corners[0]
    end = [fixed[0] + 0.7 * (start[0] - fixed[0]), fixed[1] + 0.7 * (start[1] - fixed[1])]
    dragged(page, start, end)
    wait_for_plan(page, number)
    after = box(page)
    assert after["w"] == pytest.approx(0.7 * before["w"], abs=0.6)
    assert after["h"] / after["w"] == pytest.approx(before["h"] / before["w"], rel=0.01)
    assert (after["x"], after["y"]) == pytest.approx((before["x"], before["y"]), abs=0.2)
    assert float(page.input_value("#place-w")) == pytest.approx(after["w"], abs=0.06)


def test_dragging_the_drawing_and_pressing_arrows_move_it(page: Any) -> None:
    before, number = box(page), plan_number(page)
    lower_left, _, upper_right, _ = box_on_screen(page)
    middle = [(lower_left[0] + upper_right[0]) / 2, (lower_left[1] + upper_right[1]) / 2]
    scale = page.evaluate("() => studio.stage.camera.scale")
    dragged(page, middle, [middle[0] + 20 * scale, middle[1] - 30 * scale])
    number = wait_for_plan(page, number)
    after = box(page)
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((20, 30), abs=0.3)
    assert after["w"] == pytest.approx(before["w"], abs=0.1)
    page.focus("#moving")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowDown")
    # On a slow computer the two steps may be planned one after the other.
    page.wait_for_function(
        """([x, y]) => {const planned = studio.stage.placing.planned();
            return planned && Math.hypot(planned.x - x, planned.y - y) < 0.3}""",
        arg=[after["x"] - 10, after["y"] - 1],
    )
    wait_for_plan(page, number)
    assert box(page)["x"] == pytest.approx(after["x"] - 10, abs=0.2)


def test_a_step_is_not_lost_to_a_plan_that_arrives_before_it_is_sent(page: Any) -> None:
    """The path of an older plan arrives between the press of a key and the sending of its step."""
    before, number = box(page), plan_number(page)
    page.focus("#moving")
    page.evaluate(
        """() => {const {stage} = studio;
            stage.key(new KeyboardEvent("keydown", {key: "ArrowUp"}));
            stage.setPath(stage.path)}"""
    )
    wait_for_plan(page, number)
    assert box(page)["y"] - before["y"] == pytest.approx(1, abs=0.2)


def test_the_plan_lies_where_the_box_is(page: Any) -> None:
    found, lies = page.evaluate("() => [studio.stage.path.bounds, studio.stage.placing.box()]")
    slack = 1.5  # half of the widest line, and what smoothing may add
    assert found["left"] >= lies["x"] - slack
    assert found["right"] <= lies["x"] + lies["w"] + slack
    assert found["bottom"] >= lies["y"] - slack
    assert found["top"] <= lies["y"] + lies["h"] + slack


def test_the_slider_draws_it_as_the_machine_will(page: Any) -> None:
    whole = page.evaluate(_COLOURED)
    page.focus("#time-slider")
    page.keyboard.press("Home")
    page.wait_for_function("() => studio.stage.time_s === 0")
    at_rest(page)
    nothing = page.evaluate(_COLOURED)
    track = page.locator("#time-slider").bounding_box()
    page.mouse.click(track["x"] + track["width"] / 2, track["y"] + track["height"] / 2)
    page.wait_for_function("() => studio.stage.time_s > 1 && studio.stage.time_s < 1e6")
    at_rest(page)
    half = page.evaluate(_COLOURED)
    assert nothing < 0.02 * whole
    assert 0.2 * whole < half < 0.85 * whole
    assert "mm/s" in page.inner_text("#here-told")
    page.focus("#time-slider")
    page.keyboard.press("End")
    page.wait_for_function("() => studio.stage.time_s === Infinity && studio.stage.sharp")


def test_numbers_and_a_turn(page: Any) -> None:
    number = plan_number(page)
    page.fill("#place-w", "60")
    page.press("#place-w", "Enter")
    number = wait_for_plan(page, number)
    before = box(page)
    assert before["w"] == pytest.approx(60, abs=0.1)
    page.click("#turn")
    wait_for_plan(page, number)
    after = box(page)
    assert (after["w"], after["h"]) == pytest.approx((before["h"], before["w"]), abs=0.2)


def test_an_option_plans_anew_and_the_recipe_tells_it(page: Any) -> None:
    number = plan_number(page)
    page.click("#place-auto")
    number = wait_for_plan(page, number)
    seconds = page.evaluate("() => studio.stage.path.duration_s")
    page.click("#fold-motion summary")
    page.click("label[for=option-speed-fast]")
    wait_for_plan(page, number)
    assert page.evaluate("() => studio.stage.path.duration_s") < seconds
    page.click("#fold-recipe summary")
    assert "fast" in page.input_value("#recipe-text")


def test_a_second_page_watches_and_takes_the_control_over(page: Any, chrome: Any, studio: Served) -> None:
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    other = opened(context, studio)
    other.wait_for_selector("#watching:visible")
    assert other.is_disabled("#draw")
    assert other.is_disabled("#place-w")
    assert "drawing.png" in other.inner_text("#facts")
    other.click("#take-control")
    page.wait_for_selector("#watching:visible")
    other.wait_for_selector("#watching", state="hidden")
    assert other.is_enabled("#draw")
    page.click("#take-control")
    other.wait_for_selector("#watching:visible")
    page.wait_for_selector("#watching", state="hidden")
    context.close()


@pytest.mark.parametrize("kind", ["large", "broken"])
def test_a_picture_that_cannot_be_read_is_refused_and_the_one_before_stays(
    page: Any, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"{kind}.png"
    if kind == "large":  # 200 million pixels in a file of 25 kB
        Image.new("1", (20_000, 10_000)).save(file, optimize=True)
    else:
        file.write_bytes(DRAWING.read_bytes()[:700])
    drop(page, file)
    page.wait_for_selector("#error:visible")
    said = page.inner_text("#error")
    assert "Traceback" not in said
    assert ("pixels" in said or "large" in said) if kind == "large" else len(said) > 10
    page.click("#error button")
    page.wait_for_function("() => document.getElementById('stage-say').hidden")
    assert "drawing.png" in page.inner_text("#facts")


@pytest.mark.parametrize(("width", "height"), [(360, 740), (640, 400), (1280, 800)])
def test_nothing_is_cut_and_draw_is_in_reach(page: Any, width: int, height: int) -> None:
    """360 px is a phone; 640 x 400 is a screen of 1280 x 800 at a zoom of 200 %."""
    page.set_viewport_size({"width": width, "height": height})
    at_rest(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    draw = page.locator("#draw").bounding_box()
    assert draw["y"] >= 0
    assert draw["y"] + draw["height"] <= height
    assert draw["height"] >= 44
    cut = page.evaluate(
        """() => [...document.querySelectorAll("button, .button, .segments label, #facts span, .hint")]
          .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
          .map((each) => each.textContent)"""
    )
    assert cut == []


def test_everything_has_a_name_and_can_be_reached_by_keys(page: Any) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.evaluate("() => document.querySelectorAll('details').forEach((each) => (each.open = true))")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas[tabindex]")]
          .filter((each) => each.checkVisibility()
             && !(each.ariaLabel || each.title || each.textContent.trim()
             || [...(each.labels ?? [])].some((label) => label.textContent.trim())))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    reached = set()
    page.evaluate("() => document.activeElement.blur()")
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("() => document.activeElement.id"))
    assert {"draw", "moving", "time-slider", "play", "place-w", "turn", "port", "connect"} <= reached


def test_letters_stand_out_from_their_ground(page: Any) -> None:
    """Contrast of at least 4.5 to 1, as the WCAG asks for text."""
    faint = page.evaluate(
        """() => {
        const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
          .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
          .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
        const colour = (text) => text.match(/[\\d.]+/g).map(Number);
        const ground = (node) => {
          for (; node; node = node.parentElement) {
            const found = colour(getComputedStyle(node).backgroundColor);
            if (found.length < 4 || found[3] > 0.7) return found;
          }
          return [255, 255, 255];
        };
        return [...document.querySelectorAll("body *")].filter((node) =>
            node.checkVisibility() && !node.disabled
            && [...node.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim())
            && !node.closest("button:disabled, .segments, option, canvas"))
          .map((node) => {
            const letters = light(colour(getComputedStyle(node).color));
            const [a, b] = [letters, light(ground(node))].sort((x, y) => y - x);
            return [(a + 0.05) / (b + 0.05), node.textContent.trim().slice(0, 40), node.className || node.id];
          }).filter(([ratio]) => ratio < 4.5)}"""
    )
    assert faint == []
