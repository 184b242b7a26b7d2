// Small pictures of a network while it learns: filters and maps, a byte a number. Sums are never made of them.

import { make } from "./dom.js";
import { text } from "./numbers.js";
import { paint } from "./painting.js";

const WIDE = 344; // of a row of pictures, in pixels
const KERNEL = 40; // of a picture, at most
const MAP = 56;
const GAP = 1;
const NUMBERS = Float32Array.from({ length: 256 }, (_, byte) => (byte ? (byte - 128) / 127 : NaN)); // that a byte stands for

/** Show the pictures that came: arrays named "filters conv1" (in, out, h, w) and "small conv1" (k, h, w), its maps. */
export function showPictures(place, arrays, reach, step) {
  for (const [name, { shape, data }] of Object.entries(arrays)) {
    const kind = /^(filters|small) (.+)$/.exec(name);
    if (!kind || !(data instanceof Uint8Array) || (kind[1] === "filters") !== (shape.length === 4)) continue;
    const figure = figureOf(place, name);
    const { canvas } = figure;
    paint(canvas, job(shape, data));
    const words = `${caption(kind[1], kind[2], shape)}, colours to ±${text(reach[name] ?? 0, 3)}`;
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
    place.append(make("figure", { class: "learn-picture" }, caption, make("div", { class: "scroll" }, canvas)));
    place.figures.set(name, { canvas, caption });
  }
  return place.figures.get(name);
}

function caption(kind, layer, shape) {
  if (kind === "small") return `${layer}: ${shape[0]} of its maps of the image`;
  const [seen, made, rows, columns] = shape;
  return `${layer}: kernels ${rows}×${columns}, ${made} output channels across, ${seen} input channel${seen > 1 ? "s" : ""} down`;
}

/** What the worker is to paint: the pictures side by side, each number as a square. */
function job(shape, data) {
  const [rows, columns] = shape.slice(-2);
  const many = data.length / (rows * columns);
  const kernels = shape.length === 4;
  const most = Math.min(kernels ? KERNEL : MAP, kernels ? WIDE / shape[1] - GAP : MAP);
  const zoom = Math.max(1, Math.floor(most / Math.max(rows, columns)));
  const [right, down] = [columns * zoom + GAP, rows * zoom + GAP];
  const across = kernels ? shape[1] : Math.min(many, Math.max(1, Math.floor(WIDE / right)));
  const places = Array.from({ length: many }, (_, k) => [(k % across) * right, Math.floor(k / across) * down, k]);
  const numbers = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += 1) numbers[at] = NUMBERS[data[at]];
  const lines = Math.ceil(many / across);
  return { numbers, rows, columns, zoom, places, ranges: Array(many).fill(1), width: across * right - GAP, height: lines * down - GAP };
}
