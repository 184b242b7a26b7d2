// "What would make it a 3": the image that a small search finds, what it changed, and the way to it.

import { newestOnly, report, send } from "./api.js";
import { chart } from "./chart.js";
import { button, classOptions, field, quiet, row } from "./controls.js";
import { make, say } from "./dom.js";
import { className } from "./network.js";
import { count, percent } from "./numbers.js";
import { Picture } from "./picture.js";
import { progressBar } from "./progress.js";
import { showKnown } from "./showing.js";
import { get } from "./state.js";
import { reach, total } from "./sum-parts.js";

const [LITTLE, MUCH] = [0.02, 0.1]; // of black to white, on average over the image

let result = null; // the server's answer, and where the image before it came from
let searching = null; // the image that is being changed, and how to end that
let chosen = false; // whether somebody has chosen a class

const changed = new Picture("changed");
const difference = new Picture("what changed");
const classes = make("select", { id: "would-be-class", change: () => { chosen = true; } });
const finder = button("Find out", () => find(), { id: "would-be" });
const told = make("p", { id: "would-be-told" });
const progress = progressBar("how far the search is");
const course = make("div");
const look = button("Look at it", () => showKnown(result.image, { kind: "pixels" }), { id: "would-be-look" });
const back = button("Back to the image before", () => showKnown(result.from, result.source), { id: "would-be-back" });
const size = quiet();
const shown = make("div", { hidden: true }, make("div", { class: "pictures" }, changed.element, difference.element), course, row(look, back), size);

/** What stands of it in the tab. */
export const wouldBe = make("div");

/** Fill it. */
export function buildWouldBe() {
  difference.mix(0);
  wouldBe.append(
    make("h2", {}, "What would make it another"), row(field("what would make it", classes), finder), told, progress.element, shown,
  );
}

/** Follow the image that is shown: offer the classes, and put away what was found for another image. */
export function showWouldBe({ image, revision, arrays: { output } }, likeliest) {
  if (searching && searching.image !== image) searching.control.abort();
  const scores = output.data;
  if (classes.options.length !== scores.length) classes.replaceChildren(...classOptions(scores.length));
  for (const option of classes.options) option.disabled = Number(option.value) === likeliest;
  if (!chosen || Number(classes.value) === likeliest) classes.value = second(scores, likeliest);
  const mine = result && [result.image, result.from].includes(image) && result.revision === revision;
  if (!mine) {
    shown.hidden = true;
    told.textContent = "";
  }
  look.disabled = image === result?.image;
  back.disabled = image === result?.from;
}

function second(scores, first) {
  return scores.reduce((best, value, k) => (k !== first && (best < 0 || value > scores[best]) ? k : best), -1);
}

const find = newestOnly(async () => {
  const { image, source } = get();
  const control = new AbortController();
  told.textContent = "Searching …";
  finder.disabled = true;
  searching = { image, control };
  try {
    const found = await progress.during(send("would-be", { image, class: classes.value, wait: true }, undefined, control.signal));
    if (get().image !== image) return;
    result = { ...found, source };
    draw();
  } catch (error) {
    told.textContent = error.outdated ? "The network has been changed meanwhile: what was sought is of another." : "";
    report(error);
  } finally {
    searching = null;
    finder.disabled = false;
  }
});

function draw() {
  const { reached, arrays: { image, was, course: { data: shares } } } = result;
  const apart = Float32Array.from(image.data, (value, at) => value - was.data[at]);
  const pixels = strongest(apart, image.shape);
  const most = reach(Array.from(pixels.data));
  const span = spanOf(was);
  changed.showImage(image);
  changed.showNumbers(null);
  difference.showImage(was);
  difference.showNumbers(pixels, most);
  size.textContent = `${sizeWords(reached, total(apart.map(Math.abs)) / (span * apart.length), most / span)} It is what a search found, not what such an image looks like.`;
  told.textContent = [
    result.changed && "The network was changed meanwhile; this was found for it as it was. ",
    `${reached ? "Reached" : "Not reached"} in ${count(result.steps)} steps`,
    result.fewer && result.steps === result.most && !reached && ", as many as there is time for in a network of this size",
    `: ${className(result.wanted)} goes from ${percent(shares[0])} to ${percent(shares.at(-1))}; `,
    `${count(pixels.data.filter(Boolean).length)} of ${count(pixels.data.length)} pixels changed.`,
  ].filter(Boolean).join("");
  course.replaceChildren(chartOf(Array.from(shares)));
  shown.hidden = look.disabled = false;
  back.disabled = true;
  say(told.textContent);
}

/** From the smallest to the largest number that pixels may have: of bytes 255, of others those of the image. */
function spanOf({ data }) {
  if (data instanceof Uint8Array) return 255;
  const ordered = data.toSorted();
  return ordered.at(-1) - ordered[0] || 1;
}

/** How large the change is, in words: on average over the image, and at most, as shares of black to white. */
function sizeWords(reached, mean, most) {
  const measured = `a pixel changes by ${percent(mean)} of black to white on average, by ${percent(most)} at most`;
  if (!reached) return `Not even this was enough: ${measured}.`;
  if (mean <= LITTLE) return `Little suffices, which is worth knowing: ${measured}.`;
  return `It takes ${mean <= MUCH ? "some" : "much"}: ${measured}.`;
}

/** Of the channels of each pixel, what changed most. */
function strongest(apart, shape) {
  const [rows, columns] = shape.length === 1 ? [1, shape[0]] : shape.slice(-2);
  const plane = rows * columns;
  const data = new Float32Array(plane);
  apart.forEach((value, at) => { if (Math.abs(value) > Math.abs(data[at % plane])) data[at % plane] = value; });
  return { data, shape: [rows, columns] };
}

/** The probability after every step, from 0 to 1. */
function chartOf(shares) {
  const last = shares.length - 1;
  const label = `probability of ${className(result.wanted)} by step: ${percent(shares[0])} at first, ${percent(shares.at(-1))} after ${last}`;
  const { svg, line } = chart(label, Math.max(1, last), [[0, "0 %"], [0.5, "50 %"], [1, "100 %"]]);
  svg.append(line("drawn", [...shares.entries()]));
  return svg;
}
