// Changing the network: the kernels of the channel that is looked at, silence, undo, and what comes of it on the data.
// The server changes a copy; its revision grows with every edit, and all that is shown follows the revision.

import { ask, Refused, report, send } from "./api.js";
import { allow, byId, make, problem, say } from "./dom.js";
import { noted } from "./edition.js";
import { buildFlips, showFlips } from "./flips.js";
import { allowKernels, buildKernels, showKernels } from "./kernels.js";
import { mapsInSight } from "./layers.js";
import { indexOf, layerAt, makesMaps, network } from "./network.js";
import { count, plain, text } from "./numbers.js";
import { shown } from "./showing.js";
import { get, on, set, tookEdition } from "./state.js";

const LISTED = 8; // of the edits, the last

let editable = {}; // path -> how many channels weights lead to
let done = []; // words of the edits
let target = null; // {layer, out}: what the panel is about
let loaded = ""; // what it shows
const parts = {};

/** Fill the panel, and take over what was changed before the page was loaded. */
export function buildChange(panel) {
  byId("edited").addEventListener("click", () => set({ view: "change" }));
  parts.layers = make("select", { id: "change-layer", change: () => choose(parts.layers.value, 0) });
  parts.channel = make("input", { type: "number", id: "change-channel", min: 0, value: 0, change: () => choose(target.layer, within(parts.channel)) });
  parts.many = make("span", { class: "quiet" });
  parts.kernels = make("div", {});
  parts.bias = make("input", { type: "number", id: "change-bias", step: "any", change: () => setBias() });
  parts.biasRow = make("label", { class: "field" }, "bias ", parts.bias);
  parts.silence = make("button", { type: "button", id: "change-silence", click: () => edit({ what: "silence" }) }, "Silence this channel");
  parts.compare = compareButton();
  parts.undo = make("button", { type: "button", id: "change-undo", click: () => undo(false) }, "Undo");
  parts.reset = make("button", { type: "button", id: "change-reset", click: () => undo(true) }, "Undo all");
  parts.doing = make("fieldset", {}, make("div", { class: "row" }, parts.biasRow, parts.silence), make("div", { class: "row" }, parts.undo, parts.reset, parts.compare));
  parts.past = make("p", { class: "warning", id: "change-past" }, make("span", {}), make("button", { type: "button", class: "link", click: () => set({ view: "learn" }) }, "Go to its end"), " to change it.");
  parts.done = make("ol", { class: "edits", id: "change-edits" });
  parts.flips = make("div", {});
  panel.append(
    make("h2", {}, "Change the network"),
    make("p", { class: "quiet" }, "It is a copy that is changed; the file stays as it is. Click a map to see the kernels that made it."),
    make("div", { class: "row" }, make("label", { class: "field" }, "layer ", parts.layers), make("label", { class: "field" }, "channel ", parts.channel), parts.many),
    parts.past,
    parts.kernels,
    parts.doing,
    parts.done,
    parts.flips,
  );
  buildKernels(parts.kernels, (query, body) => edit({ what: "kernel", ...query }, body));
  buildFlips(parts.flips);
  on(["moment", "comparing"], badge);
  on(["layer", "channel", "cell"], follow);
  on(["revision"], () => { showFlips(); load(); });
  on(["moment"], permit);
  permit();
  remember();
}

/** What the network was in its training stays so: nothing can be done then, and the panel says why. */
function permit() {
  const { moment } = get();
  parts.past.hidden = moment === null;
  parts.past.firstChild.textContent = `This is the network as it was after step ${count(moment ?? 0)} of its training, which stays as it was. `;
  parts.doing.disabled = moment !== null;
  allowKernels(moment === null);
}

/** The tab is opened. */
export function showChange() {
  load();
  showFlips();
}

/** Take over what was changed in another window. */
export function takeOver() {
  const taken = queue.then(async () => took(await ask("edits")));
  queue = taken.catch(() => {}); // what is done next does not depend on it
  return taken;
}

async function remember() {
  try {
    const found = await ask("edits");
    editable = found.layers;
    const layers = network.layers.filter(({ path, weights }) => path in editable && weights.weight?.length > 1);
    parts.layers.replaceChildren(...layers.map(({ path, kind }) => make("option", { value: path }, `${path} (${kind})`)));
    took(found);
    if (layers.length) target = { layer: layers[0].path, out: 0 };
    follow();
  } catch (error) {
    problem(error.message);
  }
}

function took({ edits, ...edition }) {
  noted(edition.revision);
  done = edits;
  for (const button of [parts.undo, parts.reset, parts.compare]) allow(button, done.length, parts.layers);
  parts.done.start = Math.max(0, done.length - LISTED) + 1;
  parts.done.replaceChildren(...done.slice(-LISTED).map((words) => make("li", {}, words)));
  if (edition.revision >= get().revision) tookEdition(edition);
  badge();
}

