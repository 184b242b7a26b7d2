// What the tour says and asks for, step by step. A step that this network has nothing to show for is left out.

import { onHover } from "./cells.js";
import { make } from "./dom.js";
import { isOutput, layerAt, makesMaps, network, receptiveField } from "./network.js";
import { count } from "./numbers.js";
import { pinTelling, sweep, telling } from "./tour-acts.js";
import { fourByFour, sizes, stacks } from "./tour-example.js";
import { back, end, mistakes, p, softmax, start, training, why } from "./tour-whole.js";

const ACTIVATIONS = ["ReLU", "LeakyReLU", "PReLU", "Clip", "ReLU6", "HardSwish", "HardSigmoid", "ELU", "SiLU", "GELU", "Tanh", "Sigmoid", "Softplus"];
const PLACES = /\((\d+) \+ 2·(\d+) − (\d+)\)\/\/(\d+) \+ 1 = (\d+)/; // as a layer's arithmetic has it

/**
 * The steps for this network: each has a `name`, a `title`, `words()`, and `layer` or `point` for what it points at. One
 * with a `task` has `act(wait)`, which does it for the reader, and either `pins`, the layer of which a number is to be
 * pinned, or `done(now, then)`, which is asked after everything that happens; with a `tab`, that one is opened first, and
 * nothing is done in another. There may be `begin()`, `play(wait)`, which is done when the step is shown, and `target`, where
 * the keyboard goes.
 *
 * @param {() => void} happened is to be called when something was done inside of a step
 */
export function stepsFor(happened) {
  const conv = first((layer) => layer.kind.startsWith("Conv") && makesMaps(layer));
  const pool = first((layer) => /Pool/.test(layer.kind) && makesMaps(layer));
  const strided = first((layer) => layer.kind.startsWith("Conv") && Number(sizesOf(layer)?.[4]) > 1);
  const deepest = network.layers.findLast((layer) => layer.field && makesMaps(layer) && layer.path !== "input" && layer.shape[1] > 1);
  const active = first((layer) => ACTIVATIONS.includes(layer.kind));
  const last = network.layers.at(-1);
  const classes = isOutput(last) && network.classes.length > 1;
  const steps = [
    start(), nine(conv ?? network.layers[0], happened),
    conv && sameHere(conv), conv && padding(conv, happened), conv && stride(strided ?? conv, happened), pool && pooling(pool),
    conv && three(conv, happened), conv && deepest && field(deepest, happened), active && activation(active),
    classes && softmax(last), network.data && classes && mistakes(happened), back(last), classes && conv && why(happened), training(happened), end(),
  ];
  return steps.filter(Boolean);
}

function first(fits) {
  return network.layers.find(fits);
}

function sizesOf(layer) {
  return layer.arithmetic.map((line) => PLACES.exec(line)).find(Boolean);
}

function click(path) {
  return `Click a number of ${path}, or go to it with Tab and the arrows, and press Enter.`;
}

/** What the steps have in common that ask for a number of a layer, whose sum is then shown. */
function pinning(layer, below = null) {
  return { layer: layer.path, tab: "sum", pins: layer.path, act: (wait) => pinTelling(layer.path, wait, below) };
}

/** What the steps have in common that ask for a choice in the card. */
function choosing(controls, name, value) {
  return { act: () => controls().choose(name, value), target: null };
}

function nine(layer, happened) {
  let chosen = false;
  let example = null;
  return {
    name: "nine", title: "Nine products, one sum", layer: layer.path,
    words: () => {
      example = fourByFour(() => { chosen = true; happened(); });
      return [
        ...p("A filter is a small grid of weights. Lay it over a place of the image, multiply each weight with the pixel below it, and add up. A 3×3 filter has four places on 4×4 pixels:"),
        example.element,
      ];
    },
    task: "Choose another place, or the other filter.", begin: () => { chosen = false; }, done: () => chosen,
    play: (wait) => example.slide(wait), act: async (wait) => { await example.slide(wait); example.choose(1, 0); },
    then: "Each place of the filter makes one number of a map.",
  };
}

function sameHere(conv) {
  const [filters, channels, rows, columns] = conv.weights.weight ?? [conv.shape[0], 1, 0, 0];
  return {
    ...pinning(conv), name: "convolution", title: "The same, in your network",
    words: () => p(`${conv.path} has ${count(filters)} filters of ${rows}×${columns}, for each of ${count(channels)} ${channels === 1 ? "channel" : "channels"}. Each filter goes over the whole input and makes one map: blue is above 0, orange below, white is 0.`),
    task: `${click(conv.path)} The inspector shows its whole sum.`, then: "There it stands: patch, kernel, products, and the bias at the end.",
  };
}

