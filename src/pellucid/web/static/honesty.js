// How far a picture is to be believed: how much it agrees with that of a network which has forgotten what it learnt, on
// a scale that says what this means, beside how much it agrees with the image itself.

import { make } from "./dom.js";
import { text } from "./numbers.js";

const ZONES = [ // of the agreement, from where on
  { from: 0.5, words: "largely the image itself: be suspicious" },
  { from: 0.2, words: "partly the image itself" },
  { from: -1, words: "it comes of what was learnt" },
];

/** What is said of the agreement of two pictures; `own` is the answer about the network as it is. */
export function verdict(own, other) {
  if (!other) return [make("p", { class: "quiet" }, "Move the slider to compare.")];
  const { agreement } = other;
  if (agreement === null) return [make("p", {}, "Nothing to compare: one of the pictures is the same everywhere.")];
  const zone = ZONES.find(({ from }) => agreement >= from);
  return [
    make("p", {}, "Agreement of the two pictures: ", make("strong", {}, text(agreement, 2)), ` – ${zone.words}.`),
    scale(agreement, own.contrast),
    make("p", { class: "quiet" }, contrastWords(own.contrast)),
  ];
}

/** A line from 0 to 1 with its zones; what is below 0 stands at its beginning. */
function scale(agreement, contrast) {
  const mark = (value, name) => {
    const element = make("span", { class: `honesty-mark ${name}` });
    element.style.left = `${100 * Math.max(0, Math.min(1, value))}%`;
    return element;
  };
  return make(
    "div",
    { class: "honesty", "aria-hidden": "true" },
    make("span", { class: "honesty-zone" }, "learnt"), make("span", { class: "honesty-zone" }, "partly the image"), make("span", { class: "honesty-zone" }, "the image: be suspicious"),
    contrast === null ? null : mark(contrast, "of-image"), mark(agreement, "of-pictures"),
  );
}

function contrastWords(contrast) {
  const known = contrast === null ? "" : ` ▽ For comparison: the picture agrees with the contrast of the image alone, which no network has a part in, by ${text(contrast, 2)}.`;
  return `▼ Rank correlation: 1 is the same order of pixels, 0 none in common.${known}`;
}
