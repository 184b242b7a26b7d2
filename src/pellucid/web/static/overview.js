// The network at a glance: the shapes that an image goes through, each a way to the layers that have it.

import { byId, make } from "./dom.js";
import { goTo } from "./layers.js";
import { network } from "./network.js";
import { shape } from "./numbers.js";

/** Build the strip at the top of the stack. */
export function buildOverview() {
  const groups = alike(network.layers);
  const buttons = groups.map((layers) => make(
    "button", { type: "button", "aria-label": name(layers), title: name(layers), click: () => goTo(layers[0].path, 0) },
    make("span", {}, layers[0].path), make("b", {}, shape(layers[0].shape)),
  ));
  byId("layers").prepend(make("nav", { class: "overview", "aria-label": "All layers, by their shapes" }, ...buttons));
  const watcher = new IntersectionObserver((entries) => {
    const seen = entries.filter((entry) => entry.isIntersecting).at(-1)?.target.dataset.path;
    const at = groups.findIndex((layers) => layers.some(({ path }) => path === seen));
    if (at >= 0) buttons.forEach((button, k) => button.toggleAttribute("data-here", k === at));
  }, { rootMargin: "-25% 0px -70% 0px" });
  for (const section of document.querySelectorAll(".layer")) watcher.observe(section);
}

/** Layers in a row whose numbers have the same shape. */
function alike(layers) {
  return layers.reduce((groups, layer) => {
    const last = groups.at(-1);
    if (last && String(last[0].shape) === String(layer.shape)) last.push(layer);
    else groups.push([layer]);
    return groups;
  }, []);
}

function name(layers) {
  const [first, last] = [layers[0], layers.at(-1)];
  return `${first.path}${first === last ? "" : ` to ${last.path}`}, ${shape(first.shape)}`;
}
