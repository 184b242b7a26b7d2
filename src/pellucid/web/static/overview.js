// The network at a glance: the shapes that an image goes through, each a way to the layers that have it.

import { byId, make } from "./dom.js";
import { goTo } from "./layers.js";
import { layerAt, network } from "./network.js";
import { shape } from "./numbers.js";
import { get, on } from "./state.js";

const strip = make("nav", { class: "overview scroll", "aria-label": "All layers, by their shapes", keydown: turn });
const buttons = new Map(); // path -> the button of all with the same shape

export function buildOverview() {
  const main = mainPath(network.layers.at(-1));
  let [size, stage] = ["", ""];
  for (const { path, shape: sides } of network.layers) {
    if (main.has(path) && size !== shape(sides)) {
      size = shape(sides);
      const parts = path.split(".");
      const name = parts[0] === stage ? parts.slice(-2).join(".") : parts[0];
      [stage] = parts;
      strip.append(make("button", { title: path, tabindex: -1, click: () => goTo(path, 0) }, make("span", {}, name), " ", make("b", {}, size)));
    }
    buttons.set(path, strip.lastChild);
  }
  byId("layers").prepend(strip);
  on(["layer"], mark);
  addEventListener("scroll", mark, { passive: true });
  mark();
}

/** The layers that lead to one, without its shortcuts and further branches. */
function mainPath(layer) {
  return new Set(layer ? [...mainPath(layerAt(layer.reads[0])), layer.path] : []);
}

/** Mark the pinned layer, or that as far down the window as one is down the page. */
function mark() {
  const { bottom } = strip.getBoundingClientRect();
  const down = bottom + 1 + (innerHeight - bottom) * (scrollY / (document.documentElement.scrollHeight - innerHeight) || 0);
  const passed = [...document.querySelectorAll(".layer")].findLast((each) => each.getBoundingClientRect().y <= down);
  const marked = buttons.get(get().layer ?? passed?.dataset.path) ?? strip.firstChild;
  if (marked.tabIndex === 0) return;
  for (const each of strip.children) each.tabIndex = each === marked ? 0 : -1; // one stop of Tab
  strip.scrollLeft = marked.offsetLeft - (strip.clientWidth - marked.offsetWidth) / 2;
}

function turn({ key, target }) {
  ({ ArrowLeft: target.previousSibling, ArrowRight: target.nextSibling })[key]?.focus();
}
