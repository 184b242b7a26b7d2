// Controls that stand in several places of the page.

import { make } from "./dom.js";
import { className } from "./network.js";

/** A button; `more` are its other attributes. */
export function button(words, click, more = {}) {
  return make("button", { click, ...more }, words);
}

/** What can be chosen: values, each with its words. */
export function options(pairs) {
  return pairs.map(([value, words]) => make("option", { value }, words));
}

/** A choice among so many classes. */
export function classOptions(classes) {
  return options(Array.from({ length: classes }, (_, k) => [k, className(k)]));
}

/** A control with its name before it. */
export function field(name, control) {
  return make("label", { class: "field" }, `${name} `, control);
}

/** Controls side by side. */
export function row(...children) {
  return make("div", { class: "row" }, ...children);
}

/** A paragraph of less weight. */
export function quiet(...words) {
  return make("p", { class: "quiet" }, ...words);
}
