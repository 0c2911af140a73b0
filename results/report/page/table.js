// The table of a sweep: runs, or the means of points, sorted by any column.

const PAGE = 100;

// shown returns a cell for people.
function shown(c, text) {
  if (text === "") return "";
  if (c.type !== "number" || c.role === "id") return text;
  if (text === "inf") return "never";
  return c.unit ? withUnit(Number(text), c.unit) : short(Number(text));
}

class SweepTable {
  constructor() {
    const tools = $("table-tools");
    this.cols = D.columns.map((c, i) => i);
    this.order = Int32Array.from({length: D.rows}, (_, i) => i);
    this.sort = null;
    this.page = 0;
    this.filter = make("input", {type: "search", placeholder: "minrtt  5Mbps  goodput>10e6", size: 30, "aria-label": "filter"});
    this.filter.addEventListener("input", () => {
      this.page = 0;
      this.draw();
    });
    tools.append(make("label", {}, "rows with ", this.filter));
    this.hashes = make("input", {type: "checkbox"});
    this.hashes.addEventListener("change", () => this.draw());
    tools.append(make("label", {}, this.hashes, " names and hashes of runs"));
    const button = (text, by) => {
      const b = make("button", {type: "button"}, text);
      b.addEventListener("click", () => {
        this.page += by;
        this.draw();
      });
      tools.append(b);
      return b;
    };
    this.back = button("◀", -1);
    this.forth = button("▶", 1);
    this.where = make("output", {class: "dim"});
    tools.append(this.where);
    this.draw();
  }

  // matches reports whether a row has every word of the filter; NAME<N, NAME>N and NAME=V
  // compare a column.
  matches(row, words) {
    return words.every((w) => {
      const m = /^([^<>=]+)([<>=])(.+)$/.exec(w);
      const c = m && D.columns.find((x) => x.name === m[1] || x.name.endsWith("." + m[1]));
      if (c) {
        const text = c.cells[row], v = Number(text === "inf" ? Infinity : text);
        if (m[2] === "<") return text !== "" && v < Number(m[3]);
        if (m[2] === ">") return text !== "" && v > Number(m[3]);
        return text === m[3] || v === Number(m[3]) || shown(c, text).replaceAll(" ", "") === m[3];
      }
      return D.columns.some((x) => x.cells[row].toLowerCase().includes(w.toLowerCase()) || shown(x, x.cells[row]).replaceAll(" ", "").toLowerCase().includes(w.toLowerCase()));
    });
  }

  value(c, row) {
    const text = c.cells[row];
    if (c.type === "text") return text;
    return text === "" ? NaN : text === "inf" ? Infinity : Number(text);
  }

  draw() {
    const words = this.filter.value.split(/\s+/).filter(Boolean);
    const rows = [...this.order].filter((r) => this.matches(r, words));
    const cols = D.columns.filter((c) => this.hashes.checked || (c.name !== "run" && c.name !== "hash" && c.name !== "seed"))
      .filter((c) => c.role !== "verdict" || c.name === "hash" || c.cells.some((t) => t !== ""));
    if (this.sort) {
      const sign = this.sort.down ? -1 : 1;
      rows.sort((a, b) => {
        const x = this.value(this.sort.c, a), y = this.value(this.sort.c, b);
        if (typeof x === "number" && (Number.isNaN(x) || Number.isNaN(y))) return Number.isNaN(x) - Number.isNaN(y);
        return compare(x, y) * sign;
      });
    }
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    this.page = Math.max(0, Math.min(pages - 1, this.page));
    this.back.disabled = this.page === 0;
    this.forth.disabled = this.page === pages - 1;
    const seen = rows.slice(this.page * PAGE, (this.page + 1) * PAGE);
    const head = make("tr", {}, ...cols.map((c) => {
      const b = make("button", {type: "button"}, c.name);
      b.addEventListener("click", () => {
        this.sort = {c, down: this.sort && this.sort.c === c && !this.sort.down};
        this.page = 0;
        this.draw();
      });
      const th = make("th", {scope: "col", class: c.type === "text" ? "" : "num"}, b);
      if (this.sort && this.sort.c === c) th.setAttribute("aria-sort", this.sort.down ? "descending" : "ascending");
      return th;
    }));
    const body = make("tbody", {}, ...seen.map((r) => make("tr", {class: D.columns.some((c) => c.role === "verdict" && c.name !== "hash" && c.cells[r] !== "") ? "fail" : ""},
      ...cols.map((c) => make("td", {class: (c.type === "text" ? "" : "num") + (c.role === "verdict" ? " mark" : ""), title: c.cells[r]}, shown(c, c.cells[r]))))));
    $("table-place").replaceChildren(make("table", {id: "sweep-table"}, make("thead", {}, head), body));
    this.where.textContent = rows.length ? `${this.page * PAGE + 1} to ${this.page * PAGE + seen.length} of ${rows.length} rows` : "no row";
    $("table-place").dataset.rows = rows.length;
  }
}

if (D.kind === "sweep") new SweepTable();
