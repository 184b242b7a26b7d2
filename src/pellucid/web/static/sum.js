// The tab that follows one number: its map in large, the whole sum behind it, and the way back to the pixels.

import { Refused, ask, isVoid, newestOnly, report } from "./api.js";
import { onPin } from "./cells.js";
import { row } from "./controls.js";
import { bringIntoView, make, say, taps } from "./dom.js";
import { cellName, className, indexOf, isOutput, layerAt } from "./network.js";
import { text } from "./numbers.js";
import { get, on } from "./state.js";
import { activation } from "./sum-activation.js";
import { conv } from "./sum-conv.js";
import { copied, given, joined, learnt, scaled } from "./sum-joins.js";
import { linear } from "./sum-linear.js";
import { localResponse } from "./sum-lrn.js";
import { buildMap, showMap } from "./sum-map.js";
import { batchNorm } from "./sum-norm.js";
import { figure, number, numbers, table } from "./sum-parts.js";
import { maximum, mean } from "./sum-pool.js";
import { buildShare } from "./sum-share.js";
import { buildSnippet } from "./sum-snippet.js";
import { softmax } from "./sum-softmax.js";
import { terms } from "./sum-terms.js";
import { buildWalk, followWalk, goBack, play } from "./sum-walk.js";
import { inWords } from "./sum-words.js";

const FAMILIES = { activation, batchNorm, conv, copied, given, joined, learnt, linear, localResponse, maximum, mean, scaled, softmax, terms };
const NEAR = 1e-9; // the page adds up in another order: what that makes is far less

const title = make("h3", { tabindex: "-1" });
const body = make("div", { class: "body" });
let map = null;
const low = matchMedia("(max-height: 480px)"); // where the sum stands below the layer
let pinned = false; // a number was, and its sum is to be seen
let shown = null; // the image, revision and place of the sum that is drawn

export function buildSum(panel) {
  map = buildMap();
  panel.classList.add("sums");
  panel.append(map, buildShare(), make("section", { "aria-label": "The sum" }, row(title, play), body), buildWalk());
  on(["image", "revision", "layer", "channel", "cell", "view", "range", "against"], follow);
  onPin(() => { pinned = true; follow(); });
  follow();
}

export function stepBack() {
  return goBack().catch(tell);
}

const follow = newestOnly(async () => {
  if (get().view !== "sum" || !get().image) return;
  try {
    await showMap(map);
    await showSum();
    if (pinned && low.matches) bringIntoView(body, "start");
    pinned = false;
    followWalk(tell);
  } catch (error) {
    tell(error);
  }
});

function tell(error) {
  if (!(error instanceof Refused || isVoid(error))) throw error;
  report(error);
}

async function showSum() {
  const { image, revision, layer: path, channel, cell, against: other } = get();
  const layer = layerAt(path);
  if (!layer || !cell) {
    title.textContent = "Follow one number";
    body.replaceChildren(make("p", {}, `${taps() ? "Tap a number in any map" : "Click a number in any map, or press Enter on it"}: here stands the whole sum that it is.`));
    shown = null;
    return;
  }
  const index = indexOf(layer, channel, cell).join(",");
  const against = isOutput(layer) ? other : "";
  const key = `${image} ${revision} ${path} ${index} ${against}`;
  if (key === shown) return;
  if (!shown) {
    title.textContent = cellName(layer, channel, cell);
    body.replaceChildren(make("p", { class: "quiet" }, "is being added up …"));
  }
  body.setAttribute("aria-busy", "true");
  try {
    draw(await ask("sum", { image, layer: path, index, against }), cellName(layer, channel, cell));
    shown = key;
  } finally {
    body.removeAttribute("aria-busy");
  }
}

function draw(found, name) {
  const held = body.contains(document.activeElement); // what was clicked there will not be there any more
  const family = FAMILIES[found.family];
  const { parts, y, choose } = family({ ...found, details: numbers(found.details) });
  title.textContent = name;
  body.replaceChildren(
    ...inWords(found, y, choose), ...found.told.map((words) => make("p", {}, words)), ...parts, ...apart(found), make("div", { class: "ends" }, ...compared(found, y), buildSnippet(found.snippet)),
  );
  body.dataset.kind = found.kind;
  body.dataset.place = `${found.path} ${found.index.join(",")}`;
  if (held) { title.focus(); say(`${name}, ${text(number(found.stored))}`); }
}

/** What each number does for the difference to the class that this one is compared with. */
function apart({ index, apart: found }) {
  if (!found) return [];
  const [own, other] = [index, found.index].map(([k]) => className(k));
  return terms(found, `${own} minus ${other}: each number times the difference of its weights`).parts;
}

/** What the network stored, what the sum is in more digits, and whether this page comes to the same. */
function compared(found, y) {
  const [stored, recomputed, difference, size] = ["stored", "recomputed", "difference", "size"].map((key) => number(found[key]));
  const same = Object.is(y, recomputed) || Math.abs(y - recomputed) <= NEAR * size + Number.MIN_VALUE;
  const rows = [["stored by the network", figure(stored, 9)], ["computed anew, in 64 bits", figure(recomputed, 12)]];
  const numbers = table("The number", [], rows, [["difference", figure(difference, 3)]]);
  if (!same) return [make("p", { class: "differs", role: "alert", "data-check": "differs" }, `This page comes to ${text(y, 12)}, the server to ${text(recomputed, 12)}: please report it.`), numbers];
  const check = make("p", { class: "quiet", "data-check": "same" }, "What is drawn here, this page has added up itself: it comes to the same.");
  return [make("details", { class: "held" }, make("summary", {}, found.agrees), numbers, check)];
}
