// How numbers are written: with a true minus sign, and so that digits stand below each other.

const MINUS = "\u2212";
const RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹";
const IN_ENGLISH = new Intl.NumberFormat("en");

/** A number in about `digits` significant digits: "−0.4213", "1.250·10⁻⁹"; the server writes them so too (written.py). */
export function text(value, digits = 4) {
  if (Number.isNaN(value)) return "NaN";
  const size = Math.abs(value);
  const sign = value < 0 ? MINUS : "";
  if (!Number.isFinite(value)) return `${sign}∞`;
  if (Number.isInteger(value) && size < 1e6) return sign + size;
  const [head, exponent] = size.toExponential(digits - 1).split("e");
  return sign + (size >= 1e6 || size < 1e-4 ? `${head}·${tens(exponent)}` : size.toFixed(Math.max(0, digits - 1 - exponent)));
}

/** A power of ten: "10⁻⁸". */
export function tens(exponent) {
  return `10${String(Number(exponent)).replace(/./g, (letter) => RAISED["-0123456789".indexOf(letter)])}`;
}

/** A number for a cell, in so many digits but for a 0 before the point: "−0.13", "1.8", "−12". */
export function short(value, digits) {
  if (!Number.isFinite(value) || value === 0) return text(value);
  const size = Math.abs(value);
  let decimals = digits;
  while (decimals && size.toFixed(decimals).replace(/^0\.|\./, "").length > digits) decimals -= 1;
  const written = size.toFixed(decimals);
  return value < 0 && Number(written) ? MINUS + written : written;
}

/** A number with its sign, as in a sum: "+0.42", "−0.42". */
export function signed(value, digits = 4) {
  const written = text(value, digits);
  return value >= 0 ? `+${written}` : written;
}

/** A number as fields take it, whose minus sign is a hyphen: "-0.421"; three digits of the largest. */
export function plain(value, largest = Math.abs(value)) {
  const decimals = largest > 0 ? within(2 - Math.floor(Math.log10(largest)), 0, 20) : 0;
  return String(Number(value.toFixed(decimals)) + 0); // -0 becomes 0
}

/** A share as a percentage: "93 %", "0.4 %", "< 0.1 %". */
export function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value > 99.9) return "> 99.9 %"; // 1 is what rounding makes of nearly all
  return `${value.toFixed(value < 9.95 || value >= 98.5 ? 1 : 0)} %`;
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

/** A number, or the end of the range that it lies beyond. */
export function within(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
