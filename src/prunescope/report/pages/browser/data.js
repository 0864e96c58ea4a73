"use strict";
// Which data does the page hold, and how does a part of it arrive when it is needed?

const prunescope = { chunks: {}, receive(name, value) { prunescope.chunks[name] = value; } };
const requests = {};

/** Returns a promise of a chunk of data, whose script is added to the page on first use. */
function load(name) {
  if (name in prunescope.chunks) return Promise.resolve(prunescope.chunks[name]);
  requests[name] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `assets/data-${name}.js`;
    script.onload = () => resolve(prunescope.chunks[name]);
    script.onerror = () => reject(new Error(`assets/data-${name}.js is not beside this page`));
    document.head.append(script);
  });
  return requests[name];
}

/** Returns a promise of a picture of the page's folder. */
function loadPicture(path) {
  requests[path] ??= new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = () => reject(new Error(`${path} is not beside this page`));
    picture.src = path;
  });
  return requests[path];
}

/** Makes an element. Children that are strings become text, never markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

const UNDEFINED = "–";
const isKnown = value => value !== null && value !== undefined;
const counted = (count, noun, plural = `${noun}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? noun : plural}`;

/** Writes a value as its kind of column does: "text", "count", "share" (0.123), "percent", "p". */
function written(value, kind) {
  if (!isKnown(value)) return UNDEFINED;
  if (kind === "count") return value.toLocaleString("en");
  if (kind === "share") return value.toFixed(3);
  if (kind === "percent") return `${(100 * value).toFixed(1)} %`;
  if (kind === "points") return `${value > 0 ? "+" : ""}${(100 * value).toFixed(1)}`;
  if (kind === "p") return value < 0.001 ? value.toExponential(1) : value.toFixed(3);
  if (kind === "value") return String(Number(value.toPrecision(4)));
  if (kind === "truth") return value ? "yes" : "no";
  return String(value);
}

/** Saves text as a file of the reader's. */
function save(name, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })) });
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Writes a cell of a CSV; what a spreadsheet would run as a formula gets an apostrophe. */
function csvCell(value) {
  if (!isKnown(value)) return "";
  let text = String(value);
  if (typeof value === "string" && /^'*[=+\-@\t\r\n]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
