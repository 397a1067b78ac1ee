// SPDX-License-Identifier: Apache-2.0
// The table of trials: a page of rows at a time, sorted by any column, filtered by words, state and run.
"use strict";

const PAGE_ROWS = 50;

// Text that a trial is searched by, made when it is first asked for.
const haystacks = new Array(T.count);

function haystack(row) {
  haystacks[row] ||= [T.trial[row], T.state[row], T.hash[row], SEVERAL ? runName(T.run[row]) : "", T.errors[row] || "",
    ...decisionsOf(row).map(([path, value]) => `${path}=${value}`)].join(" ").toLowerCase();
  return haystacks[row];
}

function varies(values) {
  return values.some((value) => value !== values[0]);
}

// Columns: {title, value(row), cell(row) -> text, text: left-aligned}.
function trialColumns() {
  const columns = [{ title: "Trial", value: (row) => T.trial[row], cell: (row) => String(T.trial[row]) }];
  if (SEVERAL) columns.push({ title: "Run", text: true, value: (row) => runName(T.run[row]) });
  columns.push({ title: "State", text: true, value: (row) => T.state[row] });
  const names = OBJECTIVES.map((objective) => objective.metric);
  const more = T.metrics.filter((metric) => !names.includes(metric.name) && varies(metric.values))
    .sort((a, b) => Number(["params", "macs", "cost"].includes(b.name)) - Number(["params", "macs", "cost"].includes(a.name))).slice(0, 4);
  for (const metric of [...names.map((name) => METRIC.get(name)).filter(Boolean), ...more]) {
    const format = columnFormat(metric.values);
    columns.push({ title: axisTitle(metric.name), better: metric.better, value: (row) => metric.values[row], cell: (row) => format(metric.values[row]) });
  }
  for (const fidelity of T.fidelities.filter(({ values }) => varies(values)))
    columns.push({ title: fidelity.name, value: (row) => fidelity.values[row], cell: (row) => fmt(fidelity.values[row]) });
  const seconds = columnFormat(T.seconds);
  columns.push({ title: "Seconds", value: (row) => T.seconds[row], cell: (row) => seconds(T.seconds[row]) });
  if (T.decisions.length)
    columns.push({ title: "Architecture", text: true, long: true, sortless: true,
      value: (row) => decisionsOf(row).map(([, value]) => value).join(" ") });
  return columns;
}

function compare(column, a, b) {
  const x = column.value(a), y = column.value(b);
  if (x === null || y === null) return (x === null) - (y === null) || a - b;
  const order = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y;
  return order;
}

