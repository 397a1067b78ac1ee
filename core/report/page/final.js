// SPDX-License-Identifier: Apache-2.0
// How the runs ended: every run as a point over the box of its method, the statistics, and the tests
// between methods.
"use strict";

// The metrics of the plot: what was sought, and what no search saw.
function finalMetrics() {
  const own = { name: statisticName(), values: RUNS.map((run) => run.values[0]), cell: (cell) => cell };
  return [own, ...(S.tests || []).map((test) => ({ name: test.metric, values: test.values, cell: (cell) => cell.test[test.metric] }))]
    .filter((metric) => metric.values.some((value) => value !== null));
}

// A box from quartile to quartile with the median, behind the points.
const finalBoxes = {
  id: "finalBoxes",
  beforeDatasetsDraw(chart, args, { cells }) {
    const { ctx, scales: { x, y } } = chart;
    (cells || []).forEach((cell, m) => {
      if (!cell || cell.median === null || !chart.isDatasetVisible(m)) return;
      const half = Math.min(15, Math.abs(y.getPixelForValue(1) - y.getPixelForValue(0)) * 0.33), middle = y.getPixelForValue(m);
      const left = x.getPixelForValue(cell.q1), right = x.getPixelForValue(cell.q3), median = x.getPixelForValue(cell.median);
      ctx.save();
      ctx.fillStyle = withAlpha(methodColour(m), 0.13);
      ctx.strokeStyle = methodColour(m);
      ctx.fillRect(left, middle - half, Math.max(1, right - left), 2 * half);
      ctx.strokeRect(left, middle - half, Math.max(1, right - left), 2 * half);
      ctx.lineWidth = 2.5;
      ctx.beginPath();
      ctx.moveTo(median, middle - half);
      ctx.lineTo(median, middle + half);
      ctx.stroke();
      ctx.restore();
    });
  },
};

function finalPlot(metrics) {
  const cells = S.comparison.points[0].methods;
  const chosen = (state) => metrics.find((metric) => metric.name === state.metric) || metrics[0];
  return new Plot({
    id: "final", title: "Every run at its end", height: () => Math.max(170, 92 + 52 * METHODS.length),
    about: "Points: runs, spread a little so that equal ones can be told. Box: lower to upper quartile with the median.",
    controls: metrics.length > 1 ? [{ key: "metric", label: "metric", options: metrics.map((metric) => [metric.name]) }] : [],
    chart: (state) => {
      const metric = chosen(state), narrow = innerWidth < 640;
      const sets = METHODS.map((method, m) => ({
        group: method.label, walk: true, pointStyle: methodMark(m), pointRadius: 4, pointHoverRadius: 6, borderWidth: 1.4,
        pointBackgroundColor: withAlpha(methodColour(m), 0.55), pointBorderColor: methodColour(m),
        data: RUNS.map((run, i) => ({ x: metric.values[i], y: m + (((i * 0.61803) % 1) - 0.5) * 0.42, run: i }))
          .filter(({ x, run }) => x !== null && METHOD_OF[run] === m),
      }));
      const config = { type: "scatter", data: { datasets: sets }, plugins: [finalBoxes], options: chartOptions({
        x: axis(OBJECTIVES.length > 1 && metric === metrics[0] ? "hypervolume" : axisTitle(metric.name), { grace: "4%" }),
        y: axis("", { min: -0.6, max: METHODS.length - 0.4, reverse: true, grid: { display: false },
          afterBuildTicks: (scale) => { scale.ticks = METHODS.map((_, m) => ({ value: m })); },
          ticks: { autoSkip: false, color: colour("ink"), callback: (m) => METHODS[m] ? shortenMiddle(METHODS[m].label, narrow ? 18 : 36) : "" } }),
        tooltip: { callbacks: {
          title: ([item]) => runName(item.raw.run),
          label: ({ raw, dataset }) => [dataset.group, `${metric.name} ${fmt(raw.x, 5)}`, ...(RUNS[raw.run].state === "done" ? [] : [`(${RUNS[raw.run].state})`])],
        } },
      }) };
      config.options.plugins.finalBoxes = { cells: cells.map(metric.cell) };
      return config;
    },
    choose: (dataset, index) => {
      const run = dataset.data[index].run, row = ROW_OF.get(`${run}/${RUNS[run].best}`);
      if (row !== undefined) openTrial(row);
    },
    rows: () => [["run", "seed", "method", "state", ...metrics.map((metric) => metric.name)],
      ...RUNS.map((run, i) => [runName(i), run.seed, run.method, run.state, ...metrics.map((metric) => metric.values[i])])],
  });
}

function methodCell(method) {
  const dot = el("span", { class: "dot" });
  dot.dataset.method = method;
  return el("td", {}, dot, METHODS[method].label);
}

// Dots keep their colours when light and dark change.
function colourDots() {
  for (const dot of document.querySelectorAll(".dot[data-method]"))
    dot.style.background = methodColour(Number(dot.dataset.method));
}

