// What this is, for whoever comes here first: what the network is for, how good it is at that, and the tour.

import { askUntilDone } from "./api.js";
import { button } from "./controls.js";
import { byId, make } from "./dom.js";
import { keep, kept } from "./kept.js";
import { isLive } from "./learning.js";
import { narrow } from "./narrow.js";
import { network } from "./network.js";
import { get, on } from "./state.js";

const good = make("span", {});
const offer = make("span", { class: "offer", hidden: true });
const element = make("div", { id: "about", role: "region", "aria-label": "What this is" });

/** Say it, above the layers; `tour` opens the tour, which is offered until somebody has decided. */
export function buildAbout(tour) {
  const decide = (then) => () => { offer.hidden = true; keep("met", "yes"); then(); };
  offer.append(button("Take the tour", decide(tour), { class: "ready" }), button("Not now", decide(() => {})));
  offer.hidden = Boolean(kept("met") ?? kept("tour"));
  byId("open-tour").addEventListener("click", decide(() => {}));
  element.append(make("span", {}, network.purpose, good), offer);
  narrow.addEventListener("change", place);
  place();
  on(["revision"], measure);
  measure();
}

/** How right the network is, and how right as edited; not of what it was in its training. */
async function measure() {
  const { revision, moment, comparing } = get();
  good.hidden = moment !== null;
  if (good.hidden || comparing || isLive()) return;
  const tell = (found) => { good.textContent = found?.about ?? good.textContent; };
  await askUntilDone("accuracy", {}, () => get().revision === revision, tell).then(tell, () => {});
}

function place() {
  if (narrow.matches) document.querySelector(".page").before(element);
  else byId("layers").prepend(element);
}
