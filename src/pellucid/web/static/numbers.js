// How numbers are written: with a true minus sign, and so that digits stand below each other.

import { within } from "./within.js";

const MINUS = "\u2212";
const IN_ENGLISH = new Intl.NumberFormat("en");

/** A number in about `digits` significant digits: "−0.4213", "1.25e−9". */
export function text(value, digits = 4) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? `${MINUS}∞` : "∞";
  const size = Math.abs(value);
  let written;
  if (value === 0) written = "0";
  else if (Number.isInteger(value) && size < 1e6) written = String(value);
  else if (size >= 1e6 || size < 1e-4) written = value.toExponential(digits - 1);
  else written = value.toPrecision(digits);
  return written.replaceAll("-", MINUS);
}

/** A number in few letters, for a cell: "−0.042", and where that says little "−4e−3". */
export function short(value, digits) {
  const size = Math.abs(value);
  const small = size > 0 && size < 10 ** -digits;
  return small ? value.toExponential(Math.max(0, digits - 2)).replaceAll("-", MINUS) : text(value, digits);
}

/** A number in at most four letters, for three grids side by side: "−.13", "1.8", "−12". */
export function tiny(value) {
  const size = Math.abs(value);
  if (!(size < 1000) || value === 0) return text(value, 1);
  return value.toFixed(size < 0.995 ? 2 : size < 9.95 ? 1 : 0).replace(/^(-?)0\./, "$1.").replace("-", MINUS);
}

/** A number with its sign, as in a sum: "+0.42", "−0.42". */
export function signed(value, digits = 4) {
  const written = text(value, digits);
  return value >= 0 ? `+${written}` : written;
}

/** A number as fields for numbers take it, in which a minus sign is a hyphen: "-0.421"; three digits of the largest. */
export function plain(value, largest = Math.abs(value)) {
  const decimals = largest > 0 ? within(2 - Math.floor(Math.log10(largest)), 0, 20) : 0;
  return String(Number(value.toFixed(decimals)) + 0); // -0 becomes 0
}

/** A share as a percentage: "93 %", "0.4 %", "< 0.1 %". */
export function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value > 99.9 && value < 100) return "> 99.9 %";
  return `${value >= 10 ? value.toFixed(value > 99 ? 1 : 0) : value.toFixed(1)} %`;
}

/** A count with its thousands apart: "44,426". */
export function count(value) {
  return IN_ENGLISH.format(value);
}

/** The product of numbers, as of the sides of a shape. */
export function product(sizes) {
  return sizes.reduce((all, size) => all * size, 1);
}

/** A shape: [6, 24, 24] as "6×24×24". */
export function shape(sizes) {
  return sizes.join("×");
}

/** Where the largest of some numbers stands. */
export function largestAt(values) {
  return values.reduce((best, value, at) => (value > values[best] ? at : best), 0);
}
