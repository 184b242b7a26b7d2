// Small pictures of a network while it learns: filters and maps, a byte a number. Sums are never made of them.

import { make } from "./dom.js";
import { paint } from "./painting.js";

const WIDE = 344; // of a row of pictures, in pixels
const [KERNEL, MAP, GAP] = [40, 56, 2]; // the former two at most

/** What is said as long as nothing is known of an image. */
export const COMPUTING = "Computing for this image …";

const figures = new Map(); // by the names of what they show

/** Where the pictures of the first layer come, and those of all behind it. */
export const [firstPictures, otherPictures] = [make("div"), make("div")];

/** Show pictures: "filters conv1" (in, out, h, w), and its maps "small conv1" (k, h, w) if they are `ofImage` that is shown. */
export function showPictures(arrays, captions, step, ofImage = true) {
  for (const [name, words] of Object.entries(captions)) {
    const { shape, data } = arrays[name];
    if (shape.length === 3 && !ofImage) continue;
    if (!figures.has(name)) figures.set(name, figureOf(name));
    const { canvas, told } = figures.get(name);
    canvas.removeAttribute("aria-busy");
    paint(canvas, job(shape, data));
    if (told.textContent !== words) told.textContent = words; // else the page would be laid out anew
    canvas.setAttribute("aria-label", `${words}, after step ${step}`);
    canvas.dataset.step = step;
  }
}

/** Another image is shown: what the maps show is no longer it. */
export function outdatePictures() {
  for (const [name, { canvas, told }] of figures) {
    if (name.startsWith("filters")) continue;
    canvas.setAttribute("aria-busy", "true");
    told.textContent = COMPUTING;
  }
}

function figureOf(name) {
  const canvas = make("canvas", { role: "img", "data-picture": name });
  const told = make("figcaption", { class: "quiet" });
  const layer = name.replace(/^\w+ /, "");
  firstPictures.dataset.layer ??= layer;
  const place = layer === firstPictures.dataset.layer ? firstPictures : otherPictures;
  place.append(make("figure", { class: "learn-picture" }, told, make("div", { class: "scroll" }, canvas)));
  return { canvas, told };
}

/** What the worker is to paint: the pictures side by side, each number as a square. */
function job(shape, data) {
  const [rows, columns] = shape.slice(-2);
  const many = data.length / (rows * columns);
  const kernels = shape.length === 4;
  const most = kernels ? Math.min(KERNEL, (WIDE + GAP) / shape[1] - GAP) : MAP;
  const zoom = Math.max(1, Math.floor(most / Math.max(rows, columns)));
  const [right, down] = [columns * zoom + GAP, rows * zoom + GAP];
  const across = kernels ? shape[1] : Math.min(many, Math.max(1, Math.floor(WIDE / right)));
  const places = Array.from({ length: many }, (_, k) => [(k % across) * right, Math.floor(k / across) * down, k]);
  const numbers = Float32Array.from(data, (byte) => (byte ? (byte - 128) / 127 : NaN));
  const lines = Math.ceil(many / across);
  return { numbers, rows, columns, zoom, places, ranges: Array(many).fill(1), width: across * right - GAP, height: lines * down - GAP };
}
