# SPDX-License-Identifier: Apache-2.0
# PyTorch's logits of all samples are the engine's, to 1e-4, and the names of its state those of the
# weights; one backward gives all of them gradients. Of the many images the first are enough here.
import array
import glob
import importlib.util
import json
import sys

import torch

import fashion_mnist

torch.set_num_threads(1)
IMAGES = 16


def floats(path, shape):
    values = array.array("f")
    values.frombytes(open(path, "rb").read())
    return torch.tensor(values).reshape(shape)


def load(base):
    shapes = json.load(open(base + ".json"))
    spec = importlib.util.spec_from_file_location("network", base + ".py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.Network()
    network.load_safetensors(base + ".safetensors")
    assert set(network.state_dict()) == {row[0] for row in module.WEIGHTS}
    return network, module, shapes


def check(base):
    network, module, shapes = load(base)
    assert module.ARCH == shapes["arch"]
    image = fashion_mnist.images("t10k", IMAGES, shapes["input"])
    expected = floats(base + ".logits", shapes["logits"])[:IMAGES]
    network.eval()
    with torch.no_grad():
        got = network(image)
    assert got.shape == expected.shape, (got.shape, expected.shape)
    error = ((got - expected).abs() / (1 + expected.abs())).max().item()
    assert error <= 1e-4, error
    network.train()
    out = network(image)
    first = out[0] if isinstance(out, tuple) else out
    if network.state_dict() and first.requires_grad:
        first.sum().backward()
        assert any(weight.grad is not None for weight in network.parameters())


if __name__ == "__main__":
    failed = 0
    bases = [path[:-7] for path in sorted(glob.glob(sys.argv[1] + "/*.logits"))]
    for base in bases:
        try:
            check(base)
        except Exception as error:
            print(f"{base}: {error!r}", file=sys.stderr)
            failed += 1
    print(f"torch {torch.__version__} ran {len(bases)} networks, {failed} failed")
    sys.exit(1 if failed or not bases else 0)
