// Colours maps: one picture for all that a layer shows, as 32-bit words of RGBA bytes. For the page and its worker alike.

import { word } from "./colours.js";

/**
 * Colour maps.
 *
 * @param {object} job numbers of maps of rows × columns, with their ranges; `places` has the left and the top of each map
 *   and its number; each number, or each `step`-th across and down, becomes a square of `zoom` pixels
 */
export function coloured({ numbers, rows, columns, places, ranges, zoom, width, height, step = 1 }) {
  const pixels = new Uint32Array(width * height);
  places.forEach(([left, top, map], k) => {
    const from = map * rows * columns;
    for (let row = 0; row < rows; row += step) {
      const start = (top + (row / step) * zoom) * width + left;
      const first = from + row * columns;
      const many = Math.min(columns, numbers.length - first); // the last row of a folded vector may be shorter
      for (let column = 0, at = start; column < many; column += step) {
        const colour = word(numbers[first + column], ranges[k]);
        for (const end = at + zoom; at < end; at += 1) pixels[at] = colour;
      }
      for (let line = 1; line < zoom; line += 1) pixels.copyWithin(start + line * width, start, start + Math.ceil(columns / step) * zoom);
    }
  });
  return pixels;
}
