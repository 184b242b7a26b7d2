// What is looked at, in one place. Whoever shows a part of it listens to that part.

const state = {
  image: null, // the server's name for the image that is shown
  source: null, // where it came from: {kind: "sample", number}, {kind: "pixels", data}, …
  layer: null, // path
  channel: 0,
  cell: null, // [row, column] in the channel's map
  view: "sum", // the open tab of the inspector
  class: null, // the class that is asked about; null for the likeliest
  range: "layer", // whose largest magnitude the colours reach to
  raw: false, // whether drawings are left where they are
  revision: 0, // of the network: grows with every edit
  edited: "", // the name of all edits; "" where there are none
  comparing: false, // whether the network is shown as it was before all edits
  chosen: false, // whether somebody went to that moment, here or in another window, and does not only follow
  moment: null, // the step of the training whose network is shown; null for the network as it is
};

const listeners = [];

/** The state; change it with `set` alone. */
export function get() {
  return state;
}

/** Change some of it, and tell who listens to what really changed. */
export function set(changes) {
  const changed = Object.keys(changes).filter((key) => JSON.stringify(state[key]) !== JSON.stringify(changes[key]));
  if (!changed.length) return;
  Object.assign(state, changes);
  for (const { keys, listener } of [...listeners]) if (keys.some((key) => changed.includes(key))) call(listener, state);
}

/** Take over which network there is: its revision, moment and edits, as an answer tells them; and other changes with it. */
export function tookEdition({ revision, step, chosen, edited, comparing }, changes = {}) {
  set({ ...changes, revision, moment: step, chosen, edited, comparing });
}

/** Tell a listener something. One that fails must not keep the others from hearing of it. */
export function call(listener, something) {
  try {
    listener(something);
  } catch (error) {
    reportError(error);
  }
}

/** Call a function whenever one of these parts has changed. */
export function on(keys, listener) {
  listeners.push({ keys, listener });
}

// ---- links: all that is needed to see the same again stands behind the # of the address

const LONGEST = 6000;

/** Write the state as the part of an address behind the #. */
export function link(digest) {
  const words = new URLSearchParams({ net: digest });
  const { source, layer, channel, cell, view, range, raw, moment, chosen, edited } = state;
  if (source?.kind === "sample") words.set("sample", source.number);
  if (source?.kind === "pixels" && source.data?.length < LONGEST) words.set("pixels", source.data);
  if (moment !== null && chosen) words.set("moment", moment); // else it is only what a training has come to
  if (moment === null && edited) words.set("edits", edited);
  if (layer) words.set("layer", layer);
  if (layer) words.set("channel", channel);
  if (cell) words.set("cell", cell.join(","));
  if (state.class !== null) words.set("class", state.class);
  words.set("view", view);
  words.set("range", range);
  if (raw) words.set("raw", "1");
  return `#${words}`;
}

/** Read such a part of an address: what of it makes sense. */
export function fromLink(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const found = { net: words.get("net"), edits: words.get("edits") ?? "" };
  const whole = (name) => (/^\d{1,9}$/.test(words.get(name) ?? "") ? Number(words.get(name)) : null);
  if (words.has("sample")) found.source = { kind: "sample", number: whole("sample") ?? words.get("sample").slice(0, 20) };
  else if (words.get("pixels")) found.source = { kind: "pixels", data: words.get("pixels").slice(0, LONGEST) };
  found.moment = whole("moment");
  if (words.get("layer")) found.layer = words.get("layer");
  if (whole("channel") !== null) found.channel = whole("channel");
  const cell = /^(\d{1,6}),(\d{1,6})$/.exec(words.get("cell") ?? "");
  if (cell) found.cell = [Number(cell[1]), Number(cell[2])];
  if (whole("class") !== null) found.class = whole("class");
  for (const name of ["view", "range"]) if (/^[a-z]{1,20}$/.test(words.get(name) ?? "")) found[name] = words.get(name);
  if (words.get("raw") === "1") found.raw = true;
  return found;
}
