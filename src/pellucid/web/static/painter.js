// The worker that colours large pictures, away from the thread that follows the pen.

import { coloured } from "./coloured.js";

onmessage = ({ data: { ticket, job } }) => {
  const pixels = coloured(job);
  postMessage({ ticket, pixels }, [pixels.buffer]);
};
