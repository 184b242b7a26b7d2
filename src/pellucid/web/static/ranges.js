// How far colours reach: R of each map, of its layer, of the whole network, or as it was when it was locked.

import { get, set } from "./state.js";

let locked = {}; // path -> R

/** Lock the colours of all layers, as long as one goes through moments. */
export function lend(reach) {
  locked = reach;
  set({ range: "locked", lent: true });
}

/** R for each of the maps that a layer shows, out of what the server found. */
export function rangesOf(path, found, maps) {
  const { range } = get();
  const own = found.arrays.ranges?.data;
  if (range !== "locked") locked = {};
  if (range === "channel" && own) return Array.from(own);
  const reach = range === "locked" ? (locked[path] ??= found.range) : (range === "network" && found.whole) || found.range;
  return Array(maps).fill(reach);
}
