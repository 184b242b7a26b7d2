// Pictures of numbers that can be pointed at: a stage, and a ring around one number.

import { lay, make } from "./dom.js";

/** Where pictures of numbers lie; a screen reader leaves the keys to the page. */
export function stage(what, name, ...children) {
  return make("div", { class: "stage", role: "application", "aria-roledescription": `${what} of numbers`, "aria-label": name }, ...children);
}

/** A ring, around nothing yet. */
export function ringed() {
  return make("span", { class: "cell", hidden: true });
}

/** Draw a ring around a cell, numbers of so many pixels lying side by side; around nothing without one. */
export function surround(ring, cell, size) {
  ring.hidden = !cell;
  if (cell) lay(ring, { left: cell[1] * size, top: cell[0] * size, width: size, height: size });
}
