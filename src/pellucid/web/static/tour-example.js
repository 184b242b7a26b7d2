// The small examples of the tour, computed here while they are shown; the first is held against what paper says.

import { css, ink } from "./colours.js";
import { make, say } from "./dom.js";
import { count, text } from "./numbers.js";

const IMAGE = Array.from({ length: 4 }, (_, row) => Array.from({ length: 4 }, (__, column) => 4 * row + column + 1));
const FILTERS = [
  { name: "minus the pixel below", weights: [[0, 0, 0], [0, 1, 0], [0, -1, 0]], paper: -4, gradient: [[-4, -4], [10, 11]] },
  { name: "right minus left", weights: [[0, 0, 0], [0, -1, 1], [0, 0, 0]], paper: 1, gradient: [[1, -7], [1, -11]] },
]; // of docs/worked-examples.md; `gradient` is of a loss by the outputs
const MIDDLE = 169; // on paper: the gradient of the first filter's middle weight

/** A filter over an image, without padding: what stands at each of its places. */
export function correlate(image, weights) {
  const places = image.length - weights.length + 1;
  return Array.from({ length: places }, (_, top) => Array.from({ length: places }, (__, left) => total(patch(image, weights.length, top, left), weights)));
}

/** (size + 2·padding − kernel)//stride + 1 */
export function places(size, kernel, padding, stride) {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

/** How far a number sees behind so many layers of a filter, of stride 1. */
export function sight(layers, kernel = 3) {
  return 1 + layers * (kernel - 1);
}

function patch(image, side, top, left) {
  return image.slice(top, top + side).map((line) => line.slice(left, left + side));
}

function total(values, weights) {
  return values.flat().reduce((sum, value, at) => sum + value * weights.flat()[at], 0);
}

/** Whether what is computed is what paper says. */
function checked(same) {
  const words = same ? "✓ as worked out on paper" : "this differs from the paper: please report it";
  return make("p", { class: "quiet", "data-check": same ? "same" : "differs" }, words);
}

function numbers(caption, values, look) {
  const cells = (line, row) => line.map((value, column) => look(make("td", {}, text(value)), value, row, column));
  return make("table", { class: "tiny" }, make("caption", {}, caption), make("tbody", {}, ...values.map((line, row) => make("tr", {}, ...cells(line, row)))));
}

function coloured(cell, value, range) {
  Object.assign(cell.style, { backgroundColor: css(value, range), color: ink(value, range) });
  return cell;
}

/** The 4×4 example: choose one of four places, and see the nine products. */
export function fourByFour(changed) {
  const area = make("div", {});
  let [filter, top, left] = [0, 0, 0];
  const draw = (focused) => {
    const { weights, paper } = FILTERS[filter];
    const outputs = correlate(IMAGE, weights);
    const seen = patch(IMAGE, 3, top, left).flat();
    const products = weights.flat().map((weight, at) => (weight ? `${weight < 0 ? `(${text(weight)})` : weight}·${seen[at]}` : null)).filter(Boolean);
    const under = (row, column) => row >= top && row < top + 3 && column >= left && column < left + 3;
    const sum = `${products.join(" + ")} = ${text(outputs[top][left])}`;
    const pick = (cell, value, row, column) => {
      const chosen = row === top && column === left;
      const button = make("button", {
        type: "button", "aria-pressed": String(chosen), "aria-label": `place ${row}, ${column}: ${text(value)}`,
        click: () => { [top, left] = [row, column]; draw(`${row}${column}`); changed(); },
        "data-at": `${row}${column}`,
      }, text(value));
      cell.replaceChildren(button);
      return cell;
    };
    area.replaceChildren(
      make("div", { class: "row" }, ...FILTERS.map(({ name }, k) => make(
        "button", { type: "button", "aria-pressed": String(k === filter), "data-at": `f${k}`, click: () => { filter = k; draw(`f${k}`); changed(); } }, name,
      ))),
      make(
        "div", { class: "row example" },
        numbers("image", IMAGE, (cell, value, row, column) => { if (under(row, column)) cell.classList.add("under"); return cell; }),
        make("span", { "aria-hidden": "true" }, "⊙"), numbers("filter", weights, (cell, value) => coloured(cell, value, 1)),
        make("span", { "aria-hidden": "true" }, "="), numbers("its places", outputs, pick),
      ),
      make("p", { class: "worked" }, `${sum}, and seven times 0`), checked(outputs.flat().every((value) => value === paper)),
    );
    if (focused) { area.querySelector(`[data-at="${focused}"]`).focus(); say(sum); }
  };
  draw();
  return area;
}

function chooser(label, values, value, changed) {
  const choice = make("select", { change: () => changed(Number(choice.value)) }, ...values.map((each) => make("option", { value: each }, String(each))));
  choice.value = value;
  return make("label", { class: "field" }, `${label} `, choice);
}

/** How many places a filter has: choose, and read the sum. `told` is called with what is chosen and what comes of it. */
export function sizes(told) {
  const chosen = { size: 4, kernel: 3, padding: 0, stride: 1 };
  const sum = make("p", { class: "worked", role: "status" });
  const picture = make("div", { class: "ruler", "aria-hidden": "true" });
  const draw = () => {
    const { size, kernel, padding, stride } = chosen;
    const found = Math.max(0, places(size, kernel, padding, stride));
    sum.textContent = `(${size} + 2·${padding} − ${kernel})//${stride} + 1 = ${found}`;
    const begins = new Set(Array.from({ length: found }, (_, k) => k * stride));
    picture.replaceChildren(...Array.from({ length: size + 2 * padding }, (_, k) =>
      make("span", { class: [k < padding || k >= size + padding ? "outside" : "pixel", begins.has(k) ? "begins" : ""].join(" ") })));
    return { ...chosen, found };
  };
  const part = (name, values) => chooser(name, values, chosen[name], (value) => { chosen[name] = value; told(draw()); });
  const controls = make("div", { class: "row" }, part("size", [4, 5, 6, 8, 12, 28]), part("kernel", [1, 2, 3, 5]), part("padding", [0, 1, 2]), part("stride", [1, 2, 3]));
  draw();
  return make("div", {}, controls, sum, picture, make("p", { class: "quiet" }, "One row: each ▾ is where the filter begins; hatched is padding."));
}

/** Several 3×3 filters one after the other, against a single one that sees as much. */
export function stacks(told) {
  const place = make("div", { role: "status" });
  const draw = (layers) => {
    const side = sight(layers);
    const [many, one] = [9 * layers, side * side];
    place.replaceChildren(
      make("p", { class: "worked" }, `${layers} × 3·3 = ${many} weights a channel see ${side}×${side} pixels`),
      make("p", { class: "worked" }, `one ${side}×${side} filter has ${side}·${side} = ${one}${one > many ? `, ${text(one / many, 2)} times as many` : ""}`),
    );
  };
  draw(1);
  return make("div", {}, chooser("3×3 filters in a row", [1, 2, 3, 4, 5], 1, (layers) => { draw(layers); told(layers); }), place);
}

/** One step of training on one weight of the example: its gradient, and where it goes. */
export function update(told) {
  const gradient = correlate(IMAGE, FILTERS[0].gradient)[1][1];
  const line = make("p", { class: "worked", role: "status" });
  const draw = (rate) => { line.textContent = `1 − ${rate}·${gradient} = ${text(Number((1 - rate * gradient).toPrecision(6)), 3)}`; };
  draw(0.01);
  return make(
    "div", {}, chooser("learning rate", [0.001, 0.01, 0.1], 0.01, (rate) => { draw(rate); told(); }), line,
    make("p", { class: "quiet" }, "(−4)·6 + (−4)·7 + 10·10 + 11·11 = ", make("data", { value: gradient }, text(gradient)), ": the gradient of the filter’s middle weight"),
    checked(gradient === MIDDLE),
  );
}

/** The softmax of the scores that the page shows now; the share that the page shows is held against it. */
export function shares({ scores, shown, nameOf }) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((all, power) => all + power, 0);
  const order = Array.from(scores, (_, k) => k).sort((a, b) => scores[b] - scores[a]).slice(0, 3);
  const row = (k) => make("tr", {}, make("th", { scope: "row" }, nameOf(k)), ...[scores[k], scores[k] - most, powers[k], powers[k] / sum].map((value) => make("td", {}, text(value, 3))));
  const same = order.every((k) => Math.abs(powers[k] / sum - shown[k]) < 1e-5);
  const heads = ["class", "score z", "z − max", "e^(z − max)", "share"].map((words) => make("th", { scope: "col" }, words));
  return make(
    "div", {},
    make("table", { class: "sum" }, make("caption", {}, `the likeliest ${order.length} of ${count(scores.length)}; all powers add up to ${text(sum, 4)}`), make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...order.map(row))),
    make("p", { class: "quiet", "data-check": same ? "same" : "differs" }, same ? "✓ the bars show the same" : "the bars show something else: please report it"),
  );
}
