// SPDX-License-Identifier: Apache-2.0
// Rank correlations as a square of numbers and colours: between metrics, fidelities, training steps.
"use strict";

function correlationPlot(correlation, i) {
  const { names, n, title, about } = correlation, count = names.length;
  const place = (width) => {
    const head = Math.min(150, width * 0.34), cell = Math.min(96, (width - head - 8) / count);
    // Names stand upright where they are wider than cells.
    return { head, cell, top: names.every((name) => name.length * 7 < cell) ? 30 : 120, height: Math.min(40, Math.max(24, cell)) };
  };
  const kinds = { spearman: "Spearman's ρ", kendall: "Kendall's τ-b" };
  const plot = new Plot({
    id: `correlation-${i}`, title,
    height: () => {
      const { top, height } = place(plot.area.clientWidth || 560);
      return top + 10 + count * height;
    },
    about: `Rank correlation ${about}. Blue: the orders agree; orange: they are opposite. – : fewer than three values, or a constant.`,
    controls: [{ key: "kind", label: "", options: Object.entries(kinds) }],
    paint: (context, width, height, state) => {
      const { head, cell, top, height: row } = place(width), values = correlation[state.kind];
      context.clearRect(0, 0, width, height);
      context.textBaseline = "middle";
      names.forEach((name, a) => {
        const y = top + a * row;
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
          if (cell > 19) context.fillText(cell < 30 ? text.replace("0.", ".") : text, x + cell / 2, y + row / 2);
        });
        context.save();
        context.translate(head + a * cell + cell / 2, top - 7);
        context.textAlign = "left";
        context.fillStyle = colour("ink");
        const flat = top < 100;
        if (flat) context.textAlign = "center";
        else context.rotate(-Math.PI / 2);
        context.fillText(shorten(name, flat ? 14 : 16), 0, 0);
        context.restore();
      });
    },
    rows: () => [["a", "b", "n", "spearman", "kendall"], ...names.flatMap((a, x) => names.slice(x + 1).map((b, y) =>
      [a, b, n[x][x + 1 + y], correlation.spearman[x][x + 1 + y], correlation.kendall[x][x + 1 + y]]))],
  });
  const tip = el("div", { class: "tip", hidden: true });
  plot.area.append(tip);
  plot.canvas.addEventListener("pointermove", (event) => {
    const box = plot.canvas.getBoundingClientRect(), { head, cell, top, height } = place(plot.width);
    const a = Math.floor((event.clientY - box.top - top) / height), b = Math.floor((event.clientX - box.left - head) / cell);
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
