// Figures of series: panels of uPlot over one window of time, with one cursor.

const win = {from: 0, to: D.end || 1, cursor: null};
const windowListeners = [], cursorListeners = [];
// The margins of every figure over time, so that they lie below one another.
let LEFT = 0;
const RIGHT = 14;
function margins() { LEFT = innerWidth < 700 ? 66 : 112; }
margins();
redrawn.push(margins);

function setWindow(from, to) {
  const least = 1e-9;
  from = Math.max(0, from);
  to = Math.min(D.end, to);
  if (!(to - from >= least)) return;
  if (from === win.from && to === win.to) return;
  win.from = from;
  win.to = to;
  showWindow();
  windowListeners.forEach((f) => f());
}

function setCursor(t, source) {
  win.cursor = t;
  $("w-cursor").textContent = t == null ? "" : "cursor " + clock(t, (win.to - win.from) / 10);
  cursorListeners.forEach((f) => f(source));
}

function showWindow() {
  const width = win.to - win.from, digits = Math.max(3, Math.min(9, Math.ceil(-Math.log10(width)) + 3));
  $("w-from").value = Number(win.from.toFixed(digits));
  $("w-to").value = Number(win.to.toFixed(digits));
  $("w-all").disabled = win.from === 0 && win.to === D.end;
}

function toolbar() {
  $("window").hidden = false;
  const zoom = (factor) => {
    const middle = win.cursor != null && win.cursor >= win.from && win.cursor <= win.to ? win.cursor : (win.from + win.to) / 2;
    setWindow(middle - (middle - win.from) * factor, middle + (win.to - middle) * factor);
  };
  const move = (part) => {
    const width = win.to - win.from, from = Math.max(0, Math.min(D.end - width, win.from + width * part));
    setWindow(from, from + width);
  };
  $("w-in").onclick = () => zoom(0.5);
  $("w-out").onclick = () => zoom(2);
  $("w-left").onclick = () => move(-0.5);
  $("w-right").onclick = () => move(0.5);
  $("w-all").onclick = () => setWindow(0, D.end);
  const typed = () => {
    const from = Number($("w-from").value), to = Number($("w-to").value);
    if (from >= 0 && to > from) setWindow(from, to);
    showWindow();
  };
  $("w-from").onchange = typed;
  $("w-to").onchange = typed;
  showWindow();
}

// shade marks outages and actions in a canvas; x turns seconds into pixels.
function shade(c, x, top, height, labels) {
  for (const o of D.outages) {
    if (o.to < win.from || o.from > win.to) continue;
    const a = Math.max(x(o.from), x(win.from)), b = Math.min(x(o.to), x(win.to));
    c.fillStyle = style("--shade");
    c.fillRect(a, top, Math.max(1, b - a), height);
    if (labels && b - a > 40) {
      c.fillStyle = style("--mark");
      c.save();
      c.beginPath();
      c.rect(a, top, b - a, height);
      c.clip();
      c.textAlign = "left";
      c.textBaseline = "top";
      c.fillText(o.label, a + 4, top + 3);
      c.restore();
    }
  }
  c.strokeStyle = style("--mark");
  c.lineWidth = 1;
  for (const a of D.actions) {
    if (a.at < win.from || a.at > win.to) continue;
    c.setLineDash([3, 3]);
    c.beginPath();
    c.moveTo(x(a.at), top);
    c.lineTo(x(a.at), top + height);
    c.stroke();
  }
  c.setLineDash([]);
}

// thin returns the points of a window: all of them if they are few, else the least and the
// largest value of each of many columns.
const COLUMNS = 1200;
function thin(time, values, from, to) {
  const a = Math.max(0, before(time, from) - 1), b = Math.min(time.length, before(time, to) + 2);
  if (b - a <= 2 * COLUMNS) return [time, ...values].map((v) => Array.from(v.subarray(a, b), (x) => (Number.isNaN(x) ? null : x)));
  const t = [], out = values.map(() => []);
  const width = (time[b - 1] - time[a]) / COLUMNS;
  for (let i = a; i < b;) {
    const c = Math.floor((time[i] - time[a]) / width);
    let end = i + 1;
    while (end < b && Math.floor((time[end] - time[a]) / width) === c) end++;
    t.push(time[i]);
    if (end - i > 1) t.push(time[end - 1]);
    values.forEach((v, k) => {
      let low = -1, high = -1;
      for (let j = i; j < end; j++) {
        if (Number.isNaN(v[j])) continue;
        if (low < 0 || v[j] < v[low]) low = j;
        if (high < 0 || v[j] > v[high]) high = j;
      }
      out[k].push(low < 0 ? null : v[Math.min(low, high)]);
      if (end - i > 1) out[k].push(low < 0 ? null : v[Math.max(low, high)]);
    });
    i = end;
  }
  return [t, ...out];
}

