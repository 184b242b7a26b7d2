// What is looked at, in one place. Whoever shows a part of it listens to that part.

const state = {
  image: null, // the server's name for the image that is shown
  source: null, // where it came from: {kind: "sample", number}, {kind: "pixels", data}, …
  layer: null, // path
  channel: 0,
  cell: null, // [row, column] in the channel's map
  view: "sum", // the open tab of the inspector
  class: null, // that is asked about; null for the likeliest
  against: "", // the class that it is compared with
  range: "layer", // whose largest magnitude the colours reach to
  lent: false, // colours are locked only while one goes through moments: links say "layer"
  raw: false, // drawings are left where they are
  revision: 0, // of the network: grows with every edit
  edited: "", // the name of all edits
  comparing: false, // the network is shown as before all edits
  chosen: false, // somebody went to that moment, and does not only follow
  moment: null, // the step of the training that is shown; null for the network as it is
};

const listeners = [];

/** The state; change it with `set` alone. */
export function get() {
  return state;
}

/** Change some of it, and tell who listens to that. */
export function set(changes) {
  const changed = Object.keys(changes).filter((key) => JSON.stringify(state[key]) !== JSON.stringify(changes[key]));
  if (!changed.length) return;
  Object.assign(state, changes);
  for (const { keys, listener } of [...listeners]) if (keys.some((key) => changed.includes(key))) call(listener, state);
}

/** Take over which network there is, as an answer tells; and other changes with it. */
export function takeEdition({ revision, step, chosen, edited, comparing }, changes = {}) {
  set({ ...changes, revision, moment: step, chosen, edited, comparing });
}

/** Two functions: one adds a listener, the other tells all; one that fails keeps no other from hearing of it. */
export function broadcast() {
  const all = [];
  return [(listener) => all.push(listener), (...something) => all.forEach((listener) => call(listener, ...something))];
}

function call(listener, ...something) {
  try {
    listener(...something);
  } catch (error) {
    reportError(error);
  }
}

export function on(keys, listener) {
  listeners.push({ keys, listener });
}

// ---- links

const LONGEST = 6000;

/** Write the state as the part of an address behind the #. */
export function link(digest) {
  const { source, layer, channel, cell, class: asked, view, lent, raw, moment, chosen, edited } = state;
  const range = lent ? "layer" : state.range;
  const words = {
    net: digest,
    sample: source?.kind === "sample" ? source.number : null,
    pixels: source?.kind === "pixels" && source.data?.length < LONGEST ? source.data : null,
    moment: chosen ? moment : null, // else it is only what a training has come to
    edits: (moment === null && edited) || null,
    layer, channel: layer && channel, cell, class: asked, view, range, raw: raw ? 1 : null,
  };
  return `#${new URLSearchParams(Object.entries(words).filter(([, word]) => word !== null))}`;
}

/** Read such a part of an address: what of it makes sense. */
export function fromLink(hash) {
  const words = Object.fromEntries(new URLSearchParams(hash.replace(/^#/, "")));
  const { net, sample, pixels, edits = "", layer } = words;
  const read = (name, pattern, as) => (pattern.test(words[name] ?? "") ? as(words[name]) : undefined);
  const whole = (name) => read(name, /^\d{1,9}$/, Number);
  const found = {
    net, edits, moment: whole("moment"), layer: layer || undefined, channel: whole("channel"), class: whole("class"),
    cell: read("cell", /^\d{1,6},\d{1,6}$/, (at) => at.split(",").map(Number)),
    view: read("view", /^[a-z]{1,20}$/, String), range: read("range", /^[a-z]{1,20}$/, String), raw: read("raw", /^1$/, Boolean),
  };
  if (sample !== undefined) found.source = { kind: "sample", number: whole("sample") ?? sample.slice(0, 20) };
  else if (pixels) found.source = { kind: "pixels", data: pixels.slice(0, LONGEST) };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
