// Showing an image: the server puts it before the network, and answers with what came of it.

import { newestOnly, Refused, ask, isVoid, ofThisStart, report, send, whenRefused } from "./api.js";
import { showBars } from "./bars.js";
import { byId, problem } from "./dom.js";
import { noteAnswer } from "./edition.js";
import { acceptMaps, mapsInSight } from "./layers.js";
import { network } from "./network.js";
import { hasInk, padInk, restore, wipe } from "./pad.js";
import { askDrawing } from "./pen-socket.js";
import { pixelsAsText, showPixels, textAsPixels } from "./pixels.js";
import { broadcast, get, on, set, takeEdition } from "./state.js";

/** Call a function with every answer, whose arrays are `output`, `probabilities`, `image` … */
const [onShown, tell] = broadcast();

export { onShown };

export function buildShowing() {
  on(["revision"], again);
  whenRefused({ gone: bringBack });
}

export const showDrawing = newestOnly(async () => {
  const { rows, columns, bytes } = padInk();
  await present(() => askDrawing({ rows, columns, raw: get().raw, ...mapsInSight() }, bytes), { kind: "pixels" });
});

/** Show the pad's drawing anew, centred or no more. */
export function redraw() {
  if (hasInk()) showDrawing();
}

export function showSample(number) {
  wipe();
  return sent("sample", { number }, undefined, { kind: "sample", number });
}

/** Show an image, every pixel of which is given as a byte. */
export function showBytes(data) {
  return sent("pixels", { type: "u1" }, data);
}

export function showFile(file, how = {}) {
  wipe();
  return sent("picture", how, file);
}

function sent(name, query, body, source = { kind: "pixels" }) {
  return present((signal) => send(name, { ...query, ...mapsInSight() }, body, signal), source);
}

/** Show an image that the server has; where it came from serves to bring it back there, and onto the pad. */
export function showKnown(image, source) {
  if (source.data) restore(source.data);
  else wipe();
  return askSeen(image, source);
}

export function showSource(source) {
  if (source.kind === "sample") return showSample(source.number);
  if (source.kind === "blank") return showBytes(source.data);
  const data = source.kind === "pixels" ? textAsPixels(source.data) : null;
  return data ? showBytes(data) : undefined;
}

/** Ask anew about the image, as the network has changed; what is being asked is compared when it comes. */
function again() {
  const { image, source } = get();
  if (image && !asked) askSeen(image, source, true);
}

function askSeen(image, source, quiet = false) {
  return present((signal) => ask("seen", { image, ...mapsInSight() }, signal), source, quiet);
}

/** The server has let go of an image that was looked at long ago: send it there again. */
function bringBack(source = get().source) {
  if (asked || !get().image) return undefined; // another one is on its way
  if (source.kind === "pixels" && !source.data) {
    problem(network.said.lost);
    return null;
  }
  set({ image: null }); // so that all who show it ask for it again
  return showSource(source);
}

let asked = null; // ends the question about the image that was asked for last
let made = 0; // the revision of the network that has made what is shown

/**
 * Show an image with the answer to a question about it, and return that; null if it was refused, undefined if another
 * has been asked for meanwhile. What nobody has asked for is `quiet`: it leaves an older message.
 */
export async function present(question, source, quiet = false) {
  if (quiet && asked) return undefined; // what somebody has asked for goes first
  asked?.abort();
  const mine = new AbortController();
  asked = mine;
  try {
    const found = ofThisStart(await question(mine.signal));
    if (asked !== mine) {
      if (found.revision > get().revision) takeNetwork(found);
      return undefined;
    }
    if (found.revision < get().revision) { // changed while it was being answered
      asked = null;
      return askSeen(found.image, source, quiet);
    }
    if (!quiet) problem("");
    show(found, source);
    return found;
  } catch (error) {
    if (asked !== mine) return undefined;
    asked = null;
    if (error.gone) return bringBack(source);
    if (isVoid(error)) return undefined;
    report(error);
    if (!(error instanceof Refused)) throw error;
    if (!quiet && made < get().revision) again(); // which the question had ended
    return null;
  } finally {
    if (asked === mine) asked = null;
  }
}

/** Take over of which network an answer is; where its edits are others than before, they are asked for. */
function takeNetwork(found, changes = {}) {
  noteAnswer(found);
  takeEdition(found, changes);
}

function show(found, source) {
  const { image } = found.arrays;
  showPixels(image);
  if (!found.pending) {
    finishing?.abort();
    showOutput(found);
  }
  const bytes = image.data instanceof Uint8Array;
  const known = source.kind === "sample" || !bytes ? source : { kind: source.kind, data: pixelsAsText(image.data) };
  acceptMaps(found); // before others ask for them
  made = found.revision;
  takeNetwork(found, { image: found.image, source: known });
  if (!found.pending) tell(found);
  else finish(found).catch(report);
}

function showOutput({ quiet = false, arrays: { output, probabilities } }) {
  byId("bars").removeAttribute("aria-busy");
  showBars(output.data, probabilities?.data, quiet);
}

let finishing = null; // the question about the outputs

/** A large network has answered before it has outputs: wait for these, unless another image is shown. */
async function finish(found) {
  finishing?.abort();
  finishing = new AbortController();
  byId("bars").setAttribute("aria-busy", "true");
  try {
    const whole = await ask("seen", { image: found.image, wait: true }, finishing.signal);
    if (whole.revision > get().revision) takeNetwork(whole); // changed meanwhile: it is asked for anew
    if (get().revision !== found.revision) return;
    Object.assign(found, { pending: false, arrays: { ...found.arrays, ...whole.arrays } });
  } catch (error) {
    if (isVoid(error)) return;
    throw error;
  }
  showOutput(found);
  tell(found);
}
