// Walking back by itself: a step every so often until the pixel, or until one does something else. Where nothing is to
// move by itself, the same button goes one step.

import { make, still } from "./dom.js";

const PACE = 1400; // ms that each step is shown for

let timer = 0;

/** The button. `step` goes one step and says whether there was one; `restart` goes to where the way begins. */
export function buildPlay(step, restart) {
  const button = make("button", { type: "button", class: "play", click: press });

  function tell() {
    button.textContent = still() ? "Next step" : timer ? "❚❚ Pause" : "▶ Play";
  }

  function stop() {
    clearTimeout(timer);
    timer = 0;
    tell();
  }

  async function go() {
    timer = setTimeout(go, PACE);
    tell();
    if (!(await step())) stop();
  }

  async function press() {
    if (timer) stop();
    else if (!(await step())) await restart();
    else if (!still()) { timer = setTimeout(go, PACE); tell(); }
  }

  for (const event of ["pointerdown", "keydown", "wheel"]) {
    document.addEventListener(event, ({ target }) => { if (timer && !button.contains(target)) stop(); }, { capture: true, passive: true });
  }
  matchMedia("(prefers-reduced-motion: reduce)").addEventListener("change", stop);
  tell();
  return button;
}
