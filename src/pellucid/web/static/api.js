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

/** Whether a question has failed because nobody wants its answer any more. */
export function isVoid(error) {
  return error.name === "AbortError" || Boolean(error.gone || error.outdated);
}

/** Say what went wrong with a question, unless nobody wants its answer any more. */
export function report(error) {
  if (!isVoid(error)) problem(error.message);
}

const repairs = { gone: () => {}, outdated: () => {} };

/** What is done when the server no longer has the image that is shown, and when the network is another than the page's. */
export function whenRefused(done) {
  Object.assign(repairs, done);
}

let started = ""; // the name of the server's start

/** Return an answer. If the server was started anew, its revisions fit none before: the page is loaded, at the same place. */
export function ofThisStart(found) {
  started ||= found.start ?? "";
  if ((found.start ?? started) === started) return found;
  location.reload();
  throw new DOMException("The server was started anew", "AbortError");
}

/** Ask something that changes nothing. */
export function ask(name, query, signal) {
  return answered(name, query, { signal });
}

/** Send something: an image, an edit. */
export function send(name, query, body, signal) {
  return answered(name, query, { method: "POST", body, signal });
}

/**
 * Ask until all is measured; null once nobody waits any more, as `wanted` says.
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

/** Every question names the revision of the network that the page shows; the server knows which answers fit no other. */
async function answered(name, query, options) {
  const address = `api/${name}?${words({ ...query, revision: get().revision })}`;
  const response = await waitFor(fetch(address, options)).catch((error) => {
    throw error.name === "AbortError" ? error : new Refused(SILENT, 0);
  });
  return answer(response);
}

/** What is asked, as it stands in an address. */
export function words(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return new URLSearchParams(given.map(([name, value]) => [name, typeof value === "boolean" ? Number(value) : value]));
}

async function answer(response) {
  const { ok, status } = response;
  const isData = response.headers.get("content-type")?.startsWith("application/json");
  if (ok && !isData) return parse(await response.arrayBuffer());
  const said = isData ? await response.json() : { error: await response.text() };
  if (ok && !said.outdated) return ofThisStart(said);
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
 * Return a function that calls `work`, one call at a time. Of what comes meanwhile only the newest is done: a pen is
 * faster than a network, and nobody wants to see where it was.
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
