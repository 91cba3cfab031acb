// Elements without a framework: made once, changed where a value changes.

/** An element with properties (on... for listeners, data-/aria- for attributes) and children. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name.includes("-") || name === "role" || name === "for" || name === "list") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** Sets text only where it differs, so that nothing is laid out anew for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows or hides; what is hidden is out of the order of the keyboard too. */
export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

/** Replaces children only where `key` differs from that of the last call. */
export function fill(node, key, make) {
  const now = JSON.stringify(key);
  if (node.filledWith === now) return;
  node.filledWith = now;
  const focused = document.activeElement;
  const held = focused && node.contains(focused) ? focused.dataset.key : null;
  node.replaceChildren(...[make()].flat(Infinity).filter(Boolean));
  if (held) node.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
}

/** A section that opens and closes; its state is kept for the next visit. */
export function fold(id, title, open, ...children) {
  const kept = keep(`fold-${id}`);
  const made = el("details", { id: `fold-${id}`, class: "fold" }, el("summary", {}, title), ...children);
  made.open = kept === null ? open : kept === "open";
  made.addEventListener("toggle", () => keep(`fold-${id}`, made.open ? "open" : "closed"));
  return made;
}

/** A small value that this browser remembers; null where it knows none. */
export function keep(name, value) {
  try {
    if (value !== undefined) localStorage.setItem(name, value);
    return localStorage.getItem(name);
  } catch {
    return null; // a browser that keeps nothing
  }
}

/** Calls `act` at most once in `wait_ms`, the last time always. */
export function calm(act, wait_ms) {
  let timer = 0;
  let last = [];
  return (...values) => {
    last = values;
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      act(...last);
    }, wait_ms);
  };
}
