// What the tour does on demand: it points, clicks and draws as a hand would, and stops at the first sign of one.

import { ask } from "./api.js";
import { hover, pin } from "./cells.js";
import { still } from "./dom.js";
import { layerAt, layout, makesMaps } from "./network.js";
import { largestAt } from "./numbers.js";
import { get } from "./state.js";

let current = 0;

class Stopped extends Error {}

export function stop() {
  current += 1;
}

/**
 * Do something slowly. `act` is given a function that waits some milliseconds, or not where nothing is to move, and ends
 * the act if somebody has stopped it.
 */
export async function slowly(act) {
  stop();
  const mine = current;
  const wait = async (ms) => {
    if (!still()) await new Promise((resolve) => setTimeout(resolve, ms));
    if (mine !== current) throw new Stopped();
  };
  try {
    await act(wait);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  }
}

/** Pin the cell of a layer whose number is the largest, or of which another layer has the least below it. */
export async function pinTelling(path, wait, below = null) {
  const { layer, channel, cell } = await telling(path, below);
  try {
    if (makesMaps(layer) && !still()) await sweep(layer, channel, cell, () => wait(90));
  } finally {
    hover(null);
  }
  pin(path, channel, cell);
}

/** Point at the numbers of a row, one after the other, up to a cell, and stay there. */
export async function sweep(layer, channel, cell, wait) {
  const step = Math.max(1, Math.round(layout(layer).columns / 12));
  for (let column = cell[1] % step; column <= cell[1]; column += step) {
    hover({ layer: layer.path, channel, cell: [cell[0], column] });
    await wait();
  }
}

/** The place in a layer where there is most to see: of its first maps, or of those before it. */
export async function telling(path, below = null) {
  const layer = layerAt(path);
  const { arrays } = await ask("maps", { image: get().image, layer: below ?? path, first: 0, count: 24 });
  const { data } = arrays.maps;
  const at = largestAt(below ? data.map((value) => -value) : data);
  const { columns, length } = layout(layer);
  const cell = [Math.floor((at % length) / columns), at % columns];
  return { layer, channel: makesMaps(layer) ? arrays.channels.data[Math.floor(at / length)] : 0, cell };
}
