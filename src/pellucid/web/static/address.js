// The address in the browser follows what is looked at.

import { network } from "./network.js";
import { link, on } from "./state.js";

const AT_ONCE = ["layer", "channel", "cell", "view", "range", "class", "raw", "moment", "edited"];
const REST = 300; // ms between two changes: a browser allows few in half a minute, and each takes it longer than an image

let timer = 0;
let written = -Infinity;

/** Let the address follow from now on: an image once it rests. What writes it at once is returned. */
export function followAddress() {
  on(AT_ONCE, () => later(Math.max(0, written + REST - performance.now())));
  on(["source"], () => later(REST));
  write();
  return write;
}

function later(pause) {
  clearTimeout(timer);
  if (pause) timer = setTimeout(write, pause);
  else write();
}

function write() {
  clearTimeout(timer);
  written = performance.now();
  try {
    history.replaceState(null, "", link(network.digest));
  } catch {
    later(10 * REST); // there were too many changes
  }
}
