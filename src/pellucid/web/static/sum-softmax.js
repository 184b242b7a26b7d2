// Shares of classes: every score, how far it is below the largest, its exponential, and its share.

import { make } from "./dom.js";
import { className, isOutput, layerAt } from "./network.js";
import { count, text } from "./numbers.js";
import { place, table, total } from "./sum-parts.js";

const FEW = 12;

/** Draw a share, or the logarithm of one; of more classes than a `few`, the likeliest and its own. */
export function softmax(found, few = FEW) {
  const { class: own, z } = found.details;
  const largest = Math.max(...z);
  const shifted = z.map((score) => score - largest);
  const exponentials = shifted.map(Math.exp);
  const sum = total(exponentials);
  const order = z.map((_, k) => k).sort((a, b) => exponentials[b] - exponentials[a] || a - b);
  const shown = order.length > few ? [...new Set([...order.slice(0, few - 1), own])] : z.map((_, k) => k);
  const hidden = order.filter((k) => !shown.includes(k));
  const name = isOutput(layerAt(found.path)) ? className : String;
  const { path } = found.terms[0];
  const rows = shown.map((k) => [
    k === own ? make("strong", {}, name(k)) : name(k),
    place(path, [k, ...found.index.slice(1)], text(z[k])),
    shifted[k], exponentials[k], exponentials[k] / sum,
  ]);
  if (hidden.length) {
    const others = total(hidden.map((k) => exponentials[k]));
    rows.push([`other ${count(hidden.length)}`, "", "", others, others / sum]);
  }
  const heads = ["class", "z", "z − max", "exp", "share"];
  const parts = [table("From scores to shares", heads, rows, [["sum", "", "", sum, 1]])];
  if (found.kind === "softmax") return { parts, y: exponentials[own] / sum };
  const y = shifted[own] - Math.log(sum);
  parts.push(table("The logarithm of the share", [], [["z − max", shifted[own]], ["log of the sum", Math.log(sum)]], [["difference", y]]));
  return { parts, y };
}
