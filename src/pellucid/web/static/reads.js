// What one number of a layer reads of those before it: boxes of cells, by the rules that the server gives.

import { cellOf, indexOf, layerAt, layout, unflatten } from "./network.js";

/** The boxes that a cell reads, {path, first, channels, top, left, rows, columns}; none where there is no rule. */
export function readBy(layer, channel, cell) {
  return Object.entries(layer.reading).map(([path, rule]) => {
    const source = layerAt(path);
    const { maps, rows, columns } = layout(source);
    if (!rule.flat) return { path, ...box({ extent: [rows, columns], stride: [0, 0], before: [0, 0], filters: Infinity, channels: maps, shift: 0, ...rule }) };
    const flat = indexOf(layer, channel, cell).reduce((sum, at, axis) => sum * layer.shape[axis] + at, 0);
    const found = cellOf(source, unflatten(flat, source.shape));
    return { path, first: found.channel, channels: 1, top: found.cell[0], left: found.cell[1], rows: 1, columns: 1 };

    function box({ extent, stride, before, filters, channels, shift }) {
      const corner = cell.map((at, axis) => at * stride[axis] - before[axis]);
      const [top, left] = corner.map((at) => Math.max(0, at)); // what lies in the padding is cut off
      const [bottom, right] = [rows, columns].map((side, axis) => Math.min(side, corner[axis] + extent[axis]));
      return { first: Math.floor(channel / filters) * channels - shift, channels, top, left, rows: bottom - top, columns: right - left };
    }
  }).filter(({ path, first, rows, columns }) => rows > 0 && columns > 0 && first >= 0 && first < layout(layerAt(path)).maps);
}