function statisticsTable(metric) {
  const cells = S.comparison.points[0].methods, shown = cells.map(metric.cell);
  const format = columnFormat(shown.flatMap((cell) => (cell ? [cell.mean, cell.median, cell.q1, cell.q3] : [])));
  const deviation = columnFormat(shown.map((cell) => (cell ? cell.sd : null)));
  const best = shown.reduce((place, cell, m) => cell && cell.median !== null && (place < 0 ||
    (metric.name !== statisticName() || MAXIMIZE ? cell.median > shown[place].median : cell.median < shown[place].median)) ? m : place, -1);
  const ranked = metric.name === statisticName() && METHODS.length > 1;
  return el("div", { class: "scroll" }, el("table", {},
    el("caption", {}, metric.name),
    el("thead", {}, el("tr", {}, el("th", {}, "Method"),
      ["n", "Mean", "SD", "Median", "Quartiles", "95 % of the mean"].map((head) => el("th", { class: "num" }, head)),
      ranked && el("th", { class: "num" }, "Mean rank"))),
    el("tbody", {}, METHODS.map((_, m) => {
      const cell = shown[m];
      if (!cell) return null;
      return el("tr", { class: m === best && METHODS.length > 1 ? "chosen" : null }, methodCell(m),
        el("td", { class: "num" }, fmt(cell.n)), el("td", { class: "num" }, format(cell.mean)),
        el("td", { class: "num" }, deviation(cell.sd)), el("td", { class: "num" }, format(cell.median)),
        el("td", { class: "num" }, cell.q1 === null ? "–" : `${format(cell.q1)} – ${format(cell.q3)}`),
        el("td", { class: "num" }, cell.low === null ? "–" : `${format(cell.low)} – ${format(cell.high)}`),
        ranked && el("td", { class: "num" }, cells[m].rank === null ? "–" : cells[m].rank.toFixed(2)));
    }))));
}

function testsTable() {
  const pairs = S.comparison.points[0].pairs;
  if (!pairs.length) return null;
  const places = new Map(METHODS.map((method, m) => [method.label, m]));
  return el("div", { class: "scroll" }, el("table", {},
    el("caption", {}, `Differences between methods in ${statisticName()}`),
    el("thead", {}, el("tr", {}, el("th", {}, "First"), el("th", {}, "Second"),
      ["n", "W", "p", "p (Holm)", "A"].map((head) => el("th", { class: "num" }, head)), el("th", {}, "In words"))),
    el("tbody", {}, pairs.map((pair) => {
      const decided = pair.p_holm !== null && pair.p_holm < 0.05;
      const better = pair.a12 > 0.5 ? pair.a : pair.b;
      return el("tr", { class: decided ? "chosen" : null }, methodCell(places.get(pair.a)), methodCell(places.get(pair.b)),
        el("td", { class: "num" }, `${pair.n_a}, ${pair.n_b}`), el("td", { class: "num" }, fmt(pair.w)),
        el("td", { class: "num" }, fmtP(pair.p)), el("td", { class: "num" }, fmtP(pair.p_holm)),
        el("td", { class: "num" }, pair.a12 === null ? "–" : pair.a12.toFixed(3)),
        el("td", {}, decided ? `${shortenMiddle(better, 34)} is better` : "no difference shown"));
    }))));
}

function differencesTable() {
  const list = S.comparison.differences;
  if (!list.length) return null;
  return [el("p", { class: "soft", style: "margin-top: 14px" },
    "Not the strategy alone differs between these methods: look at the settings below before reading a difference as the strategy's."),
  el("div", { class: "scroll" }, el("table", {}, el("caption", {}, "Settings that differ besides [strategy]"),
    el("thead", {}, el("tr", {}, el("th", {}, "Setting"), METHODS.map((method) => el("th", {}, method.label)))),
    el("tbody", {}, list.map(({ key, values }) => el("tr", {}, el("td", { class: "mono" }, key),
      METHODS.map((method) => el("td", {}, values[method.label] ?? "–")))))))];
}

function runsTable() {
  const format = columnFormat(RUNS.map((run) => run.values[0]));
  return el("details", { class: "card" }, el("summary", {}, `All ${RUNS.length} runs`),
    el("div", { class: "sideways" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Run"), el("th", {}, "Method"),
      el("th", {}, "State"), ["Seed", statisticName(), "Trials", "Failed", "Time"].map((head) => el("th", { class: "num" }, head)))),
    el("tbody", {}, RUNS.map((run, i) => el("tr", {}, el("td", {}, runName(i)),
      METHOD_OF[i] >= 0 ? methodCell(METHOD_OF[i]) : el("td", {}, "–"),
      el("td", {}, el("span", { class: `state ${run.state}` }, run.state), run.reason ? ` ${run.reason}` : ""),
      el("td", { class: "num" }, run.seed === null ? "–" : String(run.seed)), el("td", { class: "num" }, format(run.values[0])),
      el("td", { class: "num" }, fmt(run.trials)), el("td", { class: "num" }, fmt(run.failed)),
      el("td", { class: "num" }, fmtSeconds(run.seconds))))))));
}

function finalSection() {
  if (!S.comparison || RUNS.length < 2) return;
  const metrics = finalMetrics();
  section("results", "Final results", metrics.length ? finalPlot(metrics).element : empty("No run has found anything yet."),
    metrics.map(statisticsTable), testsTable(),
    el("p", { class: "soft small", style: "margin-top: 10px" },
      "n: runs with a value. 95 %: bootstrap interval of the mean. p: Mann-Whitney, two-sided; Holm: corrected over the pairs. A: the chance that a run of the first method is better than one of the second, ties half."),
    differencesTable(), runsTable());
}
