# SPDX-License-Identifier: Apache-2.0
# ONNX Runtime for Python where only its module for Node is installed: the calls that the model card shows,
# carried out by the true runtime. $ONNXRUNTIME_NODE is the folder whose node_modules hold it.
import json
import os
import subprocess

import numpy as np

PROGRAM = """
const ort = require(process.env.ONNXRUNTIME_NODE + "/node_modules/onnxruntime-node");
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
(async () => {
  const session = await ort.InferenceSession.create(asked.path, { logSeverityLevel: 3 });
  const feeds = {};
  for (const [name, value] of Object.entries(asked.feeds))
    feeds[name] = new ort.Tensor("float32", Float32Array.from(value.data), value.dims);
  const got = await session.run(feeds, asked.names);
  console.log(JSON.stringify(asked.names.map((n) => ({ dims: got[n].dims, data: Array.from(got[n].data) }))));
})().catch((error) => { console.error(String(error)); process.exit(1); });
"""


class InferenceSession:
    def __init__(self, path):
        if not os.path.exists(path):
            raise FileNotFoundError(path)
        self.path = os.path.abspath(path)

    def run(self, names, feeds):
        for value in feeds.values():
            if value.dtype != np.float32:
                raise TypeError(f"float32 is expected, not {value.dtype}")
        asked = {
            "path": self.path,
            "names": names,
            "feeds": {n: {"dims": v.shape, "data": v.ravel().tolist()} for n, v in feeds.items()},
        }
        got = subprocess.run(
            ["node", "-e", PROGRAM], input=json.dumps(asked), text=True, stdout=subprocess.PIPE, check=True
        )
        return [np.array(o["data"], dtype=np.float32).reshape(o["dims"]) for o in json.loads(got.stdout)]
