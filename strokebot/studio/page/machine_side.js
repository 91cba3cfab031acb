// The machine by hand: port, state, homing, steps, pen, paper corner; and the log of what it said.

import { ask, inTurn, tryAsk } from "./api.js";
import { byId, el, fill, fold, keep, setText, show } from "./dom.js";
import { number } from "./format.js";
import { job, mine, on, set, state } from "./store.js";
import { W } from "./words.js";

const STEPS_MM = [0.1, 1, 10, 50];
const ARROWS = { ArrowUp: [0, 1, "↑"], ArrowLeft: [-1, 0, "←"], ArrowRight: [1, 0, "→"], ArrowDown: [0, -1, "↓"] };
// Lines of the log that are kept on the page: the server's file has all.
const LOG_LINES = 300;
const VIRTUAL = "sim://grbl?speed=1";

/** How the machine is, in one word for its sign. */
export function condition() {
  const machine = state.machine;
  if (!machine?.connected) return "off";
  if (machine.job) return machine.job.paused ? "held" : "drawing";
  return machine.locked || machine.place_lost ? "attention" : "ready";
}

/** What a port is called for a person. */
export const isVirtual = (url) => url?.startsWith("sim://");

/** The port that is chosen: the connected one, or the one in the list. */
export const chosenPort = () => (state.machine?.connected && state.machine.port) || byId("port")?.value || VIRTUAL;

export async function connect(port = chosenPort()) {
  const answer = await inTurn(() => tryAsk("/api/machine/connect", { port }));
  if (answer?.machine) set({ machine: answer.machine });
  if (answer) keep("port", port);
  return answer !== null;
}

export function machineSide(stage) {
  const line = byId("machine-line");
  on("machine connected", () => {
    const how = condition();
    line.dataset.state = how;
    fill(line, [how, state.machine?.sentence, state.machine?.port], () => [
      el("span", { class: "sign", "aria-hidden": "true" }, W.state_icon[how]),
      el("span", {}, state.machine?.connected ? W.machine_line(isVirtual(state.machine.port) ? W.virtual : state.machine.port, state.machine.sentence) : W.not_connected)]);
  });
  byId("machine-side").append(
    fold("machine", W.machine, true, portCard()),
    fold("hand", W.by_hand, false, handCard(stage)),
    fold("log", W.log, false, logCard()));
}

// -- port ------------------------------------------------------------------------------------------------

function portCard() {
  const select = el("select", { id: "port", onfocus: () => loadPorts() });
  const button = el("button", { type: "button", id: "connect", class: "wide" });
  const ports = { list: [{ url: VIRTUAL, label: W.the_virtual }] };
  const fillPorts = () => {
    const port = state.machine?.port;
    const list = [...ports.list];
    if (port && !list.some((each) => each.url === port)) list.push({ url: port });
    fill(select, list, () => list.map((each) => el("option", { value: each.url }, each.label ?? each.url)));
    if (state.machine?.connected && port) select.value = port;
  };
  async function loadPorts() {
    const answer = await ask("/api/ports").catch(() => null);
    if (answer?.ports.length) ports.list = answer.ports;
    const kept = select.value;
    fillPorts();
    if (kept && !state.machine?.connected) select.value = kept;
  }
  button.addEventListener("click", async () => {
    button.disabled = true;
    if (state.machine?.connected) await inTurn(() => tryAsk("/api/machine/disconnect", {}));
    else await connect();
    update();
  });
  const sentence = el("p", { id: "machine-sentence", role: "status" });
  const again = command("status", W.ask_status, "/api/machine/status");
  const home = command("home", W.home, "/api/machine/home", W.home_hint);
  const unlock = command("unlock", W.unlock, "/api/machine/unlock", W.unlock_hint);
  const acts = el("div", { class: "row" }, again, home, unlock);
  const facts = el("ul", { class: "hint" });
  const told = el("details", {}, el("summary", {}, W.machine_told), facts);
  const update = () => {
    const connected = Boolean(state.machine?.connected);
    fillPorts();
    setText(button, connected ? W.disconnect : W.connect);
    button.disabled = !mine() || Boolean(job());
    select.disabled = connected || !mine();
    setText(sentence, state.machine?.sentence || W.not_connected);
    show(acts, connected && !job());
    show(told, connected);
    fill(facts, connected ? state.machine.lines ?? [] : [], () => (connected ? state.machine.lines ?? [] : []).map((text) => el("li", {}, text)));
    unlock.classList.toggle("main", condition() === "attention");
  };
  on("machine control", update);
  fillPorts();
  loadPorts().then(() => {
    const kept = keep("port");
    if (kept && !state.machine?.connected && [...select.options].some((each) => each.value === kept)) select.value = kept;
  });
  return el("div", { class: "stack" }, el("label", { for: "port", class: "unseen" }, W.port), select, button, sentence, acts, told);
}

