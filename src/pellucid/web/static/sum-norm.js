// BatchNorm: its formula step by step, and the straight line that all of it is.

import { curve } from "./sum-curve.js";
import { figure, origin, table } from "./sum-parts.js";

export function batchNorm(found) {
  const { x, mean, variance, eps, weight, bias, from } = found.details;
  const deviation = Math.sqrt(variance + eps);
  const normalised = (x - mean) / deviation;
  const y = weight * normalised + bias;
  const a = weight / deviation;
  const b = bias - a * mean;
  const far = Math.max(1, Math.abs(x), Math.abs(mean)) * 1.2;
  const ends = [-far, far];
  return {
    parts: [
      table(
        "The channel's numbers", [],
        [["from", origin(found, from)], ...Object.entries({ x, mean, variance, eps, weight, bias }).map(([name, value]) => [name, figure(value, 6)])],
      ),
      table("Step by step", [], [
        ["x − mean", x - mean], ["√(variance + eps)", deviation], ["their quotient", normalised],
        ["· weight", weight * normalised], ["+ bias", bias],
      ], [["y", y]]),
      table("The same as a line, a · x + b", [], [
        ["a = weight / √(variance + eps)", a], ["b = bias − a · mean", b], ["a · x", a * x],
      ], [["a · x + b", a * x + b]]),
      curve(ends, ends.map((each) => a * each + b), x, y, "y = a · x + b"),
    ],
    y,
  };
}
