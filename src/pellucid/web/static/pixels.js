// What the network sees: the image, pixel by pixel, to look at, to point at, and to edit by keyboard.

import { current, hover, onHover, pin } from "./cells.js";
import { byId, lay, say, taps } from "./dom.js";
import { HELP, arrowStep, claim, isCommand } from "./keyboard.js";
import { layerAt, network, receptiveField } from "./network.js";
import { text } from "./numbers.js";
import { put } from "./painting.js";
import { get, on } from "./state.js";
import { cellAt, stepped } from "./within.js";

const SIDE = 196;
const LEVELS = 9; // 0 … 9 on the keyboard: from nothing to full ink

HELP["0 to 9"] = "in the image: set the ink of a pixel";

let shown = null; // {data, shape, channels, rows, columns}
let cursor = [0, 0];
let edited = () => {};

/** Listen; `whenEdited` is called with the bytes of an image that was changed. */
export function buildPixels(whenEdited) {
  edited = whenEdited;
  const button = byId("pixels-cell");
  const at = (event) => cellAt(event, button, shown);
  button.addEventListener("pointermove", (event) => point(at(event)));
  button.addEventListener("pointerleave", () => hover(null));
  button.addEventListener("click", (event) => { if (event.detail) cursor = at(event); point(cursor); pin("input", channelOfInput(), cursor); });
  button.addEventListener("focus", () => point(cursor));
  button.addEventListener("blur", () => hover(null));
  button.addEventListener("keydown", key);
  onHover(frame);
  on(["layer", "cell"], frame);
}

export function showPixels({ data, shape }) {
  const [channels, rows, columns] = shape.length === 3 ? shape : [1, 1, shape[0]];
  shown = { data, shape, channels, rows, columns };
  paintImage(byId("pixels"), shown);
  const scale = Math.min(Math.max(1, Math.floor(SIDE / Math.max(rows, columns))), SIDE / columns);
  Object.assign(byId("pixels-frame").style, { width: `${columns * scale}px`, aspectRatio: rows > 1 ? `${columns} / ${rows}` : "", height: rows > 1 ? "" : "24px" });
  byId("pixels-hint").textContent = taps() ? "Tap a pixel to follow it" : `Click a pixel${editable() ? "; arrows; 0–9 for ink" : " to follow it"}`;
  label();
  frame();
}

function editable() {
  return shown.data instanceof Uint8Array && shown.channels === 1 && shown.shape.length === 3;
}

/** Put an image {data, channels, rows, columns} on a canvas. */
export function paintImage(canvas, image) {
  put(canvas, inColours(image), image.columns, image.rows);
}

/** A picture in RGBA: bytes as they are, floats from the smallest to the largest. */
function inColours({ data, channels, rows, columns }) {
  const plane = rows * columns;
  const out = new Uint8ClampedArray(4 * plane);
  let [low, high] = [0, 255];
  if (!(data instanceof Uint8Array)) {
    [low, high] = [Infinity, -Infinity];
    for (const value of data) { low = Math.min(low, value); high = Math.max(high, value); }
  }
  const gain = high > low ? 255 / (high - low) : 0;
  for (let at = 0; at < plane; at += 1) {
    for (let c = 0; c < 3; c += 1) out[4 * at + c] = (data[(channels >= 3 ? c : 0) * plane + at] - low) * gain;
    out[4 * at + 3] = 255;
  }
  return out;
}

function channelOfInput() {
  return get().layer === "input" ? get().channel : 0;
}

function valueAt([row, column], channel = 0) {
  return shown.data[(channel * shown.rows + row) * shown.columns + column];
}

function point(cell) {
  if (!shown) return;
  hover({ layer: "input", channel: channelOfInput(), cell, pixel: true, value: valueAt(cell, channelOfInput()) });
}

function label() {
  const value = (shown.channels === 3 ? [0, 1, 2] : [0]).map((channel) => text(valueAt(cursor, channel))).join(", ");
  byId("pixels-cell").setAttribute("aria-label", `pixel, row ${cursor[0]}, column ${cursor[1]}, ${value}`);
}

function key(event) {
  const step = arrowStep(event);
  if (step) {
    cursor = stepped(cursor, step, shown);
    point(cursor);
  } else if (/^[0-9]$/.test(event.key) && !isCommand(event) && editable()) {
    const data = shown.data.slice();
    data[cursor[0] * shown.columns + cursor[1]] = Math.round((255 * Number(event.key)) / LEVELS);
    shown.data = data;
    edited(data);
  } else {
    return;
  }
  claim(event);
  label();
  say(byId("pixels-cell").getAttribute("aria-label"));
}

/** Draw a frame around the pixels that the cell in question depends on. */
function frame() {
  const place = current();
  const box = byId("field");
  const layer = place && layerAt(place.layer);
  const field = shown && layer ? receptiveField(layer, place.cell) : null;
  box.hidden = !field;
  if (!field) return;
  const [y, x] = [100 / shown.rows, 100 / shown.columns];
  lay(box, { left: field.left * x, top: field.top * y, width: field.columns * x, height: field.rows * y }, "%");
}

/** The image that is shown: {data, shape, …}, or null. */
export function shownPixels() {
  return shown;
}

/** The image as text for a link, if bytes: base64 with - and _. */
export function pixelsAsText(data) {
  let binary = "";
  for (const byte of data) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes of such a text; null if it is none. */
export function textAsPixels(words) {
  try {
    return Uint8Array.from(atob(words.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Whether the network takes pictures of one channel on a square: what can be drawn. */
export function drawable() {
  const [channels, rows, columns] = network.input_shape;
  return channels === 1 && rows === columns && rows !== undefined;
}
