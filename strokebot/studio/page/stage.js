// The paper with the drawing: two canvases, a view that is moved and zoomed, and what pointer and keys do on it.
//
//   still    paper, what the eye sees, the path; painted where one of them changes
//   moving   the box with its handles, the pen, the tool of the machine; painted with every step of them

import { Camera } from "./camera.js";
import { byId, el, setText, show } from "./dom.js";
import { Painter, density } from "./layer.js";
import { Placing } from "./placing.js";
import { PlanPath } from "./path.js";
import { percent } from "./format.js";
import { inTurn, planPath, tryAsk } from "./api.js";
import { job, mine, on, set, state, tell } from "./store.js";
import { W } from "./words.js";

// Below so many lifts each one is marked.
const MARKED_LIFTS = 60;
const COLOURS = { desk: "#dfe3e8", paper: "#fffefb", edge: "#b4bac2", astray: "#b8460e", box: "#17518f", tool: "#0b6b4f", text: "#39424d" };
const DEFAULT_PAPER = [210, 297];
// Share of the view that a drawing takes where the sheet is much larger.
const DRAWING_SHARE = 0.62;
const WHEEL_STEP = 0.0016;
const KEY_ZOOM = 1.25;

/** Values of the pen axis that the plan is for: up, touch, full; what a caption says of them. */
export const penOf = (plan) => plan?.summary?.pen ?? {};

export class Stage {
  constructor() {
    this.camera = new Camera();
    this.painter = new Painter();
    this.painter.told = () => this.wake();
    this.coming = this.painter.layer("coming");
    this.drawn = this.painter.layer("drawn");
    this.path = null;
    this.path_id = null;
    this.time_s = Infinity; // what of the path is shown as drawn
    this.tool = null; // where the machine is, paper mm
    this.seen = null; // the picture that is drawn from, as a bitmap
    this.show_seen = false;
    this.going = false; // "take the tool here" is chosen
    this.fitted = "drawing"; // what the view follows, "drawing" or "sheet", until a person moves it
    this.fitted_for = ""; // picture and paper that it was fitted for
    this.dirty = { still: true, moving: true };
    this.frames = 0;
    this.still = byId("still");
    this.moving = byId("moving");
    this.placing = new Placing(this);
    this.build();
    new ResizeObserver(() => this.resize()).observe(byId("stage"));
    on("plan", () => this.follow());
    on("planning plan picture", () => this.say());
    on("picture", () => this.forgetSeen());
    on("recipe plan machine control picture", () => this.refresh());
    on("position", (message) => this.setTool([message.x_mm, message.y_mm], this.penDown(message.pen)));
    on("machine", () => this.setTool(state.machine?.at_mm ?? null, this.penDown(state.machine?.pen)));
    this.resize();
  }

