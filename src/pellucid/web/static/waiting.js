// A sign that the server computes, for answers that take so long that somebody wonders.

import { byId } from "./dom.js";

const PATIENCE = 300; // ms

const waiting = new Set();

/** Wait for an answer; the sign is shown once that takes longer than one waits without wondering. */
export async function waitFor(answer) {
  const timer = setTimeout(() => { waiting.add(timer); show(); }, PATIENCE);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
    if (waiting.delete(timer)) show();
  }
}

function show() {
  byId("computing").textContent = waiting.size ? "computing …" : "";
}
