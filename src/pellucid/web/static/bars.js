// The prediction: a bar for each class, or for the likeliest ten, and the words that a screen reader says of it.

import { byId, make, say } from "./dom.js";
import { pinIndex } from "./cells.js";
import { className, makesMaps, network } from "./network.js";
import { count, percent, shape, text } from "./numbers.js";

const MOST = 10;

let spoken = "";

/** Show outputs and probabilities, arrays of one number a class; a screen reader is told of them unless it is `quiet`. */
export function showBars(output, probabilities, quiet = false) {
  const place = byId("bars");
  if (!probabilities) {
    place.replaceChildren(...outputs(output));
    return;
  }
  const every = Array.from(probabilities, (share, number) => ({ share, number }));
  const order = [...every].sort((a, b) => b.share - a.share);
  const few = every.length > MOST ? order.slice(0, MOST) : every;
  const scored = !/softmax/i.test(network.layers.at(-1).kind); // else the outputs are the shares
  const list = few.map((each) => bar(each, each.number === order[0].number, scored ? text(output[each.number]) : ""));
  place.replaceChildren(make("ol", { class: "bars" }, ...list));

  const words = `${className(order[0].number)}, ${percent(order[0].share)}`;
  if (words !== spoken && !quiet) say(`prediction: ${words}`);
  spoken = words;
}

/** Outputs that are no classes' scores, or not all numbers. */
function outputs(output) {
  const last = network.layers.at(-1);
  const few = Array.from(output).slice(0, MOST);
  const rest = output.length > few.length ? `, of which the first ${few.length} are` : "";
  const words = makesMaps(last) ? `The output is ${shape(last.shape)} numbers: maps, at the end of the layers.` : output.length > 1 ? `${count(output.length)} outputs${rest}:` : "";
  const listed = makesMaps(last) ? [] : few.map((value, k) => make("li", {}, `output ${k}: ${Number.isNaN(value) ? "not a number" : text(value)}`));
  return [make("p", { class: "quiet" }, words), make("ul", { class: "outputs" }, ...listed)];
}

function bar({ share, number }, first, score) {
  const fill = make("span", { class: "fill" });
  fill.style.width = `${100 * share}%`;
  const last = network.layers.at(-1);
  return make(
    "li",
    {},
    make(
      "button",
      { type: "button", class: first ? "bar likeliest" : "bar", title: "follow this number", click: () => pinIndex(last.path, [number]) },
      make("span", { class: "name" }, className(number)),
      make("span", { class: "score", title: "its score" }, score),
      make("span", { class: "share" }, percent(share)),
      make("span", { class: "track" }, fill),
    ),
  );
}
