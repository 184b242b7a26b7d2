// The feature maps of one layer: a canvas, and over it a button for every map.

import { ask, report } from "./api.js";
import { outside } from "./colours.js";
import { options, quiet } from "./controls.js";
import { lay, make } from "./dom.js";
import { MapButton } from "./map-button.js";
import { isFirst, isListed, layout, makesMaps, network } from "./network.js";
import { signed, text, within } from "./numbers.js";
import { showPager } from "./pager.js";
import { paint } from "./painting.js";
import { placeMaps } from "./placing.js";
import { rangesOf } from "./ranges.js";
import { scores } from "./scores.js";
import { get } from "./state.js";
import { stage } from "./target.js";
import { dotted, explained } from "./words.js";

const SHOWN = 24; // maps at a time
const LEAST = matchMedia("(pointer: coarse)").matches ? 44 : 24; // of what can be pointed at
const CAPTIONED = 60; // the width of what it is ordered by
const VECTOR_CELL = 12;
const REST = 150; // ms, before a screen reader is told of another image
const ROOM = "18rem"; // of maps that are not there yet: else too many are in sight

export class Maps {
  constructor(layer) {
    this.layer = layer;
    this.layout = layout(layer);
    this.layered = makesMaps(layer);
    this.listed = isListed(layer);
    this.order = "index";
    this.first = 0;
    this.channels = [];
    this.buttons = [];
    const id = `layer-${layer.path}`;
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.stage = stage("maps", `maps of ${layer.path}`, this.canvas);
    if (!this.layered) this.stage.classList.add(this.listed ? "listed" : "vector");
    this.note = quiet();
    this.element = make(
      "section",
      { class: "layer", "aria-labelledby": id, "data-path": layer.path },
      make("h2", { id }, layer.path, make("span", { class: "kind" }, dotted(layer.kind, layer.does))),
      make("p", { class: "line" }, ...explained(layer.line)),
      isFirst(layer) && layer.does ? make("p", { class: "quiet doing" }, `${layer.kind}: ${layer.does}.`) : null,
      this.#arithmetic(),
      this.#controls(),
      make("div", { class: "scroll" }, this.stage),
      this.note,
    );
    if (this.layered) this.element.style.minHeight = ROOM;
  }

