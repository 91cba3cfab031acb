// A path as a bitmap that is kept: it moves and grows with the view at once, and is made sharp anew in slices of
// time, so that neither a hundred thousand points nor a drag of the view holds up the page.
//
//   front   the bitmap that is shown, with the camera that it was made for and how far along the path it is
//   back    the one in the making; takes the place of front when it is done

import { TIME_COLOURS } from "./path.js";

const COMING = "#c9ced6";
const INK = "#14181d";
const TRAVEL = "#7b8490";
// Thinnest line that is shown, CSS px: thinner ones would pale.
const THINNEST_PX = 0.8;
// Points nearer than this to the one before are left out, CSS px.
const NEAREST_PX = 0.4;
// Memory before sharpness: no more than so many bitmap pixels a CSS pixel along one side.
const DENSEST = 2;

export const density = () => Math.min(DENSEST, window.devicePixelRatio || 1);

function bitmap(width, height) {
  if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}

export class PathLayer {
  /** @param {"coming"|"drawn"} kind the whole path in pale grey, or what is drawn so far in colours */
  constructor(kind) {
    this.kind = kind;
    this.path = null;
    this.front = null;
    this.back = null;
    this.spare = null;
    this.look = { colours: true, travel: true };
  }

  setPath(path) {
    this.path = path;
    this.front = this.back = null;
  }

  /** Other colours, or travel shown or not: what is there is made anew. */
  setLook(look) {
    this.look = { ...this.look, ...look };
    if (this.front) this.front.stale = true;
    this.back = null;
  }

  /** Draws towards the wanted picture for a slice of time.
   *
   * @returns {boolean} whether what is shown has changed; `this.busy` says whether more is to do
   */
  work(camera, width, height, end, budget_ms) {
    this.busy = false;
    if (!this.path) return false;
    const until = performance.now() + budget_ms;
    const front = this.front;
    const fits = (made) =>
      made && !made.stale && made.camera.same(camera) && made.width === width && made.height === height && made.density === density();
    if (fits(front) && front.done <= end) {
      this.back = null;
      const before = front.done;
      this.draw(front, end, until);
      this.busy = front.done < end;
      return front.done !== before;
    }
    if (!this.back) this.back = this.blank(camera, width, height);
    const back = this.back;
    const goal = Math.min(end, this.path.segments);
    this.draw(back, goal, until);
    if (back.done < goal) {
      this.busy = true;
      return false;
    }
    this.spare = this.front?.canvas ?? null;
    this.front = back;
    this.back = null;
    this.busy = !fits(back) || back.done !== end;
    return true;
  }

  blank(camera, width, height) {
    const dense = density();
    const size = [Math.max(1, Math.round(width * dense)), Math.max(1, Math.round(height * dense))];
    let canvas = this.spare;
    this.spare = null;
    if (canvas && canvas.width === size[0] && canvas.height === size[1]) {
      const context = canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, ...size);
    } else canvas = bitmap(...size);
    return { canvas, camera: camera.copy(), width, height, density: dense, done: 0, stale: false };
  }

  /** Draws segments from where `made` is up to `end`, as long as there is time. */
  draw(made, end, until) {
    if (made.done >= end) return;
    const { camera, density: dense } = made;
    const context = made.canvas.getContext("2d");
    context.setTransform(dense * camera.scale, 0, 0, -dense * camera.scale, dense * camera.x, dense * camera.y);
    context.lineCap = context.lineJoin = "round";
    const [left, top] = camera.toPaper(0, 0);
    const [right, bottom] = camera.toPaper(made.width, made.height);
    const path = this.path;
    const edge = path.widest_mm;
    let chunk = chunkOf(path.chunks, made.done);
    while (made.done < end) {
      const first = path.chunks[chunk], last = path.chunks[chunk + 1];
      const b = 4 * chunk;
      const seen = path.boxes[b] - edge < right && path.boxes[b + 1] + edge > left &&
        path.boxes[b + 2] - edge < top && path.boxes[b + 3] + edge > bottom;
      if (made.done === first && last <= end) {
        if (seen) this.drawBatches(context, camera, chunk);
        made.done = last;
      } else {
        const stop = Math.min(last, end);
        if (seen) this.drawSegments(context, camera, made.done, stop);
        made.done = stop;
      }
      chunk++;
      if (performance.now() > until) return;
    }
  }

  drawBatches(context, camera, chunk) {
    const path = this.path;
    const parts = path.batches[chunk];
    for (let k = 0; k < parts.length; k += 3) {
      if (!this.pen(context, camera, parts[k], parts[k + 1])) continue;
      this.stroke(context, camera, parts[k + 1], parts[k + 2], (at) => path.order[at]);
    }
  }

  drawSegments(context, camera, from, to) {
    const path = this.path;
    let start = from;
    while (start < to) {
      const level = path.level(start), colour = path.colour(start);
      let end = start + 1;
      while (end < to && path.level(end) === level && path.colour(end) === colour) end++;
      if (this.pen(context, camera, level, start, true)) this.stroke(context, camera, start, end, (at) => at);
      start = end;
    }
  }

  /** Sets width, colour and dashes; false where nothing is to be drawn. */
  pen(context, camera, level, at, direct = false) {
    if (level === 0) {
      if (!this.look.travel || this.kind === "coming") return false;
      context.strokeStyle = TRAVEL;
      context.lineWidth = 1 / camera.scale;
      context.setLineDash([4 / camera.scale, 3 / camera.scale]);
      return true;
    }
    context.setLineDash([]);
    context.lineWidth = Math.max(this.path.level_mm(level), THINNEST_PX / camera.scale);
    if (this.kind === "coming") context.strokeStyle = COMING;
    else context.strokeStyle = this.look.colours ? TIME_COLOURS[this.path.colour(direct ? at : this.path.order[at])] : INK;
    return true;
  }

  stroke(context, camera, from, to, segment) {
    const path = this.path;
    const least = (NEAREST_PX / camera.scale) ** 2;
    context.beginPath();
    let before = -2, x = 0, y = 0;
    for (let at = from; at < to; at++) {
      const k = segment(at);
      const along = k === before + 1;
      before = k;
      if (!along) {
        x = path.x(k);
        y = path.y(k);
        context.moveTo(x, y);
      }
      const to_x = path.x(k + 1), to_y = path.y(k + 1);
      const skip = along && at + 1 < to && segment(at + 1) === k + 1 && (to_x - x) ** 2 + (to_y - y) ** 2 < least;
      if (skip) continue;
      context.lineTo(to_x, to_y);
      x = to_x;
      y = to_y;
    }
    context.stroke();
  }

  /** Shows the bitmap in a context of CSS pixels, for another camera and a box that was moved.
   *
   * @param moved {factor, dx_mm, dy_mm}: where points of the path are now, factor * point + d
   */
  show(context, camera, moved = null) {
    if (!this.front) return;
    const { canvas, camera: was, width, height } = this.front;
    const { factor, dx_mm, dy_mm } = moved ?? { factor: 1, dx_mm: 0, dy_mm: 0 };
    const by = (factor * camera.scale) / was.scale;
    const x = camera.x + camera.scale * dx_mm - by * was.x;
    const y = camera.y - camera.scale * dy_mm - by * was.y;
    context.imageSmoothingQuality = "low";
    context.drawImage(canvas, x, y, width * by, height * by);
  }
}

function chunkOf(chunks, segment) {
  let low = 0, high = chunks.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (chunks[middle] <= segment) low = middle;
    else high = middle;
  }
  return low;
}
