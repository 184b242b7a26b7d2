// The tab "Training": a network while it learns, and afterwards the way that it came.

import { SILENT, ask, parse, report } from "./api.js";
import { button, field, quiet } from "./controls.js";
import { byId, make, problem, say } from "./dom.js";
import { HELP, isCommand } from "./keyboard.js";
import { REST, badge, buildFollow, follow, goToMoment, goesAlong, isFollowing, turn as hold, whichStep } from "./learn-follow.js";
import { drawCurves } from "./learn-curves.js";
import { COMPUTING, firstPictures, otherPictures, showPictures } from "./learn-pictures.js";
import { askOfImage, marks, outdate, refreshScrubber, scrubber } from "./learn-scrub.js";
import { isLive, learning, take } from "./learning.js";
import { className, network } from "./network.js";
import { largestAt, percent } from "./numbers.js";
import { onShown } from "./showing.js";
import { get, on } from "./state.js";

const SPOKEN_EVERY = 5000; // milliseconds
const HEARD = 400; // after which the training has heard that it is to pause
const RETRIES = [500, 1000, 2000, 4000, 8000];
const KEYS = { p: pause, n: () => tell({ do: "step" }), l: hold };

const status = make("p", { class: "learn-status" });
const trouble = quiet();
const [pausing, stepping, holding] = Object.entries(KEYS).map(([key, click]) => button("Step", click, { "aria-keyshortcuts": key, title: `key ${key}, in this tab` }));
const controls = make("div", { class: "row", role: "group", "aria-label": "The training" }, pausing, stepping, holding);
const factor = make("input", { type: "number", min: "0.001", max: "100", step: "any", value: "1", id: "learn-factor" });
const rate = make(
  "div",
  { class: "row", role: "group", "aria-label": "Learning rate" },
  field("learning rate ×", factor),
  button("Set", () => multiply(1)),
  button("½", () => multiply(0.5), { "aria-label": "half the learning rate" }),
  button("2×", () => multiply(2), { "aria-label": "twice the learning rate" }),
);
const sees = make("p", { class: "learn-sees" });
const curves = make("div");

let socket = null;
let [tries, retry, resting, spokenAt] = [0, 0, 0, 0];
let ratesNamed = "";
let turned = -Infinity; // when it was last told to pause, or to go on

/** Whether anything is known of a training. */
export async function hasTraining() {
  const found = await ask("training");
  if (found.state === "unknown") return false;
  take(found);
  return true;
}

export function buildLearn(panel) {
  HELP["p, n, l"] = network.said.keys;
  panel.append(make("h2", {}, "Training"), status, trouble, controls, rate, scrubber, sees, firstPictures, curves, otherPictures);
  for (const place of [panel, byId("tab-learn")]) place.addEventListener("keydown", key); // a click leaves the keyboard on the tab
  buildFollow({ whenShown, whenHeld, whenPlaced: refreshScrubber });
  onShown(tellOutput);
  on(["image"], imageChanged);
  on(["moment"], refreshScrubber);
  on(["view"], refresh);
  on(["view", "revision"], tellOfImage);
  refresh();
  if (!isLive()) return;
  connect();
  document.addEventListener("visibilitychange", followSight);
}

/** Show a moment, or the network as it came out (null), as a link opens. False if it is not kept. */
export async function showMoment(moment) {
  const { moment: shown, chosen } = get();
  if (moment !== shown && moment !== null && !learning.moments.includes(moment)) return false;
  if (learning.state === "unknown") return true;
  if (moment !== shown) await goToMoment(moment ?? "end");
  else if (!isLive() || chosen) await goToMoment("here");
  else if (learning.step) await goToMoment("now"); // nobody chose what was shown
  return true;
}

function connect() {
  clearTimeout(retry);
  const own = new WebSocket(`ws://${location.host}/api/live`);
  socket = own;
  own.binaryType = "arraybuffer";
  own.onopen = () => { tries = 0; problem(""); watch(); };
  own.onmessage = ({ data }) => {
    const found = parse(data);
    if (found.error) problem(found.error);
    else accept(found);
  };
  own.onclose = () => {
    if (own !== socket || !isLive() || document.hidden) return; // another one was opened since
    if (tries >= RETRIES.length) problem(SILENT);
    else retry = setTimeout(connect, RETRIES[tries]);
    tries += 1;
  };
}