  #arithmetic() {
    if (!this.layer.arithmetic.length) return null;
    const lines = this.layer.arithmetic.map((line) => make("li", {}, line));
    return make("details", { class: "arithmetic" }, make("summary", {}, "arithmetic"), make("ul", {}, ...lines));
  }

  #controls() {
    if (!this.layered || this.layer.shape[0] < 2) return null;
    const choose = () => this.#choose({ order: this.choice.value, first: 0 });
    this.choice = make("select", { "aria-label": `order of the maps of ${this.layer.path}`, change: choose }, ...options(Object.entries(network.orders)));
    this.pager = make("span");
    return make("div", { class: "row controls" }, this.choice, this.pager);
  }

  #choose(choice, unseen = false) {
    Object.assign(this, choice);
    return this.refresh(unseen);
  }

  /** What is to be shown, as a text of its own. */
  #wanted(image, revision, range = get().range) {
    const of = this.order === "contribution" ? get().class : "";
    return [image, revision, this.order, this.first, of, ["channel", "network"].includes(range) ? range : ""].join(" ");
  }

  /** Ask for the maps if others are shown; out of sight only on request. */
  refresh(unseen = false) {
    const { image, revision } = get();
    if (!image || !(this.visible || unseen)) return undefined;
    const wanted = this.#wanted(image, revision);
    if (this.loaded !== wanted) this.coming = this.#fetch(image, wanted);
    return this.coming;
  }

  async #fetch(image, wanted) {
    this.loaded = wanted;
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking; // ended where others are wanted, or have come with an image
    const query = { image, layer: this.layer.path, order: this.order, first: this.first, count: SHOWN, whole: get().range === "network", class: get().class };
    try {
      const found = await ask("maps", query, signal);
      if (!signal.aborted) this.show(found);
    } catch (error) {
      if (!signal.aborted) this.loaded = null;
      report(error);
    }
  }

  /** Take all maps, as they come with a stroke; in another order than by number they are fetched later. */
  accept(maps, { image, revision, ranged, ranges, dead, whole, arrays }) {
    if (this.order !== "index") return;
    this.asking?.abort();
    const { layer: { path }, layout: { length, maps: total } } = this;
    const end = Math.min(this.first + SHOWN, total);
    const part = (all, size = 1) => all && { data: all.data.subarray(this.first * size, end * size) };
    const channels = { data: [...Array(end).keys()].slice(this.first) };
    this.loaded = this.#wanted(image, revision, ranged);
    this.show({
      total, range: ranges[path], dead: dead[path], whole,
      arrays: { channels, maps: part(maps, length), ranges: part(arrays[`ranges ${path}`]) },
    });
  }

  show(found) {
    this.element.style.minHeight = "";
    const channels = [...found.arrays.channels.data];
    const which = [this.order === "index", channels].join();
    const others = which !== this.which;
    Object.assign(this, { found, channels, which, numbers: found.arrays.maps.data });
    if (others) this.#place();
    if (others || this.order !== "index") this.#caption();
    this.#describe();
    this.repaint();
    clearTimeout(this.timer);
    const label = () => this.buttons.forEach((button) => button.label());
    if (others) label();
    else this.timer = setTimeout(label, REST);
  }

  /** Place the maps anew if there is another room for them. */
  arrange() {
    if (!this.found || [0, this.room].includes(this.element.clientWidth)) return;
    this.#place();
    this.repaint();
  }

  #place() {
    const { rows, columns } = this.layout;
    this.room = this.element.clientWidth;
    Object.assign(this, placeMaps({
      rows, columns, many: this.channels.length, room: this.room ? this.room - 24 : 720, captioned: Boolean(this.pager),
      least: [LEAST, this.layered && this.order !== "index" ? CAPTIONED : LEAST],
      cell: this.layered ? 0 : this.listed ? LEAST : VECTOR_CELL, ratio: devicePixelRatio,
    }));
    for (const each of [this.canvas, this.stage]) lay(each, { width: this.width * this.unit, height: this.height * this.unit });
    this.#buttons(...[rows, columns].map((side) => Math.max(LEAST, side * this.pixel)));
    this.element.dispatchEvent(new CustomEvent("placed", { bubbles: true }));
  }

  /** Write below each map which it is, and what it is ordered by. */
  #caption() {
    const scores = this.order !== "index" && this.found.arrays.scores?.data;
    const score = (k) => (this.order === "contribution" ? signed(scores[k], 2) : text(Math.abs(scores[k]), 2));
    if (this.pager) for (const { k, channel, caption } of this.buttons) caption.textContent = scores ? `${channel} · ${score(k)}` : channel;
  }

  /** Where so many cells of a channel's map lie in the window, or all of it; null where it is not shown. */
  boxOf(channel, cell, many = [1, 1]) {
    const box = this.buttons[this.layered ? this.channels.indexOf(channel) : 0]?.element.getBoundingClientRect();
    if (!box?.width) return null;
    const { rows, columns } = this.layout;
    const [x, y, width, height] = (cell ? [cell[1], cell[0], many[1], many[0]] : [0, 0, columns, rows]).map((each) => each * this.pixel);
    return { x: box.x + x, y: box.y + y, width, height };
  }

  #buttons(height, width) {
    while (this.buttons.length < this.channels.length) this.buttons.push(new MapButton(this, this.buttons.length));
    while (this.buttons.length > this.channels.length) this.buttons.pop().element.remove();
    this.buttons.forEach((button, k) => {
      const [left, top] = this.places[k];
      lay(button.element, { left: left * this.unit, top: top * this.unit, width, height });
      button.mark();
    });
  }

  /** Say which are 0, and lead to those that are not shown. */
  #describe() {
    const { first, found: { total, dead } } = this;
    if (this.note.textContent !== dead) this.note.textContent = dead;
    if (this.pager && this.paged !== first) showPager(this.pager, { what: `maps of ${this.layer.path}`, first, size: SHOWN, total, turn: (to) => this.#choose({ first: to }) });
    this.paged = first;
  }

  /** It has come into sight. */
  see() {
    this.visible = true;
    this.refresh();
    this.arrange();
    this.repaint(true);
  }

  /** Colour the maps anew; out of sight, once they are seen. */
  repaint(late = false) {
    if (!this.found || (late && !this.late)) return;
    this.ranges = rangesOf(this.layer.path, this.found, this.channels.length);
    this.late = !this.visible;
    const { numbers, places, ranges, step, zoom, width, height, layout: { rows, columns } } = this;
    if (this.visible) paint(this.canvas, { numbers, rows, columns, places, ranges, step, zoom, width, height });
    if (this.visible && this.listed) {
      this.lines?.remove();
      this.canvas.after(this.lines = scores(this.numbers, this.pixel));
    }
    this.element.dispatchEvent(new CustomEvent("painted", { bubbles: true }));
  }

  /** How many numbers of the k-th map, or of all that are shown, lie beyond their colours, and how many are none. */
  outside(k) {
    const { length } = this.layout;
    const chosen = k === undefined ? [...this.channels.keys()] : [k];
    const counts = chosen.map((each) => outside(this.numbers.subarray(each * length, (each + 1) * length), this.ranges[each]));
    return [0, 1].map((what) => counts.reduce((sum, each) => sum + each[what], 0));
  }

  /** The number at a cell of the k-th map that is shown. */
  value(k, [row, column]) {
    const { length, columns } = this.layout;
    return this.numbers[k * length + row * columns + column];
  }

  /** Bring a channel onto the page if it is neither there nor on its way. */
  reveal(channel) {
    const first = Math.floor(channel / SHOWN) * SHOWN;
    const there = this.order === "index" ? this.first === first : this.channels.includes(channel);
    if (!there && this.choice) this.choice.value = "index";
    return there ? this.refresh(true) : this.#choose({ order: "index", first }, true);
  }

  /** Put the keyboard on a channel's map. */
  async focus(channel, cell) {
    await this.reveal(channel);
    this.buttons[this.channels.indexOf(channel)]?.focus(cell);
  }

  /** Put the keyboard on the k-th map of those that are shown, or before or behind them. */
  async focusBeside(k, cell) {
    const place = this.first + k;
    if (!(k in this.buttons) && within(place, 0, this.found.total - 1) === place) await this.#choose({ first: Math.floor(place / SHOWN) * SHOWN });
    this.buttons[place - this.first]?.focus(cell);
  }
}
