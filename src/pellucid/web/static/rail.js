// The rail beside the stack: where a layer reads another one than that before it, as behind a residual block.

import { network } from "./network.js";

const SVG = "http://www.w3.org/2000/svg";
const LANE = 7;

/** Draw an arc for every such connection, each in a lane of its own where they overlap. */
export function drawRail(place, rows) {
  place.querySelector(".rail")?.remove();
  const jumps = jumpsOf(network.layers);
  if (!jumps.length) return;
  const lanes = spread(jumps);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "rail");
  svg.setAttribute("aria-hidden", "true"); // each layer says in words what it reads
  const width = LANE * (Math.max(...lanes) + 2);
  svg.style.width = `${width}px`;
  svg.style.height = `${place.scrollHeight}px`;
  place.style.paddingLeft = `${width + 4}px`;
  jumps.forEach(({ from, to }, k) => {
    const [start, end] = [from, to].map((number) => middle(rows.get(network.layers[number].path).element));
    const x = width - LANE * (lanes[k] + 1);
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", `M ${width} ${start} H ${x} V ${end} H ${width - 4} m -4 -4 l 4 4 l -4 4`);
    svg.append(path);
  });
  place.prepend(svg);
}

/** Pairs of numbers of layers, the second of which reads the first though others stand between them. */
export function jumpsOf(layers) {
  const numbers = new Map(layers.map((layer, number) => [layer.path, number]));
  return layers.flatMap((layer, to) =>
    layer.reads.map((path) => ({ from: numbers.get(path), to })).filter(({ from }) => from !== undefined && from < to - 1));
}

/** A lane for each jump, so that none lies on another; the short ones nearest. */
export function spread(jumps) {
  const taken = [];
  const order = jumps.map((_, k) => k).sort((a, b) => jumps[a].to - jumps[a].from - (jumps[b].to - jumps[b].from));
  const lanes = Array(jumps.length).fill(0);
  for (const k of order) {
    const { from, to } = jumps[k];
    let lane = 0;
    while (taken.some((other) => other.lane === lane && other.from < to && from < other.to)) lane += 1;
    taken.push({ from, to, lane });
    lanes[k] = lane;
  }
  return lanes;
}

function middle(element) {
  return element.offsetTop + 22;
}