/** While nobody sees the page, nothing is made for it; but who pauses a training stays with it. */
function followSight() {
  clearTimeout(retry);
  if (document.hidden && learning.state === "training") socket.close();
  else if (!document.hidden && isLive() && socket.readyState > WebSocket.OPEN) connect();
}

function tell(words) {
  if (words.do !== "watch") problem(""); // what is wrong with this, the server says
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(words));
}

function accept(found) {
  const { state: before, step, epoch } = learning;
  take(found);
  if (before !== learning.state) stateChanged();
  else if (learning.state === "paused" && isFollowing() && step !== learning.step) goToMoment("now");
  else if (epoch !== learning.epoch && performance.now() - spokenAt > SPOKEN_EVERY) {
    spokenAt = performance.now();
    say(learning.epoch);
  }
  if (found.picture && goesAlong()) {
    takePicture(found);
    follow();
  } else tellOfImage();
  refresh();
}

function takePicture({ arrays, picture: { captions, at, image } }) {
  if (isSeen()) showPictures(arrays, captions, at, image === get().image);
}

function stateChanged() {
  say(learning.words);
  badge();
  if (learning.state === "paused" && isFollowing()) goToMoment("now");
  if (isLive()) return;
  socket.close();
  goToMoment("end"); // the network has what it came to: only then the end is told
}

function imageChanged() {
  sees.textContent = COMPUTING;
  watch();
  outdate();
  clearTimeout(resting);
  resting = setTimeout(tellOfImage, REST);
}

async function tellOfImage() {
  if (await askOfImage()) refresh();
}

/** The training's own pictures are to be of the image that is shown. */
function watch() {
  const { image } = get();
  if (image) tell({ do: "watch", image });
}

/** The page shows another network, or the same anew. */
function whenShown(found) {
  if (!found.quiet) refresh();
  tellOfImage();
}

/** The page is held, or could not go on: a moment that cannot be read is left out from then on. */
async function whenHeld() {
  if (!isLive()) await ask("training").then(take, report); // else it tells of its moments by itself
  refresh();
  tellOfImage();
}

/** Say what the network takes the image for, as the page shows both. */
function tellOutput({ arrays: { probabilities } }) {
  const shares = probabilities?.data ?? [];
  const best = largestAt(shares);
  sees.textContent = shares.length ? `It takes the image for ${className(best)} (${percent(shares[best])}), ${whichStep()}.` : "";
}

function pause() {
  if (performance.now() - turned < HEARD) return;
  tell({ do: learning.state === "paused" ? "continue" : "pause" });
  turned = performance.now();
}

function multiply(by) {
  if (by !== 1) factor.value = Number((Number(factor.value || 1) * by).toPrecision(6));
  tell({ do: "rate", factor: factor.value });
}

/** Single letters work only within the tab: elsewhere somebody may be dictating. */
function key(event) {
  if (isCommand(event) || event.target.closest("input, select, textarea") || !isLive()) return;
  if (!Object.hasOwn(KEYS, event.key) && !(event.repeat && event.key === "Enter")) return;
  event.preventDefault();
  if (!event.repeat) KEYS[event.key](); // a key that is held asks once, also at a button
}

/** Say what the buttons would do now, and the factor, unless somebody writes there. */
function nameButtons() {
  const rename = (part, words) => { if (part.textContent !== words) part.textContent = words; };
  rename(pausing, learning.state === "paused" ? "Continue" : "Pause");
  rename(holding, isFollowing() ? "Hold the page" : "Follow live");
  holding.disabled = learning.state === "paused" && isFollowing();
  const rates = JSON.stringify(learning.rates);
  if (rates === ratesNamed || document.activeElement === factor) return;
  ratesNamed = rates;
  factor.value = learning.rates.at(-1)?.[1] ?? 1;
}

function isSeen() {
  return !document.hidden && get().view === "learn";
}

function refresh() {
  status.textContent = learning.words;
  trouble.textContent = learning.beside;
  controls.hidden = rate.hidden = !isLive();
  nameButtons();
  if (!isSeen()) return;
  drawCurves(curves, marks());
  refreshScrubber();
}
