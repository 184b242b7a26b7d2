// Which network the whole page shows while one learns, and afterwards: the newest, or that of a moment. The badge at the
// top says which, and holds the page where it is, or lets it follow again.

import { newestOnly, send } from "./api.js";
import { byId } from "./dom.js";
import { mapsInSight } from "./layers.js";
import { isLive, learning } from "./learning.js";
import { count, within } from "./numbers.js";
import { present } from "./showing.js";
import { get, on, set } from "./state.js";

const EVERY = 4000; // milliseconds between two looks at the newest network, at least
const SHARE = 40; // and so many times what the last look took
const MOST = 8000; // but no more: what takes that long waits for others
export const REST = 400; // ms that an image rests before more is asked of it: a pen goes first
const STILL = ["why", "change"]; // tabs that look into one network: while one is open, nothing follows

let tab = {}; // that of the training, if there is one
let following = true; // the newest network is wanted, not that of a moment
let held = false; // the page stays where it is
let looking = false;
let free = 0; // when the next look may begin
let rested = 0; // when the image has rested

/**
 * Look after the badge, also where nothing is known of a training. `whenShown(found, step)` is called when the page shows
 * another network, or the same anew, `whenHeld()` when it is held, or could not show another.
 */
export function buildFollow(listeners = {}) {
  tab = listeners;
  byId("moment").addEventListener("click", turn);
  on(["moment", "view"], badge);
  on(["moment"], ({ moment }) => { if (moment === null) unlock(); });
  on(["chosen"], ({ chosen }) => { if (chosen && !looking) following = held = false; });
  on(["image"], () => { rested = performance.now() + REST; });
  badge();
}

/** Whether the page follows a training that goes on. */
export function isFollowing() {
  return following && !held && isLive();
}

/** Whether it does, and is not paused: then the training's own pictures come. */
export function goesAlong() {
  return isFollowing() && learning.state === "training";
}

/** Let the whole page show the network as it was after a step, "now", at the "end", or "here", where it is already. */
export const goToMoment = newestOnly(async (step) => {
  const before = { following, held };
  following = step === "now" || step === "end" || (step === "here" && get().moment === null);
  if (following) held = false;
  else if (get().range === "layer") set({ range: "locked", lent: true });
  const done = await look(step);
  if (done ? following : get().moment === null) unlock();
  if (done) return;
  ({ following, held } = before);
  badge();
  tab.whenHeld();
});

function unlock() {
  if (get().lent) set({ range: "layer", lent: false });
}

/** Pictures have come from the training: follow it, if it is time. */
export async function follow() {
  const now = performance.now();
  if (looking || now < free || now < rested || document.hidden || STILL.includes(get().view)) return;
  await look("now", true);
  const took = performance.now() - now;
  free = now + took + within(SHARE * took, EVERY, MOST);
}

/** Stay where the page is, or follow again. */
export function turn() {
  if (isFollowing()) {
    held = true;
    badge();
    tab.whenHeld();
  } else goToMoment(isLive() ? "now" : "end");
}

async function look(step, quiet = false) {
  const { image, source } = get();
  if (!image || !source) return false;
  looking = true;
  try {
    const found = await present(async () => {
      const answer = await send("moment", { step, image, ...mapsInSight() });
      if (get().image !== image || (quiet && !isFollowing())) throw new DOMException("something else is wanted", "AbortError");
      return Object.assign(answer, { quiet });
    }, source, quiet);
    if (!found) return found !== null; // refused; or something else is wanted by now
    tab.whenShown(found, step);
    return true;
  } finally {
    looking = false;
    badge();
  }
}

/** Which network the page shows: "after step 174". */
export function whichStep() {
  const { moment, edited, comparing } = get();
  const step = moment ?? (isLive() ? null : learning.step);
  return step === null ? "as training began" : `after step ${count(step)}${moment === null && edited && !comparing ? ", edited" : ""}`;
}

/** Say which network the page shows. */
export function badge() {
  const element = byId("moment");
  const { moment, view } = get();
  const live = isLive();
  element.hidden = !live && moment === null;
  const along = isFollowing();
  const paused = learning.state === "paused";
  const waits = along && STILL.includes(view);
  const unknown = learning.state === "unknown";
  const at = whichStep().replace("after ", "");
  const how = along ? `${paused ? "paused" : waits ? "held" : "live"},` : held ? "held" : "after";
  const onward = along || unknown ? "" : live ? " · follow live" : " · to the end";
  element.textContent = `${how} ${at}${onward}`;
  element.disabled = unknown || (along && (paused || waits));
  element.title = waits ? "The page follows again when another tab is open" : along ? "Hold the page here while the training goes on" : "";
  element.classList.toggle("live", along && !waits);
}
