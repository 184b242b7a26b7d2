// The feature maps of one layer: a canvas, and over it a button for every map, which knows keyboard and pointer.

import { ask, Refused } from "./api.js";
import { hover, moved, pin } from "./cells.js";
import { clipped } from "./colours.js";
import { byId, make, problem, say } from "./dom.js";
import { cellName, isOutput, layout, makesMaps, neighbour, summaryLine } from "./network.js";
import { count, text } from "./numbers.js";
import { paint } from "./painting.js";
import { rangesOf } from "./ranges.js";
import { get } from "./state.js";

const SHOWN = 24; // maps at a time
const SIDE = 84; // of a map on the page, about, in pixels
const LEAST = matchMedia("(pointer: coarse)").matches ? 44 : 24; // of what can be pointed at
const GAP = 6;
const VECTOR_CELL = 12;
const ORDERS = { index: "by number", mean: "by mean |a|", contribution: "by what they add to the class", dead: "dead first" };

/** One layer on the page. */
export class Maps {
  constructor(layer) {
    this.layer = layer;
    this.order = "index";
    this.first = 0;
    this.visible = false;
    this.loaded = null; // the image, revision and order that are shown
    this.found = null;
    this.buttons = [];
    this.#build();
  }

  #build() {
    const { layer } = this;
    const id = `layer-${layer.path}`;
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.stage = make("div", { class: "stage" }, this.canvas);
    this.note = make("p", { class: "quiet" });
    this.element = make(
      "section",
      { class: "layer", "aria-labelledby": id, "data-path": layer.path },
      make("h2", { id }, layer.path, make("span", { class: "kind" }, layer.kind)),
      make("p", { class: "line" }, summaryLine(layer)),
      this.#arithmetic(),
      this.#controls(),
      make("div", { class: "scroll" }, this.stage),
      this.note,
    );
  }

  #arithmetic() {
    if (!this.layer.arithmetic.length) return null;
    const lines = this.layer.arithmetic.map((line) => make("li", {}, line));
    return make("details", { class: "arithmetic" }, make("summary", {}, "arithmetic"), make("ul", {}, ...lines));
  }

  #controls() {
    if (!makesMaps(this.layer) || this.layer.shape[0] < 2) return null;
    const options = Object.entries(ORDERS).map(([value, words]) => make("option", { value }, words));
    const choice = make("select", { change: () => this.#reorder(choice.value) }, ...options);
    this.pager = make("span", { class: "pager" });
    return make("div", { class: "row controls" }, make("label", { class: "field" }, make("span", { class: "unseen" }, `order of the maps of ${this.layer.path}`), choice), this.pager);
  }

  #reorder(order) {
    Object.assign(this, { order, first: 0 });
    this.refresh();
  }

  #turn(first) {
    this.first = first;
    this.refresh();
  }

  /** Ask for the maps anew if what is shown is of another image, network or order; out of sight only on request. */
  async refresh(unseen = false) {
    const { image, revision } = get();
    const wanted = `${image} ${revision} ${this.order} ${this.first} ${this.order === "contribution" ? get().class : ""}${get().range === "network"}`;
    if (!image || !(this.visible || unseen) || this.loaded === wanted) return;
    this.loaded = wanted;
    const query = { image, layer: this.layer.path, order: this.order, first: this.first, count: SHOWN, whole: get().range === "network" };
    if (get().class !== null) query.class = get().class;
    try {
      const found = await ask("maps", query);
      if (this.loaded === wanted) this.show(found);
    } catch (error) {
      this.loaded = null;
      if (!(error instanceof Refused && error.gone)) problem(error.message);
    }
  }

  /** Take all maps, as they come with a stroke; of an order other than by number they are fetched later. */
  accept(maps, range) {
    if (this.order !== "index") return;
    const { length, maps: total } = layout(this.layer);
    const many = Math.min(SHOWN, total - this.first);
    const channels = Int32Array.from({ length: many }, (_, k) => this.first + k);
    const data = maps.data.subarray(this.first * length, (this.first + many) * length);
    this.loaded = `${get().image} ${get().revision} ${this.order} ${this.first} false`;
    this.show({ total, range, arrays: { channels: { data: channels }, maps: { data }, ranges: null } });
  }

  /** Show what the server has answered. */
  show(found) {
    this.found = found;
    this.channels = [...found.arrays.channels.data];
    this.numbers = found.arrays.maps.data;
    this.#place();
    this.#describe();
    this.repaint();
  }

  /** Place the maps anew if there is more or less room than before. */
  arrange() {
    if (this.found && this.element.clientWidth && this.element.clientWidth !== this.room) this.show(this.found);
  }

  #place() {
    const { rows, columns } = layout(this.layer);
    const many = this.channels.length;
    const longest = Math.max(rows, columns);
    const maps = makesMaps(this.layer);
    this.zoom = maps ? Math.max(1, Math.floor(SIDE / longest)) : VECTOR_CELL;
    const shrink = maps ? Math.max(1, Math.ceil(longest / (1.5 * SIDE))) : 1;
    const pitch = [rows, columns].map((side) => Math.max(side * this.zoom, LEAST * shrink) + GAP * shrink);
    this.room = this.element.clientWidth;
    const room = this.room ? this.room - 24 : 720;
    const across = Math.max(1, Math.min(many, Math.floor((room * shrink + GAP) / pitch[1])));
    this.width = across * pitch[1] - GAP * shrink;
    this.height = Math.ceil(many / across) * pitch[0] - GAP * shrink;
    this.places = this.channels.map((_, k) => [(k % across) * pitch[1], Math.floor(k / across) * pitch[0], k]);
    this.pixel = this.zoom / shrink; // of the page, that a number takes
    this.shrink = shrink;
    this.canvas.style.width = this.stage.style.width = `${this.width / shrink}px`;
    this.canvas.style.height = this.stage.style.height = `${this.height / shrink}px`;
    this.#buttons(...[rows, columns].map((side) => Math.max(LEAST, side * this.pixel)));
  }

  #buttons(height, width) {
    while (this.buttons.length < this.channels.length) this.buttons.push(new MapButton(this, this.buttons.length));
    while (this.buttons.length > this.channels.length) this.buttons.pop().element.remove();
    this.buttons.forEach((button, k) => {
      const [left, top] = this.places[k];
      button.place(left / this.shrink, top / this.shrink, width, height);
    });
  }

  #describe() {
    const { total, dead } = this.found;
    const words = [];
    if (dead) words.push(`${count(dead)} of ${count(total)} ${total === 1 ? "map is" : "maps are"} 0 everywhere for this image`);
    this.note.textContent = words.join(" ");
    if (!this.pager) return;
    const last = this.first + this.channels.length;
    const turn = (label, first, able) => make("button", { type: "button", disabled: !able, click: () => this.#turn(first) }, label);
    this.pager.replaceChildren(
      total > SHOWN ? turn("◀", Math.max(0, this.first - SHOWN), this.first > 0) : "",
      total > SHOWN ? ` ${count(this.first)}–${count(last - 1)} of ${count(total)} ` : "",
      total > SHOWN ? turn("▶", this.first + SHOWN, last < total) : "",
    );
    for (const [label, name] of [["◀", "earlier maps"], ["▶", "further maps"]]) {
      [...this.pager.children].find((child) => child.textContent === label)?.setAttribute("aria-label", `${this.layer.path}: ${name}`);
    }
  }

  /** Colour the maps anew, as when the range of the colours changes; out of sight, once they are seen. */
  repaint(late = false) {
    if (!this.found || (late && !this.late)) return;
    const { rows, columns } = layout(this.layer);
    this.ranges = rangesOf(this.layer.path, this.found, this.channels.length);
    this.late = !this.visible;
    if (this.visible) paint(this.canvas, {
      numbers: this.numbers, rows, columns, places: this.places, ranges: this.ranges, zoom: this.zoom, width: this.width,
      height: this.height,
    });
    for (const button of this.buttons) button.mark();
    this.element.dispatchEvent(new CustomEvent("painted", { bubbles: true }));
  }

  /** How many numbers of the k-th map, or of all that are shown, lie beyond their range of colours. */
  beyond(k = undefined) {
    const { length } = layout(this.layer);
    const chosen = k === undefined ? this.channels.map((_, each) => each) : [k];
    return chosen.reduce((sum, each) => sum + clipped(this.numbers.subarray(each * length, (each + 1) * length), this.ranges[each]), 0);
  }

  /** The number at a cell of the k-th map that is shown. */
  value(k, [row, column]) {
    const { length, columns } = layout(this.layer);
    return this.numbers[k * length + row * columns + column];
  }

  /** Bring a channel onto the page if it is not, and put the keyboard there. */
  async focus(channel) {
    this.visible = true;
    if (!this.channels?.includes(channel)) {
      Object.assign(this, { order: "index", first: Math.floor(channel / SHOWN) * SHOWN });
      await this.refresh();
    }
    this.buttons[this.channels?.indexOf(channel) ?? -1]?.element.focus();
  }
}

