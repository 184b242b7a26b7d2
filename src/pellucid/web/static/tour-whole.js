// Those steps of the tour that are about the network as a whole: what comes in, what comes out, and why.

import { pinIndex } from "./cells.js";
import { byId, make } from "./dom.js";
import { className, network } from "./network.js";
import { count, shape } from "./numbers.js";
import { drawLine } from "./pad.js";
import { onShown, showSample } from "./showing.js";
import { isMistake, mistake, showUnsure } from "./sources.js";
import { get } from "./state.js";
import { goBack } from "./sum-walk.js";
import { shares, update } from "./tour-example.js";
import { explained } from "./words.js";

const SEVEN = [[70, 75], [205, 75], [130, 225]]; // corners of a 7 on the pad
const STROKES = 12; // from one corner to the next
const CHAIN = 7; // layers that are told of at the beginning

let seen = null; // what was shown last
const scores = make("div", {}); // where the table of shares stands

/** Remember what is shown. */
export function buildSteps() {
  onShown((found) => { seen = found.arrays; if (scores.isConnected) drawShares(); });
}

/** A paragraph, its words explained, as a list of one. */
export function p(words) {
  return [make("p", {}, ...explained(words))];
}

/** What the network does on the whole. */
export function start() {
  const pad = !byId("drawing").hidden;
  const some = pad || network.data;
  const last = network.layers.at(-1);
  const ends = network.classes.length > 1 ? `${count(network.classes.length)} scores` : shape(last.shape);
  return {
    name: "start", title: `From ${network.input_shape.length === 3 ? "an image" : "numbers"} to ${ends}`, point: pad ? "drawing" : "look", also: "bars",
    words: () => [
      ...p("A network is a row of layers, each of which makes numbers of those before it. The first filters find strokes and edges, the next what strokes make together; the last layer gives every class a score, and the highest wins."),
      make("p", { class: "worked" }, chain().join(" → ")),
      ...p("Everything on this page is such a number: its colour says how large it is, and a click what it is made of."),
    ],
    ...(some && {
      task: pad ? "Draw a digit in the black square: all layers follow the pen." : "Take another sample: all layers follow.",
      act: pad ? drawSeven : () => showSample(((get().source?.number ?? 0) + 1) % network.data.count),
      target: pad ? "#pad" : "#sources button", done: (now, then) => now.image !== then.image, then: "Every map and the prediction are of this image now.",
    }),
  };
}

function chain() {
  const layers = network.layers.filter((layer, k) => k === 0 || layer.parameters || /Pool/.test(layer.kind));
  const few = layers.length > CHAIN ? [...layers.slice(0, CHAIN - 3), null, ...layers.slice(-2)] : layers;
  return few.map((layer) => (layer ? `${layer.path} ${shape(layer.shape)}` : "…"));
}

async function drawSeven(wait) {
  const points = SEVEN.slice(1).flatMap((to, k) => Array.from({ length: STROKES }, (_, n) => to.map((end, axis) => SEVEN[k][axis] + ((end - SEVEN[k][axis]) * (n + 1)) / STROKES)));
  await drawLine([SEVEN[0], ...points], () => wait(40));
}

function drawShares() {
  const shown = seen?.probabilities?.data;
  const found = seen?.output.data;
  const own = found && shown && found.some((score, k) => score !== shown[k]); // else the network ends with it
  scores.replaceChildren(own ? shares({ scores: found, shown, nameOf: className }) : "");
}

/** Shares of the classes. */
export function softmax(last) {
  const unsure = make("button", { type: "button", click: showUnsure }, "Take an image that it is not sure of");
  return {
    name: "softmax", title: "From scores to shares", point: "bars", tab: "sum", pins: last.path, target: "#bars button",
    words: () => {
      drawShares();
      return [
        ...p("The last layer gives each class a score. Softmax makes shares of them: e to the power of each, divided by the sum, so that they are above 0 and add up to 1."),
        network.data ? unsure : "", scores, ...p(scores.firstChild ? "" : `${last.path} is that softmax; its sum has the table.`),
      ];
    },
    act: async (wait) => {
      if (network.data) await showUnsure();
      await wait(900);
      const { data } = seen.output;
      pinIndex(last.path, [data.indexOf(Math.max(...data))]);
    },
    task: "Choose a bar: its score is followed.", then: "The inspector shows what this class’s number is made of.",
  };
}

