// SPDX-License-Identifier: Apache-2.0
// Learning curves, coloured by how their trials ended; those that were stopped early are marked.
"use strict";

function stepTitle() {
  return METHODS.every((method) => !method.estimator || method.estimator === "train") ? "Epochs" : "Steps, as the estimator counts them";
}

function wholeSteps() {
  return D.learning.curves.every(({ steps }) => steps.every(Number.isInteger));
}

// The metric of a curve that is looked at first: the objective, else what it names first.
function curveMetric() {
  const names = D.learning.metrics, wanted = OBJECTIVES.map((objective) => objective.metric);
  return wanted.find((name) => names.includes(name)) || names[0];
}

// share of the rank: 0 = best. Trials without a result come last.
function rankShares() {
  const rows = BEST_ROWS.filter((row) => CURVE_OF.has(row)), shares = new Map();
  rows.forEach((row, i) => shares.set(row, rows.length > 1 ? i / (rows.length - 1) : 0));
  return shares;
}

function curvePoints(curve, metric) {
  const place = D.learning.metrics.indexOf(metric);
  return curve.steps.map((x, i) => ({ x, y: curve.values[place][i], row: curve.row })).filter(({ y }) => y !== null);
}

// Where a stopped or failed one ends.
function endMarks(points, row) {
  const stopped = T.state[row] !== "done";
  return points.map((_, i) => (stopped && i === points.length - 1 ? 5.5 : points.length === 1 ? 3 : 0));
}

function curvesSection() {
  const { curves, metrics, left_out: leftOut } = D.learning;
  if (!curves.length || !metrics.length) {
    section("curves", "Learning curves", empty("There is no learning curve to show: estimators that train report one, which stays under artifacts/ unless [run] keep = none."));
    return;
  }
  const shares = rankShares();
  const order = curves.map((curve) => curve.row).sort((a, b) => (shares.get(b) ?? 2) - (shares.get(a) ?? 2));
  const stopped = order.filter((row) => T.state[row] !== "done").length;
  const plot = new Plot({
    id: "curves", title: "Learning curves by final rank", height: 380,
    about: `${plural(curves.length, "curve")}${leftOut ? ` of ${fmt(curves.length + leftOut)}: half of them the best, the others spread evenly` : ""}. `
      + (stopped ? `Dashed with a cross at their end: ${plural(stopped, "trial")} stopped, failed or still running.` : "Colour: the rank of the trial's result.")
      + " Click a curve to open its trial.",
    key: () => rankRamp("best", "worst"),
    controls: [
      ...(metrics.length > 1 ? [{ key: "metric", label: "metric", options: metrics.map((name) => [name]), value: curveMetric() }] : []),
      { key: "logy", label: "log y", check: true },
    ],
    chart: (state) => {
      const metric = state.metric || metrics[0];
      const sets = order.map((row) => {
        const points = curvePoints(CURVE_OF.get(row), metric).filter(({ y }) => !state.logy || y > 0);
        const share = shares.get(row), hue = share === undefined ? colour("faint") : rankColour(share, 0.35 + 0.6 * (1 - share));
        const done = T.state[row] === "done";
        return { data: points, row, walk: share === 0, borderColor: hue, borderWidth: share === 0 ? 2.6 : 1.4, borderDash: done ? [] : [4, 3],
          pointStyle: done ? "circle" : "crossRot", pointRadius: endMarks(points, row), pointHitRadius: 5, pointHoverRadius: 5,
          pointBackgroundColor: hue, pointBorderColor: hue, pointBorderWidth: done ? 1 : 2 };
      });
      return { type: "line", data: { datasets: sets }, options: chartOptions({
        x: axis(stepTitle(), wholeSteps() ? { ticks: { precision: 0 } } : {}), y: axis(axisTitle(metric), { type: state.logy ? "logarithmic" : "linear" }),
        interaction: { mode: "nearest", intersect: false, axis: "xy" },
        tooltip: { callbacks: {
          title: ([item]) => item && trialName(item.raw.row),
          label: ({ raw }) => [`${metric} ${fmt(raw.y, 5)} at ${fmt(raw.x)}`, T.state[raw.row]
            + (shares.has(raw.row) ? `, rank ${BEST_ROWS.indexOf(raw.row) + 1} of ${fmt(BEST_ROWS.length)}` : "")],
        } },
      }) };
    },
    choose: (dataset) => openTrial(dataset.row),
    rows: () => [["run", "trial", "state", "step", ...metrics],
      ...curves.flatMap((curve) => curve.steps.map((step, i) =>
        [runName(T.run[curve.row]), T.trial[curve.row], T.state[curve.row], step, ...curve.values.map((values) => values[i])]))],
  });
  section("curves", "Learning curves", plot.element);
}
