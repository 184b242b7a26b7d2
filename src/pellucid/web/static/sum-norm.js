// BatchNorm: its formula step by step, and the straight line that all of it is.

import { curve } from "./sum-curve.js";
import { figure, number, origin, table } from "./sum-parts.js";

/** Draw a normalisation by running statistics. */
export function batchNorm(found) {
  const names = ["x", "mean", "variance", "eps", "weight", "bias"];
  const [x, mean, variance, eps, weight, bias] = names.map((name) => number(found.details[name]));
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
        [["from", origin(found, found.details.from)], ...names.map((name) => [name, figure(number(found.details[name]), 6)])],
      ),
      table(
        "Step by step", [],
        [
          ["x − mean", figure(x - mean)], ["√(variance + eps)", figure(deviation)], ["their quotient", figure(normalised)],
          ["· weight", figure(weight * normalised)], ["+ bias", figure(bias)],
        ],
        [["y", figure(y, 6)]],
      ),
      table(
        "The same as a line, a · x + b", [],
        [["a = weight / √(variance + eps)", figure(a)], ["b = bias − a · mean", figure(b)], ["a · x", figure(a * x)]],
        [["a · x + b", figure(a * x + b, 6)]],
      ),
      curve(ends, ends.map((each) => a * each + b), x, y, "y = a · x + b"),
    ],
    y,
  };
}
