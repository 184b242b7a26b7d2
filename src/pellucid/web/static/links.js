// Links that are opened: when the page is, and when another one is put into the address. What of a link is not to be had
// here is said, and left out.

import { byId, make, still } from "./dom.js";
import { hasTab } from "./inspector.js";
import { mapsOf } from "./layers.js";
import { layerAt, layout, makesMaps, network } from "./network.js";
import { count, shape } from "./numbers.js";
import { textAsPixels } from "./pixels.js";
import { showSource } from "./showing.js";
import { fromLink, set } from "./state.js";

const NOWHERE = { layer: null, channel: 0, cell: null, class: null, raw: false };

/** Open the link that stands in the address; `otherwise` is the image that is shown where it names none. */
export async function openLink(otherwise) {
  const { net, source, ...wanted } = fromLink(location.hash);
  const missing = [];
  const place = fitting(wanted, missing);
  const image = imageOf(source, missing);
  tell(Boolean(net) && net !== network.digest, missing);
  set({ ...NOWHERE, ...place });
  byId("range").value = place.range ?? byId("range").value;
  byId("raw").checked = place.raw ?? false;
  await showSource(image ?? otherwise);
  if (place.layer) mapsOf(place.layer).element.scrollIntoView({ block: "nearest", behavior: still() ? "auto" : "smooth" });
}

/** What of a place there is in this network; what is missing is added to a list. */
function fitting({ layer: path, channel, cell, ...place }, missing) {
  const classes = network.layers.at(-1).shape.reduce((product, side) => product * side, 1);
  if (place.class >= classes) drop(place, "class", `class ${place.class}`, missing);
  if (place.view && !hasTab(place.view)) drop(place, "view", place.view === "learn" ? "a training" : `a tab “${place.view}”`, missing);
  if (place.range && ![...byId("range").options].some(({ value }) => value === place.range)) delete place.range;
  if (!path) return place;
  const layer = layerAt(path);
  if (!layer) {
    missing.push(`a layer ${path.slice(0, 80)}`);
    return place;
  }
  place.layer = path;
  const { maps, rows, columns, length } = layout(layer);
  if (channel >= maps && makesMaps(layer)) missing.push(`channel ${count(channel)} of ${path}`);
  else {
    place.channel = makesMaps(layer) ? channel ?? 0 : 0;
    const inside = cell && cell[0] < rows && cell[1] < columns && cell[0] * columns + cell[1] < length;
    if (inside) place.cell = cell;
    else if (cell) missing.push(`row ${cell[0]}, column ${cell[1]} of ${path}`);
  }
  return place;
}

/** The image that a link names, if it is one of these data, or one that the network takes. */
function imageOf(source, missing) {
  if (source?.kind === "sample" && !(source.number < (network.data?.count ?? 0))) missing.push(`sample ${count(source.number)}`);
  else if (source?.kind === "pixels" && textAsPixels(source.data)?.length !== network.input_shape.reduce((product, side) => product * side, 1)) {
    missing.push(`the image, which is none of ${shape(network.input_shape)}`);
  } else return source;
  return undefined;
}

function drop(place, name, words, missing) {
  delete place[name];
  missing.push(words);
}

/** Say what is wrong with a link, until one has read it. */
function tell(foreign, missing) {
  const words = [];
  if (foreign) words.push(`This link was made with another network. What is shown is ${network.title}, with its own numbers.`);
  if (missing.length) words.push(`The link names what there is not here: ${missing.join("; ")}.`);
  const place = byId("notice");
  place.hidden = !words.length;
  const close = make("button", { type: "button", click: () => { place.hidden = true; byId("inspector").focus(); } }, "Close");
  place.replaceChildren(make("span", {}, `${words.join(" ")} `), close);
}
