// SPDX-License-Identifier: Apache-2.0
// What was searched, what was found, how long it took, and how to repeat it.
"use strict";

function distinct(values) {
  return [...new Set(values.filter((value) => value !== null && value !== undefined && value !== ""))];
}

function fact(name, value, more) {
  return el("div", { class: "card fact" }, el("div", { class: "name" }, name), el("div", { class: "value" }, value), more && el("div", { class: "more" }, more));
}

// The run whose end is best, and its value.
function bestRun() {
  return RUNS.reduce((best, run, i) => {
    const value = run.values[0];
    if (value === null) return best;
    return best === null || (MAXIMIZE ? value > best.value : value < best.value) ? { run: i, value } : best;
  }, null);
}

function bestFact() {
  const best = bestRun();
  if (!best) return fact(`Best ${statisticName()}`, "–", "no trial ended with a result");
  const row = ROW_OF.get(`${best.run}/${RUNS[best.run].best}`);
  const where = RUNS.length > 1 ? shortenMiddle(runName(best.run), 40) : `trial ${RUNS[best.run].best}`;
  return fact(`Best ${statisticName()}`, fmt(best.value, 5), row === undefined || OBJECTIVES.length > 1 ? where
    : el("button", { type: "button", class: "link", onclick: () => openTrial(row) }, RUNS.length > 1 ? `${where}, trial ${RUNS[best.run].best}` : where));
}

// The test metric of the architecture that was chosen on validation alone.
function testFact() {
  const best = bestRun();
  const tests = (S.tests || []).filter((test) => test.values.some((value) => value !== null));
  const test = tests.find(({ metric }) => /^test_.*accuracy/.test(metric)) || tests.find(({ metric }) => metric.startsWith("test_")) || tests[0];
  if (!best || !test) return null;
  const trainings = S.finals.filter((final) => final.run === best.run && final.trial === RUNS[best.run].best && final.state === "done");
  const value = test.values[best.run];
  if (value === null) return null;
  let more = "of the chosen architecture, never searched for";
  if (trainings.length > 1) {
    const values = trainings.map((final) => final.metrics[test.metric]).filter(Number.isFinite), mean = values.reduce((a, b) => a + b, 0) / values.length;
    const sd = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (values.length - 1));
    more = `mean of ${values.length} final trainings, SD ${fmt(sd, 2)}`;
  } else if (trainings.length === 1) more = "after its final training";
  return fact(axisTitle(test.metric), fmt(value, 5), more);
}

function facts() {
  const trials = RUNS.reduce((sum, run) => sum + run.trials, 0), failed = RUNS.reduce((sum, run) => sum + run.failed, 0);
  const seconds = RUNS.reduce((sum, run) => sum + run.seconds, 0);
  const costs = RUNS.map((run) => run.cost).filter((cost) => cost !== null);
  const done = RUNS.filter((run) => run.state === "done").length;
  return el("div", { class: "facts" }, RUNS.length ? bestFact() : null, RUNS.length ? testFact() : null,
    RUNS.length > 1 && fact("Runs", fmt(RUNS.length), done === RUNS.length ? "all done" : `${fmt(done)} done`),
    RUNS.length > 1 && fact("Methods", fmt(METHODS.length)),
    fact("Trials", fmt(RUNS.length ? trials : T.count), failed ? `${fmt(failed)} failed` : "none failed"),
    seconds > 0 && fact(RUNS.length > 1 ? "Time of all runs" : "Time", fmtSeconds(seconds), RUNS.length === 1 ? RUNS[0].state + (RUNS[0].reason ? `: ${RUNS[0].reason}` : "") : null),
    costs.length > 0 && fact(RUNS.length > 1 ? "Cost of all runs" : "Cost", fmt(costs.reduce((a, b) => a + b, 0)), METRIC.get("cost")?.unit || null));
}

function budgetText(budget) {
  return Object.entries(budget).filter(([, value]) => value !== null && value !== "0" && value !== "0s").map(([key, value]) => `${key} = ${value}`).join(", ");
}

