// What is known of a training: how far it is, its curves, its epochs, and the moments that can be gone back to.

const MEASURED = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr"]; // of each epoch

export const learning = { state: "unknown", points: [], epochs: [], moments: [] };

/** Whether the training goes on. */
export function isLive() {
  return learning.state === "training" || learning.state === "paused";
}

/** Take over what the server tells. */
export function take({ arrays, picture, ...told }) {
  learning.points.splice(told.first, Infinity, ...rowsOf(arrays.points));
  const epochs = rowsOf(arrays.epochs).map((row) => Object.fromEntries(MEASURED.map((name, k) => [name, row[k]])));
  Object.assign(learning, told, { epochs });
}

function rowsOf({ shape: [rows, columns], data }) {
  return Array.from({ length: rows }, (_, k) => Array.from(data.subarray(k * columns, (k + 1) * columns)));
}

/** Which epoch a step belongs to. */
export function epochOf(step) {
  return Math.ceil(step / learning.steps_per_epoch);
}
