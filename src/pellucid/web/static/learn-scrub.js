// Going through the moments of a training, and when the network came to see in the image what it sees there.

import { ask } from "./api.js";
import { make, problem } from "./dom.js";
import { draw } from "./learn-curves.js";
import { className } from "./network.js";
import { count, percent } from "./numbers.js";
import { get } from "./state.js";

const [WIDTH, HEIGHT] = [340, 44];

/**
 * Build the slider.
 *
 * @param {{learning: object, goTo: (step: number | string) => void}} page
 */
export function buildScrubber({ learning, goTo }) {
  const slider = make("input", { type: "range", min: 0, max: 0, value: 0, step: 1, id: "learn-moment", input: () => go(Number(slider.value)) });
  const output = make("output", { for: "learn-moment" });
  const strip = make("div", { class: "learn-strip" });
  const since = make("p", { class: "learn-since" });
  const element = make(
    "div",
    { class: "learn-scrub" },
    make("label", { for: "learn-moment" }, "Moment "),
    output,
    make("div", { class: "row" }, step("◀", "moment before", -1), slider, step("▶", "next moment", 1)),
    strip,
    since,
  );
  let course = null; // what the image was taken for at the moments
  let at = null; // step of the moment that is shown; null for the newest
  let wanted = null;

  function step(label, words, by) {
    return make("button", { type: "button", "aria-label": words, click: () => go(Number(slider.value) + by) }, label);
  }

  function last() {
    return learning.moments.length;
  }

  function go(place) {
    const bounded = Math.max(0, Math.min(last(), place));
    slider.value = bounded;
    const chosen = bounded === last() ? end() : learning.moments[bounded];
    at = bounded === last() ? null : chosen;
    name();
    goTo(chosen);
  }

  function end() {
    return learning.state === "training" || learning.state === "paused" ? "now" : "end";
  }

  function name() {
    const each = learning.steps_per_epoch;
    const words = at === null
      ? (end() === "now" ? `now, after step ${count(learning.step)}` : `the end, after step ${count(learning.step)}`)
      : `after step ${count(at)}, ${at ? `epoch ${Math.ceil(at / each)}` : "before the first"}`;
    output.textContent = words;
    slider.setAttribute("aria-valuetext", words);
  }

  function refresh() {
    element.hidden = last() < 2;
    const place = at === null ? last() : learning.moments.indexOf(at);
    slider.max = last();
    slider.value = place < 0 ? last() : place;
    name();
  }

  /** The page shows a moment: its step, or null for the network as it came out. */
  function placed(moment, asked) {
    at = asked === "now" || asked === "end" ? null : moment;
    refresh();
  }

  /** Ask what the image that is shown was taken for at each moment. */
  async function imageChanged() {
    const { image, source } = get();
    if (last() < 2 || !image) return;
    const sample = source?.kind === "sample" ? source.number : "";
    const key = `${image} ${sample} ${last()}`;
    if (wanted === key) return;
    wanted = key;
    try {
      do {
        const found = await ask("course", { image, sample });
        if (wanted !== key) return;
        course = found;
        drawStrip();
      } while (!course.complete);
    } catch (error) {
      wanted = null;
      problem(error.message);
    }
  }

  function drawStrip() {
    const { steps, taken, share } = course.arrays;
    const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": stripWords() });
    const width = WIDTH / Math.max(1, steps.data.length);
    steps.data.forEach((moment, k) => {
      const right = taken.data[k] === course.right;
      const height = Math.max(1, (HEIGHT - 12) * share.data[k]);
      svg.append(draw("rect", { class: right ? "right" : "wrong", x: k * width + 1, width: Math.max(1, width - 2), y: HEIGHT - height, height }));
      if (moment === course.since) svg.append(draw("path", { class: "since", d: `M ${k * width + width / 2 - 5} 0 h 10 l -5 8 z` }));
    });
    strip.replaceChildren(svg);
    since.textContent = sinceWords();
  }

  function rightWords() {
    return course.known ? `a ${className(course.right)}, which is right` : `a ${className(course.right)}, as at the end`;
  }

  function sinceWords() {
    if (course.right === null) return "";
    if (course.since === null) return `At the last moment it does not take it for ${rightWords()}.`;
    if (course.since === course.arrays.steps.data[0]) return `It has taken it for ${rightWords()}, from the beginning.`;
    const each = learning.steps_per_epoch;
    return `▼ Since step ${count(course.since)} (epoch ${Math.ceil(course.since / each)}) it has taken it for ${rightWords()}.`;
  }

  function stripWords() {
    const { share } = course.arrays;
    if (!share.data.length) return "How sure it was";
    const shares = Array.from(share.data);
    return `How sure it was of ${className(course.right)}: ${percent(shares[0])} at first, ${percent(shares.at(-1))} at last. ${sinceWords()}`;
  }

  /** Steps that the curves mark. */
  function marks() {
    const found = [];
    if (course?.since) found.push({ step: course.since, kind: "since" });
    if (at !== null) found.push({ step: at, kind: "here" });
    return found;
  }

  return { element, refresh, placed, imageChanged, marks };
}
