// The numbers of a layer that has one a class: beside the cell of each its class, a bar from 0, and the number.

import { make } from "./dom.js";
import { className } from "./network.js";
import { text } from "./numbers.js";
import { bar } from "./sum-parts.js";

/** Lines for numbers, each as high as a cell. */
export function scores(numbers, size) {
  const [low, high] = [Math.min(0, ...numbers), Math.max(0, ...numbers)];
  const line = (value, k) => make(
    "li", { class: value === high ? "likeliest" : "" },
    make("span", { class: "name" }, className(k)), bar(0, value, low, high), make("span", { class: "score" }, text(value)),
  );
  const list = make("ol", { class: "scores", "aria-hidden": "true" }, ...Array.from(numbers, line)); // the cell says it
  list.style.setProperty("--cell", `${size}px`);
  return list;
}
