// Which network the whole page shows while one learns, and afterwards: the newest, a few times a second at most, or that
// of a moment. The badge at the top says which, and holds the page where it is, or lets it follow again.

import { newestOnly, send } from "./api.js";
import { byId } from "./dom.js";
import { mapsInSight } from "./layers.js";
import { count } from "./numbers.js";
import { shown } from "./showing.js";
import { get, on, set } from "./state.js";

const EVERY = 2000; // milliseconds between two looks at the newest network, at least
const SHARE = 40; // and so many times what the last look took
const MOST = 4000; // but no more: what takes that long waits for others
const REST = 400; // milliseconds that an image rests before the page follows with it: a pen goes first
const STILL = ["why", "change"]; // tabs that look into one network for long: while one is open, nothing follows

const NONE = { learning: {}, isLive: () => false, came: null }; // where nothing is known of a training

let training = NONE;
let following = true; // the newest network is wanted, not that of a moment
let held = false; // the page stays where it is
let looking = false;
let free = 0; // when the next look may begin
let rested = 0; // when the image has rested

/**
 * Look after the badge from now on; also where nothing is known of the training, as a bench may show a moment of it.
 *
 * @param {{learning: object, isLive: () => boolean, came: (found: object, step: number | string) => void,
 *   stayed: () => void}} page `came` is called when the page shows another network, or the same anew, `stayed` when it
 *   was to and could not
 */
export function buildFollow(page = NONE) {
  training = page;
  byId("moment").addEventListener("click", turn);
  on(["moment", "view"], badge);
  on(["chosen"], ({ chosen }) => { if (chosen && !looking) following = held = false; });
  on(["image"], () => { rested = performance.now() + REST; });
  badge();
}

/** Whether pictures are those of the training as it goes on. */
export function isFollowing() {
  return following && !held;
}

/** Let the whole page show the network as it was after a step, "now", at the "end", or "here", where it is already. */
export const goTo = newestOnly(async (step) => {
  const before = { following, held, range: get().range };
  const pictures = step !== "now" || !following || held;
  following = step === "now" || step === "end" || (step === "here" && get().moment === null);
  if (following) held = false;
  if (!following && before.range === "layer") setRange("locked");
  if (await look(step, { pictures })) return;
  ({ following, held } = before);
  if (get().range !== before.range) setRange(before.range);
  badge();
  training.stayed();
});

function setRange(range) {
  set({ range });
  byId("range").value = range;
}

/** Something has come from the training: follow it, if it is time. */
export async function follow() {
  const now = performance.now();
  if (looking || !isFollowing() || now < free || now < rested || document.hidden || STILL.includes(get().view)) return;
  await look("now", { quiet: true });
  const took = performance.now() - now;
  free = now + took + Math.max(EVERY, Math.min(MOST, SHARE * took));
}

/** Stay where the page is, or follow again. */
export function turn() {
  if (isFollowing() && training.isLive()) {
    held = true;
    badge();
  } else goTo(training.isLive() ? "now" : "end");
}

async function look(step, { pictures = false, quiet = false }) {
  const { image, source } = get();
  if (!image || !source) return false;
  looking = true;
  try {
    const found = await shown(async () => {
      const answer = await send("moment", { step, image, pictures, ...mapsInSight() });
      if (get().image !== image || (quiet && !isFollowing())) throw new DOMException("something else is wanted", "AbortError");
      return Object.assign(answer, { quiet });
    }, source, quiet);
    if (!found) return found !== null; // refused; or something else is wanted by now
    training.came(found, step);
    return true;
  } finally {
    looking = false;
    badge();
  }
}

/** Say which network the page shows. */
export function badge() {
  const element = byId("moment");
  const { moment, view } = get();
  const live = training.isLive();
  element.hidden = !live && moment === null;
  if (element.hidden) return;
  const at = moment === null ? "as training began" : `step ${count(moment)}`;
  const paused = training.learning.state === "paused";
  const waits = live && isFollowing() && STILL.includes(view);
  const words = live && isFollowing() ? `${paused ? "paused" : waits ? "held" : "live"}, ${at}` : `${held ? "held" : "after"} ${at}`;
  const onward = (isFollowing() && live) || !training.came ? "" : live ? " · follow live" : " · to the end";
  element.textContent = words + onward;
  element.disabled = !training.came || (live && isFollowing() && (paused || waits));
  element.title = waits ? "The page follows again when another tab is open" : onward || !live ? "" : "Hold the page here while the training goes on";
  element.classList.toggle("live", live && isFollowing() && !waits);
}
