// The stack of layers in the middle of the page: maps are fetched where they are looked at.

import { onPin } from "./cells.js";
import { bringIntoView, byId, still } from "./dom.js";
import { Maps } from "./maps.js";
import { network, neighbour } from "./network.js";
import { drawRail } from "./rail.js";
import { get, on } from "./state.js";

const ARRIVED = 500; // ms

const rows = new Map(); // path -> Maps

export function buildLayers() {
  const place = byId("layers");
  const watcher = new IntersectionObserver(noticed, { rootMargin: "200px" });
  for (const layer of network.layers) {
    const maps = new Maps(layer);
    rows.set(layer.path, maps);
    place.append(maps.element);
    watcher.observe(maps.element);
  }
  place.addEventListener("go", ({ detail }) => goTo(...detail));
  on(["image", "revision", "class", "range"], () => rows.forEach((maps) => maps.refresh()));
  on(["range"], () => rows.forEach((maps) => maps.repaint()));
  on(["layer", "channel", "cell"], ({ layer, channel, cell }) => {
    rows.forEach(({ buttons }) => buttons.forEach((button) => button.mark()));
    if (cell) rows.get(layer).reveal(channel);
  });
  onPin((path, here) => {
    clearTimeout(arriving);
    if (!here) bring(path);
  });
  new ResizeObserver(() => { rows.forEach((maps) => maps.arrange()); drawRail(place, rows); }).observe(place);
}

/** What is to come with an image: the maps that are in sight, and the range of their colours. */
export function mapsInSight() {
  const seen = [...rows.values()].filter((maps) => maps.visible && maps.order === "index");
  return { layers: seen.map((maps) => maps.layer.path).join(","), range: get().range };
}

export function acceptMaps(found) {
  for (const [path, maps] of rows) {
    const came = found.arrays[`maps ${path}`];
    if (came) maps.accept(came, found);
  }
}

/** Bring a layer into sight, with the keyboard on one of its maps. */
export async function goTo(path, channel, cell) {
  const maps = rows.get(path);
  if (!maps) return;
  byId("layers").dispatchEvent(new CustomEvent("going", { detail: path })); // on a narrow page it must be there first
  bring(path);
  await maps.focus(Math.min(channel ?? 0, maps.layout.maps - 1), cell);
}

let arriving;

/** Scroll to a layer, or to its pinned map where there is no room for more. */
export function bring(path) {
  const { element } = rows.get(path);
  const far = Math.abs(element.getBoundingClientRect().y) > 2 * innerHeight;
  const go = () => {
    const { scrollPaddingTop: above, scrollPaddingBottom: below } = getComputedStyle(document.documentElement);
    const fits = element.offsetHeight < innerHeight - parseFloat(above) - parseFloat(below);
    bringIntoView((!fits && element.querySelector(".pinned")) || element, "nearest", far || still());
  };
  go();
  arriving = setTimeout(go, ARRIVED); // layers around it may have come meanwhile, and moved it
}

/** Go so many layers on from where the keyboard is. */
export function goBy(steps) {
  const here = document.activeElement?.closest?.("[data-path]")?.dataset.path ?? get().layer ?? network.layers[0].path;
  return goTo(neighbour(here, steps).path, get().channel);
}

export function mapsOf(path) {
  return rows.get(path);
}

function noticed(entries) {
  for (const entry of entries) {
    const maps = rows.get(entry.target.dataset.path);
    if (entry.isIntersecting) maps.see();
    else maps.visible = false;
  }
}
