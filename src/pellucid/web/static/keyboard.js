// What a key asks for.

/** What keys do, in the words of the help: whoever acts on some adds them. */
export const HELP = {};

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const FAR = 5; // cells at once, with Shift

/** Whether a key is the browser's or the system's, for what is held with it. */
export function isCommand({ ctrlKey, altKey, metaKey }) {
  return ctrlKey || altKey || metaKey;
}

/** How far an arrow leads down and to the right; undefined for any other key. */
export function arrowStep(event, far = FAR) {
  return isCommand(event) ? undefined : STEPS[event.key]?.map((step) => (event.shiftKey ? far * step : step));
}

/** −1 for the first of two keys, 1 for the second, 0 for any other. */
export function either({ key }, back, on) {
  return Number(key === on) - Number(key === back);
}

/** Keep a key from all others who listen: it has been acted on. */
export function claim(event) {
  event.preventDefault();
  event.stopPropagation();
}
