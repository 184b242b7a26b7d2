// The glossary, whose words are dotted where they stand and say what they mean.

import { lay, make } from "./dom.js";
import { network } from "./network.js";
import { within } from "./numbers.js";

const forms = new Map(); // a word as it stands -> [its name, what it means]
let known = null; // a pattern of all of them
const tip = make("div", { id: "tip", role: "tooltip", hidden: true });
let described = null; // the word that it is of

/** Take the glossary of the server; the longest words are looked for first. */
export function buildWords() {
  for (const [names, meaning] of Object.entries(network.glossary)) {
    for (const word of names.split("/")) forms.set(word, [names.split("/")[0], meaning]);
  }
  const words = [...forms.keys()].sort((a, b) => b.length - a.length).map((word) => word.replaceAll("|", "\\|"));
  known = new RegExp(`(?<![\\w-])(${words.join("|")})(?![\\w-])`);
}

/** A text, with the words of the glossary dotted, each where it stands first: nodes for `make`. */
export function explained(text) {
  const had = new Set();
  return text.split(known).map((part) => {
    const [name] = forms.get(part) ?? [];
    if (!name || had.has(name)) return part;
    had.add(name);
    return dotted(part);
  });
}

/** A word that says what it means when pointed at or pressed. Tab passes it over: Help has all of them. */
export function dotted(word, meaning = forms.get(word)?.[1]) {
  if (!meaning) return word;
  const show = (event) => tell(event.currentTarget, meaning);
  return make("button", { class: "term", tabindex: "-1", click: show, pointerenter: show, pointerleave: hide, blur: hide }, word);
}

function tell(word, meaning) {
  hide();
  described = word;
  tip.textContent = meaning;
  document.body.append(tip);
  tip.hidden = false;
  word.setAttribute("aria-describedby", "tip");
  const { left, top, bottom } = word.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  lay(tip, { left: within(left, 4, innerWidth - width - 4), top: bottom + height + 8 < innerHeight ? bottom + 4 : top - height - 4 });
}

function hide() {
  tip.hidden = true;
  described?.removeAttribute("aria-describedby");
}

/** The glossary: a list of the words and of the kinds of layers that this network has. */
export function glossary() {
  const kinds = network.layers.filter(({ does }) => does).map(({ kind, does }) => [kind, does]);
  const entries = [...new Map([...forms.values(), ...kinds])].sort(([a], [b]) => a.localeCompare(b));
  return make("dl", { class: "glossary" }, ...entries.flatMap(([name, meaning]) => [make("dt", {}, name), make("dd", {}, meaning)]));
}

document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !tip.hidden) { hide(); event.stopImmediatePropagation(); } }, true);
addEventListener("scroll", hide, { capture: true, passive: true });
