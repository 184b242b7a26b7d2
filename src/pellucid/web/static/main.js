// The page, put together.

import { buildAbout } from "./about.js";
import { followAddress } from "./address.js";
import { ask, report, send } from "./api.js";
import { buildChange, showChange, takeOver } from "./change.js";
import { byId, problem } from "./dom.js";
import { buildEdition } from "./edition.js";
import { addTab, buildInspector } from "./inspector.js";
import { buildKeys } from "./keys.js";
import { buildLayers } from "./layers.js";
import { buildLearn, hasTraining } from "./learn.js";
import { buildFollow } from "./learn-follow.js";
import { isLive } from "./learning.js";
import { buildCopy, openLink } from "./links.js";
import { buildNarrow } from "./narrow.js";
import { describe, network } from "./network.js";
import { product } from "./numbers.js";
import { buildOverlay } from "./overlay.js";
import { buildOverview } from "./overview.js";
import { buildPad, restore } from "./pad.js";
import { buildPixels, drawable, pixelsAsText } from "./pixels.js";
import { buildShowing, redraw, showBytes, showDrawing } from "./showing.js";
import { buildSheet } from "./sheet.js";
import { buildSources } from "./sources.js";
import { get, on, set, takeEdition } from "./state.js";
import { buildSum, stepBack } from "./sum.js";
import { buildTour } from "./tour.js";
import { buildTrail } from "./trail.js";
import { buildWhy, showWhy } from "./why.js";
import { buildWords } from "./words.js";

async function start() {
  await send("open");
  describe(await ask("network"));
  document.title = `${network.title} – Pellucid`;
  byId("title").textContent = network.title;
  takeEdition(network);
  build(await hasTraining());
  await openLink(first());
  const follow = followAddress();
  addEventListener("hashchange", () => {
    if (location.hash.includes("=")) openLink(get().source ?? first()).then(follow, report); // else a place on the page
  });
}

function build(trained) {
  buildWords();
  if (trained && isLive() && !location.hash) set({ view: "learn" });
  byId("drawing").hidden = !drawable();
  buildPixels((bytes) => { restore(pixelsAsText(bytes)); showBytes(bytes); });
  buildPad(showDrawing);
  buildSources();
  buildShowing();
  addTab("sum", "Sum", buildSum);
  addTab("why", "Why", buildWhy, showWhy);
  addTab("change", "Change", buildChange, showChange);
  if (trained) addTab("learn", "Training", buildLearn);
  else buildFollow();
  buildInspector();
  buildLayers();
  buildOverview();
  buildOverlay();
  buildTrail();
  buildNarrow();
  buildSheet();
  buildKeys(stepBack);
  buildCopy();
  buildAbout(buildTour());
  for (const skip of document.querySelectorAll(".skip")) skip.addEventListener("click", (event) => {
    event.preventDefault(); // the address holds what is looked at
    document.querySelector(skip.hash).focus();
  });
  buildEdition(takeOver);
  const raw = byId("raw");
  const check = () => { raw.checked = get().raw; };
  check();
  on(["raw"], check);
  raw.addEventListener("change", () => { set({ raw: raw.checked }); redraw(); });
}

function first() {
  return network.data ? { kind: "sample", number: 0 } : { kind: "blank", data: new Uint8Array(product(network.input_shape)) };
}

window.addEventListener("unhandledrejection", (event) => report(event.reason instanceof Error ? event.reason : new Error(event.reason)));
window.addEventListener("error", (event) => report(event.error ?? new Error(event.message)));
start().catch((error) => problem(error.message));
