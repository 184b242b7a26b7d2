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
