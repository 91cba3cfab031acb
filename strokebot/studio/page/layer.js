// A path as a bitmap that is kept: it moves and grows with the view at once, while a sharp one is made by the
// painter, a worker. What comes to the path bit by bit is drawn onto the bitmap here.

import { drawStrokes, sameSheet, sheetFor } from "./strokes.js";

// Memory before sharpness: no more than so many bitmap pixels a CSS pixel along one side.
const DENSEST = 2;

export const density = () => Math.min(DENSEST, window.devicePixelRatio || 1);

/** The worker, and what it is to be asked; one for all layers. */
export class Painter {
  constructor() {
    this.worker = new Worker("/page/painter.js", { type: "module" });
    this.number = 0;
    this.layers = [];
    this.worker.addEventListener("message", ({ data }) => {
      const layer = this.layers[data.layer];
      layer.waiting = false;
      if (data.number === this.number) layer.take(data);
      else data.bitmap.close();
      this.told?.();
    });
  }

  layer(kind) {
    this.layers.push(new PathLayer(kind, this, this.layers.length));
    return this.layers.at(-1);
  }

  setPath(path) {
    this.number++;
    if (path) this.worker.postMessage({ number: this.number, bytes: path.data.buffer });
    for (const layer of this.layers) layer.setPath(path);
  }
}

export class PathLayer {
  /** @param {"coming"|"drawn"} kind see `sheetFor` */
  constructor(kind, painter, index) {
    this.kind = kind;
    this.painter = painter;
    this.index = index;
    this.path = null;
    this.front = null; // {canvas, sheet, done}: what is shown
    this.waiting = false; // for the painter
    this.look = { colours: true, travel: true };
  }

  setPath(path) {
    this.path = path;
    this.front = null;
    this.waiting = false;
  }

  /** Other colours, or travel shown or not. */
  setLook(look) {
    this.look = { ...this.look, ...look };
  }

  /** Comes nearer to the picture of the first `end` segments in this view.
   *
   * @param shown the context that shows the bitmap: strokes that come to it are drawn there as well
   * @returns {boolean} whether the bitmap must be shown anew; `this.busy` says whether more is to come
   */
  work(camera, width, height, end, shown) {
    this.busy = false;
    if (!this.path) return false;
    const sheet = sheetFor(this.kind, this.look, camera, width, height, density());
    const front = this.front;
    if (front && sameSheet(front.sheet, sheet) && front.done <= end) {
      if (front.done === end) return false;
      // Onto what is shown too: to show the bitmap anew for a few strokes would cost a hundred times as much.
      for (const context of [front.canvas.getContext("2d"), shown]) drawStrokes(context, this.path, sheet, front.done, end);
      front.done = end;
      return false;
    }
    this.busy = true;
    if (!this.waiting) {
      this.waiting = true;
      this.painter.worker.postMessage({ number: this.painter.number, layer: this.index, sheet, end });
    }
    return false;
  }

  take({ sheet, end, bitmap }) {
    let canvas = this.front?.canvas;
    if (canvas?.width !== bitmap.width || canvas?.height !== bitmap.height) canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalCompositeOperation = "copy";
    context.drawImage(bitmap, 0, 0);
    context.globalCompositeOperation = "source-over";
    bitmap.close();
    this.front = { canvas, sheet, done: end };
    this.fresh = true;
  }

  /** Shows the bitmap in a context of CSS pixels, for another camera and a box that was moved.
   *
   * @param moved {factor, dx_mm, dy_mm}: where points of the path are now, factor * point + d
   */
  show(context, camera, moved = null) {
    if (!this.front) return;
    const { canvas, sheet } = this.front;
    const { factor, dx_mm, dy_mm } = moved ?? { factor: 1, dx_mm: 0, dy_mm: 0 };
    const by = (factor * camera.scale) / sheet.scale;
    const x = camera.x + camera.scale * dx_mm - by * sheet.x;
    const y = camera.y - camera.scale * dy_mm - by * sheet.y;
    context.imageSmoothingQuality = "low";
    context.drawImage(canvas, x, y, sheet.width * by, sheet.height * by);
  }
}
