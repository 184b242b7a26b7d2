// A picture of numbers over an image, as explanations are, with its range; pointer or keys tell each number.

import { gradient, outside } from "./colours.js";
import { lay, make, say } from "./dom.js";
import { arrowStep, claim } from "./keyboard.js";
import { count, largestAt, text } from "./numbers.js";
import { paint } from "./painting.js";
import { paintImage } from "./pixels.js";
import { ringed, stage } from "./target.js";
import { cellAt, stepped } from "./within.js";

/** What the colours mean: from −R, or from 0 where no number is below, to R. */
export function fromTo(numbers, range, half = !numbers.some((value) => value < 0)) {
  const strip = make("span", { class: "gradient", "aria-hidden": "true" });
  strip.style.backgroundImage = gradient(half);
  return [make("span", {}, half ? "0" : text(-range, 3)), strip, make("span", {}, text(range, 3))];
}

/** The same in a line, and how many numbers lie beyond. */
export function scaleOf(numbers, range, half = undefined) {
  const [beyond] = outside(numbers, range);
  return make("p", { class: "scale" }, ...fromTo(numbers, range, half), beyond ? make("span", { class: "quiet" }, `${count(beyond)} beyond`) : null);
}

const WHOLE = { top: 0, left: 0, height: 100, width: 100 };

export class Picture {
  constructor(caption) {
    this.name = caption;
    this.cursor = [0, 0];
    this.box = WHOLE;
    this.under = make("canvas", { "aria-hidden": "true" });
    this.over = make("canvas", { "aria-hidden": "true" });
    this.ring = ringed();
    this.button = make("button", {
      class: "map", pointermove: (event) => this.#point(event), pointerleave: () => this.#tell(null),
      keydown: (event) => this.#key(event), focus: () => this.#tell(this.cursor), blur: () => this.#tell(null),
    }, this.ring);
    this.stage = stage("picture", caption, this.under, make("div", { class: "cut" }, this.over), this.button);
    this.caption = make("figcaption", {}, caption);
    this.told = make("p", { class: "quiet told" });
    this.scale = make("div");
    this.element = make("figure", { class: "picture" }, this.caption, this.stage, this.scale, this.told);
  }

  /** Show an image {data, shape} alone. */
  showImage(image) {
    this.image = { ...image, ...sizes(image.shape) };
    paintImage(this.under, this.image);
    this.stage.style.aspectRatio = `${this.image.columns} / ${this.image.rows}`;
    if (!this.numbers) this.#label();
  }

  /** Show numbers {data, shape} over it, or nothing; where each reads a `field` of the image, in the middle of that. */
  showNumbers(picture, range, field = null) {
    this.numbers = picture ? { data: picture.data, ...sizes(picture.shape) } : null;
    this.field = picture ? field : null;
    this.box = this.#boxed();
    lay(this.over, this.box, "%");
    this.over.hidden = !picture;
    this.stage.classList.toggle("veiled", Boolean(picture));
    this.scale.replaceChildren(picture ? scaleOf(picture.data, range) : "");
    if (picture) {
      const { rows, columns, data } = this.numbers;
      paint(this.over, { numbers: data, rows, columns, ranges: [range], zoom: 1 });
    }
    this.#tell(null);
  }

  /** Lay so much of the image over the numbers, as a veil where it is bright. */
  mix(share) {
    this.stage.style.setProperty("--veil", share);
  }

  /** Which part of the image the numbers cover: percentages of its size. */
  #boxed() {
    if (!this.field) return WHOLE;
    const { stride } = this.field;
    const [y, x] = [100 / this.image.rows, 100 / this.image.columns];
    const [top, left] = stride.map((far, axis) => this.#middle(axis, 0) + 0.5 - far / 2);
    return { top: top * y, left: left * x, height: this.numbers.rows * stride[0] * y, width: this.numbers.columns * stride[1] * x };
  }

  /** The pixel in the middle of what a cell reads. */
  #middle(axis, cell) {
    const { size, stride, offset } = this.field;
    return offset[axis] + (size[axis] - 1) / 2 + stride[axis] * cell;
  }

  get #shown() {
    return this.numbers ?? this.image;
  }

  #value([row, column]) {
    const { data, columns, rows, channels = 1 } = this.#shown;
    return Array.from({ length: channels }, (_, c) => text(data[(c * rows + row) * columns + column])).join(", ");
  }

  #point(event) {
    this.#tell(cellAt(event, this.numbers ? this.over : this.under, this.#shown));
  }

  #key(event) {
    const step = arrowStep(event);
    if (!step) return;
    this.cursor = stepped(this.cursor, step, this.#shown);
    this.#tell(this.cursor);
    say(this.told.textContent);
    claim(event);
  }

  /** Say what stands in a cell; without one, where the largest number is. */
  #tell(cell) {
    if (!this.#shown) return;
    this.ring.hidden = !cell;
    this.#label();
    if (!cell) {
      this.told.textContent = this.numbers ? this.#largest() : "";
      return;
    }
    const { rows, columns } = this.#shown;
    const { top, left, height, width } = this.box;
    const [down, across] = [height / rows, width / columns];
    lay(this.ring, { top: top + down * cell[0], left: left + across * cell[1], height: down, width: across }, "%");
    this.told.textContent = `row ${cell[0]}, column ${cell[1]}: ${this.#value(cell)}${this.#reads(cell)}`;
  }

  #largest() {
    const { data, columns } = this.numbers;
    const best = largestAt(data.map(Math.abs));
    if (!data[best]) return "0 everywhere";
    const cell = [Math.floor(best / columns), best % columns];
    const [row, column] = this.field ? cell.map((place, axis) => Math.round(this.#middle(axis, place))) : cell;
    return `strongest: ${text(data[best])} ${this.field ? "about" : "at"} row ${row}, column ${column}${this.field ? " of the pixels" : ""}`;
  }

  /** Which pixels a cell reads, where it is another number than those. */
  #reads(cell) {
    if (!this.field) return "";
    const { size, stride, offset } = this.field;
    const [rows, columns] = [this.image.rows, this.image.columns].map((side, axis) => {
      const from = offset[axis] + stride[axis] * cell[axis];
      return `${Math.max(0, from)}–${Math.min(side, from + size[axis]) - 1}`;
    });
    return `, which reads the rows ${rows}, columns ${columns}`;
  }

  #label() {
    this.cursor = stepped(this.cursor, [0, 0], this.#shown);
    this.button.setAttribute("aria-label", `${this.caption.textContent}: row ${this.cursor[0]}, column ${this.cursor[1]}, ${this.#value(this.cursor)}`);
  }
}

function sizes(shape) {
  if (shape.length === 1) return { channels: 1, rows: 1, columns: shape[0] };
  const [rows, columns] = shape.slice(-2);
  return { channels: shape.length === 3 ? shape[0] : 1, rows, columns };
}
