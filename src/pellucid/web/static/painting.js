// Asks the worker to colour maps, and puts the picture on a canvas: one putImageData a layer.

const worker = new Worker("painter.js", { type: "module" });
const waiting = new Map();
const newest = new WeakMap();
let tickets = 0;

worker.onmessage = ({ data: { ticket, pixels } }) => {
  const { canvas, width, height } = waiting.get(ticket);
  waiting.delete(ticket);
  if (newest.get(canvas) !== ticket) return; // something newer is on its way
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
};

/**
 * Colour maps on a canvas.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{numbers: Float32Array, rows: number, columns: number, places: number[][], ranges: number[], zoom: number,
 *   width: number, height: number}} job `places` has the left and the top of each map and its number among the maps
 */
export function paint(canvas, job) {
  tickets += 1;
  newest.set(canvas, tickets);
  waiting.set(tickets, { canvas, width: job.width, height: job.height });
  worker.postMessage({ ticket: tickets, ...job });
}
