// Where paths meet, where a learnt number is added or multiplied, where a number only stands elsewhere, and the input.

import { make } from "./dom.js";
import { figure, number, origin, table } from "./sum-parts.js";

/** The sum or the product of two numbers of the network. */
export function joined(found) {
  const product = found.kind === "multiply";
  const [a, b] = [number(found.details.a), number(found.details.b)];
  const y = product ? a * b : a + b;
  const rows = found.details.from.map((from, k) => [origin(found, from), figure([a, b][k])]);
  const caption = product ? "Two numbers, multiplied" : "Two paths, added";
  return { parts: [table(caption, ["from", "number"], rows, [[product ? "product" : "sum", figure(y, 6)]])], y };
}

/** A number and a learnt one. */
export function learnt(found) {
  const { from, x: given, bias, weight } = found.details;
  const x = number(given);
  const added = bias !== undefined;
  const other = number(added ? bias : weight);
  const y = added ? x + other : x * other;
  const rows = [[origin(found, from), figure(x)], [added ? "+ bias, learnt" : "· weight, learnt", figure(other)]];
  return { parts: [table(added ? "With a learnt number added" : "Times a learnt number", ["from", "number"], rows, [["y", figure(y, 6)]])], y };
}

/** A number that stands elsewhere, or was put round others. */
export function copied(found) {
  const { from, note, number: put } = found.details;
  if (!from) {
    const y = number(put);
    return { parts: [make("p", {}, "This number is padding: it was put round the others."), table("Padding", [], [["value", figure(y)]])], y };
  }
  const y = number(from.number);
  const words = note ?? (found.details.padding ? "A copy, put round the others as padding:" : "A copy: the same number stands in");
  return { parts: [make("p", {}, words), table("Where it comes from", ["from", "number"], [[origin(found, from), figure(y, 6)]])], y };
}

/** A pixel, scaled. */
export function scaled(found) {
  const [pixel, divisor, mean, std] = ["pixel", "divisor", "mean", "std"].map((name) => number(found.details[name]));
  const share = pixel / divisor;
  const y = (share - mean) / std;
  const rows = [
    ["pixel", figure(pixel)], ...(divisor === 1 ? [] : [[`/ ${divisor}`, figure(share)]]),
    ["− mean", figure(mean)], ["/ std", figure(std)],
  ];
  return { parts: [table("From ink to what the first layer reads", [], rows, [["y", figure(y, 6)]])], y };
}

/** What there is no sum of: a number as it was given, or one that code of the user's own made. */
export function given(found) {
  const words = found.details.note ?? "This number is part of the image, as it was given.";
  return { parts: [make("p", {}, words)], y: number(found.kind === "custom" ? found.constant : found.recomputed) };
}