// means returns rates of a window as means over k intervals each, in the middle of their
// time: bytes stay what they are, however few points are drawn.
const MEANS = 300;
function means(time, values, from, to) {
  const step = time.length > 1 ? time[1] - time[0] : 0;
  let a = Math.max(0, before(time, from) - 1);
  const b = Math.min(time.length, before(time, to) + 2), k = Math.ceil((b - a) / MEANS);
  if (k <= 1) return [1, thin(time, values, from, to)];
  a -= a % k;
  const t = [], out = values.map(() => []);
  for (let i = a; i < b; i += k) {
    const end = Math.min(i + k, time.length);
    t.push((time[i] - step + time[end - 1]) / 2);
    values.forEach((v, s) => {
      let sum = 0, n = 0;
      for (let j = i; j < end; j++) {
        if (Number.isNaN(v[j])) continue;
        sum += v[j];
        n++;
      }
      out[s].push(n ? sum / n : null);
    });
  }
  return [k, [t, ...out]];
}

const plots = [];

// Panel is one figure: a flow's or a link's metric.
class Panel {
  constructor(data) {
    this.data = data;
    this.metric = D.figures.metrics.find((m) => m.id === data.metric);
    this.box = make("div", {class: "panel figure", "data-panel": data.metric + " " + data.entity});
    this.loading = null;
    this.note = make("span", {});
  }

  // load unpacks the overview, or everything.
  async load(all) {
    const d = this.data;
    const overview = d.overview && !all;
    if (overview ? this.few : this.full) return;
    const time = await column(overview ? d.overview_time : d.time);
    const values = await Promise.all((overview ? d.overview : d.series.map((s) => s.value)).map(column));
    const seconds = Float64Array.from(time, (t) => t / 1e9);
    if (overview) this.few = {time: seconds, values};
    else this.full = {time: seconds, values};
  }

  // points returns what is to be drawn; where that is an overview, the rest is fetched.
  points() {
    const whole = win.to - win.from > 0.8 * D.end;
    if (!this.full && this.few && !whole && !this.loading) {
      this.loading = this.load(true).then(() => this.refresh());
    }
    const from = this.full || (!whole ? null : this.few) || this.few;
    let out, k = 1;
    if (this.metric.rate) [k, out] = means(from.time, from.values, win.from, win.to);
    else out = thin(from.time, from.values, win.from, win.to);
    const time = from.time, step = time.length > 1 ? time[1] - time[0] : 0;
    this.note.textContent = this.metric.rate && step ? ", mean of " + withUnit(k * step, "s") : "";
    for (let k = 1; k < out.length; k++) out[k] = out[k].map((v) => (v == null ? null : v / this.unit[0]));
    return out;
  }

  async show() {
    await this.load(!this.data.overview);
    const from = this.full || this.few;
    let top = 0;
    const values = this.metric.rate ? means(from.time, from.values, 0, D.end)[1].slice(1) : from.values;
    for (const v of values) for (let i = 0; i < v.length; i++) if (v[i] > top) top = v[i];
    this.unit = unitOf(this.metric.unit, top);
    this.box.replaceChildren(make("h3", {}, this.metric.title + " ", make("span", {class: "dim"}, "of " + this.data.title + ", " + this.unit[1], this.note)));
    this.target = make("div", {});
    this.box.append(this.target);
    this.draw();
    if (!plots.includes(this)) plots.push(this);
  }

  draw() {
    if (!this.box.isConnected || !this.unit || this.box.clientWidth < 120) return;
    if (this.u) this.u.destroy();
    const grid = {stroke: style("--grid"), width: 1}, fg = style("--fg");
    const axis = {stroke: fg, grid, ticks: {stroke: style("--grid"), width: 1, size: 5}, font: "12px system-ui, 'Liberation Sans', Arial, sans-serif"};
    const unit = this.unit, panel = this;
    const options = {
      width: this.box.clientWidth, height: Math.max(150, Math.min(230, this.box.clientWidth * 0.3)), padding: [8, RIGHT, 0, 0],
      scales: {x: {time: false, range: () => [win.from, win.to]}, y: {range: (u, low, high) => panel.range(low, high)}},
      axes: [{...axis, size: 34, values: (u, v) => v.map((x) => Number(x.toPrecision(10)) + "")}, {...axis, size: LEFT, values: (u, v) => v.map((x) => Number(x.toPrecision(8)) + "")}],
      series: [{label: "time", value: (u, v) => (v == null ? "–" : clock(v, (win.to - win.from) / 10))}, ...this.data.series.map((s) => {
        const p = paint(s.name);
        return {label: s.name, stroke: p.color, dash: p.dash.length ? p.dash : undefined, width: s.total ? 2.4 : 1.4, points: {show: (u, si, i0, i1) => i1 - i0 < 60, size: 4},
          value: (u, v) => (v == null ? "–" : withUnit(v * unit[0], panel.metric.unit))};
      })],
      cursor: {drag: {x: true, y: false, setScale: false}, y: false, points: {size: 7}},
      legend: {live: true},
      hooks: {
        drawClear: [(u) => {
          const ratio = u.pxRatio || devicePixelRatio || 1;
          u.ctx.save();
          u.ctx.beginPath();
          u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
          u.ctx.clip();
          u.ctx.font = 11 * ratio + "px system-ui, 'Liberation Sans', Arial, sans-serif";
          shade(u.ctx, (t) => u.valToPos(t, "x", true), u.bbox.top, u.bbox.height, true);
          u.ctx.restore();
        }],
        setSelect: [(u) => {
          if (u.select.width < 4) return;
          const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
          setWindow(from, to);
        }],
        setCursor: [(u) => {
          if (panel.quiet) return;
          setCursor(u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null, panel);
        }],
        ready: [(u) => {
          u.over.addEventListener("dblclick", () => setWindow(0, D.end));
          u.over.addEventListener("touchmove", (e) => panel.touch(e), {passive: true});
          u.over.addEventListener("touchstart", (e) => panel.touch(e), {passive: true});
        }],
      },
    };
    this.u = new uPlot(options, this.points(), this.target);
    this.u.root.setAttribute("role", "img");
    this.u.root.setAttribute("aria-label", this.metric.title + " of " + this.data.title + " over time");
  }

