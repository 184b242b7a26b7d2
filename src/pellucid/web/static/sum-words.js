// A sum in words, then with its own numbers; and its formula, folded, with what the letters in it stand for.

import { make } from "./dom.js";
import { figure } from "./sum-parts.js";

let unfolded = false; // formulas stay open for whoever wants to see them

/** What a number is: the result first, in words; its numbers, of some kinds; and the formula. */
export function inWords(found, y) {
  const parts = [make("p", { class: "formula" }, found.formula), make("p", { class: "quiet legend" }, found.letters.join("; "))];
  if (!found.words) return parts;
  const general = make("details", { class: "general", open: unfolded, toggle: () => { unfolded = general.open; } }, make("summary", {}, "formula"), ...parts);
  const result = make("p", { class: "result" }, make("strong", {}, figure(y)), ` = ${found.words}`);
  return [result, ...(found.numbers ? [make("p", { class: "with-numbers" }, found.numbers)] : []), general];
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A small number, rounded up, in a few letters: "9·10⁻⁸". */
export function power(value) {
  const [digits, exponent] = value.toExponential(0).split("e").map(Number);
  const up = digits * 10 ** exponent < value ? digits + 1 : digits;
  const [head, tens] = up > 9 ? [1, exponent + 1] : [up, exponent];
  return `${head}·10${tens < 0 ? "⁻" : ""}${[...String(Math.abs(tens))].map((digit) => RAISED[digit]).join("")}`;
}
