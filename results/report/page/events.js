// The event log as a table: a page of lines at a time, from the begin of the window on.

const LINES = 100;

class EventTable {
  constructor(columns) {
    this.c = columns;
    this.at = 0;
    const e = D.events, place = $("event-tools");
    const choice = (label, options) => {
      const s = make("select", {}, ...options.map(([value, text]) => make("option", {value}, text)));
      s.addEventListener("change", () => this.draw());
      place.append(make("label", {}, label + " ", s));
      return s;
    };
    const rare = e.kinds.some((k) => k !== "grant" && k !== "wait" && k !== "counter");
    this.kind = choice("kind", [...(rare ? [["rare", "all but grants, waits, counters"]] : []), ["all", "all"], ...e.kinds.map((k, i) => [String(i), k.replaceAll("_", " ")]).sort((a, b) => compare(a[1], b[1]))]);
    this.kind.id = "event-kind";
    const flows = [...new Set(this.c.flow)].filter((f) => f > 0).map((f) => [String(f), e.texts[f]]);
    this.flow = choice("flow", [["", "all"], ...flows]);
    const nodes = [...new Set(this.c.node)].map((n) => [String(n), e.texts[n]]);
    this.node = choice("node", [["", "all"], ...nodes]);
    const button = (text, f) => {
      const b = make("button", {type: "button"}, text);
      b.addEventListener("click", f);
      place.append(b);
      return b;
    };
    this.earlier = button("◀ earlier", () => {
      let k = this.at, left = LINES;
      while (k > 0 && left > 0) if (this.shows(--k)) left--;
      this.go(k);
    });
    this.later = button("later ▶", () => this.go(this.next));
    this.where = make("output", {class: "dim"});
    place.append(this.where);
    windowListeners.push(() => this.go(before(this.c.time, win.from * 1e9)));
    this.draw();
  }

  go(k) {
    this.at = k;
    this.draw();
  }

  shows(i) {
    const c = this.c, kind = this.kind.value;
    if (kind === "rare") {
      const name = D.events.kinds[c.kind[i]];
      if (name === "grant" || name === "wait" || name === "counter") return false;
    } else if (kind !== "all" && c.kind[i] !== Number(kind)) return false;
    return (this.flow.value === "" || c.flow[i] === Number(this.flow.value)) && (this.node.value === "" || c.node[i] === Number(this.node.value));
  }

  detail(i) {
    const c = this.c, e = D.events;
    return e.fields[c.kind[i]].map((name, k) => name.replaceAll("_", " ") + " " + (c.isText[i] >> k & 1 ? e.texts[c.values[k][i]] : c.values[k][i])).join(", ");
  }

  draw() {
    const c = this.c, e = D.events, rows = [];
    let k = this.at;
    for (; k < e.n && rows.length < LINES; k++) if (this.shows(k)) rows.push(k);
    this.next = k;
    let any = false;
    for (let j = this.at - 1; j >= 0 && !any; j--) any = this.shows(j);
    this.earlier.disabled = !any;
    this.later.disabled = k >= e.n;
    const body = make("tbody", {}, ...rows.map((i) => make("tr", {},
      make("td", {class: "num"}, (c.time[i] / 1e9).toFixed(6) + " s"), make("td", {}, e.texts[c.node[i]]), make("td", {}, e.texts[c.flow[i]] + (c.subflow[i] >= 0 ? " / " + c.subflow[i] : "")),
      make("td", {}, e.kinds[c.kind[i]].replaceAll("_", " ")), make("td", {}, this.detail(i)), make("td", {}, e.texts[c.why[i]].replaceAll("_", " ")))));
    $("event-table").replaceChildren(make("table", {},
      make("thead", {}, make("tr", {}, ...["time", "node", "flow / subflow", "event", "details", "why"].map((h) => make("th", {scope: "col"}, h)))), body));
    $("event-table").dataset.rows = rows.length;
    this.where.textContent = (rows.length ? `from ${(c.time[rows[0]] / 1e9).toFixed(6)} s on` : "no event from here on") + `, of ${e.n} events` + (e.left_out ? `; ${e.left_out} more are not in this page` : "");
  }
}

if (D.kind === "run" && D.events && $("event-table")) whenSeen($("events"), () => events().then((c) => new EventTable(c)));
