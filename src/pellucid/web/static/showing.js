// Showing an image: every way leads to the server, which puts it before the network and answers with what came of it.

import { newestOnly, Refused, ask, send } from "./api.js";
import { showBars } from "./bars.js";
import { byId, problem } from "./dom.js";
import { acceptMaps, inSight } from "./layers.js";
import { network } from "./network.js";
import { hasInk, padInk, wipe } from "./pad.js";
import { pixelsAsText, showPixels, textAsPixels } from "./pixels.js";
import { get, on, set } from "./state.js";

const shownListeners = [];

/** Call a function with every answer: `output`, `probabilities` and `image` are among its arrays. */
export function onShown(listener) {
  shownListeners.push(listener);
}

/** Listen to what changes the answer. */
export function buildShowing() {
  on(["revision"], again);
}

const drawn = newestOnly(async () => {
  const { rows, columns, bytes } = padInk();
  await shown(() => send("drawing", { rows, columns, raw: get().raw, layers: inSight().join(",") }, bytes), { kind: "drawing" });
});

/** Show what is on the pad. */
export function showDrawing() {
  return drawn();
}

/** Show the pad's drawing anew, if that is what is shown: it is to be centred now, or no more. */
export function redraw() {
  if (get().source?.kind === "drawing" || hasInk()) showDrawing();
}

/** Show a sample of the data. */
export function showSample(number) {
  wipe();
  return shown(() => send("sample", { number, layers: inSight().join(",") }), { kind: "sample", number });
}

/** Show an image, every pixel of which is given as a byte. */
export function showBytes(data) {
  return shown(() => send("pixels", { type: "u1", layers: inSight().join(",") }, data), { kind: "pixels" });
}

/** Show a picture from a file. */
export function showFile(file, how = {}) {
  wipe();
  return shown(() => send("picture", { ...how, layers: inSight().join(",") }, file), { kind: "pixels" });
}

/** Show an image that the server has; where it came from may serve to bring it back there. */
export async function showKnown(image, source) {
  wipe();
  return (await shown(() => ask("seen", { image, layers: inSight().join(",") }), source)) ?? showSource(source);
}

/** Show what stands in a link. */
export function showSource(source) {
  if (source.kind === "sample") return showSample(source.number);
  if (source.kind === "blank") return showBytes(source.data);
  const data = source.kind === "pixels" ? textAsPixels(source.data) : null;
  return data ? showBytes(data) : undefined;
}

/** Ask anew about the same image: the network has changed. */
function again() {
  const { image, source } = get();
  if (image) shown(() => ask("seen", { image, layers: inSight().join(",") }), source);
}

/** Show an answer that some other question brought: a frame such as `seen` gives. */
export async function shown(question, source) {
  try {
    const found = await question();
    problem("");
    const { image } = found.arrays;
    showPixels(image);
    if (!found.pending) {
      finishing?.abort();
      showOutput(found);
    }
    const bytes = image.data instanceof Uint8Array;
    const kept = source.kind === "sample" || !bytes ? source : { kind: source.kind, data: pixelsAsText(image.data) };
    if (kept.kind === "drawing") Object.assign(kept, { kind: "pixels", drawn: true });
    acceptMaps(found); // before others hear of the image: what has come, nobody asks for again
    set({ image: found.image, revision: found.revision, source: kept });
    if (!found.pending) tell(found);
    else await finish(found);
    return found;
  } catch (error) {
    if (error.name !== "AbortError") problem(error.message);
    if (!(error instanceof Refused) && error.name !== "AbortError") throw error;
    return null;
  }
}

function showOutput({ arrays: { output, probabilities } }) {
  byId("bars").removeAttribute("aria-busy");
  showBars(output.data, probabilities?.data);
}

function tell(found) {
  for (const listener of shownListeners) listener(found);
}

let finishing = null; // the question about the outputs of the image that was shown last

/** A large network has answered before it has come to its outputs: wait for these, unless another image is shown. */
async function finish(found) {
  finishing?.abort();
  finishing = new AbortController();
  byId("bars").setAttribute("aria-busy", "true");
  try {
    const whole = await ask("seen", { image: found.image, wait: true }, finishing.signal);
    Object.assign(found, { pending: false, arrays: { ...found.arrays, ...whole.arrays } });
  } catch (error) {
    if (error.name === "AbortError") return;
    throw error;
  }
  showOutput(found);
  tell(found);
}

/** What the network takes is a square of one channel: something to draw on. */
export function buildDrawing() {
  byId("drawing").hidden = !(network.input_shape.length === 3 && network.input_shape[0] === 1 && network.input_shape[1] === network.input_shape[2]);
}
