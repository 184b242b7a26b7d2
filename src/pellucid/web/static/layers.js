// The stack of layers in the middle of the page: maps are fetched where they are looked at.

import { onPin } from "./cells.js";
import { byId, still } from "./dom.js";
import { Maps } from "./maps.js";
import { network, neighbour } from "./network.js";
import { drawRail } from "./rail.js";
import { get, on } from "./state.js";

const ARRIVED = 500; // ms

const rows = new Map(); // path -> Maps

/** Build the stack. */
export function buildLayers() {
  const place = byId("layers");
  for (const layer of network.layers) {
    const maps = new Maps(layer);
    rows.set(layer.path, maps);
    place.append(maps.element);
  }
  const watcher = new IntersectionObserver(noticed, { rootMargin: "200px" });
  for (const maps of rows.values()) watcher.observe(maps.element);
  place.addEventListener("go", ({ detail }) => goTo(detail, get().channel));
  on(["image", "revision", "class"], refresh);
  on(["range"], () => { refresh(); for (const maps of rows.values()) maps.repaint(); });
  on(["layer", "channel", "cell"], () => { for (const maps of rows.values()) for (const button of maps.buttons) button.mark(); });
  onPin((path, here) => { if (!here) bring(path); });
  new ResizeObserver(() => { arrange(); drawRail(place, rows); }).observe(place);
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

/** Bring a layer into sight, with the keyboard on one of its maps. */
export async function goTo(path, channel) {
  const maps = rows.get(path);
  if (!maps) return;
  byId("layers").dispatchEvent(new CustomEvent("going", { detail: path })); // on a narrow page it must be there first
  bring(path);
  const { maps: many } = { maps: maps.layer.shape.length === 3 ? maps.layer.shape[0] : 1 };
  await maps.focus(Math.min(channel ?? 0, many - 1));
}

/** Scroll to a layer, if it is not in sight. */
function bring(path) {
  const { element } = rows.get(path);
  const far = Math.abs(element.getBoundingClientRect().y) > 2 * innerHeight;
  const go = () => element.scrollIntoView({ behavior: far || still() ? "auto" : "smooth", block: "nearest" });
  go();
  if (far) setTimeout(go, ARRIVED); // layers around it have come meanwhile, and moved it
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

function refresh() {
  for (const maps of rows.values()) maps.refresh();
}

function arrange() {
  for (const maps of rows.values()) maps.arrange();
}
