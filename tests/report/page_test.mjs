// SPDX-License-Identifier: Apache-2.0
// page_test.mjs CHROMIUM SCREENSHOTS: the pages of real runs in a browser - every plot has something
// drawn in it, the table sorts and filters by clicks, a trial opens, colours and widths change, what is
// saved holds data, hostile texts stay texts, and ten thousand trials can be used at once.
import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";

import { Browser, sleep } from "./browser.mjs";
import { big, csv, figures, hostile, small, sweep } from "./runs.mjs";

const [, , chromium, screenshots] = process.argv;
const work = resolve("pages");
mkdirSync(screenshots, { recursive: true });

let passed = 0, failed = 0;
async function check(name, body) {
  try {
    await body();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}\n  ${String(error.stack || error).replaceAll("\n", "\n  ")}`);
  }
}

// ---- What is asked of every page --------------------------------------------------------------

// Of each plot the share of pixels that something is drawn on, and in how many colours.
const PIXELS = `[...PLOTS.values()].map((plot) => {
  const { width, height } = plot.canvas, copy = document.createElement("canvas");
  copy.width = width; copy.height = height;
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(plot.canvas, 0, 0);
  const data = context.getImageData(0, 0, width, height).data;
  const seen = new Set(); let drawn = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 8) { drawn++; seen.add((data[i] >> 4) * 256 + (data[i + 1] >> 4) * 16 + (data[i + 2] >> 4)); }
  return { id: plot.id, drawn: drawn / (width * height), colours: seen.size };
})`;

async function checkPlots(page, expected) {
  const plots = await page.value(PIXELS);
  assert.deepEqual(expected.filter((id) => !plots.some((plot) => plot.id === id)), [], "plots that are missing");
  for (const { id, drawn, colours } of plots) {
    assert.ok(drawn > 0.002, `${id} has ${drawn} of its area drawn`);
    assert.ok(colours > 3, `${id} has ${colours} colours`);
  }
  assert.deepEqual(await page.value(OUTSIDE), [], "points outside of their axes");
}

// No point lies outside of its axes.
const OUTSIDE = `[...PLOTS.values()].filter((plot) => plot.drawing).flatMap((plot) => {
  const { x, y } = plot.drawing.scales;
  return plot.drawing.data.datasets.flatMap((set) => set.data).filter((at) => at.x < x.min || at.x > x.max || at.y < y.min || at.y > y.max)
    .map((at) => plot.id + ": " + at.x + ", " + at.y);
})`;

// What the buttons save, taken where it would go to a file.
const CATCH = `window.saved = []; URL.createObjectURL = ((make) => (blob) => { window.saved.push(blob); return make(blob); })(URL.createObjectURL);
  HTMLAnchorElement.prototype.click = function () { window.saved[window.saved.length - 1].as = this.download; };`;

async function checkSaving(page) {
  await page.value(CATCH);
  const ids = await page.value("[...PLOTS.keys()]");
  for (const id of ids)
    for (const kind of ["png", "csv"]) {
      await page.value("window.saved.length = 0");
      await page.click(`#${id} [data-save=${kind}]`);
      await page.until("window.saved.length === 1 && window.saved[0].as", 30000);
      const [name, text] = await page.value("(async () => [saved[0].as, kindOf(await saved[0].arrayBuffer())])(); function kindOf(b) { const u = new Uint8Array(b); return u[0] === 137 ? 'PNG ' + u.length : new TextDecoder().decode(u); }");
      assert.equal(name, `${id}.${kind}`);
      if (kind === "png") assert.ok(Number(text.split(" ")[1]) > 2000, `${id}.png holds ${text}`);
      else {
        const lines = text.trim().split("\r\n");
        assert.ok(lines.length > 1, `${id}.csv has a head alone: ${text}`);
        assert.ok(lines[0].includes(","), lines[0]);
      }
    }
}

async function checkQuiet(page) {
  assert.deepEqual(page.errors, []);
  assert.deepEqual(page.requests, [], "a page asks no network");
}

async function checkWidths(page, name) {
  await page.size(390, 844, true);
  await sleep(250);
  const [content, seen] = await page.value("[document.documentElement.scrollWidth, innerWidth]");
  assert.ok(content <= seen, `${content} pixels wide on a screen of ${seen}`);
  await page.picture(join(screenshots, `${name}-phone.png`));
  await page.size(1280, 900);
  await sleep(250);
}

const column = (place) => `[...document.querySelectorAll("#trials-table tbody tr")].map((row) => row.cells[${place}].textContent)`;

