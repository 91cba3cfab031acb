// Puts the page together, and opens the line to the server.

import { begin, live } from "./api.js";
import { byId, el, keep } from "./dom.js";
import { calibrationCard } from "./calibration_card.js";
import { drawBar, factsLine } from "./draw_bar.js";
import { machineSide } from "./machine_side.js";
import { notices } from "./notices.js";
import { pictureSide } from "./picture_side.js";
import { Stage } from "./stage.js";
import { state, tell } from "./store.js";
import { Timeline } from "./timeline.js";
import { W } from "./words.js";

/** On a narrow page one side is shown at a time. */
function tabs() {
  const sides = { picture: ["picture-side", W.picture_side], machine: ["machine-side", W.machine_side] };
  const choose = (name) => {
    document.body.dataset.tab = name;
    for (const tab of byId("tabs").children) {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
      tab.tabIndex = tab.dataset.tab === name ? 0 : -1;
    }
    keep("tab", name);
  };
  byId("tabs").append(...Object.entries(sides).map(([name, [id, words]]) =>
    el("button", { type: "button", role: "tab", "aria-controls": id, "data-tab": name, onclick: () => choose(name) }, words)));
  byId("tabs").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const next = document.body.dataset.tab === "picture" ? "machine" : "picture";
    choose(next);
    byId("tabs").querySelector(`[data-tab=${next}]`).focus();
  });
  choose(keep("tab") === "machine" ? "machine" : "picture");
}

tabs();
notices();
const stage = new Stage();
const timeline = new Timeline(stage);
pictureSide(stage);
machineSide(stage);
calibrationCard(drawBar());
factsLine();
// For measurements and tests: what is on the paper, and when.
globalThis.studio = {
  stage, timeline,
  get live() { return state.connected; },
};
begin().catch((error) => tell("error", error.message)).then(live);
