// The pinned channel's map in large: where the cell lies, what is around it; arrows move the pin.

import { ask } from "./api.js";
import { hover, moved, onHover, pin } from "./cells.js";
import { allow, make, say } from "./dom.js";
import { cellName, isListed, layerAt, layout, makesMaps } from "./network.js";
import { text } from "./numbers.js";
import { paint } from "./painting.js";
import { rangesOf } from "./ranges.js";
import { get } from "./state.js";

const SIDE = 168;
const BROAD = 300; // of a vector, whose rows are few
const LARGEST = 40; // of one number, in pixels
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const canvas = make("canvas", { "aria-hidden": "true" });
const ring = make("span", { class: "cell", hidden: true });
const button = make(
  "button",
  {
    class: "map", type: "button", "aria-keyshortcuts": "ArrowUp ArrowDown ArrowLeft ArrowRight [ ]", click, keydown,
    pointermove: (event) => preview(cellAt(event)), pointerleave: () => hover(null),
  },
  ring,
);
const stage = make("div", { class: "stage", role: "application", "aria-roledescription": "map of numbers", "aria-label": "the map in large" }, canvas, button);
const title = make("h2", {});
const told = make("p", { class: "preview" });
const earlier = make("button", { type: "button", "aria-label": "channel before", click: () => beside(-1) }, "◀");
const later = make("button", { type: "button", "aria-label": "next channel", click: () => beside(1) }, "▶");
const turn = make("div", { class: "row" }, earlier, later, make("span", { class: "quiet" }, "Arrows in the map move the cell."));

let shown = null; // {layer, channel, key, numbers, rows, columns, length, pixel}

/** Build the large map. */
export function buildMap() {
  onHover((place) => { if (shown) tell(place && place.layer === shown.layer.path && place.channel === shown.channel ? place.cell : get().cell); });
  return make("section", { class: "large", hidden: true, "aria-label": "The map in large" }, stage, make("div", {}, title, told, turn));
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
  const { rows, columns, length } = layout(layer);
  const pixel = Math.min(LARGEST, columns > 2 * rows ? BROAD / columns : SIDE / Math.max(rows, columns));
  const zoom = Math.max(1, Math.round(pixel));
  shown = { layer, channel, key, numbers: found.arrays.maps.data, rows, columns, length, pixel };
  for (const element of [canvas, button, stage]) {
    Object.assign(element.style, { width: `${columns * pixel}px`, height: `${rows * pixel}px` });
  }
  button.style.left = button.style.top = "0";
  paint(canvas, {
    numbers: shown.numbers, rows, columns, places: [[0, 0, 0]], ranges: rangesOf(layer.path, found, 1), zoom,
    width: columns * zoom, height: rows * zoom,
  });
  title.textContent = makesMaps(layer) ? `${layer.path}, channel ${channel}` : layer.path;
  turn.hidden = layer.shape[0] === 1 && rows * columns === 1;
  for (const each of [earlier, later]) each.hidden = !makesMaps(layer) || layer.shape[0] === 1;
  allow(earlier, channel > 0, later);
  allow(later, channel < layer.shape[0] - 1, earlier);
}

function value([row, column]) {
  return shown.numbers[row * shown.columns + column];
}

function inside(cell) {
  return cell && cell[0] < shown.rows && cell[1] < shown.columns && cell[0] * shown.columns + cell[1] < shown.length;
}

function mark(cell) {
  const known = inside(cell);
  ring.hidden = !known;
  if (known) {
    const { pixel } = shown;
    Object.assign(ring.style, { top: `${cell[0] * pixel}px`, left: `${cell[1] * pixel}px`, width: `${pixel}px`, height: `${pixel}px` });
  }
  button.setAttribute("aria-label", `in large: ${cellName(shown.layer, shown.channel, known ? cell : [0, 0])}${known ? `, ${text(value(cell))}` : ""}`);
  tell(cell);
}

function tell(cell) {
  told.textContent = inside(cell) ? `${where(cell)}: ${text(value(cell))}` : "Click a number to see its sum.";
}

function where(cell) {
  return makesMaps(shown.layer) ? `row ${cell[0]}, column ${cell[1]}` : `number ${cell[0] * shown.columns + cell[1]}`;
}

function cellAt(event) {
  const box = button.getBoundingClientRect();
  const at = [event.clientY - box.top, event.clientX - box.left].map((place) => Math.floor(place / shown.pixel));
  const cell = [Math.max(0, Math.min(shown.rows - 1, at[0])), Math.max(0, Math.min(shown.columns - 1, at[1]))];
  return inside(cell) ? cell : null;
}

function preview(cell) {
  if (cell) hover({ layer: shown.layer.path, channel: shown.channel, cell, value: value(cell) });
}

function click(event) {
  const cell = event.detail === 0 ? get().cell ?? [0, 0] : cellAt(event); // 0: by the keyboard
  if (cell) go(cell);
}

function go(cell) {
  pin(shown.layer.path, shown.channel, cell);
}

function beside(step) {
  const channel = Math.max(0, Math.min(shown.layer.shape[0] - 1, shown.channel + step));
  pin(shown.layer.path, channel, get().cell ?? [0, 0]);
}

function keydown(event) {
  const step = STEPS[event.key];
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (step) {
    const far = event.shiftKey ? 5 : 1;
    const { cell } = get();
    const next = cell ? moved(shown.layer, cell, far * step[0], far * step[1]) : [0, 0];
    hover(null);
    go(next);
    if (shown) say(`${where(next)}, ${text(value(next))}`);
  } else if ((event.key === "[" || event.key === "]") && makesMaps(shown.layer)) {
    beside(event.key === "[" ? -1 : 1);
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}
