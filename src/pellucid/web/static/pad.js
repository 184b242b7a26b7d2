// The pad: light ink on a dark ground, by mouse, finger or pen. What is drawn goes to the server at every move.

import { byId } from "./dom.js";

const PEN = 24; // pixels, on 280

let whenDrawn = () => {};
let inked = false;

/** Listen; `drawn` is called with the canvas's ink, a byte a pixel, or with null when it was cleared. */
export function buildPad(drawn) {
  whenDrawn = drawn;
  const pad = byId("pad");
  const pen = pad.getContext("2d", { willReadFrequently: true });
  Object.assign(pen, { lineCap: "round", lineJoin: "round", lineWidth: PEN, strokeStyle: "#fff", fillStyle: "#fff" });
  const last = new Map(); // pointer -> where it was
  pad.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pad.setPointerCapture(event.pointerId);
    last.set(event.pointerId, where(event));
    stroke(pen, where(event), where(event));
  });
  pad.addEventListener("pointermove", (event) => {
    if (!last.has(event.pointerId)) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      stroke(pen, last.get(event.pointerId), where(each));
      last.set(event.pointerId, where(each));
    }
  });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, (event) => last.delete(event.pointerId));
  byId("clear").addEventListener("click", clear);
}

function where(event) {
  const pad = byId("pad");
  const box = pad.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * pad.width, ((event.clientY - box.top) / box.height) * pad.height];
}

function stroke(pen, from, to) {
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(to[0], to[1] + (from[0] === to[0] && from[1] === to[1] ? 0.01 : 0)); // a dot is a short line
  pen.stroke();
  tell(true);
  whenDrawn();
}

/** Draw a line through points, as a pen does that stops at each for as long as `wait` takes. */
export async function drawLine(points, wait) {
  wipe();
  const pen = byId("pad").getContext("2d");
  for (let k = 1; k < points.length; k += 1) {
    stroke(pen, points[k - 1], points[k]);
    await wait();
  }
}

/** Wipe the pad. */
export function clear() {
  wipe();
  whenDrawn();
}

/** Wipe the pad, and say nothing of it: another image is shown. */
export function wipe() {
  const pad = byId("pad");
  pad.getContext("2d").clearRect(0, 0, pad.width, pad.height);
  tell(false);
}

function tell(ink) {
  inked = ink;
  byId("drawing").classList.toggle("inked", inked);
}

/** Whether there is something on the pad. */
export function hasInk() {
  return inked;
}

/** The ink on the pad: {rows, columns, bytes}. */
export function padInk() {
  const pad = byId("pad");
  const rgba = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height).data;
  const bytes = new Uint8Array(rgba.length / 4);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = rgba[4 * at + 3]; // opacity is coverage: the pen is white
  return { rows: pad.height, columns: pad.width, bytes };
}
