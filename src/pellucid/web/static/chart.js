// An empty chart of what goes over steps, to draw curves into.

import { draw } from "./dom.js";
import { count } from "./numbers.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [200, 104, 52, 6, 8, 18];

/** A chart from step 0 to the `end`, with a line and words at shares of its height, `axes`; its `line` is of [step, share]. */
export function chart(label, end, axes) {
  const x = (step) => LEFT + ((WIDTH - LEFT - RIGHT) * step) / end;
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const words = (x, y, anchor, said) => draw("text", { x, y, "text-anchor": anchor }, said);
  const svg = draw(
    "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": label },
    ...axes.flatMap(([share, said]) => [
      draw("line", { class: "axis", x1: LEFT, x2: x(end), y1: y(share), y2: y(share) }), words(LEFT - 4, y(share) + 4, "end", said),
    ]),
    words(LEFT, HEIGHT - 4, "start", "0"), words(x(end), HEIGHT - 4, "end", `step ${count(end)}`),
  );
  const place = ([step, share]) => `${x(step).toFixed(1)},${y(share).toFixed(1)}`;
  const line = (name, points) => draw("polyline", { class: name, points: points.map(place).join(" ") });
  return { svg, x, y, line, top: TOP, bottom: HEIGHT - BOTTOM };
}
