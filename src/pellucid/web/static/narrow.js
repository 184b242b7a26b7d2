// A narrow page: a strip that stays in sight, and one layer at a time.

import { ranked } from "./bars.js";
import { options } from "./controls.js";
import { allow, byId, make } from "./dom.js";
import { mapsOf } from "./layers.js";
import { className, makesMaps, network, neighbour } from "./network.js";
import { percent, text } from "./numbers.js";
import { paintImage, shownPixels } from "./pixels.js";
import { onShown } from "./showing.js";
import { get, on } from "./state.js";

const FEW = 3;

export const narrow = matchMedia("(max-width: 720px)");

const thumbnail = make("canvas", { class: "thumbnail", role: "img", "aria-label": "the image" });
const best = make("ol", { class: "best", "aria-label": "likeliest" });
const choice = make("select", { "aria-label": "layer", change: () => show(choice.value) });
const stepper = (words, sign, by) => make("button", { "aria-label": words, click: () => show(neighbour(here, by).path) }, sign);
const [before, after] = [stepper("layer before", "◀", -1), stepper("next layer", "▶", 1)];

let here = "input";

export function buildNarrow() {
  byId("strip").prepend(thumbnail, best);
  byId("stepper").append(before, choice, after);
  choice.append(...options(network.layers.map(({ path, kind }) => [path, `${path} · ${kind}`])));
  byId("layers").addEventListener("going", ({ detail }) => show(detail));
  on(["layer"], () => { if (get().layer) show(get().layer); });
  onShown(tell);
  narrow.addEventListener("change", arrange);
  for (const id of ["bar", "strip"]) new ResizeObserver(measure).observe(byId(id));
  here = get().layer ?? here;
  arrange();
}

export function lookedAt() {
  return here;
}

/** Put what is always in sight into the bar or the strip. */
function arrange() {
  const strip = byId("strip");
  strip.hidden = byId("stepper").hidden = !narrow.matches;
  const [trail, scale, computing] = ["trail", "scale", "computing"].map(byId);
  const badges = [...document.querySelectorAll(".badge")];
  const held = [trail, ...badges].find((each) => each.contains(document.activeElement)) && document.activeElement;
  if (narrow.matches) strip.append(computing, ...badges, trail, scale);
  else {
    byId("title").after(trail, ...badges);
    byId("range").parentElement.after(scale, computing);
  }
  held?.focus();
  measure();
  show(here);
}

/** Tell the style sheets how high the top is. */
function measure() {
  const top = narrow.matches ? byId("strip") : byId("bar");
  document.documentElement.style.setProperty("--bar", `${top.offsetHeight}px`);
}

function show(path) {
  here = path;
  for (const element of document.querySelectorAll(".layer")) element.classList.toggle("here", element.dataset.path === path);
  choice.value = path;
  allow(before, path !== network.layers[0].path, choice);
  allow(after, path !== network.layers.at(-1).path, choice);
  if (narrow.matches) mapsOf(path).see();
  byId("layers").dispatchEvent(new CustomEvent("looked"));
}

function tell({ arrays: { output, probabilities } }) {
  paintImage(thumbnail, shownPixels());
  const listed = makesMaps(network.layers.at(-1)) ? [] : ranked(probabilities?.data ?? output.data).slice(0, FEW);
  best.replaceChildren(...listed.map(({ value, number }) => make(
    "li", {}, make("span", { class: "name" }, probabilities ? className(number) : `output ${number}`), ": ", probabilities ? percent(value) : text(value),
  )));
}