/** Where it is wrong. */
export function mistakes(happened) {
  let listening = false;
  return {
    name: "mistakes", title: "Where it is wrong", point: "sources", target: ".data .row + .row button:last-child",
    words: () => p(`Whether a network is any good, only images can tell that it has not learnt from. Of these ${count(network.data.count)} it was asked about every one; those it takes for something else say most about it, and some of them a person would not be sure of either.`),
    begin: () => { if (!listening) byId("sources").addEventListener("told", happened); listening = true; },
    act: () => mistake(1), done: (now, then) => now.image !== then.image && isMistake(),
    task: "Press “mistake ▶”: those that it was most sure of come first.", then: "Look at the bars: how sure it is, and of what.",
  };
}

/** From a prediction back to the pixels. */
export function back(last) {
  return {
    name: "back", title: "Follow one number back", point: "panel-sum", tab: "sum", target: ".back button:not([hidden])",
    words: () => p("Where does a number come from? From the largest term of its sum, and that from the largest of its own, and so on, down to the ink. Each step says how much of all that is added and taken away it is; soon it is one path of very many."),
    act: async (wait) => {
      const { data } = seen.output;
      pinIndex(last.path, [data.indexOf(Math.max(...data))]);
      for (let before = null; JSON.stringify(before) !== place() && get().layer !== "input";) {
        before = JSON.parse(place());
        await wait(700);
        await goBack();
      }
    },
    task: `Pin a number of ${last.path}, such as with “From …” in the inspector; then go down the list, or press Backspace, to the image.`,
    done: (now, then) => now.layer === "input" && now.cell !== null && (then.layer !== "input" || now.cell !== then.cell),
    then: "That pixel is where the way ends.",
  };
}

function place() {
  const { layer, channel, cell } = get();
  return JSON.stringify([layer, channel, cell]);
}

/** Which pixels counted, and whether that can be believed. */
export function why(happened) {
  let moved = false;
  let listening = false;
  const notice = ({ target }) => { if (target.id === "why-forgotten" && Number(target.value) > 0) { moved = true; happened(); } };
  return {
    name: "why", title: "Which pixels counted?", point: "panel-why", tab: "why", target: "#why-forgotten",
    begin: () => { moved = false; if (!listening) byId("panel-why").addEventListener("input", notice); listening = true; },
    words: () => p("Saliency colours each pixel by how much the class’s score hangs on it: its gradient. Such pictures look convincing even where they show no more than the image itself. So try it: let the last layers forget what they learnt. A picture of what was learnt has to change then."),
    act: async () => {
      const slider = byId("why-forgotten");
      if (!slider) return;
      slider.value = 1;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    },
    task: "Move the slider under “Is it honest?” by one layer, and compare.", done: () => moved, then: "The less the two pictures agree, the more the first one says.",
  };
}

/** What training does. */
export function training(happened) {
  return {
    name: "training", title: "What training changes", point: "panel-change", tab: "change", target: "#change-silence",
    words: () => [
      ...p(`Only weights and biases: here ${count(network.parameters)} numbers. The loss says how wrong the network is, its gradient which way each weight makes that worse; each goes a small step the other way. In the example of the tour’s filter:`),
      update(happened),
      ...p(byId("tab-learn") ? "The tab “Training” shows how they became what they are." : ""),
    ],
    act: () => byId("change-silence").click(),
    task: "Now do by hand what no training would: silence a channel, and see what becomes of the prediction.",
    done: (now, then) => now.revision !== then.revision, then: "“Undo all” brings the network back; your file never changed.",
  };
}

/** What there is besides. */
export function end() {
  const pad = !byId("drawing").hidden;
  return {
    name: "end", title: "Go on by yourself", point: pad ? "pad" : "pixels-frame",
    words: () => [
      ...p(`${pad ? "Draw something of your own; look for something that fools it." : "Choose other images; look for one that fools it."} “Why” also asks for the least that makes the image another class’s. “Help”, or the key ?, has all keys, and the meaning of every dotted word.`),
      ...p("What you look at stands in the address: keep it or send it, and the same network opens at the same number."),
    ],
  };
}

/** The state that a step begins with. */
export function snapshot() {
  const { layer, channel, cell, revision, image } = get();
  return { layer, channel, cell, revision, image };
}
