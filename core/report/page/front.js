// SPDX-License-Identifier: Apache-2.0
// The Pareto front: any two metrics of the trials against each other, and which of them no other
// dominates.
"use strict";

const FRONT_DOTS = 4000;

function frontMetrics() {
  return T.metrics.filter((metric) => {
    const seen = new Set();
    for (const value of metric.values) {
      if (value !== null) seen.add(value);
      if (seen.size > 2) return true;
    }
    return false;
  });
}

// Rows that no other dominates in the two, by the first ascending; needs a direction of both.
function frontOf(rows, a, b) {
  if (a.better === "none" || b.better === "none" || a === b) return [];
  const sorted = rows.slice().sort((i, j) => turned(a, i) - turned(a, j) || turned(b, i) - turned(b, j) || i - j);
  const front = [];
  let least = Infinity;
  for (const row of sorted)
    if (turned(b, row) < least) {
      least = turned(b, row);
      front.push(row);
    }
  return front;
}

function frontRows(a, b) {
  const rows = [];
  for (let row = 0; row < T.count; row++)
    if (T.eligible[row] && a.values[row] !== null && b.values[row] !== null) rows.push(row);
  return rows;
}

function direction(metric) {
  return { higher: "more is better", lower: "less is better", none: "no direction" }[metric.better];
}

function frontSection() {
  const metrics = frontMetrics();
  const objective = METRIC.get(OBJECTIVES[0].metric);
  if (!objective || !metrics.includes(objective) || metrics.length < 2) {
    section("front", "Trade-offs", empty("A trade-off needs two metrics that differ between finished trials."));
    return;
  }
  const second = OBJECTIVES.length > 1 ? METRIC.get(OBJECTIVES[1].metric)
    : ["params", "macs", "cost", "latency_ms"].map((name) => METRIC.get(name)).find((metric) => metrics.includes(metric));
  const options = metrics.map((metric) => [metric.name]);
  const pair = (state) => [METRIC.get(state.x), METRIC.get(state.y)];
  const plot = new Plot({
    id: "front", title: OBJECTIVES.length > 1 ? "Pareto front" : "Trade-off between two metrics", height: 400,
    about: (state) => {
      const [a, b] = pair(state), count = frontRows(a, b).length;
      return `Ringed and joined: finished trials that no other dominates (${a.name}: ${direction(a)}; ${b.name}: ${direction(b)}). Click a point to open its trial.`
        + (OBJECTIVES.length > 1 ? "" : " The search itself had one objective.")
        + (count > FRONT_DOTS ? ` ${fmt(FRONT_DOTS)} of ${fmt(count)} trials are drawn, the front whole.` : "");
    },
    controls: [
      { key: "x", label: "x", options, value: (second && metrics.includes(second) ? second : metrics.find((metric) => metric !== objective)).name },
      { key: "y", label: "y", options, value: objective.name },
      { key: "logx", label: "log x", check: true }, { key: "logy", label: "log y", check: true },
    ],
    legend: () => METHODS.length > 1 && SEVERAL ? METHODS.map((method, m) => ({ group: method.label, colour: methodColour(m) })) : [],
    chart: (state) => {
      const [a, b] = pair(state), rows = frontRows(a, b).filter((row) => (!state.logx || a.values[row] > 0) && (!state.logy || b.values[row] > 0));
      const shown = rows.filter((row) => !state.hidden.has(METHODS[methodOfRow(row)]?.label));
      const front = frontOf(shown, a, b), onFront = new Set(front);
      const point = (row) => ({ x: a.values[row], y: b.values[row], row });
      const others = thinned(rows.filter((row) => !onFront.has(row)), FRONT_DOTS);
      const small = others.length > 800;
      const sets = METHODS.map((method, m) => ({ group: method.label, pointStyle: methodMark(m), borderWidth: 0,
        pointRadius: small ? 2 : 3.2, pointHoverRadius: 6, pointHitRadius: 3, pointBackgroundColor: withAlpha(methodColour(m), small ? 0.3 : 0.42),
        data: others.filter((row) => methodOfRow(row) === m).map(point) }));
      sets.unshift({ data: front.map(point).sort((p, q) => p.x - q.x), walk: true, showLine: true, stepped: a.better === "lower" ? "before" : "after",
        borderColor: colour("ink"), borderWidth: 1.6, pointRadius: 5, pointHoverRadius: 7, pointBorderWidth: 1.6, pointBorderColor: colour("ink"),
        pointBackgroundColor: front.map(point).sort((p, q) => p.x - q.x).map(({ row }) => methodColour(methodOfRow(row))), front: true });
      return { type: "scatter", data: { datasets: sets }, options: chartOptions({
        x: axis(axisTitle(a.name), { type: state.logx ? "logarithmic" : "linear" }),
        y: axis(axisTitle(b.name), { type: state.logy ? "logarithmic" : "linear" }),
        tooltip: { callbacks: {
          title: ([item]) => trialName(item.raw.row),
          label: ({ raw, dataset }) => [`${a.name} ${fmt(raw.x, 5)}`, `${b.name} ${fmt(raw.y, 5)}`,
            ...(METHODS.length > 1 ? [METHODS[methodOfRow(raw.row)].label] : []), ...(dataset.front ? ["on the front"] : [])],
        } },
      }) };
    },
    choose: (dataset, index) => openTrial(dataset.data[index].row),
    rows: (state) => {
      const [a, b] = pair(state), rows = frontRows(a, b), front = new Set(frontOf(rows, a, b));
      return [["run", "trial", "hash", a.name, b.name, "front"],
        ...rows.map((row) => [runName(T.run[row]), T.trial[row], T.hash[row], a.values[row], b.values[row], front.has(row) ? 1 : 0])];
    },
  });
  section("front", OBJECTIVES.length > 1 ? "Pareto front" : "Trade-offs", plot.element);
}
