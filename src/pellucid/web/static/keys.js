// Keys that work everywhere on the page, but in fields where they write.

import { hover } from "./cells.js";
import { byId, make } from "./dom.js";
import { HELP, either, isCommand } from "./keyboard.js";
import { goBy } from "./layers.js";
import { get, set } from "./state.js";
import { glossary } from "./words.js";

Object.assign(HELP, {
  Backspace: "from a pinned number to the largest that it is made of",
  Esc: "one step up: from the cell to the layer, from there to nothing",
});

let backwards = () => {};

/** Listen; `stepBack` goes from a number to its largest contributor. */
export function buildKeys(stepBack) {
  backwards = stepBack;
  document.addEventListener("keydown", key);
  const help = byId("help");
  HELP["?"] = "this help";
  const rows = Object.entries(HELP).map(([name, words]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, words)));
  help.append(
    make("form", { method: "dialog", class: "row" }, make("h2", { id: "help-title" }, "Help"), make("button", { type: "submit" }, "Close")),
    make("h3", {}, "Keys"),
    make("table", {}, make("tbody", {}, ...rows)),
    make("h3", {}, "Words"),
    glossary(),
  );
  byId("open-help").addEventListener("click", () => help.showModal());
}

function key(event) {
  if (isCommand(event) || event.target.closest("input, select, textarea, dialog[open]")) return;
  const { layer, cell } = get();
  const further = either(event, "PageUp", "PageDown");
  if (event.key === "?") byId("help").showModal();
  else if (further) goBy(further);
  else if (event.key === "Backspace" && cell) { hover(null); backwards(); }
  else if (event.key === "Escape" && cell) set({ cell: null });
  else if (event.key === "Escape" && layer) set({ layer: null });
  else return;
  event.preventDefault();
}
