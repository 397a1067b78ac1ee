// SPDX-License-Identifier: Apache-2.0
// Parallel coordinates of decisions: the ones that tell most of the objective, each trial a line through
// its values; a stretch of an axis can be marked, and lines that do not pass there fade.
"use strict";

const AXES_MOST = 10, LINES_SHOWN = 1500;

function eta(rows, decision, metric) {
  const groups = new Map();
  const numbers = decision.named ? null : rows.map((row) => decision.values[row]).filter((value) => value !== null).sort((a, b) => a - b);
  const bin = (value) => {
    if (decision.named || value === null) return value;
    let low = 0;
    for (let k = 1; k < 8; k++) if (value >= numbers[Math.floor((k * numbers.length) / 8)]) low = k;
    return low;
  };
  let sum = 0;
  for (const row of rows) {
    const key = bin(decision.values[row]), value = metric.values[row];
    const group = groups.get(key) || { n: 0, sum: 0 };
    group.n += 1;
    group.sum += value;
    sum += value;
    groups.set(key, group);
  }
  if (groups.size < 2) return -1;
  const mean = sum / rows.length;
  let between = 0, total = 0;
  for (const { n, sum: part } of groups.values()) between += n * (part / n - mean) ** 2;
  for (const row of rows) total += (metric.values[row] - mean) ** 2;
  // Corrected for the number of groups (epsilon squared, Kelley 1935): many values explain much by chance.
  const left = rows.length - groups.size;
  return total > 0 && left > 0 ? 1 - ((total - between) / left) / (total / (rows.length - 1)) : 0;
}

// Decisions by what they explain, best first; those that never vary are left out.
function rankedDecisions(rows, metric) {
  return T.decisions.map((decision) => ({ decision, explained: eta(rows, decision, metric) }))
    .filter(({ explained }) => explained > -1).sort((a, b) => b.explained - a.explained);
}

function makeAxes(rows, metric, ranked) {
  const axes = ranked.slice(0, AXES_MOST).map(({ decision, explained }) => ({
    title: decision.path, explained, named: decision.named, values: decision.values, names: decision.names, log: decision.log,
    unset: rows.some((row) => decision.values[row] === null) }));
  axes.push({ title: metric.name, named: false, values: metric.values, objective: true });
  for (const one of axes) {
    if (one.named) {
      one.names = one.names.map((name, i) => [name, i]).filter(([, i]) => rows.some((row) => one.values[row] === i));
      one.room = Math.min(0.05, 0.35 / one.names.length);
      one.place = new Map(one.names.map(([, i], k) => [i, one.names.length > 1 ? k / (one.names.length - 1) : 0.5]));
    } else {
      const values = rows.map((row) => one.values[row]).filter((value) => value !== null);
      one.low = values.reduce((a, b) => Math.min(a, b), Infinity);
      one.high = values.reduce((a, b) => Math.max(a, b), -Infinity);
      if (one.log && one.low <= 0) one.log = false;
    }
  }
  return axes;
}

// 0 at the bottom, 1 at the top; below the bottom where the decision was not taken.
function shareOn(one, row) {
  const value = one.values[row];
  if (value === null) return -0.08;
  if (one.named) return one.place.get(value);
  if (one.high === one.low) return 0.5;
  return one.log ? Math.log(value / one.low) / Math.log(one.high / one.low) : (value - one.low) / (one.high - one.low);
}

// Options are spread a little, so that many lines through one show how many they are.
function spread(one, row) {
  return one.named ? (((row * 0.61803 + one.title.length * 0.37) % 1) - 0.5) * one.room : 0;
}

function passes(axes, row) {
  return axes.every((one) => !one.brush || (shareOn(one, row) >= one.brush[0] && shareOn(one, row) <= one.brush[1]));
}

function haloText(context, text, x, y, hue) {
  context.strokeStyle = colour("card");
  context.lineWidth = 4;
  context.strokeText(text, x, y);
  context.fillStyle = hue;
  context.fillText(text, x, y);
}

function paintAxes(context, axes, place, narrow) {
  const ink = colour("ink"), soft = colour("soft");
  axes.forEach((one, k) => {
    const x = place.x(k), last = k === axes.length - 1;
    context.strokeStyle = colour("strong-line");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, place.y(0));
    context.lineTo(x, place.y(1));
    context.stroke();
    if (one.brush) {
      context.fillStyle = withAlpha(methodColour(0), 0.25);
      context.fillRect(x - 6, place.y(one.brush[1]), 12, place.y(one.brush[0]) - place.y(one.brush[1]));
    }
    context.lineJoin = "round";
    context.textBaseline = "middle";
    context.textAlign = last ? "right" : "left";
    const at = last ? x - 6 : x + 6, length = narrow ? 9 : 14;
    if (one.named)
      for (const [name, i] of one.names.slice(0, 14)) haloText(context, shorten(name, length), at, place.y(one.place.get(i)), soft);
    else
      for (const [value, share] of [[one.low, 0], [one.high, 1]]) haloText(context, fmt(value, 3), at, place.y(share), soft);
    if (one.unset) haloText(context, "not taken", at, place.y(-0.08), colour("faint"));
    // Titles stand in two rows, so that neighbours do not meet.
    const parts = one.title.split("/"), title = shorten(one.objective ? one.title : parts.slice(-2).join("/"), narrow ? 16 : 22);
    context.textAlign = k === 0 ? "left" : last ? "right" : "center";
    context.font = `600 ${context.font.replace(/^(600 )?/, "")}`;
    haloText(context, title, k === 0 ? Math.max(2, x - 20) : last ? x + 20 : x, k % 2 ? 14 : 32, ink);
    context.font = context.font.replace(/^(600|bold) /, "");
  });
}

