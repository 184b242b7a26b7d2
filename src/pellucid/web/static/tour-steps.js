// What the tour says and asks for, step by step. A step that this network has nothing to show for is left out.

import { byId, make } from "./dom.js";
import { onHover } from "./cells.js";
import { className, isOutput, layerAt, makesMaps, network, receptiveField } from "./network.js";
import { count } from "./numbers.js";
import { onShown } from "./showing.js";
import { get, set } from "./state.js";
import { fourByFour, shares, sizes, stacks, update } from "./tour-example.js";

const ACTIVATIONS = ["ReLU", "LeakyReLU", "PReLU", "Clip", "ReLU6", "HardSwish", "HardSigmoid", "ELU", "SiLU", "GELU", "Tanh", "Sigmoid", "Softplus"];
const PLACES = /\((\d+) \+ 2·(\d+) − (\d+)\)\/\/(\d+) \+ 1 = (\d+)/; // as a layer's arithmetic has it

let seen = null; // what was shown last

/** Remember what is shown. */
export function buildSteps() {
  onShown((found) => { seen = found.arrays; });
}

/**
 * The steps for this network: each has a `name`, a `title`, `words()`, and perhaps a `task` with `done(now, then)`, which
 * is asked after everything that happens, `layer` or `point` for what it points at, and `begin()`.
 *
 * @param {() => void} happened is to be called when something was done inside of a step
 */
export function stepsFor(happened) {
  const conv = first((layer) => layer.kind.startsWith("Conv") && makesMaps(layer));
  const pool = first((layer) => /Pool/.test(layer.kind) && makesMaps(layer));
  const strided = first((layer) => Number(sizesOf(layer)?.[4]) > 1);
  const deepest = network.layers.findLast((layer) => layer.field && makesMaps(layer) && layer.path !== "input" && layer.shape[1] > 1);
  const active = first((layer) => ACTIVATIONS.includes(layer.kind));
  const last = network.layers.at(-1);
  const steps = [
    nine(conv ?? network.layers[0], happened),
    conv && sameHere(conv), conv && padding(conv, happened), conv && stride(strided ?? conv, happened), pool && pooling(pool),
    conv && three(conv, happened), conv && deepest && field(deepest, happened), active && activation(active),
    isOutput(last) && network.classes.length > 1 && softmax(last), back(last), training(happened), end(),
  ];
  return steps.filter(Boolean);
}

function first(fits) {
  return network.layers.find(fits);
}

function sizesOf(layer) {
  return layer.arithmetic.map((line) => PLACES.exec(line)).find(Boolean);
}

function p(...words) {
  return make("p", {}, ...words);
}

/** Whether a number of a layer has been pinned since the step began. */
function pinnedIn(path) {
  return (now, then) => now.layer === path && now.cell !== null && JSON.stringify([then.layer, then.channel, then.cell]) !== JSON.stringify([now.layer, now.channel, now.cell]);
}

function click(path) {
  return `Click a number of ${path}, or go to it with Tab and the arrows, and press Enter.`;
}

function nine(layer, happened) {
  let chosen = false;
  return {
    name: "nine", title: "Nine products, one sum", layer: layer.path,
    words: () => [
      p("A filter is a small grid of weights. Lay it over a place of the image, multiply each weight with the pixel below it, and add up. A 3×3 filter has four places on 4×4 pixels:"),
      fourByFour(() => { chosen = true; happened(); }),
    ],
    task: "Choose another place, or the other filter.", begin: () => { chosen = false; }, done: () => chosen,
  };
}

function sameHere(conv) {
  const [filters, channels, rows, columns] = conv.weights.weight ?? [conv.shape[0], 1, 0, 0];
  return {
    name: "convolution", title: "The same, in your network", layer: conv.path,
    words: () => [
      p(`${conv.path} has ${count(filters)} filters of ${rows}×${columns}, for each of ${count(channels)} ${channels === 1 ? "channel" : "channels"}. Each filter goes over the whole input and makes one map: blue is above 0, orange below, white is 0.`),
    ],
    task: `${click(conv.path)} The inspector shows its whole sum.`, done: pinnedIn(conv.path), then: "There it stands: patch, kernel, products, and the bias at the end.",
  };
}

function padding(conv, happened) {
  const [, size, zeros, , , found] = sizesOf(conv) ?? [];
  let chosen = null;
  const own = size === undefined ? "" : Number(zeros) > 0
    ? `${conv.path} has a padding of ${zeros}: ${size} pixels become ${found} places. `
    : `${conv.path} has none: ${size} pixels become ${found} places. `;
  return {
    name: "padding", title: "Padding", layer: conv.path,
    words: () => [
      p("A filter finds no place at the very edge, so maps shrink from layer to layer. Padding lays zeros around, which count for nothing in the sum. ", own),
      sizes((now) => { chosen = now; happened(); }),
    ],
    task: "Choose a padding with which 4 pixels stay 4.", begin: () => { chosen = null; }, done: () => chosen?.size === chosen?.found && chosen?.size > 0,
    then: "One zero on each side replaces what a 3×3 filter takes away.",
  };
}

function stride(layer, happened) {
  const [, size, , , step, found] = sizesOf(layer) ?? [];
  let chosen = null;
  const own = Number(step) > 1 ? `${layer.path} goes by ${step}: ${size} become ${found}.` : "In this network all filters go pixel by pixel.";
  return {
    name: "stride", title: "Stride", layer: layer.path,
    words: () => [
      p(`A filter may also go in larger steps: with a stride of 2 it leaves out every other place, and the map has half the rows and columns. ${own}`),
      sizes((now) => { chosen = now; happened(); }),
    ],
    task: "Choose a stride of 2.", begin: () => { chosen = null; }, done: () => chosen?.stride === 2, then: "Half as many places, a quarter of the work behind it.",
  };
}

