// The small examples of the tour, computed here while they are shown; the first is held against what paper says.

import { css, ink } from "./colours.js";
import { button, field, options, quiet, row } from "./controls.js";
import { make, say, still } from "./dom.js";
import { text } from "./numbers.js";

const IMAGE = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]];
const FILTERS = [
  { name: "minus the pixel below", weights: [[0, 0, 0], [0, 1, 0], [0, -1, 0]], paper: -4 },
  { name: "right minus left", weights: [[0, 0, 0], [0, -1, 1], [0, 0, 0]], paper: 1 },
]; // of docs/worked-examples.md, as are the next two
const OUTER = [[-4, -4], [10, 11]]; // the gradient of a loss by what the first filter gives
const MIDDLE = 169; // and by the middle weight of that filter

/** A filter over an image, without padding: what stands at each of its places. */
function correlate(image, weights) {
  const places = [...image.keys()].slice(0, image.length - weights.length + 1);
  return places.map((top) => places.map((left) => total(patch(image, weights.length, top, left), weights)));
}

function patch(image, side, top, left) {
  return image.slice(top, top + side).map((line) => line.slice(left, left + side));
}

function total(values, weights) {
  return values.flat().reduce((sum, value, at) => sum + value * weights.flat()[at], 0);
}

function worked(words = "") {
  return make("p", { class: "worked", role: "status" }, words);
}

/** Whether what is computed is what stands elsewhere. */
function checked(same, as) {
  return make("p", { class: "quiet", "data-check": same ? "same" : "differs" }, same ? `✓ as ${as}` : `not as ${as}: please report it`);
}

/** A grid of numbers; `look` may change a cell after its number, row and column. */
function numbers(caption, values, look = () => {}) {
  const cell = (value, ...at) => {
    const made = make("td", {}, text(value, 3));
    look(made, value, ...at);
    return made;
  };
  const lines = values.map((line, y) => make("tr", {}, ...line.map((value, x) => cell(value, y, x))));
  return make("table", { class: "tiny" }, make("caption", {}, caption), make("tbody", {}, ...lines));
}

function coloured(caption, values, range = Math.max(...values.flat().map(Math.abs))) {
  return numbers(caption, values, ({ style }, value) => Object.assign(style, { backgroundColor: css(value, range), color: ink(value, range) }));
}

function equation(...parts) {
  return make("div", { class: "row example" }, ...parts.map((part) => (typeof part === "string" ? make("span", { "aria-hidden": "true" }, part) : part)));
}

/** The 4×4 example: choose one of four places, and see the nine products. */
export function fourByFour(changed) {
  const element = make("div");
  const lens = make("div", { class: "lens", "aria-hidden": "true" });
  let [filter, top, left] = [FILTERS[0], 0, 0];

  function choose(name, change) {
    change();
    draw();
    element.querySelector(`[aria-label="${name}"]`).focus();
    say(element.querySelector(".worked").textContent);
    changed(true);
  }

  function choice(name, words, chosen, change) {
    return button(words, () => choose(name, change), { "aria-label": name, "aria-pressed": String(chosen) });
  }

  function moveTo(row, column) {
    [top, left] = [row, column];
  }

  function draw() {
    const { weights, paper } = filter;
    const outputs = correlate(IMAGE, weights);
    const seen = patch(IMAGE, 3, top, left).flat();
    const products = weights.flat().flatMap((weight, at) => (weight ? [`${weight < 0 ? `(${text(weight)})` : weight}·${seen[at]}`] : []));
    const image = numbers("image, filter over it", IMAGE, (cell, _, y, x) => cell.classList.toggle("under", y >= top && y < top + 3 && x >= left && x < left + 3));
    const places = numbers("its places", outputs, (cell, value, y, x) =>
      cell.replaceChildren(choice(`place ${y}, ${x}: ${text(value)}`, text(value), y === top && x === left, () => moveTo(y, x))));
    element.replaceChildren(
      row(...FILTERS.map((each) => choice(each.name, each.name, each === filter, () => { filter = each; }))),
      equation(image, "⊙", coloured("filter", weights), "=", places),
      make("p", { class: "worked" }, `${products.join(" + ")} = ${text(outputs[top][left])}, and seven times 0`),
      checked(outputs.flat().every((value) => value === paper), "worked out on paper"),
    );
    image.querySelector("td").append(lens);
    lens.replaceChildren(...weights.flat().map((weight) => make("span", {}, `×${text(weight)}`)));
    const before = lens.style.translate;
    lens.style.translate = `${(100 * left) / 3}% ${(100 * top) / 3}%`;
    if (before && before !== lens.style.translate && !still()) lens.animate({ translate: [before, lens.style.translate] }, { duration: 350, easing: "ease-in-out" });
  }

  async function slide(wait) {
    for (const place of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
      moveTo(...place);
      draw();
      await wait(800);
    }
  }

  draw();
  return { element, slide };
}

