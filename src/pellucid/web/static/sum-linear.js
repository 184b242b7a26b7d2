// A dense layer: the largest products one below the other, each pinned by a click, the others as one.

import { make } from "./dom.js";
import { text } from "./numbers.js";
import { pathOf, place } from "./sum-parts.js";
import { waterfall } from "./sum-terms.js";

export function linear(found) {
  const { details } = found;
  const before = pathOf(found, details.map.value);
  const listed = details.terms.map(({ x, weight, index, before: read }, k) => {
    const at = before ? [before, read] : [found.terms[k]?.path, [index]];
    return {
      place: place(...at, at[1].join(", "), String(index)),
      factors: make("span", { class: "factors" }, `${text(x, 3)} · ${text(weight, 3)}`),
      amount: x * weight,
    };
  });
  return waterfall(
    `Products of ${before ?? "what it reads"} and the weights`, ["place", "x · weight", "product", "so far"], listed, details.rest,
    { place: "bias", amount: details.bias },
  );
}
