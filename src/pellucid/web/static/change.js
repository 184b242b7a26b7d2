// Changing the network: kernels, silence, undo, and what comes of it on the data. The revision grows with every edit; all
// that is shown follows it.

import { ask, Refused, report, send } from "./api.js";
import { button, field, options, quiet, row } from "./controls.js";
import { allow, byId, make, problem, say } from "./dom.js";
import { noteListed } from "./edition.js";
import { buildFlips, showFlips } from "./flips.js";
import { buildKernels, showKernels } from "./kernels.js";
import { mapsInSight } from "./layers.js";
import { goToMoment } from "./learn-follow.js";
import { isLive } from "./learning.js";
import { indexOf, layerAt, makesMaps, network } from "./network.js";
import { count, plain, text, within } from "./numbers.js";
import { present } from "./showing.js";
import { get, on, set, takeEdition } from "./state.js";

const LISTED = 8; // of the edits, the last

let editable = {}; // path -> how many channels weights lead to
let done = []; // words of the edits
let target = null; // {layer, out}: what the panel is about
let loaded = ""; // what it shows

const layers = make("select", { id: "change-layer", change: () => choose(layers.value, 0) });
const channel = make("input", { type: "number", id: "change-channel", min: 0, value: 0, change: () => choose(target.layer, channelNow()) });
const many = make("span");
const bias = make("input", { type: "number", id: "change-bias", step: "any", change: setBias });
const biasRow = field("bias", bias);
const undoing = [button("Undo", () => undo(false), { id: "change-undo" }), button("Undo all", () => undo(true), { id: "change-reset" }), compareButton()];
const doing = make("fieldset", {}, row(biasRow, button("Silence this channel", () => edit({ what: "silence" }), { id: "change-silence" })), row(...undoing));
const onward = button("Go to its end to change it", () => { layers.focus(); goToMoment("end"); }, { class: "link" });
const past = make("p", { class: "warning", id: "change-past" });
const words = quiet();
const limits = quiet();
const edits = make("ol", { class: "edits", id: "change-edits" });

/** Fill the panel, and take over what was changed before the page was loaded. */
export function buildChange(panel) {
  byId("edited").addEventListener("click", () => set({ view: "change" }));
  panel.append(
    make("h2", {}, "Change the network"),
    words,
    row(field("layer", layers), field("channel", make("span", {}, channel, " ", many))),
    past,
    buildKernels((query, body) => edit({ what: "kernel", ...query }, body)),
    limits,
    doing,
    edits,
    buildFlips(),
  );
  on(["moment", "comparing"], badge);
  on(["layer", "channel", "cell"], follow);
  on(["revision"], showChange);
  on(["moment"], permit);
  permit();
  remember();
}

/** What the network was in its training stays so; the panel says why. */
function permit() {
  const { moment } = get();
  past.hidden = moment === null;
  past.replaceChildren(network.said[isLive() ? "learning" : "past"].replace("{step}", count(moment ?? 0)), isLive() ? "" : onward);
  for (const each of past.parentNode.querySelectorAll("fieldset")) each.disabled = moment !== null;
}

/** The tab is opened. */
export function showChange() {
  load();
  showFlips();
}

/** Take over what was changed in another window. */
export function takeOver() {
  const taking = queue.then(async () => takeEdits(await ask("edits")));
  queue = taking.catch(() => {}); // what is done next does not depend on it
  return taking;
}

async function remember() {
  try {
    const found = await ask("edits");
    editable = found.layers;
    words.textContent = found.words;
    const offered = network.layers.filter(({ path, weights }) => path in editable && weights.weight?.length > 1);
    layers.replaceChildren(...options(offered.map(({ path, kind }) => [path, `${path} (${kind})`])));
    takeEdits(found);
    if (offered.length) target = { layer: offered[0].path, out: 0 };
    follow();
  } catch (error) {
    report(error);
  }
}

function takeEdits({ edits: all, ...edition }) {
  noteListed(edition);
  done = all;
  for (const each of undoing) allow(each, done.length, layers);
  const first = Math.max(0, done.length - LISTED);
  edits.start = first + 1;
  edits.replaceChildren(...done.slice(first).map((words, k) => make("li", {}, undoOf(first + k), ` ${words}`)));
  if (edition.revision >= get().revision) takeEdition(edition);
  badge();
}

