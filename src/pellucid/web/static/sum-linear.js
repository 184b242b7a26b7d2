// A dense layer: the largest products one below the other, each pinned by a click, the others as one.

import { make } from "./dom.js";
import { text } from "./numbers.js";
import { number, pathOf, place } from "./sum-parts.js";
import { waterfall } from "./sum-terms.js";
import { products } from "./sum-words.js";

/** Draw the sum behind one number of a dense layer. */
export function linear(found) {
  const { details } = found;
  const before = pathOf(found, details.map.value);
  const listed = details.terms.map((term, k) => {
    const [x, weight] = [number(term.x), number(term.weight)];
    const at = before ? [before, term.before] : [found.terms[k]?.path, [term.index]];
    return {
      place: place(...at, at[1].join(", "), String(term.index)),
      factors: make("span", { class: "factors" }, `${text(x, 3)} · ${text(weight, 3)}`),
      amount: x * weight,
    };
  });
  const rest = { count: details.rest.count, total: number(details.rest.total) };
  const fall = waterfall(
    `Products of ${before ?? "what it reads"} and the weights`, ["place", "x · weight", "product", "so far"], listed, rest,
    { place: "bias", amount: number(details.bias) },
  );
  const pairs = details.terms.map((term) => [number(term.x), number(term.weight)]);
  return { parts: [fall.element], y: fall.y, written: products(pairs, number(details.bias), fall.y) };
}
