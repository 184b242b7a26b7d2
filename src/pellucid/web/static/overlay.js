// Drawn over the layers: what the number in question reads, and the way back from the pinned one. Not drawn anew when an
// image changes: no stroke of the pen waits for it.

import { current, onHover } from "./cells.js";
import { byId, draw, lay, make } from "./dom.js";
import { mapsOf } from "./layers.js";
import { cellOf, className, indexOf, isOutput, layerAt, makesMaps } from "./network.js";
import { text, within } from "./numbers.js";
import { readBy } from "./reads.js";
import { get, on } from "./state.js";

const LEAST = 12; // pixels of a ring on the way back

const svg = draw("svg", { class: "links", "aria-hidden": true }); // the inspector says in words what a number is made of
const tag = make("output", { class: "at-pointer", hidden: true, "aria-hidden": "true" }); // as does the map's label
let way = []; // of the pinned number, {path, index}
let waiting = 0;

export function buildOverlay() {
  const place = byId("layers");
  place.append(svg);
  document.body.append(tag);
  onHover((pointed) => { label(pointed); soon(); });
  on(["layer", "channel", "cell"], soon);
  for (const event of ["placed", "looked"]) place.addEventListener(event, soon);
  new ResizeObserver(soon).observe(place);
  addEventListener("scroll", () => { tag.hidden = true; }, { passive: true });
}

/** Mark all numbers of a way back, {path, index} each. */
export function showWay(steps) {
  way = steps;
  soon();
}

function soon() {
  waiting ||= requestAnimationFrame(() => {
    waiting = 0;
    const place = current();
    svg.replaceChildren(...(get().cell ? wayBack() : []), ...(place ? reading(place) : []));
  });
}

/** What a number reads: a frame around it in every map that is read, a line from there, and the other maps pale. */
function reading({ layer: path, channel, cell }) {
  const own = boxOf(path, channel, cell);
  return readBy(layerAt(path), channel, cell).flatMap((read) => (mapsOf(read.path).channels ?? []).flatMap((each) => {
    const isRead = each >= read.first && each < read.first + read.channels;
    const { top, left, rows, columns } = read;
    const found = isRead ? boxOf(read.path, each, [top, left], [rows, columns]) : boxOf(read.path, each);
    if (!found) return [];
    if (!isRead) return [rect(found, "pale")];
    const { x, y, width, height } = found;
    const ends = own ? [line([[x + width / 2, y + height], [own.x + own.width / 2, own.y]], "read-line")] : [];
    return [...ends, rect(found, "edge"), rect(found, "read")];
  }));
}

/** The way back: a ring around each of its numbers, and a line through them. */
function wayBack() {
  const { layer, channel, cell } = get();
  const at = String(indexOf(layerAt(layer), channel, cell));
  if (!way.some(({ path, index }) => path === layer && String(index) === at)) return []; // it is that of another number
  const boxes = way.map(({ path, index }) => {
    const { channel, cell } = cellOf(layerAt(path), index);
    return boxOf(path, channel, cell);
  }).filter(Boolean);
  const points = boxes.map(({ x, y, width, height }) => [x + width / 2, y + height / 2]);
  const rings = boxes.map(({ width }, k) => {
    const size = Math.max(LEAST, width);
    return rect({ x: points[k][0] - size / 2, y: points[k][1] - size / 2, width: size, height: size }, "way");
  });
  return [line(points, "way-edge"), line(points, "way"), ...rings];
}

/** Where cells of a map lie in the stack, or all of them; null where the map is not there. */
function boxOf(path, ...cells) {
  const found = mapsOf(path)?.boxOf(...cells);
  const home = byId("layers").getBoundingClientRect();
  return found && { ...found, x: found.x - home.left - byId("layers").clientLeft, y: found.y - home.top };
}

function rect(box, name) {
  return draw("rect", { class: name, ...box });
}

function line(points, name) {
  return draw("polyline", { class: name, points: points.join(" ") });
}

/** The number that is pointed at, beside it: in the picture of the image, or in its map. */
function label(place) {
  const box = place?.value !== undefined && (place.pixel ? byId("field").getBoundingClientRect() : mapsOf(place.layer)?.boxOf(place.channel, place.cell));
  tag.hidden = !box || box.y < 0 || box.y > innerHeight;
  if (tag.hidden) return;
  const layer = layerAt(place.layer);
  const [first] = indexOf(layer, place.channel, place.cell);
  const where = makesMaps(layer) ? `row ${place.cell[0]}, column ${place.cell[1]}` : isOutput(layer) ? className(first) : `number ${first}`;
  tag.replaceChildren(where, make("b", {}, text(place.value)));
  const above = box.y - tag.offsetHeight - 8;
  lay(tag, {
    left: within(box.x + box.width + 8, 4, document.documentElement.clientWidth - tag.offsetWidth - 4),
    top: above > 0 ? above : box.y + box.height + 8,
  });
}
