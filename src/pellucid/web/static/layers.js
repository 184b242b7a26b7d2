// The stack of layers in the middle of the page: maps are fetched where they are looked at.

import { onPin } from "./cells.js";
import { bringIntoView, byId, still } from "./dom.js";
import { Maps } from "./maps.js";
import { layout, network, neighbour } from "./network.js";
import { drawRail } from "./rail.js";
import { get, on } from "./state.js";

const ARRIVED = 500; // ms

const rows = new Map(); // path -> Maps

/** Build the stack. */
export function buildLayers() {
  const place = byId("layers");
  const watcher = new IntersectionObserver(noticed, { rootMargin: "200px" });
  for (const layer of network.layers) {
    const maps = new Maps(layer);
    rows.set(layer.path, maps);
    place.append(maps.element);
    watcher.observe(maps.element);
  }
  const all = (act) => () => rows.forEach(act);
  place.addEventListener("go", ({ detail }) => goTo(...detail));
  on(["image", "revision", "class", "range"], all((maps) => maps.refresh()));
  on(["range"], all((maps) => maps.repaint()));
  on(["layer", "channel", "cell"], ({ layer, channel, cell }) => {
    for (const maps of rows.values()) for (const button of maps.buttons) button.mark();
    if (cell) rows.get(layer).reveal(channel);
  });
  onPin((path, here) => { if (!here) bring(path); });
  new ResizeObserver(() => { for (const maps of rows.values()) maps.arrange(); drawRail(place, rows); }).observe(place);
}

/** What is to come with an image: the maps of the layers that are in sight, and whose range their colours have. */
export function mapsInSight() {
  const seen = [...rows.values()].filter((maps) => maps.visible && maps.order === "index");
  return { layers: seen.map((maps) => maps.layer.path).join(","), range: get().range };
}

/** Take the maps that came with an image. */
export function acceptMaps(found) {
  for (const [path, maps] of rows) {
    const came = found.arrays[`maps ${path}`];
    if (came) maps.accept(came, found);
  }
}

/** Bring a layer into sight, with the keyboard on one of its maps, at a cell if it has that. */
export async function goTo(path, channel, cell = undefined) {
  const maps = rows.get(path);
  if (!maps) return;
  byId("layers").dispatchEvent(new CustomEvent("going", { detail: path })); // on a narrow page it must be there first
  bring(path);
  await maps.focus(Math.min(channel ?? 0, layout(maps.layer).maps - 1), cell);
}

/** Scroll to a layer, if it is not in sight. */
export function bring(path) {
  const { element } = rows.get(path);
  const far = Math.abs(element.getBoundingClientRect().y) > 2 * innerHeight;
  const go = () => {
    const { scrollPaddingTop: above, scrollPaddingBottom: below } = getComputedStyle(document.documentElement);
    const fits = element.offsetHeight < innerHeight - parseFloat(above) - parseFloat(below);
    bringIntoView((!fits && element.querySelector(".pinned")) || element, far || still());
  };
  go();
  setTimeout(go, ARRIVED); // layers around it may have come meanwhile, and moved it
}

/** The layer that comes a number of steps after the one where the keyboard is, or after the first. */
export function goBy(steps) {
  const here = document.activeElement?.closest?.("[data-path]")?.dataset.path ?? get().layer ?? network.layers[0].path;
  return goTo(neighbour(here, steps).path, get().channel);
}

/** What is shown of a layer: its `Maps`. */
export function mapsOf(path) {
  return rows.get(path);
}

function noticed(entries) {
  for (const entry of entries) {
    const maps = rows.get(entry.target.dataset.path);
    maps.visible = entry.isIntersecting;
    if (!maps.visible) continue;
    maps.refresh();
    maps.repaint(true);
  }
}
