// A worker: makes whole pictures of a path, so that a hundred thousand points do not hold up the page.
//
//   {number, bytes}                     a path, and its number
//   {number, layer, sheet, end}         asks for the picture of its first `end` segments
//   -> {number, layer, sheet, end, bitmap}

import { PlanPath } from "./path.js";
import { drawStrokes } from "./strokes.js";

let number = 0;
let path = null;
let canvas = null;

addEventListener("message", ({ data }) => {
  if (data.bytes) {
    number = data.number;
    path = new PlanPath(data.bytes);
    return;
  }
  if (data.number !== number) return; // of a path that is gone
  const { sheet, end } = data;
  const size = [Math.max(1, Math.round(sheet.width * sheet.density)), Math.max(1, Math.round(sheet.height * sheet.density))];
  if (!canvas || canvas.width !== size[0] || canvas.height !== size[1]) canvas = new OffscreenCanvas(...size);
  drawStrokes(canvas.getContext("2d"), path, sheet, 0, end);
  const bitmap = canvas.transferToImageBitmap(); // and leaves the canvas empty
  postMessage({ ...data, bitmap }, [bitmap]);
});
