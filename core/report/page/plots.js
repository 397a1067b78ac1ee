// SPDX-License-Identifier: Apache-2.0
// The frame of every plot: title, controls, legend, canvas, "PNG" and "CSV", arrow keys; and what all
// charts have in common. A plot is drawn by Chart.js (`chart`) or paints itself (`paint`).
"use strict";

const PLOTS = new Map(); // by id, in the order of the page
const QUEUE = []; // plots that wait for their first drawing

// {id, title, about, height, controls: [{key, label, options | check}], chart(state) -> configuration,
//  paint(context, width, height, state), legend(state) -> [{group, colour}], rows(state) -> CSV,
//  choose(dataset, index), key: element}. A dataset's `group` is the legend's word for it.
class Plot {
  constructor(description) {
    Object.assign(this, description);
    this.height ||= 340;
    this.state = { hidden: new Set() };
    this.canvas = el("canvas", { tabindex: "0", role: "img",
      "aria-label": `${this.title}. The data can be saved as CSV.` });
    this.area = el("div", { class: "area" }, this.canvas);
    this.legendRow = el("div", { class: "legend" });
    this.tools = el("div", { class: "tools" }, (this.controls || []).map((control) => this.control(control)),
      this.key ? this.key() : null,
      el("span", { class: "save" },
        el("button", { type: "button", class: "quiet", "data-save": "png", onclick: () => savePng(this.id, this.picture()),
          "aria-label": `Save ${this.title} as PNG` }, "PNG"),
        this.rows && el("button", { type: "button", class: "quiet", "data-save": "csv",
          onclick: () => saveCsv(this.id, this.rows(this.state)), "aria-label": `Save the data of ${this.title} as CSV` }, "CSV")));
    this.caption = el("figcaption", {});
    this.element = el("figure", { class: "plot", id: this.id },
      el("div", { class: "top" }, el("h3", {}, this.title), this.tools), this.legendRow, this.area, this.caption);
    this.canvas.addEventListener("keydown", (event) => this.walk(event));
    if (this.paint)
      new ResizeObserver(() => { if (this.drawn && this.area.clientWidth !== this.width) this.redraw(); }).observe(this.area);
    PLOTS.set(this.id, this);
    QUEUE.push(this);
  }

  control({ key, label, options, check, value }) {
    this.state[key] = check ? Boolean(value) : value ?? options[0][0];
    if (check) {
      const box = el("input", { type: "checkbox", "data-key": key, checked: this.state[key],
        onchange: () => { this.state[key] = box.checked; this.redraw(); } });
      return el("label", {}, box, label);
    }
    const select = el("select", { "data-key": key, onchange: () => { this.state[key] = select.value; this.redraw(); } },
      options.map(([name, text]) => el("option", { value: name, selected: name === this.state[key] }, text || name)));
    return el("label", {}, label, select);
  }

  redraw() {
    this.drawn = true;
    this.area.style.height = `${typeof this.height === "function" ? this.height() : this.height}px`;
    this.caption.textContent = typeof this.about === "function" ? this.about(this.state) : this.about || "";
    if (this.key) this.tools.querySelector(".ramp")?.replaceWith(this.key());
    this.drawLegend();
    if (this.paint) {
      this.paintAll();
      return;
    }
    if (this.drawing) this.drawing.destroy();
    const config = this.chart(this.state);
    for (const dataset of config.data.datasets) {
      dataset.hidden ||= this.state.hidden.has(dataset.group);
      // Chart.js takes data that it need not parse for sorted: bounds and hits go by it.
      dataset.data.sort((a, b) => a.x - b.x);
    }
    if (this.choose)
      config.options.onClick = (event, active) => {
        if (active.length) this.choose(config.data.datasets[active[0].datasetIndex], active[0].index);
      };
    this.drawing = new Chart(this.canvas, config);
  }

  paintAll() {
    const scale = window.devicePixelRatio || 1, height = parseFloat(this.area.style.height);
    this.width = this.area.clientWidth;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(height * scale);
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    this.paint(context, this.width, height, this.state);
  }

  entries() {
    return this.legend ? this.legend(this.state) : [];
  }

  drawLegend() {
    const entries = this.entries();
    this.legendRow.hidden = entries.length === 0;
    this.legendRow.replaceChildren(...entries.map(({ group, colour: hue, text }) => {
      const swatch = el("span", { class: "swatch" });
      swatch.style.background = hue;
      return el("button", { type: "button", "aria-pressed": String(!this.state.hidden.has(group)), onclick: () => {
        if (!this.state.hidden.delete(group)) this.state.hidden.add(group);
        this.redraw();
      } }, swatch, text || group);
    }));
  }

