// The one way to the server: requests, and the live line that tells what has changed.

import { set, state, tell } from "./store.js";
import { W } from "./words.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;

// Which page this is, among those that look at the same studio: kept over a reload, not beyond the tab.
const CLIENT = (() => {
  const made = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    const kept = sessionStorage.getItem("client") ?? made;
    sessionStorage.setItem("client", kept);
    return kept;
  } catch {
    return made;
  }
})();

/** Something that the server refused, in its own words. */
export class Refused extends Error {}

/** Sends a request; answers with its JSON.
 *
 * Throws `Refused` with one sentence.
 */
export async function ask(path, body, method = body === undefined ? "GET" : "POST") {
  const request = { method, headers: { "X-Client": CLIENT }, credentials: "same-origin" };
  if (body instanceof FormData) request.body = body;
  else if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, request);
  } catch {
    throw new Refused(W.no_server);
  }
  let told = null;
  if ((answer.headers.get("Content-Type") ?? "").includes("json")) told = await answer.json();
  if (!answer.ok) throw new Refused(told?.error ?? W.refused(answer.status));
  return told;
}

/** Sends a request and tells the person where it is refused; answers null then. */
export async function tryAsk(path, body) {
  try {
    return (await ask(path, body)) ?? {};
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell("error", error.message);
    return null;
  }
}

// Requests to the machine that are under way or wait, and the most that may wait: steps of a key that is held down
// must not go on when it is let go.
let under_way = 0;
let last = Promise.resolve();
const MOST_WAITING = 3;

/** Asks something of the machine after what was asked of it before: it does one thing at a time. */
export function inTurn(act) {
  if (under_way > MOST_WAITING) return Promise.resolve(null);
  under_way++;
  const mine = last.then(act).finally(() => under_way--);
  last = mine.catch(() => {}); // whoever asked hears of it
  return mine;
}

/** Changes the recipe by a part of it. */
export async function change(part) {
  const answer = await tryAsk("/api/recipe", part);
  if (answer === null) set({ recipe: { ...state.recipe } }); // the fields go back to what holds
  return answer;
}

/** The bytes of a plan's path, or null where the plan is gone already. */
export async function planPath(id, signal) {
  const answer = await fetch(`/api/plan/${encodeURIComponent(id)}/path`, { signal, credentials: "same-origin" });
  return answer.ok ? answer.arrayBuffer() : null;
}

const PARTS = Object.keys(state).filter((part) => part !== "connected");

/** Takes what the server says: a whole state, parts of it, or something that happened. */
export function take(message) {
  const found = {};
  const source = message.type === "state" ? message.state : message;
  for (const part of PARTS) if (part in source) found[part] = source[part];
  if (Object.keys(found).length) set(found);
  if (message.type === "position") tell("position", message);
  if (message.type === "log") tell("log", [message.text]);
  if (message.type === "problem") tell("error", message.text);
}

/** Opens the live line, and opens it again whenever it breaks. */
export function live() {
  let wait_ms = FIRST_WAIT_MS;
  const open = () => {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live?client=${CLIENT}`);
    socket.addEventListener("open", () => {
      wait_ms = FIRST_WAIT_MS;
      set({ connected: true });
    });
    socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      set({ connected: false });
      setTimeout(open, wait_ms);
      wait_ms = Math.min(2 * wait_ms, LONGEST_WAIT_MS);
    });
  };
  open();
}

/** Asks for the whole state. */
export async function begin() {
  take({ type: "state", state: await ask("/api/state") });
}
