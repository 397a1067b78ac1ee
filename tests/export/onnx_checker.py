# SPDX-License-Identifier: Apache-2.0
# ONNX's own checker, with shape inference, over all samples.
import glob
import sys

import onnx

paths = sorted(glob.glob(sys.argv[1] + "/*.onnx"))
for path in paths:
    model = onnx.load(path)
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        sys.exit(f"{path}: {error}")
print(f"onnx {onnx.__version__} accepts {len(paths)} models")
sys.exit(0 if paths else f"{sys.argv[1]}: there are no models")
