// The box of the drawing on the paper: moved, made larger or smaller, turned; by pointer, keys and numbers.
//
// A change is shown at once by moving the picture of the path, and sent when the hand lets go: the server plans
// anew, and the plan that comes back takes the place of what was moved.

import { change } from "./api.js";
import { el } from "./dom.js";
import { number } from "./format.js";
import { on, state, tell } from "./store.js";
import { W } from "./words.js";

// A handle is a square of this half side, and is grasped within that distance, CSS px.
const HANDLE_PX = 5;
const GRASP_PX = 16;
// Smallest side, mm.
const LEAST_MM = 2;
// Time after the last key before the change is sent, ms.
const KEY_REST_MS = 350;
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

export class Placing {
  constructor(stage) {
    this.stage = stage;
    this.wanted = null; // {x, y, w, h}: where the box shall be, while no plan has it yet
    this.held = null; // what the hand holds: {corner | null, from, box}
    this.timer = 0;
    on("error", () => !this.held && this.settle());
  }

  /** Where the box lies now, mm: x and y of its lower left corner, width, height; null where there is none. */
  box() {
    return this.wanted ?? this.planned() ?? this.asked();
  }

  /** What the recipe asks for, where no plan came of it. */
  asked() {
    const { fit_mm, at_mm } = state.recipe;
    return state.picture && fit_mm && at_mm ? { x: at_mm[0], y: at_mm[1], w: fit_mm[0], h: fit_mm[1] } : null;
  }

  planned() {
    const { at_mm, size_mm } = state.plan?.summary ?? {};
    return at_mm && size_mm ? { x: at_mm[0], y: at_mm[1], w: size_mm[0], h: size_mm[1] } : null;
  }

  /** How the path that is shown must be moved to lie in the box; null where it lies there. */
  moved() {
    const planned = this.planned();
    if (!this.wanted || !planned) return null;
    const factor = this.wanted.w / planned.w;
    return { factor, dx_mm: this.wanted.x - factor * planned.x, dy_mm: this.wanted.y - factor * planned.y };
  }

  /** Another plan is shown. Where the hand holds the box or a change was not yet sent, that one is still to come. */
  planShown() {
    if (this.planned() && (this.held || this.timer)) this.told();
    else this.settle();
  }

