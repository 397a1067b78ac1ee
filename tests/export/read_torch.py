# SPDX-License-Identifier: Apache-2.0
# PyTorch's logits of all samples are the engine's, to 1e-4, and the names of its state those of the
# weights; from the same weights on the same batches, 50 losses agree to 1e-3.
import array
import glob
import importlib.util
import json
import sys

import torch

torch.set_num_threads(1)


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
    assert module.ARCH == shapes["arch"]
    assert set(network.state_dict()) == {row[0] for row in module.WEIGHTS}
    return network, shapes


def check(base):
    network, shapes = load(base)
    image = floats(base + ".input", shapes["input"])
    expected = floats(base + ".logits", shapes["logits"])
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


# In f64 and with a small rate: else the test would show how a last bit that flips a Relu grows (between
# PyTorch's own f32 and f64 to 1e-2 within 50 steps), rather than whether the two compute the same.
def check_training(base):
    network, shapes = load(base)
    network.double()
    expected = floats(base + ".losses", (-1,))
    images = floats(base + ".images", [len(expected), -1] + shapes["input"][1:]).double()
    network.train()
    sgd = torch.optim.SGD(network.parameters(), lr=0.0005, momentum=0.9, weight_decay=1e-4)
    for step, want in enumerate(expected.tolist()):
        out = network(images[step])
        logits = out[0] if isinstance(out, tuple) else out
        labels = (torch.arange(len(logits)) + step) % logits.shape[1]
        loss = torch.nn.functional.cross_entropy(logits, labels)
        assert abs(loss.item() - want) <= (1e-3 if step >= 8 else 1e-5) * want, (step, loss.item(), want)
        sgd.zero_grad()
        loss.backward()
        sgd.step()


failed = 0
bases = [path[:-5] for path in sorted(glob.glob(sys.argv[1] + "/*.onnx"))]
trained = [path[:-7] for path in sorted(glob.glob(sys.argv[1] + "/*.losses"))]
for base in bases + trained:
    try:
        check_training(base) if base in trained else check(base)
    except Exception as error:
        print(f"{base}: {error!r}", file=sys.stderr)
        failed += 1
print(f"torch {torch.__version__} ran {len(bases)} networks and trained {len(trained)}, {failed} failed")
sys.exit(1 if failed or not bases or not trained else 0)
