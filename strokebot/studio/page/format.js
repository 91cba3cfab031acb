// Numbers as a person reads them; the same words as the command line's (strokebot/wording.py).

const pad = (number) => String(number).padStart(2, "0");

/** A time: "10.6 s", "4 min 20 s", "1 h 05 min". */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (Math.round(seconds * 10) / 10 < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** A time without tenths, for what counts down. */
export function wholeDuration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  return seconds < 59.5 ? `${Math.max(0, Math.round(seconds))} s` : duration(seconds);
}

/** A length: "216 mm", "12.4 m". */
export function length(mm) {
  if (!Number.isFinite(mm)) return "–";
  return Math.round(mm) < 1000 ? `${mm.toFixed(0)} mm` : `${(mm / 1000).toFixed(1)} m`;
}

/** A number with as many places as it needs, at most `places`. */
export function number(value, places = 1) {
  return String(Number(value.toFixed(places)));
}

export const percent = (share) => `${Math.floor(100 * Math.min(1, Math.max(0, share)) + 1e-9)} %`;
