# SPDX-License-Identifier: Apache-2.0
# From the same weights on the same batches: 50 losses of Espalier's against PyTorch's, in f32 and in f64,
# and PyTorch's two against each other, which is what rounding alone does. All must agree with PyTorch in
# f32 to 1e-3.
import glob
import sys

import torch

import fashion_mnist
from read_torch import floats, load

ENOUGH = 1e-3


def train(base, kind):
    network, _, shapes = load(base)
    steps = len(floats(base + ".losses", (-1,)))
    batch = shapes["input"][0]
    images = fashion_mnist.images("train", steps * batch, shapes["input"]).to(kind)
    labels = fashion_mnist.labels("train", steps * batch)
    network.to(kind)
    network.train()
    sgd = torch.optim.SGD(network.parameters(), lr=shapes["learning_rate"],
                          momentum=shapes["momentum"], weight_decay=shapes["weight_decay"])
    losses = []
    for step in range(steps):
        part = slice(step * batch, (step + 1) * batch)
        loss = torch.nn.functional.cross_entropy(network(images[part]), labels[part])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


def drift(a, b):
    return ((a - b).abs() / b.abs()).max().item()


agreed = 0
print(f"{'network':22} {'first':>8} {'last':>8}   Espalier-f32  Espalier-f64       f32-f64")
bases = [path[:-7] for path in sorted(glob.glob(sys.argv[1] + "/*.losses"))]
for base in bases:
    own = floats(base + ".losses", (-1,)).double()
    single, double = train(base, torch.float32), train(base, torch.float64)
    near, far, rounding = drift(own, single), drift(own, double), drift(single, double)
    agreed += near <= ENOUGH
    print(f"{base.split('/')[-1]:22} {own[0]:8.5f} {own[-1]:8.5f}  {near:13.2e} {far:13.2e} "
          f"{rounding:13.2e}", flush=True)
print(f"{agreed} of {len(bases)} networks agree to {ENOUGH} in {len(own)} steps")
sys.exit(0 if agreed == len(bases) >= 3 else 1)
