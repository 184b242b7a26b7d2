// "What would make it a 3": the image that a small search finds, what it changed, and the way to it.

import { newestOnly, report, send } from "./api.js";
import { chart } from "./chart.js";
import { button, classOptions, field, quiet, row } from "./controls.js";
import { bringIntoView, make, say } from "./dom.js";
import { largestAt } from "./numbers.js";
import { Picture } from "./picture.js";
import { progressBar } from "./progress.js";
import { showKnown } from "./showing.js";
import { get } from "./state.js";

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
  const mine = result && [result.image, result.from].includes(image) && result.revision === revision;
  if (!mine) {
    if (!chosen || Number(classes.value) === likeliest) {
      classes.value = largestAt(scores.map((score, k) => (k === likeliest ? -Infinity : score)));
    }
    shown.hidden = true;
    if (!searching) told.textContent = "";
  }
  look.disabled = image === result?.image;
  back.disabled = image === result?.from;
}

const find = newestOnly(async () => {
  const { image, source } = get();
  const control = new AbortController();
  told.textContent = "Searching …";
  finder.disabled = true;
  searching = { image, control };
  let found = null;
  try {
    found = await progress.during(send("would-be", { image, class: classes.value, wait: true }, undefined, control.signal));
  } catch (error) {
    report(error);
  }
  searching = null;
  finder.disabled = false;
  told.textContent = "";
  if (!found || get().image !== image) return;
  result = { ...found, source };
  draw();
});

function draw() {
  const { image, was, difference: apart, course: shares } = result.arrays;
  changed.showImage(image);
  changed.showNumbers(null);
  difference.showImage(was);
  difference.showNumbers(apart, result.largest);
  difference.caption.textContent = result.apart;
  size.textContent = result.size;
  told.textContent = result.words;
  course.replaceChildren(quiet(result.label), chartOf(shares.data));
  shown.hidden = look.disabled = false;
  back.disabled = true;
  bringIntoView(wouldBe);
  say(result.words);
}

/** The probability after every step, from 0 to 1. */
function chartOf(shares) {
  const last = shares.length - 1;
  const { svg, line } = chart(result.label, Math.max(1, last), [[0, "0 %"], [0.5, "50 %"], [1, "100 %"]]);
  svg.append(line("drawn", [...shares.entries()]));
  return svg;
}
