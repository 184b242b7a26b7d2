// The ways to say which pixels count: what they are called, what they show, and what can be chosen of them.

import { make } from "./dom.js";
import { network } from "./network.js";
import { count, shape, text } from "./numbers.js";

export const NAMES = { saliency: "Saliency", grad_cam: "Grad-CAM", occlusion: "Occlusion" };

const FEW = 0.005; // of a probability: what falls by less, hardly falls

/** What a picture shows, in words; `found` is the server's answer, `layer` the one that Grad-CAM looks at. */
export function wordsOf(found, layer) {
  return { saliency, grad_cam: gradCam, occlusion }[found.method](found, layer);
}

function saliency() {
  return "How much the class’s score changes with each pixel: the size of its gradient.";
}

function gradCam({ arrays: { picture }, field }, layer) {
  const where = field ? `each in the middle of the ${shape(field.size)} pixels that it reads` : "stretched over the image";
  return `Where the maps of ${layer} speak for the class, each counted by its mean gradient: ${shape(picture.shape)} numbers, ${where}.`;
}

function occlusion({ arrays: { picture }, places, patch, measure }) {
  const most = picture.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const words = [`How much the class’s ${measure} falls where a patch of ${shape(patch)} pixels, all of the image’s mean, covers a pixel: blue needs it, orange speaks against it.`];
  if (measure === "probability" && most < FEW) {
    words.push(`No patch matters: the probability changes by ${text(100 * most, 2)} points at most. The network is too sure of it, or too far from it; the score tells more.`);
  }
  if (places.fewer) words.push(`The patch has ${shape(places.count)} places, fewer than usual: each takes long in a network of this size.`);
  return words.join(" ");
}

/** What can be chosen of occlusion: {element, query}; `changed` is called when something else was chosen. */
export function occlusionChoices(changed) {
  const [, rows, columns] = network.input_shape;
  const measure = choice("why-measure", { score: "score", probability: "probability" }, changed);
  const sides = [8, 4, 3, 2].map((part) => Math.max(1, Math.floor(Math.min(rows, columns) / part)));
  const patch = choice("why-patch", Object.fromEntries([...new Set(sides)].map((side) => [side, `${count(side)}×${count(side)}`])), changed);
  patch.value = sides[1];
  const element = make(
    "div", { class: "row" }, make("label", { class: "field" }, "of the ", measure), make("label", { class: "field" }, "patch ", patch),
  );
  return { element, query: () => ({ measure: measure.value, patch: patch.value }) };
}

function choice(id, options, change) {
  return make("select", { id, change }, ...Object.entries(options).map(([value, words]) => make("option", { value }, words)));
}
