// The guided tour: a card beside the page that points at it, says what is there, and notices what is done.

import { onHover, onPin } from "./cells.js";
import { button, options } from "./controls.js";
import { bringIntoView, byId, make, problem, say, still, taps } from "./dom.js";
import { keep, kept } from "./kept.js";
import { HELP } from "./keyboard.js";
import { within } from "./numbers.js";
import { get, on, set } from "./state.js";
import { closeSheet, openSheet } from "./sheet.js";
import { slowly, stop } from "./tour-acts.js";
import { stepsFor } from "./tour-steps.js";

const KEPT = "tour"; // where the step is remembered

HELP.F6 = "between the tour and what it points at";

const title = make("h2", { id: "tour-title", tabindex: "-1" });
const body = make("div", { class: "tour-body" });
const task = make("p", { class: "task" });
const back = button("Back", () => go(at - 1));
const next = button("Next", () => (at === steps.length - 1 ? close(true) : go(at + 1)));
const show = button("Do it for me", doIt);
const pause = button("Pause", togglePause);
const contents = make("select", { "aria-label": "Step", change: () => go(Number(contents.value)) });
const card = make(
  "section", { id: "tour", role: "dialog", "aria-modal": "false", "aria-labelledby": "tour-title", hidden: true },
  make("div", { class: "row tour-head" }, title, contents, pause, button("✕", () => close(false), { "aria-label": "Close the tour" })),
  body, task, make("div", { class: "row tour-foot" }, back, show, next),
);

let steps = [];
let at = -1; // the step that is shown
let then = null; // the state it began with; null once nothing is waited for any more
let paused = false;

/** Make the card, and the button that opens it; return what else may open it. */
export function buildTour() {
  steps = stepsFor(notice);
  contents.append(...options(steps.map(({ title: words }, k) => [k, `${k + 1}/${steps.length} ${words}`])));
  byId("bar").after(card);
  byId("open-tour").addEventListener("click", () => (card.hidden || paused ? open() : title.focus()));
  on(["layer", "channel", "cell", "revision", "image", "view"], notice);
  onHover(notice);
  onPin(pinned);
  document.addEventListener("pointerdown", (event) => { if (event.isTrusted) { stop(); growing.disconnect(); } }, true);
  document.addEventListener("keydown", key, true);
  new ResizeObserver(measure).observe(card);
  label();
  return open;
}

function open() {
  card.hidden = false;
  setPaused(false);
  if (at < 0) at = Math.max(0, steps.findIndex(({ name }) => name === kept(KEPT)));
  go(at);
}

function close(finished) {
  leave();
  card.hidden = true;
  point([]);
  keep(KEPT, finished ? null : steps[at].name);
  if (finished) at = -1;
  label();
  byId("open-tour").focus();
}

function leave() {
  stop();
  growing.disconnect();
  steps[at]?.leave?.();
}

function go(number) {
  if (number === at) stop();
  else leave();
  at = within(number, 0, steps.length - 1);
  const step = steps[at];
  then = null;
  if (step.tab) set({ view: step.tab });
  then = step.task ? { ...get() } : null;
  title.textContent = step.title;
  contents.value = at;
  body.replaceChildren(...step.words());
  body.scrollTop = 0;
  step.begin?.();
  tell(taps() && step.touch || step.task, false);
  show.hidden = !step.act;
  back.disabled = at === 0;
  next.textContent = at === steps.length - 1 ? "End" : "Next";
  keep(KEPT, step.name);
  bringTarget();
  if (document.activeElement !== contents) title.focus({ preventScroll: true });
  if (step.play && !still()) slowly(step.play);
}

/** Say what is to be done, or that it is done. */
function tell(words, done) {
  task.hidden = !words;
  task.textContent = words;
  task.classList.toggle("done", done);
  card.classList.toggle("brief", done && Boolean(steps[at].tab));
  next.classList.toggle("ready", done || !words);
}

function waits() {
  return !card.hidden && !paused && then !== null;
}

function notice() {
  const step = steps[at];
  if (waits() && (!step.tab || get().view === step.tab) && step.done?.(get(), then)) finish(step);
}

/** A number was pinned: of the layer that is asked for, its sum is shown, whichever tab was open. */
function pinned(path) {
  const step = steps[at];
  if (!waits() || step.pins !== path) return;
  set({ view: step.tab });
  finish(step);
}

function finish(step) {
  then = null;
  tell(`✓ ${step.then}`, true);
  say(`${task.textContent} F6 goes to the tour.`);
  if (step.result) bringIntoView(document.querySelector(step.result));
}

function doIt() {
  bringTarget();
  slowly(steps[at].act).catch((error) => problem(error.message));
}

function targets() {
  const { layer, point: id, also } = steps[at];
  const main = layer ? document.querySelector(`.layer[data-path="${CSS.escape(layer)}"]`) : byId(id);
  return [main, also && byId(also)].filter(Boolean);
}

function bringTarget() {
  const { layer, target: wanted } = steps[at];
  const [target] = targets();
  if (!target) return;
  if (layer) byId("layers").dispatchEvent(new CustomEvent("going", { detail: layer }));
  const inspected = Boolean(target.closest("#inspector"));
  card.classList.toggle("inspecting", inspected);
  if (inspected) openSheet();
  else closeSheet();
  point(targets());
  measure();
  const tall = target.offsetHeight > innerHeight / 2 || inspected;
  growing.disconnect();
  const control = inspected && document.querySelector(wanted ?? null);
  bringIntoView(control || target, tall && !control ? "start" : "center");
  if (inspected && wanted) growing.observe(target);
}

/** What is to be used stays in sight while that above it comes. */
const growing = new ResizeObserver(() => { if (waits()) bringIntoView(document.querySelector(steps[at].target), "center"); });

function point(elements) {
  for (const element of document.querySelectorAll(".toured")) element.classList.remove("toured");
  for (const element of elements) element.classList.add("toured");
}

/** Put the keyboard on what is pointed at. */
function toTarget() {
  bringTarget();
  const [target] = targets();
  const { target: wanted } = steps[at];
  const place = (wanted && document.querySelector(wanted)) || target?.querySelector(".map:not([hidden])");
  const chosen = place ?? target?.querySelector("button:not(:disabled), select, input") ?? target;
  if (!chosen) return;
  if (chosen.tabIndex < 0) chosen.tabIndex = -1;
  chosen.focus({ preventScroll: true });
}

function togglePause() {
  setPaused(!paused);
  if (!paused) go(at);
  else pause.focus();
  stop();
  keep(KEPT, steps[at].name);
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
  byId("open-tour").textContent = kept(KEPT) ? "Resume tour" : "Tour";
}
