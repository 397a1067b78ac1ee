// SPDX-License-Identifier: Apache-2.0
// Rank correlations as a square of numbers and colours: between metrics, fidelities, training steps.
"use strict";

function correlationPlot(correlation, i) {
  const { names, n, title, about } = correlation, count = names.length;
  const place = (width) => {
    const head = Math.min(150, width * 0.34), cell = Math.min(96, (width - head - 8) / count);
    return { head, cell, height: Math.min(40, Math.max(22, cell)) };
  };
  const kinds = { spearman: "Spearman's ρ", kendall: "Kendall's τ-b" };
  const plot = new Plot({
    id: `correlation-${i}`, title,
    height: () => 66 + count * place(plot.area.clientWidth || 560).height,
    about: `Rank correlation ${about}. Blue: the orders agree; orange: they are opposite. – : fewer than three values, or a constant.`,
    controls: [{ key: "kind", label: "", options: Object.entries(kinds) }],
    paint: (context, width, height, state) => {
      const { head, cell, height: row } = place(width), values = correlation[state.kind];
      context.clearRect(0, 0, width, height);
      context.textBaseline = "middle";
      names.forEach((name, a) => {
        const y = 56 + a * row;
        context.textAlign = "right";
        context.fillStyle = colour("ink");
        context.fillText(shorten(name, Math.floor(head / 7)), head - 8, y + row / 2);
        names.forEach((_, b) => {
          const value = values[a][b], x = head + b * cell;
          const [r, g, bl] = value === null ? [0, 0, 0] : signedColour(value);
          context.fillStyle = value === null ? colour("ground") : `rgb(${r}, ${g}, ${bl})`;
          context.fillRect(x + 1, y + 1, cell - 2, row - 2);
          const light = 0.299 * r + 0.587 * g + 0.114 * bl > 140;
          context.fillStyle = value === null ? colour("faint") : light ? "#1a1f26" : "#ffffff";
          context.textAlign = "center";
          const text = value === null ? "–" : value.toFixed(cell < 40 ? 1 : 2);
          if (cell > 19) context.fillText(text, x + cell / 2, y + row / 2);
        });
        context.save();
        context.translate(head + a * cell + cell / 2, 50);
        context.textAlign = "left";
        context.fillStyle = colour("ink");
        const flat = names.every((other) => context.measureText(shorten(other, 14)).width < cell - 6);
        if (!flat) context.rotate(-0.5);
        else context.textAlign = "center";
        context.fillText(shorten(name, 14), 0, 0);
        context.restore();
      });
    },
    rows: () => [["a", "b", "n", "spearman", "kendall"], ...names.flatMap((a, x) => names.slice(x + 1).map((b, y) =>
      [a, b, n[x][x + 1 + y], correlation.spearman[x][x + 1 + y], correlation.kendall[x][x + 1 + y]]))],
  });
  const tip = el("div", { class: "tip", hidden: true });
  plot.area.append(tip);
  plot.canvas.addEventListener("pointermove", (event) => {
    const box = plot.canvas.getBoundingClientRect(), { head, cell, height } = place(plot.width);
    const a = Math.floor((event.clientY - box.top - 56) / height), b = Math.floor((event.clientX - box.left - head) / cell);
    tip.hidden = !(a >= 0 && a < count && b >= 0 && b < count);
    if (tip.hidden) return;
    tip.textContent = `${names[a]} and ${names[b]}\n${kinds[plot.state.kind]} = ${fmt(correlation[plot.state.kind][a][b])}, n = ${fmt(n[a][b])}`;
    tip.style.left = `${Math.min(event.clientX - box.left + 12, plot.width - tip.offsetWidth - 4)}px`;
    tip.style.top = `${event.clientY - box.top + 14}px`;
  });
  plot.canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  return plot.element;
}

function correlationSection() {
  const list = D.learning.correlations;
  section("correlations", "Rank correlations", list.length
    ? el("div", { class: "two" }, list.map(correlationPlot))
    : empty("A rank correlation needs two metrics, or two fidelities of the same architectures, in at least three finished trials."));
}
