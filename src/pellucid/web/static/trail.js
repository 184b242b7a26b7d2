// The line at the top: where one is, how far the colours reach, and whether the network was changed.

import { current, onHover } from "./cells.js";
import { byId, make, taps } from "./dom.js";
import { goTo, mapsOf } from "./layers.js";
import { lookedAt } from "./narrow.js";
import { cellName, indexOf, layerAt } from "./network.js";
import { count, text } from "./numbers.js";
import { fromTo } from "./picture.js";
import { get, on, set } from "./state.js";
import { explained } from "./words.js";

const REST = 150; // ms: no stroke waits for it

const home = make("button", { class: "link", click: () => goTo(home.textContent, get().channel) }); // the keyboard may be on it
let pointed = null; // the cell under the pointer
let timer = 0;

export function buildTrail() {
  const choice = byId("range");
  choice.addEventListener("change", () => set({ range: choice.value, lent: false }));
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
  scale();
}

function inHand() {
  return pointed?.layer ?? lookedAt();
}

/** layer › channel › cell: of the cell under the pointer, or of what is chosen. */
function write() {
  const place = current();
  const layer = layerAt(place?.layer ?? get().layer);
  home.hidden = !layer;
  home.textContent = layer?.path;
  while (home.nextSibling) home.nextSibling.remove();
  const trail = byId("trail");
  if (!place) {
    trail.append(make("span", { class: "quiet" }, taps() ? "Tap a number to see its sum" : "Point at a number; click to see its sum"));
    return;
  }
  const { channel, cell } = place;
  const maps = mapsOf(layer.path);
  const k = maps.layered ? maps.channels.indexOf(channel) : 0;
  const value = place.value ?? (k < 0 ? undefined : maps.numbers && maps.value(k, cell));
  const names = maps.layered ? [`channel ${channel}`, `(${cell.join(", ")})`] : [`number ${indexOf(layer, channel, cell).join(", ")}`];
  const parts = names.map((name) => make("span", {}, name));
  if (value !== undefined) parts.push(make("output", { title: cellName(layer, channel, cell) }, text(value)));
  trail.append(...parts.flatMap((part) => [make("span", { "aria-hidden": "true" }, "›"), part]));
}

/** Ask for the maps that are looked at also where they are out of sight. */
function fetchSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => mapsOf(lookedAt())?.refresh(true), REST);
}

/** What the colours mean in the layer in hand. */
function scale() {
  byId("range").value = get().range;
  const { channel } = pointed ?? get();
  const maps = mapsOf(inHand());
  if (!maps?.ranges?.length) return;
  const k = Math.max(0, maps.channels.indexOf(channel));
  const [beyond, none] = maps.outside(get().range === "channel" ? k : undefined); // else one range is that of all
  byId("scale").replaceChildren(
    make("span", { class: "quiet name" }, maps.layer.path),
    ...fromTo(maps.numbers, maps.ranges[k] ?? maps.ranges[0]),
    make("span", { class: "quiet" }, ...explained(`${count(beyond)} beyond`)),
    none ? make("span", { title: "yellow" }, `${count(none)} not a number`) : "",
  );
}
