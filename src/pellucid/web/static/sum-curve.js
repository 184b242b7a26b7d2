// A function of one number as a curve, with the point that is looked at.

import { text } from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, EDGE] = [300, 170, 14];

/** Draw a curve through points, and the point (x, y) on it. */
export function curve(xs, ys, x, y, name) {
  if (!xs.some((each, k) => Number.isFinite(each) && Number.isFinite(ys[k]))) return nothing();
  const finite = [...ys, y].filter(Number.isFinite);
  const across = spread([...xs, x].filter(Number.isFinite), WIDTH);
  const up = spread([...finite, 0], HEIGHT);
  const [left, top] = [(value) => across(value), (value) => HEIGHT - up(value)];
  const svg = shape("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name}: at x = ${text(x)}, y = ${text(y)}` });
  svg.append(
    shape("path", { class: "axis", d: `M 0 ${top(0)} H ${WIDTH} M ${left(0)} 0 V ${HEIGHT}` }),
    shape("path", { class: "line", d: line(xs.map(left), ys.map(top)) }),
  );
  if ([x, y].every(Number.isFinite)) {
    svg.append(
      shape("path", { class: "drop", d: `M ${left(x)} ${top(0)} V ${top(y)} H ${left(0)}` }),
      shape("circle", { class: "point", cx: left(x), cy: top(y), r: 5 }),
    );
  }
  svg.append(...labels(xs, ys, left, top));
  return svg;
}

function nothing() {
  const words = document.createElement("p");
  words.textContent = "There is no curve through what is no number.";
  return words;
}

/** The ends of both axes, in numbers. */
function labels(xs, ys, left, top) {
  const finite = ys.filter(Number.isFinite);
  const below = top(0) > HEIGHT - 2 * EDGE ? top(0) - 4 : top(0) + 13;
  const said = (words, at) => { const element = shape("text", at); element.textContent = words; return element; };
  return [
    said(text(xs[0], 2), { x: 2, y: below }),
    said(text(xs.at(-1), 2), { x: WIDTH - 2, y: below, "text-anchor": "end" }),
    said(text(Math.max(...finite), 3), { x: left(0) - 4, y: top(Math.max(...finite)) + 4, "text-anchor": "end" }),
  ];
}

/** A function from numbers to places between the edges. */
function spread(values, length) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const gain = high > low ? (length - 2 * EDGE) / (high - low) : 0;
  return (value) => Math.round(100 * (EDGE + gain * (value - low))) / 100;
}

function line(xs, ys) {
  let pen = "M";
  return xs.map((x, k) => {
    if (!Number.isFinite(ys[k])) { pen = "M"; return ""; }
    const word = `${pen} ${x} ${ys[k]}`;
    pen = "L";
    return word;
  }).join(" ");
}

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
