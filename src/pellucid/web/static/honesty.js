// How far a picture is to be believed: how much it agrees with that of a network which has forgotten what it learnt, on
// a scale that says what this means, beside how much it agrees with the image itself.

import { quiet } from "./controls.js";
import { make } from "./dom.js";
import { text } from "./numbers.js";
import { within } from "./within.js";

const ZONES = [ // of the agreement, from where on, and its name on the scale
  { from: -1, name: "learnt", words: "it comes of what was learnt" },
  { from: 0.2, name: "partly the image", words: "partly the image itself" },
  { from: 0.5, name: "the image: be suspicious", words: "largely the image itself: be suspicious" },
];

/** What is said of the agreement of two pictures; `own` is the answer about the network as it is. */
export function verdict(own, other) {
  if (!other) return [quiet("Move the slider to compare.")];
  const { agreement } = other;
  if (agreement === null) return [make("p", {}, "Nothing to compare: one of the pictures is the same everywhere.")];
  const zone = ZONES.findLast(({ from }) => agreement >= from);
  const { contrast } = own;
  const compared = contrast === null ? "" : ` ▽ For comparison: the picture agrees with the contrast of the image alone, which no network has a part in, by ${text(contrast, 2)}.`;
  return [
    make("p", {}, "Agreement of the two pictures: ", make("strong", {}, text(agreement, 2)), ` – ${zone.words}.`),
    make(
      "div", { class: "honesty", "aria-hidden": "true" }, ...ZONES.map(({ name }) => make("span", { class: "honesty-zone" }, name)),
      contrast === null ? null : mark(contrast, "of-image"), mark(agreement, "of-pictures"),
    ),
    quiet(`▼ Rank correlation: 1 is the same order of pixels, 0 none in common.${compared}`),
  ];
}

/** A mark on the scale, a line from 0 to 1; what is below 0 stands at its beginning. */
function mark(value, name) {
  const element = make("span", { class: `honesty-mark ${name}` });
  element.style.left = `${100 * within(value, 0, 1)}%`;
  return element;
}
