// SPDX-License-Identifier: Apache-2.0
// One trial, opened over the page: what became of it, metrics, curve, decisions, where it comes from.
"use strict";

function factsTable(pairs) {
  return el("table", {}, el("tbody", {}, pairs.map(([name, value]) => el("tr", {}, el("td", { class: "soft" }, name), el("td", {}, value)))));
}

function trialMetrics(row) {
  const known = T.metrics.filter((metric) => metric.values[row] !== null);
  if (!known.length) return el("p", { class: "soft" }, "It has no metrics.");
  const wanted = OBJECTIVES.map((objective) => objective.metric);
  return el("table", {}, el("tbody", {}, known.map((metric) => el("tr", {},
    el("td", { class: "soft" }, metric.name), el("td", { class: "num" }, fmt(metric.values[row], 6)), el("td", { class: "soft" }, metric.unit),
    el("td", { class: "soft small" }, [wanted.includes(metric.name) ? "objective" : "", metric.report ? "not seen by the search" : "", metric.measured ? "measured" : ""].filter(Boolean).join(", "))))));
}

function trialCurve(row) {
  const curve = CURVE_OF.get(row);
  if (!curve) return null;
  const names = D.learning.metrics.filter((name) => curvePoints(curve, name).length);
  PLOTS.delete("trial-curve");
  const plot = new Plot({
    id: "trial-curve", title: "Learning curve", height: 230,
    controls: [{ key: "metric", label: "metric", options: names.map((name) => [name]), value: curveMetric() }],
    chart: (state) => {
      const points = curvePoints(curve, state.metric);
      return { type: "line", data: { datasets: [{ data: points, walk: true, borderColor: methodColour(0), borderWidth: 2, pointRadius: points.length > 30 ? 0 : 3, pointBackgroundColor: methodColour(0), pointHitRadius: 6 }] },
        options: chartOptions({ x: axis(stepTitle(), wholeSteps() ? { ticks: { precision: 0 } } : {}), y: axis(axisTitle(state.metric)), interaction: { mode: "nearest", intersect: false },
          tooltip: { callbacks: { title: ([item]) => item && `${stepTitle()} ${fmt(item.raw.x)}`, label: ({ raw }) => `${state.metric} ${fmt(raw.y, 5)}` } } }) };
    },
    rows: () => [["step", ...D.learning.metrics], ...curve.steps.map((step, i) => [step, ...curve.values.map((values) => values[i])])],
  });
  QUEUE.splice(QUEUE.indexOf(plot), 1);
  return plot;
}

function trialLink(row, number) {
  const target = number === null ? undefined : ROW_OF.get(`${T.run[row]}/${number}`);
  if (target === undefined) return number === null ? null : `trial ${number}`;
  return el("button", { type: "button", class: "link", onclick: () => openTrial(target) }, `trial ${number}`);
}

function provenance(row) {
  const method = METHODS[methodOfRow(row)], folder = RUNS[T.run[row]] ? RUNS[T.run[row]].source : "";
  return factsTable([
    ["Run", runName(T.run[row])], ["Method", method ? method.label : "–"], ["Hash", el("span", { class: "mono" }, T.hash[row])],
    ...T.fidelities.filter(({ values }) => values[row] !== null).map(({ name, values }) => [`Fidelity: ${name}`, fmt(values[row])]),
    ["Weights", T.mode[row] === "fresh" ? "fresh" : [`${T.mode[row] === "continue" ? "continued from" : "inherited from"} `, trialLink(row, T.parent[row])]],
    ["Lineage begins with", trialLink(row, T.lineage[row])],
    ["Evaluated in", `${fmtSeconds(T.seconds[row])}${T.attempt[row] ? `, attempt ${T.attempt[row] + 1}` : ""}`],
    ["Told", T.told[row] === null ? "not told" : `${fmtSeconds(T.elapsed[row])} into the run`],
    ["At the terminal", el("code", {}, `espalier show ${folder} ${T.trial[row]}`)],
  ]);
}

function openTrial(row, list) {
  const dialog = document.getElementById("trial"), place = list ? list.indexOf(row) : -1;
  const drawn = (D.drawings || []).find((one) => one.row === row && one.svg), curve = trialCurve(row);
  const go = (step, text) => el("button", { type: "button", class: "quiet", disabled: place < 0 || list[place + step] === undefined,
    onclick: () => openTrial(list[place + step], list) }, text);
  const decisions = decisionsOf(row);
  const figure = drawn ? el("div", { class: "drawing" }, safeSvg(drawn.svg)) : null;
  dialog.replaceChildren(
    el("div", { class: "head" }, el("h2", { id: "trial-title" }, trialName(row)), el("span", { class: `state ${T.state[row]}` }, T.state[row]),
      list && go(-1, "Previous"), list && go(1, "Next"), el("button", { type: "button", autofocus: true, onclick: () => dialog.close(), "aria-label": "Close" }, "Close")),
    el("div", { class: "body" },
      T.errors[row] && el("div", { class: "error-text" }, T.errors[row]),
      el("h3", {}, "Metrics"), trialMetrics(row),
      curve && curve.element,
      figure && [el("h3", {}, "Drawing"), figure],
      el("h3", {}, `Decisions (${decisions.length})`),
      decisions.length ? factsTable(decisions.map(([path, value]) => [el("span", { class: "mono" }, path), value])) : el("p", { class: "soft" }, "It has none."),
      el("h3", {}, "Provenance"), provenance(row)));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  if (curve) curve.redraw();
}

function beginDialog() {
  const dialog = document.getElementById("trial");
  // A click beside it closes it.
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}
