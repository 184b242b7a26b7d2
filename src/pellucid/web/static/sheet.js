// The inspector as a sheet at the bottom, where there is no room at the side.

import { allow, bringIntoView, byId, make } from "./dom.js";
import { claim } from "./keyboard.js";
import { within } from "./numbers.js";
import { get, on } from "./state.js";

const SIZES = ["closed", "half", "full"];
const SHUT = 0.2; // of the window: a sheet that is let go below is closed
const WHOLE = 0.7; // and above, it is opened wholly

const sheeted = matchMedia("(max-width: 1100px) and (min-height: 481px)");

const sheet = byId("inspector");
const opener = make("button", { id: "sheet-open", "aria-controls": "tabs panels", click: () => resize(size === "closed" ? "half" : "closed") });
const lower = make("button", { "aria-label": "a smaller sheet", click: () => step(-1) }, "▾");
const higher = make("button", { "aria-label": "a larger sheet", click: () => step(1) }, "▴");
const handle = make("div", { class: "handle" }, make("span", { class: "grip", "aria-hidden": "true" }), opener, lower, higher);

let size = "closed";
let dragged = null; // {y, height} where the pointer went down

export function buildSheet() {
  sheet.prepend(handle);
  sheet.addEventListener("focus", openSheet); // the link that skips to the sum
  sheet.addEventListener("keydown", escape);
  sheet.addEventListener("transitionend", ({ target }) => { if (target === sheet) uncover(); });
  handle.addEventListener("pointerdown", take);
  handle.addEventListener("pointermove", drag);
  for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, release);
  on(["layer", "channel", "cell"], () => {
    if (get().cell) openSheet();
    else if (get().view === "sum") resize("closed");
  });
  on(["view"], openSheet);
  sheeted.addEventListener("change", () => resize(atFirst()));
  new ResizeObserver(measure).observe(sheet);
  resize(atFirst());
}

function atFirst() {
  return get().cell || get().view !== "sum" ? "half" : "closed";
}

export function openSheet() {
  if (sheeted.matches && size === "closed") resize("half");
}

export function closeSheet() {
  if (sheeted.matches) resize("closed");
}

function step(by) {
  resize(SIZES[within(SIZES.indexOf(size) + by, 0, SIZES.length - 1)]);
}

function resize(wanted) {
  size = wanted;
  const shut = sheeted.matches && size === "closed";
  if (shut && sheet.contains(document.activeElement) && !handle.contains(document.activeElement)) opener.focus();
  sheet.dataset.size = size;
  sheet.style.height = "";
  byId("tabs").inert = byId("panels").inert = shut;
  opener.setAttribute("aria-expanded", String(!shut));
  opener.textContent = shut ? [...byId("tabs").children].map((tab) => tab.textContent).join(" · ") : "Close";
  allow(lower, size !== "closed", opener);
  allow(higher, size !== "full", opener);
  measure();
  requestAnimationFrame(uncover);
}

/** Scroll to the pinned map, if the sheet lies over it. */
function uncover() {
  if (!sheeted.matches || size === "closed") return;
  measure();
  bringIntoView(document.querySelector(".map.pinned"));
}

/** Tell the style sheets how much of the window the sheet takes. */
function measure() {
  document.documentElement.style.setProperty("--sheet", sheeted.matches ? `${sheet.offsetHeight}px` : "0px");
}

function escape(event) {
  if (event.key !== "Escape" || !sheeted.matches || size === "closed" || get().cell) return;
  resize("closed");
  claim(event);
}

function take(event) {
  if (event.button || event.target.closest("button")) return;
  handle.setPointerCapture(event.pointerId);
  dragged = { y: event.clientY, height: sheet.offsetHeight };
  sheet.classList.add("dragged");
}

function drag(event) {
  if (!dragged) return;
  const height = within(dragged.height + dragged.y - event.clientY, handle.offsetHeight, innerHeight * 0.9);
  sheet.style.height = `${height}px`;
}

function release() {
  if (!dragged) return;
  dragged = null;
  sheet.classList.remove("dragged");
  const share = sheet.offsetHeight / innerHeight;
  resize(share < SHUT ? "closed" : share > WHOLE ? "full" : "half");
}
