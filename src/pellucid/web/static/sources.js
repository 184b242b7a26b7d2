// Where images come from, beside the pad: files dropped, pasted or chosen, samples of the data, the mistakes.

import { askUntilDone, report } from "./api.js";
import { byId, make, problem } from "./dom.js";
import { className, network } from "./network.js";
import { count, percent } from "./numbers.js";
import { drawable } from "./pixels.js";
import { onShown, showFile, showSample } from "./showing.js";
import { get, on } from "./state.js";

let told = null; // what the data say of the sample that is shown
let number = null; // the field with the sample's number

/** Build the controls. */
export function buildSources() {
  byId("sources").replaceChildren(...[dataControls(), fileControls()].filter(Boolean));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => { event.preventDefault(); take(event.dataTransfer?.files); });
  document.addEventListener("paste", (event) => take(event.clipboardData?.files));
  onShown(tell);
  on(["source"], () => { if (number && get().source?.kind === "sample") number.value = get().source.number; });
}

function dataControls() {
  const { data } = network;
  if (!data) return null;
  number = make("input", { type: "number", min: 0, max: data.count - 1, value: 0, change: () => step(0) });
  told = make("p", { class: "quiet", id: "told" });
  const button = (label, words, click) => make("button", { type: "button", "aria-label": words, click }, label);
  const name = [data.name, data.part].filter(Boolean).join(", ") || "data";
  return make(
    "div",
    { class: "data" },
    make("h2", {}, "Samples"),
    make("p", { class: "quiet" }, `${name}: ${count(data.count)} images`),
    make(
      "div",
      { class: "row" },
      button("◀", "sample before", () => step(-1)),
      make("label", { class: "field" }, "sample ", number),
      button("▶", "next sample", () => step(1)),
    ),
    make("div", { class: "row" }, button("◀ mistake", "mistake before", () => mistake(-1)), button("mistake ▶", "next mistake", () => mistake(1))),
    told,
  );
}

function fileControls() {
  if (network.input_shape.length !== 3) return null;
  const input = make("input", { type: "file", accept: "image/*", class: "unseen", id: "file", change: () => take(input.files) });
  const words = drawable() ? "or drop or paste one: a digit is put in its place" : "or drop or paste one";
  return make(
    "div",
    { class: "row files" },
    make("label", { class: "button", for: "file" }, "Open a picture"),
    input,
    make("span", { class: "quiet" }, words),
  );
}

async function take(files) {
  const file = files?.[0];
  if (!file) return;
  if (file.size > 8 << 20) problem(`${file.name} has ${count(file.size)} bytes; at most ${count(8 << 20)} are taken`);
  else await showFile(file, drawable() ? { drawn: true, raw: get().raw, invert: await isPaper(file) } : {});
}

/** Whether a picture is mostly bright, such as ink on paper; a network that knows drawn digits knows the reverse. */
async function isPaper(file) {
  try {
    const picture = await createImageBitmap(file, { resizeWidth: 32, resizeHeight: 32 });
    const canvas = new OffscreenCanvas(32, 32).getContext("2d");
    canvas.fillStyle = "#fff";
    canvas.fillRect(0, 0, 32, 32);
    canvas.drawImage(picture, 0, 0);
    const { data } = canvas.getImageData(0, 0, 32, 32);
    return data.reduce((sum, byte) => sum + byte, 0) / data.length > 128 + 32;
  } catch {
    return false; // what is wrong with the file, the server says best
  }
}

function step(by) {
  const at = Math.max(0, Math.min(network.data.count - 1, Math.round(Number(number.value) || 0) + by));
  number.value = at;
  return showSample(at);
}

let mistakes = { revision: -1, numbers: [], at: -1 };

async function mistake(by) {
  try {
    if (mistakes.revision !== get().revision) {
      const found = await askUntilDone("samples", { which: "mistakes", count: 200 });
      mistakes = { revision: get().revision, numbers: found.samples.map((each) => each.number), at: by > 0 ? -1 : 0 };
    }
  } catch (error) {
    report(error);
    return;
  }
  const { numbers } = mistakes;
  if (!numbers.length) {
    told.textContent = "There are no mistakes in these data.";
    return;
  }
  mistakes.at = (mistakes.at + by + numbers.length) % numbers.length;
  await showSample(numbers[mistakes.at]);
}

/** Say what the sample is, and what it is taken for. */
async function tell(found) {
  if (!told) return;
  const { source } = get();
  told.textContent = "";
  if (source?.kind !== "sample") return;
  const wanted = () => get().image === found.image && get().revision === found.revision;
  const known = await askUntilDone("samples", { first: source.number, count: 1 }, wanted).catch(() => null);
  if (!known?.samples.length || !wanted()) return;
  const { samples } = known;
  const { label, predicted, confidence } = samples[0];
  told.textContent = label === predicted
    ? `It is a ${className(label)}, which the network sees (${percent(confidence)}).`
    : `It is a ${className(label)}; the network takes it for a ${className(predicted)} (${percent(confidence)}).`;
}
