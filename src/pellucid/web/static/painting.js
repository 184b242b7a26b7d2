// Puts maps on a canvas: small ones at once, so that all come in one frame; large ones from the worker.

import { coloured } from "./coloured.js";

const SMALL = 1 << 17; // pixels, which take about a millisecond

const worker = new Worker(new URL("painter.js", import.meta.url), { type: "module" });
const waiting = new Map();
const newest = new WeakMap();
let tickets = 0;

let broken = false; // the worker has failed, as for want of memory: all is coloured here

worker.onmessage = ({ data: { ticket, pixels } }) => finish(ticket, () => pixels);
worker.onerror = (event) => {
  event.preventDefault();
  broken = true;
  for (const [ticket, job] of [...waiting]) finish(ticket, () => coloured(job));
};

function finish(ticket, pixels) {
  const { canvas, width, height } = waiting.get(ticket);
  waiting.delete(ticket);
  if (newest.get(canvas) === ticket) put(canvas, pixels(), width, height);
}

/** Colour one map on a canvas, or more with `places` for them; for what is given see `coloured`. */
export function paint(canvas, given) {
  const { rows, columns, zoom } = given;
  const job = { places: [[0, 0, 0]], width: columns * zoom, height: rows * zoom, ...given };
  const { width, height } = job;
  tickets += 1;
  newest.set(canvas, tickets);
  if (broken || width * height <= SMALL) {
    put(canvas, coloured(job), width, height);
    return;
  }
  waiting.set(tickets, { canvas, ...job });
  const numbers = job.numbers.slice(); // else all that came with them would be sent too
  worker.postMessage({ ticket: tickets, job: { ...job, numbers } }, [numbers.buffer]);
}

/** Put RGBA on a canvas, and make it as large. */
export function put(canvas, pixels, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height }); // which lays out anew
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
}