/** One map: the place of the keyboard, the target of the pointer, and what a screen reader says. */
class MapButton {
  constructor(maps, k) {
    this.maps = maps;
    this.k = k;
    this.cursor = [0, 0];
    this.ring = make("span", { class: "cell", hidden: true });
    this.element = make(
      "button",
      {
        class: "map", type: "button", pointermove: (event) => this.#point(event), pointerleave: () => hover(null),
        click: (event) => this.#click(event), keydown: (event) => this.#key(event), focus: () => this.#spoken(true),
        blur: () => hover(null),
      },
      this.ring,
    );
    maps.stage.append(this.element);
  }

  get channel() {
    return this.maps.channels[this.k];
  }

  place(left, top, width, height) {
    Object.assign(this.element.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    const { rows, columns } = layout(this.maps.layer);
    if (this.cursor[0] >= rows || this.cursor[1] >= columns) this.cursor = [0, 0];
    this.#label();
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
    Object.assign(this.ring.style, { left: `${cell[1] * size}px`, top: `${cell[0] * size}px`, width: `${size}px`, height: `${size}px` });
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
    pin(this.maps.layer.path, this.channel, cell);
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
      byId("layers").dispatchEvent(new CustomEvent("go", { detail: neighbour(this.maps.layer.path, event.key === "PageUp" ? -1 : 1).path }));
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

  #label() {
    const { layer } = this.maps;
    const value = this.maps.value(this.k, this.cursor);
    this.element.setAttribute("aria-label", `${cellName(layer, this.channel, this.cursor)}, ${text(value)}`);
    return value;
  }

  #spoken(first) {
    const value = this.#label();
    this.#show(this.cursor);
    this.#draw(this.cursor);
    const { layer } = this.maps;
    if (!first) say(isOutput(layer) ? `${cellName(layer, 0, this.cursor)}, ${text(value)}` : `row ${this.cursor[0]}, column ${this.cursor[1]}, ${text(value)}`);
  }
}