function padding(conv, happened) {
  const [, size, zeros, , , found] = sizesOf(conv) ?? [];
  let chosen = null;
  let controls = null;
  const own = size === undefined ? "" : Number(zeros) > 0
    ? `${conv.path} has a padding of ${zeros}: ${size} pixels become ${found} places. `
    : `${conv.path} has none: ${size} pixels become ${found} places. `;
  return {
    name: "padding", title: "Padding", layer: conv.path,
    words: () => {
      controls = sizes((now) => { chosen = now; happened(); });
      return [...p(`A filter finds no place at the very edge, so maps shrink from layer to layer. Padding lays zeros around, which count for nothing in the sum. ${own}`), controls.element];
    },
    ...choosing(() => controls, "padding", 1),
    task: "Choose a padding with which 4 pixels stay 4.", begin: () => { chosen = null; }, done: () => chosen?.size === chosen?.found && chosen?.size > 0,
    then: "One zero on each side replaces what a 3×3 filter takes away.",
  };
}

function stride(layer, happened) {
  const [, size, , , step, found] = sizesOf(layer) ?? [];
  let chosen = null;
  let controls = null;
  const own = Number(step) > 1 ? `${layer.path} goes by ${step}: ${size} become ${found}.` : "In this network all filters go pixel by pixel.";
  return {
    name: "stride", title: "Stride", layer: layer.path,
    words: () => {
      controls = sizes((now) => { chosen = now; happened(); }, 8);
      return [...p(`A filter may also go in larger steps: with a stride of 2 it leaves out every other place, and the map has half the rows and columns. ${own}`), controls.element];
    },
    ...choosing(() => controls, "stride", 2),
    task: "Choose a stride of 2.", begin: () => { chosen = null; }, done: () => chosen?.stride === 2,
    then: "Half the places in each row, in half the rows: a quarter of the numbers, and of the work.",
  };
}

function pooling(pool) {
  const largest = pool.kind.includes("Max");
  return {
    ...pinning(pool), name: "pooling", title: "Pooling",
    words: () => p(largest
      ? `${pool.path} keeps only the largest number of each window: whether something was found, and no longer exactly where. It has nothing to learn.`
      : `${pool.path} keeps the mean of each window: how much was found there on the whole. It has nothing to learn.`),
    task: click(pool.path), then: largest ? "The ring is around the winner; all others make no difference." : "All numbers of the window count the same.",
  };
}

function three(conv, happened) {
  const side = conv.weights.weight?.at(-1) ?? 3;
  const rows = (side - 1) / 2; // of 3×3 filters, that see as much
  let layers = 1;
  let controls = null;
  const own = side > 3 && side % 2
    ? ` ${conv.path} has ${side}×${side}, as LeNet had in 1998; ${rows} of 3×3 in a row would see the same pixels, with ${9 * rows} weights a channel instead of ${side * side}.`
    : side === 3 ? ` ${conv.path} has 3×3.` : "";
  return {
    name: "three", title: "Why 3×3", layer: conv.path,
    words: () => {
      controls = stacks((now) => { layers = now; happened(); });
      return [...p(`Most networks since 2014 have filters of 3×3 alone. A number behind two of them depends on 5×5 pixels, behind three on 7×7, with fewer weights than one large filter, and with an activation in between.${own}`), controls.element];
    },
    ...choosing(() => controls, "layers", Number.isInteger(rows) && rows > 1 && rows < 6 ? rows : 3),
    task: "Put more of them in a row.", begin: () => { layers = 1; }, done: () => layers > 1, then: "They see as much, and learn less by heart.",
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
      ...p(`How much of the image can a number know of? One of ${layer.path} depends on ${layer.field.size.join("×")} pixels at most: the frame in the image. What lies outside cannot change it.`),
      told,
    ],
    act: async (wait) => {
      const { channel } = await telling(layer.path);
      const [, rows, columns] = layer.shape;
      for (const row of [0, rows - 1]) await sweep(layer, channel, [row, columns - 1], wait);
    },
    task: `Point at several numbers of ${layer.path}, or move there with the arrows.`, begin: () => { pointed = 0; }, done: () => pointed > 1, then: "The frame went along.",
  };
}

function activation(layer) {
  const before = layerAt(layer.reads[0]);
  const same = before && String(before.shape) === String(layer.shape);
  return {
    ...pinning(layer, same ? before.path : null), name: "activation", title: "Activations",
    words: () => p(`Sums of sums are only sums again; what bends them is a function of each number alone. ${layer.path} is a ${layer.kind}${layer.kind === "ReLU" ? ": what is below 0 becomes 0, all else stays" : ""}.`),
    task: `${click(layer.path)} Its curve is shown.`, then: "The point lies on the curve where its number is.",
  };
}
