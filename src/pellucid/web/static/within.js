// Cells that are kept inside of what there is.

import { within } from "./numbers.js";

/** The cell of so many rows and columns that lies a step [down, right] from one. */
export function stepped([row, column], [down, right], { rows, columns }) {
  return [within(row + down, 0, rows - 1), within(column + right, 0, columns - 1)];
}

/** The cell that the pointer is at, or nearest to, of those that fill an element; or that are squares of a `size`. */
export function cellAt({ clientX, clientY }, element, { rows, columns }, size = 0) {
  const { left, top, width, height } = element.getBoundingClientRect();
  const at = [(clientY - top) / (size || height / rows), (clientX - left) / (size || width / columns)];
  return stepped(at.map(Math.floor), [0, 0], { rows, columns });
}