/** A choice among numbers; the tour finds it by its name. */
function chooser(name, values, value, changed) {
  const choice = make("select", { "data-name": name, change: () => changed(Number(choice.value)) }, ...options(values.map((each) => [each, each])));
  choice.value = value;
  return field(name, choice);
}

/** Take a value in one of the choices of the example that is shown. */
export function choose(name, value) {
  const choice = document.querySelector(`#tour [data-name="${name}"]`);
  choice.value = value;
  choice.dispatchEvent(new Event("change"));
}

/** How many places a filter has: choose, and read the sum; `told` is called with both. */
export function sizes(told, size = 4) {
  const chosen = { size, kernel: 3, padding: 0, stride: 1 };
  const sum = worked();
  const picture = make("div", { class: "ruler", "aria-hidden": "true" });
  const draw = () => {
    const { size, kernel, padding, stride } = chosen;
    const all = size + 2 * padding;
    const found = Math.max(0, Math.floor((all - kernel) / stride) + 1);
    sum.textContent = `(${size} + 2·${padding} − ${kernel})//${stride} + 1 = ${found}`;
    const begins = Array.from({ length: found }, (_, k) => k * stride);
    const kind = (k) => `${k < padding || k >= size + padding ? "outside" : ""} ${begins.includes(k) ? "begins" : ""}`;
    picture.style.gridTemplateColumns = `repeat(${all}, minmax(0, 18px))`;
    picture.replaceChildren(...Array.from({ length: all }, (_, k) => make("span", { class: kind(k) })));
    if (found) slideAlong(picture, begins, kernel);
    return { ...chosen, found };
  };
  const part = (name, ...values) => chooser(name, values, chosen[name], (value) => { chosen[name] = value; told(draw()); });
  draw();
  return make(
    "div", {}, row(part("size", 4, 5, 6, 8, 12, 28), part("kernel", 1, 2, 3, 5), part("padding", 0, 1, 2), part("stride", 1, 2, 3)), sum, picture,
    quiet("One row: each ▾ is where the filter begins, the bar is the filter; hatched is padding."),
  );
}

/** Lay the filter below a row, and let it go from place to place, once. */
function slideAlong(picture, begins, kernel) {
  const bar = make("span", { class: "slides" });
  const put = (begin) => { bar.style.gridColumn = `${begin + 1} / span ${kernel}`; };
  picture.append(bar);
  put(begins[0]);
  if (still()) return;
  const each = Math.min(450, 4000 / begins.length); // ms; all of it is over before it tires
  begins.forEach((begin, k) => setTimeout(() => { if (bar.isConnected) put(begin); }, (k + 1) * each));
}

/** Several 3×3 filters one after the other, against a single one that sees as much. */
export function stacks(told) {
  const [several, single] = [worked(), worked()];
  const draw = (layers) => {
    const side = 1 + 2 * layers; // that a number sees behind so many
    const [many, one] = [9 * layers, side * side];
    several.textContent = `${layers} × 3·3 = ${many} weights a channel see ${side}×${side} pixels`;
    single.textContent = `one ${side}×${side} filter has ${side}·${side} = ${one}${one > many ? `, ${text(one / many, 2)} times as many` : ""}`;
  };
  draw(1);
  return make("div", {}, chooser("3×3 filters in a row", [1, 2, 3, 4, 5], 1, (layers) => { draw(layers); told(layers); }), several, single);
}

/** One step of training on one weight of the example: its gradient, and where it goes. */
export function update(told) {
  const [{ weights }] = FILTERS;
  const gradients = correlate(IMAGE, OUTER);
  const gradient = gradients[1][1];
  const line = worked();
  const maps = make("div", { class: "maps" });
  const draw = (rate) => {
    const moved = weights.map((each, y) => each.map((weight, x) => Number((weight - rate * gradients[y][x]).toPrecision(3))));
    line.textContent = `1 − ${rate}·${gradient} = ${text(Number((1 - rate * gradient).toPrecision(6)), 3)}`;
    maps.replaceChildren(equation(coloured("filter", weights), `− ${rate} ·`, coloured("gradient", gradients), "=", coloured("new filter", moved)));
  };
  draw(0.01);
  return make(
    "div", { class: "update" },
    row(chooser("learning rate", [0.001, 0.01, 0.1], 0.01, (rate) => { draw(rate); told(rate); }), checked(gradient === MIDDLE, "worked out on paper")),
    maps, line,
    quiet(`(−4)·6 + (−4)·7 + 10·10 + 11·11 = ${gradient}: the gradient of the filter’s middle weight`),
  );
}
