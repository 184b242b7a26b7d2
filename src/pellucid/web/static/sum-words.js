// A sum in words, then with its own numbers; and its formula, folded, with what the letters in it stand for.

import { make } from "./dom.js";
import { count, text } from "./numbers.js";
import { isActivation } from "./sum-activation.js";
import { figure } from "./sum-parts.js";

const COPY = "a number that stands elsewhere too, copied";
const MEAN = (found) => `the sum of ${many(found.details.values?.length ?? found.count, "number")}, divided by ${count(Number(found.details.divisor))}`;
const LEARNT = { plus: "a number + a learnt one", times: "a number × a learnt one" };

/** Kind -> what its number is, in words. */
const WORDS = {
  conv2d: ({ constant, details }) => `${biased(constant)}the sum of patch × kernel, over ${details.channels.length === 1 ? "one input channel" : `all ${count(details.channels.length)} input channels${details.groups > 1 ? " of the group" : ""}`}`,
  conv_transpose2d: ({ constant }) => `${biased(constant)}the sum of number × weight, over all numbers whose kernel reaches this place`,
  linear: (found) => `${biased(found.constant)}the sum of number × weight, over all ${many(found.count, "number")} before it`,
  max_pool2d: () => "the largest number in its window", avg_pool2d: MEAN, adaptive_avg_pool2d: MEAN, mean: MEAN,
  softmax: () => "e to the power of the score, as a share of all such powers",
  log_softmax: () => "the logarithm of the class’s share",
  batch_norm_running: () => "(number − mean) / deviation of its channel, × a learnt weight, + a learnt bias",
  local_response_norm: () => "the number, divided by a power of what its neighbours’ squares come to",
  add: () => "the sum of two numbers, one from each path", multiply: () => "the product of two numbers, one from each path",
  bias: () => LEARNT.plus, add_parameter: () => LEARNT.plus, gain: () => LEARNT.times, multiply_parameter: () => LEARNT.times,
  concat: () => COPY, flatten: () => COPY, reshape: () => COPY, transpose: () => COPY, slice_channels: () => COPY,
  strided_slice: () => COPY, broadcast: () => COPY, relu: () => "the number itself where it is above 0, else 0",
  scale: ({ details }) => `(pixel${Number(details.divisor) === 1 ? "" : ` / ${details.divisor}`} − mean) / deviation`,
};

const LETTERS = [
  ["y", "this number"], ["x", "what the layer reads"], ["Σ", "the sum over all values of the letters after it"],
  ["f", "number of the filter"], ["c", "number of the channel"], ["oy", "ox", "row and column of this number"], ["a", "b", "row and column of this number"],
  ["ky", "kx", "row and column in the kernel, or in the window"], ["SH", "SW", "stride: how far the window goes, down and across"],
  ["DH", "DW", "dilation: how far its rows and columns are apart"], ["top", "left", "rows and columns of padding before the first"],
  ["H", "W", "rows and columns of what is read"], ["OH", "OW", "rows and columns of what is made"],
];

let unfolded = false; // formulas stay open for whoever wants to see them

function biased(bias) {
  return bias ? "bias + " : "";
}

function many(number, what) {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

/**
 * What a number is: the result first, in words; its numbers, if the family has given them; and the formula.
 *
 * @param {string} [numbers] such as "0.5·0.3 + … = 0.2"
 */
export function inWords(found, y, numbers = undefined) {
  const words = WORDS[found.kind]?.(found) ?? (isActivation(found.kind) ? "a function of one number: the point on its curve" : null);
  const parts = [make("p", { class: "formula" }, found.formula), legend(found.formula)];
  if (!words) return parts;
  const general = make("details", { class: "general", open: unfolded, toggle: () => { unfolded = general.open; } }, make("summary", {}, "formula"), ...parts);
  const result = make("p", { class: "result" }, make("strong", {}, figure(y)), ` = ${words}`);
  return [result, ...(numbers ? [make("p", { class: "with-numbers" }, numbers)] : []), general];
}

/** Two products and what comes of all: "0.529·0.284 + 0.745·(−0.114) + … − 0.0281 = −1.009". */
export function products(pairs, bias, y) {
  const largest = [...pairs].sort((a, b) => Math.abs(b[0] * b[1]) - Math.abs(a[0] * a[1])).slice(0, pairs.length > 3 ? 2 : 3);
  const terms = largest.map(([x, weight]) => `${bracketed(x)}·${bracketed(weight)}`);
  return `${terms.join(" + ")}${pairs.length > largest.length ? " + …" : ""} ${bias ? `${bias < 0 ? "−" : "+"} ${text(Math.abs(bias), 3)} ` : ""}= ${text(y)}`;
}

/** Some numbers between commas or signs, and "…" for those that would be too many. */
export function listed(values, between) {
  const few = values.length > 9 ? values.slice(0, 4) : values;
  return few.map((value) => (between === ", " ? text(value, 3) : bracketed(value))).join(between) + (few.length < values.length ? `${between}…` : "");
}

function bracketed(value) {
  return value < 0 ? `(${text(value, 3)})` : text(value, 3);
}

/** What the letters of a formula stand for. */
function legend(formula) {
  const letters = new Set(formula.match(/[A-Za-z]+|Σ/g));
  const known = LETTERS.map((line) => [line.slice(0, -1).filter((letter) => letters.has(letter)), line.at(-1)]).filter(([has]) => has.length);
  return make("p", { class: "quiet legend" }, known.map(([has, words]) => `${has.join(", ")}: ${words}`).join("; "));
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A small number, rounded up, in a few letters: "9·10⁻⁸". */
export function power(value) {
  const [digits, exponent] = value.toExponential(0).split("e").map(Number);
  const up = digits * 10 ** exponent < value ? digits + 1 : digits;
  const [head, tens] = up > 9 ? [1, exponent + 1] : [up, exponent];
  return `${head}·10${tens < 0 ? "⁻" : ""}${[...String(Math.abs(tens))].map((digit) => RAISED[digit]).join("")}`;
}
