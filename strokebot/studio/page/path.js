// The path of a plan as typed arrays, cut into batches that are drawn in one stroke each.
//
// Nouns:
//   point     x_mm, y_mm (paper, y up), width_mm (0: pen up), t_s, speed_mm_s, pen value
//   segment   from point k to point k + 1; drawn where the widths of both are above 0
//   chunk     successive segments of one colour of time
//   batch     those segments of a chunk that have about the same width

export const COLUMNS = 6;
const X = 0, Y = 1, WIDTH = 2, T = 3, SPEED = 4, PEN = 5;
// Colours of time; more are not told apart.
const COLOURS = 64;
// Longest chunk: a progress inside a chunk draws it segment by segment.
const CHUNK = 1024;
// Levels of width between none and the widest line.
const LEVELS = 12;
// See `timeNear`, mm/s.
const LATE_MM_S = 0.3;

// matplotlib's viridis at 0, 0.1, ... 1: S. van der Walt and N. Smith, 2015, CC0.
const VIRIDIS = [
  [68, 1, 84], [72, 36, 117], [65, 68, 135], [53, 95, 141], [42, 120, 142], [33, 145, 140],
  [34, 168, 132], [68, 191, 112], [122, 209, 81], [189, 223, 38], [253, 231, 37],
];
// Where its pale end is cut, so that all of it is seen on white; as in the dry run.
const VIRIDIS_END = 0.87;

/** The colour of a share of the time, as a CSS colour. */
export function timeColour(share) {
  const at = Math.min(1, Math.max(0, share)) * VIRIDIS_END * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const mixed = VIRIDIS[low].map((value, k) => Math.round(value + (VIRIDIS[low + 1][k] - value) * (at - low)));
  return `rgb(${mixed.join(",")})`;
}

export const TIME_COLOURS = Array.from({ length: COLOURS }, (_, k) => timeColour((k + 0.5) / COLOURS));

export class PlanPath {
  /** @param {ArrayBuffer} bytes little-endian float32, (points, 6) */
  constructor(bytes) {
    this.data = new Float32Array(bytes);
    this.points = Math.floor(this.data.length / COLUMNS);
    this.segments = Math.max(0, this.points - 1);
    this.duration_s = this.points ? this.t(this.points - 1) : 0;
    this.measure();
  }

  x(k) { return this.data[k * COLUMNS + X]; }
  y(k) { return this.data[k * COLUMNS + Y]; }
  width(k) { return this.data[k * COLUMNS + WIDTH]; }
  t(k) { return this.data[k * COLUMNS + T]; }
  speed(k) { return this.data[k * COLUMNS + SPEED]; }
  pen(k) { return this.data[k * COLUMNS + PEN]; }
  drawn(segment) { return this.width(segment) > 0 && this.width(segment + 1) > 0; }

  /** Bounds of the ink, its widest line, the greatest speed, the range of the pen, and the lifts. */
  measure() {
    const bounds = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
    let widest = 0, fastest = 0, lowest = Infinity, highest = -Infinity;
    const lifts = [];
    let before = false;
    for (let k = 0; k < this.points; k++) {
      const width = this.width(k);
      const down = width > 0;
      if (down) {
        bounds.left = Math.min(bounds.left, this.x(k));
        bounds.right = Math.max(bounds.right, this.x(k));
        bounds.bottom = Math.min(bounds.bottom, this.y(k));
        bounds.top = Math.max(bounds.top, this.y(k));
        widest = Math.max(widest, width);
      }
      if (down !== before) lifts.push(k);
      before = down;
      fastest = Math.max(fastest, this.speed(k));
      lowest = Math.min(lowest, this.pen(k));
      highest = Math.max(highest, this.pen(k));
    }
    Object.assign(this, { bounds, widest_mm: widest, fastest_mm_s: fastest, pen_range: [lowest, highest] });
    this.changes = Uint32Array.from(lifts); // points at which the pen comes down or goes up
  }

  colour(segment) {
    return Math.min(COLOURS - 1, Math.floor((COLOURS * this.t(segment + 1)) / (this.duration_s || 1)));
  }

  level(segment) {
    if (!this.drawn(segment)) return 0;
    const width = 0.5 * (this.width(segment) + this.width(segment + 1));
    return Math.max(1, Math.round((LEVELS * width) / this.widest_mm));
  }

