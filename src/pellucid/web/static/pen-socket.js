// Asks what the network makes of a drawing, many times a second: through a socket, since a request takes the browser
// longer than the answer takes the network. As long as there is no socket, a request has to do.

import { Refused, SILENT, parse, send, words } from "./api.js";
import { waitFor } from "./waiting.js";

const WORDS = 4; // bytes that say how long the words are; see pen_socket.py

const waiting = []; // those who have asked: they are answered in turn
let socket = null;
let refused = false; // one that never opened is not tried again

/** Ask what the network makes of ink, a byte a pixel. */
export function askDrawing(query, bytes) {
  if (socket?.readyState !== WebSocket.OPEN) {
    if (!refused && socket?.readyState !== WebSocket.CONNECTING) connect();
    return send("drawing", query, bytes);
  }
  socket.send(message(query, bytes));
  return waitFor(new Promise((resolve, reject) => { waiting.push({ resolve, reject }); }));
}

function connect() {
  socket = new WebSocket(`ws://${location.host}/api/pen`);
  socket.binaryType = "arraybuffer";
  refused = true;
  socket.onopen = () => { refused = false; };
  socket.onmessage = ({ data }) => {
    const found = parse(data);
    const { resolve, reject } = waiting.shift();
    if (found.error) reject(new Refused(found.error, 400));
    else resolve(found);
  };
  socket.onclose = () => {
    for (const { reject } of waiting.splice(0)) reject(new Refused(SILENT, 0));
  };
}

function message(query, bytes) {
  const text = new TextEncoder().encode(words(query));
  const whole = new Uint8Array(WORDS + text.length + bytes.length);
  new DataView(whole.buffer).setUint32(0, text.length, true);
  whole.set(text, WORDS);
  whole.set(bytes, WORDS + text.length);
  return whole;
}
