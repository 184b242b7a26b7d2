// The tab "Training": a network while it learns, and afterwards the way that it came.

import { ask, parse } from "./api.js";
import { make, problem, say, still } from "./dom.js";
import { badge, buildFollow, follow, goTo, isFollowing, turn as hold } from "./learn-follow.js";
import { accuracyText, drawCurves, epochsOf, rateText } from "./learn-curves.js";
import { showPictures } from "./learn-pictures.js";
import { buildScrubber } from "./learn-scrub.js";
import { className } from "./network.js";
import { count, percent, text } from "./numbers.js";
import { get, on } from "./state.js";

const CURVES_EVERY = 1000; // milliseconds
const WORDS_EVERY = 450;
const HEARD = 400; // after which the training has heard that it is to pause
const RETRIES = [500, 1000, 2000, 4000, 8000];
const WORDS = { training: "Training", paused: "Paused", finished: "Finished", interrupted: "Interrupted", running: "Still training, as of this page’s opening" };

const learning = { points: [], epochs: [], moments: [], state: "unknown", step: 0, steps: 1, steps_per_epoch: 1, lr: 0, rates: [] };
const parts = {}; // elements of the tab
let socket = null;
let tries = 0;
let scrubber = null;
let drawnAt = 0;
let saidAt = 0;
let pictureAt = 0;
let epochsTold = 0;
let ratesNamed = "";
let turned = -Infinity; // when it was last told to pause, or to go on

/** Whether anything is known of a training; ask once, before the tab is added. */
export async function hasTraining() {
  const found = await ask("training");
  if (found.state === "unknown") return false;
  take(found);
  epochsTold = learning.epochs.length;
  return true;
}

/** Whether the training goes on. */
export function isLive() {
  return learning.state === "training" || learning.state === "paused";
}

/** Fill the tab. */
export function buildLearn(panel) {
  const button = (name, words, key, click) => {
    parts[name] = make("button", { type: "button", "aria-keyshortcuts": key, title: `key ${key}, in this tab`, click }, words);
    return parts[name];
  };
  parts.status = make("p", { class: "learn-status" });
  parts.trouble = make("p", { class: "quiet" });
  parts.controls = make(
    "div",
    { class: "row", role: "group", "aria-label": "The training" },
    button("pause", "Pause", "p", pause),
    button("step", "Step", "n", () => tell({ do: "step" })),
    button("hold", "Hold the page", "l", hold),
  );
  parts.rate = rateControls();
  parts.sees = make("p", { class: "learn-sees" });
  parts.pictures = Object.assign(make("div", { class: "learn-pictures" }), { rest: make("div", { class: "learn-pictures" }) });
  parts.curves = make("div", { class: "learn-curves" });
  scrubber = buildScrubber({ learning, goTo });
  panel.append(
    make("h2", {}, "Training"), parts.status, parts.trouble, parts.controls, parts.rate, scrubber.element, parts.sees,
    parts.pictures, parts.curves, parts.pictures.rest,
  );
  panel.addEventListener("keydown", key);
  buildFollow({ learning, isLive, came, stayed });
  on(["image"], imageChanged);
  on(["moment"], ({ moment }) => { scrubber.placed(moment, isFollowing() ? "now" : moment); named(); });
  on(["view"], () => { if (get().view === "learn") refresh(true); });
  refresh(true);
  if (!isLive()) return;
  connect();
  document.addEventListener("visibilitychange", seen);
}

/**
 * Show a moment of the training when a page or a link opens, or the network as it came out (null); that which is shown
 * already is what a training that goes on has come to, unless somebody chose it. False if the moment is not kept.
 */
export async function showMoment(moment) {
  const { moment: shown, chosen } = get();
  if (moment !== shown && moment !== null && !learning.moments.includes(moment)) return false;
  if (learning.state === "unknown") return true;
  if (moment !== shown) await goTo(moment ?? "end");
  else if (!isLive() || chosen) await goTo("here");
  else if (learning.step) await goTo("now");
  return true;
}

// ---- what comes from the server

