// SPDX-License-Identifier: Apache-2.0
// Light and dark, and the colours of methods and ranks. Hues are those of Okabe and Ito (2008, "Color
// universal design"), which colour-blind readers tell apart; beyond eight methods dashes and marks do.
"use strict";

const HUES = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b87f00", "#3a9bd1", "#4a4f57", "#8a7a00"],
  dark: ["#56b4e9", "#e8743b", "#2fbf95", "#de9cc0", "#e6a51f", "#9ed3f2", "#d5dae1", "#f0e442"],
};
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const MARKS = ["circle", "triangle", "rect", "rectRot", "rectRounded"];

// Nine steps of viridis (van der Walt and Smith 2015): lightness rises evenly.
const VIRIDIS = [[68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137],
  [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37]];

function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function methodColour(method) {
  const hues = HUES[isDark() ? "dark" : "light"];
  return hues[((method % hues.length) + hues.length) % hues.length];
}

function methodDash(method) {
  return DASHES[Math.floor(Math.max(0, method) / 8) % DASHES.length];
}

function methodMark(method) {
  return MARKS[Math.max(0, method) % MARKS.length];
}

function withAlpha(hex, alpha) {
  const number = parseInt(hex.slice(1), 16);
  return `rgba(${number >> 16}, ${(number >> 8) & 255}, ${number & 255}, ${alpha})`;
}

function viridis(share) {
  const place = Math.max(0, Math.min(1, share)) * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(place)), rest = place - i;
  return VIRIDIS[i].map((value, k) => Math.round(value + rest * (VIRIDIS[i + 1][k] - value)));
}

// share 0 = best: what stands out most against the ground.
function rankColour(share, alpha = 1) {
  const [r, g, b] = viridis(isDark() ? 1 - 0.75 * share : 0.86 * share);
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

function rankRamp(from, to) {
  const stops = Array.from({ length: 8 }, (_, i) => rankColour(i / 7)).join(", ");
  const bar = el("i");
  bar.style.background = `linear-gradient(90deg, ${stops})`;
  return el("span", { class: "ramp" }, from, bar, to);
}

// -1 to 1: orange, the card, blue.
function signedColour(value) {
  const end = value < 0 ? [213, 94, 0] : [0, 114, 178];
  const ground = isDark() ? [26, 32, 39] : [255, 255, 255];
  const share = Math.min(1, Math.abs(value)) * (isDark() ? 0.85 : 0.9);
  return ground.map((part, i) => Math.round(part + share * (end[i] - part)));
}

// ---- The switch -------------------------------------------------------------------------------

const THEME_KEY = "espalier-report-theme";

// A page on a disk may be refused a memory.
function rememberedTheme() {
  try { return localStorage.getItem(THEME_KEY); } catch { return null; }
}

function setTheme(theme, remember) {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.textContent = theme === "dark" ? "Light" : "Dark";
  button.setAttribute("aria-label", `Show the page ${theme === "dark" ? "light" : "dark"}`);
  if (remember) {
    try { localStorage.setItem(THEME_KEY, theme); } catch { /* shown all the same */ }
  }
  redrawAll();
}

function beginTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => rememberedTheme() || (system.matches ? "dark" : "light");
  setTheme(wanted(), false);
  system.addEventListener("change", () => setTheme(wanted(), false));
  document.getElementById("theme").addEventListener("click",
    () => setTheme(isDark() ? "light" : "dark", true));
  // Paper is white.
  let before = null;
  addEventListener("beforeprint", () => { before = isDark() ? "dark" : null; if (before) setTheme("light", false); });
  addEventListener("afterprint", () => { if (before) setTheme(before, false); });
}
