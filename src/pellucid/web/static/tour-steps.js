// What is done in each step of the tour, by the reader or for them; the server has said what there is to say.

import { hover, onHover, pinIndex } from "./cells.js";
import { button } from "./controls.js";
import { byId, make } from "./dom.js";
import { layerAt, layout, network, receptiveField } from "./network.js";
import { largestAt } from "./numbers.js";
import { drawLine } from "./pad.js";
import { onShown, showSample } from "./showing.js";
import { isMistake, mistake, showUnsure } from "./sources.js";
import { get } from "./state.js";
import { goBack } from "./sum-walk.js";
import { pinTelling, sweep, telling } from "./tour-acts.js";
import { choose, fourByFour, sizes, stacks, update } from "./tour-example.js";
import { explained } from "./words.js";

const SEVEN = [[70, 75], [205, 75], [130, 225]]; // corners of a 7 on the pad
const STROKES = 12; // from one corner to the next

let seen = null; // what was shown last
let happened = () => {};

/**
 * The steps: what the server says of each, `words()`, elements, and the `layer` or `point` at which it points, and `also`
 * at. One with a `task` has `act(wait)`, which does it for the reader, and `pins`, the layer of which a number is to be
 * pinned, or `done(now, then)`, asked after all that happens; in a `tab`, if there is one. There may be `begin()`,
 * `leave()`, `play(wait)`, and selectors of a `target`, where the keyboard goes, and of a `result`.
 *
 * @param {() => void} told is called when something was done inside of a step
 */
export function stepsFor(told) {
  happened = told;
  onShown((found) => { seen = found.arrays; });
  byId("sources").addEventListener("told", happened);
  const last = network.layers.at(-1);
  return network.tour.map((step) => ({
    ...step, ...DOING[step.name](step, last), words: () => [...step.words.map(paragraph), ...(EXAMPLES[step.name]?.() ?? [])],
  }));
}

function paragraph(words) {
  return make("p", { class: words.includes(" → ") ? "worked" : null }, ...explained(words));
}

let chosen = null; // what was chosen in that of the step, since the step began
let silenced = null; // true once a channel is being silenced; then the name of all edits with it

const choice = (now) => { chosen = now; happened(); };
const grid = fourByFour(choice);
const sees = make("p", { class: "worked", role: "status" }, "…");

const EXAMPLES = {
  nine: () => [grid.element],
  padding: () => [sizes(choice)],
  stride: () => [sizes(choice, 8)],
  three: () => [stacks(choice)],
  field: () => [sees],
  softmax: () => (network.data ? [button("Take an image that it is not sure of", showUnsure)] : []),
  training: () => [update(choice)],
};

/** What the steps have in common that ask for a number of a layer, whose sum is then shown. */
const pinning = ({ layer }, below = null) => ({ tab: "sum", pins: layer, act: (wait) => pinTelling(layer, wait, below) });
const anew = { begin: () => { chosen = null; } };

