// Of a score: the share that it comes to among those of all classes. What it is a sum of stands below.

import { make } from "./dom.js";
import { className, indexOf, isOutput, network } from "./network.js";
import { percent } from "./numbers.js";
import { onShown } from "./showing.js";
import { get, on } from "./state.js";
import { softmax } from "./sum-softmax.js";

const REST = 150; // ms: no stroke waits for it

const element = make("section", { hidden: true, "aria-label": "From the score to its share" });
let answer = null; // {output, probabilities} of the image that is shown
let timer = 0;

/** Build the part of the tab. */
export function buildShare() {
  onShown(({ arrays }) => { answer = arrays; clearTimeout(timer); timer = setTimeout(show, REST); });
  on(["layer", "cell"], show);
  return element;
}

function show() {
  const { layer, cell } = get();
  const last = network.layers.at(-1);
  const shares = answer?.probabilities?.data;
  element.hidden = layer !== last.path || !cell || !isOutput(last) || !shares || /softmax/i.test(last.kind);
  if (element.hidden) return;
  const [own] = indexOf(last, 0, cell);
  const found = { kind: "softmax", path: last.path, index: [own], details: { class: own, z: [...answer.output.data] }, terms: [{ path: last.path }] };
  element.replaceChildren(
    make("h3", {}, `${className(own)}: ${percent(shares[own])}`),
    make("p", {}, "e to the power of its score, divided by the same of all classes together."), ...softmax(found).parts,
  );
}
