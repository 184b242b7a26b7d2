// Making elements. Texts are always text: nothing that a file or a network says becomes markup.

/**
 * Make an element: `make("p", {class: "quiet"}, "text", other)`. Functions become listeners: `{click: …}`. A button sends no
 * form unless it says so.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (tag === "button") element.type = "button";
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make an element of a drawing: `draw("path", {class: "line", d}, other)`. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Put an element where a box is: some of {left, top, width, height}, in pixels or another unit. */
export function lay(element, box, unit = "px") {
  for (const [side, size] of Object.entries(box)) element.style[side] = `${size}${unit}`;
}

/** Let a button be used, or not; a keyboard that is on it then goes to another element. */
export function allow(button, able, instead) {
  if (!able && document.activeElement === button) instead.focus();
  button.disabled = !able;
}

/** Replace an element's children; a keyboard that is on a button of one stays there, or goes to one beside it. */
export function renew(place, ...children) {
  const at = [...place.children].findIndex((each) => each.contains(document.activeElement));
  place.replaceChildren(...children);
  if (at >= 0) [place.children[at], ...place.children].map((each) => (each?.matches("button:enabled") ? each : each?.querySelector("button:enabled"))).find(Boolean)?.focus();
}

/** Whether the user wants things to stay still. */
export function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Whether one taps, as the pointer is a finger. */
export function taps() {
  return matchMedia("(pointer: coarse)").matches;
}

/** Scroll to an element, as far as it takes or to where a `block` is to be; at once where that is better. */
export function bringIntoView(element, block = "nearest", atOnce = still()) {
  element?.scrollIntoView({ block, behavior: atOnce ? "auto" : "smooth" });
}

let announced = 0;

/** Have a screen reader say something, when it has nothing else to say; of several in a row, the last. */
export function say(words) {
  clearTimeout(announced);
  announced = setTimeout(() => { byId("spoken").textContent = words; }, 250);
}

/** Show what went wrong, until the next success. */
export function problem(words) {
  const place = byId("problem");
  place.hidden = !words;
  if (place.textContent !== words) place.textContent = words ?? "";
}
