// One feature map: a place of the keyboard, a target of the pointer, and what a screen reader says.

import { hover, moved, pin } from "./cells.js";
import { byId, make, say } from "./dom.js";
import { HELP, arrowStep, claim, either } from "./keyboard.js";
import { cellFits, cellName, isOutput, neighbour } from "./network.js";
import { text } from "./numbers.js";
import { get } from "./state.js";
import { ringed, surround } from "./target.js";
import { cellAt } from "./within.js";

Object.assign(HELP, {
  Tab: "from map to map; a screen reader says where you are, and the number there",
  arrows: "move the cell in a map; with Shift by 5",
  Enter: "pin the cell: its whole sum is shown",
  "[ and ]": "the channel before, the next channel",
  "Page Up, Page Down": "the layer before, the next layer",
});

/** The k-th of the maps that a layer shows. */
export class MapButton {
  constructor(maps, k) {
    Object.assign(this, { maps, k, cursor: [0, 0] });
    this.ring = ringed();
    this.caption = make("span", { class: "caption" });
    this.element = make("button", {
      class: "map", pointermove: (event) => this.#point(event), pointerleave: () => hover(null),
      click: (event) => this.#click(event), keydown: (event) => this.#key(event), focus: () => this.#spoken(true),
      blur: () => { hover(null); this.mark(); },
    }, this.ring, this.caption);
    maps.stage.append(this.element);
  }

  get channel() {
    return this.maps.channels[this.k];
  }

  /** Draw a ring around the pinned cell, if it is one of this map's. */
  mark() {
    const { layer, channel, cell } = get();
    const mine = layer === this.maps.layer.path && cell && (channel === this.channel || !this.maps.layered);
    this.element.classList.toggle("pinned", Boolean(mine));
    if (mine) this.cursor = cell;
    this.#draw(mine ? cell : null);
  }

  #draw(cell) {
    surround(this.ring, cell, this.maps.pixel);
    if (this.maps.listed) this.ring.style.width = "100%";
  }

  #cellAt(event) {
    const { layer, layout, pixel } = this.maps;
    const cell = cellAt(event, this.element, layout, pixel);
    return cellFits(layer, cell) && cell;
  }

  #show(cell) {
    hover({ layer: this.maps.layer.path, channel: this.channel, cell, value: this.maps.value(this.k, cell) });
  }

  #point(event) {
    const cell = this.#cellAt(event);
    if (cell) this.#show(cell);
  }

  #click(event) {
    const cell = event.detail === 0 ? this.cursor : this.#cellAt(event); // 0: by the keyboard
    if (!cell) return;
    this.cursor = cell;
    this.element.focus({ preventScroll: true }); // which Safari does not do
    this.#show(cell);
    pin(this.maps.layer.path, this.channel, cell, true);
  }

  #key(event) {
    const { layer } = this.maps;
    const step = arrowStep(event);
    const beside = either(event, "[", "]");
    const further = either(event, "PageUp", "PageDown");
    if (step) {
      this.cursor = moved(layer, this.cursor, ...step);
      this.#spoken(false);
    } else if (beside) this.maps.focusBeside(this.k + beside, this.cursor);
    else if (further) byId("layers").dispatchEvent(new CustomEvent("go", { detail: [neighbour(layer.path, further).path, this.channel, this.cursor] }));
    else return;
    claim(event);
  }

  focus(cell) {
    if (cell && cellFits(this.maps.layer, cell)) this.cursor = cell;
    this.element.focus();
  }

  /** Name the cell that the keyboard is at, and return its number. */
  label() {
    const value = this.maps.value(this.k, this.cursor);
    this.element.setAttribute("aria-label", `${cellName(this.maps.layer, this.channel, this.cursor)}, ${text(value)}`);
    return value;
  }

  #spoken(first) {
    const value = this.label();
    const { maps: { layer }, cursor } = this;
    this.#show(cursor);
    this.#draw(cursor);
    if (!first) say(`${isOutput(layer) ? cellName(layer, 0, cursor) : `row ${cursor[0]}, column ${cursor[1]}`}, ${text(value)}`);
  }
}
