// Keys that work everywhere on the page, but in fields where they write.

import { hover } from "./cells.js";
import { byId, make } from "./dom.js";
import { goBy } from "./layers.js";
import { get, set } from "./state.js";
import { glossary } from "./words.js";

const KEYS = [
  ["arrows", "move the cell in a map; with Shift by 5"],
  ["Enter", "pin the cell: its whole sum is shown"],
  ["[ and ]", "the channel before, the next channel"],
  ["Page Up, Page Down", "the layer before, the next layer"],
  ["Backspace", "from a pinned number to the largest that it is made of"],
  ["Esc", "one step up: from the cell to the layer, from there to nothing"],
  ["0 to 9", "in the image: set the ink of a pixel"],
  ["p, n, l", "in the tab Training, while it trains: pause or continue, next step, hold the page or follow"],
  ["F6", "between the tour and what it points at"],
  ["?", "this help"],
];

let backwards = () => {};

/** Listen; `stepBack` goes from a number to its largest contributor. */
export function buildKeys(stepBack) {
  backwards = stepBack;
  document.addEventListener("keydown", key);
  const help = byId("help");
  const rows = KEYS.map(([name, words]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, words)));
  help.append(
    make("form", { method: "dialog", class: "row" }, make("h2", { id: "help-title" }, "Help"), make("button", {}, "Close")),
    make("h3", {}, "Keys"),
    make("table", {}, make("tbody", {}, ...rows)),
    make("p", { class: "quiet" }, "Tab goes from map to map; a screen reader says where you are, and the number there."),
    make("h3", {}, "Words"),
    glossary(),
  );
  byId("open-help").addEventListener("click", () => help.showModal());
}

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea, dialog[open]")) return;
  const { layer, cell } = get();
  if (event.key === "?") byId("help").showModal();
  else if (event.key === "PageUp" || event.key === "PageDown") goBy(event.key === "PageUp" ? -1 : 1);
  else if (event.key === "Backspace" && cell) { hover(null); backwards(); }
  else if (event.key === "Escape" && cell) set({ cell: null });
  else if (event.key === "Escape" && layer) set({ layer: null });
  else return;
  event.preventDefault();
}
