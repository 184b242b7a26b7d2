// Links that are opened, with the page or in its address, and copied; what a link names and is not here is said.

import { button } from "./controls.js";
import { byId, problem } from "./dom.js";
import { hasTab } from "./inspector.js";
import { showMoment } from "./learn.js";
import { bring } from "./layers.js";
import { cellFits, layerAt, makesMaps, network } from "./network.js";
import { count, product, shape } from "./numbers.js";
import { restore } from "./pad.js";
import { textAsPixels } from "./pixels.js";
import { showSource } from "./showing.js";
import { fromLink, get, link, set } from "./state.js";

const NOWHERE = { layer: null, channel: 0, cell: null, class: null, raw: false };

let warning = ""; // about the link that was opened, until somebody has read it

/** Open the link in the address; `otherwise` is the image where it names none. */
export async function openLink(otherwise) {
  const { net, source, moment = null, edits, ...wanted } = fromLink(location.hash);
  const missing = [];
  const place = fitting(wanted, missing);
  const image = imageOf(source, missing);
  tell(net, missing);
  set({ ...NOWHERE, ...place, lent: get().lent && !place.range });
  await showSource(image ?? otherwise);
  if (image?.kind === "pixels") restore(image.data);
  if (await showMoment(moment ?? get().moment)) tell(net, missing, net === network.digest ? difference(moment, edits) : "");
  else tell(net, [...missing, `the network after step ${count(moment)} of its training`]);
  if (place.layer) bring(place.layer);
}

/** What of a place there is in this network; the rest is added to what is missing. */
function fitting({ layer: path, channel = 0, cell = null, ...place }, missing) {
  const classes = product(network.layers.at(-1).shape);
  const drop = (name, words) => {
    delete place[name];
    missing.push(words);
  };
  if (place.class >= classes) drop("class", `class ${place.class}`);
  if (place.view && !hasTab(place.view)) drop("view", place.view === "learn" ? "a training" : `a tab “${place.view}”`);
  if (place.range && ![...byId("range").options].some(({ value }) => value === place.range)) drop("range", `a range “${place.range}”`);
  const layer = layerAt(path);
  if (path && !layer) missing.push(`a layer ${path.slice(0, 80)}`);
  if (!layer) return place;
  place.layer = path;
  const maps = makesMaps(layer);
  if (maps && channel >= layer.shape[0]) missing.push(`channel ${count(channel)} of ${path}`);
  else {
    place.channel = maps ? channel : 0;
    if (!cell || cellFits(layer, cell)) place.cell = cell;
    else missing.push(`row ${cell[0]}, column ${cell[1]} of ${path}`);
  }
  return place;
}

/** The image that a link names, if it is to be had. */
function imageOf(source, missing) {
  const { kind, number } = source ?? {};
  if (kind === "sample" && !(Number.isInteger(number) && number < (network.data?.count ?? 0))) missing.push(`sample ${number}`);
  else if (kind === "pixels" && textAsPixels(source.data)?.length !== product(network.input_shape)) {
    missing.push(`the image, which is none of ${shape(network.input_shape)}`);
  } else return source;
  return undefined;
}

/** Say what is wrong with a link. */
function tell(net, missing, other = "") {
  const words = [other].filter(Boolean);
  if (net && net !== network.digest) words.push(network.links.network);
  if (missing.length) words.push(`${network.links.missing}: ${missing.join("; ")}.`);
  warning = words.join(" ");
  notice(warning, byId("layers"));
}

/** Say something until it is closed, which moves the keyboard to another element. */
function notice(words, next) {
  const place = byId("notice");
  const close = () => {
    place.hidden = true;
    warning = "";
    next.focus({ preventScroll: true });
  };
  place.hidden = !words;
  place.classList.toggle("fine", !warning);
  place.replaceChildren(words, " ", button("Close", close));
}

export function buildCopy() {
  const copy = byId("copy-link");
  copy.addEventListener("click", async () => {
    try {
      const own = link(network.digest);
      await navigator.clipboard.writeText(new URL(own, location.href).href);
      const bare = get().source?.kind === "pixels" && !own.includes("pixels=");
      notice(`${warning} ${network.links[bare ? "bare" : "copied"]}`, copy);
    } catch {
      problem(network.links.uncopied);
    }
  });
}

/** What a link says otherwise of the network, which is the same for all windows. */
function difference(moment, edits) {
  const { moment: now, chosen, edited } = get();
  if (moment !== now && chosen) return `${network.links.moment} ${count(now)}.`;
  if (now !== null || edits === edited) return "";
  return edits ? network.links.edits : network.links.before;
}
