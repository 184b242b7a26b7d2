// The network at a glance: the shapes that an image goes through, each a way to the layers that have it.

import { byId, make } from "./dom.js";
import { goTo } from "./layers.js";
import { network } from "./network.js";
import { shape } from "./numbers.js";

/** Build the strip at the top of the stack. */
export function buildOverview() {
  const strip = make("nav", { class: "overview scroll", "aria-label": "All layers, by their shapes", keydown: turn });
  const buttons = new Map(); // path -> the button of the layers around it that have the same shape
  let size = "";
  for (const layer of network.layers) {
    if (size !== shape(layer.shape)) {
      strip.append(make("button", { type: "button", tabindex: size ? -1 : 0, click: () => goTo(layer.path, 0) }, make("span", {}, layer.path), " ", make("b", {}, shape(layer.shape))));
      size = shape(layer.shape);
    }
    buttons.set(layer.path, strip.lastChild);
  }
  byId("layers").prepend(strip);
  const watcher = new IntersectionObserver((entries) => {
    const seen = buttons.get(entries.findLast((entry) => entry.isIntersecting)?.target.dataset.path);
    if (seen) for (const each of strip.children) each.tabIndex = each === seen ? 0 : -1; // one stop of Tab, and arrows
  }, { rootMargin: "-25% 0px -70% 0px" });
  for (const section of document.querySelectorAll(".layer")) watcher.observe(section);
}

function turn({ key, target }) {
  ({ ArrowLeft: target.previousSibling, ArrowRight: target.nextSibling })[key]?.focus();
}