function searched() {
  const names = (key) => distinct(METHODS.map((method) => method[key])).join(", ");
  const pairs = [
    ["Objective", OBJECTIVES.map(({ metric, maximize }) => `${maximize ? "maximize" : "minimize"} ${metric}`).join("; ")],
    ["Hypervolume up to", OBJECTIVES.length > 1 && S.comparison ? S.comparison.objectives.map(({ metric, reference }) => `${metric} = ${fmt(reference)}`).join(", ") : ""],
    ["Space", S.space], ["Strategy", names("strategy")], ["Estimator", names("estimator")], ["Dataset", names("dataset")], ["Engine", names("engine")],
    ["Budget", distinct(METHODS.map((method) => budgetText(method.budget))).join("; ")],
    ["Seeds", RUNS.length === 1 && RUNS[0].seed !== null ? String(RUNS[0].seed) : RUNS.length > 1 ? plural(new Set(RUNS.map((run) => run.seed)).size, "seed") : ""],
    ["Methods", METHODS.length > 1 ? METHODS.map((method) => method.label).join(" · ") : ""],
  ].filter(([, value]) => value);
  return el("dl", { class: "pairs card" }, pairs.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function pluginsTable(plugins) {
  return el("div", { class: "sideways" }, el("table", {}, el("thead", {}, el("tr", {}, ["Kind", "Plugin", "Version", "SHA-256"].map((head) => el("th", {}, head)))),
    el("tbody", {}, plugins.map((plugin) => el("tr", {}, el("td", {}, String(plugin.kind)), el("td", {}, plugin.id), el("td", {}, plugin.version),
      el("td", { class: "mono" }, plugin.sha256))))));
}

function origin(method) {
  const made = method.provenance || {};
  const pairs = [["Program", made.espalier ? `espalier ${made.espalier}` : null], ["Started", made.started], ["Machine", [made.system, made.release, made.instruction_set].filter(Boolean).join(", ")],
    ["Data (SHA-256)", method.data_sha256]].filter(([, value]) => value);
  return [
    el("p", { style: "margin-top: 12px" }, "Save the configuration below as search.ini and run ", el("code", {}, "espalier run search.ini"),
      ". With the same plugins, engine and instruction set the same trials come out, with any number of workers."),
    el("div", { class: "tools", style: "margin-bottom: 8px" }, el("button", { type: "button", onclick: () => save("search.ini", new Blob([method.config], { type: "text/plain" })) }, "Save search.ini")),
    el("pre", { tabindex: "0", "aria-label": "The configuration as resolved" }, method.config),
    el("h3", { style: "margin: 16px 0 6px" }, "Plugins"), pluginsTable(method.plugins || []),
    el("h3", { style: "margin: 16px 0 6px" }, "Made by"), factsTable(pairs),
  ];
}

function repeatCard() {
  const known = METHODS.filter((method) => method.config);
  if (!known.length) return null;
  const place = el("div", {}, origin(known[0]));
  const choice = known.length > 1 ? el("label", { style: "margin-top: 4px" }, "Method", el("select", { onchange: (event) => place.replaceChildren(...origin(known[event.target.value]).flat()) },
    known.map((method, i) => el("option", { value: String(i) }, method.label)))) : null;
  return el("details", { class: "card", id: "repeat" }, el("summary", {}, "How to repeat it: configuration as resolved, plugins, versions"),
    el("div", { class: "inside" }, choice, place));
}

function summarySection() {
  const kind = METHODS.length > 1 ? `${plural(METHODS.length, "method")}, ${plural(RUNS.length, "run")}` : plural(RUNS.length || 1, "run");
  const main = document.getElementById("main");
  main.append(el("h1", {}, S.title), el("p", { class: "soft" }, `${kind} ${S.space ? `on the space ${S.space}` : "from a CSV"}. Written ${S.made}.`));
  if (D.notes.length) main.append(el("ul", { class: "notes" }, D.notes.map(({ level, text }) => el("li", { class: level }, text))));
  const element = section("summary", "Summary", facts(), searched(), finalsTable(), repeatCard());
  element.querySelector("h2").style.marginTop = "22px";
}

// The trainings of chosen architectures on all training data.
function finalsTable() {
  if (!S.finals.length || S.finals.length > 60) return null;
  const names = distinct(S.finals.flatMap((final) => Object.keys(final.metrics || {}))).filter((name) => S.finals.some((final) => Number.isFinite((final.metrics || {})[name]))).slice(0, 5);
  const formats = names.map((name) => columnFormat(S.finals.map((final) => (final.metrics || {})[name] ?? null)));
  return el("div", { class: "scroll" }, el("table", {}, el("caption", {}, "Final trainings"),
    el("thead", {}, el("tr", {}, RUNS.length > 1 && el("th", {}, "Run"), el("th", { class: "num" }, "Trial"), el("th", {}, "State"), names.map((name) => el("th", { class: "num" }, name)), el("th", { class: "num" }, "Time"))),
    el("tbody", {}, S.finals.map((final) => el("tr", {}, RUNS.length > 1 && el("td", {}, runName(final.run)), el("td", { class: "num" }, String(final.trial)),
      el("td", {}, el("span", { class: `state ${final.state}` }, final.state), final.error ? ` ${final.error}` : ""),
      names.map((name, i) => el("td", { class: "num" }, formats[i]((final.metrics || {})[name] ?? null))), el("td", { class: "num" }, fmtSeconds(final.seconds)))))));
}