function connect() {
  socket = new WebSocket(`ws://${location.host}/api/live`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { tries = 0; problem(""); imageChanged(); };
  socket.onmessage = ({ data }) => {
    const found = parse(data);
    if (found.error) problem(found.error);
    else accept(found);
  };
  socket.onclose = () => {
    if (!isLive() || document.hidden) return;
    if (tries >= RETRIES.length) problem("The training does not answer any more; look into its terminal.");
    else setTimeout(connect, RETRIES[tries]);
    tries += 1;
  };
}

/** While nobody can see the page, nothing is made for it; but who pauses a training stays with it. */
function seen() {
  if (document.hidden && learning.state === "training") socket.close();
  else if (!document.hidden && isLive() && socket.readyState > WebSocket.OPEN) connect();
}

function tell(words) {
  if (words.do !== "watch") problem(""); // what is wrong with this, the server says
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(words));
}

function take(found) {
  const { points, epochs } = found.arrays;
  const rows = rowsOf(points);
  learning.points.splice(found.first, Infinity, ...rows);
  learning.epochs = epochsOf(rowsOf(epochs));
  for (const name of ["state", "step", "loss", "steps", "steps_per_epoch", "lr", "rates", "moments", "trouble", "ending"]) learning[name] = found[name];
}

function rowsOf({ shape, data }) {
  return Array.from({ length: shape[0] }, (_, k) => Array.from(data.subarray(k * shape[1], (k + 1) * shape[1])));
}

function accept(found) {
  const { state: before, step } = learning;
  take(found);
  if (before !== learning.state) stateChanged(before);
  else if (learning.state === "paused" && isFollowing() && step !== learning.step) goTo("now");
  else if (learning.epochs.length > epochsTold) say(epochWords(learning.epochs.at(-1)));
  epochsTold = learning.epochs.length;
  if (found.picture && isFollowing() && isLive()) takePicture(found);
  if (found.picture && learning.state === "training") follow();
  refresh(before !== learning.state);
}

function takePicture(found) {
  const now = performance.now();
  if (document.hidden || get().view !== "learn" || (still() && learning.state === "training" && now - pictureAt < 1000)) return;
  pictureAt = now;
  showPictures(parts.pictures, found.arrays, found.picture.reach, found.picture.at);
  sees(found.arrays.probabilities, found.picture.at);
}

function stateChanged(before) {
  say(statusWords());
  badge();
  if (learning.state === "paused" && isFollowing()) goTo("now");
  if (isLive() || (before !== "training" && before !== "paused")) return;
  socket?.close();
  goTo("end"); // the network has what it came to: only then the end is told
}

function imageChanged() {
  const { image } = get();
  if (image && isLive()) tell({ do: "watch", image });
  if (image && (!isLive() || !isFollowing())) scrubber?.imageChanged();
}

/** The page shows another network, or the same anew. */
function came(found, step) {
  const at = found.moment ?? learning.step;
  if (found.reach) showPictures(parts.pictures, found.arrays, found.reach, at);
  if (found.reach) sees(found.arrays.probabilities, at);
  scrubber.placed(found.moment, step);
  named();
  if (!found.quiet) refresh(true);
  if (!isLive() || !isFollowing()) scrubber.imageChanged();
}

/** The page could not go where it was to: a moment that cannot be read is left out from now on. */
async function stayed() {
  const { moment } = get();
  scrubber.placed(moment, isFollowing() ? "now" : moment);
  if (isLive()) return; // which tells of its moments by itself
  take(await ask("training"));
  refresh(true);
}

function sees(probabilities, step) {
  if (!probabilities) return;
  const shares = probabilities.data;
  const best = shares.reduce((most, share, k) => (share > shares[most] ? k : most), 0);
  parts.sees.textContent = `After step ${count(step)} it takes the image for ${className(best)} (${percent(shares[best])}).`;
}

// ---- what one does

function pause() {
  if (performance.now() - turned < HEARD) return;
  tell({ do: learning.state === "paused" ? "continue" : "pause" });
  turned = performance.now();
}

