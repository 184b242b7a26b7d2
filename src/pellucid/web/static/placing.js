// Where the maps of a layer lie on the page: side by side, as many in a row as there is room for.

const SIDE = 84; // of a map on the page, about, in pixels
const GAP = 6; // between maps, about
const CAPTION = 15; // below a map

/**
 * Place maps of so many rows and columns. A pixel of the canvas is a square of `unit` on the page.
 *
 * @param {{rows: number, columns: number, many: number, room: number, least: number[], cell?: number, captioned?: boolean, ratio?: number}} given
 *   `room` is as wide as the maps may get together, and `least` how high and wide the place of each is at least; a number
 *   is a square of `cell` where it is given; `ratio` is that of pixels of the screen to those of the page
 * @returns of the numbers each `step`-th is drawn, as a square of `zoom` pixels of the canvas, which is `width` × `height`;
 *   a number is a square of `pixel` on the page, and the k-th map begins at `places[k]`: x, y, k
 */
export function placeMaps({ rows, columns, many, room, least, cell = 0, captioned = false, ratio = 1 }) {
  const longest = Math.max(rows, columns);
  const size = cell || Math.max(1, Math.floor(SIDE / longest));
  const shrink = cell ? 1 : Math.max(1, Math.ceil(longest / (1.5 * SIDE)));
  const step = Math.max(1, Math.floor(shrink / ratio)); // more numbers a screen has no pixels for
  const zoom = Math.max(1, Math.round(size / GAP));
  const unit = (Math.floor(size / zoom) * step) / shrink;
  const gap = Math.max(1, Math.round(GAP / unit));
  const [down, right] = [rows, columns].map((side, axis) => Math.max(Math.ceil(side / step) * zoom, Math.ceil(least[axis] / unit)) + gap);
  const pitch = down + (captioned ? Math.ceil(CAPTION / unit) - Math.floor(gap / 2) : 0);
  const across = Math.max(1, Math.min(many, Math.floor((room / unit + gap) / right)));
  return {
    step, zoom, unit, pixel: (zoom * unit) / step, width: across * right - gap, height: Math.ceil(many / across) * pitch - gap,
    places: Array.from({ length: many }, (_, k) => [(k % across) * right, Math.floor(k / across) * pitch, k]),
  };
}
