// Going through what is too much to be shown at once.

import { make, renew } from "./dom.js";
import { count } from "./numbers.js";

/**
 * Say in a place which of so many are shown, between buttons that turn to those before and behind; nothing if it is all.
 *
 * @param {HTMLElement} place
 * @param {{what: string, first: number, size: number, total: number, base?: number, turn: (first: number) => void}} pages
 *   `size` are shown at a time, from the `first` on; the first of all has the number `base`
 */
export function showPager(place, { what, first, size, total, base = 0, turn }) {
  place.hidden = total <= size;
  const last = Math.min(first + size, total);
  const button = (label, words, to, able) => make("button", { type: "button", "aria-label": words, disabled: !able, click: () => turn(to) }, label);
  renew(
    place,
    button("◀", `earlier ${what}`, Math.max(0, first - size), first > 0),
    make("span", {}, ` ${count(first + base)}–${count(last - 1 + base)} of ${count(total)} `),
    button("▶", `further ${what}`, last, last < total),
  );
}
