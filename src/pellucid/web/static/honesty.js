// How far a picture is to be believed: on a scale, how much it agrees with that of a network which has forgotten what it
// learnt, and with the image itself.

import { quiet } from "./controls.js";
import { make } from "./dom.js";
import { text, within } from "./numbers.js";

const ZONES = ["learnt", "partly the image", "the image: be suspicious"];

/** What is said of the agreement of two pictures, as the second answer tells it; null if there is only one. */
export function verdict(other) {
  if (!other) return [quiet("Move the slider to compare.")];
  const { agreement, contrast, worth, compared } = other;
  if (agreement === null) return [make("p", {}, worth)];
  return [
    make("p", {}, "Agreement of the two pictures: ", make("strong", {}, text(agreement, 2)), ` – ${worth}.`),
    make(
      "div", { class: "honesty", "aria-hidden": "true" }, ...ZONES.map((name) => make("span", { class: "honesty-zone" }, name)),
      contrast === null ? null : mark(contrast, "of-image"), mark(agreement, "of-pictures"),
    ),
    quiet(compared),
  ];
}

/** A mark on the scale, a line from 0 to 1; what is below 0 stands at its beginning. */
function mark(value, name) {
  const element = make("span", { class: `honesty-mark ${name}` });
  element.style.left = `${100 * within(value, 0, 1)}%`;
  return element;
}
