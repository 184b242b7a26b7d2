// What hangs together, drawn over the layers: what the number in question reads, and the way back from the pinned one.
// Drawn when another number is pointed at or pinned, and not when an image changes: no stroke of the pen waits for it.

import { current, onHover } from "./cells.js";
import { byId, make } from "./dom.js";
import { mapsOf } from "./layers.js";
import { cellOf, className, indexOf, isOutput, layerAt, makesMaps } from "./network.js";
import { text } from "./numbers.js";
import { readBy } from "./reads.js";
import { get, on } from "./state.js";

const SPACE = "http://www.w3.org/2000/svg";
const ROUND = 4; // pixels around a cell of the way back

const svg = document.createElementNS(SPACE, "svg");
const tag = make("output", { class: "at-pointer", hidden: true, "aria-hidden": "true" }); // a map says it by its label
let way = []; // of the pinned number, {path, index}
let waiting = 0;

/** Listen. */
export function buildOverlay() {
  svg.setAttribute("class", "links");
  svg.setAttribute("aria-hidden", "true"); // the inspector says in words what a number is made of
  byId("layers").append(svg);
  document.body.append(tag);
  onHover(label);
  onHover(soon);
  on(["layer", "channel", "cell"], soon);
  byId("layers").addEventListener("placed", soon);
  byId("layers").addEventListener("looked", soon);
  new ResizeObserver(soon).observe(byId("layers"));
  addEventListener("scroll", () => { tag.hidden = true; }, { passive: true });
}

/** Mark all numbers of a way back, {path, index} each. */
export function showWay(steps) {
  way = steps;
  soon();
}

function soon() {
  waiting ||= requestAnimationFrame(() => { waiting = 0; draw(); });
}

function draw() {
  const place = current();
  const shapes = place ? [...wayBack(), ...reading(place)] : [];
  if (shapes.length || svg.childNodes.length) svg.replaceChildren(...shapes);
}

/** What a number reads: a frame around it in every map that is read, a line from there, and the other maps pale. */
function reading({ layer: path, channel, cell }) {
  const layer = layerAt(path);
  const own = boxOf(path, makesMaps(layer) ? channel : 0, { top: cell[0], left: cell[1], rows: 1, columns: 1 });
  return readBy(layer, channel, cell).flatMap((read) => {
    const { channels = [] } = mapsOf(read.path);
    return channels.flatMap((each) => {
      const within = each >= read.first && each < read.first + read.channels;
      const found = boxOf(read.path, each, within ? read : undefined);
      if (!found) return [];
      if (!within) return [rect(found, "pale")];
      const frames = [rect(found, "read-edge"), rect(found, "read")];
      return own ? [line([bottom(found), top(own)], "read-line"), ...frames] : frames;
    });
  });
}

/** The way back: a ring around each of its numbers, and a line through them. */
function wayBack() {
  if (!get().cell) return [];
  const boxes = way.map(({ path, index }) => {
    const { channel, cell } = cellOf(layerAt(path), index);
    return boxOf(path, channel, { top: cell[0], left: cell[1], rows: 1, columns: 1 });
  }).filter((box) => box);
  const centres = boxes.map(({ x, y, width, height }) => [x + width / 2, y + height / 2]);
  return boxes.length > 1 ? [line(centres, "way-edge"), line(centres, "way"), ...boxes.map((box) => rect(grown(box), "way"))] : [];
}

/** Where cells of a map lie in the stack, or all of them; null where the map is not there. */
function boxOf(path, channel, cells) {
  const found = mapsOf(path)?.boxOf(channel, cells);
  if (!found) return null;
  const home = byId("layers").getBoundingClientRect();
  return { ...found, x: found.x - home.left - byId("layers").clientLeft, y: found.y - home.top };
}

function grown({ x, y, width, height }) {
  const more = Math.max(0, 3 * ROUND - Math.min(width, height)) / 2;
  return { x: x - more, y: y - more, width: width + 2 * more, height: height + 2 * more };
}

function top({ x, y, width }) {
  return [x + width / 2, y];
}

function bottom({ x, y, width, height }) {
  return [x + width / 2, y + height];
}

function rect({ x, y, width, height }, name) {
  return shape("rect", name, { x, y, width, height });
}

function line(points, name) {
  return shape("polyline", name, { points: points.map((point) => point.join()).join(" ") });
}

function shape(kind, name, attributes) {
  const element = document.createElementNS(SPACE, kind);
  for (const [key, value] of Object.entries({ class: name, ...attributes })) element.setAttribute(key, value);
  return element;
}

/** The number that is pointed at, beside it. */
function label(place) {
  const layer = place && layerAt(place.layer);
  const found = layer && place.value !== undefined ? seen(place, layer) : null;
  tag.hidden = !found;
  if (!found) return;
  const [first] = indexOf(layer, place.channel, place.cell);
  const where = makesMaps(layer) ? `row ${place.cell[0]}, column ${place.cell[1]}` : isOutput(layer) ? className(first) : `number ${first}`;
  tag.replaceChildren(make("span", {}, where), make("b", {}, text(place.value)));
  const { offsetWidth: width, offsetHeight: height } = tag;
  const above = found.y - height - 8;
  tag.style.left = `${Math.max(4, Math.min(document.documentElement.clientWidth - width - 4, found.x + found.width + 8))}px`;
  tag.style.top = `${above > byId("bar").getBoundingClientRect().bottom ? above : found.y + found.height + 8}px`;
}

/** Where the cell that is pointed at lies in the window: in the picture of the image, or in its map. */
function seen({ layer, channel, cell, pixel }, { shape: sizes }) {
  const box = byId("pixels").getBoundingClientRect();
  const [height, width] = sizes.slice(-2).map((side, axis) => [box.height, box.width][axis] / side);
  const found = pixel
    ? { x: box.left + cell[1] * width, y: box.top + cell[0] * height, width, height }
    : mapsOf(layer)?.boxOf(channel, { top: cell[0], left: cell[1], rows: 1, columns: 1 });
  return found && found.y >= 0 && found.y < innerHeight ? found : null;
}
