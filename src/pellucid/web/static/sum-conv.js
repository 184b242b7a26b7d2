// A convolution: patch, kernel and products of one channel as grids; of all channels what they add.

import { make } from "./dom.js";
import { count, text } from "./numbers.js";
import { grid } from "./sum-grid.js";
import { bar, pathOf, reach, table, total } from "./sum-parts.js";

const FEW = 8;
const BESIDE = 5; // columns of a kernel: three grids of more do not stand side by side

let chosen = { path: null, channel: null }; // whose grids are shown, if somebody has chosen

export function conv(found) {
  const { patch, kernel, bias, channels: numbers } = found.details;
  const products = patch.map((rows, c) => rows.map((line, y) => line.map((x, k) => x * kernel[c][y][k])));
  const subtotals = products.map((rows) => total(rows.flat()));
  const order = subtotals.map((_, c) => c).sort((a, b) => Math.abs(subtotals[b]) - Math.abs(subtotals[a]) || a - b);
  if (chosen.path !== found.path) chosen = { path: found.path, channel: null };
  const sum = { found, patch, kernel, products, subtotals, bias, order };
  const grids = make("div", { class: kernel[0][0].length > BESIDE ? "grids" : "grids beside" });
  const channels = make("div", {});
  const first = found.terms[0]?.index[0] ?? numbers[order[0]]; // that of the largest product
  let many = FEW;
  const draw = () => {
    const c = numbers.indexOf(numbers.includes(chosen.channel) ? chosen.channel : first);
    grids.replaceChildren(...drawn(sum, c));
    channels.replaceChildren(...listed(sum, c, many, (channel) => { choose(channel); channels.querySelector(`[data-channel="${channel}"]`)?.focus(); }, () => { many = Infinity; draw(); }));
  };
  const choose = (channel) => { chosen.channel = channel; draw(); };
  draw();
  return { parts: [grids, channels], y: total(subtotals) + bias, choose: numbers.length > 1 && choose };
}

/** The three grids of one channel, in which the products that the words name are ringed. */
function drawn({ found, patch, kernel, products, subtotals }, c) {
  const { details, numbers } = found;
  const channel = details.channels[c];
  const path = pathOf(found, details.input);
  const tight = kernel[c][0].length <= BESIDE;
  const ringed = (row, column) => numbers.some((part) => part.channel === channel && part.tap[0] === row && part.tap[1] === column);
  const shown = { rows: details.rows, columns: details.columns, padding: details.padding, tight, ringed };
  const at = (row, column) => ({ path, index: [channel, details.rows[row], details.columns[column]] });
  return [
    make("p", { class: "of" }, `${path ?? "What it reads"}, channel ${channel}: adds ${text(subtotals[c])}`),
    grid("patch", patch[c], { ...shown, range: reach(patch), at }),
    grid("⊙ kernel", kernel[c], { range: reach(kernel), tight, ringed, bare: tight }),
    grid("= products", products[c], { ...shown, range: reach(products), at, bare: tight }),
  ];
}

/** What each channel adds, the largest first, then the bias. */
function listed({ subtotals, bias, order, found }, current, many, choose, unfold) {
  const sum = total(subtotals) + bias;
  const most = reach([subtotals, bias, sum]);
  const shown = order.slice(0, many);
  const hidden = order.slice(many);
  const line = (name, amount) => [name, amount, bar(0, amount, -most, most)];
  const rows = shown.map((c) => line(button(found.details.channels[c], c === current, choose), subtotals[c]));
  if (hidden.length) rows.push(line(`other ${count(hidden.length)} together`, total(hidden.map((c) => subtotals[c]))));
  rows.push(line("+ bias", bias));
  const whole = table("Channel by channel", ["channel", "subtotal", "as a bar"], rows, [line("sum", sum)]);
  return hidden.length ? [whole, make("button", { click: unfold }, `Show ${count(hidden.length)} more`)] : [whole];
}

function button(channel, current, choose) {
  return make(
    "button", { class: "link channel", "aria-pressed": String(current), "data-channel": channel, click: () => choose(channel) },
    `channel ${channel}`,
  );
}
