// The kernels that lead to one channel of a convolution: as small pictures, and one of them as numbers to change.

import { css, ink } from "./colours.js";
import { button } from "./controls.js";
import { lay, make, renew } from "./dom.js";
import { count, plain, text } from "./numbers.js";
import { showPager } from "./pager.js";
import { paint } from "./painting.js";
import { scaleOf } from "./picture.js";
import { reach } from "./sum-parts.js";

const SHOWN = 32; // kernels at a time
const SIDE = 40; // of a small picture, about, in pixels

let edited = () => {};
let found = null; // what the server has answered
let kernel = 0; // the chosen one
let first = 0;
let inputs = [];

const pictures = make("div", { class: "kernels" });
const pager = make("div", { class: "row" });
const title = make("h3");
const weights = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "weights of the kernel" });
const scale = make("div");
const every = make("input", { type: "checkbox", id: "change-every" });
const shared = make("span");
const everyRow = make("label", { class: "check" }, every, shared);
const presets = make("div", { class: "row", role: "group", "aria-label": "overwrite the kernel by" });
const doing = make("fieldset", {}, weights, scale, everyRow, presets);
const element = make("div", {}, pictures, pager, title, doing);

/** A part of the panel; `whenEdited` is called with {channel, preset?} and the numbers, if there is no preset. */
export function buildKernels(whenEdited) {
  edited = whenEdited;
  return element;
}

export function showKernels(answer, refused = false) {
  const fresh = found?.layer !== answer.layer || found.out !== answer.out;
  found = answer;
  const { now, before } = found.arrays;
  element.hidden = !now;
  if (!now) return;
  if (fresh) [kernel, first] = [0, 0];
  [found.kernels, found.rows, found.columns] = now.shape;
  found.length = found.rows * found.columns;
  found.range = reach([...now.data, ...before.data]);
  list();
  grid(fresh, refused);
  offer();
}

/** The numbers of a kernel, as they are or as they were. */
function numbersOf(which, number) {
  return found.arrays[which].data.subarray(number * found.length, (number + 1) * found.length);
}

function list() {
  const { kernels: total } = found;
  const many = Math.min(SHOWN, total - first);
  pictures.hidden = total < 2;
  renew(pictures, ...Array.from({ length: many }, (_, k) => small(first + k)));
  showPager(pager, { what: "kernels", first, size: SHOWN, total, turn: (to) => { first = to; list(); } });
}

function small(number) {
  const { rows, columns, range } = found;
  const zoom = Math.max(1, Math.floor(SIDE / Math.max(rows, columns)));
  const canvas = make("canvas", { "aria-hidden": "true" });
  lay(canvas, { width: columns * zoom, height: rows * zoom });
  const [now, before] = ["now", "before"].map((which) => numbersOf(which, number));
  paint(canvas, { numbers: now.slice(), rows, columns, ranges: [range], zoom });
  const changed = now.some((value, at) => value !== before[at]);
  const words = `kernel for channel ${number} of the input${changed ? ", changed" : ""}`;
  const choose = () => { kernel = number; list(); grid(true); };
  const more = { class: changed ? "small changed" : "small", "aria-pressed": String(number === kernel), title: words, "aria-label": words };
  return button(canvas, choose, more);
}

/** The chosen kernel as a table; its fields stay, as the keyboard may be in one, if only numbers change. */
function grid(fresh, refused = false) {
  const { rows, columns, length, range } = found;
  title.textContent = found.kernels > 1 ? `Kernel for channel ${kernel} of the input` : "Kernel";
  if (fresh || inputs.length !== length) {
    inputs = Array.from({ length }, (_, at) => numberField(at));
    const line = (_, row) => make("tr", {}, ...inputs.slice(row * columns, (row + 1) * columns).map((input) => make("td", {}, input)));
    weights.replaceChildren(make("table", { class: "weights" }, make("tbody", {}, ...Array.from({ length: rows }, line))));
  }
  inputs.forEach((input, at) => fill(input, at, refused));
  scale.replaceChildren(scaleOf(numbersOf("now", kernel), range, false));
}

function numberField(at) {
  const size = found.range || 1;
  return make("input", {
    type: "number", step: 10 ** (Math.floor(Math.log10(size)) - 1), value: plain(numbersOf("now", kernel)[at], found.range), // steps count from it
    change: (event) => change(at, event.target),
  });
}

function fill(input, at, refused) {
  const { range, columns } = found;
  const [value, was] = ["now", "before"].map((which) => numbersOf(which, kernel)[at]);
  if (refused || document.activeElement !== input) input.value = plain(value, range); // else somebody is typing there
  const before = value === was ? "" : `, was ${text(was)}`;
  input.setAttribute("aria-label", `row ${Math.floor(at / columns)}, column ${at % columns}${before}`);
  input.title = text(value) + before;
  input.classList.toggle("changed", value !== was);
  Object.assign(input.style, { backgroundColor: css(value, range), color: ink(value, range) });
}

function change(at, input) {
  const own = numbersOf("now", kernel);
  if (input.value === "" || !Number.isFinite(Math.fround(input.value))) {
    input.value = plain(own[at], found.range);
    return;
  }
  own[at] = Number(input.value); // what is typed next builds on it, before the server has answered
  edited({ channel: kernel }, own.slice());
}

/** Offer what a kernel can be overwritten by. */
function offer() {
  everyRow.hidden = found.kernels < 2;
  shared.textContent = `all ${count(found.kernels)} kernels of this channel, shared out among them`;
  const take = (preset) => edited({ preset, channel: every.checked && found.kernels > 1 ? "all" : kernel });
  renew(presets, ...found.presets.map((preset) => button(preset, () => take(preset))));
}
