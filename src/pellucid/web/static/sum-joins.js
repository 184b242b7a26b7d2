// Two paths or a learnt number, added or multiplied; numbers that only stand elsewhere; and the input.

import { number, origin, table } from "./sum-parts.js";

/** The sum or the product of two numbers of the network. */
export function joined(found) {
  const { a, b, from } = found.details;
  const product = found.kind === "multiply";
  return ofTwo(product ? "Two numbers, multiplied" : "Two paths, added", product, from.map((each, k) => [origin(found, each), [a, b][k]]));
}

export function learnt(found) {
  const { from, x, bias, weight } = found.details;
  const product = bias === undefined;
  const other = product ? ["· weight, learnt", weight] : ["+ bias, learnt", bias];
  return ofTwo(product ? "Times a learnt number" : "With a learnt number added", product, [[origin(found, from), x], other]);
}

function ofTwo(caption, product, rows) {
  const [a, b] = rows.map((row) => row[1]);
  const y = product ? a * b : a + b;
  return { parts: [table(caption, ["from", "number"], rows, [[product ? "product" : "sum", y]])], y };
}

/** A number that stands elsewhere, or was put round others. */
export function copied(found) {
  const { from, number: y } = found.details;
  if (!from) return { parts: [table("Padding", [], [["value", y]])], y };
  return { parts: [table("Where it comes from", ["from", "number"], [], [[origin(found, from), from.number]])], y: from.number };
}

export function scaled(found) {
  const { pixel, divisor, mean, std } = found.details;
  const y = (pixel / divisor - mean) / std;
  const rows = [["pixel", pixel], ...(divisor === 1 ? [] : [[`pixel / ${divisor}`, pixel / divisor]]), ["mean", mean], ["std", std]];
  return { parts: [table("From ink to what the first layer reads", [], rows, [["y", y]])], y };
}

/** What there is no sum of: a number as it was given, or one that code of the user's own made. */
export function given(found) {
  return { parts: [], y: number(found.kind === "custom" ? found.constant : found.recomputed) };
}
