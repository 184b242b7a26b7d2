// Following numbers: which cell the pointer is over (a preview), and which is pinned (its sum is shown).

import { call, get, set } from "./state.js";
import { cellFits, cellOf, layerAt, layout } from "./network.js";
import { stepped } from "./within.js";

const FOLLOWING = ["sum", "change"]; // tabs that show what is pinned

let preview = null; // {layer, channel, cell, value}
const listeners = [];
const pinners = [];

/** Show what lies under the pointer or the keyboard; null for nothing. */
export function hover(place) {
  preview = place;
  for (const listener of listeners) call(listener, preview);
}

/** The cell that is previewed, or else the pinned one; null if there is neither. */
export function current() {
  const { layer, channel, cell } = get();
  return preview ?? (layer && cell ? { layer, channel, cell, value: undefined } : null);
}

export function onHover(listener) {
  listeners.push(listener);
}

/** Pin a cell: the inspector shows its sum. `here` says that it was chosen in its own map. */
export function pin(path, channel, cell, here = false) {
  const view = FOLLOWING.includes(get().view) ? get().view : "sum";
  set({ layer: path, channel, cell, view });
  for (const listener of pinners) call(() => listener(path, here));
}

/** Call a function with a layer's path, and with `here`, whenever one of its cells is pinned, even if it was before. */
export function onPin(listener) {
  pinners.push(listener);
}

/** Pin the cell at an index of a layer's output. */
export function pinIndex(path, index) {
  const layer = layerAt(path);
  if (!layer) return;
  const { channel, cell } = cellOf(layer, index);
  pin(path, channel, cell);
}

/** A cell so many rows and columns further, kept inside of its map. */
export function moved(layer, cell, ...step) {
  const next = stepped(cell, step, layout(layer));
  return cellFits(layer, next) ? next : cell;
}
