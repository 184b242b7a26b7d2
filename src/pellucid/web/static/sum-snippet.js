// A sum as a few lines of NumPy, to take along.

import { button } from "./controls.js";
import { make, say } from "./dom.js";

/** A button that copies the lines, and the lines themselves, folded. */
export function buildSnippet(lines) {
  const said = make("span", { class: "quiet said" });
  const text = make("textarea", { class: "snippet", readonly: true, rows: "12", spellcheck: "false", "aria-label": "The sum as a NumPy program" });
  text.value = lines;
  const fold = make("details", {}, make("summary", {}, "read it"), text);
  const copy = async () => {
    said.textContent = await copied(lines, text, fold) ? "Copied." : "Press Ctrl+C: the lines are selected.";
    say(said.textContent);
  };
  return make("div", { class: "taken" }, button("Copy as NumPy", copy, { class: "copy" }), fold, said); // words that come move nothing
}

/** Whether the browser lets this page copy; if not, the lines are selected. */
async function copied(lines, text, fold) {
  try {
    await navigator.clipboard.writeText(lines);
    return true;
  } catch {
    fold.open = true;
    text.focus();
    text.select();
    return false;
  }
}