/** A button that asks one thing of the machine; it waits for the answer. */
function command(name, words, path, hint, body = () => ({})) {
  const made = el("button", { type: "button", id: `do-${name}`, title: hint, onclick: async () => {
    made.classList.add("waiting");
    await inTurn(() => tryAsk(path, body()));
    made.classList.remove("waiting");
  } }, words);
  on("machine control", () => (made.disabled = !mine() || !state.machine?.connected || Boolean(job())));
  return made;
}

// -- by hand -----------------------------------------------------------------------------------------------

function handCard(stage) {
  let step_mm = 10;
  const steps = el("div", { class: "segments", role: "group", "aria-label": W.jog_by }, STEPS_MM.map((mm) => {
    const radio = el("input", { type: "radio", name: "jog-step", id: `jog-step-${mm}`, value: mm, checked: mm === step_mm, onchange: () => (step_mm = mm) });
    return [radio, el("label", { for: radio.id }, `${number(mm)} mm`)];
  }));
  const step = (key) => ({ dx_mm: ARROWS[key][0] * step_mm, dy_mm: ARROWS[key][1] * step_mm });
  const pad = el("div", { class: "jog", role: "group", "aria-label": W.jog }, Object.entries(ARROWS).map(([key, [, , sign]]) => {
    const made = command(`jog-${key}`, sign, "/api/machine/jog", W.jog_names[key], () => step(key));
    made.setAttribute("aria-label", W.jog_names[key]);
    made.classList.add(key);
    return made;
  }));
  pad.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    if (mine() && state.machine?.connected && !job()) inTurn(() => tryAsk("/api/machine/jog", step(event.key)));
  });
  const go = el("button", { type: "button", id: "do-go", "aria-pressed": "false", onclick: () => stage.setGoing(!stage.going) }, W.go);
  on("going", (going) => {
    setText(go, going ? W.going : W.go);
    go.setAttribute("aria-pressed", String(going));
  });
  on("machine control", () => (go.disabled = !mine() || !state.machine?.connected || Boolean(job())));
  return el("div", { class: "stack" },
    el("div", { class: "hand" }, pad, el("div", { class: "stack" },
      command("pen-up", W.pen_up, "/api/machine/pen", undefined, () => ({ to: "up" })),
      command("pen-down", W.pen_down, "/api/machine/pen", undefined, () => ({ to: "down" })))),
    steps, go,
    command("touch-off", W.touch_off, "/api/machine/touch_off", W.touch_off_hint),
    command("frame", W.frame, "/api/machine/frame", W.frame_hint));
}

// -- log ----------------------------------------------------------------------------------------------------

function logCard() {
  const list = el("ol", { id: "log", tabIndex: 0, "aria-label": W.log });
  const none = el("p", { class: "hint" }, W.log_none);
  on("log", (lines) => {
    const low = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
    for (const text of lines) list.append(el("li", {}, String(text)));
    while (list.children.length > LOG_LINES) list.firstChild.remove();
    show(none, false);
    if (low) list.scrollTop = list.scrollHeight;
  });
  return el("div", {}, none, list);
}
