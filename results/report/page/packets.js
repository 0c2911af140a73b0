// The packets between hosts: an arrow a hop, time downwards, a part of the run at a time.

const FLAG_NAMES = [["F", "FIN"], ["S", "SYN"], ["R", "RST"], ["P", "PSH"], [".", "ACK"]];
function flagNames(text) {
  return FLAG_NAMES.filter(([letter]) => text.includes(letter)).map(([, name]) => name).join(",");
}

function svg(name, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

class Packets {
  constructor(data, columns) {
    Object.assign(this, {p: data, ...columns});
    this.at = 0; // the first hop in view
    this.n = 40;
    this.streams = null; // that are shown; null: all
    this.only = "all";
    this.tools();
    this.draw();
    windowListeners.push(() => {
      this.at = before(this.begin, win.from * 1e9);
      this.draw();
    });
    redrawn.push(() => this.draw());
  }

  tools() {
    const place = $("packet-tools"), p = this.p;
    const choice = (label, options, change) => {
      const e = make("select", {}, ...options.map(([value, text]) => make("option", {value}, text)));
      e.addEventListener("change", () => change(e.value));
      place.append(make("label", {}, label + " ", e));
      return e;
    };
    const button = (text, title, f) => {
      const b = make("button", {type: "button", title}, text);
      b.addEventListener("click", f);
      place.append(b);
      return b;
    };
    // All connections, those of one flow, or one.
    const flows = [...new Set(p.streams.map((s) => s.flow))].filter((f) => f && p.streams.filter((s) => s.flow === f).length > 1);
    this.groups = new Map([["all", null], ...flows.map((f) => ["flow " + f, new Set(p.streams.flatMap((s, i) => (s.flow === f ? [i] : [])))]), ...p.streams.map((s, i) => [String(i), new Set([i])])]);
    if (p.streams.length > 1) {
      const pick = choice("connection", [["all", "all"], ...flows.map((f) => ["flow " + f, f + ", all subflows"]), ...p.streams.map((s, i) => [String(i), s.name])], (v) => {
        this.streams = this.groups.get(v);
        this.draw();
      });
      pick.id = "packet-stream";
      if (flows.length) {
        pick.value = "flow " + flows[0];
        this.streams = this.groups.get(pick.value);
      }
    }
    const kinds = [["all", "all"], ["signals", p.options ? "SYN, FIN, RST, MPTCP signals" : "SYN, FIN, RST"], ["data", "with data"], ["dropped", "lost"]];
    if (p.acts) kinds.push(["boxes", p.source === "places" ? "changed on the way" : "touched by boxes"]);
    choice("packets", kinds, (v) => {
      this.only = v;
      this.draw();
    }).id = "packet-only";
    choice("show", [["40", "40"], ["15", "15"], ["100", "100"], ["250", "250"]], (v) => {
      this.n = Number(v);
      this.draw();
    });
    this.first = button("first", "the first packets", () => this.go(0));
    this.earlier = button("◀ earlier", "earlier packets", () => {
      let k = this.at, left = this.n;
      while (k > 0 && left > 0) if (this.shows(--k)) left--;
      this.go(k);
    });
    this.later = button("later ▶", "later packets", () => this.go(this.next));
    button("at the window", "the packets from the begin of the window of the figures on", () => this.go(before(this.begin, win.from * 1e9)));
    this.where = make("output", {class: "dim"});
    place.append(this.where);
  }

  go(k) {
    this.at = Math.max(0, Math.min(this.p.N, k));
    this.draw();
  }

  // shows reports whether hop k passes the filters.
  shows(k) {
    const i = this.packet[k];
    if (this.from[k] === this.to[k]) return false; // between a node and its box of the same name
    if (this.streams && !this.streams.has(this.streamOf[i])) return false;
    switch (this.only) {
      case "signals": {
        const name = this.optionName(this.sent[i]) || this.optionName(this.got[i]);
        return /[SFR]/.test(this.p.texts[this.flags[i]]) || (name !== "" && name !== "DSS");
      }
      case "data": return this.payload[i] > 0;
      case "dropped": return this.end[k] === 1;
      case "boxes": return this.touched().has(i);
    }
    return true;
  }

  touched() {
    if (!this.touchedSet) this.touchedSet = new Set(this.actPacket);
    return this.touchedSet;
  }

  optionName(i) { return this.p.texts[i].split("\t")[0]; }
  optionText(i) { return this.p.texts[i].split("\t")[1] || ""; }

  // relative returns a sequence number from the begin of its stream.
  relative(value, i, back) {
    const s = this.p.streams[this.streamOf[i]];
    const base = s && (back ? s.first_back : s.first);
    return s && base != null ? (value - base + 2 * 4294967296) % 4294967296 : value;
  }

  // label names a packet as the figures of mpsim plot --kind packets do.
  label(i) {
    const back = this.back[i] === 1, flags = this.p.texts[this.flags[i]], seq = this.relative(this.seq[i], i, back);
    let text = flagNames(flags) || "packet";
    if (this.payload[i] && flags) text += ` ${seq}:${seq + this.payload[i]}`;
    else if (this.payload[i]) text += `, ${this.payload[i]} B`;
    else if (/[SFR]/.test(flags)) text += " seq " + seq;
    if (flags.includes(".")) text += " ack " + this.relative(this.ack[i], i, !back);
    const sent = this.optionName(this.sent[i]), got = this.optionName(this.got[i]);
    if (sent || got) text += ", " + (sent || got);
    // Both ends were captured, and somebody in between has changed the options.
    if (this.sent[i] && this.got[i] && sent !== got) text += " (arrives with " + (got || "none") + ")";
    return text;
  }

  story(k) {
    const i = this.packet[k], p = this.p, s = p.streams[this.streamOf[i]];
    const lines = [this.label(i), (s ? s.name : "no connection") + ", " + this.bytes[i] + " bytes in all"];
    let line = `${p.texts[this.from[k]]} ${(this.begin[k] / 1e9).toFixed(9)} s`;
    if (this.end[k] === 0) line += ` → ${p.texts[this.to[k]]} ${((this.begin[k] + this.duration[k]) / 1e9).toFixed(9)} s (${withUnit(this.duration[k] / 1e9, "s")})`;
    lines.push(line);
    if (this.link[k]) lines.push("link " + p.texts[this.link[k]]);
    if (this.end[k] === 1) lines.push("lost: " + p.texts[this.why[k]].replaceAll("_", " "));
    if (this.end[k] === 2) lines.push(p.source === "capture" ? "its other end is not captured" : "its arrival is not recorded");
    const sent = this.optionText(this.sent[i]), got = this.optionText(this.got[i]);
    if (sent) lines.push("options: " + sent);
    if (got && got !== sent) lines.push((sent ? "options on arrival: " : "options: ") + got);
    return lines.join("\n");
  }

  draw() {
    tip("");
    const place = $("packet-figure"), p = this.p, hops = [];
    let k = this.at;
    for (; k < p.n && hops.length < this.n; k++) if (this.shows(k)) hops.push(k);
    this.next = k;
    let any = false;
    for (let j = this.at - 1; j >= 0 && !any; j--) any = this.shows(j);
    this.first.disabled = this.earlier.disabled = !any;
    this.later.disabled = k >= p.n;
    const left = p.left_out ? `; ${p.left_out} records are not in this page` : "";
    this.where.textContent = hops.length ? `${clock(this.begin[hops[0]] / 1e9, 1e-4)} to ${clock(this.begin[hops[hops.length - 1]] / 1e9, 1e-4)}, of ${p.n} hops of ${p.packets} packets${left}` : "no packet from here on" + left;
    place.dataset.hops = hops.length;
    // The nodes in view, and the rows: every departure and every arrival has one.
    const nodes = p.columns.filter((n) => hops.some((h) => this.from[h] === n || this.to[h] === n));
    const shown = new Set(hops.map((h) => this.packet[h])), rows = [];
    // What is at the same time is in the order of the hops: a departure, its arrival, and
    // what the place does before the next departure of the packet.
    for (const h of hops) {
      rows.push({at: this.begin[h], hop: h, kind: 0});
      if (this.end[h] === 0 || this.duration[h] > 0) rows.push({at: this.begin[h] + this.duration[h], hop: h, kind: 1});
    }
    if (p.acts && hops.length) {
      for (let a = before(this.actAt, rows[0].at); a < p.acts && this.actAt[a] <= this.begin[hops[hops.length - 1]] + 1e9; a++) {
        const packet = this.actPacket[a], at = this.actAt[a];
        if (!this.actWhy[a] || !shown.has(packet)) continue;
        const next = hops.find((h) => this.packet[h] === packet && this.begin[h] === at);
        const last = hops.findLast((h) => this.packet[h] === packet && this.begin[h] + this.duration[h] === at);
        rows.push({at, act: a, hop: next ?? last ?? -1, kind: next === undefined ? 2 : -1});
      }
    }
    rows.sort((a, b) => a.at - b.at || a.hop - b.hop || a.kind - b.kind);
    const ROW = 15, TOP = 34, MARGIN = 96;
    const width = Math.max(place.parentElement.clientWidth, MARGIN + 40 + (nodes.length - 1) * 230 + 90);
    const gap = nodes.length > 1 ? (width - MARGIN - 60 - 40) / (nodes.length - 1) : 0;
    const x = new Map(nodes.map((n, i) => [n, MARGIN + 60 + i * gap]));
    // A departure that is the arrival of the same packet shares its row, and what a place does
    // that of the arrival.
    let y = TOP + 14, last = null;
    const begins = new Map(), ends = new Map(), acts = [];
    for (const r of rows) {
      const act = r.act !== undefined, packet = act ? this.actPacket[r.act] : this.packet[r.hop];
      const same = last && last.at === r.at && last.arrives && (act || (r.kind === 0 && last.packet === packet));
      if (last && !same) y += last.act ? 1.6 * ROW : ROW;
      if (act) acts.push([r.act, y]);
      else if (r.kind === 0) begins.set(r.hop, y);
      else ends.set(r.hop, y);
      last = {packet, act, at: r.at, arrives: r.kind === 1};
    }
    for (const h of hops) if (!ends.has(h)) ends.set(h, begins.get(h) + ROW);
    y += ROW;
    const height = y + 30, image = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Packets between " + nodes.map((n) => p.texts[n]).join(", ")});
    for (const n of nodes) {
      image.append(svg("line", {x1: x.get(n), x2: x.get(n), y1: TOP - 8, y2: height - 8, class: "axis"}));
      const t = svg("text", {x: x.get(n), y: TOP - 16, "text-anchor": "middle", "font-weight": "600"});
      t.textContent = p.texts[n];
      image.append(t);
    }
    let stamp = null, stampY = -99;
    this.labels = svg("g", {"pointer-events": "none"});
    for (const h of hops) {
      if (this.begin[h] !== stamp && begins.get(h) - stampY >= ROW) {
        const t = svg("text", {x: MARGIN - 8, y: begins.get(h) + 4, "text-anchor": "end", class: "dim"});
        t.textContent = (this.begin[h] / 1e9).toFixed(6) + " s";
        image.append(t);
        stamp = this.begin[h];
        stampY = begins.get(h);
      }
      image.append(this.arrow(h, x, begins.get(h), ends.get(h), gap));
    }
    image.append(this.labels);
    for (const [a, at] of acts) {
      const g = svg("g", {}), node = x.get(this.actNode[a]);
      if (node === undefined) continue;
      g.append(svg("rect", {x: node - 5, y: at - 5, width: 10, height: 10, fill: style("--c4"), stroke: style("--fg")}));
      const name = this.actBox[a] < 0 ? "" : (D.boxes[this.actBox[a]] || "box " + this.actBox[a]) + ": ";
      const t = svg("text", {x: node + 9, y: at + 4, "paint-order": "stroke", stroke: style("--bg"), "stroke-width": 5, "stroke-linejoin": "round"});
      t.textContent = name + p.texts[this.actWhy[a]].replaceAll("_", " ");
      if (node + 160 > width) {
        t.setAttribute("x", node - 9);
        t.setAttribute("text-anchor", "end");
      }
      g.append(t);
      image.append(g);
    }
    const scroll = make("div", {class: "scroll"});
    scroll.append(image);
    place.replaceChildren(scroll);
    const used = [...new Set(hops.map((h) => this.streamOf[this.packet[h]]))].filter((s) => s >= 0);
    key(place, used.map((s) => [p.streams[s].name, (st) => { st.background = this.color(s); }]));
  }

  color(s) {
    if (s < 0) return style("--dim");
    const name = this.p.streams[s].name, flow = this.p.streams[s].flow;
    return paint(flow && name.startsWith(flow + " ") ? name.slice(flow.length + 1) : name).color;
  }

  arrow(h, x, y0, y1, gap) {
    const i = this.packet[h], g = svg("g", {class: "packet", "data-hop": h, tabindex: "0"}), color = this.color(this.streamOf[i]);
    const a = x.get(this.from[h]);
    let b = x.get(this.to[h]);
    const lost = this.end[h] === 1, back = b !== undefined && b < a;
    if (b === undefined || b === a) b = a + gap * 0.5 || a + 60;
    if (lost) { // before the link, or on its way
      b = a + (b - a) * (this.duration[h] === 0 ? 0.3 : 0.6);
      y1 = Math.max(y1, y0 + 6);
    }
    g.append(svg("line", {x1: a, y1: y0, x2: b, y2: y1, stroke: color, "stroke-width": this.payload[i] ? 1.8 : 1.1, "stroke-dasharray": this.end[h] === 2 ? "5 4" : "none"}));
    if (lost) {
      for (const d of [[-5, -5, 5, 5], [-5, 5, 5, -5]]) g.append(svg("line", {x1: b + d[0], y1: y1 + d[1], x2: b + d[2], y2: y1 + d[3], stroke: style("--bad"), "stroke-width": 2.4}));
    } else {
      const angle = Math.atan2(y1 - y0, b - a), head = (turn) => `${b - 9 * Math.cos(angle + turn)},${y1 - 9 * Math.sin(angle + turn)}`;
      g.append(svg("polygon", {points: `${b},${y1} ${head(0.38)} ${head(-0.38)}`, fill: color}));
    }
    const label = this.label(i) + (lost ? " lost: " + this.p.texts[this.why[h]].replaceAll("_", " ") : "");
    const side = (back ? -1 : 1) * 12, t = svg("text", {x: a + side, y: y0 + (y1 - y0) * (12 / Math.max(24, Math.abs(b - a))) - 2, "text-anchor": back ? "end" : "start", "paint-order": "stroke", stroke: style("--bg"), "stroke-width": 5, "stroke-linejoin": "round"});
    t.textContent = label;
    this.labels.append(t);
    g.append(svg("line", {x1: a, y1: y0, x2: b, y2: y1, stroke: "transparent", "stroke-width": 11}));
    const story = this.story(h);
    g.setAttribute("aria-label", story);
    g.addEventListener("mousemove", (e) => {
      tip(story, e.clientX, e.clientY);
      setCursor(this.begin[h] / 1e9, this);
    });
    g.addEventListener("mouseleave", () => tip(""));
    g.addEventListener("focus", () => {
      const r = g.getBoundingClientRect();
      tip(story, r.left + 20, r.top + 10);
    });
    g.addEventListener("blur", () => tip(""));
    return g;
  }
}

async function packets() {
  const p = D.packets, names = {
    streamOf: p.stream, seq: p.seq, ack: p.ack, payload: p.payload, bytes: p.bytes, flags: p.flags, back: p.back, sent: p.sent, got: p.got,
    begin: p.begin, duration: p.duration, from: p.from, to: p.to, link: p.link, end: p.end, why: p.why, packet: p.packet,
    actAt: p.act_at, actNode: p.act_node, actBox: p.act_box, actWhy: p.act_why, actPacket: p.act_packet,
  };
  const keys = Object.keys(names), values = await Promise.all(keys.map((k) => column(names[k])));
  window.packetView = new Packets(p, Object.fromEntries(keys.map((k, i) => [k, values[i]])));
}

if (D.kind === "run" && D.packets) whenSeen($("packets"), packets);
