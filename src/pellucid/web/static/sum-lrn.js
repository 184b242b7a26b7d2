// Local response normalisation: a number, divided by a power of what its neighbours' squares come to.

import { text } from "./numbers.js";
import { figure, place, table, total } from "./sum-parts.js";

export function localResponse(found) {
  const { x, size, alpha, beta, k, neighbours, channels } = found.details;
  const [channel, ...cell] = found.index;
  const { path } = found.terms[0];
  const sum = total(neighbours.map((each) => each * each));
  const s = k + (alpha / size) * sum;
  const y = x * s ** -beta;
  const rows = neighbours.map((each, n) => [
    place(path, [channels[n], ...cell], `channel ${channels[n]}${channels[n] === channel ? ", its own" : ""}`),
    each, each * each,
  ]);
  return {
    parts: [
      table("Its neighbours", ["channel", "x", "x²"], rows, [["sum", "", sum]]),
      table(
        "The quotient", [],
        [
          ["k, alpha, size", `${text(k)}, ${text(alpha)}, ${size}`],
          ["s = k + alpha / size · sum", figure(s, 6)], ["beta", beta], ["s^−beta", s ** -beta], ["x", x],
        ],
        [["x · s^−beta", y]],
      ),
    ],
    y,
  };
}
