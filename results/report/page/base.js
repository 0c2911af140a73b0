"use strict";
// What all parts of a page need: its data, columns of numbers, units, colours, tooltips and
// tables that can be sorted.
const D = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

// make creates an element: make("td", {class: "num"}, "text", child, ...).
function make(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes || {})) {
    if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else if (v === true) e.setAttribute(k, "");
    else if (v !== false && v != null) e.setAttribute(k, v);
  }
  e.append(...children.filter((c) => c != null));
  return e;
}

// column unpacks a blob: a promise of an Int32Array, or of a Float64Array where numbers are
// larger or scaled. It is done once.
const columns = new Map();
const NONE = -2147483648;
function column(i) {
  if (!columns.has(i)) columns.set(i, unpack(i));
  return columns.get(i);
}

async function unpack(i) {
  const about = D.blobs[i];
  if (about.n === 0) return new Int32Array(0);
  const element = $("b" + i);
  const text = atob(JSON.parse(element.textContent));
  element.remove();
  const packed = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) packed[k] = text.charCodeAt(k);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const raw = new Int32Array(await new Response(stream).arrayBuffer());
  if (about.form === "plain") {
    if (!about.scale) return raw;
    const out = new Float64Array(about.n);
    for (let k = 0; k < about.n; k++) out[k] = raw[k] === NONE ? NaN : raw[k] * about.scale;
    return out;
  }
  const out = new Float64Array(about.n);
  if (about.form === "delta") {
    for (let k = 0, at = 0; k < about.n; k++) out[k] = at += raw[k];
  } else {
    for (let k = 0; k < about.n; k++) out[k] = raw[about.n + k] * 4294967296 + (raw[k] >>> 0);
  }
  return out;
}

// before returns how many values of a sorted column are less than v.
function before(sorted, v) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < v) low = middle + 1;
    else high = middle;
  }
  return low;
}

const UNITS = {
  bps: [[1e9, "Gb/s"], [1e6, "Mb/s"], [1e3, "kb/s"], [1, "b/s"]],
  B: [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "B"]],
  s: [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]],
};

// unitOf returns the unit of an axis whose largest value is top.
function unitOf(unit, top) {
  const list = UNITS[unit];
  if (!list) return [1, unit || ""];
  for (const u of list) if (top >= u[0]) return u;
  return top > 0 ? list[list.length - 1] : [1, unit === "bps" ? "b/s" : unit];
}

function short(v) {
  if (v == null || Number.isNaN(v)) return "–";
  const a = Math.abs(v);
  if (a !== 0 && (a < 1e-4 || a >= 1e15)) return v.toExponential(3);
  return String(Number(v.toPrecision(4)));
}

// withUnit prints a quantity.
function withUnit(v, unit) {
  if (v == null || Number.isNaN(v)) return "–";
  const u = unitOf(unit, Math.abs(v));
  return (short(v / u[0]) + " " + u[1]).trim();
}

// clock prints a time in seconds with the digits that its window needs.
function clock(t, width) {
  const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(width || 1)) + 3));
  return t.toFixed(digits) + " s";
}

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const PALETTE = 6;

// Names have one colour in all figures, in the order of first use; beyond six they are dashed.
const colorNames = [];
function paint(name) {
  if (name === "total" || name === "connection") return {color: style("--total"), dash: []};
  let i = colorNames.indexOf(name);
  if (i < 0) i = colorNames.push(name) - 1;
  return {color: style("--c" + (i % PALETTE)), dash: [[], [7, 4], [2, 3]][Math.floor(i / PALETTE) % 3]};
}

// A tooltip near the pointer.
function tip(text, x, y) {
  const t = $("tip");
  if (!t) return;
  t.hidden = !text;
  if (!text) return;
  t.textContent = text;
  const w = t.offsetWidth, h = t.offsetHeight;
  t.style.left = Math.max(4, Math.min(x + 14, innerWidth - w - 8)) + "px";
  t.style.top = (y + 18 + h > innerHeight ? Math.max(4, y - h - 12) : y + 18) + "px";
}

// redrawn are the functions that draw anew when the colours or the width change.
const redrawn = [];
let resizing = 0;
function redraw() {
  cancelAnimationFrame(resizing);
  resizing = requestAnimationFrame(() => redrawn.forEach((f) => f()));
}
addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
matchMedia("print").addEventListener("change", redraw);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));

// canvas returns the context of a canvas that fills its parent, in CSS pixels.
function canvas(element, height) {
  const ratio = devicePixelRatio || 1, width = element.parentElement.clientWidth;
  element.width = Math.round(width * ratio);
  element.height = Math.round(height * ratio);
  element.style.height = height + "px";
  const c = element.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.font = "12px system-ui, 'Liberation Sans', Arial, sans-serif";
  return {c, width, height};
}

// whenSeen calls f when an element comes near the window, once.
function whenSeen(element, f) {
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((e) => e.isIntersecting)) return;
    watch.disconnect();
    f();
  }, {rootMargin: "600px"});
  watch.observe(element);
}

// sortable makes the heads of a table buttons.
function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((th, i) => {
    const b = make("button", {type: "button"}, ...th.childNodes);
    th.replaceChildren(b);
    b.addEventListener("click", () => {
      const down = th.getAttribute("aria-sort") === "ascending";
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => {
        const cell = row.cells[i];
        return cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.textContent;
      };
      const rows = [...table.tBodies[0].rows].sort((a, b) => compare(value(a), value(b)) * (down ? -1 : 1));
      table.tBodies[0].append(...rows);
    });
  });
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b;
  return String(a).localeCompare(String(b), "en", {numeric: true});
}

if (typeof DecompressionStream === "undefined" && $("old-browser")) $("old-browser").hidden = false;
document.querySelectorAll("table.sortable").forEach(sortable);
