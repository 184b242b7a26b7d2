// The pinned channel's map in large: where the cell lies, what is around it; arrows move the pin.

import { ask } from "./api.js";
import { hover, moved, onHover, pin } from "./cells.js";
import { row } from "./controls.js";
import { allow, lay, make, say, taps } from "./dom.js";
import { arrowStep, claim, either } from "./keyboard.js";
import { cellFits, cellName, isListed, layerAt, layout, makesMaps } from "./network.js";
import { text, within } from "./numbers.js";
import { paint } from "./painting.js";
import { rangesOf } from "./ranges.js";
import { get } from "./state.js";
import { ringed, stage, surround } from "./target.js";
import { cellAt } from "./within.js";

const SIDE = 168;
const BROAD = 300; // of a vector, whose rows are few
const LARGEST = 40; // of one number, in pixels

const canvas = make("canvas", { "aria-hidden": "true" });
const ring = ringed();
const button = make("button", {
  class: "map", "aria-keyshortcuts": "ArrowUp ArrowDown ArrowLeft ArrowRight [ ]", click, keydown,
  pointermove: (event) => preview(cellAt(event, button, shown)), pointerleave: () => hover(null),
}, ring);
const place = stage("map", "the map in large", canvas, button);
const title = make("h2", {});
const told = make("p", { class: "preview" });
const earlier = make("button", { "aria-label": "channel before", click: () => beside(-1) }, "◀");
const later = make("button", { "aria-label": "next channel", click: () => beside(1) }, "▶");
const turn = row(earlier, later);

let shown = null; // {layer, channel, key, numbers, rows, columns, pixel}

export function buildMap() {
  onHover((place) => { if (shown) tell(place && place.layer === shown.layer.path && place.channel === shown.channel ? place.cell : get().cell); });
  return make("section", { class: "large", hidden: true, "aria-label": "The map in large" }, place, make("div", {}, title, told, turn));
}

/** Show the map of the channel that the state names, and its cell. */
export async function showMap(element) {
  const { image, revision, layer: path, channel, cell, range } = get();
  const layer = layerAt(path);
  element.hidden = !layer || !image || isListed(layer); // which is large enough in the stack
  if (element.hidden) { shown = null; return; }
  const first = makesMaps(layer) ? Math.min(channel, layer.shape[0] - 1) : 0;
  const key = `${image} ${revision} ${path} ${first} ${range}`;
  if (shown?.key !== key) {
    const found = await ask("maps", { image, layer: path, first, count: 1, whole: range === "network" });
    accept(layer, first, key, found);
  }
  mark(cell);
}

function accept(layer, channel, key, found) {
  const { rows, columns } = layout(layer);
  const pixel = Math.min(LARGEST, columns > 2 * rows ? BROAD / columns : SIDE / Math.max(rows, columns));
  shown = { layer, channel, key, numbers: found.arrays.maps.data, rows, columns, pixel };
  for (const element of [canvas, button, place]) lay(element, { left: 0, top: 0, width: columns * pixel, height: rows * pixel });
  paint(canvas, { numbers: shown.numbers, rows, columns, ranges: rangesOf(layer.path, found, 1), zoom: Math.max(1, Math.round(pixel)) });
  title.textContent = makesMaps(layer) ? `${layer.path}, channel ${channel}` : layer.path;
  turn.hidden = !makesMaps(layer) || layer.shape[0] === 1;
  allow(earlier, channel > 0, later);
  allow(later, channel < layer.shape[0] - 1, earlier);
}

function value([row, column]) {
  return shown.numbers[row * shown.columns + column];
}

function inside(cell) {
  return cell && cellFits(shown.layer, cell);
}

function mark(cell) {
  const known = inside(cell);
  surround(ring, known ? cell : null, shown.pixel);
  button.setAttribute("aria-label", `in large: ${cellName(shown.layer, shown.channel, known ? cell : [0, 0])}${known ? `, ${text(value(cell))}` : ""}`);
  tell(cell);
}

function tell(cell) {
  told.textContent = inside(cell) ? `${where(cell)}: ${text(value(cell))}` : `${taps() ? "Tap" : "Click"} a number to see its sum.`;
}

function where(cell) {
  return makesMaps(shown.layer) ? `row ${cell[0]}, column ${cell[1]}` : `number ${cell[0] * shown.columns + cell[1]}`;
}

function preview(cell) {
  if (inside(cell)) hover({ layer: shown.layer.path, channel: shown.channel, cell, value: value(cell) });
}

function click(event) {
  const cell = event.detail === 0 ? get().cell ?? [0, 0] : cellAt(event, button, shown); // 0: by the keyboard
  button.focus({ preventScroll: true }); // which Safari does not do
  if (inside(cell)) go(cell);
}

function go(cell, channel = shown.channel) {
  pin(shown.layer.path, channel, cell);
}

function beside(step) {
  go(get().cell ?? [0, 0], within(shown.channel + step, 0, shown.layer.shape[0] - 1));
}

function keydown(event) {
  const step = arrowStep(event);
  const further = either(event, "[", "]");
  if (step) {
    const { cell } = get();
    const next = cell ? moved(shown.layer, cell, ...step) : [0, 0];
    hover(null);
    go(next);
    if (shown) say(`${where(next)}, ${text(value(next))}`);
  } else if (further && makesMaps(shown.layer)) beside(further);
  else return;
  claim(event);
}