function pooling(pool) {
  const largest = pool.kind.includes("Max");
  return {
    name: "pooling", title: "Pooling", layer: pool.path,
    words: () => [
      p(largest
        ? `${pool.path} keeps only the largest number of each window: whether something was found, and no longer exactly where. It has nothing to learn.`
        : `${pool.path} keeps the mean of each window: how much was found there on the whole. It has nothing to learn.`),
    ],
    task: click(pool.path), done: pinnedIn(pool.path), then: largest ? "The ring is around the winner; all others make no difference." : "All numbers of the window count the same.",
  };
}

function three(conv, happened) {
  let layers = 1;
  return {
    name: "three", title: "Why 3×3", layer: conv.path,
    words: () => [
      p("A number behind two 3×3 filters depends on 5×5 pixels, behind three on 7×7, with fewer weights than one large filter, and with an activation in between."),
      stacks((now) => { layers = now; happened(); }),
    ],
    task: "Put more of them in a row.", begin: () => { layers = 1; }, done: () => layers > 1,
  };
}

function field(layer, happened) {
  const told = make("p", { class: "worked", role: "status" }, "…");
  let pointed = 0;
  let last = "";
  onHover((place) => {
    if (!told.isConnected || !place?.cell || place.layer !== layer.path) return;
    const { top, left, rows, columns } = receptiveField(layerAt(layer.path), place.cell);
    told.textContent = `(${place.cell.join(", ")}) sees the rows ${top}–${top + rows - 1} and the columns ${left}–${left + columns - 1}`;
    if (last !== told.textContent) pointed += 1;
    last = told.textContent;
    happened();
  });
  return {
    name: "field", title: "The receptive field", layer: layer.path, also: "pixels-frame",
    words: () => [
      p(`How much of the image can a number know of? One of ${layer.path} depends on ${layer.field.size.join("×")} pixels at most: the frame in the image. What lies outside cannot change it.`),
      told,
    ],
    task: `Point at several numbers of ${layer.path}, or move there with the arrows.`, begin: () => { pointed = 0; }, done: () => pointed > 1, then: "The frame went along.",
  };
}

function activation(layer) {
  return {
    name: "activation", title: "Activations", layer: layer.path,
    words: () => [
      p(`Sums of sums are only sums again; what bends them is a function of each number alone. ${layer.path} is a ${layer.kind}${layer.kind === "ReLU" ? ": what is below 0 becomes 0, all else stays" : ""}.`),
    ],
    task: `${click(layer.path)} Its curve is shown.`, done: pinnedIn(layer.path),
  };
}

function softmax(last) {
  return {
    name: "softmax", title: "From scores to shares", point: "bars",
    words: () => {
      const scores = seen?.output.data;
      const shown = seen?.probabilities?.data;
      const own = scores && shown && scores.some((score, k) => score !== shown[k]); // else the network ends with it
      return [
        p("The last layer gives each class a score. Softmax makes shares of them: e to the power of each, divided by the sum, so that they are above 0 and add up to 1."),
        own ? shares({ scores, shown, nameOf: className }) : p(`${last.path} is that softmax; its sum has the table.`),
      ];
    },
    task: "Choose a bar: its score is followed.", done: pinnedIn(last.path),
  };
}

function back(last) {
  return {
    name: "back", title: "Follow one number back", point: "panel-sum",
    begin: () => set({ view: "sum" }),
    words: () => [
      p("Where does a number come from? From the largest term of its sum, and that from the largest of its own, and so on, down to the ink. Each step says how much of the sum it keeps."),
    ],
    task: `Pin a number of ${last.path}, such as with “From …” in the inspector; then go down the list, or press Backspace, to the image.`,
    done: (now, then) => now.layer === "input" && now.cell !== null && (then.layer !== "input" || now.cell !== then.cell),
    then: "That pixel is where the way ends.",
  };
}

function training(happened) {
  return {
    name: "training", title: "What training changes", point: "panel-change",
    begin: () => set({ view: "change" }),
    words: () => [
      p(`Only weights and biases: here ${count(network.parameters)} numbers. The loss says how wrong the network is, its gradient which way each weight makes that worse; each goes a small step the other way. In the example of the first step:`),
      update(happened),
      byId("tab-learn") ? p("The tab “Training” shows how they became what they are.") : "",
    ],
    task: "Now do by hand what no training would: silence a channel, and see what becomes of the prediction.",
    done: (now, then) => now.revision !== then.revision, then: "“Undo all” brings the network back; your file never changed.",
  };
}

function end() {
  const pad = !byId("drawing").hidden;
  return {
    name: "end", title: "Go on by yourself", point: pad ? "pad" : "pixels-frame",
    words: () => [
      p(pad ? "Draw something of your own; look for something that fools it. " : "Choose other images; look for one that fools it. ", "“Why” asks which pixels counted, and whether that can be believed. “Help”, or the key ?, has all keys."),
      p("What you look at stands in the address: keep it or send it, and the same network opens at the same number."),
    ],
  };
}

/** The state that a step begins with. */
export function snapshot() {
  const { layer, channel, cell, revision } = get();
  return { layer, channel, cell, revision };
}
