// The calibration as a walk: a chart is drawn, its sheet photographed, measured, fitted, saved; and taken back.

import { ask, inTurn, Refused, tryAsk } from "./api.js";
import { byId, el, fill, fold } from "./dom.js";
import { drawNow } from "./draw_bar.js";
import { number } from "./format.js";
import { job, mine, on, set, state, tell } from "./store.js";
import { W } from "./words.js";

// How many steps of the walk are behind a person.
const BEHIND = { none: 0, chart: 0, measured: 2, fitted: 3 };

/** Asks for a step, and takes the walk as it is then. */
async function step(path, body = {}) {
  const answer = await tryAsk(`/api/calibration/${path}`, body);
  if (answer?.calibration) set({ calibration: answer.calibration });
}

async function photograph(file) {
  if (!file) return;
  const form = new FormData();
  form.append("photo", file, file.name || "photo.jpg");
  try {
    const answer = await ask("/api/calibration/photo", form);
    if (answer?.calibration) set({ calibration: answer.calibration });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell("error", error.message);
  }
}

export function calibrationCard(say) {
  const body = el("div", { class: "stack" });
  byId("machine-side").append(fold("calibration", W.calibration, false, body));
  on("calibration control machine recipe", () => {
    const walk = state.calibration;
    const free = mine() && !job() && !walk?.working;
    fill(body, [walk, free, state.recipe.profile], () => (walk ? steps(walk, free) : []));
  });

  function button(id, words, act, free, main = false) {
    return el("button", { type: "button", id: `calibration-${id}`, "data-key": id, class: main ? "main" : "", disabled: !free, onclick: act }, words);
  }

  function steps(walk, free) {
    const behind = BEHIND[walk.step];
    const begun = walk.step !== "none";
    const picture = (name, words) => {
      const src = `/api/calibration/${name}.png?version=${walk.version}`;
      return el("a", { href: src, target: "_blank", title: W.picture_large }, el("img", { class: "seen", alt: words, src }));
    };
    return [
      el("ol", { class: "walk" }, W.calibration_steps.map((words, k) =>
        el("li", { "aria-current": k === behind ? "step" : undefined, class: k < behind ? "done" : "" }, words))),
      walk.working ? el("p", { role: "status" }, W.calibration_working) : null,
      ...walk.words.map((words) => el("p", { class: "hint" }, words)),
      walk.step === "chart" ? [picture(walk.printed ? "fiducials" : "chart", W.chart_alt), el("p", { class: "hint" }, W.chart_hint(walk.printed))] : null,
      walk.step === "measured" ? picture("overlay", W.overlay_alt) : null,
      walk.step === "fitted" ? [picture("fit", W.fit_alt), numbers(walk)] : null,
      begun ? el("div", { class: "row" },
        button("draw", W.chart_draw, () => drawNow(["/api/calibration/prepare", {}], say), free, walk.step === "chart"),
        chooser(free),
        button("simulate", W.chart_simulate, () => step("simulate"), free)) : null,
      behind >= 2 ? fitRow(walk, free) : null,
      walk.can_undo ? button("undo", W.calibration_undo, () => step("undo"), free) : null,
      beginRow(begun, free),
    ];
  }

  function chooser(free) {
    const input = el("input", { type: "file", accept: "image/*", id: "calibration-photo", class: "unseen", disabled: !free,
      onchange: () => photograph(input.files[0]) });
    return [input, el("label", { for: input.id, class: "button" }, W.chart_photo)];
  }

  function fitRow(walk, free) {
    const name = el("input", { type: "text", id: "calibration-name", placeholder: walk.profile, "aria-label": W.save_as, "data-key": "name" });
    return el("div", { class: "stack" },
      el("label", { for: name.id, class: "named" }, el("span", {}, W.save_as), name),
      button("fit", W.fit, () => step("fit", { save_as: name.value.trim() || null }), free, walk.step === "measured"));
  }

  function beginRow(begun, free) {
    const begin = (what, printed) => inTurn(() => step("begin", { what, printed }));
    return el("div", { class: "row" },
      button("pen", begun ? W.chart_pen_again : W.chart_pen, () => begin("pen", false), free, !begun),
      button("geometry", W.chart_geometry, () => begin("geometry", false), free),
      button("printed", W.chart_printed, () => begin("geometry", true), free));
  }
}

/** What the fit has changed, before and after. */
function numbers({ before, after }) {
  if (!before || !after) return null;
  const text = (value) => (Array.isArray(value) ? value.map((each) => number(each, 4)).join(", ") : typeof value === "number" ? number(value, 3) : value || "–");
  return el("table", { class: "numbers-table" },
    el("thead", {}, el("tr", {}, ["", W.before, W.after].map((words) => el("th", { scope: "col" }, words)))),
    el("tbody", {}, Object.keys(W.fit_names).filter((name) => text(before[name]) !== text(after[name]))
      .map((name) => el("tr", {}, el("th", { scope: "row" }, W.fit_names[name]), el("td", {}, text(before[name])), el("td", {}, text(after[name]))))));
}
