// Effects of factors: a metric against each factor, means with their intervals.

function svg(name, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

function text(content, attributes) {
  const t = svg("text", attributes);
  t.textContent = content;
  return t;
}

function nice(x) {
  const p = 10 ** Math.floor(Math.log10(x));
  for (const m of [1, 2, 5]) if (m * p >= x * (1 - 1e-9)) return m * p;
  return 10 * p;
}

function ticks(low, high, n) {
  const step = nice((high - low) / n), out = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step) out.push(Number(v.toPrecision(12)));
  return out;
}

const finite = (v) => typeof v === "number" && Number.isFinite(v);

// Effect is one figure.
class Effect {
  constructor(data, share) {
    this.d = data;
    this.share = share; // the range that all figures of a metric have
    this.zoom = null;
    this.box = make("div", {class: "panel figure", "data-effect": data.metric + " " + data.factor});
    redrawn.push(() => this.draw());
  }

  draw() {
    if (!this.box.isConnected || this.box.clientWidth < 120) return;
    const d = this.d, width = this.box.clientWidth, bottom = d.kind === "levels" && d.means.length > 5 ? 62 : 44;
    const L = 66, R = 14, T = 10, H = 200 + bottom, B = H - bottom;
    const means = d.means.filter((m) => finite(m.mean)), continuous = d.means.every((m) => finite(m.value)) && d.kind === "points";
    const unit = unitOf(d.unit, Math.max(...means.map((m) => Math.abs(m.mean)), 0));
    const [low, high] = this.share;
    const xs = continuous ? means.map((m) => m.value) : d.means.map((_, i) => i);
    const from = this.zoom ? this.zoom[0] : continuous ? Math.min(...xs) : -0.5, to = this.zoom ? this.zoom[1] : continuous ? Math.max(...xs) : d.means.length - 0.5;
    const room = continuous && !this.zoom ? (to - from) * 0.03 || 1 : 0;
    const x = (v) => L + (v - from + room) / (to - from + 2 * room) * (width - L - R);
    const y = (v) => B - (v - low) / (high - low) * (B - T);
    this.back = (px) => from - room + (px - L) / (width - L - R) * (to - from + 2 * room);
    const image = svg("svg", {width, height: H, viewBox: `0 0 ${width} ${H}`, role: "img", "aria-label": `${d.metric} against ${d.factor}`});
    for (const v of ticks(low / unit[0], high / unit[0], 5)) {
      const at = y(v * unit[0]);
      image.append(svg("line", {x1: L, x2: width - R, y1: at, y2: at, class: "grid"}), text(String(v), {x: L - 6, y: at + 4, "text-anchor": "end"}));
    }
    if (continuous) {
      const u = unitOf(d.factor_unit, Math.max(...xs.map(Math.abs)));
      for (const v of ticks((from - room) / u[0], (to + room) / u[0], Math.max(3, width / 110))) {
        image.append(svg("line", {x1: x(v * u[0]), x2: x(v * u[0]), y1: T, y2: B, class: "grid"}), text(String(v), {x: x(v * u[0]), y: B + 16, "text-anchor": "middle"}));
      }
      image.append(text(d.factor + (u[1] ? " (" + u[1] + ")" : ""), {x: (L + width - R) / 2, y: B + 34, "text-anchor": "middle", class: "dim"}));
    } else {
      const step = (width - L - R) / (to - from);
      d.means.forEach((m, i) => {
        if (i < from || i > to) return;
        const label = finite(m.value) && d.factor_unit ? withUnit(m.value, d.factor_unit) : finite(m.value) ? short(m.value) : m.label;
        const t = text(label, {x: x(i), y: B + 16, "text-anchor": "middle"});
        if (step < 66) {
          t.setAttribute("transform", `rotate(-32 ${x(i)} ${B + 16})`);
          t.setAttribute("text-anchor", "end");
        }
        image.append(t);
      });
      image.append(text(d.factor, {x: (L + width - R) / 2, y: H - 4, "text-anchor": "middle", class: "dim"}));
    }
    image.append(svg("line", {x1: L, x2: width - R, y1: B, y2: B, class: "axis"}));
    const color = style("--c0"), clip = "clip" + effectNumber++;
    image.append(svg("defs", {}, svg("clipPath", {id: clip}, svg("rect", {x: L - 6, y: 0, width: width - L - R + 12, height: H}))));
    const marks = svg("g", {"clip-path": `url(#${clip})`});
    if (!continuous && d.means.every((m) => finite(m.mean)) && d.means.every((m) => finite(m.value))) {
      marks.append(svg("polyline", {points: d.means.map((m, i) => `${x(i)},${y(m.mean)}`).join(" "), fill: "none", stroke: color, "stroke-width": 1.2, opacity: 0.6}));
    }
    d.means.forEach((m, i) => {
      if (!finite(m.mean)) return;
      const at = x(continuous ? m.value : i), g = svg("g", {class: "mean"});
      if (finite(m.low) && finite(m.high)) {
        g.append(svg("line", {x1: at, x2: at, y1: y(m.low), y2: y(m.high), stroke: color, "stroke-width": 1.6}));
        if (!continuous) for (const v of [m.low, m.high]) g.append(svg("line", {x1: at - 5, x2: at + 5, y1: y(v), y2: y(v), stroke: color, "stroke-width": 1.6}));
      }
      g.append(svg("circle", {cx: at, cy: y(m.mean), r: continuous ? 3 : 4.2, fill: color}));
      g.append(svg("rect", {x: at - (continuous ? 5 : 16), y: Math.min(y(m.mean), finite(m.high) ? y(m.high) : H) - 8, width: continuous ? 10 : 32, height: Math.max(16, finite(m.low) ? y(m.low) - y(m.high) + 16 : 16), fill: "transparent"}));
      const about = [`${d.factor} = ${finite(m.value) ? withUnit(m.value, d.factor_unit) : m.label}`, `${d.metric}: ${withUnit(m.mean, d.unit)}`,
        finite(m.low) ? `95 % interval ${withUnit(m.low, d.unit)} to ${withUnit(m.high, d.unit)}` : "no interval",
        `${m.samples} replication${m.samples === 1 ? "" : "s"} of ${m.points} point${m.points === 1 ? "" : "s"}`];
      if (m.never) about.push(`${m.never} runs in which it never happened are left out`);
      if (m.missing) about.push(`${m.missing} runs without a value are left out`);
      g.setAttribute("tabindex", "0");
      g.setAttribute("aria-label", about.join(", "));
      g.addEventListener("mousemove", (e) => tip(about.join("\n"), e.clientX, e.clientY));
      g.addEventListener("mouseleave", () => tip(""));
      g.addEventListener("focus", () => {
        const r = g.getBoundingClientRect();
        tip(about.join("\n"), r.right, r.top);
      });
      g.addEventListener("blur", () => tip(""));
      marks.append(g);
    });
    image.append(marks);
    const band = svg("rect", {y: T, height: B - T, width: 0, fill: style("--accent"), opacity: 0.2, "pointer-events": "none"});
    image.append(band);
    this.drag(image, band);
    this.box.replaceChildren(make("h3", {}, d.metric + " ", make("span", {class: "dim"}, "against " + d.factor + (unit[1] ? ", " + unit[1] : ""))), image);
  }

