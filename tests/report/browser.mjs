// SPDX-License-Identifier: Apache-2.0
// A headless Chromium, driven over its debugging protocol on two pipes: pages are opened, looked at and
// clicked as a person would, and what goes wrong in them is collected.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe"];

export function sleep(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}

export class Browser {
  constructor(program) {
    this.folder = mkdtempSync(join(tmpdir(), "espalier-chromium-"));
    this.child = spawn(program, [...FLAGS, `--user-data-dir=${this.folder}`], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      env: { ...process.env, HOME: this.folder } });
    this.next = 0;
    this.waiting = new Map();
    this.pages = new Map();
    this.rest = "";
    this.ended = new Promise((resolve) => { this.child.on("exit", resolve); });
    this.child.stdio[4].on("data", (bytes) => this.receive(bytes.toString("utf8")));
    this.child.stdio[3].on("error", () => {});
    this.child.on("exit", (code) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the browser ended with status ${code}`));
    });
  }

  receive(text) {
    const parts = (this.rest + text).split("\0");
    this.rest = parts.pop();
    for (const part of parts) {
      const message = JSON.parse(part);
      if (message.id === undefined) {
        this.pages.get(message.sessionId)?.event(message.method, message.params);
        continue;
      }
      const { resolve, reject, method } = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (message.error) reject(new Error(`${method}: ${message.error.message}`));
      else resolve(message.result);
    }
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.next;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, method });
      this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  async open() {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    this.pages.set(sessionId, page);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    await page.send("Performance.enable", { timeDomain: "threadTicks" });
    return page;
  }

  async close() {
    this.send("Browser.close").catch(() => {});
    await Promise.race([this.ended, sleep(5000).then(() => this.child.kill("SIGKILL"))]);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

export class Page {
  constructor(browser, session) {
    this.browser = browser;
    this.session = session;
    this.errors = []; // of the page: exceptions, console.error, what the log calls an error
    this.requests = []; // what was asked of a network
  }

  send(method, params) {
    return this.browser.send(method, params, this.session);
  }

  event(method, params) {
    if (method === "Runtime.exceptionThrown")
      this.errors.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type))
      this.errors.push(params.args.map((one) => one.value || one.description).join(" "));
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) this.errors.push(params.entry.text);
    if (method === "Network.requestWillBeSent" && !/^(file|data|blob):/.test(params.request.url)) this.requests.push(params.request.url);
    if (method === "Page.javascriptDialogOpening") {
      this.errors.push(`a script opened a dialog: ${params.message}`);
      this.send("Page.handleJavaScriptDialog", { accept: true }).catch(() => {});
    }
  }

  async size(width, height, mobile = false) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
  }

  async colours(scheme) {
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  async go(path) {
    await this.send("Page.navigate", { url: `file://${path}` });
    await this.until("document.documentElement.dataset.drawn === 'true'", 30000);
  }

  // Seconds of the processor that the page's thread has taken since it was opened: unlike a clock they do
  // not depend on what else the machine does.
  async processorSeconds() {
    const { metrics } = await this.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration").value;
  }

  // The value of an expression (awaited where it is a promise).
  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails) throw new Error(`${expression}\n${exceptionDetails.exception?.description || exceptionDetails.text}`);
    return result.value;
  }

  async until(expression, milliseconds) {
    for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(25))
      if (await this.value(expression).catch(() => false)) return;
    throw new Error(`waited in vain for ${expression}: ${this.errors.join("; ")}`);
  }

  // A real click on the middle of the first element that fits, scrolled to first.
  async click(selector) {
    const place = await this.value(`(() => { const e = document.querySelector(${JSON.stringify(selector)}); if (!e) return null;
      e.scrollIntoView({ block: "center", behavior: "instant" }); const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()`);
    if (!place) throw new Error(`there is no ${selector} to click`);
    for (const type of ["mousePressed", "mouseReleased"])
      await this.send("Input.dispatchMouseEvent", { type, x: place[0], y: place[1], button: "left", clickCount: 1 });
    await sleep(60);
  }

  async key(key, code = key) {
    for (const type of ["keyDown", "keyUp"]) await this.send("Input.dispatchKeyEvent", { type, key, code, windowsVirtualKeyCode: { Enter: 13, Escape: 27, Tab: 9, ArrowRight: 39 }[key] });
    await sleep(40);
  }

  async type(selector, text) {
    await this.value(`document.querySelector(${JSON.stringify(selector)}).focus()`);
    await this.send("Input.insertText", { text });
    await sleep(60);
  }

  // `whole`: all of the page's height, else what is seen.
  async picture(path, whole = true) {
    const { cssContentSize } = await this.send("Page.getLayoutMetrics");
    const clip = whole ? { clip: { x: 0, y: 0, width: cssContentSize.width, height: Math.min(cssContentSize.height, 12000), scale: 1 }, captureBeyondViewport: true } : {};
    const { data } = await this.send("Page.captureScreenshot", { format: "png", ...clip });
    writeFileSync(path, Buffer.from(data, "base64"));
  }
}
