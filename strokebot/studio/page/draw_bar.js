// Draw, and while it draws: how far it is, the hold button that is always in reach, and the drawings so far.

import { ask, inTurn, Refused, tryAsk } from "./api.js";
import { byId, el, fill, fold, setText, show } from "./dom.js";
import { length, number, percent, wholeDuration } from "./format.js";
import { chosenPort, connect, isVirtual } from "./machine_side.js";
import { rowsOf, sketch } from "./sketch.js";
import { job, mine, on, state, tell } from "./store.js";
import { W } from "./words.js";

const SPEED_STEP = 10;
const SPEED_RANGE = [10, 200];
// Drawings of the list that are shown, newest first.
const MOST_JOBS = 30;
const THUMBNAIL_PX = [128, 128];
const THUMBNAIL_PEN_MM = 0.4;

/** Asks a question in the middle of the page; answers the value of the button, or null for the first one, "not now".
 *
 * @param choices [value, words, class] of each button that agrees
 */
function choose(title, lines, choices) {
  const dialog = byId("ask");
  dialog.replaceChildren(
    el("h2", { id: "ask-title" }, title), ...lines.filter(Boolean).map((line) => el("p", {}, line)),
    el("form", { method: "dialog", class: "row end" },
      el("button", { value: "", id: "ask-no" }, W.not_now),
      choices.map(([value, words, kind]) => el("button", { value, id: `ask-${value}`, class: kind }, words))));
  dialog.setAttribute("aria-labelledby", "ask-title");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue || null), { once: true }));
}

const confirm = async (title, lines, yes, danger = false) =>
  (await choose(title, lines, [["yes", yes, danger ? "main danger" : "main"]])) === "yes";

/** Prepares with `prepare`, asks the person, and starts with the token that came back. */
export async function drawNow(prepare, say) {
  try {
    say(W.connecting);
    if (!state.machine?.connected && !(await connect())) return;
    say(W.rehearse);
    const ready = await inTurn(() => ask(...prepare));
    say("");
    if (await confirm(W.confirm_title, [ready.sentence], W.draw_now)) await ask("/api/draw/start", { confirm: ready.confirm });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell("error", error.message);
  } finally {
    say("");
  }
}

export function drawBar() {
  const bar = byId("draw-bar");
  let busy = "";
  const say = (text) => {
    busy = text;
    update();
  };
  const draw = el("button", { type: "button", id: "draw", class: "main", onclick: () => drawNow(["/api/draw/prepare", {}], say) },
    el("b", {}, W.draw), el("span", { id: "draw-on" }));
  const why = el("p", { id: "draw-why", class: "hint", role: "status" });
  const hold = el("button", { type: "button", id: "hold", class: "danger", onclick: holdNow }, el("b", {}, W.hold), el("span", {}, W.hold_hint));
  const resume = el("button", { type: "button", id: "resume", class: "main", onclick: () => tryAsk("/api/draw/resume", {}) },
    el("b", {}, W.resume), el("span", {}, W.resume_hint));
  const cancel = el("button", { type: "button", id: "cancel", onclick: async () => {
    if (await confirm(W.cancel, [W.cancel_ask], W.cancel_yes, true)) tryAsk("/api/draw/cancel", {});
  } }, W.cancel);
  const meter = el("progress", { id: "progress", max: 1, value: 0 });
  const told = el("p", { id: "progress-told", role: "status" });
  const ready = el("div", { class: "ready" }, draw, why);
  const at_work = el("div", { class: "at-work" }, meter, told, el("div", { class: "row" }, hold, resume, cancel), trims());
  bar.append(ready, at_work);

  function update() {
    const running = job();
    show(ready, !running);
    show(at_work, Boolean(running));
    if (running) {
      const share = percent(running.share);
      meter.value = running.share;
      meter.setAttribute("aria-label", share);
      const drawn = Number.isFinite(running.drawn_mm) ? W.drawn(length(running.drawn_mm)) : "";
      const left = running.paused || !Number.isFinite(running.left_s) ? "" : W.left(wholeDuration(running.left_s));
      const first = running.ending ? W.ending : running.asked ? W.asked : running.paused ? W.paused : running.kind === "frame" ? W.framing : "";
      setText(told, [first, share, drawn, left].filter(Boolean).join(" · "));
      if (running.paused) holding = false;
      hold.classList.toggle("waiting", holding);
      hold.disabled = running.ending;
      show(hold, !running.paused);
      show(resume, Boolean(running.paused));
      resume.disabled = cancel.disabled = !mine() || running.ending;
      return;
    }
    holding = false;
    const { plan, picture, planning, problem, machine } = state;
    const said = busy || (planning && !plan ? W.draw_wait : !plan ? (problem ? W.draw_problem : picture ? W.draw_wait : W.draw_none) : "");
    draw.disabled = Boolean(busy) || !plan || Boolean(planning) || !mine();
    setText(why, said);
    show(why, Boolean(said));
    const port = machine?.connected ? machine.port : chosenPort();
    const name = isVirtual(port) ? W.the_virtual : port;
    setText(byId("draw-on"), plan ? W.draw_on(name, wholeDuration(plan.summary.duration_s)) : "");
  }
  on("machine plan planning picture control problem", update);
  document.addEventListener("change", (event) => event.target.id === "port" && update());
  keys();
  update();
  jobsCard(say);
  return say;
}

let holding = false;

async function holdNow() {
  holding = true;
  byId("hold").classList.add("waiting");
  if ((await tryAsk("/api/draw/hold", {})) === null) holding = false;
}

