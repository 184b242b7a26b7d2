// A function of one number as a curve, with the point that is looked at.

import { draw, make } from "./dom.js";
import { text } from "./numbers.js";

const [WIDTH, HEIGHT, EDGE] = [300, 170, 14];

/** Draw a curve through points, and the point (x, y) on it. */
export function curve(xs, ys, x, y, name) {
  if (!xs.some((each, k) => Number.isFinite(each) && Number.isFinite(ys[k]))) return make("p", {}, "There is no curve through what is no number.");
  const finite = [...ys, y].filter(Number.isFinite);
  const left = spread([...xs, x].filter(Number.isFinite), WIDTH);
  const up = spread([...finite, 0], HEIGHT);
  const top = (value) => HEIGHT - up(value);
  const svg = draw("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name}: at x = ${text(x)}, y = ${text(y)}` });
  svg.append(
    draw("path", { class: "axis", d: `M 0 ${top(0)} H ${WIDTH} M ${left(0)} 0 V ${HEIGHT}` }),
    draw("path", { class: "line", d: line(xs.map(left), ys.map(top)) }),
  );
  if ([x, y].every(Number.isFinite)) {
    svg.append(
      draw("path", { class: "drop", d: `M ${left(x)} ${top(0)} V ${top(y)} H ${left(0)}` }),
      draw("circle", { class: "point", cx: left(x), cy: top(y), r: 5 }),
    );
  }
  svg.append(...labels(xs, ys, left, top));
  return svg;
}

function labels(xs, ys, left, top) {
  const finite = ys.filter(Number.isFinite);
  const below = top(0) > HEIGHT - 2 * EDGE ? top(0) - 4 : top(0) + 13;
  const most = Math.max(...finite);
  return [
    draw("text", { x: 2, y: below }, text(xs[0], 2)),
    draw("text", { x: WIDTH - 2, y: below, "text-anchor": "end" }, text(xs.at(-1), 2)),
    draw("text", { x: left(0) - 4, y: top(most) + 4, "text-anchor": "end" }, text(most, 3)),
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
