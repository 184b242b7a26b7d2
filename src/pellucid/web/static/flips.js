// What edits do on all data: how right the network is before and after, and the images that flipped.

import { ask, askUntilDone, report } from "./api.js";
import { make, say } from "./dom.js";
import { network } from "./network.js";
import { count, percent } from "./numbers.js";
import { showPager } from "./pager.js";
import { paintImage } from "./pixels.js";
import { showSample } from "./showing.js";
import { get } from "./state.js";

const SHOWN = 24;

let measured = -1; // the revision that is shown
const told = make("p", { id: "accuracy" });
const images = make("ul", { class: "flips" });
const pager = make("div", { class: "row", hidden: true });

export function buildFlips() {
  const { data } = network;
  return make("div", {}, make("h3", {}, `On ${data ? `all ${count(data.count)} images` : "data"}`), told, images, pager);
}

/** Measure anew if the network has changed. */
export async function showFlips() {
  const { revision, view, comparing } = get();
  if (view !== "change" || measured === revision || comparing) return;
  measured = revision;
  const wanted = () => get().revision === revision && get().view === "change";
  try {
    const found = await askUntilDone("accuracy", {}, wanted, (so) => { told.textContent = `Measuring … ${percent(so.done)}`; });
    if (found?.revision === revision && wanted()) {
      told.textContent = found.words;
      say(found.words);
      return await list(found.flipped, 0, wanted);
    }
  } catch (error) {
    report(error);
  }
  if (measured === revision) measured = -1;
  return undefined;
}

async function list(flipped, first, wanted) {
  pager.hidden = flipped <= SHOWN;
  if (!flipped) return images.replaceChildren();
  const { samples, revision } = (await askUntilDone("samples", { which: "flipped", first, count: SHOWN }, wanted)) ?? {};
  if (!samples?.length || revision !== get().revision || !wanted()) return; // edited meanwhile
  const { arrays } = await ask("thumbnails", { numbers: samples.map(({ number }) => number).join(",") });
  if (!wanted()) return;
  images.replaceChildren(...samples.map((sample, k) => make("li", {}, flip(sample, thumbnail(arrays.images, k)))));
  const turn = (to) => list(flipped, to, wanted).catch(report);
  showPager(pager, { what: "images", first, size: SHOWN, total: flipped, base: 1, turn });
}

function flip({ number, words, now, name }, picture) {
  const more = { class: "flip", "aria-label": name, click: () => showSample(number) };
  return make("button", more, picture, make("span", {}, now), make("span", { class: "quiet" }, words));
}

function thumbnail({ data, shape }, k) {
  const [channels, rows, columns] = shape.length === 4 ? shape.slice(1) : [1, 1, data.length / shape[0]];
  const length = channels * rows * columns;
  const canvas = make("canvas", { "aria-hidden": "true" });
  paintImage(canvas, { data: data.subarray(k * length, (k + 1) * length), channels, rows, columns });
  return canvas;
}
