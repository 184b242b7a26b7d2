// The address: all that is needed to see the same again stands behind its #, and is read from there.

import { cellFits, layerAt, layout, network } from "./network.js";
import { textAsPixels } from "./pixels.js";
import { get, on } from "./state.js";

const LONGEST = 6000; // letters of pixels
const RANGES = ["channel", "layer", "network", "locked"];
const AT_ONCE = ["layer", "channel", "cell", "view", "range", "class", "raw", "moment", "edited"];
const REST = 300; // ms from one change of the address to the next: a browser allows few in half a minute, and each takes it longer than to show an image

let timer = 0;
let written = -Infinity;

/** Let the address follow what is looked at; an image once it rests. */
export function buildAddress() {
  on(AT_ONCE, () => later(Math.max(0, written + REST - performance.now())));
  on(["source"], () => later(REST));
  write();
}

function later(pause) {
  clearTimeout(timer);
  if (pause) timer = setTimeout(write, pause);
  else write();
}

function write() {
  written = performance.now();
  try {
    history.replaceState(null, "", link());
  } catch {
    later(10 * REST); // too many changes
  }
}

/** What is looked at, as the part of an address behind the #. */
export function link() {
  const words = new URLSearchParams({ net: network.digest });
  const { source, layer, channel, cell, view, range, raw, moment, edited } = get();
  if (source?.kind === "sample") words.set("sample", source.number);
  if (source?.kind === "pixels" && source.data?.length < LONGEST) words.set("pixels", source.data);
  if (moment !== null) words.set("moment", moment);
  if (edited && moment === null) words.set("edits", edited);
  if (layer) words.set("layer", layer);
  if (layer) words.set("channel", channel);
  if (cell) words.set("cell", cell.join(","));
  if (get().class !== null) words.set("class", get().class);
  words.set("view", view);
  words.set("range", range);
  if (raw) words.set("raw", "1");
  return `#${words}`;
}

/**
 * Read such a part of an address.
 *
 * @returns {{net: string?, source: object?, moment: number?, edits: string, place: object, strange: string[]}} `place` is
 *   part of the state; `strange` is what does not fit this network or its data, and is left out
 */
export function fromLink(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const place = {};
  const strange = [];

  /** Take a word if it fits; say so if it does not. */
  function take(name, read) {
    if (!words.has(name)) return null;
    const found = read(words.get(name));
    if (found === null) strange.push(`${name} ${words.get(name).slice(0, 20)}`);
    return found;
  }

  const source = take("sample", sampleIn) ?? take("pixels", pixelsIn);
  const moment = take("moment", (word) => whole(word, 1e9));
  const layer = take("layer", (word) => layerAt(word) ?? null);
  if (layer) Object.assign(place, { layer: layer.path }, inLayer(layer, take));
  const of = take("class", (word) => whole(word, layout(network.layers.at(-1)).length));
  if (of !== null) place.class = of;
  const range = take("range", (word) => (RANGES.includes(word) ? word : null));
  if (range) place.range = range;
  const view = take("view", (word) => (/^[a-z]{1,20}$/.test(word) ? word : null));
  if (view) place.view = view;
  if (words.get("raw") === "1") place.raw = true;
  return { net: words.get("net"), source, moment, edits: words.get("edits") ?? "", place, strange };
}

function inLayer(layer, take) {
  const channel = take("channel", (word) => whole(word, layout(layer).maps));
  const cell = take("cell", (word) => cellIn(word, layer));
  return { ...(channel === null ? {} : { channel }), ...(cell ? { cell } : {}) };
}

function whole(word, below) {
  return /^\d{1,9}$/.test(word) && Number(word) < below ? Number(word) : null;
}

function cellIn(word, layer) {
  const parts = word.split(",").map((part) => whole(part, 1e6));
  return parts.length === 2 && !parts.includes(null) && cellFits(layer, parts) ? parts : null;
}

function sampleIn(word) {
  const number = whole(word, network.data?.count ?? 0);
  return number === null ? null : { kind: "sample", number };
}

function pixelsIn(word) {
  const many = network.input_shape.reduce((product, side) => product * side, 1);
  return word.length < LONGEST && textAsPixels(word)?.length === many ? { kind: "pixels", data: word } : null;
}
