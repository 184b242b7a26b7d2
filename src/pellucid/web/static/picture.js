// A picture of numbers over an image, as explanations are: with its range, and each number to be had by pointer or keys.

import { clipped, gradient } from "./colours.js";
import { make, say } from "./dom.js";
import { count, text } from "./numbers.js";
import { paint } from "./painting.js";
import { inColours } from "./pixels.js";

/** What a range of colours means: from −R, or from 0 if only the upper half is wanted, to R, and how many lie beyond. */
export function scaleOf(numbers, range, half = !numbers.some((value) => value < 0)) {
  const strip = make("span", { class: "gradient", "aria-hidden": "true" });
  strip.style.backgroundImage = gradient(half);
  const beyond = clipped(numbers, range);
  return make(
    "p",
    { class: "scale" },
    make("span", {}, half ? "0" : text(-range, 3)), strip, make("span", {}, text(range, 3)),
    beyond ? make("span", { class: "quiet" }, `${count(beyond)} beyond`) : null,
  );
}

const WHOLE = { top: 0, left: 0, height: 1, width: 1 };

/** A picture in a figure with a caption. */
export class Picture {
  constructor(caption) {
    this.name = caption;
    this.cursor = [0, 0];
    this.box = WHOLE;
    this.under = make("canvas", { "aria-hidden": "true" });
    this.over = make("canvas", { "aria-hidden": "true", class: "over" });
    this.ring = make("span", { class: "cell", hidden: true });
    this.button = make(
      "button",
      {
        type: "button", class: "map", pointermove: (event) => this.#point(event), pointerleave: () => this.#tell(null),
        keydown: (event) => this.#key(event), focus: () => this.#tell(this.cursor), blur: () => this.#tell(null),
      },
      this.ring,
    );
    this.stage = make("div", { class: "stage", role: "application", "aria-roledescription": "picture of numbers", "aria-label": caption }, this.under, this.over, this.button);
    this.caption = make("figcaption", {}, caption);
    this.told = make("p", { class: "quiet told" });
    this.scale = make("div");
    this.element = make("figure", { class: "picture" }, this.caption, this.stage, this.scale, this.told);
  }

  /** Show an image {data, shape} alone. */
  showImage(image) {
    this.image = as2d(image);
    const { rows, columns } = this.image;
    Object.assign(this.under, { width: columns, height: rows });
    this.under.getContext("2d").putImageData(new ImageData(inColours(this.image), columns, rows), 0, 0);
    this.stage.style.aspectRatio = `${columns} / ${rows}`;
    if (!this.numbers) this.#label();
  }

  /** Show numbers {data, shape} over it, or nothing; where each reads a `field` of the image, in the middle of that. */
  showNumbers(picture, range, field = null) {
    this.numbers = picture ? { data: picture.data, ...sizes(picture.shape) } : null;
    this.field = picture ? field : null;
    this.box = this.#boxed();
    Object.assign(this.over.style, placed(this.box), { clipPath: inside(this.box) });
    this.over.hidden = !picture;
    this.scale.replaceChildren(picture ? scaleOf(picture.data, range) : "");
    if (picture) {
      const { rows, columns, data } = this.numbers;
      paint(this.over, { numbers: data, rows, columns, places: [[0, 0, 0]], ranges: [range], zoom: 1, width: columns, height: rows });
    }
    this.#tell(null);
  }

  /** Let so much of the image show through. */
  mix(share) {
    this.over.style.opacity = String(1 - share);
  }

  /** Which part of the image the numbers cover: shares of its size. */
  #boxed() {
    if (!this.field) return WHOLE;
    const [top, left] = [0, 1].map((axis) => this.#middle(axis, 0) + 0.5 - this.field.stride[axis] / 2);
    const { rows, columns } = this.image;
    return {
      top: top / rows, left: left / columns,
      height: (this.numbers.rows * this.field.stride[0]) / rows, width: (this.numbers.columns * this.field.stride[1]) / columns,
    };
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
    const box = this.button.getBoundingClientRect();
    const { rows, columns } = this.#shown;
    const at = (share, from, size, cells) => Math.max(0, Math.min(cells - 1, Math.floor(((share - from) / size) * cells)));
    const { top, left, height, width } = this.box;
    this.#tell([
      at((event.clientY - box.top) / box.height, top, height, rows), at((event.clientX - box.left) / box.width, left, width, columns),
    ]);
  }

  #key(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    const { rows, columns } = this.#shown;
    const far = event.shiftKey ? 5 : 1;
    const within = (place, cells) => Math.max(0, Math.min(cells - 1, place));
    this.cursor = [within(this.cursor[0] + far * step[0], rows), within(this.cursor[1] + far * step[1], columns)];
    this.#tell(this.cursor);
    say(this.told.textContent);
    event.preventDefault();
    event.stopPropagation();
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
    Object.assign(this.ring.style, placed({ top: top + down * cell[0], left: left + across * cell[1], height: down, width: across }));
    this.told.textContent = `row ${cell[0]}, column ${cell[1]}: ${this.#value(cell)}${this.#reads(cell)}`;
  }

  #largest() {
    const { data, columns } = this.numbers;
    let best = 0;
    data.forEach((value, at) => { if (Math.abs(value) > Math.abs(data[best])) best = at; });
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
    const { rows, columns } = this.#shown;
    if (this.cursor[0] >= rows || this.cursor[1] >= columns) this.cursor = [0, 0];
    this.button.setAttribute("aria-label", `${this.caption.textContent}: row ${this.cursor[0]}, column ${this.cursor[1]}, ${this.#value(this.cursor)}`);
  }
}

/** Shares of a size, for style sheets. */
function placed(box) {
  return Object.fromEntries(Object.entries(box).map(([side, share]) => [side, `${100 * share}%`]));
}

/** What cuts off of a box that lies partly outside of an image: cells within padding do. */
function inside({ top, left, height, width }) {
  const cuts = [-top / height, (left + width - 1) / width, (top + height - 1) / height, -left / width];
  return `inset(${cuts.map((share) => `${100 * Math.max(0, share)}%`).join(" ")})`;
}

function sizes(shape) {
  if (shape.length === 1) return { channels: 1, rows: 1, columns: shape[0] };
  const [rows, columns] = shape.slice(-2);
  return { channels: shape.length === 3 ? shape[0] : 1, rows, columns };
}

function as2d({ data, shape }) {
  return { data, shape, ...sizes(shape) };
}
