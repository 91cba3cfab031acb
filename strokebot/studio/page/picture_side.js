// What is drawn and how: the picture, what is seen in it, style, size and place, profile.

import { ask, change, Refused, take, tryAsk } from "./api.js";
import { byId, calm, el, fill, fold, setText, show } from "./dom.js";
import { duration, length } from "./format.js";
import { placeFields } from "./placing.js";
import { sketch } from "./sketch.js";
import { job, mine, on, set, state, tell } from "./store.js";
import { optionName, W, wordName } from "./words.js";

const SEEN = ["ink_side", "threshold", "area_mode", "despeckle_mm", "keep_rules", "keep_perspective"];
const STYLE = ["style", "method"];
const LINES = ["stroke_style", "fill", "join"];
const TONE = ["tone_pattern", "tone_spacing_mm", "tone_contrast", "tone_white"];
const MOTION = ["profile", "speed", "quality", "polish"];
const SKETCH_PX = [240, 180];
// Words of so many letters together stand side by side; more are a list.
const SIDE_BY_SIDE = 30;

// -- the picture itself -------------------------------------------------------------------------------

export async function upload(file) {
  if (!file) return;
  const form = new FormData();
  form.append("picture", file, file.name || "picture.png");
  set({ planning: { told: W.uploading, share: null } });
  try {
    const answer = await ask("/api/picture", form);
    take({ type: "state", state: answer });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell("error", error.message);
    set({ planning: null });
  }
}

function chooser(id, words, more = {}, main = false) {
  const input = el("input", { type: "file", accept: "image/*", id, class: "unseen", onchange: () => {
    upload(input.files[0]);
    input.value = "";
  }, ...more });
  return [input, el("label", { for: id, class: main ? "button main" : "button", "data-for": id }, words)];
}

function droppable() {
  let depth = 0;
  const inside = (yes) => document.body.classList.toggle("dropping", yes);
  addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth++;
    inside(true);
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) inside(false);
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    inside(false);
    if (mine()) upload(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const file = Array.from(event.clipboardData?.files ?? []).find((each) => each.type.startsWith("image/"));
    if (file && mine()) {
      event.preventDefault();
      upload(file);
    }
  });
}

// -- options -------------------------------------------------------------------------------------------

/** A field for one option, as the server describes it; it follows the recipe. */
function optionField(name) {
  const holder = el("div", { class: "option", "data-option": name });
  on("choices recipe control machine profiles", () => {
    const choice = state.choices[name];
    show(holder, Boolean(choice));
    if (!choice) return;
    const words = name === "profile" ? state.profiles.map((each) => each.name ?? each) : choice.options;
    fill(holder, [choice, words], () => makeField(name, choice, words));
    holder.put?.(state.recipe[name] ?? choice.default ?? null);
    for (const input of holder.querySelectorAll("input, select")) input.disabled = !mine() || Boolean(job());
  });
  return holder;

  function makeField(option, choice, words) {
    const id = `option-${option}`;
    const label = optionName(option, choice);
    const title = choice.help;
    if (choice.kind === "flag") {
      const input = el("input", { type: "checkbox", id, onchange: () => change({ [option]: input.checked }) });
      holder.put = (value) => (input.checked = Boolean(value));
      return el("label", { for: id, class: "check", title }, input, el("span", {}, label));
    }
    if (choice.kind === "number") {
      const input = el("input", {
        type: "number", id, step: "any", min: choice.least, max: choice.most, placeholder: W.automatic, inputMode: "decimal",
        onchange: () => change({ [option]: Number.isFinite(input.valueAsNumber) ? input.valueAsNumber : null }),
      });
      holder.put = (value) => document.activeElement !== input && (input.value = value ?? "");
      return el("label", { for: id, class: "named", title }, el("span", {}, label), input);
    }
    if (words && option !== "profile" && words.map((word) => wordName(option, word)).join("").length <= SIDE_BY_SIDE) {
      const radios = words.map((word) => el("input", {
        type: "radio", name: id, id: `${id}-${word}`, value: word, onchange: () => change({ [option]: word }),
      }));
      holder.put = (value) => radios.forEach((radio) => (radio.checked = radio.value === String(value)));
      return el("fieldset", { title }, el("legend", {}, label),
        el("div", { class: "segments" }, words.map((word, k) => [radios[k], el("label", { for: radios[k].id }, wordName(option, word))])));
    }
    if (words) {
      const select = el("select", { id, onchange: () => change({ [option]: select.value }) },
        words.map((word) => el("option", { value: word }, wordName(option, word))));
      holder.put = (value) => (select.value = value);
      return el("label", { for: id, class: "named", title }, el("span", {}, label), select);
    }
    const input = el("input", { type: "text", id, placeholder: choice.unset ?? "", onchange: () => change({ [option]: input.value || null }) });
    holder.put = (value) => document.activeElement !== input && (input.value = value ?? "");
    return el("label", { for: id, class: "named", title }, el("span", {}, label), input);
  }
}

function paperField() {
  const id = "option-paper_mm";
  const select = el("select", { id, onchange: () => change({ paper_mm: select.value ? JSON.parse(select.value) : null }) });
  on("papers recipe plan control machine", () => {
    const chosen = state.recipe.paper_mm ?? null;
    const sheets = state.papers.map((paper) => ({ name: paper.name, value: JSON.stringify(paper.size_mm) }));
    const value = chosen ? JSON.stringify(chosen) : "";
    if (value && !sheets.some((sheet) => sheet.value === value)) sheets.push({ name: W.paper_other(...chosen), value });
    fill(select, sheets, () => [el("option", { value: "" }, W.paper_profile), ...sheets.map((sheet) => el("option", { value: sheet.value }, sheet.name))]);
    select.value = value;
    select.disabled = !mine() || Boolean(job());
  });
  return el("label", { for: id, class: "named" }, el("span", {}, W.paper), select);
}

