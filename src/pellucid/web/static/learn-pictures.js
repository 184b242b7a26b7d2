// Small pictures of a network while it learns: filters and maps, a byte a number. Sums are never made of them.

import { make } from "./dom.js";
import { text } from "./numbers.js";
import { paint } from "./painting.js";

const WIDE = 344; // of a row of pictures, in pixels
const KERNEL = 40; // of a picture, at most
const LEAST = 5; // of a number in a kernel
const MAP = 56;
const GAP = 2;
const NUMBERS = Float32Array.from({ length: 256 }, (_, byte) => (byte ? (byte - 128) / 127 : NaN)); // that a byte stands for

/**
 * Show the pictures that came: arrays named "filters conv1" (in, out, h, w) and "small conv1" (k, h, w), its maps. Those
 * of layers behind the first come into the `rest` of the place.
 */
export function showPictures(place, arrays, reach, step) {
  for (const [name, { shape, data }] of Object.entries(arrays)) {
    const kind = /^(filters|small) (.+)$/.exec(name);
    if (!kind || !(data instanceof Uint8Array) || (kind[1] === "filters") !== (shape.length === 4)) continue;
    const figure = figureOf(place, name);
    const { canvas } = figure;
    paint(canvas, job(shape, data));
    const words = `${caption(kind[1], kind[2], shape)}, to ±${text(reach[name] ?? 0, 3)}`;
    if (figure.caption.textContent !== words) figure.caption.textContent = words; // else the page would be laid out anew
    canvas.setAttribute("aria-label", `${caption(kind[1], kind[2], shape)}, after step ${step}`);
    canvas.dataset.step = step;
  }
}

function figureOf(place, name) {
  place.figures ??= new Map();
  if (!place.figures.has(name)) {
    const canvas = make("canvas", { role: "img", "data-picture": name });
    const caption = make("figcaption", { class: "quiet" });
    const layer = name.slice(name.indexOf(" ") + 1);
    place.first ??= layer;
    const rest = layer === place.first ? place : place.rest;
    rest.append(make("figure", { class: "learn-picture" }, caption, make("div", { class: "scroll" }, canvas)));
    place.figures.set(name, { canvas, caption });
  }
  return place.figures.get(name);
}

function caption(kind, layer, shape) {
  if (kind === "small") return `${layer}: ${shape[0]} maps of the image`;
  const [seen, made, rows, columns] = shape;
  const across = acrossOf(shape);
  const few = across < made ? `the first ${across} of ${made}` : `${made}`;
  return `${layer}: ${seen > 1 ? `kernels ${rows}×${columns}, ${few} filters across, ${seen} inputs down` : `${few} kernels ${rows}×${columns}`}`;
}

/** How many kernels stand side by side: as many as there are, if each number can be seen then. */
function acrossOf([, made, , columns]) {
  return Math.max(1, Math.min(made, Math.floor((WIDE + GAP) / (columns * LEAST + GAP))));
}

/** What the worker is to paint: the pictures side by side, each number as a square. */
function job(shape, data) {
  const [rows, columns] = shape.slice(-2);
  const many = data.length / (rows * columns);
  const kernels = shape.length === 4;
  const most = kernels ? Math.min(KERNEL, (WIDE + GAP) / acrossOf(shape) - GAP) : MAP;
  const zoom = Math.max(1, Math.floor(most / Math.max(rows, columns)));
  const [right, down] = [columns * zoom + GAP, rows * zoom + GAP];
  const across = kernels ? acrossOf(shape) : Math.min(many, Math.max(1, Math.floor(WIDE / right)));
  const shown = Array.from({ length: many }, (_, k) => k).filter((k) => !kernels || k % shape[1] < across);
  const places = shown.map((k, place) => [(place % across) * right, Math.floor(place / across) * down, k]);
  const numbers = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += 1) numbers[at] = NUMBERS[data[at]];
  const lines = Math.ceil(shown.length / across);
  return { numbers, rows, columns, zoom, places, ranges: Array(shown.length).fill(1), width: across * right - GAP, height: lines * down - GAP };
}
