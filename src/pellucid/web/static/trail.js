// The line at the top: where one is, how far the colours reach, and whether the network was changed.

import { current, onHover } from "./cells.js";
import { byId, make } from "./dom.js";
import { goTo, mapsOf } from "./layers.js";
import { lookedAt } from "./narrow.js";
import { cellName, indexOf, layerAt, makesMaps } from "./network.js";
import { count, text } from "./numbers.js";
import { fromTo } from "./picture.js";
import { get, on, set } from "./state.js";
import { explained } from "./words.js";

const REST = 150; // ms: no stroke waits for it

const home = make("button", { class: "link", click: () => goTo(home.textContent, get().channel) }); // stays, as the keyboard may be on it
let pointed = null; // the cell under the pointer
let timer = 0;

/** Listen. */
export function buildTrail() {
  const choice = byId("range");
  choice.value = get().range;
  choice.addEventListener("change", () => set({ range: choice.value }));
  on(["range"], () => { choice.value = get().range; });
  on(["layer", "channel", "cell"], write);
  on(["range", "image", "layer", "channel"], scale);
  on(["range", "image", "layer", "revision"], fetchSoon);
  onHover((place) => {
    const elsewhere = place?.layer !== pointed?.layer || place?.channel !== pointed?.channel;
    pointed = place;
    write();
    if (elsewhere) scale();
  });
  byId("layers").addEventListener("looked", scale);
  byId("layers").addEventListener("painted", ({ target }) => { if (target.dataset.path === inHand()) { scale(); write(); } });
  byId("trail").append(home);
  write();
}

/** The layer that is pointed at, or else looked at. */
function inHand() {
  return pointed?.layer ?? lookedAt();
}

/** layer › channel › cell: of the cell under the pointer, or of the pinned one; else the layer that was chosen. */
function write() {
  const place = current();
  const layer = layerAt(place?.layer ?? get().layer);
  home.hidden = !layer;
  home.textContent = layer?.path;
  while (home.nextSibling) home.nextSibling.remove();
  const trail = byId("trail");
  if (!place) {
    trail.append(make("span", { class: "quiet" }, "Point at a number; click to see its sum"));
    return;
  }
  const index = indexOf(layer, place.channel, place.cell);
  const names = makesMaps(layer) ? [`channel ${index[0]}`, `(${index[1]}, ${index[2]})`] : [`number ${index.join(", ")}`];
  const parts = names.map((name) => make("span", {}, name));
  const value = place.value ?? valueOf(place);
  if (value !== undefined) parts.push(make("output", { title: cellName(layer, place.channel, place.cell) }, text(value)));
  trail.append(...parts.flatMap((part) => [make("span", { "aria-hidden": "true", class: "step" }, "›"), part]));
}

function valueOf({ layer, channel, cell }) {
  const maps = mapsOf(layer);
  const k = makesMaps(maps.layer) ? maps.channels?.indexOf(channel) ?? -1 : 0;
  return k < 0 || !maps.numbers ? undefined : maps.value(k, cell);
}

/** What is looked at may be out of sight, and then nobody else asks for it. */
function fetchSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => mapsOf(lookedAt())?.refresh(true), REST);
}

/** What the colours mean in the layer in hand. */
function scale() {
  const { channel } = pointed ?? get();
  const maps = mapsOf(inHand());
  if (!maps?.ranges?.length) return;
  const k = Math.max(0, maps.channels.indexOf(channel));
  const alone = get().range === "channel"; // else one range holds for all maps that are shown
  const range = maps.ranges[k] ?? maps.ranges[0];
  const [beyond, none] = maps.outside(alone ? k : undefined);
  byId("scale").replaceChildren(
    make("span", { class: "quiet name" }, maps.layer.path),
    ...fromTo(maps.numbers, range),
    make("span", { class: "quiet" }, ...explained(`${count(beyond)} beyond`)),
    none ? make("span", { title: "yellow" }, `${count(none)} not a number`) : "",
  );
}
