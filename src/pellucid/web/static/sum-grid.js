// A grid of coloured numbers: a patch, a kernel, a window. It is one tab stop; arrows go from number to number.

import { css, ink } from "./colours.js";
import { make } from "./dom.js";
import { arrowStep, claim } from "./keyboard.js";
import { short, tens, text } from "./numbers.js";
import { nameAt, pinning, reach } from "./sum-parts.js";

const FEW = 5; // columns: more make the digits fewer, and may be wider than the page

/**
 * Draw a grid.
 *
 * @param {string} caption
 * @param {number[][]} values
 * @param {object} how `rows` and `columns` are headings, which a `bare` grid does not show; `padding[row][column]` says
 *   which cells lie beside the image, `at(row, column)` where a number stands, {path, index}, and `ringed` whether it has a
 *   ring; colours reach to `range`; in a `tight` grid numbers have two digits
 */
export function grid(caption, values, how = {}) {
  const columns = how.columns ?? values[0].map((_, column) => column);
  const own = reach(values);
  const range = how.range ?? own;
  const exponent = own && (own < 0.1 || own >= 1000) ? Math.floor(Math.log10(own)) : 0;
  const drawn = [];
  const lines = values.map((line, row) => {
    const cells = line.map((value, column) => cell(value, row, column, { ...how, range, exponent, digits: how.tight || columns.length > FEW ? 2 : 3 }));
    drawn.push(cells.map((each) => each.querySelector("button")));
    return make("tr", {}, make("th", { scope: "row" }, text(how.rows?.[row] ?? row)), ...cells);
  });
  const head = make("tr", {}, make("td", {}), ...columns.map((column) => make("th", { scope: "col" }, text(column))));
  const table = make(
    "table", { class: ["grid", how.tight ? "tight" : "", how.bare ? "bare" : ""].join(" "), keydown: (event) => move(event, drawn) },
    make("caption", {}, exponent ? `${caption} (× ${tens(exponent)})` : caption), make("thead", {}, head), make("tbody", {}, ...lines),
  );
  const first = drawn.flat().find(Boolean);
  if (first) first.tabIndex = 0;
  const wide = columns.length > FEW;
  return make("div", wide ? { class: "wide", tabindex: "0", role: "group", "aria-label": caption } : {}, table);
}

function cell(value, row, column, { at, padding, ringed, range, exponent, digits }) {
  const written = short(value / 10 ** exponent, digits).replace(/^(\u2212?)0\./, digits > 2 ? "$&" : "$1.");
  const element = make("td", { class: "swatch" });
  if (padding?.[row]?.[column]) {
    element.classList.add("padding");
    element.append(make("data", { value: String(value), title: "padding" }, written), make("span", { class: "unseen" }, " padding"));
    return element;
  }
  Object.assign(element.style, { backgroundColor: css(value, range), color: ink(value, range) });
  const shown = make("data", { value: String(value), title: text(value) }, written);
  const { path, index } = at?.(row, column) ?? {};
  if (path) {
    const label = `${nameAt(path, index)}, ${text(value)}`;
    element.append(make("button", { class: "number", tabindex: "-1", "aria-label": label, ...pinning(path, index, value) }, shown));
  } else {
    element.append(shown);
  }
  if (ringed?.(row, column)) element.classList.add("ringed");
  return element;
}

/** Go to the next number in a direction, over those that cannot be pinned. */
function move(event, drawn) {
  const step = arrowStep(event, 1);
  const button = event.target.closest("button");
  if (!step || !button) return;
  let row = drawn.findIndex((line) => line.includes(button));
  let column = drawn[row].indexOf(button);
  do {
    row += step[0];
    column += step[1];
  } while (drawn[row]?.[column] === null);
  claim(event);
  const next = drawn[row]?.[column];
  if (!next) return;
  button.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
