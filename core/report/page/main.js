// SPDX-License-Identifier: Apache-2.0
// Puts the page together, then draws its plots one by one, so that it can be read and used meanwhile.
"use strict";

function footer() {
  document.querySelector("footer").append(
    `Written by Espalier ${S.version} on ${S.made}. Everything on this page is in this one file; nothing is loaded from elsewhere. Plots by Chart.js ${Chart.version} (MIT), drawings by Graphviz.`);
}

// Marks in the head's list the section that is being read.
function followSections() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-64px 0px -70% 0px" });
  for (const element of document.querySelectorAll("main > section")) seen.observe(element);
}

function drawNext() {
  const plot = QUEUE.shift();
  if (!plot) {
    performance.mark("drawn");
    document.documentElement.dataset.drawn = "true";
    return;
  }
  try {
    plot.redraw();
  } catch (error) {
    plot.area.replaceChildren(empty(`This plot could not be drawn: ${error.message}`));
    console.error(error);
  }
  setTimeout(drawNext);
}

document.addEventListener("DOMContentLoaded", () => {
  beginCharts();
  beginTheme();
  beginDialog();
  summarySection();
  progressSection();
  finalSection();
  // Runs of a CSV have no trials here, which a note says: nothing below would hold anything.
  if (T.count || METHODS.some((method) => method.config)) {
    frontSection();
    curvesSection();
    parallelSection();
    correlationSection();
    drawingsSection();
    trialsSection();
  }
  footer();
  colourDots();
  followSections();
  performance.mark("usable");
  drawNext();
});
