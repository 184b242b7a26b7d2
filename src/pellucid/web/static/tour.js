// The guided tour: a card beside the page that points at it, says what is there, and notices what is done.

import { onHover } from "./cells.js";
import { byId, make, say, still } from "./dom.js";
import { get, on } from "./state.js";
import { opened } from "./sheet.js";
import { buildSteps, snapshot, stepsFor } from "./tour-steps.js";

const KEPT = "pellucid tour"; // where the step is remembered

const title = make("h2", { id: "tour-title", tabindex: "-1" });
const body = make("div", { class: "tour-body" });
const task = make("p", { class: "task" });
const back = make("button", { type: "button", click: () => go(at - 1) }, "Back");
const next = make("button", { type: "button", click: () => (at === steps.length - 1 ? close(true) : go(at + 1)) });
const show = make("button", { type: "button", click: toTarget, "aria-keyshortcuts": "F6" }, "Show me");
const pause = make("button", { type: "button", click: togglePause });
const progress = make("span", { class: "quiet" });
const card = make(
  "section", { id: "tour", role: "dialog", "aria-modal": "false", "aria-labelledby": "tour-title", hidden: true },
  make("div", { class: "row tour-head" }, title, progress, pause, make("button", { type: "button", click: () => close(false), "aria-label": "Close the tour" }, "✕")),
  body, task, make("div", { class: "row tour-foot" }, back, show, next),
);

let steps = [];
let at = -1; // the step that is shown
let then = null; // the state it began with
let done = false;
let paused = false;

/** Make the card, and the button that opens it. */
export function buildTour() {
  buildSteps();
  steps = stepsFor(() => notice());
  byId("strip").after(card);
  byId("open-tour").addEventListener("click", () => (card.hidden || paused ? open() : title.focus()));
  on(["layer", "channel", "cell", "revision", "image", "view"], notice);
  onHover(() => notice());
  document.addEventListener("keydown", key, true);
  new ResizeObserver(measure).observe(card);
  label();
}

function open() {
  card.hidden = false;
  setPaused(false);
  if (at < 0) at = Math.max(0, steps.findIndex(({ name }) => name === remembered()));
  go(at);
}

function close(finished) {
  card.hidden = true;
  point([]);
  remember(finished ? null : steps[at].name);
  if (finished) at = -1;
  label();
  byId("open-tour").focus();
}

function go(number) {
  at = Math.max(0, Math.min(steps.length - 1, number));
  const step = steps[at];
  [then, done] = [null, false];
  step.begin?.();
  then = snapshot();
  title.textContent = step.title;
  progress.textContent = `${at + 1} of ${steps.length}`;
  body.replaceChildren(...step.words());
  body.scrollTop = 0;
  task.hidden = !step.task;
  task.className = "task";
  task.textContent = step.task ?? "";
  back.disabled = at === 0;
  next.textContent = at === steps.length - 1 ? "End" : "Next";
  next.classList.toggle("ready", !step.task);
  remember(step.name);
  bringTarget();
  title.focus({ preventScroll: true });
}

function notice() {
  const step = steps[at];
  if (card.hidden || paused || !then || done || !step?.task || !step.done(get(), then)) return;
  done = true;
  task.classList.add("done");
  task.textContent = `✓ ${step.then ?? "Done."}`;
  next.classList.add("ready");
  say(`${task.textContent} F6 goes to the tour.`);
}

// ---- what is pointed at

function targets() {
  const { layer, point: id, also } = steps[at];
  const main = layer ? document.querySelector(`.layer[data-path="${CSS.escape(layer)}"]`) : byId(id);
  return [main, also && byId(also)].filter(Boolean);
}

function bringTarget() {
  const { layer } = steps[at];
  const [target] = targets();
  if (!target) return;
  if (layer) byId("layers").dispatchEvent(new CustomEvent("going", { detail: layer }));
  if (target.closest("#inspector")) opened();
  point(targets());
  measure();
  const tall = target.offsetHeight > innerHeight / 2 || target.closest("#inspector");
  target.scrollIntoView({ block: tall ? "start" : "center", behavior: still() ? "auto" : "smooth" });
}

function point(elements) {
  for (const element of document.querySelectorAll(".toured")) element.classList.remove("toured");
  for (const element of elements) element.classList.add("toured");
}

/** Put the keyboard on what is pointed at. */
function toTarget() {
  bringTarget();
  const [target] = targets();
  const chosen = target?.querySelector(".map:not([hidden]), button:not(:disabled), select, input") ?? target;
  if (!chosen) return;
  if (chosen.tabIndex < 0) chosen.tabIndex = -1;
  chosen.focus({ preventScroll: true });
}

// ---- paused, closed, remembered

function togglePause() {
  setPaused(!paused);
  if (!paused) go(at);
  else pause.focus();
  remember(steps[at].name);
}

function setPaused(wanted) {
  paused = wanted;
  card.classList.toggle("paused", paused);
  pause.textContent = paused ? "Resume" : "Pause";
  if (paused) point([]);
}

function key(event) {
  if (card.hidden) return;
  const inside = card.contains(event.target);
  if (event.key === "F6" && !paused) inside ? toTarget() : title.focus();
  else if (event.key === "Escape" && (inside || (!get().layer && !document.querySelector("dialog[open]")))) close(false);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Tell the style sheets how much of the window the card takes. */
function measure() {
  document.documentElement.style.setProperty("--dock", card.hidden ? "0px" : `${card.offsetHeight}px`);
}

function label() {
  byId("open-tour").textContent = remembered() ? "Resume tour" : "Tour";
}

function remember(name) {
  try {
    if (name === null) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, name);
  } catch {
    // a browser that keeps nothing begins anew
  }
}

function remembered() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}
