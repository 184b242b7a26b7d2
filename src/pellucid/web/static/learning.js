// What is known of a training: how far it is, its curves, epochs and moments.

/** Points are rows of step, loss, accuracy, learning rate; epochs of epoch, loss, accuracy, both held out, learning rate. */
export const learning = { state: "unknown", points: [], epochs: [], moments: [], named: [] };

/** Whether the training goes on. */
export function isLive() {
  return learning.state === "training" || learning.state === "paused";
}

/** Take over what the server tells. */
export function take({ arrays, picture, ...told }) {
  learning.points.splice(told.first, Infinity, ...rowsOf(arrays.points));
  Object.assign(learning, told, { epochs: rowsOf(arrays.epochs) });
}

function rowsOf({ shape: [rows, columns], data }) {
  return Array.from({ length: rows }, (_, k) => Array.from(data.subarray(k * columns, (k + 1) * columns)));
}
