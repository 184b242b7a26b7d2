// Following numbers: which cell the pointer is over (a preview), and which is pinned (its sum is shown).

import { broadcast, get, set } from "./state.js";
import { cellFits, cellOf, layerAt, layout } from "./network.js";
import { stepped } from "./within.js";

const FOLLOWING = ["sum", "change"]; // tabs that show what is pinned

let preview = null; // the place that is pointed at

/** Call a function with the place that is pointed at, {layer, channel, cell, value}, or with null. */
const [onHover, tellHover] = broadcast();

/** Call a function with a layer's path, and `here`, whenever a cell of it is pinned, even one that was before. */
const [onPin, tellPin] = broadcast();

export { onHover, onPin };

/** Show what lies under the pointer or the keyboard; null for nothing. */
export function hover(place) {
  preview = place;
  tellHover(preview);
}

/** The cell that is previewed, or else the pinned one; null if there is neither. */
export function current() {
  const { layer, channel, cell } = get();
  return preview ?? (layer && cell ? { layer, channel, cell, value: undefined } : null);
}

/** Pin a cell: the inspector shows its sum. `here` says that it was chosen in its own map. */
export function pin(path, channel, cell, here = false) {
  const view = FOLLOWING.includes(get().view) ? get().view : "sum";
  set({ layer: path, channel, cell, view });
  tellPin(path, here);
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