function rateControls() {
  const factor = make("input", { type: "number", min: "0.001", max: "100", step: "any", value: "1", id: "learn-factor" });
  const apply = () => tell({ do: "rate", factor: factor.value });
  const multiply = (by) => { factor.value = String(Number((Number(factor.value || 1) * by).toPrecision(6))); apply(); };
  parts.factor = factor;
  return make(
    "div",
    { class: "row", role: "group", "aria-label": "Learning rate" },
    make("label", { class: "field", for: "learn-factor" }, "learning rate ×"),
    factor,
    make("button", { type: "button", click: apply }, "Set"),
    make("button", { type: "button", "aria-label": "half the learning rate", click: () => multiply(0.5) }, "½"),
    make("button", { type: "button", "aria-label": "twice the learning rate", click: () => multiply(2) }, "2×"),
  );
}

/** Single letters work only within the tab: elsewhere somebody may be dictating. */
function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea") || !isLive()) return;
  if (event.repeat) return event.preventDefault(); // a key that is held asks once
  if (event.key === "p") pause();
  else if (event.key === "n") tell({ do: "step" });
  else if (event.key === "l") hold();
  else return;
  event.preventDefault();
}

// ---- words and pictures

/** Name the buttons after what they would do now, and the factor of the learning rate, unless somebody writes there. */
function named() {
  const rename = (part, words) => { if (part.textContent !== words) part.textContent = words; };
  rename(parts.pause, learning.state === "paused" ? "Continue" : "Pause");
  rename(parts.hold, isFollowing() ? "Hold the page" : "Follow live");
  parts.hold.disabled = learning.state === "paused" && isFollowing();
  const told = JSON.stringify(learning.rates);
  if (told === ratesNamed || document.activeElement === parts.factor) return;
  ratesNamed = told;
  parts.factor.value = String(learning.rates.at(-1)?.[1] ?? 1);
}

function refresh(anew = false) {
  if (!parts.status) return;
  if (!anew && learning.state === "training" && performance.now() - saidAt < WORDS_EVERY) return;
  saidAt = performance.now();
  parts.status.textContent = statusWords();
  parts.trouble.textContent = [...learning.rates.map(rateWords), learning.trouble, learning.ending && `ended by an error: ${learning.ending}`, momentsWords()].filter(Boolean).join("; ");
  parts.controls.hidden = parts.rate.hidden = !isLive();
  named();
  const now = performance.now();
  if (document.hidden || get().view !== "learn" || (!anew && now - drawnAt < CURVES_EVERY)) return;
  drawnAt = now;
  drawCurves(parts.curves, learning, scrubber.marks());
  scrubber.refresh();
}

function statusWords() {
  const { step, steps, steps_per_epoch: each, lr, points } = learning;
  const epochs = Math.round(steps / each);
  const last = points.at(-1) ?? [];
  const loss = learning.state === "paused" ? learning.loss : last[1];
  const words = [`${WORDS[learning.state]}: step ${count(step)} of ${count(steps)}`];
  words.push(`epoch ${Math.min(epochs, Math.floor(Math.max(0, step - 1) / each) + 1)} of ${epochs}`);
  if (Number.isFinite(loss)) words.push(`${learning.state === "paused" ? "this step's loss" : "loss"} ${text(loss, 3)}`);
  if (Number.isFinite(last[2])) words.push(`accuracy ${accuracyText(last[2])}`);
  if (lr) words.push(`learning rate ${rateText(lr)}`);
  return words.join(" · ");
}

function momentsWords() {
  return isLive() || learning.moments.length ? "" : "no moments were kept to go back to: pellucid train … --view keeps some";
}

function epochWords({ epoch, loss, accuracy }) {
  return `epoch ${epoch} done: loss ${text(loss, 3)}${accuracy === accuracy ? `, accuracy ${accuracyText(accuracy)}` : ""}`;
}

function rateWords([step, factor]) {
  return `learning rate × ${rateText(factor)} by hand from step ${count(step + 1)} on`;
}
