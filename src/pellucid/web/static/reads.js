// What one number of a layer reads of those before it: boxes of cells, by the rule that the server gives for the layer.

import { cellOf, indexOf, layerAt, layout, makesMaps, unflatten } from "./network.js";

/** The boxes that a cell reads, each {path, first, channels, top, left, rows, columns}; none where there is no rule. */
export function readBy(layer, channel, cell) {
  const rule = RULES[layer.reading?.how];
  return rule ? layer.reads.map((path) => rule(layer, layerAt(path), channel, cell)).filter((box) => box) : [];
}

const RULES = {
  one: (layer, source, channel, cell) => {
    const flat = indexOf(layer, channel, cell).reduce((sum, at, axis) => sum * layer.shape[axis] + at, 0);
    const found = cellOf(source, unflatten(flat, source.shape));
    return box(source, found.channel, 1, found.cell, [1, 1]);
  },
  all: (layer, source) => all(source, 0, makesMaps(source) ? source.shape[0] : 1),
  joined: (layer, source, channel, cell) => {
    const before = layer.reads.slice(0, layer.reads.indexOf(source.path)).reduce((sum, path) => sum + layerAt(path).shape[0], 0);
    const own = channel - before;
    return own >= 0 && own < source.shape[0] ? box(source, own, 1, cell, [1, 1]) : null;
  },
  regions: (layer, source, channel, cell) => {
    const bounds = [0, 1].map((axis) => [0, 1].map((end) => {
      const share = ((cell[axis] + end) * source.shape[axis + 1]) / layer.shape[axis + 1];
      return end ? Math.ceil(share) : Math.floor(share);
    }));
    return box(source, channel, 1, bounds.map(([first]) => first), bounds.map(([first, end]) => end - first));
  },
  window: (layer, source, channel, cell) => {
    const { extent, stride, before, filters, channels } = layer.reading;
    const corner = cell.map((at, axis) => at * stride[axis] - before[axis]);
    return box(source, Math.floor(channel / filters) * channels, channels, corner, extent);
  },
};

/** A box, of which what lies in the padding is cut off. */
function box(source, first, channels, corner, size) {
  const { rows, columns } = layout(source);
  const [top, left] = corner.map((at) => Math.max(0, at));
  const [bottom, right] = [rows, columns].map((side, axis) => Math.min(side, corner[axis] + size[axis]));
  return { path: source.path, first, channels, top, left, rows: bottom - top, columns: right - left };
}

function all(source, first, channels) {
  const { rows, columns } = layout(source);
  return { path: source.path, first, channels, top: 0, left: 0, rows, columns };
}
