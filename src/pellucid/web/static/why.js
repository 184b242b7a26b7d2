// Why the network says what it says: which pixels a class depends on, and whether that is worth anything.

import { ask, isVoid, newestOnly } from "./api.js";
import { make, problem, say } from "./dom.js";
import { className, network } from "./network.js";
import { verdict } from "./honesty.js";
import { Picture } from "./picture.js";
import { progressBar } from "./progress.js";
import { onShown } from "./showing.js";
import { get, on, set } from "./state.js";
import { NAMES, occlusionChoices, wordsOf } from "./why-methods.js";
import { buildWouldBe, showWouldBe } from "./wouldbe.js";

const LISTED = 3; // of the layers that are forgotten, the first

let known = null; // what the server says can be asked
let method = null;
let forgotten = 0;
let latest = null; // the last answer: its image, and what is made of it
let asked = ""; // what the pictures show
let asking = null; // what is being asked, and how to end that
let kept = { wanted: "", own: null }; // the picture of the network as it is, which stays while others forget
const learnt = new Picture("as it has learnt");
const forgetful = new Picture("after forgetting");
const parts = {};

/** Fill the panel. */
export function buildWhy(panel) {
  parts.panel = panel;
  onShown((found) => { latest = found; names(); update(); });
  on(["class", "revision"], () => { if (parts.classes) parts.classes.value = get().class ?? ""; update(); });
  panel.append(make("p", { class: "quiet" }, "…"));
}

/** The tab is opened. */
export async function showWhy() {
  if (known) return update();
  try {
    known = await ask("methods");
  } catch (error) {
    return problem(error.message);
  }
  if (!known.methods.length) parts.panel.replaceChildren(make("p", {}, "Explanations are of classes; this network does not give one number a class."));
  else fill();
  return update();
}

function fill() {
  [method] = known.methods;
  parts.panel.replaceChildren(make("h2", {}, "Which pixels count"), choices(), honesty(), wouldBePart());
  names();
}

function choices() {
  parts.classes = make("select", { id: "why-class", change: () => set({ class: parts.classes.value === "" ? null : Number(parts.classes.value) }) });
  parts.methods = make(
    "select",
    { id: "why-method", change: () => { method = parts.methods.value; parts.occlusion.element.hidden = method !== "occlusion"; update(); } },
    ...known.methods.map((value) => make("option", { value }, NAMES[value])),
  );
  parts.occlusion = occlusionChoices(update);
  parts.occlusion.element.hidden = true;
  parts.words = make("p", { class: "quiet" });
  parts.progress = progressBar("how far the explanation is");
  const through = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.25, id: "why-mix", input: () => mix(Number(through.value)) });
  mix(0.25);
  return make(
    "div",
    {},
    make("div", { class: "row" }, make("label", { class: "field" }, "by ", parts.methods), make("label", { class: "field" }, "for ", parts.classes)),
    parts.occlusion.element,
    parts.words,
    parts.progress.element,
    make("div", { class: "pictures" }, learnt.element, forgetful.element),
    make("label", { class: "field slide" }, "image through the colours ", through),
  );
}

function mix(share) {
  for (const picture of [learnt, forgetful]) picture.mix(share);
}

/** The honesty switch: the same picture of a network that has forgotten its last layers. */
function honesty() {
  const most = known.forgetting.length;
  parts.slider = make("input", {
    type: "range", min: 0, max: most, step: 1, value: 0, id: "why-forgotten",
    input: () => { forgotten = Number(parts.slider.value); names(); update(); },
  });
  parts.forgotten = make("p", { class: "quiet" });
  parts.agreement = make("div", { class: "agreement", id: "why-agreement" });
  return make(
    "div",
    {},
    make("h3", {}, "Is it honest?"),
    make("label", { class: "field slide" }, "forget the last layers ", parts.slider),
    parts.forgotten,
    parts.agreement,
    make("p", { class: "quiet" }, "With weights drawn anew, the picture should change. If it hardly changes, distrust it: then it tells of the image, not of what the network has learnt."),
  );
}

function wouldBePart() {
  const place = make("div", {});
  if (known.seeks) buildWouldBe(place);
  return place;
}

/** Write what depends on the image or on the slider: the classes' names, and which layers are forgotten. */
function names() {
  if (!known?.methods.length || !latest) return;
  const likeliest = latest.arrays.output.data.reduce((best, value, k, all) => (value > all[best] ? k : best), 0);
  const classes = latest.arrays.output.data.length;
  if (parts.classes.options.length !== classes + 1) {
    parts.classes.replaceChildren(
      make("option", { value: "" }, ""), ...Array.from({ length: classes }, (_, k) => make("option", { value: k }, className(k))),
    );
  }
  parts.classes.options[0].textContent = `what it sees: ${className(likeliest)}`;
  parts.classes.value = get().class ?? "";
  const gone = known.forgetting.slice(0, forgotten);
  parts.forgotten.textContent = gone.length
    ? `forgotten, from the output on: ${few(gone)} (${gone.length} of ${known.forgetting.length})`
    : `nothing is forgotten; ${known.forgetting.length} layers have learnt something`;
  parts.slider.setAttribute("aria-valuetext", gone.length ? `${gone.length} of ${known.forgetting.length}, up to ${gone.at(-1)}` : "none");
  showWouldBe(latest, likeliest);
}

function few(paths) {
  return paths.length > LISTED + 1 ? `${paths.slice(0, LISTED).join(", ")}, … up to ${paths.at(-1)}` : paths.join(", ");
}

function wish() {
  const { image, revision, class: of } = get();
  const query = { image, method, class: of, ...(method === "occlusion" ? parts.occlusion.query() : {}) };
  const wanted = `${revision} ${Object.values(query).join(" ")}`;
  return { wanted, both: `${wanted} ${forgotten}`, query };
}

const fetchPictures = newestOnly(async () => {
  const { wanted, both, query } = wish();
  const { image } = query;
  if (both === asked || image !== latest?.image) return;
  asking = { both, control: new AbortController() };
  const put = (words) => parts.progress.during(ask("why", words, asking.control.signal));
  parts.panel.setAttribute("aria-busy", "true");
  try {
    if (kept.wanted !== wanted) kept = { wanted, own: await put(query) };
    const { own } = kept;
    const other = forgotten ? await put({ ...query, forgotten }) : null;
    if (get().image !== image || method !== own.method) return;
    asked = both;
    draw(own, other);
  } catch (error) {
    if (isVoid(error)) return;
    refuse(error.message);
  } finally {
    asking = null;
    parts.panel.removeAttribute("aria-busy");
  }
});

/** Ask anew if the tab is open and something else is wanted; what is being made for nobody ends. */
function update() {
  if (!known?.methods.length || get().view !== "why" || !latest) return;
  if (asking && asking.both !== wish().both) asking.control.abort();
  fetchPictures();
}

/** Say why there is no picture, instead of one. */
function refuse(words) {
  asked = "";
  parts.words.textContent = words;
  parts.agreement.replaceChildren();
  for (const picture of [learnt, forgetful]) picture.showNumbers(null);
  say(words);
}

function draw(own, other) {
  const { image } = latest.arrays;
  parts.words.textContent = wordsOf(own, known.grad_cam_layer);
  learnt.showImage(image);
  learnt.showNumbers(own.arrays.picture, own.range, own.field);
  forgetful.element.hidden = !other;
  if (other) {
    forgetful.showImage(image);
    forgetful.showNumbers(other.arrays.picture, other.range, other.field);
  }
  parts.agreement.replaceChildren(...verdict(own, other));
  if (other) say(parts.agreement.firstChild.textContent);
}