class TrialTable {
  constructor() {
    this.columns = trialColumns();
    this.order = Array.from({ length: T.count }, (_, row) => row);
    this.sort = { column: 0, down: false };
    this.page = 0;
    this.search = el("input", { type: "search", placeholder: "Search number, hash, decision, error…", "aria-label": "Search the trials", oninput: () => this.filter() });
    this.state = this.select("State", [...new Set(T.state)].sort());
    this.run = SEVERAL ? this.select("Run", [...new Set(T.run)].map((run) => runName(run))) : null;
    this.front = OBJECTIVES.length > 1 ? el("input", { type: "checkbox", onchange: () => this.filter() }) : null;
    this.head = el("tr", {});
    this.body = el("tbody", {});
    this.count = el("span", { class: "soft small", "aria-live": "polite" });
    this.back = el("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
    this.next = el("button", { type: "button", onclick: () => this.turn(1) }, "Next");
    this.element = el("div", {},
      el("div", { class: "filters" }, this.search, this.state, this.run, this.front && el("label", {}, this.front, "Pareto front"),
        el("button", { type: "button", class: "quiet", "data-save": "csv", onclick: () => saveCsv("trials", this.csv()) }, "CSV")),
      el("div", { class: "scroll" }, el("table", { id: "trials-table" }, el("thead", {}, this.head), this.body)),
      el("div", { class: "pager" }, this.back, this.next, this.count));
    this.filter();
  }

  select(name, options) {
    return el("select", { "aria-label": name, onchange: () => this.filter() },
      el("option", { value: "" }, `Any ${name.toLowerCase()}`), options.map((option) => el("option", { value: option }, option)));
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = this.state.value, run = this.run ? this.run.value : "";
    this.shown = this.order.filter((row) => (!state || T.state[row] === state) && (!run || runName(T.run[row]) === run)
      && (!this.front?.checked || T.front.has(row)) && words.every((word) => haystack(row).includes(word)));
    this.sortRows();
  }

  sortRows() {
    const column = this.columns[this.sort.column], sign = this.sort.down ? -1 : 1;
    this.shown.sort((a, b) => {
      const missing = (column.value(a) === null) - (column.value(b) === null);
      return missing || sign * compare(column, a, b) || a - b;
    });
    this.page = 0;
    this.draw();
  }

  sortBy(place) {
    const better = this.columns[place].better === "higher";
    this.sort = { column: place, down: this.sort.column === place ? !this.sort.down : better };
    this.sortRows();
    this.head.querySelectorAll("th")[place].querySelector("button").focus();
  }

  turn(step) {
    this.page += step;
    this.draw();
  }

  draw() {
    const { column, down } = this.sort, pages = Math.max(1, Math.ceil(this.shown.length / PAGE_ROWS));
    this.head.replaceChildren(...this.columns.map(({ title, text, sortless }, i) => el("th", { class: text ? null : "num", scope: "col",
      "aria-sort": i === column ? (down ? "descending" : "ascending") : null },
    sortless ? title : el("button", { type: "button", onclick: () => this.sortBy(i) }, title, i === column ? (down ? " ↓" : " ↑") : ""))));
    const from = this.page * PAGE_ROWS, rows = this.shown.slice(from, from + PAGE_ROWS);
    this.body.replaceChildren(...rows.map((row) => this.row(row)));
    if (!rows.length) this.body.append(el("tr", {}, el("td", { colspan: this.columns.length, class: "soft" }, T.count ? "No trial is like that." : "There is no trial.")));
    this.count.textContent = rows.length ? `${fmt(from + 1)} – ${fmt(from + rows.length)} of ${plural(this.shown.length, "trial")}` : "";
    this.back.disabled = this.page === 0;
    this.next.disabled = this.page >= pages - 1;
  }

  row(row) {
    const open = (event) => { if (!event.target.closest("button")) openTrial(row, this.shown); };
    return el("tr", { class: row === BEST_ROWS[0] ? "open chosen" : "open", onclick: open, "data-row": row }, this.columns.map((column, i) => {
      if (i === 0) return el("td", { class: "num" }, el("button", { type: "button", class: "link", onclick: () => openTrial(row, this.shown) }, column.cell(row)));
      const value = column.cell ? column.cell(row) : column.value(row);
      if (column.title === "State") return el("td", {}, el("span", { class: `state ${value}` }, value));
      return el("td", { class: column.text ? (column.long ? "long" : null) : "num", title: column.long ? value : null }, value);
    }));
  }

  csv() {
    const names = T.metrics.map((metric) => metric.name);
    return [["run", "trial", "state", "hash", "parent", "seconds", "elapsed", ...T.fidelities.map((f) => f.name), ...names, ...T.decisions.map((d) => d.path), "error"],
      ...this.shown.map((row) => [runName(T.run[row]), T.trial[row], T.state[row], T.hash[row], T.parent[row], T.seconds[row], T.elapsed[row],
        ...T.fidelities.map((f) => f.values[row]), ...T.metrics.map((m) => m.values[row]), ...T.decisions.map((d) => (d.values[row] === null ? null : d.named ? d.names[d.values[row]] : d.values[row])), T.errors[row]])];
  }
}

function trialsSection() {
  if (!T.count) {
    section("trials", "Trials", empty(RUNS.length ? "No trial of these runs is stored here." : "No trial has been asked yet."));
    return;
  }
  section("trials", "Trials", new TrialTable().element);
}
