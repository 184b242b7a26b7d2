// Where images come from, beside the pad: files dropped, pasted or chosen, samples of the data, the mistakes.

import { askUntilDone, report } from "./api.js";
import { button, field, options, quiet, row } from "./controls.js";
import { byId, make, problem, say, taps } from "./dom.js";
import { network } from "./network.js";
import { count, within } from "./numbers.js";
import { drawable } from "./pixels.js";
import { onShown, showFile, showSample } from "./showing.js";
import { get, on } from "./state.js";

const LISTED = 200; // mistakes that are asked for at a time

let told = null; // what the data say of the sample that is shown
let label = null; // what that sample is, and what it is taken for: {number, label, predicted}
let number = null; // the field with the sample's number
let mistakeButtons = null;
const pairs = make("select", { id: "pairs", hidden: true, "aria-label": "which mistakes", change: () => mistake(1) });

export function buildSources() {
  byId("sources").replaceChildren(...[dataControls(), fileControls()].filter(Boolean));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => { event.preventDefault(); take(event.dataTransfer?.files); });
  document.addEventListener("paste", (event) => take(event.clipboardData?.files));
  onShown(tell);
  on(["source"], writeNumber);
}

function dataControls() {
  const { data } = network;
  if (!data) return null;
  number = make("input", { type: "number", min: 0, max: data.count - 1, value: 0, change: () => step(0) });
  told = make("p", { id: "told" });
  byId("bars").before(told);
  const way = (sign, words, click) => button(sign, click, { "aria-label": words });
  mistakeButtons = row(way("◀ mistake", "mistake before", () => mistake(-1)), way("mistake ▶", "next mistake", () => mistake(1)));
  const name = [data.name, data.part].filter(Boolean).join(", ") || "data";
  return make(
    "div", { class: "data" }, make("h2", {}, "Samples"), quiet(`${name}: ${count(data.count)}`),
    row(way("◀", "sample before", () => step(-1)), field("sample", number), way("▶", "next sample", () => step(1))),
    mistakeButtons, pairs,
  );
}

function fileControls() {
  if (network.input_shape.length !== 3) return null;
  const input = make("input", { type: "file", accept: "image/*", class: "unseen", id: "file", change: () => { take([...input.files]); input.value = ""; } }); // the same file may be chosen again
  return make(
    "div", { class: "row files" }, make("label", { class: "button", for: "file" }, "Open a picture"), input,
    taps() ? null : make("span", { class: "quiet" }, "or drop or paste one"),
  );
}

async function take(files) {
  const file = files?.[0];
  if (!file) return;
  if (file.size > 8 << 20) problem(`${file.name} has ${count(file.size)} bytes; at most ${count(8 << 20)} are taken`);
  else await showFile(file, drawable() ? { drawn: true, raw: get().raw } : {});
}

/** Go so many samples further, from that which was asked for last. */
async function step(by) {
  const at = within(Math.round(Number(number.value) || 0) + by, 0, network.data.count - 1);
  number.value = at;
  const found = await showSample(at);
  if (found === null) writeNumber(); // it was refused
}

function writeNumber() {
  if (number && get().source?.kind === "sample") number.value = get().source.number;
}

let mistakes = { revision: -1 }; // as the server listed them last, and `at`: which one is shown
let listing = Promise.resolve(); // the question about them: clicks are counted meanwhile

/** Whether the sample that is shown is taken for something else. */
export function isMistake() {
  return Boolean(label) && label.label !== label.predicted;
}

/** Show the sample that the network is least sure of, among its mistakes. */
export async function showUnsure() {
  const { samples } = await askUntilDone("samples", { which: "unsure", count: 1 });
  if (samples.length) await showSample(samples[0].number);
}

/** Go so many mistakes further, round all that are chosen; the most confident come first. */
export async function mistake(by) {
  try {
    const next = listing.then(() => nextMistake(by));
    listing = next.catch(() => {});
    const found = await next;
    const { at, total } = mistakes;
    if (found !== undefined && (await showSample(found))) say(`mistake ${count(at + 1)} of ${count(total)}`);
  } catch (error) {
    report(error);
  }
}

/** The number of the sample that is so many mistakes further, or undefined where there is none. */
async function nextMistake(by) {
  const pair = pairs.value; // it may change before all is listed
  if (mistakes.revision !== get().revision || mistakes.pair !== pair) {
    mistakes = await list(0, pair);
    mistakes.at = by > 0 ? -1 : 0;
  }
  const { total, problem: why } = mistakes;
  if (!total) {
    told.textContent = why ? `Nothing can be said of mistakes: ${why}` : "There are no mistakes in these data.";
    return undefined;
  }
  const at = (mistakes.at + by + total) % total;
  const first = at - (at % LISTED);
  if (first !== mistakes.first) mistakes = await list(first, pair);
  mistakes.at = at;
  return mistakes.samples[at - first].number;
}

/** The mistakes of a pair of classes, or all, from one on. */
async function list(first, pair) {
  return { first, pair, ...(await askUntilDone("samples", { which: "mistakes", first, count: LISTED, pair })) };
}

/** Offer what is taken for what, if there are several such pairs; a choice stays while there is such a mistake. */
function offer(found) {
  const { value } = pairs;
  pairs.replaceChildren(...options(found));
  pairs.hidden = found.length < 3; // the first is all of them
  pairs.selectedIndex = Math.max(0, found.findIndex(([pair]) => pair === value));
}

/** Say what the sample is, and what it is taken for. */
async function tell(found) {
  if (!told) return;
  const { source } = get();
  told.textContent = "";
  label = null;
  if (source?.kind !== "sample") return;
  const wanted = () => get().image === found.image && get().revision === found.revision;
  const known = await askUntilDone("samples", { first: source.number, count: 1 }, wanted).catch(() => null);
  if (!wanted()) return;
  if (known) {
    mistakeButtons.hidden = Boolean(known.problem);
    offer(known.pairs ?? []);
  }
  if (known?.problem) told.textContent = `Nothing can be said of what is right: ${known.problem}`;
  if (!known?.samples.length) return;
  [label] = known.samples;
  const { at, first, total, samples } = mistakes;
  const inHand = samples?.[at - first]?.number === source.number && mistakes.revision === found.revision;
  told.textContent = `${label.words}: ${!isMistake() ? "right" : inHand ? `mistake ${count(at + 1)} of ${count(total)}` : "wrong"}`;
  byId("bars").querySelector(`[value="${label.label}"]`)?.classList.add("right");
  byId("sources").dispatchEvent(new Event("told"));
}
