// SPDX-License-Identifier: Apache-2.0
// The data of the page: read from its element, columns made whole, and questions that several parts ask.
"use strict";

const D = JSON.parse(document.getElementById("data").textContent);

// A column in which all values are one is stored as that one.
function whole(column, count) {
  return Array.isArray(column) ? column : new Array(count).fill(column);
}

const T = (() => {
  const t = D.trials, n = t.count;
  for (const name of ["run", "trial", "state", "hash", "told", "elapsed", "seconds", "cost", "attempt",
    "parent", "lineage", "mode", "eligible"]) t[name] = whole(t[name], n);
  for (const column of [...t.metrics, ...t.fidelities]) column.values = whole(column.values, n);
  for (const decision of t.decisions) {
    if (decision.rows) {
      const values = new Array(n).fill(null);
      decision.rows.forEach((row, i) => { values[row] = decision.values[i]; });
      decision.values = values;
    }
    decision.named = decision.kind === "choice" || decision.kind === "subset";
  }
  t.front = new Set(t.front);
  return t;
})();

const S = D.study;
const METHODS = S.methods;
const RUNS = S.comparison ? S.comparison.runs : [];
const OBJECTIVES = S.objectives;
const METRIC = new Map(T.metrics.map((metric) => [metric.name, metric]));
const MAXIMIZE = OBJECTIVES.length > 1 || OBJECTIVES[0].maximize; // of what stands for a run

for (const line of S.lines) line.n = line.value.length;
for (const axis of Object.values(S.progression || {}))
  for (const method of axis.methods) method.n = whole(method.n, axis.at.length);

const METHOD_OF = (() => {
  const places = new Map(METHODS.map((method, i) => [method.label, i]));
  return RUNS.map((run) => (run.method === null ? -1 : places.get(run.method)));
})();

// What the best-so-far is called.
function statisticName() {
  return OBJECTIVES.length > 1 ? "hypervolume" : OBJECTIVES[0].metric;
}

function methodOfRow(row) {
  const method = METHOD_OF[T.run[row]];
  return method === undefined ? 0 : method;
}

// Runs of a sweep have one name: then their folders, or their seeds, tell them apart.
const RUN_NAMES = (() => {
  const unique = (names) => new Set(names).size === names.length;
  const candidates = [RUNS.map((run) => run.name), RUNS.map((run) => run.source.split("/").pop()),
    RUNS.map((run) => `${run.name} seed ${run.seed}`), RUNS.map((run) => `${run.method} seed ${run.seed}`)];
  return candidates.find(unique) || RUNS.map((run, i) => `${run.name} #${i + 1}`);
})();

function runName(run) {
  return RUN_NAMES[run] ?? `run ${run}`;
}

// Several runs have rows: their names are told.
const SEVERAL = new Set(T.run).size > 1;

function trialName(row) {
  return SEVERAL ? `${runName(T.run[row])}, trial ${T.trial[row]}` : `Trial ${T.trial[row]}`;
}

// The decision's value in words.
function decisionText(decision, row) {
  const value = decision.values[row];
  if (value === null) return "";
  return decision.named ? decision.names[value] : fmt(value, 6);
}

function decisionsOf(row) {
  return T.decisions.filter((decision) => decision.values[row] !== null)
    .map((decision) => [decision.path, decisionText(decision, row)]);
}

// A metric's name with its unit, for an axis.
function axisTitle(name) {
  const metric = METRIC.get(name);
  if (metric && metric.unit) return `${name} (${metric.unit})`;
  return name;
}

// Less is better: for sorting.
function turned(metric, row) {
  const value = metric.values[row];
  if (value === null) return Infinity;
  return metric.better === "higher" ? -value : value;
}

// Rows that may be best, best first by the first objective.
const BEST_ROWS = (() => {
  const metric = METRIC.get(OBJECTIVES[0].metric);
  const rows = [];
  for (let row = 0; row < T.count; row++)
    if (metric && T.eligible[row] && metric.values[row] !== null) rows.push(row);
  return metric ? rows.sort((a, b) => turned(metric, a) - turned(metric, b) || a - b) : rows;
})();

const CURVE_OF = new Map(D.learning.curves.map((curve) => [curve.row, curve]));
const ROW_OF = (() => {
  const rows = new Map();
  for (let row = 0; row < T.count; row++) rows.set(`${T.run[row]}/${T.trial[row]}`, row);
  return rows;
})();

// Evenly chosen `most` of a list; all of a shorter one.
function thinned(list, most) {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]);
}
