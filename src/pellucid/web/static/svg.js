// Making elements of drawings, as `make` does those of the page.

/** Make an element: `draw("path", {class: "line", d}, other)`. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
