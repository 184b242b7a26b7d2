// The way back: from a prediction, or from any number, to the largest of what it is made of, down to a pixel.

import { ask } from "./api.js";
import { pinIndex } from "./cells.js";
import { quiet, row } from "./controls.js";
import { make, renew, say } from "./dom.js";
import { goTo } from "./layers.js";
import { cellOf, className, indexOf, isOutput, layerAt, network } from "./network.js";
import { largestAt, percent, text } from "./numbers.js";
import { showWay } from "./overlay.js";
import { onShown } from "./showing.js";
import { bar, figure, number, place, placeName } from "./sum-parts.js";
import { buildPlay } from "./sum-play.js";
import { get } from "./state.js";

const REST = 150; // ms

const list = make("ol", { class: "walk" });
const begin = make("button", { hidden: true, click: beginWalk });
export const play = buildPlay(goBack, async () => { if (!begin.hidden) beginWalk(); });
const note = quiet();

let walk = null; // {seen, path, index, steps}: seen is the image and the network's revision
let timer = 0;
let shares = null; // what the network makes of the image, a number a class

export function buildWalk() {
  onShown(({ arrays }) => {
    shares = arrays.probabilities?.data ?? null;
    begin.hidden = !shares || !isOutput(network.layers.at(-1));
    if (shares) begin.textContent = `From ${prediction(likeliest())}`;
  });
  return make("section", { class: "back", "aria-labelledby": "walk-title" }, make("h3", { id: "walk-title" }, "Walk back"), row(begin), note, list);
}

/** Show the way soon: at once for another number, and when the pen rests for another image. */
export function followWalk(fail) {
  clearTimeout(timer);
  timer = setTimeout(() => showWalk().catch(fail), walk && walk.seen !== seenNow() ? REST : 0);
}

/** Show the way that the pinned number lies on: the one that is shown if that is so, or else its own. */
async function showWalk() {
  const pinned = pinnedPlace();
  list.hidden = !pinned;
  note.textContent = pinned ? "Each step goes to the largest of what a number is made of. Backspace is one step." : "";
  if (!pinned) return showWay([]);
  const seen = seenNow();
  if (walk && walk.seen !== seen) await take(seen, walk.path, walk.index);
  if (!walk || stepAt(pinned) < 0) await take(seen, pinned.path, pinned.index);
  mark(stepAt(pinned));
  showWay(walk.steps.filter((step) => step.path));
}

function beginWalk() {
  pinIndex(network.layers.at(-1).path, [likeliest()]);
}

/**
 * Pin the largest contributor to the pinned number; of what the page does not show, that which comes before it. Say
 * whether there is one. A keyboard that is in the stack goes there.
 */
export async function goBack() {
  const pinned = pinnedPlace();
  if (!pinned) return false;
  await showWalk();
  const next = walk.steps.slice(stepAt(pinned) + 1).find((step) => step.path);
  if (!next) {
    say("This is where the way ends");
    return false;
  }
  say(`${placeName(next.path, next.index)}, ${text(number(next.number))}`);
  pinIndex(next.path, next.index);
  if (document.activeElement?.closest(".layer")) await goTo(next.path, cellOf(layerAt(next.path), next.index).channel);
  return true;
}

async function take(seen, path, index) {
  const { image } = get();
  const { steps } = await ask("walk", { image, layer: path, index: index.join(",") });
  walk = { seen, path, index, steps };
  draw();
}

function seenNow() {
  const { image, revision } = get();
  return `${image} ${revision}`;
}

function pinnedPlace() {
  const { layer: path, channel, cell } = get();
  const layer = layerAt(path);
  return layer && cell ? { path, index: indexOf(layer, channel, cell) } : null;
}

/** Which step a place is, or −1. */
function stepAt({ path, index }) {
  return walk.steps.findIndex((step) => step.path === path && String(step.index) === String(index));
}

function draw() {
  renew(list, ...walk.steps.map((step, k) => make("li", {}, ...line(step, k))));
}

function line(step, k) {
  const { path, index, share, instead } = step;
  const words = k === 0 ? beginning(step) : placeName(path ?? step.layer, index);
  const other = instead && [". The largest for it: ", place(instead.path, instead.index), `, ${instead.amount}`];
  return [
    place(path, index, words), " ", figure(number(step.number)), quiet(step.words, ...(other ?? [])), share === null ? null : bar(0, number(share), 0, 1),
  ];
}

function beginning(step) {
  const layer = layerAt(step.path);
  return layer && isOutput(layer) && shares ? prediction(step.index[0]) : placeName(step.path, step.index);
}

function mark(current) {
  list.querySelector("[aria-current]")?.removeAttribute("aria-current");
  list.children[current]?.setAttribute("aria-current", "step");
}

function prediction(k) {
  return `${className(k)}: ${percent(shares[k])}`;
}

function likeliest() {
  return largestAt(shares);
}
