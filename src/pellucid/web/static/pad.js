// The pad: light ink on a dark ground, by mouse, finger or pen. What is drawn goes to the server at every move.

import { byId } from "./dom.js";
import { network } from "./network.js";
import { drawable, textAsPixels } from "./pixels.js";

const PEN = 24; // pixels, on 280
const INK = 140; // rows and columns of what the server gets: five times those of MNIST
const MOVE = "onpointerrawupdate" in window ? "pointerrawupdate" : "pointermove"; // the latter waits for the next frame

const pens = () => [byId("pad").getContext("2d"), ink];

let whenDrawn = () => {};
const ink = new OffscreenCanvas(INK, INK).getContext("2d", { willReadFrequently: true }); // what is drawn, once more

/** Listen; `drawn` is called with the canvas's ink, a byte a pixel, or with null when it was cleared. */
export function buildPad(drawn) {
  whenDrawn = drawn;
  const pad = byId("pad");
  for (const each of pens()) Object.assign(each, { lineCap: "round", lineJoin: "round", lineWidth: PEN, strokeStyle: "#fff", imageSmoothingEnabled: false });
  ink.scale(ink.canvas.width / pad.width, ink.canvas.height / pad.height);
  const last = new Map(); // pointer -> where it was
  pad.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pad.setPointerCapture(event.pointerId);
    last.set(event.pointerId, where(event));
    stroke(where(event), where(event));
    whenDrawn();
  });
  pad.addEventListener(MOVE, (event) => {
    if (!last.has(event.pointerId)) return;
    const came = event.getCoalescedEvents?.() ?? [];
    for (const each of came.length ? came : [event]) {
      const to = where(each);
      stroke(last.get(event.pointerId), to);
      last.set(event.pointerId, to);
    }
    whenDrawn();
  });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, (event) => last.delete(event.pointerId));
  byId("clear").addEventListener("click", clear);
}

function where(event) {
  const pad = byId("pad");
  const box = pad.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * pad.width, ((event.clientY - box.top) / box.height) * pad.height];
}

function stroke(from, to) {
  for (const pen of pens()) {
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(to[0], to[1] + (from[0] === to[0] && from[1] === to[1] ? 0.01 : 0)); // a dot is a short line
    pen.stroke();
  }
  tell(true);
}

/** Draw a line through points, as a pen does that stops at each for as long as `wait` takes. */
export async function drawLine(points, wait) {
  wipe();
  for (let k = 1; k < points.length; k += 1) {
    stroke(points[k - 1], points[k]);
    whenDrawn();
    await wait();
  }
}

function clear() {
  wipe();
  whenDrawn();
}

/** Wipe the pad, and say nothing of it: another image is shown. */
export function wipe() {
  const { width, height } = byId("pad");
  for (const each of pens()) each.clearRect(0, 0, width, height);
  tell(false);
}

function tell(inked) {
  byId("drawing").classList.toggle("inked", inked);
}

/** Put an image, as it stands in links, on the pad if there is one: one draws on from there. */
export function restore(words) {
  if (!drawable()) return;
  wipe();
  const { width, height } = byId("pad");
  const [, side] = network.input_shape;
  const small = new OffscreenCanvas(side, side);
  const white = [...textAsPixels(words)].flatMap((byte) => [255, 255, 255, byte]);
  small.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(white), side), 0, 0);
  for (const each of pens()) each.drawImage(small, 0, 0, width, height);
  tell(true);
}

export function hasInk() {
  return byId("drawing").classList.contains("inked");
}

/** The ink on the pad: {rows, columns, bytes}. */
export function padInk() {
  const { width, height } = ink.canvas;
  const rgba = ink.getImageData(0, 0, width, height).data;
  const bytes = new Uint8Array(rgba.length / 4);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = rgba[4 * at + 3]; // opacity is coverage: the pen is white
  return { rows: height, columns: width, bytes };
}
