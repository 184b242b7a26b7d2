// The worker that colours maps, away from the thread that follows the pen.

import { word } from "./colours.js";

/** Paint one map (rows × columns numbers) into a picture, each number as a square of `zoom` pixels. */
function paintMap(pixels, width, left, top, numbers, from, rows, columns, zoom, range) {
  for (let row = 0; row < rows; row += 1) {
    const y = top + row * zoom;
    for (let column = 0; column < columns; column += 1) {
      const at = from + row * columns + column;
      if (at >= numbers.length) return; // the last row of a folded vector
      const colour = word(numbers[at], range);
      const start = y * width + left + column * zoom;
      for (let line = 0; line < zoom; line += 1) pixels.fill(colour, start + line * width, start + line * width + zoom);
    }
  }
}

onmessage = ({ data: { ticket, numbers, places, rows, columns, zoom, ranges, width, height } }) => {
  const pixels = new Uint32Array(width * height);
  places.forEach(([left, top, map], k) => {
    paintMap(pixels, width, left, top, numbers, map * rows * columns, rows, columns, zoom, ranges[k]);
  });
  postMessage({ ticket, pixels }, [pixels.buffer]);
};
