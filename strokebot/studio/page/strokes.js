// Strokes of a path on a canvas: the same for the page, which appends a few, and for the painter, which makes all.

import { Camera } from "./camera.js";
import { TIME_COLOURS } from "./path.js";

const COMING = "#c9ced6";
const INK = "#14181d";
const TRAVEL = "#7b8490";
// Thinnest line that is shown, CSS px: thinner ones would pale.
const THINNEST_PX = 0.8;
// Points nearer than this to the one before are left out, CSS px.
const NEAREST_PX = 0.4;
const DASH_PX = [4, 3];

/** What a picture of a path is made for; two that are alike show the same at the same place.
 *
 * kind: "coming", the whole path in pale grey, or "drawn", in the colours of time or in ink.
 */
export function sheetFor(kind, look, camera, width, height, density) {
  const { scale, x, y } = camera;
  return { kind, colours: look.colours, travel: look.travel, scale, x, y, width, height, density };
}

export const sameSheet = (a, b) => Object.keys(a).every((key) => a[key] === b[key]);

/** Draws segments `from` to `end` of a path; in whole chunks by their batches. */
export function drawStrokes(context, path, sheet, from, end) {
  const camera = new Camera(sheet.scale, sheet.x, sheet.y);
  const { density, scale } = sheet;
  context.setTransform(density * scale, 0, 0, -density * scale, density * sheet.x, density * sheet.y);
  context.lineCap = context.lineJoin = "round";
  const [left, top] = camera.toPaper(0, 0);
  const [right, bottom] = camera.toPaper(sheet.width, sheet.height);
  const edge = path.widest_mm;
  const brush = { context, path, sheet };
  let done = from;
  let chunk = path.chunkOf(from);
  while (done < end) {
    const first = path.chunks[chunk], last = path.chunks[chunk + 1];
    const box = path.boxes.subarray(4 * chunk, 4 * chunk + 4);
    const seen = box[0] - edge < right && box[1] + edge > left && box[2] - edge < top && box[3] + edge > bottom;
    const stop = Math.min(last, end);
    if (seen && done === first && stop === last) drawBatches(brush, chunk);
    else if (seen) drawSegments(brush, done, stop);
    done = stop;
    chunk++;
  }
}

function drawBatches(brush, chunk) {
  const parts = brush.path.batches[chunk];
  for (let k = 0; k < parts.length; k += 3) {
    if (choosePen(brush, parts[k], brush.path.colour(brush.path.chunks[chunk]))) {
      stroke(brush, parts[k + 1], parts[k + 2], (at) => brush.path.order[at]);
    }
  }
}

function drawSegments(brush, from, to) {
  const { path } = brush;
  let start = from;
  while (start < to) {
    const level = path.level(start), colour = path.colour(start);
    let end = start + 1;
    while (end < to && path.level(end) === level && path.colour(end) === colour) end++;
    if (choosePen(brush, level, colour)) stroke(brush, start, end, (at) => at);
    start = end;
  }
}

/** Sets width, colour and dashes; false where nothing is to be drawn. */
function choosePen({ context, path, sheet }, level, colour) {
  if (level === 0) {
    if (!sheet.travel || sheet.kind === "coming") return false;
    context.strokeStyle = TRAVEL;
    context.lineWidth = 1 / sheet.scale;
    context.setLineDash(DASH_PX.map((px) => px / sheet.scale));
    return true;
  }
  context.setLineDash([]);
  context.lineWidth = Math.max(path.level_mm(level), THINNEST_PX / sheet.scale);
  context.strokeStyle = sheet.kind === "coming" ? COMING : sheet.colours ? TIME_COLOURS[colour] : INK;
  return true;
}

function stroke({ context, path, sheet }, from, to, segment) {
  const least = (NEAREST_PX / sheet.scale) ** 2;
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
    const near = (to_x - x) ** 2 + (to_y - y) ** 2 < least;
    if (near && along && at + 1 < to && segment(at + 1) === k + 1) continue;
    context.lineTo(to_x, to_y);
    x = to_x;
    y = to_y;
  }
  context.stroke();
}