/** Space holds and R goes on, wherever the focus is but in a text, while a machine draws. */
function keys() {
  addEventListener("keydown", (event) => {
    const running = job();
    if (!running || event.ctrlKey || event.metaKey || event.altKey) return;
    const writing = event.target.matches?.("input[type=text], input[type=number], textarea");
    if (event.key === " " && !writing) {
      event.preventDefault();
      event.stopPropagation();
      if (!running.paused && !event.repeat) holdNow();
    } else if ((event.key === "r" || event.key === "R") && !writing && running.paused && mine() && !byId("ask").open) {
      tryAsk("/api/draw/resume", {});
    }
  }, { capture: true });
  // A button with the focus is pressed when the space bar comes up again.
  addEventListener("keyup", (event) => event.key === " " && job() && event.target.matches?.("button") && event.preventDefault(), { capture: true });
}

/** Speed and height of the pen while the machine draws. */
function trims() {
  const speed = el("output", { id: "speed-now" });
  const pen = el("output", { id: "pen-trim-now" });
  const now = () => Math.round(job()?.speed_percent ?? 100);
  const put = (percent_now) => tryAsk("/api/draw/speed", { percent: Math.min(SPEED_RANGE[1], Math.max(SPEED_RANGE[0], percent_now)) });
  const trim = (steps) => tryAsk("/api/draw/pen_trim", { steps });
  const button = (id, name, sign, act) => el("button", { type: "button", id, "aria-label": name, title: name, onclick: act }, sign);
  const buttons = [
    button("slower", W.speed_slower, "−", () => put(now() - SPEED_STEP)), button("faster", W.speed_faster, "+", () => put(now() + SPEED_STEP)),
    button("pen-lower", W.pen_lower, "↓", () => trim(-1)), button("pen-higher", W.pen_higher, "↑", () => trim(1))];
  on("machine control", () => {
    const running = job();
    if (!running) return;
    setText(speed, `${now()} %`);
    const value = running.pen_trim ?? 0;
    setText(pen, `${value > 0 ? "+" : ""}${number(value, 2)}`);
    for (const each of buttons) each.disabled = !mine();
  });
  return el("div", { class: "trims", role: "group", "aria-label": W.while_drawing },
    el("span", {}, W.speed_now), buttons[0], speed, buttons[1],
    el("span", {}, W.pen_trim), buttons[2], pen, buttons[3]);
}

// -- drawings so far -------------------------------------------------------------------------------------

function jobsCard(say) {
  const list = el("ul", { id: "jobs" });
  const none = el("p", { class: "hint" }, W.jobs_none);
  byId("machine-side").append(fold("jobs", W.jobs, true, none, list));
  const thumbnails = new Map();
  on("jobs control machine", () => {
    const free = mine() && !job();
    const jobs = (state.jobs ?? []).slice(0, MOST_JOBS);
    for (const id of thumbnails.keys()) if (!jobs.some((each) => each.id === id)) thumbnails.delete(id);
    show(none, !jobs.length);
    fill(list, [jobs.map((each) => [each.id, each.where, each.done, each.drawing, each.damaged, each.share]), free], () => jobs.map((each) => el("li", {},
      thumbnail(each),
      el("div", {}, el("b", {}, each.name || each.id), el("span", {}, each.damaged ? each.reason : W.job_at(each.done, each.drawing, percent(each.share))),
        el("span", {}, [when(each.started), each.virtual ? W.the_virtual : each.port].filter(Boolean).join(" · ")),
        el("div", { class: "row" },
          !each.done && !each.damaged ? act(each, "resume", W.job_resume, free) : null,
          !each.damaged ? act(each, "again", W.job_again, free) : null,
          act(each, "delete", W.job_delete, free))))));
  });

  /** The drawing of a job; fetched once, and of a job that is being drawn when it is done. */
  function thumbnail(each) {
    if (each.damaged) return el("span", { class: "no-image" });
    if (!thumbnails.has(each.id)) {
      const holder = el("span", { class: "thumbnail" });
      thumbnails.set(each.id, holder);
      ask(`/api/jobs/${encodeURIComponent(each.id)}/thumbnail`)
        .then((answer) => holder.replaceChildren(sketch(rowsOf(answer.strokes, THUMBNAIL_PEN_MM), ...THUMBNAIL_PX)))
        .catch((error) => {
          if (!(error instanceof Refused)) throw error;
        });
    }
    return thumbnails.get(each.id);
  }

  function act(each, what, words, free) {
    return el("button", { type: "button", "data-key": `${what}-${each.id}`, disabled: !free || each.drawing, onclick: async () => {
      const path = `/api/jobs/${encodeURIComponent(each.id)}/${what}`;
      if (what === "delete") {
        if (await confirm(W.job_delete, [W.job_delete_ask(each.name)], W.job_delete, true)) tryAsk(path, {});
      } else if (what === "resume" && each.place_lost) {
        const place = await choose(W.place_lost, [W.place_lost_ask], [["here", W.place_here, ""], ["home", W.place_home, "main"]]);
        if (place) drawNow([path, { place }], say);
      } else drawNow([path, {}], say);
    } }, words);
  }
}

/** A time of the journal as this country writes it; as it stands where it is none. */
function when(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text ?? "" : time.toLocaleString(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

/** The line above the drawing: its name, size, time, length. */
export function factsLine() {
  on("plan picture", () => {
    const summary = state.plan?.summary;
    fill(byId("facts"), [state.picture?.name, summary], () => [
      el("b", {}, state.plan?.name ?? state.picture?.name ?? ""),
      ...(summary ? W.facts(summary).map((text) => el("span", {}, text)) : [])]);
  });
}
