// Other windows show the same network: what is changed in one of them, or which moment of its training is shown, the
// others notice within seconds, and at once when one comes back to them.

import { ask } from "./api.js";
import { network } from "./network.js";
import { get, set } from "./state.js";

const EVERY = 2000; // milliseconds

let known = 0; // the revision whose edits are listed
let asking = false;
let silent = false; // the server did not answer: it is asked again when one comes back to the page
let takeOver = () => {};

/** Look after other windows from now on; `whenChanged` takes over their edits. */
export function buildEdition(whenChanged) {
  [known, takeOver] = [network.revision, whenChanged];
  setInterval(() => { if (!silent) look(); }, EVERY);
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);
}

async function look() {
  if (document.hidden || asking) return;
  asking = true;
  try {
    const { revision, step, chosen } = await ask("edition");
    silent = false;
    if (revision === known) return;
    known = revision;
    if (revision > get().revision) set({ moment: step, chosen });
    await takeOver();
  } catch {
    silent = true;
  } finally {
    asking = false;
  }
}