/** A button that undoes one edit of several. */
function undoOf(number) {
  const [edit, name] = [done[number], `Undo ${done[number]}`];
  const undone = () => (done[number] === edit ? send("undo", { number }) : null); // when it is its turn
  return button("×", () => { undoing[0].focus(); act(undone); }, { "aria-label": name, title: name });
}

/** Say at the top that the network is edited; as it was in training it has no edits. */
function badge() {
  const { moment, comparing } = get();
  byId("edited").hidden = !done.length || moment !== null;
  const words = done.length > 1 ? `edited, ${count(done.length)} times` : "edited";
  byId("edited").textContent = comparing ? `${words}; shown as it was` : words;
}

/** Take over the layer and channel that have made the numbers which are looked at. */
function follow() {
  target = made() ?? target;
  load();
}

function made() {
  const { layer: path, channel: map, cell } = get();
  let layer = path && layerAt(path);
  if (!layer) return null;
  const out = makesMaps(layer) ? map : indexOf(layer, map, cell ?? [0, 0])[0];
  let last = null;
  while (layer) { // back as long as channels stay what they are
    if (layer.path in editable) last = { layer: layer.path, out };
    if (last && layer.weights.weight.length > 1) return last;
    const before = layer.reads.length === 1 ? layerAt(layer.reads[0]) : null;
    layer = before && before.shape.length === layer.shape.length && before.shape[0] === layer.shape[0] ? before : null;
  }
  return last;
}

function choose(layer, out) {
  target = { layer, out };
  const chosen = layerAt(layer);
  if (chosen && makesMaps(chosen)) set({ layer, channel: out, cell: layer === get().layer ? get().cell : null });
  load();
}

function channelNow() {
  channel.value = within(Math.round(Number(channel.value) || 0), 0, editable[target.layer] - 1);
  return Number(channel.value);
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

/** Show an answer; fields that somebody types in keep what stands there, unless it was refused. */
function show(found, refused) {
  layers.value = found.layer;
  channel.max = found.channels - 1;
  if (document.activeElement !== channel) channel.value = found.out; // else somebody is typing there
  many.textContent = `(0–${count(found.channels - 1)})`;
  limits.textContent = found.words;
  showKernels(found, refused);
  const [now, before] = ["bias now", "bias before"].map((name) => found.arrays[name]?.data[0]);
  biasRow.hidden = now === undefined;
  if (now === undefined || (document.activeElement === bias && !refused)) return;
  bias.value = plain(now);
  bias.title = now === before ? "as it was" : `was ${text(before)}`;
}

function setBias() {
  if (bias.value !== "") edit({ what: "bias" }, Float32Array.of(Number(bias.value)));
}

/** A button that shows the network as it was while held; a screen reader's click turns it on and off. */
function compareButton() {
  let [before, holding, keyed] = [false, false, false]; // keyed: by a key, whose click is no other press
  const element = button("Hold to compare", ({ detail }) => { if (!detail && !holding && !keyed) show(!before); keyed = false; }, {
    id: "change-compare", "aria-pressed": "false", pointerdown: (event) => { if (!event.button) hold(); },
    keydown: ({ key, repeat }) => { if (!repeat && (key === " " || key === "Enter")) { keyed = true; hold(); } },
  });
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur", "keyup"]) element.addEventListener(end, letGo);

  function show(wanted) {
    if (wanted === before) return;
    before = wanted;
    element.setAttribute("aria-pressed", String(before));
    const { image, source } = get();
    act(async () => {
      set({ comparing: wanted });
      await present(() => send("compare", { image, before: wanted, ...mapsInSight() }), source);
    });
    say(before ? "as it was" : "with the changes");
  }

  function hold() {
    holding = true;
    show(true);
  }

  function letGo() {
    if (holding) show(false);
    holding = false;
  }

  return element;
}

let queue = Promise.resolve();

/** Send edits one after the other, as they were made. */
function edit(query, body = undefined) {
  const place = target;
  if (get().moment !== null) { // another window has gone there while somebody typed
    loaded = "";
    return load(true);
  }
  return act(() => send("edit", { ...place, ...query }, body));
}

function undo(all) {
  return act(() => send("undo", { all }));
}

function act(question) {
  queue = queue.then(async () => {
    try {
      const found = await question();
      if (!found) return;
      takeEdits(found);
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
