// The inspector as a sheet at the bottom, where the page has no room for it at the side: closed, half open, or whole.

import { allow, bringIntoView, byId, make } from "./dom.js";
import { get, on } from "./state.js";
import { within } from "./within.js";

const SIZES = ["closed", "half", "full"];
const SHUT = 0.2; // of the window: a sheet that is let go below is closed
const WHOLE = 0.7; // and above, it is opened wholly

const sheeted = matchMedia("(max-width: 1100px) and (min-height: 481px)");

const opener = make("button", { id: "sheet-open", "aria-controls": "tabs panels", click: () => resize(size === "closed" ? "half" : "closed") });
const lower = make("button", { "aria-label": "a smaller sheet", click: () => step(-1) }, "▾");
const higher = make("button", { "aria-label": "a larger sheet", click: () => step(1) }, "▴");
const handle = make("div", { class: "handle" }, make("span", { class: "grip", "aria-hidden": "true" }), opener, lower, higher);

let size = "closed";
let dragged = null; // {y, height}: where the pointer went down, and how high the sheet was

/** Put the handle in its place, and open the sheet for whatever is asked for. */
export function buildSheet() {
  const sheet = byId("inspector");
  sheet.prepend(handle);
  sheet.addEventListener("focus", opened); // the link that skips to the sum
  sheet.addEventListener("keydown", escape);
  sheet.addEventListener("transitionend", uncover);
  handle.addEventListener("pointerdown", take);
  handle.addEventListener("pointermove", drag);
  for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, release);
  on(["layer", "channel", "cell"], () => (get().cell ? opened() : leave()));
  on(["view"], opened);
  sheeted.addEventListener("change", () => resize(atFirst()));
  new ResizeObserver(measure).observe(sheet);
  resize(atFirst());
}

/** The sheet is open if there is something to look at in it. */
function atFirst() {
  return get().cell || get().view !== "sum" ? "half" : "closed";
}

/** Open the sheet if it is closed. */
export function opened() {
  if (sheeted.matches && size === "closed") resize("half");
}

/** Fold the sheet to its handle: something else is pointed at. */
export function folded() {
  if (sheeted.matches && size !== "closed") resize("closed");
}

function leave() {
  if (get().view === "sum" && !get().cell) resize("closed");
}

function step(by) {
  resize(SIZES[within(SIZES.indexOf(size) + by, 0, SIZES.length - 1)]);
}

function resize(wanted) {
  size = wanted;
  const sheet = byId("inspector");
  const shut = sheeted.matches && size === "closed";
  if (shut && sheet.contains(document.activeElement) && !handle.contains(document.activeElement)) opener.focus();
  sheet.dataset.size = size;
  sheet.style.height = "";
  for (const each of [byId("tabs"), byId("panels")]) each.inert = shut;
  opener.setAttribute("aria-expanded", String(!shut));
  opener.textContent = shut ? [...byId("tabs").children].map((tab) => tab.textContent).join(" · ") : "Close";
  allow(lower, size !== "closed", opener);
  allow(higher, size !== "full", opener);
  measure();
  requestAnimationFrame(uncover);
}

/** Scroll to the pinned map if the sheet has come to lie over it. */
function uncover() {
  if (!sheeted.matches || size === "closed") return;
  measure();
  bringIntoView(document.querySelector(".map.pinned"));
}

/** Tell the style sheets how much of the window the sheet takes. */
function measure() {
  document.documentElement.style.setProperty("--sheet", sheeted.matches ? `${byId("inspector").offsetHeight}px` : "0px");
}

function escape(event) {
  if (event.key !== "Escape" || !sheeted.matches || size === "closed" || get().cell) return;
  resize("closed");
  event.preventDefault();
  event.stopPropagation();
}

// ---- the handle is dragged

function take(event) {
  if (event.button || event.target.closest("button")) return;
  handle.setPointerCapture(event.pointerId);
  dragged = { y: event.clientY, height: byId("inspector").offsetHeight };
  byId("inspector").classList.add("dragged");
}

function drag(event) {
  if (!dragged) return;
  const height = within(dragged.height + dragged.y - event.clientY, handle.offsetHeight, innerHeight * 0.9);
  byId("inspector").style.height = `${height}px`;
}

function release() {
  if (!dragged) return;
  dragged = null;
  byId("inspector").classList.remove("dragged");
  const share = byId("inspector").offsetHeight / innerHeight;
  resize(share < SHUT ? "closed" : share > WHOLE ? "full" : "half");
}
