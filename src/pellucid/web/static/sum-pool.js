// Pooling: the window, with the winner ringed; of a mean, by how many the sum is divided.

import { grid } from "./sum-grid.js";
import { placeName, table, total } from "./sum-parts.js";
import { terms } from "./sum-terms.js";

export function maximum(found) {
  const { details } = found;
  const values = details.window;
  const inside = values.flatMap((line, row) => line.filter((_, column) => !details.padding[row][column]));
  const { winner } = details;
  const ringed = (row, column) => details.rows[row] === winner[0] && details.columns[column] === winner[1];
  const y = Math.max(...inside); // NaN if there is one
  return { parts: [drawn(found, ringed)], y };
}

/** The mean of a window, or over whole axes. */
export function mean(found) {
  const { values, divisor, window } = found.details;
  const sum = total(values);
  const y = sum / divisor;
  const parts = window ? [drawn(found)] : terms(found, "Each number's part").parts;
  return { parts: [...parts, table("The mean", [], [["sum", sum], ["divided by", divisor]], [["mean", y]])], y };
}

function drawn({ details, terms: [term] }, ringed = undefined) {
  const path = term?.path;
  const { window, rows, columns, padding, channel } = details;
  const at = (row, column) => ({ path, index: [channel, rows[row], columns[column]] });
  const name = path ? placeName(path, [channel, `${rows[0]}–${rows.at(-1)}`, `${columns[0]}–${columns.at(-1)}`]) : `channel ${channel}`;
  return grid(`window: ${name}`, window, { rows, columns, padding, ringed, at });
}