  range(low, high) {
    if (low == null || high == null) return [0, 1];
    if (this.metric.floor) return [0, high > 0 ? high * 1.06 : 1];
    const room = Math.max((high - low) * 0.05, high * 1e-6);
    return [Math.max(0, low - room), high + room || 1];
  }

  touch(e) {
    const box = this.u.over.getBoundingClientRect();
    this.u.setCursor({left: e.touches[0].clientX - box.left, top: 10});
  }

  refresh() {
    if (!this.u || !this.box.isConnected) return;
    this.quiet = true;
    this.u.setData(this.points(), true);
    this.quiet = false;
  }

  // point shows the cursor of another figure.
  point() {
    if (!this.u || !this.box.isConnected) return;
    this.quiet = true;
    const inside = win.cursor != null && win.cursor >= win.from && win.cursor <= win.to;
    this.u.setCursor(inside ? {left: this.u.valToPos(win.cursor, "x"), top: 10} : {left: -10, top: -10});
    this.quiet = false;
  }
}

// The panels that are chosen, by metric and by flow or link.
function choose() {
  const f = D.figures, all = f.panels.map((p) => new Panel(p));
  // Colours go by names in the order of the data, not in that of what is looked at.
  f.panels.forEach((p) => p.series.forEach((s) => paint(s.name)));
  const chosen = {metric: new Set(f.metrics.filter((m) => m.shown).map((m) => m.id)), entity: new Set(f.entities.filter((e) => e.shown).map((e) => e.of + " " + e.name))};
  const show = () => {
    const wanted = all.filter((p) => chosen.metric.has(p.metric.id) && chosen.entity.has(p.metric.of + " " + p.data.entity));
    for (const p of all) if (!wanted.includes(p)) p.box.remove();
    const place = $("panels");
    wanted.forEach((p, i) => {
      if (place.children[i] !== p.box) place.insertBefore(p.box, place.children[i] || null);
      if (p.unit) p.draw();
      else if (!p.waits) {
        p.waits = true;
        p.box.append(make("p", {class: "hint"}, p.metric.title + " of " + p.data.title));
        whenSeen(p.box, () => p.show());
      }
    });
    place.dataset.panels = wanted.length;
  };
  const boxes = (where, set, items) => items.forEach(([value, label]) => {
    const input = make("input", {type: "checkbox", checked: set.has(value), onchange: () => {
      if (input.checked) set.add(value);
      else set.delete(value);
      show();
    }});
    $(where).append(make("label", {}, input, " " + label));
  });
  const has = new Set(f.panels.map((p) => p.metric));
  boxes("pick-metrics", chosen.metric, f.metrics.filter((m) => has.has(m.id)).map((m) => [m.id, m.title]));
  boxes("pick-entities", chosen.entity, f.entities.map((e) => [e.of + " " + e.name, (e.of === "link" ? "link " : "") + e.name]));
  if (f.left_out) $("pick-entities").append(make("span", {class: "dim"}, f.left_out + " more are not in this page"));
  show();
}

if (D.kind === "run") {
  toolbar();
  windowListeners.push(() => plots.forEach((p) => p.refresh()));
  cursorListeners.push((source) => plots.forEach((p) => p !== source && p.point()));
  redrawn.push(() => plots.forEach((p) => p.draw()));
  if ($("panels")) choose();
  const copy = $("copy-scenario");
  if (copy) copy.onclick = () => navigator.clipboard.writeText($("scenario-text").textContent).then(() => { copy.textContent = "copied"; }, () => { copy.textContent = "cannot copy here"; });
}
