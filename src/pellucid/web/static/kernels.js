// The kernels that lead to one channel of a convolution: as small pictures, and one of them as numbers to change.

import { css, ink } from "./colours.js";
import { make, renew } from "./dom.js";
import { count, plain, text } from "./numbers.js";
import { paint } from "./painting.js";
import { scaleOf } from "./picture.js";

const SHOWN = 32; // kernels at a time
const SIDE = 40; // of a small picture, about, in pixels

let edited = () => {};
let found = null; // what the server has answered
let kernel = 0; // the chosen one
let first = 0;
let inputs = [];
const parts = {};

/** Fill a part of the panel; `whenEdited` is called with {channel, preset?} and the numbers, if there is no preset. */
export function buildKernels(place, whenEdited) {
  edited = whenEdited;
  parts.list = make("div", { class: "kernels" });
  parts.pager = make("div", { class: "row" });
  parts.title = make("h3", {});
  parts.scale = make("div", {});
  parts.grid = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "weights of the kernel" });
  parts.every = make("input", { type: "checkbox", id: "change-every" });
  parts.everyRow = make("label", { class: "check" }, parts.every, make("span", {}));
  parts.presets = make("div", { class: "row", role: "group", "aria-label": "overwrite the kernel by" });
  parts.place = place;
  parts.doing = make("fieldset", {}, parts.grid, parts.scale, parts.everyRow, parts.presets);
  place.append(parts.list, parts.pager, parts.title, parts.doing);
}

/** Let the kernel be changed, or only looked at. */
export function allowKernels(allowed) {
  parts.doing.disabled = !allowed;
}

/** Show what the server has answered. */
export function showKernels(answer, refused = false) {
  const fresh = !found || found.layer !== answer.layer || found.out !== answer.out;
  found = answer;
  parts.place.hidden = !found.arrays.now;
  if (!found.arrays.now) return;
  if (fresh) [kernel, first] = [0, 0];
  const { now, before } = found.arrays;
  [found.kernels, found.rows, found.columns] = now.shape;
  found.length = found.rows * found.columns;
  found.range = [...now.data, ...before.data].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  list();
  grid(fresh, refused);
  presets();
}

/** The numbers of a kernel, as they are or as they were. */
function numbersOf(which, number) {
  return found.arrays[which].data.subarray(number * found.length, (number + 1) * found.length);
}

function isChanged(number) {
  const before = numbersOf("before", number);
  return numbersOf("now", number).some((value, at) => value !== before[at]);
}

function list() {
  parts.list.hidden = found.kernels < 2;
  const many = Math.min(SHOWN, found.kernels - first);
  renew(parts.list, ...Array.from({ length: many }, (_, k) => small(first + k)));
  const turn = (label, words, to, able) => make("button", { type: "button", "aria-label": words, disabled: !able, click: () => { first = to; list(); } }, label);
  parts.pager.hidden = found.kernels <= SHOWN;
  renew(
    parts.pager,
    turn("◀", "earlier kernels", Math.max(0, first - SHOWN), first > 0),
    make("span", {}, `${count(first)}–${count(first + many - 1)} of ${count(found.kernels)}`),
    turn("▶", "further kernels", first + SHOWN, first + SHOWN < found.kernels),
  );
}

function small(number) {
  const zoom = Math.max(1, Math.floor(SIDE / Math.max(found.rows, found.columns)));
  const [width, height] = [found.columns * zoom, found.rows * zoom];
  const canvas = make("canvas", { "aria-hidden": "true" });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  paint(canvas, {
    numbers: numbersOf("now", number).slice(), rows: found.rows, columns: found.columns, places: [[0, 0, 0]],
    ranges: [found.range], zoom, width, height,
  });
  const changed = isChanged(number);
  return make(
    "button",
    {
      type: "button", class: changed ? "small changed" : "small", "aria-pressed": String(number === kernel),
      title: `kernel for channel ${number} of the input${changed ? ", changed" : ""}`,
      "aria-label": `kernel for channel ${number} of the input${changed ? ", changed" : ""}`,
      click: () => { kernel = number; pressed(); grid(true); },
    },
    canvas,
  );
}

function pressed() {
  [...parts.list.children].forEach((button, k) => button.setAttribute("aria-pressed", String(first + k === kernel)));
}

/** The chosen kernel as a table of numbers; the fields stay, with the keyboard in one of them, if only numbers change. */
function grid(fresh, refused = false) {
  const { rows, columns, length } = found;
  parts.title.textContent = found.kernels > 1 ? `Kernel for channel ${kernel} of the input` : "Kernel";
  if (fresh || inputs.length !== length) {
    inputs = Array.from({ length }, (_, at) => field(at));
    const body = Array.from({ length: rows }, (_, row) =>
      make("tr", {}, ...inputs.slice(row * columns, (row + 1) * columns).map((input) => make("td", {}, input))));
    parts.grid.replaceChildren(make("table", { class: "weights" }, make("tbody", {}, ...body)));
  }
  inputs.forEach((input, at) => fill(input, at, refused));
  parts.scale.replaceChildren(scaleOf(numbersOf("now", kernel), found.range, false));
}

function field(at) {
  const size = found.range || 1;
  return make("input", {
    type: "number", step: 10 ** (Math.floor(Math.log10(size)) - 1), value: plain(numbersOf("now", kernel)[at], found.range), // steps count from it
    change: (event) => change(at, event.target),
  });
}

function fill(input, at, refused) {
  const [value, was] = [numbersOf("now", kernel)[at], numbersOf("before", kernel)[at]];
  if (refused || document.activeElement !== input) input.value = plain(value, found.range); // else somebody is typing there
  const place = `row ${Math.floor(at / found.columns)}, column ${at % found.columns}`;
  input.setAttribute("aria-label", value === was ? place : `${place}, was ${text(was)}`);
  input.title = value === was ? text(value) : `${text(value)}, was ${text(was)}`;
  input.classList.toggle("changed", value !== was);
  Object.assign(input.style, { backgroundColor: css(value, found.range), color: ink(value, found.range) });
}

function change(at, input) {
  const own = numbersOf("now", kernel);
  const value = Number(input.value);
  if (input.value === "" || !Number.isFinite(Math.fround(value))) {
    input.value = plain(own[at], found.range);
    return;
  }
  own[at] = value; // what is typed next builds on it, before the server has answered
  edited({ channel: kernel }, own.slice());
}

function presets() {
  const many = found.kernels > 1;
  parts.everyRow.hidden = !many;
  parts.everyRow.lastChild.textContent = `all ${count(found.kernels)} kernels of this channel, shared out among them`;
  const names = found.presets;
  if (parts.presets.dataset.names === names.join()) return;
  parts.presets.dataset.names = names.join();
  parts.presets.replaceChildren(...names.map((preset) =>
    make("button", { type: "button", click: () => edited({ preset, channel: parts.every.checked && found.kernels > 1 ? "all" : kernel }) }, preset)));
}
