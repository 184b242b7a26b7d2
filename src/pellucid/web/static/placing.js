// Where the maps of a layer lie: side by side, as many in a row as there is room for.

const SIDE = 84; // of a map on the page, about, in pixels
const GAP = 6; // between maps, about
const CAPTION = 15; // below a map

/**
 * Place so many maps in a room so wide, each at least so high and wide; numbers of vectors are squares of a `cell`.
 * Each `step`-th number is a square of `zoom` pixels of a canvas, of which each is one of `unit` on the page; a number is
 * one of `pixel` there.
 */
export function placeMaps({ rows, columns, many, room, least, cell = 0, captioned = false, ratio = 1 }) {
  const longest = Math.max(rows, columns);
  const size = cell || Math.max(1, Math.floor(SIDE / longest));
  const shrink = cell ? 1 : Math.max(1, Math.ceil(longest / (1.5 * SIDE)));
  const step = Math.max(1, Math.floor(shrink / ratio)); // a screen has no pixels for more
  const zoom = Math.max(1, Math.round(size / GAP));
  const unit = (Math.floor(size / zoom) * step) / shrink;
  const gap = Math.max(1, Math.round(GAP / unit));
  const [down, right] = [rows, columns].map((side, axis) => Math.max(Math.ceil(side / step) * zoom, Math.ceil(least[axis] / unit)) + gap);
  const pitch = down + (captioned ? Math.ceil(CAPTION / unit) - Math.floor(gap / 2) : 0);
  const across = Math.max(1, Math.min(many, Math.floor((room / unit + gap) / right)));
  const places = Array.from({ length: many }, (_, k) => [(k % across) * right, Math.floor(k / across) * pitch, k]);
  return { step, zoom, unit, pixel: (zoom * unit) / step, width: across * right - gap, height: Math.ceil(many / across) * pitch - gap, places };
}
