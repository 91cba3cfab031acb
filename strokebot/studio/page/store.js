// What the server says, and who wants to know: one state, told part by part.

export const state = {
  recipe: {},
  picture: null,
  plan: null,
  planning: null,
  machine: null,
  control: { mine: false, held: false, pages: 1 },
  jobs: [],
  profiles: [],
  papers: [],
  choices: {},
  problem: null, // why there is no plan, in one sentence
  recipe_text: "",
  styles: null, // {list, done}: the picture in every style
  calibration: null,
  connected: false, // whether the live line is open
};

const listeners = new Map();

/** Calls `act(state)` whenever one of the parts changes, and once at the next full state. */
export function on(parts, act) {
  for (const part of parts.split(" ")) {
    if (!listeners.has(part)) listeners.set(part, new Set());
    listeners.get(part).add(act);
  }
}

/** Takes new values of some parts, and tells of them once. */
export function set(values) {
  const called = new Set();
  for (const [part, value] of Object.entries(values)) {
    state[part] = value;
    for (const act of listeners.get(part) ?? []) called.add(act);
  }
  for (const act of called) act(state);
}

/** Something that happened and is no state, such as a place of the tool: told to its listeners alone. */
export function tell(name, value) {
  for (const act of listeners.get(name) ?? []) act(value);
}

/** Whether this page may change anything. */
export const mine = () => Boolean(state.control?.mine) || !state.control?.held;

/** The job of the machine while it is at work, or null. */
export const job = () => state.machine?.job ?? null;
