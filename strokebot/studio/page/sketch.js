// Small drawings: a picture in a style, a drawing of the list.

import { Camera } from "./camera.js";
import { el } from "./dom.js";

const THINNEST_PX = 0.8;

/** A canvas with rows x_mm, y_mm, width_mm (y up); a width of 0 is a pen that is up. */
export function sketch(rows, width, height) {
  const canvas = el("canvas", { width, height, role: "presentation" });
  const context = canvas.getContext("2d");
  const bounds = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (const [x, y, wide] of rows) {
    if (!(wide > 0)) continue;
    bounds.left = Math.min(bounds.left, x);
    bounds.right = Math.max(bounds.right, x);
    bounds.bottom = Math.min(bounds.bottom, y);
    bounds.top = Math.max(bounds.top, y);
  }
  if (bounds.left === Infinity) return canvas;
  const camera = new Camera();
  camera.fit(bounds, width, height, 0.05 * height);
  context.lineCap = context.lineJoin = "round";
  for (let k = 1; k < rows.length; k++) {
    if (!(rows[k][2] > 0 && rows[k - 1][2] > 0)) continue;
    context.lineWidth = Math.max(THINNEST_PX, (camera.scale * (rows[k][2] + rows[k - 1][2])) / 2);
    context.beginPath();
    context.moveTo(...camera.toScreen(rows[k - 1][0], rows[k - 1][1]));
    context.lineTo(...camera.toScreen(rows[k][0], rows[k][1]));
    context.stroke();
  }
  return canvas;
}

/** Rows of strokes that are lists of x_mm, y_mm, all of one width. */
export function rowsOf(strokes, width_mm) {
  return strokes.flatMap((stroke) => [[...stroke[0], 0], ...stroke.map((point) => [...point, width_mm])]);
}