  level_mm(level) { return (level * this.widest_mm) / LEVELS; }

  // Chunks and batches are made when they are asked for first: only the painter needs all of them.
  get chunks() { return this.batched().chunks; }
  get batches() { return this.batched().batches; }
  get boxes() { return this.batched().boxes; }
  get order() { return this.batched().order; }

  batched() { return (this.kept_batches ??= this.batch()); }

  /** The chunk that a segment is in, found by halving. */
  chunkOf(segment) {
    let low = 0, high = this.chunks.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.chunks[middle] <= segment) low = middle;
      else high = middle;
    }
    return low;
  }

  batch() {
    const chunk_starts = [];
    const batches = []; // of each chunk: [level, first, end] in `order`, flattened
    const boxes = [];
    const order = new Uint32Array(this.segments);
    const counts = new Uint32Array(LEVELS + 2);
    let start = 0;
    while (start < this.segments) {
      const colour = this.colour(start);
      let end = start + 1;
      while (end < this.segments && end - start < CHUNK && this.colour(end) === colour) end++;
      counts.fill(0);
      for (let k = start; k < end; k++) counts[this.level(k) + 1]++;
      for (let level = 0; level <= LEVELS; level++) counts[level + 1] += counts[level];
      const first = Array.from(counts);
      for (let k = start; k < end; k++) order[start + counts[this.level(k)]++] = k;
      let left = Infinity, right = -Infinity, bottom = Infinity, top = -Infinity;
      for (let k = start; k <= end; k++) {
        left = Math.min(left, this.x(k)); right = Math.max(right, this.x(k));
        bottom = Math.min(bottom, this.y(k)); top = Math.max(top, this.y(k));
      }
      boxes.push(left, right, bottom, top);
      const parts = [];
      for (let level = 0; level <= LEVELS; level++) {
        if (first[level + 1] > first[level]) parts.push(level, start + first[level], start + first[level + 1]);
      }
      chunk_starts.push(start);
      batches.push(Uint32Array.from(parts));
      start = end;
    }
    chunk_starts.push(this.segments);
    return { chunks: Uint32Array.from(chunk_starts), batches, boxes: Float32Array.from(boxes), order };
  }

  /** The number of segments that are whole at a time, found by halving. */
  segmentsAt(t_s) {
    let low = 0, high = this.points;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.t(middle) <= t_s) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Where the pen is at a time: place, width, pen value, speed; between two points in a straight line. */
  at(t_s) {
    const k = Math.min(this.segmentsAt(t_s), this.points - 1);
    const next = Math.min(k + 1, this.points - 1);
    const span = this.t(next) - this.t(k);
    const share = span > 0 ? Math.min(1, Math.max(0, (t_s - this.t(k)) / span)) : 0;
    const mix = (column) =>
      this.data[k * COLUMNS + column] * (1 - share) + this.data[next * COLUMNS + column] * share;
    const down = this.width(k) > 0 && this.width(next) > 0;
    return {
      segment: k, x_mm: mix(X), y_mm: mix(Y), width_mm: down ? mix(WIDTH) : 0, pen: mix(PEN), speed_mm_s: mix(SPEED), down,
    };
  }

  /** The time at which the pen is nearest to a place, among those from one time to another.
   *
   * Where the line passes the place more than once, what is nearer to `expected_s` counts: a second of
   * difference weighs as much as LATE_MM_S of distance. Answers null where it is nowhere within `within_mm`.
   */
  timeNear(x_mm, y_mm, from_s, to_s, expected_s, within_mm) {
    let best = null, least = Infinity;
    for (let k = this.segmentsAt(from_s); k < this.segments && this.t(k) <= to_s; k++) {
      const dx = this.x(k + 1) - this.x(k), dy = this.y(k + 1) - this.y(k);
      const square = dx * dx + dy * dy;
      const along = square > 0 ? ((x_mm - this.x(k)) * dx + (y_mm - this.y(k)) * dy) / square : 0;
      const share = Math.min(1, Math.max(0, along));
      const far = Math.hypot(this.x(k) + share * dx - x_mm, this.y(k) + share * dy - y_mm);
      const t_s = this.t(k) + share * (this.t(k + 1) - this.t(k));
      const cost = far + LATE_MM_S * Math.abs(t_s - expected_s);
      if (far <= within_mm && cost < least) [best, least] = [t_s, cost];
    }
    return best;
  }
}
