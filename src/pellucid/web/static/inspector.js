// The right side: tabs, each with a panel that another module fills.

import { onPin } from "./cells.js";
import { byId, make } from "./dom.js";
import { either } from "./keyboard.js";
import { get, on, set } from "./state.js";

const tabs = []; // {name, title, button, panel, show}

/**
 * Add a tab, whose name stands in links. `build` fills its panel, once; `show` is called whenever it is opened.
 */
export function addTab(name, title, build, show = () => {}) {
  const panel = make("div", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "0" });
  const click = () => set({ view: name });
  const button = make("button", { role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, click, keydown: turn }, title);
  tabs.push({ name, title, button, panel, show });
  byId("tabs").append(button);
  byId("panels").append(panel);
  build(panel);
}

export function hasTab(name) {
  return tabs.some((tab) => tab.name === name);
}

/** Open the tab that the state names, and follow it. */
export function buildInspector() {
  on(["view"], open);
  onPin(() => { if (!document.activeElement?.closest(".back")) byId("inspector").scrollTop = 0; }); // there one goes on
  open();
}

function open() {
  if (!hasTab(get().view)) {
    set({ view: tabs[0].name });
    return;
  }
  for (const tab of tabs) {
    const chosen = tab.name === get().view;
    tab.button.setAttribute("aria-selected", String(chosen));
    tab.button.tabIndex = chosen ? 0 : -1;
    tab.panel.hidden = !chosen;
    if (chosen) tab.show();
  }
}

function turn(event) {
  const step = either(event, "ArrowLeft", "ArrowRight");
  if (!step) return;
  const at = tabs.findIndex((tab) => tab.button === event.currentTarget);
  const next = tabs[(at + step + tabs.length) % tabs.length];
  set({ view: next.name });
  next.button.focus();
  event.preventDefault();
}