const DOING = {
  start: ({ task }) => {
    const pad = !byId("drawing").hidden;
    const another = () => showSample(((get().source?.number ?? 0) + 1) % network.data.count);
    return {
      point: pad ? "drawing" : "look", also: "bars", target: pad ? "#pad" : "#sources button", act: task && (pad ? drawSeven : another),
      done: (now, then) => now.image !== then.image,
    };
  },
  nine: () => ({
    ...anew, done: () => chosen, play: grid.slide,
    act: async (wait) => {
      await grid.slide(wait);
      choice(true);
    },
  }),
  convolution: (step) => pinning(step),
  padding: () => ({ ...anew, act: () => choose("padding", 1), done: () => chosen && chosen.size === chosen.found }),
  stride: () => ({ ...anew, act: () => choose("stride", 2), done: () => chosen?.stride === 2 }),
  pooling: (step) => pinning(step),
  three: ({ value }) => ({ ...anew, act: () => choose("3×3 filters in a row", value), done: () => chosen > 1 }),
  field,
  activation: (step) => {
    const layer = layerAt(step.layer);
    const [before] = layer.reads;
    return pinning(step, String(layerAt(before)?.shape) === String(layer.shape) ? before : null);
  },
  softmax: (_, last) => ({
    point: "bars", tab: "sum", pins: last.path, target: "#bars button",
    act: async (wait) => {
      if (network.data) await showUnsure();
      await wait(900);
      pinLikeliest(last);
    },
  }),
  mistakes: () => ({
    point: "sources", target: ".data .row + .row button:last-child", act: () => mistake(1),
    done: (now, then) => now.image !== then.image && isMistake(),
  }),
  back: (_, last) => ({
    point: "panel-sum", tab: "sum", target: ".back button:not([hidden])", act: (wait) => walkBack(last, wait),
    done: (now, then) => now.layer === "input" && now.cell !== null && (then.layer !== "input" || now.cell !== then.cell),
  }),
  why: () => ({
    ...anew, point: "panel-why", tab: "why", target: "#why-forgotten", result: "#why-agreement", done: () => chosen,
    act: () => {
      const slider = byId("why-forgotten");
      slider.value = 1;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    },
  }),
  training: () => ({ ...anew, point: "bars", act: () => choose("learning rate", 0.1), done: () => chosen }),
  silence: () => ({
    point: "panel-change", tab: "change", target: "#change-silence", result: "#accuracy",
    act: () => byId("change-silence").click(),
    done: (now, then) => {
      if (silenced === true && now.edited !== then.edited) silenced = now.edited;
      return typeof silenced === "string";
    },
    leave: () => {
      if (silenced && silenced === get().edited) byId("change-undo").click(); // nothing was edited since
      silenced = null;
    },
  }),
  end: () => ({ tab: "sum", point: byId("drawing").hidden ? "pixels-frame" : "pad" }),
};

document.addEventListener("click", ({ target }) => { if (target.id === "change-silence") silenced = true; }, true);
document.addEventListener("input", ({ target }) => { if (target.id === "why-forgotten" && Number(target.value)) choice(true); });

function field({ layer: path }) {
  let pointed = 0;
  let last = "";
  onHover((place) => {
    if (!sees.isConnected || !place?.cell || place.layer !== path) return;
    const { top, left, rows, columns } = receptiveField(layerAt(path), place.cell);
    sees.textContent = `(${place.cell.join(", ")}) sees the rows ${top}–${top + rows - 1} and the columns ${left}–${left + columns - 1}`;
    if (last !== sees.textContent) pointed += 1;
    last = sees.textContent;
    happened();
  });
  return {
    also: "pixels-frame", done: () => pointed > 1, leave: () => hover(null),
    begin: () => {
      const { rows, columns } = layout(layerAt(path));
      pointed = -1;
      hover({ layer: path, channel: 0, cell: [rows >> 1, columns >> 1] }); // a frame from the start
    },
    act: async (wait) => {
      const { layer, channel } = await telling(path);
      const [, rows, columns] = layer.shape;
      for (const row of [0, rows - 1]) await sweep(layer, channel, [row, columns - 1], () => wait(300));
    },
  };
}

async function drawSeven(wait) {
  const between = (from, to, n) => to.map((end, axis) => from[axis] + ((end - from[axis]) * (n + 1)) / STROKES);
  const points = SEVEN.slice(1).flatMap((to, k) => Array.from({ length: STROKES }, (_, n) => between(SEVEN[k], to, n)));
  await drawLine([SEVEN[0], ...points], () => wait(40));
}

function pinLikeliest(last) {
  pinIndex(last.path, [largestAt(seen.output.data)]);
}

async function walkBack(last, wait) {
  const place = () => JSON.stringify([get().layer, get().channel, get().cell]);
  pinLikeliest(last);
  for (let before = null; before !== place() && get().layer !== "input";) {
    before = place();
    await wait(700);
    await goBack();
  }
}
