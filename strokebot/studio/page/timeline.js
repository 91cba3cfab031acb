// The time slider: draws the drawing as the machine will, with the speed and the height of the pen under it.

import { byId, el, setText, show } from "./dom.js";
import { density } from "./layer.js";
import { duration, number } from "./format.js";
import { job, on, state } from "./store.js";
import { timeColour } from "./path.js";
import { penOf } from "./stage.js";
import { W } from "./words.js";

// The slider's own steps; the keyboard goes by them too.
const STEPS = 2000;
// Half of the slider's thumb: so far its ends lie inside its box, CSS px. The same in style.css.
const INSET_PX = 8;
const CURVE_PX = 46;
const GAP_PX = 4;
// The most that a controller's buffers hold, s, and how near to the line its tool is then, mm.
const AHEAD_S = 6;
const NEAR_MM = 0.6;
const PACES = [1, 4, 16, 60];
const COLOURS = { speed: "#1b1f24", travel: "#9aa3ad", pen: "#0b7a57", limit: "#a3457f", grid: "#e3e6ea", text: "#4a5560" };

export class Timeline {
  constructor(stage) {
    this.stage = stage;
    this.path = null;
    this.t_s = Infinity;
    this.playing = false;
    this.build();
    on("path", (path) => this.setPath(path));
    on("machine", () => this.followJob());
    on("position", (message) => this.followPosition(message));
    new ResizeObserver(() => this.paintCurves()).observe(this.curve_box);
  }

  build() {
    this.slider = el("input", {
      type: "range", id: "time-slider", min: 0, max: STEPS, step: 1, value: STEPS, "aria-label": W.time_slider,
      oninput: () => this.slid(),
    });
    this.play = el("button", { type: "button", id: "play", class: "round", "aria-label": W.play, title: W.play, onclick: () => this.toggle() }, "▶");
    this.pace = el("select", { "aria-label": W.pace, title: W.pace }, PACES.map((pace) => el("option", { value: pace }, `${pace}×`)));
    this.pace.value = "4";
    this.told = el("output", { id: "time-told", for: "time-slider" });
    this.here = el("output", { id: "here-told" });
    this.curves = el("canvas", { id: "curves", role: "img" });
    this.cursor = el("div", { id: "curve-cursor" });
    this.curve_box = el("div", { id: "curve-box" }, this.curves, this.cursor);
    this.curve_box.addEventListener("pointerdown", (event) => this.pointed(event));
    this.curve_box.addEventListener("pointermove", (event) => event.buttons && this.pointed(event));
    byId("time").append(
      el("div", { class: "time-row" }, this.play, this.pace, el("div", { class: "time-words" }, this.told, this.here)),
      this.slider, this.curve_box);
    show(byId("time"), false);
  }

  setPath(path) {
    this.path = path;
    this.stop();
    show(byId("time"), Boolean(path));
    if (!path) return;
    this.curves.setAttribute("aria-label", W.curves(number(path.fastest_mm_s, 0)));
    this.paintCurves();
    this.put(Infinity);
    this.followJob();
  }

  /** Sets the time that is shown, s of the plan; Infinity for the finished drawing. */
  put(t_s, from_slider = false) {
    if (!this.path) return;
    const whole = this.path.duration_s;
    this.t_s = Math.max(0, t_s >= whole ? Infinity : t_s);
    const shown = Math.min(this.t_s, whole);
    const share = whole > 0 ? shown / whole : 1;
    if (!from_slider) this.slider.value = String(Math.round(STEPS * share));
    this.slider.setAttribute("aria-valuetext", W.time_of(duration(shown), duration(whole)));
    setText(this.told, W.time_of(duration(shown), duration(whole)));
    const pen = this.path.at(shown);
    setText(this.here, this.t_s === Infinity ? "" : W.here(number(pen.speed_mm_s, 0), number(pen.pen, 2), pen.down ? number(pen.width_mm, 2) : null));
    for (const part of [this.slider, this.cursor]) part.style.setProperty("--share", String(share));
    this.stage.setTime(this.t_s);
  }

  slid() {
    this.stop();
    const value = Number(this.slider.value);
    this.put(value >= STEPS ? Infinity : (this.path.duration_s * value) / STEPS, true);
  }

