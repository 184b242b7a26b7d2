// Why the network says what it says: which pixels a class depends on, and whether that is worth anything.

import { ask, isVoid, newestOnly, report } from "./api.js";
import { classOptions, field, options, quiet, row } from "./controls.js";
import { make, say } from "./dom.js";
import { className } from "./network.js";
import { verdict } from "./honesty.js";
import { largestAt } from "./numbers.js";
import { Picture } from "./picture.js";
import { progressBar } from "./progress.js";
import { onShown } from "./showing.js";
import { get, on, set } from "./state.js";
import { buildWouldBe, showWouldBe, wouldBe } from "./wouldbe.js";

let known = null; // what the server says can be asked
let latest = null; // the last answer: its image, and what is made of it
let asked = ""; // what the pictures show
let asking = null; // what is being asked, and how to end that
let asLearnt = { wanted: "", own: null }; // the picture of the network as it is, which stays while others forget
let panel = null;

const learnt = new Picture("as it has learnt");
const forgetful = new Picture("after forgetting");
const pictures = [learnt, forgetful];
for (const { element } of pictures) element.hidden = true; // until there is something in it

const classes = make("select", { id: "why-class", change: () => set({ class: classes.value === "" ? null : Number(classes.value) }) });
const against = make("select", { id: "why-against", change: () => set({ against: against.value }) });
const methods = make("select", { id: "why-method", change: update });
const measure = make("select", { id: "why-measure", change: update }, ...["score", "probability"].map((each) => make("option", {}, each)));
const patch = make("select", { id: "why-patch", change: update });
const occlusion = row(field("of the", measure), field("patch", patch));
const through = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.25, id: "why-mix", input: mix });
const slider = make("input", { type: "range", min: 0, value: 0, step: 1, id: "why-forgotten", input: () => { names(); update(); } });

const shows = make("p", { class: "quiet shows" });
const progress = progressBar("how far the explanation is");
const gone = quiet();
const agreement = make("div", { id: "why-agreement" });

export function buildWhy(place) {
  panel = place;
  onShown((found) => { latest = found; names(); update(); });
  on(["class", "against", "revision"], () => { names(); update(); });
  panel.append(quiet("…"));
}

export async function showWhy() {
  try {
    if (!known) fill(await ask("methods"));
  } catch (error) {
    report(error);
  }
  update();
}

function fill(found) {
  known = found;
  if (!known.methods.length) {
    panel.replaceChildren(make("p", {}, known.words));
    return;
  }
  methods.append(...options(known.methods));
  patch.append(...options(known.patches));
  patch.value = known.patch;
  slider.max = known.forgetting.length;
  if (known.seeks) buildWouldBe();
  panel.replaceChildren(
    make("h2", {}, "Which pixels count"),
    row(field("by", methods), field("for", classes), field("against", against)),
    occlusion,
    shows,
    progress.element,
    make("div", { class: "pictures" }, learnt.element, forgetful.element),
    make("label", { class: "field slide" }, "image over the colours ", through),
    make("h3", {}, "Is it honest?"), // the same picture of a network that has forgotten its last layers
    make("label", { class: "field slide" }, "forget the last layers ", slider),
    gone,
    agreement,
    quiet(known.words),
    wouldBe,
  );
  mix();
  names();
}

function mix() {
  for (const picture of pictures) picture.mix(Number(through.value));
}

/** Write what depends on the image or on the slider: the classes' names, and which layers are forgotten. */
function names() {
  if (!known?.methods.length || !latest) return;
  const { data } = latest.arrays.output;
  const likeliest = largestAt(data);
  if (!classes.length) {
    for (const select of [classes, against]) select.append(make("option", { value: "" }, "none"), ...classOptions(data.length));
  }
  classes.options[0].textContent = `what it sees: ${className(likeliest)}`;
  classes.value = get().class ?? "";
  for (const option of against.options) option.disabled = option.value === String(get().class ?? likeliest);
  if (against.selectedOptions[0].disabled) against.value = "";
  set({ against: against.value });
  gone.textContent = known.forgotten[Number(slider.value)];
  slider.setAttribute("aria-valuetext", gone.textContent);
  showWouldBe(latest, likeliest);
}

function wish() {
  const { image, revision, class: of } = get();
  const method = methods.value;
  const query = { image, method, class: of, against: against.value, ...(method === "occlusion" && { measure: measure.value, patch: patch.value }) };
  const wanted = `${revision} ${Object.values(query).join(" ")}`;
  const forgotten = Number(slider.value);
  return { wanted, both: `${wanted} ${forgotten}`, query, forgotten };
}

const fetchPictures = newestOnly(async () => {
  const { wanted, both, query, forgotten } = wish();
  const { image, method } = query;
  if (both === asked || image !== latest?.image) return;
  asking = { both, control: new AbortController() };
  const put = (question) => progress.during(ask("why", question, asking.control.signal));
  panel.setAttribute("aria-busy", "true");
  try {
    if (asLearnt.wanted !== wanted) asLearnt = { wanted, own: await put(query) };
    const { own } = asLearnt;
    const other = forgotten ? await put({ ...query, forgotten }) : null;
    if (get().image !== image || method !== methods.value) return;
    asked = both;
    draw(own, other);
  } catch (error) {
    if (!isVoid(error)) refuse(error.message);
  } finally {
    asking = null;
    panel.removeAttribute("aria-busy");
  }
});

/** Ask anew if the tab is open and something else is wanted; what is being made for nobody ends. */
function update() {
  occlusion.hidden = methods.value !== "occlusion";
  if (!known?.methods.length || get().view !== "why" || !latest) return;
  if (asking && asking.both !== wish().both) asking.control.abort();
  fetchPictures();
}

/** Say why there is no picture, instead of one. */
function refuse(why) {
  asked = "";
  shows.textContent = why;
  agreement.replaceChildren();
  for (const picture of pictures) picture.showNumbers(null);
  say(why);
}

function draw(own, other) {
  shows.textContent = own.words;
  pictures.forEach((picture, k) => {
    const found = [own, other][k];
    picture.element.hidden = !found;
    if (!found) return;
    picture.showImage(latest.arrays.image);
    picture.showNumbers(found.arrays.picture, found.range, found.field);
  });
  agreement.replaceChildren(...verdict(other));
  if (other) say(agreement.firstChild.textContent);
}
