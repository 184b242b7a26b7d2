// How far the server has come with an explanation that takes long.

import { ask } from "./api.js";
import { make } from "./dom.js";

const PATIENCE = 400; // ms, between two questions about it

/** A bar that is there as long as one waits. */
export function progressBar(label) {
  const element = make("progress", { max: 1, value: 0, hidden: true, "aria-label": label });

  /** Wait for an answer. */
  async function during(answer) {
    const timer = setInterval(async () => {
      const done = await ask("progress").then((found) => found.done, () => null);
      if (done === null || waiting !== timer) return;
      Object.assign(element, { value: done, hidden: false });
    }, PATIENCE);
    waiting = timer;
    try {
      return await answer;
    } finally {
      clearInterval(timer);
      if (waiting === timer) Object.assign(element, { value: 0, hidden: true });
      waiting = null;
    }
  }

  let waiting = null;
  return { element, during };
}
