// What the words of the page mean: a sentence for each kind of layer, and a glossary, whose words are dotted where they stand.

import { byId, make } from "./dom.js";

const BENDS = "bends each number by itself, by the curve that its sum shows";
const CUTS = "cuts out or moves numbers; it changes none";

/** Kind of a layer -> what it does. */
const KINDS = {
  Input: "the image as the first layer reads it: every pixel, scaled",
  Conv2d: "lays each filter over every place of what it reads; each makes a map of what it finds",
  ConvTranspose2d: "a convolution in reverse: each number spreads out over a patch, so that maps grow",
  BatchNorm2d: "brings each channel to about the same size, by what training found usual",
  LayerNorm: "brings all numbers of this image to about the same size", GroupNorm: "brings groups of channels to about the same size",
  LocalResponseNorm: "makes a number smaller where the neighbouring channels are large",
  ReLU: "makes what is below 0 a 0 and leaves all else", LeakyReLU: "makes what is below 0 small and leaves all else",
  PReLU: "makes what is below 0 small, by factors that were learnt", ReLU6: "cuts numbers off below 0 and above 6", Clip: "cuts numbers off at two ends",
  Sigmoid: BENDS, Tanh: BENDS, ELU: BENDS, SiLU: BENDS, GELU: BENDS, Softplus: BENDS, HardSwish: BENDS, HardSigmoid: BENDS,
  MaxPool2d: "keeps the largest number of each window: that something is there, less exactly where", AdaptiveMaxPool2d: "keeps the largest number of each region",
  AvgPool2d: "keeps the mean of each window", AdaptiveAvgPool2d: "keeps the mean of each region", Mean: "keeps the mean along some sides",
  Upsample: "makes maps larger by numbers in between", Flatten: "puts all maps in one row",
  Linear: "makes each of its numbers from all numbers before, each times a weight of its own",
  Softmax: "makes scores shares that add up to 1", LogSoftmax: "makes scores logarithms of shares",
  Dropout: "in training leaves numbers out at random; here it does nothing",
  Residual: "adds what its layers make to what they read", Concat: "puts the maps of several paths behind each other",
  Add: "adds the numbers of two paths", Multiply: "multiplies the numbers of two paths", Bias: "adds numbers that were learnt", Gain: "multiplies by numbers that were learnt",
  Pad: "puts numbers around", PadChannels: "puts empty channels around", Slice: CUTS, Transpose: CUTS, Reshape: CUTS,
};

/** Word -> what it means. A word that stands in several forms has them apart by "/". */
const WORDS = {
  "activation": "a layer that bends each number by itself; or a number that a layer makes",
  "beyond": "so many numbers are further from 0 than the colours reach, and have the last colour",
  "bias/biases": "a number that a filter adds to each of its sums",
  "channel/channels": "one of the layers of numbers that lie over each other in what a layer reads: the red of an image, or a map",
  "dead": "a map that is 0 everywhere, for this image",
  "filter/filters": "weights that go over every place of what a layer reads, with one kernel for each channel; it makes one map",
  "gradient": "how much a number changes, and which way, if another one grows a little",
  "Grad-CAM": "where the last maps speak for a class, each counted by its mean gradient",
  "kernel/kernels": "the small grid of weights that a filter has for one channel",
  "loss": "how wrong the network is, as one number; training makes it small",
  "map/maps": "what one filter found, place by place, drawn as a picture",
  "mean |a|": "the mean size of a map’s numbers, their signs left out",
  "multiply-adds": "how many products a layer adds up for one image: its work",
  "occlusion": "what the class loses when a patch of the image is covered",
  "padding": "zeros that are laid around, so that a filter finds a place at the edge",
  "parameters": "all numbers that training changes: weights and biases",
  "patch": "the numbers that lie under a kernel at one place", "place": "a row and a column, or a number in a row; the first is 0",
  "rank correlation": "whether two pictures have their pixels in the same order: 1 is the same, 0 has nothing in common",
  "receptive field": "the pixels that a number can depend on", "saliency": "how much the class’s score changes with each pixel",
  "score/scores": "what the last layer gives a class, before shares are made of it", "stride": "how far a filter goes from one place to the next",
  "weight/weights": "a number that something is multiplied by; it was learnt", "window": "the numbers that a pooling looks at for one of its own",
};

const forms = new Map(Object.entries(WORDS).flatMap(([names, meaning]) => names.split("/").map((name) => [name, [names.split("/")[0], meaning]])));
const known = new RegExp(`(?<![\\w-])(${[...forms.keys()].sort((a, b) => b.length - a.length).map((name) => name.replace(/[|]/g, "\\|")).join("|")})(?![\\w-])`);
const tip = make("div", { id: "tip", role: "tooltip", hidden: true });

/** What a kind of layer does, in one sentence; undefined for a kind of the user's own. */
export function doing(kind) {
  return KINDS[kind];
}

/** A text, with the words of the glossary dotted, each where it stands first: nodes for `make`. */
export function explained(text) {
  const parts = [];
  const had = new Set();
  let rest = text;
  let plain = "";
  for (let found = known.exec(rest); found; found = known.exec(rest)) {
    const [word] = found;
    const [name] = forms.get(word);
    plain += rest.slice(0, found.index);
    rest = rest.slice(found.index + word.length);
    if (had.has(name)) plain += word;
    else parts.push(plain, dotted(word));
    if (!had.has(name)) plain = "";
    had.add(name);
  }
  return [...parts, plain + rest];
}

/** A word that says what it means when it is pointed at or pressed. By Tab it is not reached: Help has all of them. */
export function dotted(word, meaning = forms.get(word)?.[1]) {
  if (!meaning) return word;
  const show = (event) => tell(event.currentTarget, meaning);
  return make("button", { type: "button", class: "term", tabindex: "-1", click: show, pointerenter: show, pointerleave: hide, blur: hide }, word);
}

function tell(word, meaning) {
  tip.textContent = meaning;
  document.body.append(tip);
  tip.hidden = false;
  word.setAttribute("aria-describedby", "tip");
  const [box, own] = [word.getBoundingClientRect(), tip.getBoundingClientRect()];
  const below = box.bottom + own.height + 8 < innerHeight;
  tip.style.left = `${Math.max(4, Math.min(innerWidth - own.width - 4, box.left))}px`;
  tip.style.top = `${below ? box.bottom + 4 : box.top - own.height - 4}px`;
}

function hide() {
  tip.hidden = true;
}

/** The glossary: a list of the words and of the kinds of layers that this network has. */
export function glossary(kinds) {
  const entries = [...Object.entries(WORDS).map(([names, meaning]) => [names.split("/")[0], meaning]), ...kinds.map((kind) => [kind, KINDS[kind]])];
  const lines = entries.filter(([, meaning]) => meaning).sort(([a], [b]) => a.localeCompare(b));
  return make("dl", { class: "glossary" }, ...lines.flatMap(([name, meaning]) => [make("dt", {}, name), make("dd", {}, meaning)]));
}

document.addEventListener("keydown", (event) => { if (event.key === "Escape" && byId("tip") && !tip.hidden) { hide(); event.stopPropagation(); } }, true);
addEventListener("scroll", hide, { capture: true, passive: true });
