// A picture of numbers over an image, as explanations are: with its range, and each number to be had by pointer or keys.

import { clipped, gradient } from "./colours.js";
import { make, say } from "./dom.js";
import { count, text } from "./numbers.js";
import { paint } from "./painting.js";
import { inColours } from "./pixels.js";

/** What a range of colours means: from −R or 0 to R, and how many numbers lie beyond. */
export function scaleOf(numbers, range) {
  const half = !numbers.some((value) => value < 0);
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

/** A picture in a figure with a caption. */
export class Picture {
  constructor(caption) {
    this.name = caption;
    this.cursor = [0, 0];
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

  /** Show numbers {data, shape} over it, or nothing. */
  showNumbers(picture, range) {
    this.numbers = picture ? { data: picture.data, ...sizes(picture.shape) } : null;
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
    const at = (place, size, cells) => Math.max(0, Math.min(cells - 1, Math.floor((place / size) * cells)));
    this.#tell([at(event.clientY - box.top, box.height, rows), at(event.clientX - box.left, box.width, columns)]);
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
    Object.assign(this.ring.style, {
      left: `${(100 * cell[1]) / columns}%`, top: `${(100 * cell[0]) / rows}%`, width: `${100 / columns}%`, height: `${100 / rows}%`,
    });
    this.told.textContent = `row ${cell[0]}, column ${cell[1]}: ${this.#value(cell)}`;
  }

  #largest() {
    const { data, columns } = this.numbers;
    let best = 0;
    data.forEach((value, at) => { if (Math.abs(value) > Math.abs(data[best])) best = at; });
    if (!data[best]) return "0 everywhere";
    return `strongest: ${text(data[best])} at row ${Math.floor(best / columns)}, column ${best % columns}`;
  }

  #label() {
    const { rows, columns } = this.#shown;
    if (this.cursor[0] >= rows || this.cursor[1] >= columns) this.cursor = [0, 0];
    this.button.setAttribute("aria-label", `${this.caption.textContent}: row ${this.cursor[0]}, column ${this.cursor[1]}, ${this.#value(this.cursor)}`);
  }
}

function sizes(shape) {
  if (shape.length === 1) return { channels: 1, rows: 1, columns: shape[0] };
  const [rows, columns] = shape.slice(-2);
  return { channels: shape.length === 3 ? shape[0] : 1, rows, columns };
}

function as2d({ data, shape }) {
  return { data, shape, ...sizes(shape) };
}
