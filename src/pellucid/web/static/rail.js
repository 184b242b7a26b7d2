// The rail beside the stack: what layers read beside the one before them, as behind a residual block.

import { lay } from "./dom.js";
import { network } from "./network.js";
import { draw } from "./svg.js";

const LANE = 7;

/** Draw an arc for each, in lanes where they overlap. */
export function drawRail(place, rows) {
  place.querySelector(".rail")?.remove();
  const jumps = jumpsOf(network.layers);
  if (!jumps.length) return;
  const lanes = spread(jumps);
  const svg = draw("svg", { class: "rail", "aria-hidden": true }); // each layer says in words what it reads
  const width = LANE * (Math.max(...lanes) + 2);
  lay(svg, { width, height: place.scrollHeight });
  place.style.paddingLeft = `${width + 4}px`;
  jumps.forEach(({ from, to }, k) => {
    const [start, end] = [from, to].map((number) => rows.get(network.layers[number].path).element.offsetTop + 22);
    const x = width - LANE * (lanes[k] + 1);
    svg.append(draw("path", { d: `M ${width} ${start} H ${x} V ${end} H ${width - 4} m -4 -4 l 4 4 l -4 4` }));
  });
  place.prepend(svg);
}

/** Pairs of numbers of layers, the second of which reads the first from further away. */
export function jumpsOf(layers) {
  const numbers = new Map(layers.map((layer, number) => [layer.path, number]));
  return layers.flatMap((layer, to) =>
    layer.reads.map((path) => ({ from: numbers.get(path), to })).filter(({ from }) => from !== undefined && from < to - 1));
}

/** A lane for each jump, the short ones nearest. */
export function spread(jumps) {
  const lanes = Array(jumps.length);
  const far = (k) => jumps[k].to - jumps[k].from;
  for (const k of [...jumps.keys()].sort((a, b) => far(a) - far(b))) {
    const { from, to } = jumps[k];
    let lane = 0;
    while (jumps.some((other, j) => lanes[j] === lane && other.from < to && from < other.to)) lane += 1;
    lanes[k] = lane;
  }
  return lanes;
}
