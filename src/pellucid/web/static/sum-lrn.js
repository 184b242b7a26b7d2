// Local response normalisation: a number, divided by a power of what its neighbours' squares come to.

import { figure, number, numbers, place, table, total } from "./sum-parts.js";

/** Draw a normalisation by the neighbouring channels. */
export function localResponse(found) {
  const { details } = found;
  const [x, size, alpha, beta, k] = ["x", "size", "alpha", "beta", "k"].map((name) => number(details[name]));
  const neighbours = numbers(details.neighbours);
  const [channel, ...cell] = found.index;
  const { path } = found.terms[0];
  const sum = total(neighbours.map((each) => each * each));
  const s = k + (alpha / size) * sum;
  const y = x * s ** -beta;
  const rows = neighbours.map((each, n) => [
    place(path, [details.channels[n], ...cell], `channel ${details.channels[n]}${details.channels[n] === channel ? ", its own" : ""}`),
    figure(each), figure(each * each),
  ]);
  return {
    parts: [
      table("Its neighbours", ["channel", "x", "x²"], rows, [["sum", "", figure(sum)]]),
      table(
        "The quotient", [],
        [
          ["k, alpha, size", `${figure(k).textContent}, ${figure(alpha).textContent}, ${size}`],
          ["s = k + alpha / size · sum", figure(s, 6)], ["beta", figure(beta)], ["s^−beta", figure(s ** -beta)], ["x", figure(x)],
        ],
        [["x · s^−beta", figure(y, 6)]],
      ),
    ],
    y,
  };
}
