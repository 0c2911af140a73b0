// Rows over time in a canvas: the life of subflows, and what the scheduler granted.

// Lanes draws rows under the figures, in the same window and with the same cursor.
class Lanes {
  constructor(place, label) {
    this.place = place;
    this.element = make("canvas", {role: "img", "aria-label": label});
    this.over = make("canvas", {"aria-hidden": "true"});
    this.over.style.position = "absolute";
    this.over.style.left = "0";
    this.over.style.top = "0";
    place.append(this.element, this.over);
    this.hits = [];
    this.over.addEventListener("mousemove", (e) => this.hover(e));
    this.over.addEventListener("mouseleave", () => {
      tip("");
      setCursor(null, this);
    });
    this.over.addEventListener("dblclick", () => setWindow(0, D.end));
    this.over.addEventListener("mousedown", (e) => { this.begin = this.time(e.offsetX); });
    this.over.addEventListener("mouseup", (e) => {
      const end = this.time(e.offsetX), begin = this.begin;
      this.begin = null;
      if (begin != null && Math.abs(this.x(end) - this.x(begin)) > 4) setWindow(Math.min(begin, end), Math.max(begin, end));
    });
    windowListeners.push(() => this.draw());
    cursorListeners.push(() => this.cursor());
    redrawn.push(() => this.draw());
  }

  x(t) { return LEFT + (t - win.from) / (win.to - win.from) * (this.width - LEFT - RIGHT); }
  time(x) { return win.from + (x - LEFT) / (this.width - LEFT - RIGHT) * (win.to - win.from); }

  // start prepares the canvas for rows of a height.
  start(rows, rowHeight) {
    const size = canvas(this.element, rows * rowHeight + 24);
    this.width = size.width;
    this.height = size.height;
    this.c = size.c;
    this.hits = [];
    const c = size.c;
    c.clearRect(0, 0, size.width, size.height);
    c.save();
    c.beginPath();
    c.rect(LEFT, 0, size.width - LEFT - RIGHT, size.height);
    c.clip();
    shade(c, (t) => this.x(t), 0, rows * rowHeight, false);
    c.restore();
    c.fillStyle = style("--fg");
    c.strokeStyle = style("--grid");
    c.textAlign = "center";
    c.textBaseline = "top";
    const n = Math.max(2, Math.floor((size.width - LEFT) / 110)), step = nice((win.to - win.from) / n);
    for (let t = Math.ceil(win.from / step) * step; t <= win.to + step * 1e-9; t += step) {
      c.beginPath();
      c.moveTo(this.x(t), 0);
      c.lineTo(this.x(t), rows * rowHeight);
      c.stroke();
      c.fillText(String(Number(t.toPrecision(10))), this.x(t), rows * rowHeight + 6);
    }
    this.cursor();
    return c;
  }

  label(text, y) {
    const c = this.c;
    c.fillStyle = style("--fg");
    c.textAlign = "right";
    c.textBaseline = "middle";
    let t = text;
    while (t.length > 3 && c.measureText(t).width > LEFT - 8) t = t.slice(0, -2).trimEnd() + "…".slice(0, 1);
    c.fillText(t, LEFT - 6, y);
  }

  hover(e) {
    const t = this.time(e.offsetX);
    if (t >= win.from && t <= win.to) setCursor(t, this);
    const hit = this.hits.findLast((h) => e.offsetX >= h.x0 - 3 && e.offsetX <= h.x1 + 3 && e.offsetY >= h.y0 && e.offsetY <= h.y1);
    tip(hit ? hit.text : "", e.clientX, e.clientY);
  }

  cursor() {
    if (!this.width) return;
    const {c} = canvas(this.over, this.height);
    c.clearRect(0, 0, this.width, this.height);
    if (this.begin != null && win.cursor != null) {
      c.globalAlpha = 0.22;
      c.fillStyle = style("--accent");
      c.fillRect(Math.min(this.x(this.begin), this.x(win.cursor)), 0, Math.abs(this.x(this.begin) - this.x(win.cursor)), this.height - 24);
      c.globalAlpha = 1;
    }
    if (win.cursor == null || win.cursor < win.from || win.cursor > win.to) return;
    c.strokeStyle = style("--cursor");
    c.setLineDash([4, 3]);
    c.beginPath();
    c.moveTo(this.x(win.cursor), 0);
    c.lineTo(this.x(win.cursor), this.height - 24);
    c.stroke();
  }
}

