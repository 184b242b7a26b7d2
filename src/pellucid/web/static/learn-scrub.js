// Going through the moments of a training, and when the network came to see in the image what it sees there.

import { ask } from "./api.js";
import { button } from "./controls.js";
import { make, problem } from "./dom.js";
import { goTo, isFollowing } from "./learn-follow.js";
import { epochOf, isLive, learning } from "./learning.js";
import { count } from "./numbers.js";
import { get } from "./state.js";
import { draw } from "./svg.js";
import { within } from "./within.js";

const [WIDTH, HEIGHT] = [340, 44];

let course = null; // what the image was taken for at the moments
let at = null; // step of the moment that is shown; null for the newest
let wanted = null;

const slider = make("input", { type: "range", min: 0, max: 0, value: 0, step: 1, id: "learn-moment", input: () => go(0) });
const output = make("output", { for: "learn-moment" });
const strip = make("div", { class: "learn-strip" });
const since = make("p");

/** The slider, and what goes with it. */
export const scrubber = make(
  "div",
  { class: "learn-scrub" },
  make("label", { for: "learn-moment" }, "Moment "),
  output,
  make("div", { class: "row slide" }, button("◀", () => go(-1), { "aria-label": "moment before" }), slider, button("▶", () => go(1), { "aria-label": "next moment" })),
  strip,
  since,
);

/** Go so many moments further. */
function go(by) {
  const { moments } = learning;
  const place = within(Number(slider.value) + by, 0, moments.length);
  at = moments[place] ?? null;
  refreshScrubber();
  goTo(at ?? (isLive() ? "now" : "end"));
}

/** Follow the moments that there are. */
export function refreshScrubber() {
  const { moments, step } = learning;
  const place = at === null ? -1 : moments.indexOf(at);
  scrubber.hidden = moments.length < 2;
  slider.max = moments.length;
  slider.value = place < 0 ? moments.length : place;
  const words = at === null
    ? `${isLive() ? "now" : "the end"}, after step ${count(step)}`
    : `after step ${count(at)}, ${at ? `epoch ${epochOf(at)}` : "before the first"}`;
  output.textContent = words;
  slider.setAttribute("aria-valuetext", words);
}

/** The page shows a moment, or the network as it is; it may have `asked` for the newest, whatever that is by now. */
export function placed(asked = isFollowing() ? "now" : null) {
  at = asked === "now" || asked === "end" ? null : get().moment;
  refreshScrubber();
}

/** Ask what the image that is shown was taken for at each moment. */
export async function scrubberImage() {
  const { image, source } = get();
  const { length } = learning.moments;
  if (length < 2 || !image) return;
  const sample = source?.kind === "sample" ? source.number : "";
  const key = `${image} ${sample} ${length}`;
  if (wanted === key) return;
  wanted = key;
  try {
    do {
      const found = await ask("course", { image, sample });
      if (wanted !== key) return;
      course = found;
      drawStrip();
    } while (!course.complete);
  } catch (error) {
    wanted = null;
    problem(error.message);
  }
}

function drawStrip() {
  const { steps, taken, share } = course.arrays;
  since.textContent = course.words;
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${course.sure} ${course.words}` });
  const width = WIDTH / Math.max(1, steps.data.length);
  steps.data.forEach((moment, k) => {
    const right = taken.data[k] === course.right;
    const height = Math.max(1, (HEIGHT - 12) * share.data[k]);
    svg.append(draw("rect", { class: right ? "right" : "wrong", x: k * width + 1, width: Math.max(1, width - 2), y: HEIGHT - height, height }));
    if (moment === course.since) svg.append(draw("path", { class: "since", d: `M ${k * width + width / 2 - 5} 0 h 10 l -5 8 z` }));
  });
  strip.replaceChildren(svg);
}

/** Steps that the curves mark. */
export function marks() {
  const since = course?.since ? [{ step: course.since, kind: "since" }] : [];
  return at === null ? since : [...since, { step: at, kind: "here" }];
}
