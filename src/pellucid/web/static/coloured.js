// Colours maps: one picture for all that a layer shows, as 32-bit words of RGBA bytes. For the page and its worker alike.

import { word } from "./colours.js";

/**
 * Colour maps.
 *
 * @param {{numbers: Float32Array, rows: number, columns: number, places: number[][], ranges: number[], zoom: number,
 *   width: number, height: number}} job `places` has the left and the top of each map and its number among the maps;
 *   each number becomes a square of `zoom` pixels
 */
export function coloured({ numbers, rows, columns, places, ranges, zoom, width, height }) {
  const pixels = new Uint32Array(width * height);
  places.forEach(([left, top, map], k) => {
    const from = map * rows * columns;
    const many = Math.min(rows * columns, numbers.length - from); // the last row of a folded vector may be shorter
    for (let at = 0; at < many; at += 1) {
      const colour = word(numbers[from + at], ranges[k]);
      const start = (top + Math.floor(at / columns) * zoom) * width + left + (at % columns) * zoom;
      for (let line = 0; line < zoom; line += 1) pixels.fill(colour, start + line * width, start + line * width + zoom);
    }
  });
  return pixels;
}