// -- styles --------------------------------------------------------------------------------------------

function styleSheet() {
  const list = el("div", { class: "styles", });
  const told = el("p", { class: "hint", role: "status" });
  const button = el("button", { type: "button", id: "styles-show", onclick: () => load() }, W.styles_show);
  let asked = false;
  const load = async () => {
    asked = true;
    setText(told, W.styles_working);
    const answer = await tryAsk("/api/styles");
    if (answer?.styles) set({ styles: answer.styles });
    else setText(told, "");
  };
  on("styles control machine", () => {
    const { list: styles = [], done = true } = state.styles ?? {};
    setText(told, asked && !done ? W.styles_working : "");
    const free = mine() && !job();
    fill(list, [styles.map((style) => [style.name, style.reason, style.summary?.duration_s, style.rows?.length]), free], () => styles.map((style) => el("button", {
      type: "button", class: "style", "data-key": style.name, title: style.reason || style.name, "aria-label": W.styles_choose(style.name),
      disabled: !style.rows?.length || !free, onclick: () => change(style.recipe),
    },
    style.rows?.length ? sketch(style.rows, ...SKETCH_PX) : null,
    el("b", {}, W.styleName(style.recipe)),
    el("span", {}, style.rows?.length ? `${duration(style.summary.duration_s)} · ${length(style.summary.drawn_mm)}` : style.reason))));
  });
  const again = calm(() => asked && load(), 1500);
  on("picture", () => asked && state.picture && again());
  on("picture planning control machine", () => (button.disabled = !state.picture || !mine() || Boolean(job())));
  return el("div", {}, el("div", { class: "row" }, button), told, list);
}

// -- all of it -----------------------------------------------------------------------------------------

export function pictureSide(stage) {
  droppable();
  byId("empty").append(
    el("p", { class: "big" }, W.empty_title), el("p", {}, W.empty_text),
    el("div", { class: "row" }, chooser("file-first", W.choose, {}, true)));
  document.body.append(el("div", { id: "drop-veil", "aria-hidden": "true" }, el("p", {}, W.drop_now)));

  const name = el("p", { class: "name" });
  const card = el("div", { class: "card" }, name,
    el("div", { class: "row" }, chooser("file-choose", W.another), chooser("file-camera", W.photograph, { capture: "environment" })));
  const image = el("img", { class: "seen", alt: W.seen_alt });
  const none = el("p", { class: "hint" }, W.seen_none);
  const said = el("p", { class: "hint" });
  const recipe = el("input", { id: "recipe-text", type: "text", "aria-label": W.recipe_text, title: W.recipe_text, spellcheck: false,
    onchange: () => tryAsk("/api/recipe", { text: recipe.value.trim() }).then(() => (recipe.value = state.recipe_text)) });
  const copy = el("button", { type: "button", onclick: async () => {
    recipe.select();
    try {
      await navigator.clipboard.writeText(recipe.value);
    } catch {
      document.execCommand("copy"); // a page that is not on this computer has no clipboard of its own
    }
    setText(copy, W.recipe_copied);
    setTimeout(() => setText(copy, W.recipe_copy), 1500);
  } }, W.recipe_copy);
  const save = el("button", { type: "button", onclick: () => {
    const url = URL.createObjectURL(new Blob([`${state.recipe_text}\n`], { type: "text/plain" }));
    el("a", { href: url, download: `${(state.picture?.name ?? "drawing").replace(/\.[^.]*$/, "")}.recipe` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  } }, W.recipe_save);
  const tone = el("div", {}, TONE.map(optionField));
  const fills = el("div", {}, LINES.map(optionField));
  byId("picture-side").append(
    card,
    fold("size", W.size, true, placeFields(stage.placing), paperField()),
    fold("style", W.style, true, styleSheet(), STYLE.map(optionField), fills, tone),
    fold("seen", W.seen, false, image, none, said, SEEN.map(optionField)),
    fold("motion", W.motion, false, MOTION.map(optionField)),
    fold("recipe", W.recipe, false, el("div", { class: "stack" }, recipe, el("div", { class: "row" }, copy, save)), el("p", { class: "hint" }, W.recipe_hint)));

  on("picture", () => setText(name, state.picture ? `${state.picture.name}` : ""));
  on("picture", () => show(card, Boolean(state.picture)));
  on("plan recipe", () => {
    const toned = (state.recipe.style ?? "auto") === "tone" || ((state.recipe.style ?? "auto") === "auto" && state.plan?.summary?.style === "tone");
    show(tone, toned);
    show(fills, !toned);
  });
  on("plan", () => {
    const summary = state.plan?.summary;
    const at = summary ? `/api/plan/${encodeURIComponent(state.plan.id)}/seen.png` : "";
    if (at && image.getAttribute("src") !== at) image.src = at;
    show(image, Boolean(at));
    show(none, !at);
    const words = [summary?.seen, summary?.left_out?.length ? `${W.left_out} ${[summary.left_out].flat().join(", ")}` : ""].flat();
    setText(said, words.filter((each) => typeof each === "string" && each).join(" "));
  });
  on("recipe_text recipe", () => (recipe.value = state.recipe_text ?? ""));
}
