// A sum as a waterfall: the largest terms one by one, each from where the one before ended, the others as one.

import { make } from "./dom.js";
import { count } from "./numbers.js";
import { bar, number, place, placeName, table, total } from "./sum-parts.js";

const FEW = 12;

/**
 * Draw a waterfall, the constant first.
 *
 * @param {string} caption
 * @param {string[]} headings of the columns
 * @param {{place: Node, factors?: Node, amount: number}[]} terms the largest first
 * @param {{count: number, total: number}} rest what all others come to
 * @param {{place: string, amount: number}|null} constant
 */
export function waterfall(caption, headings, terms, rest, constant) {
  const y = (constant?.amount ?? 0) + total(terms.map((term) => term.amount)) + rest.total;
  const box = make("div", {});
  const draw = (many) => {
    const hidden = terms.slice(many);
    const steps = [...(constant ? [constant] : []), ...terms.slice(0, many)];
    const others = rest.count + hidden.length;
    if (others) steps.push({ place: `other ${count(others)} together`, amount: rest.total + total(hidden.map((term) => term.amount)) });
    box.replaceChildren(drawn(caption, headings, steps, y));
    if (hidden.length) box.append(make("button", { click: () => draw(terms.length) }, `Show ${hidden.length} more`));
  };
  draw(FEW);
  return { parts: [box], y };
}

function drawn(caption, headings, steps, y) {
  let sum = 0;
  const ends = steps.map((step) => { const from = sum; sum += step.amount; return [from, sum]; });
  const every = ends.flat().filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...every), Math.max(0, ...every)];
  const line = ({ place: first, factors = "" }, amount, ends) => [first, ...(headings.length > 3 ? [factors] : []), amount, bar(...ends, low, high)];
  return table(caption, headings, steps.map((step, k) => line(step, step.amount, ends[k])), [line({ place: "sum" }, y, [0, y])]);
}

/** Any sum, by the terms that the server has told. */
export function terms(found, caption = "What it is made of") {
  const listed = found.terms.map((term) => ({
    place: place(term.path, term.index, term.path ? placeName(term.path, term.index) : "a number inside", "a number inside"),
    amount: number(term.amount),
  }));
  const rest = { count: found.count - listed.length, total: found.count > listed.length ? number(found.others) : 0 };
  const constant = number(found.constant);
  return waterfall(caption, ["from", "amount", "so far"], listed, rest, constant ? { place: "constant", amount: constant } : null);
}
