// The prediction: a bar for each class, or for the likeliest ten, and what a screen reader says of it.

import { byId, make, say } from "./dom.js";
import { pinIndex } from "./cells.js";
import { className, makesMaps, network } from "./network.js";
import { percent, text } from "./numbers.js";

const MOST = 10;

const list = make("ol", { class: "bars" }); // whose buttons stay, as the keyboard may be on one
let spoken = "";

/** Show outputs and probabilities; unless `quiet`, bars move and a screen reader is told. */
export function showBars(output, probabilities, quiet = false) {
  const place = byId("bars");
  if (!probabilities) {
    place.replaceChildren(...outputs(output));
    return;
  }
  const order = ranked(probabilities);
  const few = order.length > MOST ? order.slice(0, MOST) : order.toSorted((a, b) => a.number - b.number);
  const scored = !/softmax/i.test(network.layers.at(-1).kind); // else the outputs are the shares
  while (list.children.length < few.length) list.append(bar());
  few.forEach((each, k) => fill(list.children[k].firstChild, each, each.number === order[0].number, scored ? text(output[each.number]) : ""));
  list.classList.toggle("calm", quiet);
  if (list.parentNode !== place) place.replaceChildren(list);

  const words = `${className(order[0].number)}, ${percent(order[0].value)}`;
  if (words !== spoken && !quiet) say(`prediction: ${words}`);
  spoken = words;
}

/** Numbers, the largest first: {value, number}, which of them it is. */
export function ranked(values) {
  return Array.from(values, (value, number) => ({ value, number })).sort((a, b) => b.value - a.value);
}

/** Outputs that are no classes' scores, or not all numbers. */
function outputs(output) {
  const few = makesMaps(network.layers.at(-1)) ? [] : Array.from(output).slice(0, MOST);
  const listed = few.map((value, k) => make("li", {}, `output ${k}: ${Number.isNaN(value) ? "not a number" : text(value)}`));
  return [make("p", { class: "quiet" }, network.outputs), make("ul", { class: "outputs" }, ...listed)];
}

function bar() {
  const click = ({ currentTarget }) => pinIndex(network.layers.at(-1).path, [Number(currentTarget.value)]);
  const parts = ["name", "score", "share", "track"].map((name) => make("span", { class: name }));
  parts[1].title = "its score";
  parts[3].append(make("span", { class: "fill" }));
  return make("li", {}, make("button", { title: "follow this number", click }, ...parts));
}

function fill(button, { value: share, number }, first, score) {
  button.value = number;
  button.className = first ? "bar likeliest" : "bar";
  [className(number), score, percent(share)].forEach((words, k) => { button.children[k].textContent = words; });
  button.lastChild.firstChild.style.width = `${100 * share}%`;
}
