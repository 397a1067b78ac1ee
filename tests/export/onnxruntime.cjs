// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's logits of all samples are the engine's, to 1e-4.
const fs = require("fs");
const path = require("path");

const folder = process.argv[2];
const ort = require(path.join(folder, "node_modules/onnxruntime-node"));

function floats(file) {
  const bytes = fs.readFileSync(path.join(folder, file));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).slice();
}

async function check(name) {
  const shapes = JSON.parse(fs.readFileSync(path.join(folder, name + ".json")));
  const session = await ort.InferenceSession.create(path.join(folder, name + ".onnx"), {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const image = new ort.Tensor("float32", floats(name + ".input"), shapes.input);
  const { logits } = await session.run({ image });
  const expected = floats(name + ".logits");
  if (logits.dims.join() !== shapes.logits.join()) {
    return `${name}: shape ${logits.dims}, expected ${shapes.logits}`;
  }
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(logits.data[i] - expected[i]) / (1 + Math.abs(expected[i]));
    worst = error > worst || Number.isNaN(error) ? error : worst;
  }
  return worst <= 1e-4 ? null : `${name}: differs by ${worst}: ${shapes.arch}`;
}

async function main() {
  const names = fs
    .readdirSync(folder)
    .filter((file) => file.endsWith(".onnx"))
    .map((file) => file.slice(0, -5));
  let failed = names.length === 0 ? 1 : 0;
  for (const name of names) {
    const message = await check(name).catch((error) => `${name}: ${error.message}`);
    if (message) {
      console.error(message);
      failed++;
    }
  }
  console.log(`ONNX Runtime ran ${names.length} models, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}

main();