function parallelSection() {
  const metric = METRIC.get(OBJECTIVES[0].metric), rows = BEST_ROWS;
  const ranked = rows.length > 2 ? rankedDecisions(rows, metric) : [];
  if (!ranked.length) {
    section("decisions", "Decisions", empty(T.decisions.length
      ? "Decisions can be compared once three trials have ended with a result." : "No trial has decisions to show."));
    return;
  }
  const axes = makeAxes(rows, metric, ranked);
  // Best last, so that they lie on top.
  const shown = rows.length > LINES_SHOWN ? [...rows.slice(0, LINES_SHOWN / 3), ...thinned(rows.slice(LINES_SHOWN / 3), (2 * LINES_SHOWN) / 3)] : rows;
  const share = new Map(rows.map((row, i) => [row, rows.length > 1 ? i / (rows.length - 1) : 0]));
  let place = null;
  const clear = el("button", { type: "button", disabled: true, onclick: () => { for (const one of axes) delete one.brush; clear.disabled = true; plot.redraw(); } }, "Clear marks");
  const paint = (context, width, height) => {
    const narrow = width / axes.length < 100;
    place = { x: (k) => 26 + (k * (width - 52)) / (axes.length - 1), y: (at) => height - 46 - at * (height - 106) };
    context.clearRect(0, 0, width, height);
    context.lineWidth = shown.length > 400 ? 0.8 : 1.1;
    const strength = shown.length > 400 ? 0.3 : shown.length > 80 ? 0.5 : 0.75;
    for (const faded of [true, false])
      for (let i = shown.length - 1; i >= 0; i--) {
        const row = shown[i];
        if (passes(axes, row) === faded) continue;
        context.strokeStyle = faded ? withAlpha(isDark() ? "#8a95a2" : "#707a87", 0.08) : rankColour(share.get(row), i < 10 ? 0.95 : strength);
        context.beginPath();
        axes.forEach((one, k) => context[k ? "lineTo" : "moveTo"](place.x(k), place.y(shareOn(one, row) + (one.values[row] === null ? 0 : spread(one, row)))));
        context.stroke();
      }
    paintAxes(context, axes, place, narrow);
  };
  const left = ranked.length - Math.min(ranked.length, AXES_MOST);
  const plot = new Plot({
    id: "parallel", title: "Decisions and their result", height: 420, paint,
    about: `Axes from the left: the ${Math.min(ranked.length, AXES_MOST)} decisions that explain most of the variance of ${metric.name} taken alone (ε²)${left ? `; ${fmt(left)} more explain less` : ""}. `
      + (shown.length < rows.length ? `${fmt(shown.length)} of ${fmt(rows.length)} trials are drawn, the best among them. ` : "")
      + "Drag along an axis to mark a stretch of it.",
    key: () => rankRamp("best", "worst"),
    rows: () => [["run", "trial", ...axes.map((one) => one.title)], ...rows.map((row) => [runName(T.run[row]), T.trial[row],
      ...axes.map((one) => (one.named ? T.decisions.find((decision) => decision.path === one.title).names[one.values[row]] : one.values[row]))])],
  });
  plot.tools.prepend(clear);
  const wide = el("div", { class: "sideways" });
  plot.area.replaceWith(wide);
  wide.append(plot.area);
  plot.area.style.minWidth = `${Math.min(900, 90 * axes.length)}px`;
  brush(plot, axes, () => place, clear);
  section("decisions", "Decisions", plot.element, importanceTable(ranked, metric));
}

// Dragging along an axis marks a stretch of it; a click takes it away.
function brush(plot, axes, place, clear) {
  let drag = null;
  const at = (event) => {
    const box = plot.canvas.getBoundingClientRect(), p = place();
    const bottom = p.y(0), top = p.y(1);
    return { x: event.clientX - box.left, share: (bottom - (event.clientY - box.top)) / (bottom - top) };
  };
  plot.canvas.addEventListener("pointerdown", (event) => {
    const { x, share } = at(event), nearest = axes.map((_, k) => Math.abs(place().x(k) - x));
    const k = nearest.indexOf(Math.min(...nearest));
    if (nearest[k] > 16 || event.pointerType === "touch") return;
    drag = { one: axes[k], from: share };
    plot.canvas.setPointerCapture(event.pointerId);
  });
  plot.canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const { share } = at(event);
    drag.one.brush = [Math.min(drag.from, share), Math.max(drag.from, share)];
    plot.redraw();
  });
  plot.canvas.addEventListener("pointerup", () => {
    if (!drag) return;
    if (!drag.one.brush || drag.one.brush[1] - drag.one.brush[0] < 0.02) delete drag.one.brush;
    drag = null;
    clear.disabled = !axes.some((one) => one.brush);
    plot.redraw();
  });
}

function importanceTable(ranked, metric) {
  return el("details", { class: "card" }, el("summary", {}, `What each decision explains of ${metric.name}`),
    el("div", { class: "sideways" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Decision"), el("th", {}, "Kind"), el("th", { class: "num" }, "ε²"))),
      el("tbody", {}, ranked.slice(0, 100).map(({ decision, explained }) => el("tr", {}, el("td", { class: "mono" }, decision.path),
        el("td", {}, decision.kind), el("td", { class: "num" }, explained.toFixed(3))))))),
    el("p", { class: "inside soft small" }, "Each decision taken alone, over the trials that the search chose to make: what it explains is no proof of a cause. Below 0 is less than chance."));
}
