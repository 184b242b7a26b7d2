// A sum as a waterfall: the largest terms one by one, each from where the one before ended, the others as one.

import { make } from "./dom.js";
import { count } from "./numbers.js";
import { bar, figure, number, place, placeName, table, total } from "./sum-parts.js";

const FEW = 12;

/**
 * Draw a waterfall, the constant first.
 *
 * @param {string} caption
 * @param {string[]} headings of the columns
 * @param {{place: Node, factors: string, amount: number}[]} terms the largest first
 * @param {{count: number, total: number}} rest what all others come to
 * @param {{name: string, amount: number}|null} constant
 */
export function waterfall(caption, headings, terms, rest, constant) {
  const y = (constant?.amount ?? 0) + total(terms.map((term) => term.amount)) + rest.total;
  const box = make("div", {});
  const draw = (many) => {
    const shown = terms.slice(0, many);
    const hidden = terms.slice(many);
    const steps = [
      ...(constant ? [{ place: constant.name, factors: "", amount: constant.amount }] : []),
      ...shown,
    ];
    const others = rest.count + hidden.length;
    if (others) steps.push({ place: `other ${count(others)} together`, factors: "", amount: rest.total + total(hidden.map((term) => term.amount)) });
    const button = hidden.length
      ? make("button", { click: () => draw(terms.length) }, `Show ${hidden.length} more`)
      : null;
    box.replaceChildren(drawn(caption, headings, steps, y), ...(button ? [button] : []));
  };
  draw(FEW);
  return { element: box, y };
}

function drawn(caption, headings, steps, y) {
  let sum = 0;
  const ends = steps.map((step) => { const from = sum; sum += step.amount; return [from, sum]; });
  const every = ends.flat().filter(Number.isFinite);
  const low = Math.min(0, ...every);
  const high = Math.max(0, ...every);
  const factors = headings.length > 3;
  const rows = steps.map((step, k) => [
    step.place, ...(factors ? [step.factors] : []), figure(step.amount), bar(...ends[k], low, high),
  ]);
  return table(caption, headings, rows, [["sum", ...(factors ? [""] : []), figure(y, 6), bar(0, y, low, high)]]);
}

/** Any sum, by the terms that the server has told. */
export function terms(found, caption = "What it is made of") {
  const listed = found.terms.map((term) => ({
    place: place(term.path, term.index, term.path ? placeName(term.path, term.index) : "a number inside", "a number inside"),
    factors: "",
    amount: number(term.amount),
  }));
  const rest = { count: found.count - listed.length, total: found.count > listed.length ? number(found.others) : 0 };
  const constant = number(found.constant);
  const fall = waterfall(caption, ["from", "amount", "so far"], listed, rest, constant ? { name: "constant", amount: constant } : null);
  return { parts: [fall.element], y: fall.y };
}