function nice(x) {
  const p = 10 ** Math.floor(Math.log10(x));
  for (const m of [1, 2, 5]) if (m * p >= x * (1 - 1e-9)) return m * p;
  return 10 * p;
}

// key writes a legend of colours.
function key(place, entries) {
  const list = make("p", {class: "key"});
  for (const [label, draw] of entries) {
    const i = make("i", {});
    draw(i.style);
    list.append(make("span", {}, i, label));
  }
  const old = place.querySelector(".key");
  if (old) old.replaceWith(list);
  else place.append(list);
}

const STATES = {
  "handshake": ["--c3", 0.55], "established": ["--c0", 0.85], "backup": ["--c4", 0.8], "closing": ["--cursor", 0.8],
};
const MARKS = {"retransmission timeout": "▲", "reinjection": "◆", "tail loss probe": "▽", "reduction taken back": "○"};

function subflowLanes() {
  const place = $("lanes");
  if (!D.lanes.length) {
    place.append(make("p", {class: "hint"}, "There are no subflows."));
    return;
  }
  const rows = D.lanes.slice(0, 40), lanes = new Lanes(place, "The life of each subflow over time"), ROW = 34;
  lanes.draw = () => {
    const c = lanes.start(rows.length, ROW);
    const used = new Set(), marksUsed = new Set();
    const inside = (f) => {
      c.save();
      c.beginPath();
      c.rect(LEFT, 0, lanes.width - LEFT - RIGHT, lanes.height);
      c.clip();
      f();
      c.restore();
    };
    rows.forEach((row, i) => {
      const y = i * ROW;
      lanes.label(row.name, y + 11);
      c.fillStyle = style("--dim");
      if (D.lanes.some((l) => l.flow !== row.flow)) lanes.label(row.flow, y + 24);
      inside(() => {
        for (const s of row.spans) {
          if (s.to < win.from || s.from > win.to) continue;
          const a = Math.max(lanes.x(s.from), LEFT - 2), b = Math.max(a + 1, Math.min(lanes.x(s.to), lanes.width));
          used.add(s.state);
          let y0 = y + 5, h = 14;
          if (STATES[s.state]) {
            c.globalAlpha = STATES[s.state][1];
            c.fillStyle = style(STATES[s.state][0]);
            c.fillRect(a, y0, b - a, h);
            c.globalAlpha = 1;
          } else if (s.state === "stale") {
            c.fillStyle = style("--bg");
            c.globalAlpha = 0.7;
            for (let x = a - (a % 6); x < b; x += 6) c.fillRect(Math.max(x, a), y0, Math.min(3, b - x), h);
            c.globalAlpha = 1;
          } else {
            y0 = y + 21;
            h = 5;
            c.fillStyle = style("--c1");
            c.fillRect(a, y0, b - a, h);
          }
          lanes.hits.push({x0: a, x1: b, y0: y0 - 2, y1: y0 + h + 2, text: `${row.flow} ${row.name}: ${s.state}\n${clock(s.from, 0.1)} to ${clock(s.to, 0.1)}${s.why ? "\nends: " + s.why.replaceAll("_", " ") : ""}`});
        }
        c.font = "10px system-ui, sans-serif";
        c.textAlign = "center";
        c.textBaseline = "middle";
        c.fillStyle = style("--fg");
        let last = -9;
        for (const m of row.marks) {
          if (m.at < win.from || m.at > win.to) continue;
          const x = lanes.x(m.at);
          marksUsed.add(m.kind);
          if (x - last > 2) {
            c.fillText(MARKS[m.kind] || "•", x, y + 30);
            last = x;
          }
          lanes.hits.push({x0: x - 2, x1: x + 2, y0: y + 24, y1: y + ROW, text: `${row.flow} ${row.name}: ${m.kind}\n${clock(m.at, 0.001)}${m.text ? "\n" + m.text : ""}`});
        }
      });
    });
    c.font = "12px system-ui, 'Liberation Sans', Arial, sans-serif";
    const entries = [];
    for (const [name, [color, alpha]] of Object.entries(STATES)) if (used.has(name)) entries.push([name, (s) => { s.background = style(color); s.opacity = alpha; }]);
    if (used.has("loss recovery")) entries.push(["loss recovery", (s) => { s.background = style("--c1"); s.height = "5px"; }]);
    if (used.has("stale")) entries.push(["stale", (s) => { s.background = `repeating-linear-gradient(90deg, ${style("--c0")} 0 3px, transparent 3px 6px)`; }]);
    if (D.outages.length) entries.push(["outage", (s) => { s.background = style("--shade"); }]);
    for (const m of marksUsed) entries.push([(MARKS[m] || "•") + " " + m, (s) => { s.display = "none"; }]);
    key(place, entries);
    place.dataset.drawn = rows.length;
  };
  whenSeen(place, () => lanes.draw());
  if (D.lanes.length > rows.length) place.append(make("p", {class: "hint"}, `${D.lanes.length - rows.length} more subflows are not drawn.`));
}

