// "What would make it a 3": the image that a small search finds, what it changed, and the way to it.

import { newestOnly, report, send } from "./api.js";
import { make, say } from "./dom.js";
import { className } from "./network.js";
import { count, percent } from "./numbers.js";
import { Picture } from "./picture.js";
import { progressBar } from "./progress.js";
import { showKnown } from "./showing.js";
import { get } from "./state.js";

const SVG = "http://www.w3.org/2000/svg";
const [LITTLE, MUCH] = [0.02, 0.1]; // of black to white, on average over the image
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [280, 90, 40, 18];

let result = null; // the server's answer, and where the image before it came from
let searching = null; // the image that is being changed, and how to end that
let chosen = false; // whether somebody has chosen a class
const changed = new Picture("changed");
const difference = new Picture("what changed");
const parts = {};

/** Fill a part of the panel. */
export function buildWouldBe(place) {
  parts.classes = make("select", { id: "would-be-class", change: () => { chosen = true; } });
  parts.find = make("button", { type: "button", id: "would-be", click: () => find() }, "Find out");
  parts.told = make("p", { id: "would-be-told" });
  parts.progress = progressBar("how far the search is");
  parts.course = make("div", {});
  parts.look = make("button", { type: "button", id: "would-be-look", click: () => showKnown(result.image, { kind: "pixels" }) }, "Look at it");
  parts.back = make("button", { type: "button", id: "would-be-back", click: () => showKnown(result.from, result.source) }, "Back to the image before");
  parts.found = make(
    "div",
    { hidden: true },
    make("div", { class: "pictures" }, changed.element, difference.element),
    parts.course,
    make("div", { class: "row" }, parts.look, parts.back),
    parts.size = make("p", { class: "quiet" }),
  );
  difference.mix(0);
  place.append(
    make("h2", {}, "What would make it another"),
    make("div", { class: "row" }, make("label", { class: "field" }, "what would make it ", parts.classes), parts.find),
    parts.told,
    parts.progress.element,
    parts.found,
  );
}

/** Follow the image that is shown: offer the classes, and put away what was found for another image. */
export function showWouldBe(found, likeliest) {
  if (!parts.classes) return;
  if (searching && searching.image !== found.image) searching.control.abort();
  const scores = found.arrays.output.data;
  if (parts.classes.options.length !== scores.length) {
    parts.classes.replaceChildren(...Array.from(scores, (_, k) => make("option", { value: k }, className(k))));
  }
  for (const option of parts.classes.options) option.disabled = Number(option.value) === likeliest;
  if (!chosen || Number(parts.classes.value) === likeliest) parts.classes.value = second(scores, likeliest);
  const mine = result && [result.image, result.from].includes(found.image) && result.revision === found.revision;
  if (!mine) Object.assign(parts.found, { hidden: true });
  if (!mine) parts.told.textContent = "";
  parts.look.disabled = found.image === result?.image;
  parts.back.disabled = found.image === result?.from;
}

function second(scores, first) {
  return scores.reduce((best, value, k) => (k !== first && (best < 0 || value > scores[best]) ? k : best), -1);
}

const find = newestOnly(async () => {
  const { image, source } = get();
  const wanted = Number(parts.classes.value);
  parts.told.textContent = "Searching …";
  parts.find.disabled = true;
  searching = { image, control: new AbortController() };
  try {
    const found = await parts.progress.during(send("would-be", { image, class: wanted, wait: true }, undefined, searching.control.signal));
    if (get().image !== image) return;
    result = { ...found, source };
    draw();
  } catch (error) {
    parts.told.textContent = error.outdated ? "The network has been changed meanwhile: what was sought is of another." : "";
    report(error);
  } finally {
    searching = null;
    parts.find.disabled = false;
  }
});

function draw() {
  const { image, was, course } = result.arrays;
  const apart = Float32Array.from(image.data, (value, at) => value - was.data[at]);
  const pixels = strongest(apart, image.shape);
  const range = pixels.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  changed.showImage(image);
  changed.showNumbers(null);
  difference.showImage(was);
  difference.showNumbers(pixels, range);
  const touched = pixels.data.reduce((sum, value) => sum + (value !== 0), 0);
  const [from, to] = [course.data[0], course.data.at(-1)];
  const span = spanOf(was);
  const mean = apart.reduce((sum, value) => sum + Math.abs(value), 0) / (span * apart.length);
  parts.size.textContent = `${sizeWords(result.reached, mean, range / span)} It is what a search found, not what such an image looks like.`;
  parts.told.textContent = `${result.changed ? "The network was changed meanwhile; this was found for it as it was. " : ""}${result.reached ? "Reached" : "Not reached"} in ${count(result.steps)} steps${result.fewer && result.steps === result.most && !result.reached ? ", as many as there is time for in a network of this size" : ""}: ${className(result.wanted)} goes from ${percent(from)} to ${percent(to)}; ${count(touched)} of ${count(pixels.data.length)} pixels changed.`;
  parts.course.replaceChildren(chart(course.data));
  parts.found.hidden = false;
  parts.look.disabled = false;
  parts.back.disabled = true;
  say(parts.told.textContent);
}

/** From the smallest to the largest number that pixels may have: of bytes 255, of others those of the image. */
function spanOf({ data }) {
  if (data instanceof Uint8Array) return 255;
  const [low, high] = data.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  return high - low || 1;
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
function chart(values) {
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "course", role: "img" });
  const last = Math.max(1, values.length - 1);
  const x = (step) => LEFT + ((WIDTH - LEFT - 8) * step) / last;
  const y = (share) => 8 + (HEIGHT - BOTTOM - 8) * (1 - share);
  svg.setAttribute("aria-label", `probability of ${className(result.wanted)} by step: ${percent(values[0])} at first, ${percent(values.at(-1))} after ${last}`);
  for (const share of [0, 0.5, 1]) {
    svg.append(element("path", { d: `M ${LEFT} ${y(share)} H ${WIDTH - 8}`, class: "rule" }), words(LEFT - 4, y(share) + 4, `${100 * share} %`, "end"));
  }
  svg.append(
    element("path", { d: Array.from(values, (value, k) => `${k ? "L" : "M"} ${x(k)} ${y(value)}`).join(" "), class: "line" }),
    words(LEFT, HEIGHT - 4, "step 0", "start"), words(WIDTH - 8, HEIGHT - 4, String(values.length - 1), "end"),
  );
  return svg;
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function words(x, y, said, anchor) {
  const made = element("text", { x, y, "text-anchor": anchor });
  made.textContent = said;
  return made;
}
