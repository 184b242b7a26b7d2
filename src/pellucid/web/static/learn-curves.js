// The curves of a training: loss, accuracy, learning rate over steps, and the same numbers as a table.

import { make } from "./dom.js";
import { count, text } from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [200, 104, 44, 6, 8, 18];

const CURVES = [
  { name: "Loss", column: 1, validated: "val_loss", epoch: "loss", write: (value) => text(value, 3), log: true },
  { name: "Accuracy", column: 2, validated: "val_accuracy", epoch: "accuracy", write: accuracyText, high: 1, tenths: true },
  { name: "Learning rate", column: 3, write: rateText, low: 0, steps: true },
];

/** An accuracy: "97.3 %". */
export function accuracyText(share) {
  return `${(100 * share).toFixed(share === 0 || share === 1 ? 0 : 1)} %`;
}

/** A learning rate, or what it is multiplied by, in at most four digits, without zeros at its end: "0.001". */
export function rateText(value) {
  return String(Number(value.toPrecision(4))).replaceAll("-", "\u2212");
}

/** Make an element of a drawing. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Epochs by the names of what was measured, out of rows of numbers. */
export function epochsOf(rows) {
  return rows.map(([epoch, loss, accuracy, val_loss, val_accuracy, lr]) => ({ epoch, loss, accuracy, val_loss, val_accuracy, lr }));
}

/**
 * Draw the curves, up to the step that the training is at.
 *
 * @param {HTMLElement} place
 * @param {object} learning
 * @param {{step: number, kind: string}[]} marks steps that are marked by a line
 */
export function drawCurves(place, learning, marks) {
  const open = place.querySelector("details")?.open ?? false;
  const figures = CURVES.map((curve) => figure(curve, learning, marks)).filter(Boolean);
  const old = [...place.querySelectorAll("figure")];
  if (old.length === figures.length && place.querySelector("tbody")) old.forEach((each, k) => each.replaceWith(figures[k])); // the table keeps its place
  else place.replaceChildren(make("div", { class: "curves" }, ...figures), table());
  fill(place.querySelector("tbody"), learning.epochs);
  place.querySelector("details").open = open;
}

function figure(curve, learning, marks) {
  const { points, epochs, steps_per_epoch: each } = learning;
  const known = points.map((point) => [point[0], point[curve.column]]).filter(([, value]) => Number.isFinite(value));
  const others = epochs.map((epoch) => [epoch.epoch * each, epoch[curve.validated]]).filter(([, value]) => Number.isFinite(value));
  if (!known.length) return null;
  if (curve.steps && known.every(([, value]) => value === known[0][1])) return constant(curve, known[0][1]);
  const scale = scaleOf(curve, [...known, ...others].map(([, value]) => value));
  const end = Math.max(1, learning.step, points.at(-1)[0]);
  const x = (step) => LEFT + ((WIDTH - LEFT - RIGHT) * step) / end;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - scale.share(value));
  const path = (places) => places.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words(curve, known, others) });
  for (const edge of [scale.low, scale.high]) {
    svg.append(
      draw("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(edge), y2: y(edge) }),
      draw("text", { x: LEFT - 4, y: y(edge) + 4, "text-anchor": "end" }, curve.write(edge)),
    );
  }
  svg.append(
    draw("text", { x: LEFT, y: HEIGHT - 4 }, "0"),
    draw("text", { x: WIDTH - RIGHT, y: HEIGHT - 4, "text-anchor": "end" }, `step ${count(end)}`),
    draw("polyline", { class: "curve", points: path(curve.steps ? staircase(known) : known) }),
    draw("polyline", { class: "held-out", points: path(others) }),
    ...others.map(([step, value]) => draw("circle", { class: "validated", cx: x(step), cy: y(value), r: 2 })),
    ...marks.map(({ step, kind }) => draw("line", { class: `mark ${kind}`, x1: x(step), x2: x(step), y1: TOP, y2: HEIGHT - BOTTOM })),
  );
  return make("figure", { class: "curve-figure" }, caption(curve, known, others), svg);
}

function caption(curve, known, others) {
  const held = others.length ? make("span", { class: "held-out-words" }, ` ○ held out ${curve.write(others.at(-1)[1])}`) : null;
  return make("figcaption", {}, `${curve.name} ${curve.write(known.at(-1)[1])}`, held);
}

/** What stays the same needs no chart. */
function constant(curve, value) {
  return make("figure", { class: "curve-figure constant" }, make("figcaption", {}, `${curve.name}: ${curve.write(value)} all the time`));
}

/** Each number has held since the one before: a jump is a jump, and no ramp. */
function staircase(known) {
  return known.flatMap(([step, value], k) => [[k ? known[k - 1][0] : 0, value], [step, value]]);
}

function scaleOf({ log, low, high, tenths }, values) {
  const positive = log ? values.filter((value) => value > 0) : values;
  const [least, most] = [Math.min(...positive), Math.max(...positive)];
  if (log && positive.length && least < most) {
    const [from, to] = [Math.log(least), Math.log(most)];
    return { low: least, high: most, share: (value) => (Math.log(Math.max(value, least)) - from) / (to - from) };
  }
  if (tenths) low = Math.min(0.9, Math.floor(10 * least) / 10);
  const [from, to] = [low ?? least, high ?? (most > (low ?? least) ? most : (low ?? least) + 1)];
  return { low: from, high: to, share: (value) => (value - from) / (to - from || 1) };
}

function words(curve, known, others) {
  const said = [`${curve.name}: ${curve.write(known[0][1])} at step ${known[0][0]}, ${curve.write(known.at(-1)[1])} at step ${known.at(-1)[0]}`];
  if (others.length) said.push(`held out ${curve.write(others.at(-1)[1])} at last`);
  return said.join("; ");
}

function table() {
  const heads = ["epoch", "loss", "accuracy", "held-out loss", "held-out accuracy", "learning rate"];
  return make(
    "details",
    { class: "arithmetic" },
    make("summary", {}, "as a table"),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What the epochs measured" }, make(
      "table",
      { class: "learn-table" },
      make("caption", { class: "unseen" }, "What the epochs measured"),
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}),
    )),
  );
}

function fill(body, epochs) {
  const known = body.rows.length;
  for (const each of epochs.slice(known)) {
    const cells = [text(each.loss, 3), share(each.accuracy), lossText(each.val_loss), share(each.val_accuracy), each.lr === each.lr ? rateText(each.lr) : "–"];
    body.append(make("tr", {}, make("th", { scope: "row" }, String(each.epoch)), ...cells.map((cell) => make("td", {}, cell))));
  }
}

function lossText(value) {
  return value === value ? text(value, 3) : "–";
}

function share(value) {
  return value === value ? accuracyText(value) : "–";
}