  /** Nothing is asked for any more that the plan does not have. */
  settle() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.wanted = null;
    this.held = null;
    this.told();
  }

  told() {
    this.stage.moved();
    tell("box", this.box());
  }

  // -- pointer --------------------------------------------------------------------------------------

  corners() {
    const box = this.box();
    return box ? CORNERS.map(([a, b]) => this.stage.camera.toScreen(box.x + a * box.w, box.y + b * box.h)) : [];
  }

  hit(at) {
    const box = this.box();
    if (!box || !this.stage.placeable()) return null;
    const corners = this.corners();
    const corner = corners.findIndex(([x, y]) => Math.hypot(x - at[0], y - at[1]) <= GRASP_PX);
    if (corner >= 0) return { corner };
    const [x_mm, y_mm] = this.stage.camera.toPaper(...at);
    const inside = x_mm >= box.x && x_mm <= box.x + box.w && y_mm >= box.y && y_mm <= box.y + box.h;
    return inside ? { corner: null } : null;
  }

  cursor(at) {
    const hit = this.hit(at);
    if (!hit) return null;
    if (hit.corner === null) return "move";
    return hit.corner % 2 ? "nwse-resize" : "nesw-resize";
  }

  grasp(at) {
    const hit = this.hit(at);
    if (!hit) return false;
    this.held = { ...hit, from: this.stage.camera.toPaper(...at), box: { ...this.box() } };
    return true;
  }

  drag(at, free) {
    if (!this.held) return;
    const { corner, from, box } = this.held;
    const [x_mm, y_mm] = this.stage.camera.toPaper(...at);
    const dx = x_mm - from[0], dy = y_mm - from[1];
    if (corner === null) {
      this.wanted = { ...box, x: box.x + dx, y: box.y + dy };
      if (!free) this.snap();
    } else {
      const [a, b] = CORNERS[corner];
      // The change of size along the diagonal; the opposite corner stays.
      const out = (a ? dx : -dx) * box.w + (b ? dy : -dy) * box.h;
      const factor = Math.max(1 + out / (box.w ** 2 + box.h ** 2), LEAST_MM / Math.min(box.w, box.h));
      const w = box.w * factor, h = box.h * factor;
      this.wanted = { x: a ? box.x : box.x + box.w - w, y: b ? box.y : box.y + box.h - h, w, h };
    }
    this.told();
  }

  /** Draws the middle of the box to the middle of the paper, where it is near. */
  snap() {
    const [paper_w, paper_h] = this.stage.paper();
    const near = 6 / this.stage.camera.scale;
    const box = this.wanted;
    if (Math.abs(box.x + box.w / 2 - paper_w / 2) < near) box.x = (paper_w - box.w) / 2;
    if (Math.abs(box.y + box.h / 2 - paper_h / 2) < near) box.y = (paper_h - box.h) / 2;
  }

  drop() {
    const held = this.held;
    this.held = null;
    if (held && this.wanted) this.send();
  }

  cancel() {
    if (this.held) this.settle();
  }

  // -- keys and numbers -----------------------------------------------------------------------------

  nudge(dx_mm, dy_mm) {
    const box = this.box();
    if (!box || !this.stage.placeable()) return;
    this.wanted = { ...box, x: box.x + dx_mm, y: box.y + dy_mm };
    this.later();
  }

  grow(factor) {
    const box = this.box();
    if (!box || !this.stage.placeable() || Math.min(box.w, box.h) * factor < LEAST_MM) return;
    const w = box.w * factor, h = box.h * factor;
    this.wanted = { x: box.x + (box.w - w) / 2, y: box.y + (box.h - h) / 2, w, h };
    this.later();
  }

  /** One number of the box was written: x, y, or a side, which the other one follows. */
  put(name, value) {
    const box = this.box();
    if (!box || !Number.isFinite(value) || !this.stage.placeable()) return;
    if (name === "w" || name === "h") {
      const factor = Math.max(value, LEAST_MM) / box[name];
      this.wanted = { ...box, w: box.w * factor, h: box.h * factor };
    } else this.wanted = { ...box, [name]: value };
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), KEY_REST_MS);
    this.told();
  }

  async send() {
    clearTimeout(this.timer);
    this.timer = 0;
    const box = this.wanted;
    if (!box) return;
    const tenth = (value) => Math.round(value * 10) / 10;
    await change({ fit_mm: [tenth(box.w), tenth(box.h)], at_mm: [tenth(box.x), tenth(box.y)] });
  }

  turn() {
    const before = this.planned();
    const part = { rotate_deg: ((state.recipe.rotate_deg ?? 0) + 90) % 360 };
    // A box that was chosen turns with its picture, about its middle.
    if (state.recipe.fit_mm && before) {
      part.fit_mm = [before.h, before.w];
      part.at_mm = [before.x + (before.w - before.h) / 2, before.y + (before.h - before.w) / 2].map((value) => Math.round(value * 10) / 10);
    }
    return change(part);
  }

  // -- painting -------------------------------------------------------------------------------------

  paint(context, colour) {
    const box = this.box();
    if (!box || !this.stage.placeable()) return;
    const { camera } = this.stage;
    const [left, top] = camera.toScreen(box.x, box.y + box.h);
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.setLineDash([5, 4]);
    context.strokeRect(left, top, box.w * camera.scale, box.h * camera.scale);
    context.setLineDash([]);
    context.fillStyle = "#fff";
    context.lineWidth = 1.5;
    for (const [x, y] of this.corners()) {
      context.fillRect(x - HANDLE_PX, y - HANDLE_PX, 2 * HANDLE_PX, 2 * HANDLE_PX);
      context.strokeRect(x - HANDLE_PX, y - HANDLE_PX, 2 * HANDLE_PX, 2 * HANDLE_PX);
    }
    if (!this.wanted) return;
    const text = `${number(box.w)} × ${number(box.h)} mm   x ${number(box.x)}  y ${number(box.y)}`;
    context.font = "13px system-ui, sans-serif";
    const wide = context.measureText(text).width + 12;
    const x = Math.min(Math.max(left, 4), Math.max(4, this.stage.width - wide - 4));
    const y = Math.max(top - 26, 4);
    context.fillStyle = colour;
    context.fillRect(x, y, wide, 20);
    context.fillStyle = "#fff";
    context.fillText(text, x + 6, y + 14.5);
  }
}

/** The numbers beside the drawing: place and size in mm, a turn, and back to what suits. */
export function placeFields(placing) {
  const fields = {};
  const field = (name, label) => {
    fields[name] = el("input", {
      type: "number", step: "any", inputMode: "decimal", id: `place-${name}`,
      onchange: (event) => placing.put(name, event.target.valueAsNumber),
    });
    return el("label", { for: `place-${name}` }, el("span", {}, label), fields[name]);
  };
  const turn = el("button", { type: "button", id: "turn", onclick: () => placing.turn() }, W.turn);
  const reset = el("button", { type: "button", id: "place-auto", onclick: () => change({ fit_mm: null, at_mm: null, rotate_deg: 0 }) }, W.place_auto);
  const made = el("div", { class: "place" },
    el("div", { class: "numbers" }, field("w", W.width_mm), field("h", W.height_mm), field("x", W.x_mm), field("y", W.y_mm)),
    el("div", { class: "row" }, turn, reset),
    el("p", { class: "hint" }, W.place_hint));
  const update = () => {
    const box = placing.box();
    for (const [name, input] of Object.entries(fields)) {
      input.disabled = !placing.stage.placeable() || !box;
      if (document.activeElement !== input || !input.matches(":focus")) input.value = box ? number(box[name]) : "";
    }
    turn.disabled = reset.disabled = !placing.stage.placeable();
  };
  on("box recipe plan machine control picture", update);
  update();
  return made;
}
