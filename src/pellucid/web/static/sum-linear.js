// A dense layer: the largest products one below the other, each pinned by a click, the others as one.

import { make } from "./dom.js";
import { text } from "./numbers.js";
import { pathOf, place } from "./sum-parts.js";
import { waterfall } from "./sum-terms.js";

/** Draw the sum behind one number of a dense layer. */
export function linear(found) {
  const { details } = found;
  const before = pathOf(found, details.map.value);
  const listed = details.terms.map((term, k) => {
    const { x, weight } = term;
    const at = before ? [before, term.before] : [found.terms[k]?.path, [term.index]];
    return {
      place: place(...at, at[1].join(", "), String(term.index)),
      factors: make("span", { class: "factors" }, `${text(x, 3)} · ${text(weight, 3)}`),
      amount: x * weight,
    };
  });
  const fall = waterfall(
    `Products of ${before ?? "what it reads"} and the weights`, ["place", "x · weight", "product", "so far"], listed, details.rest,
    { place: "bias", amount: details.bias },
  );
  return { parts: [fall.element], y: fall.y };
}
