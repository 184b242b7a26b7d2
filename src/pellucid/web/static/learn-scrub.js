// Going through the moments of a training, and what the network took the image for at each.

import { ask, report } from "./api.js";
import { button, row } from "./controls.js";
import { draw, make } from "./dom.js";
import { goToMoment, goal, goesAlong, whichStep } from "./learn-follow.js";
import { COMPUTING, outdatePictures, showPictures } from "./learn-pictures.js";
import { isLive, learning } from "./learning.js";
import { within } from "./numbers.js";
import { get } from "./state.js";

const [WIDTH, HEIGHT, SURE] = [340, 44, 32]; // of a bar for a probability of 1

let course = null; // what the image was taken for at the moments; null as long as nobody knows
let wanted = null; // what was asked last

const slider = make("input", { type: "range", id: "learn-moment", input: () => go(slider.valueAsNumber) });
const output = make("output", { for: "learn-moment" });
const strip = make("div", { class: "learn-strip", click: ({ clientX }) => {
  const { left, width } = strip.getBoundingClientRect();
  go(Math.floor(places().length * (clientX - left) / width));
} });
const since = make("p");

/** The slider, and below it a bar for each moment. */
export const scrubber = make(
  "div",
  { class: "learn-scrub" },
  row(
    button("◀", () => go(slider.valueAsNumber - 1), { "aria-label": "moment before" }), button("▶", () => go(slider.valueAsNumber + 1), { "aria-label": "next moment" }),
    make("label", { for: "learn-moment" }, "Moment"), output,
  ),
  slider,
  strip,
  since,
);

/** The steps that one can go to; null is the newest, which is the last moment of a training that is over. */
function places() {
  const { moments, step } = learning;
  return [...moments.filter((each) => isLive() || each !== step), null];
}

function go(place) {
  const steps = places();
  goToMoment(steps[within(place, 0, steps.length - 1)] ?? (isLive() ? "now" : "end"));
  refreshScrubber();
}

/** Follow the moments that there are, and which of them the page shows or goes to. */
export function refreshScrubber() {
  const [steps, at] = [places(), goal()];
  scrubber.hidden = learning.moments.length < 2;
  slider.max = steps.length - 1;
  slider.value = steps.includes(at) ? steps.indexOf(at) : slider.max;
  scrubber.style.setProperty("--place", `${100 / steps.length}%`);
  const words = learning.named[learning.moments.indexOf(at)] ?? `${isLive() ? "" : "the end, "}${whichStep()}`;
  output.textContent = words;
  slider.setAttribute("aria-valuetext", words);
  drawStrip(steps);
}

/** Another image is shown: nothing that stands here is of it. */
export function outdate() {
  course = wanted = null;
  outdatePictures();
  refreshScrubber();
}

/** Ask for the small pictures of the image, and what it was taken for at each moment. */
export async function askOfImage() {
  const { image, source, revision, view } = get();
  const sample = source?.kind === "sample" ? source.number : "";
  const key = [image, sample, learning.moments.length, revision].join(" ");
  if (!image || view !== "learn" || goesAlong() || wanted === key) return false;
  wanted = key;
  try {
    for (let pictures = true; pictures || !course.complete; pictures = false) {
      const found = await ask("course", { image, sample, pictures });
      if (wanted !== key) return false;
      if (pictures) showPictures(found.arrays, found.captions, found.at);
      course = found;
      refreshScrubber();
    }
  } catch (error) {
    wanted = null;
    report(error);
  }
  return true;
}

function drawStrip(moments) {
  const waits = !course?.complete && !goesAlong();
  strip.setAttribute("aria-busy", waits);
  since.textContent = waits ? COMPUTING : course?.words ?? "";
  if (waits && !course && strip.firstChild) return; // the bars of the image before, pale
  const { steps, taken, share } = course?.arrays ?? {};
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": course?.label ?? COMPUTING });
  const width = WIDTH / moments.length;
  moments.forEach((moment, place) => {
    const left = place * width;
    const mark = (name, y, height) => svg.append(draw("rect", { class: name, x: left + 1, width: width - 2, y, height }));
    if (place === slider.valueAsNumber) mark("here", 0, HEIGHT);
    const k = steps ? steps.data.indexOf(moment ?? learning.step) : -1;
    if (k < 0) return;
    const height = Math.max(1, SURE * share.data[k]);
    mark(taken.data[k] === course.right ? "right" : "wrong", HEIGHT - height, height);
    if (steps.data[k] === course.since) svg.append(draw("path", { class: "since", d: `M ${left + width / 2 - 5} 0 h 10 l -5 8 z` }));
  });
  strip.replaceChildren(svg);
}

/** Steps that the curves mark. */
export function marks() {
  return [{ step: course?.since, kind: "since" }, { step: goal(), kind: "here" }].filter(({ step }) => (step ?? -1) >= 0);
}
