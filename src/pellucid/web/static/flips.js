// What edits do to the whole of the data: how right the network is before and after, and the images that flipped.

import { ask, askUntilDone, report } from "./api.js";
import { make, renew, say } from "./dom.js";
import { className, network } from "./network.js";
import { count, percent } from "./numbers.js";
import { inColours } from "./pixels.js";
import { showSample } from "./showing.js";
import { get } from "./state.js";

const SHOWN = 24;

let first = 0;
let shown = -1; // the revision that is shown
const parts = {};

/** Fill a part of the panel. */
export function buildFlips(place) {
  parts.told = make("p", { id: "accuracy" });
  parts.list = make("ul", { class: "flips" });
  parts.pager = make("div", { class: "row", hidden: true });
  place.append(make("h3", {}, `On ${network.data ? `all ${count(network.data.count)} images` : "data"}`), parts.told, parts.list, parts.pager);
  if (!network.data) parts.told.textContent = "There are no images here to measure it on.";
}

/** Measure anew if the network has changed. */
export async function showFlips() {
  const { revision, view } = get();
  if (!network.data || view !== "change" || shown === revision || get().comparing) return;
  shown = revision;
  const wanted = () => get().revision === revision && get().view === "change";
  const progress = ({ done }) => { parts.told.textContent = `Measuring … ${percent(done)}`; };
  try {
    const found = await askUntilDone("accuracy", {}, wanted, progress);
    if (found?.revision !== revision || !wanted()) {
      if (shown === revision) shown = -1;
      return;
    }
    tell(found);
    first = 0;
    await list(found.flipped, wanted);
  } catch (error) {
    if (shown === revision) shown = -1;
    report(error);
  }
}

function tell({ before, now, flipped, mended, broken, problem: why }) {
  if (before === null || now === null) {
    parts.told.textContent = `Nothing can be said: ${why}`;
    return;
  }
  const right = (share) => make("strong", {}, `${(100 * share).toFixed(2)} %`);
  if (!flipped) parts.told.replaceChildren(right(now), " right", before === now && get().revision ? ", as before" : "");
  else {
    const rest = flipped - broken - mended;
    const otherwise = rest ? `, ${count(rest)} wrong in another way` : "";
    parts.told.replaceChildren(
      right(before), " right before, ", right(now), ` now. ${count(flipped)} ${flipped === 1 ? "image is" : "images are"} taken otherwise: ${count(broken)} broken, ${count(mended)} mended${otherwise}.`,
    );
  }
  say(parts.told.textContent);
}

async function list(flipped, wanted) {
  parts.pager.hidden = flipped <= SHOWN;
  if (!flipped) return parts.list.replaceChildren();
  const found = await askUntilDone("samples", { which: "flipped", first, count: SHOWN }, wanted);
  if (!found?.samples.length || found.revision !== get().revision || !wanted()) return undefined; // edited meanwhile
  const { arrays } = await ask("thumbnails", { numbers: found.samples.map(({ number }) => number).join(",") });
  if (!wanted()) return undefined;
  parts.list.replaceChildren(...found.samples.map((sample, k) => make("li", {}, one(sample, arrays.images, k))));
  const last = first + found.samples.length;
  const turn = (label, words, to, able) =>
    make("button", { type: "button", "aria-label": words, disabled: !able, click: () => { first = to; list(flipped, wanted).catch(report); } }, label);
  return renew(
    parts.pager,
    turn("◀", "earlier images", Math.max(0, first - SHOWN), first > 0), make("span", {}, `${count(first + 1)}–${count(last)} of ${count(flipped)}`),
    turn("▶", "further images", last, last < flipped),
  );
}

function one({ number, label, predicted, was }, images, k) {
  const kind = predicted === label ? `mended: was ${className(was)}` : was === label ? "broken" : `was wrong: ${className(was)}`;
  return make(
    "button",
    { type: "button", class: "flip", click: () => showSample(number), "aria-label": `sample ${number}, a ${className(label)}: was taken for ${className(was)}, now for ${className(predicted)}: ${kind}` },
    thumbnail(images, k),
    make("span", { class: "flip-words" }, `a ${className(label)}, now ${className(predicted)}`),
    make("span", { class: "quiet" }, kind),
  );
}

function thumbnail({ data, shape }, k) {
  const sizes = shape.slice(1);
  const length = sizes.reduce((product, side) => product * side, 1);
  const [channels, rows, columns] = sizes.length === 3 ? sizes : [1, 1, length];
  const canvas = make("canvas", { width: columns, height: rows, "aria-hidden": "true" });
  const own = data.subarray(k * length, (k + 1) * length);
  canvas.getContext("2d").putImageData(new ImageData(inColours({ data: own, channels, rows, columns }), columns, rows), 0, 0);
  return canvas;
}
