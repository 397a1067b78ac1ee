// SPDX-License-Identifier: Apache-2.0
// Best so far, over trials, time or cost: the median of a method's runs with the band of their
// quartiles, each run if wanted, and of a single run its trials.
"use strict";

const DOTS_MOST = 3000;

// How an axis is called, and by what its values are divided.
function progressAxis(name) {
  if (name === "trials") return { title: "Trials told", divisor: 1 };
  if (name === "cost") {
    const metric = METRIC.get("cost");
    return { title: `Cost of the run${metric && metric.unit ? ` (${metric.unit})` : ""}`, divisor: 1 };
  }
  const at = S.progression.seconds.at, last = at[at.length - 1];
  if (last >= 7200) return { title: "Time of the run (h)", divisor: 3600 };
  if (last >= 300) return { title: "Time of the run (min)", divisor: 60 };
  return { title: "Time of the run (s)", divisor: 1 };
}

function progressBands(state, divisor) {
  const { at, methods } = S.progression[state.x], sets = [];
  methods.forEach((line, m) => {
    const hue = methodColour(m), group = METHODS[m].label, many = METHODS[m].runs > 1;
    const points = (values) => at.map((x, i) => ({ x: x / divisor, y: values[i], i }))
      .filter(({ x, y, i }) => y !== null && at[i] <= line.end && (!state.logx || x > 0) && (!state.logy || y > 0));
    const base = { group, method: m, stepped: true, pointRadius: 0, pointHitRadius: 0 };
    if (many) {
      sets.push({ ...base, data: points(line.q1), borderWidth: 0 });
      sets.push({ ...base, data: points(line.q3), borderWidth: 0, fill: "-1", backgroundColor: withAlpha(hue, isDark() ? 0.22 : 0.16) });
    }
    sets.push({ ...base, data: points(line.median), line, walk: true, borderColor: hue, borderWidth: 2.2, borderDash: methodDash(m), pointHitRadius: 6, pointHoverRadius: 4, pointBackgroundColor: hue });
  });
  return sets;
}

// Each run's own line, to its end.
function progressLines(state, divisor) {
  return S.lines.map((line, run) => {
    const data = line[state.x].map((x, i) => ({ x: x / divisor, y: line.value[i] })), end = RUNS[run][state.x];
    if (data.length && end !== null) data.push({ x: end / divisor, y: data[data.length - 1].y });
    return { group: METHOD_OF[run] >= 0 ? METHODS[METHOD_OF[run]].label : "", data, stepped: true, pointRadius: 0, pointHitRadius: 0,
      borderWidth: 1, borderColor: withAlpha(methodColour(METHOD_OF[run]), 0.4) };
  });
}

// The trials of a single run where they were told.
function progressDots(state, divisor) {
  const metric = METRIC.get(OBJECTIVES[0].metric), column = { trials: null, seconds: T.elapsed, cost: T.cost }[state.x];
  const told = T.told.map((event, row) => [event, row]).filter(([event]) => event !== null).sort((a, b) => a[0] - b[0]);
  const data = [];
  told.forEach(([, row], i) => {
    const x = (column ? column[row] : i + 1) / divisor, y = metric.values[row];
    if (y !== null && Number.isFinite(x) && (!state.logx || x > 0) && (!state.logy || y > 0)) data.push({ x, y, row });
  });
  return { group: "Trials", data: thinned(data, DOTS_MOST), dots: true, showLine: false, pointRadius: data.length > 500 ? 1.6 : 2.6,
    pointHoverRadius: 5, pointHitRadius: 4, borderWidth: 0, pointBackgroundColor: withAlpha(methodColour(0), 0.35) };
}

function progressCsv(state) {
  const { at, methods } = S.progression[state.x];
  const rows = [["method", state.x, "runs", "median", "q1", "q3"]];
  methods.forEach((line, m) => at.forEach((x, i) => {
    if (line.median[i] !== null && x <= line.end)
      rows.push([METHODS[m].label, x, line.n[i], line.median[i], line.q1[i], line.q3[i]]);
  }));
  return rows;
}

function progressSection() {
  const axes = Object.keys(S.progression || {});
  if (!axes.length) {
    section("progress", "Best so far", empty(OBJECTIVES.length > 3
      ? "With more than three objectives there is no single number to follow."
      : "No trial has ended with a result yet."));
    return;
  }
  const names = { trials: "trials", seconds: "time", cost: "cost" };
  const single = RUNS.length === 1 && T.count > 0 && OBJECTIVES.length === 1;
  const many = METHODS.some((method) => method.runs > 1);
  const plot = new Plot({
    id: "best_so_far", title: `Best ${statisticName()} so far`, height: 380,
    about: many
      ? "Line: median over the runs of a method. Band: lower to upper quartile. A run that ended earlier keeps its last value; one that has found nothing yet does not count."
      : single ? "Line: the best of the trials told so far. Dots: the trials; click one to open it." : "Each method has one run: there is no band.",
    controls: [
      { key: "x", label: "over", options: axes.map((name) => [name, names[name]]) },
      { key: "logx", label: "log x", check: true }, { key: "logy", label: "log y", check: true },
      ...(RUNS.length > 1 && OBJECTIVES.length === 1 ? [{ key: "lines", label: "each run", check: true }] : []),
      ...(single ? [{ key: "dots", label: "trials", check: true, value: true }] : []),
    ],
    legend: () => METHODS.length > 1 ? METHODS.map((method, m) => ({ group: method.label, colour: methodColour(m), text: `${method.label} (n = ${method.runs})` })) : [],
    chart: (state) => {
      const { title, divisor } = progressAxis(state.x);
      const sets = progressBands(state, divisor);
      if (state.lines) sets.push(...progressLines(state, divisor));
      if (state.dots) sets.push(progressDots(state, divisor));
      const digits = 5;
      return { type: "line", data: { datasets: sets }, options: chartOptions({
        x: axis(title, { type: state.logx ? "logarithmic" : "linear", ...(state.logx ? {} : { min: 0, ticks: state.x === "trials" ? { precision: 0 } : {} }) }),
        y: axis(OBJECTIVES.length > 1 ? "hypervolume" : axisTitle(OBJECTIVES[0].metric), { type: state.logy ? "logarithmic" : "linear" }),
        interaction: { mode: "nearest", intersect: false },
        tooltip: {
          filter: (item) => Boolean(item.dataset.line || item.dataset.dots),
          callbacks: {
            title: ([item]) => item && (item.dataset.dots ? trialName(item.raw.row) : item.dataset.group),
            label: ({ dataset, raw }) => dataset.dots
              ? [`${OBJECTIVES[0].metric} ${fmt(raw.y, digits)}`, `${title}: ${fmt(raw.x)}`]
              : [`${title}: ${fmt(raw.x)}`, dataset.line.n[raw.i] > 1
                ? `median ${fmt(raw.y, digits)}, quartiles ${fmt(dataset.line.q1[raw.i], digits)} to ${fmt(dataset.line.q3[raw.i], digits)}, n = ${dataset.line.n[raw.i]}`
                : `best ${fmt(raw.y, digits)}`],
          },
        },
      }) };
    },
    choose: (dataset, index) => { if (dataset.dots) openTrial(dataset.data[index].row); },
    rows: progressCsv,
  });
  section("progress", "Best so far", plot.element);
}
