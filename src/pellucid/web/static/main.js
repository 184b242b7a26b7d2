// The page, put together: the network is asked for, each part is built, and the link or the first sample is shown.

import { ask } from "./api.js";
import { buildChange, showChange, takeOver } from "./change.js";
import { byId, problem } from "./dom.js";
import { buildEdition } from "./edition.js";
import { addTab, buildInspector } from "./inspector.js";
import { buildKeys } from "./keys.js";
import { buildLayers } from "./layers.js";
import { begun, buildLearn, hasTraining, isLive } from "./learn.js";
import { buildNarrow } from "./narrow.js";
import { describe, layerAt, network } from "./network.js";
import { buildPad } from "./pad.js";
import { buildPixels } from "./pixels.js";
import { buildDrawing, buildShowing, redraw, showBytes, showDrawing, showSource } from "./showing.js";
import { buildSheet } from "./sheet.js";
import { buildSources } from "./sources.js";
import { fromLink, get, link, on, set } from "./state.js";
import { buildSum, stepBack } from "./sum.js";
import { buildTour } from "./tour.js";
import { buildTrail } from "./trail.js";
import { buildWhy, showWhy } from "./why.js";

const LINKED = ["layer", "channel", "cell", "view", "range", "class", "raw"];
const REST = 300; // ms that an image rests before the address tells of it: to change that takes the browser longer than to show it

async function start() {
  describe(await ask("network"));
  document.title = `${network.title} – Pellucid`;
  byId("title").textContent = network.title;
  const linked = fromLink(location.hash);
  const { source, net, ...place } = linked;
  if (place.layer && !layerAt(place.layer)) for (const part of ["layer", "channel", "cell"]) delete place[part];
  set({ ...place, revision: network.revision, moment: network.step });
  build(await hasTraining());
  if (net && net !== network.digest) problem("This link was made with another network; numbers will differ.");
  await showSource(source ?? first());
  let timer = 0;
  const follow = () => { clearTimeout(timer); history.replaceState(null, "", link(network.digest)); };
  on(LINKED, follow);
  on(["source"], () => { clearTimeout(timer); timer = setTimeout(follow, REST); });
  follow();
  begun();
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
  buildEdition(takeOver);
  const raw = byId("raw");
  raw.checked = get().raw;
  raw.addEventListener("change", () => { set({ raw: raw.checked }); redraw(); });
}

/** What is shown when nothing else is asked for: the first sample, or nothing at all. */
function first() {
  if (network.data) return { kind: "sample", number: 0 };
  const blank = new Uint8Array(network.input_shape.reduce((product, side) => product * side, 1));
  return { kind: "blank", data: blank };
}

window.addEventListener("unhandledrejection", (event) => problem(event.reason?.message ?? String(event.reason)));
start().catch((error) => problem(error.message));
