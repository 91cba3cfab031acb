// From paper millimetres (y up) to pixels of the screen (y down), and back.

const CLOSEST_PX_MM = 400;
const FARTHEST_PX_MM = 0.05;

export class Camera {
  constructor(scale = 2, x = 0, y = 0) {
    this.scale = scale; // CSS px a mm
    this.x = x; // where paper 0, 0 lies, CSS px
    this.y = y;
  }

  copy() { return new Camera(this.scale, this.x, this.y); }

  same(other) { return other && this.scale === other.scale && this.x === other.x && this.y === other.y; }

  toScreen(x_mm, y_mm) { return [this.x + x_mm * this.scale, this.y - y_mm * this.scale]; }

  toPaper(px, py) { return [(px - this.x) / this.scale, (this.y - py) / this.scale]; }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
  }

  /** Nearer or farther, while what lies under (px, py) stays there. */
  zoom(factor, px, py) {
    const scale = Math.min(CLOSEST_PX_MM, Math.max(FARTHEST_PX_MM, this.scale * factor));
    const by = scale / this.scale;
    this.x = px - (px - this.x) * by;
    this.y = py - (py - this.y) * by;
    this.scale = scale;
  }

  /** Shows a box {left, right, bottom, top} (mm) in the middle of a view of width x height px. */
  fit(box, width, height, inset = 24) {
    const across = Math.max(box.right - box.left, 1e-3), up = Math.max(box.top - box.bottom, 1e-3);
    const room = [Math.max(width - 2 * inset, 20), Math.max(height - 2 * inset, 20)];
    this.scale = Math.min(CLOSEST_PX_MM, Math.max(FARTHEST_PX_MM, Math.min(room[0] / across, room[1] / up)));
    this.x = width / 2 - ((box.left + box.right) / 2) * this.scale;
    this.y = height / 2 + ((box.bottom + box.top) / 2) * this.scale;
  }
}
