// The numbers of a layer that gives one a class: a line for each, with the class's name, a bar from 0, and the number.

import { make } from "./dom.js";
import { className } from "./network.js";
import { text } from "./numbers.js";

/** The lines beside the cells of such a layer; what a screen reader says stands at the cells. */
export class Scores {
  constructor(layer) {
    this.lines = Array.from({ length: layer.shape[0] }, (_, k) => {
      const [fill, number] = [make("span", { class: "part" }), make("span", { class: "score" })];
      const track = make("span", { class: "strip" }, fill);
      return { fill, number, item: make("li", {}, make("span", { class: "name" }, className(k)), track, number) };
    });
    this.element = make("ol", { class: "scores", "aria-hidden": "true" }, ...this.lines.map(({ item }) => item));
  }

  /** Show numbers; each line is so high, beside a square of the same size. */
  show(numbers, size) {
    this.element.style.setProperty("--line-height", `${size}px`);
    const [low, high] = [Math.min(0, ...numbers), Math.max(0, ...numbers)];
    const share = (value) => (high > low ? (100 * (value - low)) / (high - low) : 0);
    const best = numbers.indexOf(high);
    this.lines.forEach(({ fill, number, item }, k) => {
      const value = numbers[k];
      const [from, to] = [share(Math.min(0, value)), share(Math.max(0, value))];
      Object.assign(fill.style, { left: `${from}%`, width: `${to - from}%` });
      fill.className = `part ${value < 0 ? "negative" : "positive"}`;
      item.classList.toggle("likeliest", k === best);
      number.textContent = text(value);
    });
  }
}
