// Questions to the server. Answers are JSON, or frames: a header in JSON with arrays behind it (see frames.py).

import { problem } from "./dom.js";
import { product } from "./numbers.js";
import { get } from "./state.js";
import { waitFor } from "./waiting.js";

/** What is said where the server is no longer there to say anything. */
export const SILENT = "The server does not answer any more; what runs in its terminal has ended, or is ending.";
const TYPES = { f4: Float32Array, u1: Uint8Array, i4: Int32Array };

/**
 * A question was refused; the message says why. `gone`: the server no longer has the image that it is about; `outdated`:
 * it is about a network that has been changed meanwhile, as by another window.
 */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.gone = status === 410;
    this.outdated = status === 409;
  }
}

/** Whether a question has failed because nobody wants its answer any more: what it was about is not shown any longer. */
export function isVoid(error) {
  return error.name === "AbortError" || Boolean(error.gone || error.outdated);
}

/** Say what went wrong with a question, unless nobody wants its answer any more. */
export function report(error) {
  if (!isVoid(error)) problem(error.message);
}

const repairs = { gone: () => {}, outdated: () => {} };

/** What is done when the server no longer has the image that is shown, and when the network is another than the page's. */
export function whenRefused({ gone, outdated }) {
  Object.assign(repairs, gone && { gone }, outdated && { outdated });
}

/** Ask something that changes nothing. */
export async function ask(name, query = {}, signal = undefined) {
  return answer(await fetched(address(name, query), { signal }));
}

/** Send something: an image, an edit. */
export async function send(name, query = {}, body = undefined, signal = undefined) {
  return answer(await fetched(address(name, query), { method: "POST", body, signal }));
}

/** Every question names the revision of the network that the page shows; the server knows which answers fit no other. */
function address(name, query) {
  return `api/${name}?${words({ ...query, revision: get().revision })}`;
}

/**
 * Ask until the answer is complete, of what is measured meanwhile; null once `wanted` says that nobody waits any more.
 */
export async function askUntilDone(name, query, wanted = () => true, progress = () => {}) {
  for (let pause = 50; wanted(); pause = Math.min(2 * pause, 1000)) {
    const found = await ask(name, query);
    if (!found.pending) return found;
    progress(found);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return null;
}

async function fetched(address, options) {
  try {
    return await waitFor(fetch(address, options));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(SILENT, 0);
  }
}

/** What is asked, as it stands in an address. */
export function words(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return new URLSearchParams(given.map(([name, value]) => [name, value === true ? "1" : value === false ? "0" : String(value)]));
}

async function answer(response) {
  const { ok, status } = response;
  const isData = response.headers.get("content-type")?.startsWith("application/json");
  if (ok && !isData) return parse(await response.arrayBuffer());
  const said = isData ? await response.json() : { error: await response.text() };
  if (ok && !said.outdated) return said;
  const refused = new Refused(said.error || `The server answers ${status}`, said.outdated ? 409 : status);
  if (refused.gone) repairs.gone();
  if (refused.outdated) repairs.outdated();
  throw refused;
}

/** Take a frame apart: the header, with `arrays` by name, each {shape, data}. */
export function parse(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const arrays = {};
  for (const { name, shape, type, at } of header.arrays) {
    const length = product(shape);
    arrays[name] = { shape, data: new TYPES[type](buffer, 4 + size + at, length) };
  }
  return { ...header, arrays };
}

/**
 * Return a function that calls `work`, one call at a time. What comes while one is under way waits, and only the newest
 * of it is done: a pen is faster than a network, and nobody wants to see where it was.
 */
export function newestOnly(work) {
  let waiting = null;
  let running = false;
  return async function call(...given) {
    waiting = given;
    if (running) return;
    running = true;
    let failed = null;
    while (waiting) {
      const next = waiting;
      waiting = null;
      try {
        await work(...next);
      } catch (error) {
        failed ??= error; // what came meanwhile is done all the same
      }
    }
    running = false;
    if (failed) throw failed;
  };
}
