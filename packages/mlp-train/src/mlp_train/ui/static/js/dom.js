// Elements are made by these few functions; text is always set as text, so nothing that comes from data can be markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an HTML element. `on` maps events to listeners, `class` is its class; null and false leave an attribute out. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "value" && "value" in element) element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let made = 0;

/** Return an id that no other element has. */
export function unique(stem) {
  made += 1;
  return `${stem}-${made}`;
}

/** Write a number with about three figures that count. */
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(1).replace("e+", "e");
  if (size >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

/** Write a share of one as per cent. */
export function percent(share) {
  const value = share * 100;
  return `${value > 99.5 && value < 99.95 ? value.toFixed(1) : value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1)} %`;
}

/** Return the value of a colour or size token of app.css as it is now. */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Call a function when light changes to dark or back; what canvases show must be painted anew then. */
export function onTheme(repaint) {
  document.addEventListener("themechange", repaint);
}

/** Return bytes from base64. */
export function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
