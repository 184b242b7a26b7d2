// The network as the server describes it, and what several parts of the page ask about its shapes.

import { product, within } from "./numbers.js";

const FOLD = 32; // numbers in a row of a vector that is shown as a block
const LISTED = 24; // classes, at most, whose numbers stand below each other, each with its name

export const network = { layers: [], classes: [], input_shape: [], digest: "" };
const places = new Map();

export function describe(description) {
  Object.assign(network, description);
  network.layers.forEach((layer, number) => places.set(layer.path, number));
}

/** The layer at a path, or undefined. */
export function layerAt(path) {
  return network.layers[places.get(path)];
}

/** The layer so many further on, or the first or the last. */
export function neighbour(path, steps) {
  const number = (places.get(path) ?? 0) + steps;
  return network.layers[within(number, 0, network.layers.length - 1)];
}

/** Whether a layer makes maps; else it makes a vector. */
export function makesMaps(layer) {
  return layer.shape.length === 3;
}

/** How a layer's numbers are laid out as pictures: so many maps of so many rows and columns. */
export function layout(layer) {
  if (makesMaps(layer)) {
    const [maps, rows, columns] = layer.shape;
    return { maps, rows, columns, length: rows * columns };
  }
  const length = product(layer.shape);
  const columns = isListed(layer) ? 1 : Math.min(length, FOLD);
  return { maps: 1, rows: Math.ceil(length / columns), columns, length };
}

/** The index of a cell in the layer's output, as the server counts: "17,5,9" of a map, "42" of a vector. */
export function indexOf(layer, channel, [row, column]) {
  if (makesMaps(layer)) return [channel, row, column];
  const flat = row * layout(layer).columns + column;
  return layer.shape.length === 1 ? [flat] : unflatten(flat, layer.shape);
}

/** The channel and cell of an index of a layer's output. */
export function cellOf(layer, index) {
  if (makesMaps(layer)) return { channel: index[0], cell: [index[1], index[2]] };
  const flat = index.reduce((sum, place, axis) => sum * layer.shape[axis] + place, 0);
  const { columns } = layout(layer);
  return { channel: 0, cell: [Math.floor(flat / columns), flat % columns] };
}

/** The index of a number of an array of these sizes, of which it is the so-many-th. */
export function unflatten(flat, sizes) {
  return sizes.map((_, axis) => {
    const below = product(sizes.slice(axis + 1));
    return Math.floor(flat / below) % sizes[axis];
  });
}

/** Whether a layer has such a cell. */
export function cellFits(layer, [row, column]) {
  const { rows, columns, length } = layout(layer);
  return row < rows && column < columns && row * columns + column < length;
}

/** What a cell is called: "conv2, channel 17, row 5, column 9". */
export function cellName(layer, channel, cell) {
  if (makesMaps(layer)) return `${layer.path}, channel ${channel}, row ${cell[0]}, column ${cell[1]}`;
  const index = indexOf(layer, channel, cell);
  const [number, name] = [index.join(", "), isOutput(layer) ? className(index[0]) : ""];
  return `${layer.path}, number ${number}${["", number].includes(name) ? "" : ` (${name})`}`;
}

export function isFirst(layer) {
  return network.layers.find(({ kind }) => kind === layer.kind) === layer;
}

/** Whether a layer has one number a class: the last one, and those that it only reshapes or makes shares of. */
export function isOutput(layer) {
  return layer.shape.length === 1 && layer.shape[0] === network.classes.length && outputs().has(layer.path);
}

const SHARES = ["Softmax", "LogSoftmax", "Flatten", "Reshape"];

/** The paths of the layers that stand for the classes. */
function outputs() {
  const found = new Set();
  for (let layer = network.layers.at(-1); layer; layer = SHARES.includes(layer.kind) ? layerAt(layer.reads[0]) : null) found.add(layer.path);
  return found;
}

/** Whether a layer's numbers stand below each other, each with the name of its class. */
export function isListed(layer) {
  return isOutput(layer) && layer.shape[0] <= LISTED;
}

export function className(number) {
  return network.classes[number] ?? String(number);
}

/** The pixels that a cell depends on: {top, left, rows, columns} in the input, cut at its edges; null if unknown. */
export function receptiveField(layer, cell) {
  const [, height, width] = network.input_shape;
  if (!width) return null;
  if (layer.path === "input") return { top: cell[0], left: cell[1], rows: 1, columns: 1 };
  if (!layer.field || !makesMaps(layer)) return { top: 0, left: 0, rows: height, columns: width };
  const { size, stride, offset } = layer.field;
  const [top, left] = [0, 1].map((axis) => offset[axis] + stride[axis] * cell[axis]);
  const [y, x] = [Math.max(0, top), Math.max(0, left)];
  return { top: y, left: x, rows: Math.min(height, top + size[0]) - y, columns: Math.min(width, left + size[1]) - x };
}
