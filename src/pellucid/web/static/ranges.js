// How far colours reach: R of each map, of its layer, of the whole network, or as it was when it was locked.

import { get } from "./state.js";

const locked = new Map(); // path -> R

/** R for each of the maps that a layer shows, out of what the server found. */
export function rangesOf(path, found, maps) {
  const { range } = get();
  const own = found.arrays.ranges?.data;
  if (range !== "locked") locked.delete(path);
  if (range === "channel" && own) return Array.from(own);
  let reach = found.range;
  if (range === "network" && found.whole) reach = found.whole;
  if (range === "locked") {
    if (!locked.has(path)) locked.set(path, reach);
    reach = locked.get(path);
  }
  return Array(maps).fill(reach);
}