async function checkTable(page) {
  const heads = await page.value(`[...document.querySelectorAll("#trials-table th")].map((head) => head.textContent)`);
  const place = heads.findIndex((head) => /accuracy|fitness|score/.test(head));
  assert.ok(place > 0, heads.join());
  await page.click(`#trials-table th:nth-child(${place + 1}) button`);
  const numbers = async () => (await page.value(column(place))).map((text) => Number(text.replaceAll(",", ""))).filter(Number.isFinite);
  const down = await numbers();
  assert.deepEqual(down, [...down].sort((a, b) => b - a), "best first after the first click");
  await page.click(`#trials-table th:nth-child(${place + 1}) button`);
  const up = await numbers();
  assert.deepEqual(up, [...up].sort((a, b) => a - b), "worst first after the second");
  assert.equal(await page.value(`document.querySelectorAll("#trials-table th")[${place}].getAttribute("aria-sort")`), "ascending");
  const hash = await page.value("T.hash[3]");
  await page.type("#trials input[type=search]", hash);
  const found = await page.value("document.querySelectorAll('#trials-table tbody tr').length");
  const equal = await page.value(`Math.min(50, T.hash.filter((one) => one === "${hash}").length)`);
  assert.equal(found, equal, "rows with that hash");
  await page.value(`(() => { const e = document.querySelector("#trials input[type=search]"); e.value = ""; e.dispatchEvent(new Event("input")); })()`);
}

async function checkTrial(page, name) {
  await page.click("#trials-table tbody tr button");
  assert.ok(await page.value("document.getElementById('trial').open"), "the dialog opens");
  const text = await page.value("document.getElementById('trial').textContent");
  for (const word of ["Metrics", "Decisions", "Provenance", "espalier show"]) assert.ok(text.includes(word), `${word} in the dialog`);
  await page.picture(join(screenshots, `${name}-trial.png`), false);
  await page.key("Escape");
  assert.equal(await page.value("document.getElementById('trial').open"), false, "Escape closes it");
}

async function checkDark(page, name) {
  const ground = "getComputedStyle(document.body).backgroundColor";
  const before = await page.value(ground);
  await page.click("#theme");
  const after = await page.value(ground);
  assert.notEqual(after, before);
  assert.equal(await page.value("document.documentElement.dataset.theme"), "dark");
  await page.picture(join(screenshots, `${name}-dark.png`));
  await page.click("#theme");
  assert.equal(await page.value(ground), before);
}

// The keyboard alone: to a plot, along its points, into a trial.
async function checkKeys(page, id) {
  await page.value(`PLOTS.get("${id}").canvas.focus()`);
  await page.key("ArrowRight");
  await page.key("ArrowRight");
  assert.ok((await page.value("document.getElementById('said').textContent")).length > 3, "the point is told");
}

async function visit(browser, path, name) {
  const page = await browser.open();
  await page.size(1280, 900);
  await page.colours("light");
  await page.go(path);
  await page.picture(join(screenshots, `${name}.png`));
  return page;
}

// ---- The pages --------------------------------------------------------------------------------

