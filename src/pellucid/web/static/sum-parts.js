// What the pictures of all sums consist of: tables, numbers, bars, and links to the numbers that are read.

import { hover, pinIndex } from "./cells.js";
import { lay, make } from "./dom.js";
import { cellName, cellOf, layerAt, makesMaps } from "./network.js";
import { text } from "./numbers.js";

const STRANGE = new Map([["nan", NaN], ["inf", Infinity], ["-inf", -Infinity]]);

/** A number of an answer: those that JSON cannot hold come as texts. */
export function number(value) {
  return STRANGE.get(value) ?? value;
}

/** An answer, or a part of it, with all numbers in it; but for the names of layers, which may be any text. */
export function numbers(found) {
  if (Array.isArray(found)) return found.map(numbers);
  if (!(found instanceof Object)) return number(found);
  return Object.fromEntries(Object.entries(found).map(([name, each]) => [name, name === "layer" ? each : numbers(each)]));
}

export function total(values) {
  return values.reduce((sum, value) => sum + value, 0);
}

/** The largest magnitude among numbers, however deep inside of lists; infinities do not count. */
export function reach(values) {
  return values.flat(Infinity).reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
}

/** A number on the page, of which a program can read all digits. */
export function figure(value, digits = 4) {
  return make("data", { value: String(value) }, text(value, digits));
}

/**
 * A table: `rows` and `foot` are lists of cells, the first the heading of its row; numbers become figures.
 *
 * @param {string} caption
 * @param {string[]} headings of the columns
 */
export function table(caption, headings, rows, foot = []) {
  const head = headings.map((words) => make("th", { scope: "col" }, words));
  return make(
    "table", { class: "sum" }, make("caption", {}, caption), head.length ? make("thead", {}, make("tr", {}, ...head)) : null,
    make("tbody", {}, ...lines(rows)), foot.length ? make("tfoot", {}, ...lines(foot, 6)) : null,
  );
}

function lines(rows, digits = undefined) {
  const cell = (each) => make("td", {}, typeof each === "number" ? figure(each, digits) : each);
  return rows.map(([first, ...rest]) => make("tr", {}, make("th", { scope: "row" }, first), ...rest.map(cell)));
}

/** What the place of a number is called, in short: "conv2 (17, 5, 9)". */
export function placeName(path, index) {
  return `${path} (${index.join(", ")})`;
}

/** A button that pins a number of a layer, and shows where that is when pointed at; a text without a path. */
export function place(path, index, words = undefined, otherwise = "") {
  const layer = path ? layerAt(path) : null;
  if (!layer) return make("span", { class: "quiet" }, words ?? otherwise);
  const more = { class: "link place", "aria-label": nameAt(path, index), ...pinning(path, index) };
  return make("button", more, words ?? placeName(path, index));
}

/** The place that the server names as where a number comes from. */
export function origin(found, from) {
  return place(pathOf(found, from.value), from.index, undefined, from.layer);
}

/** What a screen reader says of a number's place. */
export function nameAt(path, index) {
  const layer = layerAt(path);
  const { channel, cell } = cellOf(layer, index);
  return cellName(layer, makesMaps(layer) ? channel : 0, cell);
}

/** The listeners of a button that pins a number, and previews it. */
export function pinning(path, index, value = undefined) {
  const { channel, cell } = cellOf(layerAt(path), index);
  const show = () => hover({ layer: path, channel, cell, value });
  const hide = () => hover(null);
  return { click: () => { hover(null); pinIndex(path, index); }, pointerenter: show, pointerleave: hide, focus: show, blur: hide };
}

/** A bar from one number to another, on a line from `low` to `high`; left and right stand below and above 0. */
export function bar(from, to, low, high) {
  const share = (value) => (high > low ? (100 * (value - low)) / (high - low) : 0);
  const fill = make("span", { class: to < from ? "part negative" : "part positive" });
  const zero = make("span", { class: "zero" });
  if ([from, to].every(Number.isFinite)) {
    lay(fill, { left: share(Math.min(from, to)), width: Math.abs(share(to) - share(from)) }, "%");
  }
  lay(zero, { left: share(0) }, "%");
  return make("span", { class: "strip", "aria-hidden": "true" }, zero, fill);
}

/** The path of the layer that makes a value of the program, if the page shows it. */
export function pathOf(found, value) {
  return found.sources[String(value)] ?? null;
}
