// Colours of numbers: orange below 0, nearly white at 0, blue above, apart also for colour-blind eyes. They reach from −R
// to R; what lies beyond has the last colour, and is counted. For the page and its worker alike.

import { within } from "./numbers.js";

const NEGATIVE = [0xb4, 0x53, 0x09];
const ZERO = [0xf4, 0xf4, 0xf4];
const POSITIVE = [0x1d, 0x4e, 0xd8];
const STEPS = 256; // on either side of 0
const STRANGE = 0xff00d4ff; // NaN: yellow (as the bytes of RGBA lie in memory)

/** Colours from −1 to 1, as 32-bit words of RGBA bytes. */
const TABLE = new Uint32Array(2 * STEPS + 1);
for (let k = -STEPS; k <= STEPS; k += 1) {
  const end = k < 0 ? NEGATIVE : POSITIVE;
  const [r, g, b] = ZERO.map((from, i) => Math.round(from + (Math.abs(k) / STEPS) * (end[i] - from)));
  TABLE[k + STEPS] = (255 << 24) | (b << 16) | (g << 8) | r;
}

/** The colour of a number, as a word of RGBA bytes. */
export function word(value, range) {
  if (Number.isNaN(value)) return STRANGE;
  const share = range > 0 ? value / range : Math.sign(value);
  return TABLE[Math.round(within(share, -1, 1) * STEPS) + STEPS];
}

/** The colour of a number, for style sheets. */
export function css(value, range) {
  const rgba = word(value, range);
  return `rgb(${rgba & 255} ${(rgba >> 8) & 255} ${(rgba >> 16) & 255})`;
}

/** Ink that can be read on that colour: black or white, whichever differs more, always 4.5:1 at least. */
export function ink(value, range) {
  const rgba = word(value, range);
  const [r, g, b] = [0, 8, 16].map((bits) => linear(((rgba >> bits) & 255) / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff"; // 0.179: as far from either
}

/** The light of a part of a colour, of the number that sRGB has for it. */
function linear(part) {
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

/** How many numbers lie beyond the range, and how many are none, which have a colour of their own. */
export function outside(values, range) {
  let [beyond, none] = [0, 0];
  for (const value of values) {
    if (Math.abs(value) > range) beyond += 1;
    else if (Number.isNaN(value)) none += 1;
  }
  return [beyond, none];
}

/** A gradient from −R to R for style sheets; only its upper half where nothing is below 0. */
export function gradient(half) {
  const ends = [NEGATIVE, ZERO, POSITIVE].map((rgb) => `rgb(${rgb.join(" ")})`);
  return `linear-gradient(to right, ${(half ? ends.slice(1) : ends).join(", ")})`;
}
