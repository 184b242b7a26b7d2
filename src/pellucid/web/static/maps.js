// The feature maps of one layer: a canvas, and over it a button for every map, which knows keyboard and pointer.

import { ask, report } from "./api.js";
import { outside } from "./colours.js";
import { options, quiet } from "./controls.js";
import { lay, make } from "./dom.js";
import { MapButton } from "./map-button.js";
import { isFirst, isListed, layout, makesMaps } from "./network.js";
import { count, signed, text } from "./numbers.js";
import { showPager } from "./pager.js";
import { paint } from "./painting.js";
import { placeMaps } from "./placing.js";
import { rangesOf } from "./ranges.js";
import { scores } from "./scores.js";
import { get } from "./state.js";
import { stage } from "./target.js";
import { within } from "./within.js";
import { dotted, explained } from "./words.js";

const SHOWN = 24; // maps at a time
const LEAST = matchMedia("(pointer: coarse)").matches ? 44 : 24; // of what can be pointed at
const CAPTIONED = 60; // the width of what a map is ordered by
const VECTOR_CELL = 12;
const REST = 150; // ms that an image rests before maps tell a screen reader what stands in them
const ROOM = "18rem"; // that maps take, about, as long as they are not there: else too many layers would be in sight
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
    this.channels = [];
    this.buttons = [];
    this.#build();
  }

  #build() {
    const { layer } = this;
    const id = `layer-${layer.path}`;
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.stage = stage("maps", `maps of ${layer.path}`, this.canvas);
    this.listed = isListed(layer);
    if (!makesMaps(layer)) this.stage.classList.add(this.listed ? "listed" : "vector");
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
    if (makesMaps(layer)) this.element.style.minHeight = ROOM;
  }

  #arithmetic() {
    if (!this.layer.arithmetic.length) return null;
    const lines = this.layer.arithmetic.map((line) => make("li", {}, line));
    return make("details", { class: "arithmetic" }, make("summary", {}, "arithmetic"), make("ul", {}, ...lines));
  }

  #controls() {
    if (!makesMaps(this.layer) || this.layer.shape[0] < 2) return null;
    const choose = () => this.#choose({ order: this.choice.value, first: 0 });
    this.choice = make("select", { "aria-label": `order of the maps of ${this.layer.path}`, change: choose }, ...options(Object.entries(ORDERS)));
    this.pager = make("span");
    return make("div", { class: "row controls" }, this.choice, this.pager);
  }

  /** Show other ones of the maps. */
  #choose(choice, unseen = false) {
    Object.assign(this, choice);
    return this.refresh(unseen);
  }

  /** What is to be shown of an image, as text that is another one for anything else. */
  #wanted(image, revision, range = get().range) {
    const of = this.order === "contribution" ? get().class : "";
    return [image, revision, this.order, this.first, of, ["channel", "network"].includes(range) ? range : ""].join(" ");
  }

  /** Ask for the maps anew if what is shown is of another image, network or order; out of sight only on request. */
  refresh(unseen = false) {
    const { image, revision } = get();
    const wanted = this.#wanted(image, revision);
    if (!image || !(this.visible || unseen)) return undefined;
    if (this.loaded !== wanted) this.coming = this.#fetch(image, wanted);
    return this.coming;
  }

  async #fetch(image, wanted) {
    this.loaded = wanted;
    this.asking?.abort();
    this.asking = new AbortController();
    const query = { image, layer: this.layer.path, order: this.order, first: this.first, count: SHOWN, whole: get().range === "network", class: get().class };
    try {
      const found = await ask("maps", query, this.asking.signal);
      if (this.loaded === wanted) this.show(found);
    } catch (error) {
      if (this.loaded === wanted) this.loaded = null;
      report(error);
    }
  }

  /** Take all maps, as they come with a stroke; of an order other than by number they are fetched later. */
  accept(maps, { image, revision, ranged, ranges, dead, whole, arrays }) {
    if (this.order !== "index") return;
    this.asking?.abort();
    const { path } = this.layer;
    const { length, maps: total } = layout(this.layer);
    const end = Math.min(this.first + SHOWN, total);
    const part = (all, size = 1) => all && { data: all.data.subarray(this.first * size, end * size) };
    const channels = { data: Array.from({ length: end - this.first }, (_, k) => this.first + k) };
    this.loaded = this.#wanted(image, revision, ranged);
    this.show({
      total, range: ranges[path], dead: dead[path], whole,
      arrays: { channels, maps: part(maps, length), ranges: part(arrays[`ranges ${path}`]) },
    });
  }

  /** Show what the server has answered. */
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
    if (others) for (const button of this.buttons) button.label();
    else this.timer = setTimeout(() => { for (const button of this.buttons) button.label(); }, REST);
  }

  /** Place the maps anew if there is more or less room than before. */
  arrange() {
    if (!this.found || !this.element.clientWidth || this.element.clientWidth === this.room) return;
    this.#place();
    this.repaint();
  }

  /** Lay out as many maps as are shown. */
  #place() {
    const { rows, columns } = layout(this.layer);
    const maps = makesMaps(this.layer);
    this.room = this.element.clientWidth;
    Object.assign(this, placeMaps({
      rows, columns, many: this.channels.length, room: this.room ? this.room - 24 : 720, captioned: Boolean(this.pager),
      least: [LEAST, maps && this.order !== "index" ? CAPTIONED : LEAST],
      cell: maps ? 0 : this.listed ? LEAST : VECTOR_CELL, ratio: devicePixelRatio,
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
  boxOf(channel, cell = undefined, many = [1, 1]) {
    const box = this.buttons[makesMaps(this.layer) ? this.channels.indexOf(channel) : 0]?.element.getBoundingClientRect();
    if (!box?.width) return null;
    const [[row, column], [height, width]] = cell ? [cell, many] : [[0, 0], [layout(this.layer).rows, layout(this.layer).columns]];
    const size = this.pixel;
    return { x: box.x + column * size, y: box.y + row * size, width: width * size, height: height * size };
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

  /** Say how many maps are 0, and lead to those that are not shown; what is said already stays. */
  #describe() {
    const { total, dead } = this.found;
    const words = dead ? `${count(dead)} of ${count(total)} ${total === 1 ? "map" : "maps"} ${dead === 1 ? "is" : "are"} 0 everywhere for this image` : "";
    if (this.note.textContent !== words) this.note.textContent = words;
    const { first } = this;
    if (this.pager && this.paged !== first) showPager(this.pager, { what: `maps of ${this.layer.path}`, first, size: SHOWN, total, turn: (to) => this.#choose({ first: to }) });
    this.paged = first;
  }

  /** Colour the maps anew, as when the range of the colours changes; out of sight, once they are seen. */
  repaint(late = false) {
    if (!this.found || (late && !this.late)) return;
    const { rows, columns } = layout(this.layer);
    this.ranges = rangesOf(this.layer.path, this.found, this.channels.length);
    this.late = !this.visible;
    if (this.visible) paint(this.canvas, {
      numbers: this.numbers, rows, columns, places: this.places, ranges: this.ranges, step: this.step, zoom: this.zoom,
      width: this.width, height: this.height,
    });
    if (this.visible && this.listed) {
      this.lines?.remove();
      this.canvas.after(this.lines = scores(this.numbers, this.pixel));
    }
    this.element.dispatchEvent(new CustomEvent("painted", { bubbles: true }));
  }

  /** How many numbers of the k-th map, or of all that are shown, lie beyond their range of colours, and how many are none. */
  outside(k = undefined) {
    const { length } = layout(this.layer);
    const chosen = k === undefined ? [...this.channels.keys()] : [k];
    const counts = chosen.map((each) => outside(this.numbers.subarray(each * length, (each + 1) * length), this.ranges[each]));
    return [0, 1].map((what) => counts.reduce((sum, each) => sum + each[what], 0));
  }

  /** The number at a cell of the k-th map that is shown. */
  value(k, [row, column]) {
    const { length, columns } = layout(this.layer);
    return this.numbers[k * length + row * columns + column];
  }

  /** Bring a channel onto the page, if it is not there or on its way: among those by number. */
  reveal(channel) {
    const first = Math.floor(channel / SHOWN) * SHOWN;
    const there = this.order === "index" ? this.first === first : this.channels.includes(channel);
    if (!there && this.choice) this.choice.value = "index";
    return there ? this.refresh(true) : this.#choose({ order: "index", first }, true);
  }

  /** Put the keyboard on a channel's map, at a cell or where it was, once it is there. */
  async focus(channel, cell = undefined) {
    await this.reveal(channel);
    this.buttons[this.channels.indexOf(channel)]?.focus(cell);
  }

  /** Put the keyboard on the k-th map of those that are shown; before and behind them, on the page that has it. */
  async focusBeside(k, cell) {
    const place = this.first + k;
    if (!(k in this.buttons) && within(place, 0, this.found.total - 1) === place) await this.#choose({ first: Math.floor(place / SHOWN) * SHOWN });
    this.buttons[place - this.first]?.focus(cell);
  }
}