  pointed(event) {
    if (this.slider.disabled) return;
    this.stop();
    const box = this.curve_box.getBoundingClientRect();
    const share = (event.clientX - box.left - INSET_PX) / (box.width - 2 * INSET_PX);
    this.put(share * this.path.duration_s);
    event.preventDefault();
  }

  toggle() {
    if (this.playing) return this.stop();
    if (!this.path) return;
    if (this.t_s === Infinity) this.put(0);
    this.playing = true;
    this.sayPlay();
    let before = performance.now();
    const step = (now) => {
      if (!this.playing) return;
      this.put(this.t_s + (Math.min(now - before, 100) / 1000) * Number(this.pace.value));
      before = now;
      if (this.t_s === Infinity) this.stop();
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  stop() {
    this.playing = false;
    this.sayPlay();
  }

  sayPlay() {
    const name = this.playing ? W.pause_play : W.play;
    setText(this.play, this.playing ? "❚❚" : "▶");
    this.play.setAttribute("aria-label", name);
    this.play.title = name;
  }

  // -- while the machine draws: the slider follows it -------------------------------------------------

  followJob() {
    const running = job();
    // Of a drawing of the list no time in this plan is known.
    const drawing = this.path !== null && Number.isFinite(running?.t_s);
    this.slider.disabled = this.play.disabled = this.pace.disabled = drawing;
    if (drawing) {
      this.stop();
      if (!this.following) this.put(Math.min(running.t_s, this.path.duration_s - 1e-6));
    } else if (this.following) this.put(Infinity);
    this.following = drawing;
  }

  /** Shows as drawn what lies behind the tool.
   *
   * The machine's place is newer than the time that is surely drawn, by what it holds in its buffers: the line is
   * followed from there on to where the tool is.
   */
  followPosition(message) {
    if (!job() || !this.path || !Number.isFinite(message.t_s)) return;
    const now = performance.now() / 1000;
    const since = this.seen_at === undefined ? 0 : Math.min(now - this.seen_at, AHEAD_S);
    const expected = Math.max(message.t_s, (this.t_s === Infinity ? 0 : this.t_s) + (job().paused ? 0 : since));
    const found = this.path.timeNear(message.x_mm, message.y_mm, message.t_s, message.t_s + AHEAD_S, expected, NEAR_MM);
    this.seen_at = now;
    this.put(Math.min(found ?? message.t_s, this.path.duration_s - 1e-6));
  }

  // -- curves -----------------------------------------------------------------------------------------

  paintCurves() {
    const path = this.path;
    if (!path || !this.curve_box.clientWidth) return;
    const dense = density();
    const width = this.curve_box.clientWidth, height = 2 * CURVE_PX + GAP_PX;
    this.curves.width = Math.round(width * dense);
    this.curves.height = Math.round(height * dense);
    const context = this.curves.getContext("2d");
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, width, height);
    const slots = Math.max(1, Math.floor(width - 2 * INSET_PX));
    const { fastest, slowest, drawn, high, low } = this.envelope(slots);
    const pen = penOf(state.plan);
    const limit = pen.draw_speed_mm_s;
    const top = Math.max(path.fastest_mm_s, limit ?? 0, 1e-6) * 1.06;
    const speed_y = (value) => CURVE_PX - 1 - ((CURVE_PX - 2) * value) / top;
    const [least, most] = [Math.min(path.pen_range[0], pen.touch ?? Infinity), Math.max(path.pen_range[1], pen.touch ?? -Infinity)];
    const span = most - least || 1;
    // A servo may press with the greater value: the curve shows up as up.
    const upward = pen.up === undefined || pen.full === undefined || pen.up >= pen.full;
    const pen_y = (value) => {
      const share = (value - least) / span;
      return CURVE_PX + GAP_PX + 2 + (CURVE_PX - 4) * (upward ? 1 - share : share);
    };
    context.fillStyle = "#fff";
    context.fillRect(INSET_PX, 0, slots, CURVE_PX);
    context.fillRect(INSET_PX, CURVE_PX + GAP_PX, slots, CURVE_PX);
    const bar = (k, a, b) => context.rect(INSET_PX + k, Math.min(a, b) - 0.6, 1, Math.abs(a - b) + 1.2);
    for (const down of [false, true]) {
      context.beginPath();
      for (let k = 0; k < slots; k++) if (Boolean(drawn[k]) === down) bar(k, speed_y(fastest[k]), speed_y(slowest[k]));
      context.fillStyle = down ? COLOURS.speed : COLOURS.travel;
      context.fill();
    }
    context.beginPath();
    for (let k = 0; k < slots; k++) bar(k, pen_y(high[k]), pen_y(low[k]));
    context.fillStyle = COLOURS.pen;
    context.fill();
    context.setLineDash([4, 3]);
    context.strokeStyle = COLOURS.limit;
    context.lineWidth = 1;
    const line = (y) => {
      context.beginPath();
      context.moveTo(INSET_PX, y);
      context.lineTo(INSET_PX + slots, y);
      context.stroke();
    };
    if (limit) line(speed_y(limit));
    if (pen.touch !== undefined) line(pen_y(pen.touch));
    context.setLineDash([]);
    context.font = "11px system-ui, sans-serif";
    context.lineJoin = "round";
    const label = (text, y, colour) => {
      context.strokeStyle = "#fff";
      context.lineWidth = 4;
      context.strokeText(text, INSET_PX + 4, y);
      context.fillStyle = colour;
      context.fillText(text, INSET_PX + 4, y);
    };
    label(W.speed_curve(number(path.fastest_mm_s, 0), limit ? number(limit, 0) : null), 12, COLOURS.text);
    label(pen.label ?? W.pen_curve, CURVE_PX + GAP_PX + 12, COLOURS.text);
    const colours = context.createLinearGradient(INSET_PX, 0, INSET_PX + slots, 0);
    for (let k = 0; k <= 8; k++) colours.addColorStop(k / 8, timeColour(k / 8));
    context.fillStyle = colours;
    context.fillRect(INSET_PX, CURVE_PX, slots, GAP_PX);
  }

  /** Greatest and least speed and pen value in each slot of time, and whether ink flows in it. */
  envelope(slots) {
    const path = this.path;
    const made = {
      fastest: new Float32Array(slots), slowest: new Float32Array(slots).fill(Infinity), drawn: new Uint8Array(slots),
      high: new Float32Array(slots).fill(-Infinity), low: new Float32Array(slots).fill(Infinity),
    };
    const slotOf = (t_s) => Math.min(slots - 1, Math.floor((slots * t_s) / (path.duration_s || 1)));
    const note = (slot, speed, pen, down) => {
      if (speed > made.fastest[slot]) made.fastest[slot] = speed;
      if (speed < made.slowest[slot]) made.slowest[slot] = speed;
      if (pen > made.high[slot]) made.high[slot] = pen;
      if (pen < made.low[slot]) made.low[slot] = pen;
      if (down) made.drawn[slot] = 1;
    };
    for (let k = 0; k < path.points; k++) {
      const slot = slotOf(path.t(k));
      note(slot, path.speed(k), path.pen(k), path.width(k) > 0);
      if (k + 1 >= path.points) break;
      // What lies between two points far apart in time is on the straight line between them.
      const next = slotOf(path.t(k + 1));
      for (let between = slot + 1; between < next; between++) {
        const at = path.at(((between + 0.5) * path.duration_s) / slots);
        note(between, at.speed_mm_s, at.pen, at.down);
      }
    }
    for (let k = 0; k < slots; k++) if (made.slowest[k] === Infinity) made.slowest[k] = made.fastest[k] = 0;
    for (let k = 0; k < slots; k++) if (made.low[k] === Infinity) made.low[k] = made.high[k] = k ? made.high[k - 1] : path.pen(0);
    joined(made.slowest, made.fastest);
    joined(made.low, made.high);
    return made;
  }
}

/** Lets each slot reach the one before, so that a jump is a line and no gap. */
function joined(low, high) {
  let [before_low, before_high] = [low[0], high[0]];
  for (let k = 1; k < low.length; k++) {
    const [own_low, own_high] = [low[k], high[k]];
    if (own_low > before_high) low[k] = before_high;
    if (own_high < before_low) high[k] = before_low;
    [before_low, before_high] = [own_low, own_high];
  }
}
