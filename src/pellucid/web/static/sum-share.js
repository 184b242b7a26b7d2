// Of a score: the share that it comes to among those of all classes. What it is a sum of stands below.

import { make } from "./dom.js";
import { className, indexOf, network } from "./network.js";
import { percent } from "./numbers.js";
import { onShown } from "./showing.js";
import { get, on } from "./state.js";
import { softmax } from "./sum-softmax.js";

const REST = 150; // ms: no stroke waits for it

export function buildShare() {
  const element = make("section", { hidden: true });
  let [output, shares, timer] = [[], null, 0];
  const show = () => {
    const { layer: path, cell } = get();
    const last = network.layers.at(-1);
    element.hidden = path !== last.path || !cell || !shares || /softmax/i.test(last.kind);
    if (element.hidden) return;
    const [own] = indexOf(last, 0, cell);
    const { parts } = softmax({ kind: "softmax", path, index: [own], details: { class: own, z: [...output] }, terms: [{ path }] }, 2);
    element.replaceChildren(make("h3", {}, `${className(own)}: ${percent(shares[own])}`), ...parts);
  };
  onShown(({ arrays }) => {
    [output, shares] = [arrays.output.data, arrays.probabilities?.data];
    clearTimeout(timer);
    timer = setTimeout(show, REST);
  });
  on(["layer", "cell"], show);
  return element;
}