/** Say at the top that the network is edited; as it was in training it has no edits. */
function badge() {
  const { moment, comparing } = get();
  byId("edited").hidden = !done.length || moment !== null;
  const words = done.length > 1 ? `edited, ${count(done.length)} times` : "edited";
  byId("edited").textContent = comparing ? `${words}; shown as it was` : words;
}

/** Take over the layer and channel that are looked at: those of the layer that made their numbers. */
function follow() {
  target = made() ?? target;
  load();
}

function made() {
  const { layer: path, channel, cell } = get();
  let layer = path && layerAt(path);
  if (!layer) return null;
  const out = makesMaps(layer) ? channel : indexOf(layer, channel, cell ?? [0, 0])[0];
  let last = null;
  while (layer) { // back as long as channels stay what they are: through activations, pools, normalisations
    if (layer.path in editable) last = { layer: layer.path, out };
    if (last && layer.weights.weight.length > 1) return last;
    const before = layer.reads.length === 1 ? layerAt(layer.reads[0]) : null;
    layer = before && before.shape.length === layer.shape.length && before.shape[0] === layer.shape[0] ? before : null;
  }
  return last;
}

function choose(layer, out) {
  target = { layer, out };
  const shown = layerAt(layer);
  if (shown && makesMaps(shown)) set({ layer, channel: out, cell: null });
  load();
}

function within(field) {
  const most = editable[target.layer] - 1;
  field.value = Math.max(0, Math.min(most, Math.round(Number(field.value) || 0)));
  return Number(field.value);
}

async function load(refused = false) {
  if (get().view !== "change" || !target) return;
  const { layer, out } = target;
  const wanted = `${layer} ${out} ${get().revision}`;
  if (wanted === loaded) return;
  loaded = wanted;
  try {
    const found = await ask("kernel", { layer, out });
    if (loaded === wanted) show(found, refused);
  } catch (error) {
    if (loaded === wanted) loaded = "";
    report(error);
  }
}

/** Show what the server has answered; fields that somebody types in keep what stands there, unless it was refused. */
function show(found, refused) {
  parts.layers.value = found.layer;
  parts.channel.max = found.channels - 1;
  if (document.activeElement !== parts.channel) parts.channel.value = found.out; // else somebody is typing there
  parts.many.textContent = `(0–${count(found.channels - 1)})`;
  showKernels(found, refused);
  const [now, before] = ["bias now", "bias before"].map((name) => found.arrays[name]?.data[0]);
  parts.biasRow.hidden = now === undefined;
  if (now === undefined || (document.activeElement === parts.bias && !refused)) return;
  parts.bias.value = plain(now);
  parts.bias.title = now === before ? "as it was" : `was ${text(before)}`;
}

function setBias() {
  if (parts.bias.value !== "") edit({ what: "bias" }, Float32Array.of(Number(parts.bias.value)));
}

/** A button that shows the network as it was, as long as it is held; a screen reader's click turns it on and off. */
function compareButton() {
  let before = false;
  let holding = false;
  let keyed = false; // a key has been pressed, whose click is no other press
  const show = (wanted) => {
    if (wanted === before) return;
    before = wanted;
    button.setAttribute("aria-pressed", String(before));
    const { image, source } = get();
    act(async () => {
      set({ comparing: wanted });
      await shown(() => send("compare", { image, before: wanted, ...mapsInSight() }), source);
    });
    say(before ? "as it was" : "with the changes");
  };
  const hold = () => { holding = true; show(true); };
  const letGo = () => { if (holding) show(false); holding = false; };
  const isPress = ({ key, repeat }) => !repeat && (key === " " || key === "Enter");
  const button = make("button", {
    type: "button", id: "change-compare", "aria-pressed": "false", pointerdown: (event) => { if (!event.button) hold(); }, pointerup: letGo, pointerleave: letGo,
    pointercancel: letGo, blur: letGo, keydown: (event) => { if (isPress(event)) { keyed = true; hold(); } }, keyup: letGo,
    click: ({ detail }) => { if (!detail && !holding && !keyed) show(!before); keyed = false; },
  }, "Hold to compare");
  return button;
}

let queue = Promise.resolve();

/** Send edits one after the other, as they were made. */
function edit(query, body = undefined) {
  const place = { ...target };
  return act(() => send("edit", { layer: place.layer, out: place.out, ...query }, body));
}

function undo(all) {
  return act(() => send("undo", { all }));
}

function act(question) {
  queue = queue.then(async () => {
    try {
      const told = await question();
      if (!told) return;
      took(told);
      problem("");
      say(done.length ? done.at(-1) : "as it was");
    } catch (error) {
      problem(error.message); // also that another window has changed the network meanwhile
      loaded = "";
      load(true); // what was refused does not stand there as if it were done
      if (!(error instanceof Refused)) throw error;
    }
  });
  return queue;
}
