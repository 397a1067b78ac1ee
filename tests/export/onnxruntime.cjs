// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's logits of all samples are the engine's, to 1e-4, on the test images of Fashion-MNIST, which
// are read here from Debian's files and go in as values of 0 to 1 (images.h says how they are laid out).
// And the network that was trained and tested by the commands (final.onnx, final.txt: its accuracy, in
// answer to all 10,000 images) answers as it did there.
const fs = require("fs");
const path = require("path");
const zlib = require("zlib");

const folder = process.argv[2];
const ort = require(path.join(folder, "node_modules/onnxruntime-node"));
const dataset = "/usr/share/datasets/fashion-mnist/t10k-";
const pixels = zlib.gunzipSync(fs.readFileSync(dataset + "images-idx3-ubyte.gz")).subarray(16);
const labels = zlib.gunzipSync(fs.readFileSync(dataset + "labels-idx1-ubyte.gz")).subarray(8);

function images(shape) {
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  const first = size >= 784 ? 0 : 196;
  const wide = shape[2] === 32 && shape[3] === 32;
  const out = new Float32Array(shape[0] * size);
  for (let n = 0; n < shape[0]; n++) {
    for (let i = 0; i < size; i++) {
      const y = (Math.floor(i / 32) % 32) - 2;
      const x = (i % 32) - 2;
      const inside = y >= 0 && y < 28 && x >= 0 && x < 28;
      const at = wide ? y * 28 + x : (first + i) % 784;
      out[n * size + i] = wide && !inside ? 0 : pixels[n * 784 + at] / 255;
    }
  }
  return new ort.Tensor("float32", out, shape);
}

function open(name) {
  return ort.InferenceSession.create(path.join(folder, name + ".onnx"), {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
}

async function check(name) {
  const shapes = JSON.parse(fs.readFileSync(path.join(folder, name + ".json")));
  const session = await open(name);
  const { logits } = await session.run({ image: images(shapes.input) });
  const bytes = fs.readFileSync(path.join(folder, name + ".logits"));
  const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  await session.release();
  if (logits.dims.join() !== shapes.logits.join()) {
    return `${name}: shape ${logits.dims}, expected ${shapes.logits}`;
  }
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(logits.data[i] - expected[i]) / (1 + Math.abs(expected[i]));
    worst = error > worst || Number.isNaN(error) ? error : worst;
  }
  compared += shapes.input[0];
  largest = Math.max(largest, worst);
  return worst <= 1e-4 ? null : `${name}: differs by ${worst}: ${shapes.arch}`;
}

let compared = 0;
let largest = 0;

async function checkFinal() {
  const session = await open("final");
  const [input] = session.inputNames;
  const { logits } = await session.run({ [input]: images([10000, 1, 28, 28]) });
  let right = 0;
  for (let n = 0; n < 10000; n++) {
    const row = logits.data.subarray(n * 10, n * 10 + 10);
    right += row.indexOf(Math.max(...row)) === labels[n];
  }
  const told = Number(fs.readFileSync(path.join(folder, "final.txt"), "utf8"));
  console.log(`final training: accuracy ${right / 10000}, and ${told} by Espalier`);
  // Of equal ones after rounding another may win.
  return Math.abs(right / 10000 - told) <= 2e-4 ? null : "final: another accuracy";
}

async function main() {
  const names = fs
    .readdirSync(folder)
    .filter((file) => file.endsWith(".onnx") && file !== "final.onnx")
    .map((file) => file.slice(0, -5));
  let failed = names.length === 0 ? 1 : 0;
  for (const name of names.concat("final")) {
    const work = name === "final" ? checkFinal() : check(name);
    const message = await work.catch((error) => `${name}: ${error.message}`);
    if (message) {
      console.error(message);
      failed++;
    }
  }
  console.log(
    `ONNX Runtime ran ${names.length} models on ${compared} images, largest difference ` +
      `${largest.toExponential(1)}; ${failed} failed`
  );
  process.exit(failed ? 1 : 0);
}

main();
