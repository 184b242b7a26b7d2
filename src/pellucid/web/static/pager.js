// Going through what is too much to be shown at once.

import { button } from "./controls.js";
import { make, renew } from "./dom.js";
import { count } from "./numbers.js";

/**
 * Say in a place which of so many are shown, between buttons that turn to others; nothing if it is all.
 * `size` are shown at a time, from the `first` on; the first of all has the number `base`; `turn(first)` shows others.
 */
export function showPager(place, { what, first, size, total, base = 0, turn }) {
  place.hidden = total <= size;
  const last = Math.min(first + size, total);
  const to = (label, words, place, able) => button(label, () => turn(place), { "aria-label": words, disabled: !able });
  renew(
    place,
    to("◀", `earlier ${what}`, Math.max(0, first - size), first > 0),
    make("span", {}, ` ${count(first + base)}–${count(last - 1 + base)} of ${count(total)} `),
    to("▶", `further ${what}`, last, last < total),
  );
}
