// Walking back by itself, until one does something else; where nothing is to move by itself, one step.

import { report } from "./api.js";
import { make, still } from "./dom.js";

const PACE = 1400; // ms that each step is shown for

/** The button. `step` goes one step and says whether there was one; `restart` goes to where the way begins. */
export function buildPlay(step, restart) {
  const button = make("button", { class: "play", click: () => (timer ? wait(false) : go(restart)) });
  let timer = 0;
  const wait = (longer) => {
    clearTimeout(timer);
    timer = longer && !still() ? setTimeout(go, PACE) : 0;
    button.textContent = still() ? "Step back" : timer ? "❚❚ Pause" : "▶ Walk back";
  };
  const go = async (otherwise) => {
    wait(true); // so that it can be interrupted meanwhile
    if (!(await step().catch(report))) wait(otherwise?.() ?? false);
  };
  for (const event of ["pointerdown", "keydown", "wheel"]) {
    document.addEventListener(event, ({ target, key = " " }) => { if (timer && !(button.contains(target) && [" ", "Enter"].includes(key))) wait(false); }, { capture: true, passive: true });
  }
  wait(false);
  return button;
}
