// A sum in words, then with its own numbers; and its formula, folded, with what the letters in it stand for.

import { button } from "./controls.js";
import { make } from "./dom.js";
import { figure } from "./sum-parts.js";

let unfolded = false; // formulas stay open for whoever wants to see them

/** What a number is: the result, in words; its numbers, of which `choose` shows the channel; and the formula. */
export function inWords(found, y, choose) {
  const parts = [make("p", { class: "formula" }, found.formula), make("p", { class: "quiet legend" }, found.letters.join("; "))];
  if (!found.words) return parts;
  const general = make("details", { class: "general", open: unfolded, toggle: () => { unfolded = general.open; } }, make("summary", {}, "formula"), ...parts);
  const result = make("p", { class: "result" }, make("strong", {}, figure(y)), ` = ${found.words}`);
  const part = ({ words, channel }) => (choose && channel !== undefined ? [button(words, () => choose(channel), { class: "link" }), ` (channel ${channel})`] : [words]);
  return [result, ...(found.numbers ? [make("p", { class: "with-numbers" }, ...found.numbers.flatMap(part))] : []), general];
}
