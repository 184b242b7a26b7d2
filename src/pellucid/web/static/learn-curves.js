// The curves of a training over its steps, and the same numbers as a table.

import { chart } from "./chart.js";
import { draw, make } from "./dom.js";
import { learning } from "./learning.js";
import { text } from "./numbers.js";

const CURVES = [
  { name: "Loss (logarithmic)", column: 1, heldOut: 3, write: (value) => text(value, 3), log: true },
  { name: "Training accuracy", column: 2, heldOut: 4, write: inPercent, high: 1, tenths: true },
  { name: "Learning rate", column: 3, write: (rate) => String(Number(rate.toPrecision(4))).replaceAll("-", "\u2212"), low: 0, steps: true },
];

function inPercent(share) {
  return `${(100 * share).toFixed(share === 0 || share === 1 ? 0 : 1)} %`;
}

/** Draw the curves up to now; `marks` are steps with a line: {step, kind}. */
export function drawCurves(place, marks) {
  const figures = CURVES.map((curve) => figure(curve, marks)).filter(Boolean);
  if (!place.children.length) place.append(make("div", { class: "curves" }), table());
  place.firstChild.replaceChildren(...figures); // the table keeps its place
  const body = place.querySelector("tbody");
  for (const each of learning.table.slice(1 + body.rows.length)) body.append(line(each, "row"));
}

function figure(curve, marks) {
  const { name, column, write } = curve;
  const { points, epochs, steps_per_epoch: each } = learning;
  const isKnown = ([, value]) => Number.isFinite(value);
  const known = points.map((point) => [point[0], point[column]]).filter(isKnown);
  const others = epochs.map((epoch) => [epoch[0] * each, epoch[curve.heldOut]]).filter(isKnown);
  if (!known.length) return null;
  const [[start, first], [step, last]] = [known[0], known.at(-1)];
  if (curve.steps && known.every(([, value]) => value === first)) { // what stays the same needs no chart
    return make("figure", { class: "curve-figure constant" }, make("figcaption", {}, `${name}: ${write(first)} all the time`));
  }
  const heldOut = others.length ? `held out ${write(others.at(-1)[1])}` : "";
  const label = `${name}: ${write(first)} at step ${start}, ${write(last)} at step ${step}${heldOut && `; ${heldOut} at last`}`;
  const { low, high, share } = scaleOf(curve, [...known, ...others].map(([, value]) => value));
  const end = Math.max(1, learning.step, points.at(-1)[0]);
  const { svg, x, y, line, top, bottom } = chart(label, end, [[share(low), write(low)], [share(high), write(high)]]);
  const shares = (places) => places.map(([step, value]) => [step, share(value)]);
  const dots = (name, places) => shares(places).map(([step, height]) => draw("circle", { class: name, cx: x(step), cy: y(height), r: 2 }));
  svg.append(
    line("drawn", shares(curve.steps ? staircase(known) : known)),
    line("held-out", shares(others)),
    ...dots("validated", others),
    ...dots("drawn", known.length > 1 ? [] : known), // of one point there is no line
    ...marks.map(({ step, kind }) => draw("line", { class: `mark ${kind}`, x1: x(step), x2: x(step), y1: top, y2: bottom })),
  );
  const held = heldOut && make("span", { class: "held-out-words" }, ` ○ ${heldOut}`);
  return make("figure", { class: "curve-figure" }, make("figcaption", {}, `${name} ${write(last)}`, held), svg);
}

/** Each number has held since the one before: a jump is a jump, and no ramp. */
function staircase(known) {
  return known.flatMap(([step, value], k) => [[k ? known[k - 1][0] : 0, value], [step, value]]);
}

function scaleOf({ log, low, high, tenths }, values) {
  const along = log ? Math.log : Number;
  const positive = log ? values.filter((value) => value > 0) : values;
  const [least, most] = [Math.min(...positive), Math.max(...positive)];
  low = tenths ? Math.min(0.9, Math.floor(10 * least) / 10) : low ?? least;
  high ??= most > low ? most : low + 1;
  return { low, high, share: (value) => (along(Math.max(value, low)) - along(low)) / (along(high) - along(low)) };
}

function table() {
  const name = "What the epochs measured";
  const whole = make(
    "table", { class: "learn-table" }, make("caption", { class: "unseen" }, name), make("thead", {}, line(learning.table[0], "col")),
    make("tbody", {}),
  );
  return make(
    "details", { class: "arithmetic" }, make("summary", {}, "as a table"),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, whole),
  );
}

function line(cells, scope) {
  return make("tr", {}, ...cells.map((words, k) => (k && scope === "row" ? make("td", {}, words) : make("th", { scope }, words))));
}
