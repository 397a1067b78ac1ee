// SPDX-License-Identifier: Apache-2.0
// Numbers as text, elements from data, files to save. Text always enters the page as text, so that no
// name can be markup.
"use strict";

// el("td", {class: "num"}, "text", child, ...): attributes, `on...` listeners, children.
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

// A number for reading: integers grouped, others with `digits` significant ones.
function fmt(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return grouped.format(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(digits - 1).replace("e+", "e");
  if (size >= 1000) return grouped.format(value);
  return String(Number(value.toPrecision(digits)));
}

// One format for all values of a column, so that their points stand below each other.
function columnFormat(values) {
  let least = Infinity, largest = 0, whole = true, low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    whole = whole && Number.isInteger(value);
    low = Math.min(low, value);
    high = Math.max(high, value);
    const size = Math.abs(value);
    if (size > 0) least = Math.min(least, size);
    largest = Math.max(largest, size);
  }
  if (whole && largest < 1e15) return (value) => fmt(value);
  if (largest >= 1e6 || largest < 1e-3 || (least < 1e-4 && largest < 0.1)) return (value) => fmt(value);
  const spread = high > low ? high - low : largest;
  const decimals = Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(spread)),
    Math.max(1, 4 - Math.floor(Math.log10(largest)))));
  return (value) => value === null || value === undefined || !Number.isFinite(value)
    ? "–"
    : value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

function fmtSeconds(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  if (seconds < 1e-3) return `${fmt(seconds * 1e6, 3)} µs`;
  if (seconds < 1) return `${fmt(seconds * 1e3, 3)} ms`;
  if (seconds < 60) return `${fmt(seconds, 3)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${fmt(seconds / 86400, 3)} days`;
}

// "p = 0.012", "p < 0.0001"
function fmtP(p) {
  if (p === null) return "–";
  return p < 1e-4 ? "< 0.0001" : p.toFixed(4);
}

function shorten(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

// Both ends stay: settings, which tell methods apart, stand at the end.
function shortenMiddle(text, length) {
  if (text.length <= length) return text;
  const tail = Math.ceil(length * 0.6);
  return `${text.slice(0, length - tail - 1)}…${text.slice(-tail)}`;
}

function plural(count, one, many) {
  return `${fmt(count)} ${count === 1 ? one : many || `${one}s`}`;
}

// ---- Saving -----------------------------------------------------------------------------------

function csvField(value) {
  if (value === null || value === undefined || (typeof value === "number" && !Number.isFinite(value))) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// rows: arrays, the header first. RFC 4180.
function csvText(rows) {
  return rows.map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
}

function say(text) {
  document.getElementById("said").textContent = text;
}

function save(name, blob) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
  say(`${name} saved`);
}

function saveCsv(name, rows) {
  save(`${name}.csv`, new Blob([csvText(rows)], { type: "text/csv" }));
}

function savePng(name, canvas) {
  canvas.toBlob((blob) => save(`${name}.png`, blob), "image/png");
}
