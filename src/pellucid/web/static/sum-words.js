// A sum in words, then with its own numbers; and its formula, folded, with what the letters in it stand for.

import { make } from "./dom.js";
import { text } from "./numbers.js";
import { figure } from "./sum-parts.js";

let unfolded = false; // formulas stay open for whoever wants to see them

/**
 * What a number is: the result first, in words; its numbers, if the family has given them; and the formula.
 *
 * @param {string} [numbers] such as "0.5·0.3 + … = 0.2"
 */
export function inWords(found, y, numbers = undefined) {
  const parts = [make("p", { class: "formula" }, found.formula), make("p", { class: "quiet legend" }, found.letters.join("; "))];
  if (!found.words) return parts;
  const general = make("details", { class: "general", open: unfolded, toggle: () => { unfolded = general.open; } }, make("summary", {}, "formula"), ...parts);
  const result = make("p", { class: "result" }, make("strong", {}, figure(y)), ` = ${found.words}`);
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

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A small number, rounded up, in a few letters: "9·10⁻⁸". */
export function power(value) {
  const [digits, exponent] = value.toExponential(0).split("e").map(Number);
  const up = digits * 10 ** exponent < value ? digits + 1 : digits;
  const [head, tens] = up > 9 ? [1, exponent + 1] : [up, exponent];
  return `${head}·10${tens < 0 ? "⁻" : ""}${[...String(Math.abs(tens))].map((digit) => RAISED[digit]).join("")}`;
}
