// The page, put together: the network is asked for, each part is built, and the link or the first sample is shown.

import { buildAddress, fromLink } from "./address.js";
import { ask, report } from "./api.js";
import { buildChange, showChange, takeOver } from "./change.js";
import { byId, problem } from "./dom.js";
import { buildEdition } from "./edition.js";
import { addTab, buildInspector } from "./inspector.js";
import { buildKeys } from "./keys.js";
import { buildLayers } from "./layers.js";
import { buildLearn, hasTraining, isLive, showMoment } from "./learn.js";
import { buildNarrow } from "./narrow.js";
import { describe, network } from "./network.js";
import { count } from "./numbers.js";
import { buildPad } from "./pad.js";
import { buildPixels } from "./pixels.js";
import { buildDrawing, buildShowing, redraw, showBytes, showDrawing, showSource } from "./showing.js";
import { buildSheet } from "./sheet.js";
import { buildSources } from "./sources.js";
import { get, on, set } from "./state.js";
import { buildSum, stepBack } from "./sum.js";
import { buildTour } from "./tour.js";
import { buildTrail } from "./trail.js";
import { buildWhy, showWhy } from "./why.js";

async function start() {
  describe(await ask("network"));
  document.title = `${network.title} – Pellucid`;
  byId("title").textContent = network.title;
  const linked = fromLink(location.hash);
  set({ ...linked.place, revision: network.revision, moment: network.step, edited: network.edited });
  build(await hasTraining());
  await open(linked);
  buildAddress();
  addEventListener("hashchange", () => {
    const next = fromLink(location.hash); // a link that was put into the address of the page
    set({ layer: null, channel: 0, cell: null, class: null, raw: false, ...next.place });
    open(next).catch(report);
  });
}

/** Show what a link names, and say what of it cannot be shown. */
async function open({ net, source, moment, edits, place, strange }) {
  const words = strange.length ? [`The link names what is not here, and is left out: ${strange.join(", ")}.`] : [];
  if (place.view && place.view !== get().view) words.push("The link names a tab that is not here.");
  if (net && net !== network.digest) words.push("This link was made with another network; numbers will differ.");
  await showSource(source ?? get().source ?? first());
  if (!(await showMoment(moment ?? get().moment))) words.push(`The link shows the network after step ${count(moment)} of its training, which is not kept here.`);
  else if (net === network.digest) words.push(...differences(moment, edits));
  if (words.length) problem(words.join(" "));
}

/** What a link does not say of the network that is shown; it is the same for all windows, and a link changes no weights. */
function differences(moment, edits) {
  const { moment: now, edited } = get();
  if (moment !== now) return [`The link was made with the network as it came out of its training; it is shown as it was after step ${count(now)}.`];
  if (now !== null || edits === edited) return [];
  return [edits ? "The link was made with other edits of the network than there are here; numbers will differ." : "The link was made before the network was edited; numbers will differ."];
}

function build(trained) {
  if (trained && isLive() && !location.hash) set({ view: "learn" });
  buildDrawing();
  buildPixels(showBytes);
  buildPad(showDrawing);
  buildSources();
  buildShowing();
  addTab("sum", "Sum", buildSum);
  addTab("why", "Why", buildWhy, showWhy);
  addTab("change", "Change", buildChange, showChange);
  if (trained) addTab("learn", "Training", buildLearn);
  buildInspector();
  buildLayers();
  buildTrail();
  buildNarrow();
  buildSheet();
  buildKeys(stepBack);
  buildTour();
  for (const skip of document.querySelectorAll(".skip")) skip.addEventListener("click", (event) => {
    event.preventDefault(); // the address holds what is looked at
    document.querySelector(skip.hash).focus();
  });
  buildEdition(takeOver);
  const raw = byId("raw");
  raw.checked = get().raw;
  on(["raw"], () => { raw.checked = get().raw; });
  raw.addEventListener("change", () => { set({ raw: raw.checked }); redraw(); });
}

/** What is shown when nothing else is asked for: the first sample, or nothing at all. */
function first() {
  if (network.data) return { kind: "sample", number: 0 };
  const blank = new Uint8Array(network.input_shape.reduce((product, side) => product * side, 1));
  return { kind: "blank", data: blank };
}

window.addEventListener("unhandledrejection", (event) => report(event.reason instanceof Error ? event.reason : new Error(event.reason)));
window.addEventListener("error", (event) => report(event.error ?? new Error(event.message)));
start().catch((error) => problem(error.message));
