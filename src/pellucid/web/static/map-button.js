// One feature map on the page: the place of the keyboard, the target of the pointer, and what a screen reader says.

import { hover, moved, pin } from "./cells.js";
import { byId, make, say } from "./dom.js";
import { cellName, isListed, isOutput, layout, makesMaps, neighbour } from "./network.js";
import { text } from "./numbers.js";
import { get } from "./state.js";

/** The k-th of the maps that a layer shows. */
export class MapButton {
  constructor(maps, k) {
    this.maps = maps;
    this.k = k;
    this.cursor = [0, 0];
    this.ring = make("span", { class: "cell", hidden: true });
    this.caption = make("span", { class: "caption" });
    this.element = make(
      "button",
      {
        class: "map", type: "button", pointermove: (event) => this.#point(event), pointerleave: () => hover(null),
        click: (event) => this.#click(event), keydown: (event) => this.#key(event), focus: () => this.#spoken(true),
        blur: () => { hover(null); this.mark(); },
      },
      this.ring, this.caption,
    );
    maps.stage.append(this.element);
  }

  get channel() {
    return this.maps.channels[this.k];
  }

  place(left, top, width, height) {
    Object.assign(this.element.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  /** Draw a ring around the pinned cell, if it is one of this map's. */
  mark() {
    const { layer, channel, cell } = get();
    const mine = layer === this.maps.layer.path && cell && (channel === this.channel || !makesMaps(this.maps.layer));
    this.element.classList.toggle("pinned", Boolean(mine));
    if (mine) this.cursor = cell;
    this.#draw(mine ? cell : null);
  }

  #draw(cell) {
    this.ring.hidden = !cell;
    if (!cell) return;
    const size = this.maps.pixel;
    Object.assign(this.ring.style, { left: `${cell[1] * size}px`, top: `${cell[0] * size}px`, width: isListed(this.maps.layer) ? "100%" : `${size}px`, height: `${size}px` });
  }

  #cellAt(event) {
    const box = this.element.getBoundingClientRect();
    const at = [event.clientY - box.top, event.clientX - box.left].map((place) => Math.floor(place / this.maps.pixel));
    const { rows, columns, length } = layout(this.maps.layer);
    const cell = [Math.max(0, Math.min(rows - 1, at[0])), Math.max(0, Math.min(columns - 1, at[1]))];
    return cell[0] * columns + cell[1] < length ? cell : null;
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
    this.#show(cell);
    pin(this.maps.layer.path, this.channel, cell, true);
  }

  #key(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step && !event.ctrlKey && !event.altKey && !event.metaKey) {
      const far = event.shiftKey ? 5 : 1;
      this.cursor = moved(this.maps.layer, this.cursor, far * step[0], far * step[1]);
      this.#draw(this.cursor);
      this.#spoken(false);
    } else if (event.key === "[" || event.key === "]") {
      this.#beside(event.key === "[" ? -1 : 1);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      const { path } = neighbour(this.maps.layer.path, event.key === "PageUp" ? -1 : 1);
      byId("layers").dispatchEvent(new CustomEvent("go", { detail: path }));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #beside(step) {
    const next = this.maps.buttons[this.k + step];
    if (!next) return;
    next.cursor = this.cursor;
    next.element.focus();
  }

  /** Name the cell that the keyboard is at, and its number; which is returned. */
  label() {
    const { layer } = this.maps;
    const { rows, columns } = layout(layer);
    if (this.cursor[0] >= rows || this.cursor[1] >= columns) this.cursor = [0, 0];
    const value = this.maps.value(this.k, this.cursor);
    this.element.setAttribute("aria-label", `${cellName(layer, this.channel, this.cursor)}, ${text(value)}`);
    return value;
  }

  #spoken(first) {
    const value = this.label();
    this.#show(this.cursor);
    this.#draw(this.cursor);
    const { layer } = this.maps;
    if (first) return;
    const [row, column] = this.cursor;
    say(`${isOutput(layer) ? cellName(layer, 0, this.cursor) : `row ${row}, column ${column}`}, ${text(value)}`);
  }
}
