// What a person must know and can act on: errors, a lost line, who holds the control, warnings with their cures.

import { change, tryAsk } from "./api.js";
import { byId, el, fill, show } from "./dom.js";
import { job, mine, on, state } from "./store.js";
import { W } from "./words.js";

// An error stays so long, unless it is closed or another one comes, ms.
const ERROR_MS = 20000;
// The line may break for a moment without a word, ms.
const PATIENCE_MS = 1200;

export function notices() {
  const holder = byId("notices");
  const offline = el("p", { class: "notice warn", hidden: true }, el("span", {}, W.offline));
  const words = el("span", {});
  const control = el("p", { class: "notice", id: "watching", hidden: true }, words,
    el("button", { type: "button", id: "take-control", onclick: () => tryAsk("/api/control/take", {}) }, W.take_control));
  const error_words = el("span", {});
  const error = el("p", { class: "notice bad", id: "error", role: "alert", hidden: true }, el("span", { "aria-hidden": "true" }, "▲"), error_words,
    el("button", { type: "button", "aria-label": W.dismiss, title: W.dismiss, onclick: () => show(error, false) }, "×"));
  holder.append(offline, control, error);

  let error_timer = 0;
  on("error", (text) => {
    if (!text) return;
    error_words.textContent = text;
    show(error, true);
    clearTimeout(error_timer);
    error_timer = setTimeout(() => show(error, false), ERROR_MS);
  });
  let timer = 0;
  on("connected", () => {
    clearTimeout(timer);
    if (state.connected) show(offline, false);
    else timer = setTimeout(() => show(offline, true), PATIENCE_MS);
  });
  on("control", () => {
    words.textContent = W.watching;
    show(control, !mine());
  });

  const list = byId("warnings");
  on("plan problem control machine", () => {
    const problem = typeof state.problem === "string" ? { text: state.problem } : state.problem;
    const told = [...(problem ? [{ ...problem, bad: true }] : []), ...(state.plan?.warnings ?? [])];
    const free = mine() && !job();
    show(list, told.length > 0 && !job());
    fill(list, [told, free], () => told.map((each) => el("p", { class: each.bad ? "bad" : "" },
      el("span", { class: "sign", "aria-hidden": "true" }, each.bad ? "▲" : "△"), el("span", {}, each.text),
      each.cure ? el("button", { type: "button", disabled: !free, onclick: () => change(each.cure.recipe ?? each.cure.patch) }, each.cure.label) : null)));
  });
}