const browser = new Browser(chromium);
try {
  {
    const page = await visit(browser, small(work), "training");
    await check("training: plots", () => checkPlots(page, ["best_so_far", "front", "curves", "parallel", "correlation-0"]));
    await check("training: saving", () => checkSaving(page));
    await check("training: table", () => checkTable(page));
    await check("training: a trial", () => checkTrial(page, "training"));
    await check("training: keys", () => checkKeys(page, "front"));
    await check("training: drawings", async () => {
      const count = await page.value("document.querySelectorAll('.drawing svg g.node').length");
      const words = await page.value("document.querySelectorAll('.drawing .decisions').length");
      assert.ok(count > 3 || words > 0, "architectures are drawn, or in words");
    });
    await check("training: dark", () => checkDark(page, "training"));
    await check("training: phone", () => checkWidths(page, "training"));
    await check("training: quiet", () => checkQuiet(page));
  }
  {
    const page = await visit(browser, sweep(work), "sweep");
    await check("sweep: plots", () => checkPlots(page, ["best_so_far", "final", "parallel"]));
    await check("sweep: every run is a point", async () => {
      const points = await page.value("PLOTS.get('final').drawing.data.datasets.map((set) => set.data.length)");
      assert.deepEqual(points, [20, 20, 20, 20, 20]);
    });
    await check("sweep: tests between methods", async () => {
      const text = await page.value("document.getElementById('results').textContent");
      assert.ok(text.includes("p (Holm)") && text.includes("is better"), text.slice(0, 300));
    });
    await check("sweep: axes and lines", async () => {
      await page.value(`document.querySelector("#best_so_far select").value = "seconds"; document.querySelector("#best_so_far select").dispatchEvent(new Event("change"))`);
      await page.click("#best_so_far [data-key=logx]");
      await page.click("#best_so_far [data-key=lines]");
      assert.equal(await page.value("PLOTS.get('best_so_far').drawing.options.scales.x.type"), "logarithmic");
      await checkPlots(page, ["best_so_far"]);
    });
    await check("sweep: legend", async () => {
      const shown = () => page.value("PLOTS.get('best_so_far').drawing.data.datasets.filter((set) => !set.hidden).length");
      const before = await shown();
      await page.click("#best_so_far .legend button");
      assert.ok((await shown()) < before);
      await page.click("#best_so_far .legend button");
    });
    await check("sweep: saving", () => checkSaving(page));
    await check("sweep: dark", () => checkDark(page, "sweep"));
    await check("sweep: phone", () => checkWidths(page, "sweep"));
    await check("sweep: quiet", () => checkQuiet(page));
  }
  {
    const path = big(work);
    await check("10,000 trials: size", () => assert.ok(statSync(path).size < 10e6, `${statSync(path).size} bytes`));
    const page = await browser.open();
    await page.size(1280, 900);
    await page.colours("light");
    await page.go(path);
    const seconds = await page.processorSeconds();
    const [usable, drawn] = await page.value("['usable', 'drawn'].map((name) => performance.getEntriesByName(name)[0].startTime)");
    await page.picture(join(screenshots, "ten-thousand.png"));
    console.log(`10,000 trials: ${statSync(path).size} bytes, usable after ${Math.round(usable)} ms, all drawn after ${Math.round(drawn)} ms, `
      + `which took ${Math.round(1000 * seconds)} ms of a processor`);
    // On a machine that does nothing else the clock says the same as the processor.
    await check("10,000 trials: usable in 2 s", () => assert.ok(usable < 2000 || seconds < 2, `${usable} ms, ${seconds} s of a processor`));
    await check("10,000 trials: plots", () => checkPlots(page, ["best_so_far", "parallel"]));
    await check("10,000 trials: table", () => checkTable(page));
    await check("10,000 trials: pages", async () => {
      assert.equal(await page.value("document.querySelectorAll('#trials-table tbody tr').length"), 50);
      await page.click("#trials .pager button:nth-child(2)");
      assert.match(await page.value("document.querySelector('#trials .pager').textContent"), /51 – 100 of 10,000/);
    });
    await check("10,000 trials: a trial", () => checkTrial(page, "ten-thousand"));
    await check("10,000 trials: phone", () => checkWidths(page, "ten-thousand"));
    await check("10,000 trials: quiet", () => checkQuiet(page));
  }
  for (const [name, path] of [["hostile", hostile(work)], ["hostile-csv", csv(work)]]) {
    const page = await visit(browser, path, name);
    await check(`${name}: no script of theirs`, async () => {
      assert.equal(await page.value("document.querySelectorAll('main img, main i[onerror], main script').length"), 0);
      const text = await page.value("document.body.innerText");
      assert.ok(text.includes("<img src=x onerror=alert("), "the markup is there as text");
      await page.value("T.count && openTrial(Number(Object.keys(T.errors)[0] || 0))");
      await sleep(100);
      if (name === "hostile")
        assert.ok((await page.value("document.getElementById('trial').textContent")).includes("</script><script>alert(1)</script>"));
      assert.equal(await page.value("document.querySelectorAll('dialog img, dialog script').length"), 0);
    });
    await check(`${name}: phone`, () => checkWidths(page, name));
    await check(`${name}: quiet`, () => checkQuiet(page));
  }
  const page = await browser.open();
  await page.size(640, 480);
  for (const path of figures(work)) {
    const name = basename(path, ".svg");
    await check(`figure ${name}`, async () => {
      await page.send("Page.navigate", { url: `file://${path}` });
      await page.until("document.readyState === 'complete' && document.documentElement.localName === 'svg'", 5000);
      assert.equal(await page.value("document.querySelector('parsererror') === null"), true, "well-formed");
      // No word lies outside of the drawing.
      const out = await page.value(`(() => { const box = document.documentElement.getBoundingClientRect();
        return [...document.querySelectorAll("text")].filter((text) => { const b = text.getBoundingClientRect();
          return b.left < box.left - 1 || b.top < box.top - 1 || b.right > box.right + 1 || b.bottom > box.bottom + 1; }).map((text) => text.textContent); })()`);
      assert.deepEqual(out, []);
      await page.picture(join(screenshots, `figure-${name}.png`), false);
    });
  }
} finally {
  await browser.close();
}
console.log(`screenshots: ${screenshots}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