// The events of the log as columns; a promise.
let eventColumns = null;
function events() {
  const e = D.events;
  if (!eventColumns && e) {
    eventColumns = Promise.all([e.time, e.node, e.kind, e.conn, e.flow, e.subflow, e.why, e.is_text, ...e.values].map(column)).then((c) => ({
      time: c[0], node: c[1], kind: c[2], conn: c[3], flow: c[4], subflow: c[5], why: c[6], isText: c[7], values: c.slice(8),
    }));
  }
  return eventColumns;
}

const GRANTS = {new: "--c0", reinject: "--c1", redundant: "--c2", opportunistic: "--c3"};

// grantLanes draws when the scheduler granted data to which subflow and what it waited for.
async function grantLanes() {
  const place = $("grants");
  if (!place || !D.events) return;
  const e = D.events, grant = e.kinds.indexOf("grant"), wait = e.kinds.indexOf("wait");
  const col = await events();
  // The grants and waits of one flow: the first that has grants.
  const flows = [...new Set(D.lanes.map((l) => l.flow))].filter((f) => e.texts.includes(f));
  const tools = make("div", {class: "tools"});
  const pick = make("select", {"aria-label": "flow"}, ...flows.map((f) => make("option", {}, f)));
  if (flows.length > 1) tools.append(make("label", {}, "flow ", pick));
  place.append(tools);
  const lanes = new Lanes(place, "What the scheduler granted and what it waited for, over time"), ROW = 22;
  let index = null;
  const select = () => {
    const flow = e.texts.indexOf(pick.value), rows = new Map(), list = [];
    for (let i = 0; i < e.n; i++) {
      if (col.flow[i] !== flow || (col.kind[i] !== grant && col.kind[i] !== wait)) continue;
      list.push(i);
      const name = col.kind[i] === grant ? "s" + col.subflow[i] : "w" + col.why[i];
      if (!rows.has(name)) rows.set(name, 0);
    }
    const label = (name) => {
      if (name[0] === "w") return "wait: " + e.texts[Number(name.slice(1))].replaceAll("_", " ");
      const lane = D.lanes.find((l) => l.flow === pick.value && l.subflow === Number(name.slice(1)));
      return lane ? lane.name : "subflow " + name.slice(1);
    };
    const order = [...rows.keys()].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : compare(a, b)));
    order.forEach((n, i) => rows.set(n, i));
    index = {list: Int32Array.from(list), rows, order, label};
    lanes.draw();
  };
  lanes.draw = () => {
    if (!index) return;
    const c = lanes.start(index.order.length, ROW), {list, rows} = index;
    const kinds = new Set(), width = Math.max(1, Math.ceil(lanes.width - LEFT - RIGHT));
    index.order.forEach((n, i) => lanes.label(index.label(n), i * ROW + ROW / 2));
    let a = 0, b = list.length;
    const low = win.from * 1e9, high = win.to * 1e9;
    while (a < b) {
      const m = (a + b) >>> 1;
      if (col.time[list[m]] < low) a = m + 1;
      else b = m;
    }
    const first = a;
    // One mark a pixel and row: the least usual kind, and how many.
    const rank = {new: 1, redundant: 2, opportunistic: 3, reinject: 4}, cells = rows.size * width;
    const count = new Int32Array(cells), bytes = new Float64Array(cells), kind = new Uint8Array(cells);
    let waiting = -1, since = 0;
    for (let k = first - 1; k >= 0 && k > first - 5000; k--) { // a wait that has begun before the window
      const i = list[k];
      if (col.kind[i] === grant) break;
      waiting = rows.get("w" + col.why[i]);
      since = Math.max(col.time[i] / 1e9, win.from);
    }
    c.save();
    c.beginPath();
    c.rect(LEFT, 0, lanes.width - LEFT - RIGHT, lanes.height);
    c.clip();
    let lastWait = new Float64Array(rows.size).fill(-1), total = 0;
    const endWait = (t) => {
      if (waiting < 0) return;
      const x0 = lanes.x(since), x1 = lanes.x(t);
      if (x1 > lastWait[waiting]) {
        c.fillStyle = style("--cursor");
        c.globalAlpha = 0.75;
        c.fillRect(Math.max(x0, lastWait[waiting]), waiting * ROW + 5, Math.max(0.6, x1 - Math.max(x0, lastWait[waiting])), ROW - 10);
        c.globalAlpha = 1;
        lastWait[waiting] = Math.max(x1, x0 + 0.6);
      }
      waiting = -1;
    };
    const names = e.texts;
    for (let k = first; k < list.length; k++) {
      const i = list[k];
      if (col.time[i] > high) break;
      total++;
      const t = col.time[i] / 1e9;
      if (col.kind[i] === wait) {
        const row = rows.get("w" + col.why[i]);
        if (waiting !== row) {
          endWait(t);
          waiting = row;
          since = t;
        }
        continue;
      }
      endWait(t);
      const row = rows.get("s" + col.subflow[i]), cell = row * width + Math.min(width - 1, Math.max(0, Math.floor(lanes.x(t) - LEFT)));
      const g = names[col.values[2][i]];
      count[cell]++;
      bytes[cell] += col.values[1][i];
      kind[cell] = Math.max(kind[cell], rank[g] || 1);
      kinds.add(g);
    }
    endWait(win.to);
    const colors = ["", ...["new", "redundant", "opportunistic", "reinject"].map((g) => style(GRANTS[g]))];
    for (let cell = 0; cell < cells; cell++) {
      if (!count[cell]) continue;
      const row = Math.floor(cell / width), x = LEFT + cell % width;
      c.fillStyle = colors[kind[cell]];
      c.fillRect(x, row * ROW + 3, 1.2, ROW - 6);
    }
    c.restore();
    index.cells = {count, bytes, width};
    const entries = Object.keys(GRANTS).filter((g) => kinds.has(g)).map((g) => ["granted: " + g, (s) => { s.background = style(GRANTS[g]); }]);
    entries.push(["waits", (s) => { s.background = style("--cursor"); }]);
    key(place, entries);
    place.dataset.drawn = total;
  };
  const hover = lanes.hover.bind(lanes);
  lanes.hover = (ev) => {
    hover(ev);
    if (!index || !index.cells) return;
    const row = Math.floor(ev.offsetY / ROW), name = index.order[row], {count, bytes, width} = index.cells;
    if (!name) return;
    let text = index.label(name);
    if (name[0] === "s") {
      let n = 0, sum = 0;
      const x = Math.floor(ev.offsetX - LEFT);
      for (let k = Math.max(0, x - 2); k <= Math.min(width - 1, x + 2); k++) {
        n += count[row * width + k];
        sum += bytes[row * width + k];
      }
      text += n ? `: ${n} grants, ${withUnit(sum, "B")}` : ": nothing granted here";
    } else {
      const w = D.whys.find((x) => x.name === e.texts[Number(name.slice(1))]);
      if (w) text += "\n" + w.text;
    }
    tip(text, ev.clientX, ev.clientY);
  };
  pick.onchange = select;
  select();
}

if (D.kind === "run") {
  subflowLanes();
  if ($("grants")) whenSeen($("grants"), grantLanes);
}