  build() {
    this.moving.setAttribute("aria-label", W.stage_label);
    const button = (name, text, act, more = {}) => el("button", { type: "button", "aria-label": name, title: name, onclick: act, ...more }, text);
    this.seen_switch = button(W.show_seen, W.show_seen_short, () => this.toggleSeen(), { "aria-pressed": "false", class: "worded" });
    this.look_switch = button(W.show_ink, W.show_ink_short, () => this.toggleInk(), { "aria-pressed": "false", class: "worded" });
    this.travel_switch = button(W.show_travel, W.show_travel_short, () => this.toggleTravel(), { "aria-pressed": "true", class: "worded" });
    this.moving.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) this.moving.addEventListener(name, (event) => this.pointer(event));
    this.moving.addEventListener("keydown", (event) => this.key(event));
    this.pointers = new Map();
    const tools = byId("stage-tools");
    tools.setAttribute("aria-label", W.view_tools);
    tools.append(
      button(W.fit_sheet, W.fit_sheet_short, () => this.fit("sheet")),
      button(W.fit_drawing, W.fit_drawing_short, () => this.fit("drawing")),
      button(W.zoom_out, "−", () => this.zoom(1 / KEY_ZOOM)),
      button(W.zoom_in, "+", () => this.zoom(KEY_ZOOM)),
      el("span", { class: "gap" }),
      this.seen_switch, this.look_switch, this.travel_switch,
    );
    byId("stage-key").append(
      el("span", { class: "key-time" }), el("span", {}, W.key_time),
      el("span", { class: "key-travel" }), el("span", {}, W.key_travel),
    );
  }

  paper() { return state.plan?.summary?.paper_mm ?? state.paper_mm ?? state.recipe?.paper_mm ?? DEFAULT_PAPER; }

  // -- what is shown ----------------------------------------------------------------------------

  /** Fetches the path of the plan that holds now; of two in a row only the last one is waited for. */
  async follow() {
    const id = state.plan?.id ?? null;
    if (id === this.path_id) return;
    this.path_id = id;
    this.fetching?.abort();
    if (id === null) return this.setPath(null);
    const fetching = (this.fetching = new AbortController());
    try {
      const bytes = await planPath(id, fetching.signal);
      if (bytes && this.path_id === id) this.setPath(new PlanPath(bytes));
    } catch (error) {
      if (error.name !== "AbortError") {
        this.path_id = null;
        tell("error", W.no_server);
      }
    }
  }

  setPath(path) {
    this.path = path;
    this.time_s = Infinity;
    this.painter.setPath(path);
    this.placing.planShown();
    if (this.show_seen) this.loadSeen();
    tell("path", path);
    this.refresh();
  }

  /** How much of the path is shown as drawn: up to a time of the plan; Infinity for all. */
  setTime(time_s) {
    // Going on adds strokes to what is shown; going back, or the end, shows another picture.
    if (time_s < this.time_s || time_s === Infinity) this.dirty.still = true;
    this.time_s = time_s;
    this.dirty.moving = true;
    this.wake();
  }

  setTool(at_mm, down) {
    this.tool = at_mm ? { x: at_mm[0], y: at_mm[1], down: Boolean(down) } : null;
    this.dirty.moving = true;
    this.wake();
  }

  /** Whether a pen value means on the paper; by the values of the pen that the plan is for. */
  penDown(pen) {
    const { up, touch } = penOf(state.plan);
    if (!Number.isFinite(pen) || up === undefined || up === touch) return false;
    return (pen - touch) / (up - touch) < 0.02;
  }

  refresh() {
    show(byId("empty"), !state.picture && !state.plan);
    show(byId("stage-key"), Boolean(this.path));
    // Another picture or sheet is shown whole; another plan of the same leaves the view as it is.
    const shown = JSON.stringify([this.paper(), state.picture, Boolean(this.placing.planned())]);
    if (shown !== this.fitted_for && !this.placing.wanted) this.fit(this.fitted ?? "drawing");
    this.fitted_for = shown;
    this.dirty.still = this.dirty.moving = true;
    this.wake();
  }

  say() {
    const planning = state.planning;
    const text = planning ? `${planning.told ?? W.planning} ${Number.isFinite(planning.share) ? percent(planning.share) : ""}` : "";
    setText(byId("stage-say"), text);
    show(byId("stage-say"), Boolean(text));
    this.moving.setAttribute("aria-busy", String(Boolean(planning)));
  }

  toggleSeen() {
    this.show_seen = !this.show_seen;
    this.seen_switch.setAttribute("aria-pressed", String(this.show_seen));
    if (this.show_seen) this.loadSeen();
    this.refresh();
  }

  toggleInk() {
    const ink = this.look_switch.getAttribute("aria-pressed") !== "true";
    this.look_switch.setAttribute("aria-pressed", String(ink));
    this.drawn.setLook({ colours: !ink });
    this.refresh();
  }

  toggleTravel() {
    const travel = this.travel_switch.getAttribute("aria-pressed") !== "true";
    this.travel_switch.setAttribute("aria-pressed", String(travel));
    this.drawn.setLook({ travel });
    this.refresh();
  }

  async loadSeen() {
    const id = state.plan?.id;
    if (id === undefined || this.seen?.id === id) return;
    const answer = await fetch(`/api/plan/${encodeURIComponent(id)}/seen.png`, { credentials: "same-origin" });
    if (!answer.ok) return;
    this.seen = { id, bitmap: await createImageBitmap(await answer.blob()) };
    this.refresh();
  }

  forgetSeen() {
    this.seen?.bitmap.close();
    this.seen = null;
  }

  // -- the view -----------------------------------------------------------------------------------

  resize() {
    const box = byId("stage").getBoundingClientRect();
    this.width = Math.max(1, Math.round(box.width));
    this.height = Math.max(1, Math.round(box.height));
    for (const canvas of [this.still, this.moving]) {
      canvas.width = Math.round(this.width * density());
      canvas.height = Math.round(this.height * density());
    }
    if (this.fitted) this.fit();
    this.dirty.still = this.dirty.moving = true;
    this.wake();
  }

  /** Shows the whole sheet, or as much of it as leaves the drawing large. */
  fit(what = this.fitted) {
    const [width, height] = this.paper();
    const inset = this.width < 500 ? 14 : 30;
    const { camera } = this;
    camera.fit({ left: 0, right: width, bottom: 0, top: height }, this.width, this.height, inset);
    const box = this.placing.planned();
    if (what === "drawing" && box) {
      const large = Math.min((DRAWING_SHARE * this.width) / box.w, (DRAWING_SHARE * this.height) / box.h);
      if (large > camera.scale) {
        const near = camera.copy();
        near.scale = large;
        // The drawing in the middle, but no more desk beside the sheet than there must be.
        const start = (room, low, high, whole) =>
          large * whole + 2 * inset <= room ? (room - large * whole) / 2
            : Math.min(inset, Math.max(room - inset - large * whole, room / 2 - (large * (low + high)) / 2));
        near.x = start(this.width, box.x, box.x + box.w, width);
        near.y = this.height - start(this.height, box.y, box.y + box.h, height);
        this.camera = near;
      }
    }
    this.fitted = what;
    this.moved();
  }

  zoom(factor, px = this.width / 2, py = this.height / 2) {
    this.camera.zoom(factor, px, py);
    this.fitted = null;
    this.moved();
  }

  moved() {
    this.dirty.still = this.dirty.moving = true;
    this.wake();
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.zoom(Math.exp(-event.deltaY * lines * WHEEL_STEP), event.offsetX, event.offsetY);
  }

  pointer(event) {
    const at = [event.offsetX, event.offsetY];
    if (event.type === "pointerdown") {
      if (event.button > 0) return;
      this.moving.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, at);
      if (this.pointers.size === 1) this.grip = this.grasp(at);
      else {
        this.placing.cancel();
        this.grip = "pinch";
      }
      return;
    }
    if (event.type === "pointermove") {
      if (!this.pointers.has(event.pointerId)) {
        this.moving.style.cursor = this.going ? "crosshair" : this.placing.cursor(at) ?? "grab";
        return;
      }
      const before = this.pointers.get(event.pointerId);
      if (this.grip === "pinch") this.pinch(event.pointerId, before, at);
      else if (this.grip === "pan") {
        this.camera.pan(at[0] - before[0], at[1] - before[1]);
        this.fitted = null;
        this.moved();
      } else if (this.grip === "place") this.placing.drag(at, event.shiftKey);
      this.pointers.set(event.pointerId, at);
      return;
    }
    if (this.grip === "place" && event.type === "pointerup") this.placing.drop();
    if (this.grip === "go" && event.type === "pointerup") this.go(at);
    this.pointers.delete(event.pointerId);
    this.grip = this.pointers.size ? "pan" : null;
  }

  grasp(at) {
    if (this.going) return "go";
    return this.placing.grasp(at) ? "place" : "pan";
  }

  pinch(id, before, at) {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const far = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
    this.camera.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    if (far(before) > 1) this.zoom(far(at) / far(before), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
    this.fitted = null;
    this.moved();
  }

  /** "Take the tool here": the next press on the paper is where it goes. */
  setGoing(going) {
    this.going = going;
    this.moving.style.cursor = going ? "crosshair" : "grab";
    tell("going", going);
  }

  async go(at) {
    const [x_mm, y_mm] = this.camera.toPaper(...at).map((value) => Math.round(value * 10) / 10);
    this.setGoing(false);
    await inTurn(() => tryAsk("/api/machine/jog", { x_mm, y_mm }));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 10 : 1;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (event.key in moves) this.placing.nudge(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(KEY_ZOOM);
    else if (event.key === "-") this.zoom(1 / KEY_ZOOM);
    else if (event.key === "0") this.fit("sheet");
    else if (event.key === "]") this.placing.grow(1.05);
    else if (event.key === "[") this.placing.grow(1 / 1.05);
    else if (event.key === "Escape") {
      this.setGoing(false);
      this.placing.cancel();
    } else return;
    event.preventDefault();
  }

  // -- painting -----------------------------------------------------------------------------------

  wake() {
    if (!this.awake) this.awake = requestAnimationFrame(() => this.frame());
  }

  frame() {
    this.awake = 0;
    this.frames++;
    const { camera, width, height } = this;
    const whole = this.time_s >= (this.path?.duration_s ?? 0);
    const end = !this.path ? 0 : whole ? this.path.segments : this.path.segmentsAt(this.time_s);
    const shown = this.still.getContext("2d", { alpha: false });
    const layers = whole ? [this.drawn] : [this.coming, this.drawn];
    let changed = false;
    for (const layer of layers) {
      changed = layer.work(camera, width, height, layer === this.drawn ? end : this.path?.segments ?? 0, shown) || layer.fresh || changed;
      layer.fresh = false;
    }
    if (changed || this.dirty.still) this.paintStill(whole);
    if (this.dirty.moving) this.paintMoving();
    this.dirty = { still: false, moving: false };
    this.sharp = !layers.some((layer) => layer.busy);
  }

  paintStill(whole) {
    const context = this.still.getContext("2d", { alpha: false });
    const dense = density();
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.fillStyle = COLOURS.desk;
    context.fillRect(0, 0, this.width, this.height);
    const camera = this.camera;
    const [paper_w, paper_h] = this.paper();
    const [left, top] = camera.toScreen(0, paper_h);
    context.fillStyle = "rgba(40, 50, 60, 0.16)";
    context.fillRect(left + 3, top + 4, paper_w * camera.scale, paper_h * camera.scale);
    context.fillStyle = COLOURS.paper;
    context.fillRect(left, top, paper_w * camera.scale, paper_h * camera.scale);
    context.strokeStyle = COLOURS.edge;
    context.lineWidth = 1;
    context.strokeRect(left, top, paper_w * camera.scale, paper_h * camera.scale);
    const moved = this.placing.moved();
    if (this.show_seen && this.seen) this.paintSeen(context);
    if (!whole) this.coming.show(context, camera, moved);
    this.drawn.show(context, camera, moved);
    if (this.path && !moved) this.paintMarks(context);
  }

  paintSeen(context) {
    const box = this.placing.box();
    if (!box) return;
    const [left, top] = this.camera.toScreen(box.x, box.y + box.h);
    context.globalAlpha = 0.45;
    context.drawImage(this.seen.bitmap, left, top, box.w * this.camera.scale, box.h * this.camera.scale);
    context.globalAlpha = 1;
  }

  /** A circle where the pen begins, a square where it ends, crosses where it is lifted and lowered. */
  paintMarks(context) {
    const { path, camera } = this;
    const changes = path.changes;
    if (!changes.length) return;
    const lowered = changes[0];
    const ends = path.width(path.points - 1) > 0 ? path.points - 1 : Math.max(0, changes[changes.length - 1] - 1);
    if (changes.length <= 2 * MARKED_LIFTS && this.drawn.look.travel) {
      context.strokeStyle = COLOURS.astray;
      context.lineWidth = 1.4;
      context.beginPath();
      for (const k of changes.slice(1, -1)) {
        if (path.t(k) > this.time_s) break;
        const [x, y] = camera.toScreen(path.x(k), path.y(k));
        context.moveTo(x - 3, y - 3);
        context.lineTo(x + 3, y + 3);
        context.moveTo(x + 3, y - 3);
        context.lineTo(x - 3, y + 3);
      }
      context.stroke();
    }
    context.lineWidth = 1.5;
    context.strokeStyle = "#000";
    const [x0, y0] = camera.toScreen(path.x(lowered), path.y(lowered));
    context.fillStyle = "#fff";
    context.beginPath();
    context.arc(x0, y0, 4.5, 0, 7);
    context.fill();
    context.stroke();
    if (this.time_s >= path.t(ends)) {
      const [x1, y1] = camera.toScreen(path.x(ends), path.y(ends));
      context.fillStyle = "#000";
      context.fillRect(x1 - 3.5, y1 - 3.5, 7, 7);
    }
  }

  paintMoving() {
    const context = this.moving.getContext("2d");
    const dense = density();
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    this.placing.paint(context, COLOURS.box);
    if (this.path && this.time_s < this.path.duration_s && !job()) {
      const pen = this.path.at(this.time_s);
      this.paintPen(context, pen.x_mm, pen.y_mm, pen.down, "#000");
    }
    if (this.tool) this.paintTool(context);
  }

  /** A pen: filled on the paper, hollow above it. */
  paintPen(context, x_mm, y_mm, down, colour) {
    const [x, y] = this.camera.toScreen(x_mm, y_mm);
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.fillStyle = down ? colour : "#fff";
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + 6, y - 14);
    context.lineTo(x + 13, y - 9);
    context.closePath();
    context.fill();
    context.stroke();
    if (!down) return;
    context.beginPath();
    context.arc(x, y, 2.5, 0, 7);
    context.fill();
  }

  /** The tool of the machine: a ring with a cross, and its name where there is room. */
  paintTool(context) {
    const [x, y] = this.camera.toScreen(this.tool.x, this.tool.y);
    context.strokeStyle = "#fff";
    for (const [width, colour] of [[5, "#fff"], [2, COLOURS.tool]]) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.beginPath();
      context.arc(x, y, 9, 0, 7);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 6 * dx, y + 6 * dy);
        context.lineTo(x + 14 * dx, y + 14 * dy);
      }
      context.stroke();
    }
    if (this.tool.down) {
      context.fillStyle = COLOURS.tool;
      context.beginPath();
      context.arc(x, y, 3.5, 0, 7);
      context.fill();
    }
  }

  /** Whether the picture may be moved on the paper now. */
  placeable() { return mine() && !job() && Boolean(state.plan || state.picture); }
}
