// Other windows show the same network: what is changed in one, or which moment of its training is shown, the others
// notice within seconds, and at once when something is done in them or one comes back to them.

import { ask, newestOnly, whenRefused } from "./api.js";
import { network } from "./network.js";
import { get, on } from "./state.js";

const EVERY = 2000; // milliseconds

let known = 0; // the revision whose edits are listed
let listed = ""; // their name
let silent = false; // the server did not answer: it is asked again when one comes back to the page
let takeOver = () => {};

/** Look after other windows from now on; `whenChanged` takes over their edits. */
export function buildEdition(whenChanged) {
  [known, takeOver] = [network.revision, whenChanged];
  on(["revision"], () => { if (get().revision !== known) look(); }); // an answer has told of it
  whenRefused({ outdated: look });
  setInterval(() => { if (!silent) look(); }, EVERY);
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);
}

/** Note that the edits of a revision are listed. */
export function noteListed({ revision, edited }) {
  [known, listed] = [revision, edited];
}

/** Note what an answer tells: where its edits are those that are listed, nobody need ask for them. */
export function noteAnswer({ revision, edited }) {
  if (edited === listed) known = revision;
}

const look = newestOnly(async () => {
  if (document.hidden) return;
  try {
    const { revision } = await ask("edition");
    if (revision !== known) await takeOver();
    silent = false;
  } catch {
    silent = true;
  }
});
