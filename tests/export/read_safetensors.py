# SPDX-License-Identifier: Apache-2.0
# The files of weights by the format's reference layout: u64 length, JSON, data side by side.
import glob
import json
import math
import struct
import sys

paths = sorted(glob.glob(sys.argv[1] + "/*.safetensors"))
tensors = 0
for path in paths:
    data = open(path, "rb").read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    notes = header.pop("__metadata__")
    assert length % 8 == 0, path
    assert notes["arch"] == json.load(open(path[:-12] + ".json"))["arch"], path
    end = 0
    for name, row in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, after = row["data_offsets"]
        assert row["dtype"] == "F32" and begin == end, (path, name)
        assert after - begin == 4 * math.prod(row["shape"]), (path, name)
        values = struct.unpack_from(f"<{(after - begin) // 4}f", data, 8 + length + begin)
        assert all(map(math.isfinite, values)), (path, name)
        end = after
        tensors += 1
    assert 8 + length + end == len(data), path
print(f"{len(paths)} files, {tensors} tensors")
sys.exit(0 if tensors else f"{sys.argv[1]}: there are no tensors")
