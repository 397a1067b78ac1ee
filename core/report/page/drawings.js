// SPDX-License-Identifier: Apache-2.0
// The best architectures as drawings that Graphviz laid out when the page was written; without it in
// words.
"use strict";

// The drawing without anything that acts or points elsewhere.
function safeSvg(text) {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (parsed.nodeName !== "svg") return null;
  for (const element of [...parsed.querySelectorAll("*"), parsed]) {
    if (/^(script|foreignObject|image|use|style|animate|set)$/i.test(element.localName)) {
      element.remove();
      continue;
    }
    for (const { name } of [...element.attributes])
      if (/^on/i.test(name) || /href$/i.test(name) || name === "id") element.removeAttribute(name);
    if (element.localName === "a") element.replaceWith(...element.childNodes);
  }
  // Graphviz paints the ground white first.
  const ground = parsed.querySelector("g > polygon[stroke='transparent'], g > polygon[stroke='none']");
  if (ground) ground.remove();
  return document.importNode(parsed, true);
}

// With the colours that the page gives it, which a file of its own would not have.
function standaloneSvg(svg) {
  const copy = svg.cloneNode(true), from = [svg, ...svg.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((element, i) => {
    const style = getComputedStyle(from[i]);
    if (element.hasAttribute("fill") || element.localName === "text") element.setAttribute("fill", style.fill);
    if (element.hasAttribute("stroke")) element.setAttribute("stroke", style.stroke);
    if (element.localName === "text") element.setAttribute("font-family", "Helvetica, Arial, sans-serif");
  });
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}

async function savePngOf(name, svg) {
  const { text, width, height } = standaloneSvg(svg), scale = Math.min(2, 8000 / Math.max(width, height));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  canvas.width = Math.max(1, width * scale);
  canvas.height = Math.max(1, height * scale);
  context.fillStyle = colour("card");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  savePng(name, canvas);
}

function decisionsList(row) {
  return el("ul", { class: "decisions" }, decisionsOf(row).map(([path, value]) =>
    el("li", {}, el("span", { class: "soft" }, `${path} = `), value)));
}

function drawing({ row, svg, text, cells }, rank) {
  const metric = METRIC.get(OBJECTIVES[0].metric), drawn = svg ? safeSvg(svg) : null;
  const name = `architecture-${T.run[row]}-${T.trial[row]}`;
  // A wide network is scrolled through rather than shrunk until nothing can be read.
  if (drawn) drawn.style.minWidth = `${Math.round(drawn.viewBox.baseVal.width * 0.62)}px`;
  const body = el("div", { class: "drawing", tabindex: drawn ? "0" : null, role: drawn ? "img" : null,
    "aria-label": drawn ? `Drawing of ${trialName(row)}` : null }, drawn || decisionsList(row));
  return el("figure", { class: "plot", id: name },
    el("div", { class: "top" },
      el("h3", {}, OBJECTIVES.length > 1 ? "" : `${rank + 1}. `, el("button", { type: "button", class: "link", onclick: () => openTrial(row) }, trialName(row))),
      el("span", { class: "soft small" }, `${metric.name} ${fmt(metric.values[row], 5)}`),
      el("div", { class: "tools" }, el("span", { class: "save" },
        drawn && el("button", { type: "button", class: "quiet", "data-save": "png", onclick: () => savePngOf(name, drawn) }, "PNG"),
        drawn && el("button", { type: "button", class: "quiet", onclick: () => save(`${name}.svg`, new Blob([standaloneSvg(drawn).text], { type: "image/svg+xml" })) }, "SVG"),
        el("button", { type: "button", class: "quiet", "data-save": "csv", onclick: () => saveCsv(name, [["decision", "value"], ...decisionsOf(row)]) }, "CSV")))),
    body, el("figcaption", { class: text ? "mono" : null }, text ? text : "", drawn && !cells && !text ? "The network, operators with their output shapes" : ""));
}

function drawingsSection() {
  const list = D.drawings || [];
  if (!list.length) {
    section("architectures", "Best architectures", empty("No architecture has been evaluated with a result yet."));
    return;
  }
  section("architectures", "Best architectures",
    D.drawings_missing && el("p", { class: "soft" }, `${list.some(({ svg }) => svg) ? "Some are" : "They are"} given in words: ${D.drawings_missing}.`),
    el("div", { class: "gallery" }, list.map(drawing)));
}
