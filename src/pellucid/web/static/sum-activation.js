// Activations: the curve, with the point on it. Each function stands here once more, to check what the server says.

import { within } from "./numbers.js";
import { curve } from "./sum-curve.js";
import { origin, table } from "./sum-parts.js";

const sigmoid = (x) => { const z = Math.exp(-Math.abs(x)); return (x < 0 ? z : 1) / (1 + z); };
const leaky = (x, slope) => Math.max(x, 0) + slope * Math.min(x, 0);

/** Kind -> the function of x and of the settings. */
const FUNCTIONS = {
  relu: (x) => Math.max(x, 0),
  leaky_relu: (x, { negative_slope: slope }) => leaky(x, slope),
  prelu: (x, { weight }) => leaky(x, weight),
  relu6: (x) => within(x, 0, 6),
  clip: (x, { min, max }) => within(x, min ?? -Infinity, max ?? Infinity),
  hard_sigmoid: (x, { alpha, beta }) => within(alpha * x + beta, 0, 1),
  hard_swish: (x) => x * within(x / 6 + 1 / 2, 0, 1),
  sigmoid,
  silu: (x) => x * sigmoid(x),
  tanh: (x) => Math.tanh(x),
  elu: (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
};

export function activation(found) {
  const { x, curve: drawn, from, settings } = found.details;
  const y = FUNCTIONS[found.kind](x, settings);
  const set = Object.entries(settings).map(([name, value]) => [name, value ?? "none"]);
  const rows = [["from", origin(found, from)], ["x", x], ...set];
  return { parts: [curve(drawn.x, drawn.y, x, y, found.formula), table("The point on the curve", [], rows, [["y", y]])], y };
}

/** erf x = 2/√π · e^−x² · Σ n  2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)) */
function erf(x) {
  if (!(Math.abs(x) < 6)) return Math.sign(x); // to the last bit, and NaN
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
