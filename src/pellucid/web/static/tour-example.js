// The small examples of the tour, computed here while they are shown; the first is held against what paper says.

import { css, ink } from "./colours.js";
import { make, say, still } from "./dom.js";
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
  const cells = (line, row) => line.map((value, column) => look(make("td", {}, text(value, 3)), value, row, column));
  return make("table", { class: "tiny" }, make("caption", {}, caption), make("tbody", {}, ...values.map((line, row) => make("tr", {}, ...cells(line, row)))));
}

function coloured(cell, value, range) {
  Object.assign(cell.style, { backgroundColor: css(value, range), color: ink(value, range) });
  return cell;
}

/** The 4×4 example: choose one of four places, and see the nine products. */
export function fourByFour(changed) {
  const area = make("div", {});
  const lens = make("div", { class: "lens", "aria-hidden": "true" });
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
        click: () => choose(row, column),
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
        numbers("image, filter over it", IMAGE, (cell, value, row, column) => { if (under(row, column)) cell.classList.add("under"); return cell; }),
        make("span", { "aria-hidden": "true" }, "⊙"), numbers("filter", weights, (cell, value) => coloured(cell, value, 1)),
        make("span", { "aria-hidden": "true" }, "="), numbers("its places", outputs, pick),
      ),
      make("p", { class: "worked" }, `${sum}, and seven times 0`), checked(outputs.flat().every((value) => value === paper)),
    );
    area.querySelector("td").append(lens);
    lens.replaceChildren(...weights.flat().map((weight) => make("span", {}, `×${text(weight)}`)));
    const before = lens.style.translate;
    lens.style.translate = `${(100 * left) / 3}% ${(100 * top) / 3}%`;
    if (before && before !== lens.style.translate && !still()) lens.animate({ translate: [before, lens.style.translate] }, { duration: 350, easing: "ease-in-out" });
    if (focused) { area.querySelector(`[data-at="${focused}"]`).focus(); say(sum); }
  };
  const choose = (row, column) => { [top, left] = [row, column]; draw(`${row}${column}`); changed(); };
  const slide = async (wait) => {
    for (let place = 0; place < 4; place += 1) {
      [top, left] = [place >> 1, place & 1];
      draw();
      await wait(800);
    }
  };
  draw();
  return { element: area, slide, choose };
}

function chooser(label, values, value, changed) {
  const choice = make("select", { "data-name": label, change: () => changed(Number(choice.value)) }, ...values.map((each) => make("option", { value: each }, String(each))));
  choice.value = value;
  return make("label", { class: "field" }, `${label} `, choice);
}

/** What `choose` does: take a value in one of the choices of an element. */
function choosing(element) {
  return (name, value) => {
    const choice = element.querySelector(`[data-name="${name}"]`);
    choice.value = value;
    choice.dispatchEvent(new Event("change"));
  };
}

/** How many places a filter has: choose, and read the sum. `told` is called with what is chosen and what comes of it. */
export function sizes(told, size = 4) {
  const chosen = { size, kernel: 3, padding: 0, stride: 1 };
  const sum = make("p", { class: "worked", role: "status" });
  const picture = make("div", { class: "ruler", "aria-hidden": "true" });
  const draw = () => {
    const { size, kernel, padding, stride } = chosen;
    const found = Math.max(0, places(size, kernel, padding, stride));
    sum.textContent = `(${size} + 2·${padding} − ${kernel})//${stride} + 1 = ${found}`;
    const all = size + 2 * padding;
    const begins = Array.from({ length: found }, (_, k) => k * stride);
    const cells = Array.from({ length: all }, (_, k) =>
      make("span", { class: [k < padding || k >= size + padding ? "outside" : "pixel", begins.includes(k) ? "begins" : ""].join(" ") }));
    picture.style.gridTemplateColumns = `repeat(${all}, minmax(0, 18px))`;
    picture.replaceChildren(...cells);
    if (found) slideAlong(picture, begins, kernel);
    return { ...chosen, found };
  };
  const part = (name, values) => chooser(name, values, chosen[name], (value) => { chosen[name] = value; told(draw()); });
  const controls = make("div", { class: "row" }, part("size", [4, 5, 6, 8, 12, 28]), part("kernel", [1, 2, 3, 5]), part("padding", [0, 1, 2]), part("stride", [1, 2, 3]));
  draw();
  const element = make("div", {}, controls, sum, picture, make("p", { class: "quiet" }, "One row: each ▾ is where the filter begins, the bar is the filter; hatched is padding."));
  return { element, choose: choosing(element) };
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
  const element = make("div", {}, chooser("3×3 filters in a row", [1, 2, 3, 4, 5], 1, (layers) => { draw(layers); told(layers); }), place);
  return { element, choose: (_, layers) => choosing(element)("3×3 filters in a row", layers) };
}

/** One step of training on one weight of the example: its gradient, and where it goes. */
export function update(told) {
  const [{ weights, gradient: outer }] = FILTERS;
  const every = correlate(IMAGE, outer);
  const gradient = every[1][1];
  const line = make("p", { class: "worked", role: "status" });
  const maps = make("div", { class: "row example" });
  const most = Math.max(...every.flat().map(Math.abs));
  const sign = (words) => make("span", { "aria-hidden": "true" }, words);
  const draw = (rate) => {
    const moved = weights.map((row, y) => row.map((weight, x) => Number((weight - rate * every[y][x]).toPrecision(3))));
    line.textContent = `1 − ${rate}·${gradient} = ${text(Number((1 - rate * gradient).toPrecision(6)), 3)}`;
    maps.replaceChildren(
      numbers("filter", weights, (cell, value) => coloured(cell, value, 1)), sign(`− ${rate} ·`),
      numbers("gradient", every, (cell, value) => coloured(cell, value, most)), sign("="), numbers("new filter", moved, (cell, value) => coloured(cell, value, Math.max(1, ...moved.flat().map(Math.abs)))),
    );
  };
  draw(0.01);
  return make(
    "div", {}, chooser("learning rate", [0.001, 0.01, 0.1], 0.01, (rate) => { draw(rate); told(); }), maps, line,
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