  // Left and right go along the points of the first shown dataset that has some; Enter chooses one.
  walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const chart = this.drawing;
    if (!chart || (!step && event.key !== "Enter")) return;
    const place = chart.data.datasets.findIndex((set, i) => set.walk && chart.isDatasetVisible(i) && set.data.length);
    if (place < 0) return;
    event.preventDefault();
    const set = chart.data.datasets[place], count = set.data.length;
    if (!step) {
      if (this.choose && this.at !== undefined) this.choose(set, this.at);
      return;
    }
    this.at = this.at === undefined ? (step > 0 ? 0 : count - 1) : Math.max(0, Math.min(count - 1, this.at + step));
    const active = [{ datasetIndex: place, index: this.at }];
    const { x, y } = chart.getDatasetMeta(place).data[this.at].getProps(["x", "y"], true);
    chart.setActiveElements(active);
    chart.tooltip.setActiveElements(active, { x, y });
    chart.update("none");
    const tooltip = chart.tooltip;
    say([...(tooltip.title || []), ...(tooltip.body || []).flatMap((part) => part.lines)].join("; "));
  }

  // The plot with title and legend on the ground of the page.
  picture() {
    const scale = this.canvas.width / (parseFloat(this.canvas.style.width) || this.canvas.width);
    const out = document.createElement("canvas"), context = out.getContext("2d");
    const family = getComputedStyle(document.body).fontFamily, width = this.canvas.width / scale;
    const entries = this.entries().filter(({ group }) => !this.state.hidden.has(group));
    context.font = `12px ${family}`;
    let x = 12, y = 40;
    const places = entries.map((entry) => {
      const length = context.measureText(entry.text || entry.group).width + 42;
      if (x + length > width - 12 && x > 12) { x = 12; y += 20; }
      const place = { ...entry, x, y };
      x += length;
      return place;
    });
    const head = entries.length ? y + 14 : 34;
    out.width = this.canvas.width;
    out.height = this.canvas.height + Math.round(head * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = colour("card");
    context.fillRect(0, 0, width, out.height / scale);
    context.fillStyle = colour("ink");
    context.textBaseline = "middle";
    context.font = `600 14px ${family}`;
    context.fillText(this.title, 12, 18);
    context.font = `12px ${family}`;
    for (const place of places) {
      context.fillStyle = place.colour;
      context.fillRect(place.x, place.y - 1, 18, 3);
      context.fillStyle = colour("ink");
      context.fillText(place.text || place.group, place.x + 24, place.y);
    }
    context.drawImage(this.canvas, 0, head, width, this.canvas.height / scale);
    return out;
  }
}

function redrawAll() {
  colourDots();
  for (const plot of PLOTS.values()) if (plot.drawn && plot.element.isConnected) plot.redraw();
}

// ---- Charts -----------------------------------------------------------------------------------

// Ticks of a logarithmic axis: 1, 2 and 5, of wide ones the powers of ten.
function logTick(value) {
  const power = Math.floor(Math.log10(value) + 1e-9), lead = value / 10 ** power;
  const wide = this.max / this.min > 1e4;
  const shown = (wide ? [1] : [1, 2, 5]).some((one) => Math.abs(lead - one) < 1e-6);
  return shown ? fmt(value, 3) : null;
}

function axis(title, more = {}) {
  const log = more.type === "logarithmic";
  return {
    type: "linear", ...more,
    title: { display: Boolean(title), text: title, color: colour("soft"), font: { size: 12.5, weight: "normal" } },
    grid: { color: colour("line"), borderColor: colour("strong-line"), tickLength: 5, ...more.grid },
    ticks: { color: colour("soft"), maxRotation: 0, autoSkipPadding: 14, padding: 4,
      callback: log ? logTick : (value) => fmt(value, 6), ...more.ticks },
  };
}

function chartOptions({ x, y, tooltip = {}, interaction }) {
  return {
    animation: false, responsive: true, maintainAspectRatio: false, parsing: false, normalized: true,
    layout: { padding: { top: 6, right: 10 } },
    interaction: interaction || { mode: "nearest", intersect: true },
    scales: { x, y },
    plugins: {
      legend: { display: false },
      tooltip: { backgroundColor: colour("ink"), titleColor: colour("card"), bodyColor: colour("card"), padding: 9,
        cornerRadius: 6, displayColors: false, titleFont: { weight: "600" }, ...tooltip },
    },
  };
}

function beginCharts() {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  Chart.defaults.elements.line.borderJoinStyle = "round";
}

// A section of the page, with its place in the head's list.
function section(id, title, ...children) {
  const element = el("section", { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title), children);
  document.querySelector("nav").append(el("a", { href: `#${id}` }, title), "");
  document.getElementById("main").append(element);
  return element;
}

function empty(text) {
  return el("p", { class: "empty" }, text);
}