  // drag zooms along the axis.
  drag(image, band) {
    let begin = null;
    const at = (e) => e.clientX - image.getBoundingClientRect().left;
    image.addEventListener("mousedown", (e) => { begin = at(e); });
    image.addEventListener("mousemove", (e) => {
      if (begin == null) return;
      band.setAttribute("x", Math.min(begin, at(e)));
      band.setAttribute("width", Math.abs(at(e) - begin));
      e.preventDefault();
    });
    image.addEventListener("mouseup", (e) => {
      const end = at(e);
      if (begin != null && Math.abs(end - begin) > 6) {
        this.zoom = [this.back(Math.min(begin, end)), this.back(Math.max(begin, end))];
        this.draw();
      }
      begin = null;
    });
    image.addEventListener("dblclick", () => {
      this.zoom = null;
      this.draw();
    });
  }
}

let effectNumber = 0;

function effectFigures() {
  const place = $("effect-figures");
  if (!place) return;
  const metrics = [...new Set(D.effects.map((e) => e.metric))];
  const pick = make("select", {id: "effect-metric"}, ...metrics.map((m) => make("option", {}, m)));
  const zero = make("input", {type: "checkbox", id: "effect-zero"});
  const show = () => {
    const list = D.effects.filter((e) => e.metric === pick.value);
    let low = Infinity, high = -Infinity;
    for (const e of list) {
      for (const m of e.means) {
        for (const v of [m.mean, m.low, m.high]) {
          if (!finite(v)) continue;
          low = Math.min(low, v);
          high = Math.max(high, v);
        }
      }
    }
    if (zero.checked) low = Math.min(0, low);
    const room = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
    const range = [zero.checked && low === 0 ? 0 : low - room, high + room];
    redrawn.length = 0;
    const figures = list.map((e) => new Effect(e, range));
    place.replaceChildren(...figures.map((f) => f.box));
    figures.forEach((f) => f.draw());
    place.dataset.figures = figures.length;
  };
  pick.addEventListener("change", show);
  zero.addEventListener("change", show);
  $("effect-tools").append(make("label", {}, "metric ", pick), make("label", {}, zero, " axis from 0"));
  show();
}

if (D.kind === "sweep") effectFigures();
