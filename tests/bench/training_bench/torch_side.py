# SPDX-License-Identifier: Apache-2.0
# PyTorch's side of training_bench: the same five networks, written as one writes them, and a server
# that takes a command a line and answers with a line. Times are lists of seconds of single steps,
# processor time of the process first, then wall.
#   open NETWORK BATCH nchw|nhwc    -> parameters
#   steps N                         -> cpu,cpu,... wall,wall,...
#   losses FOLDER N RATE            -> loss,loss,...   of N steps from the weights and samples there
#   memory                          -> resident high-water of this process in bytes
# The parameters are in the order of Espalier's graph: modules are made in that order.
import array
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

MOMENTUM, WEIGHT_DECAY = 0.9, 1e-4


# ---- NAS-Bench-201 (Dong and Yang 2020) -----------------------------------------------------------


class ReluConvBn(nn.Sequential):
    def __init__(self, channels_in, channels, kernel, stride=1):
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(channels),
        )


class Cell201(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv_01 = ReluConvBn(channels, channels, 3)
        self.conv_02 = ReluConvBn(channels, channels, 1)
        self.conv_12 = ReluConvBn(channels, channels, 3)
        self.pool_13 = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.conv_23 = ReluConvBn(channels, channels, 3)

    def forward(self, x):
        first = self.conv_01(x)
        second = self.conv_02(x) + self.conv_12(first)
        return x + self.pool_13(first) + self.conv_23(second)


class Reduction201(nn.Module):
    def __init__(self, channels_in, channels):
        super().__init__()
        self.conv_a = ReluConvBn(channels_in, channels, 3, 2)
        self.conv_b = ReluConvBn(channels, channels, 3)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, 2), nn.Conv2d(channels_in, channels, 1, bias=False)
        )

    def forward(self, x):
        return self.shortcut(x) + self.conv_b(self.conv_a(x))


class NasBench201(nn.Module):
    def __init__(self, image_channels, cells, channels=16):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(image_channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )
        stages = []
        for stage in range(3):
            if stage > 0:
                stages.append(Reduction201(channels, 2 * channels))
                channels *= 2
            stages.extend(Cell201(channels) for _ in range(cells))
        self.stages = nn.Sequential(*stages)
        self.last = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.classifier = nn.Linear(channels, 10)

    def forward(self, x):
        x = self.last(self.stages(self.stem(x)))
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


# ---- DARTS_V2 (Liu et al. 2019) -------------------------------------------------------------------


class SepConv(nn.Sequential):
    def __init__(self, channels):
        def half():
            return (
                nn.ReLU(),
                nn.Conv2d(channels, channels, 3, 1, 1, groups=channels, bias=False),
                nn.Conv2d(channels, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
            )

        super().__init__(*half(), *half())


class DilConv(nn.Sequential):
    def __init__(self, channels):
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 2, dilation=2, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )


class FactorizedReduce(nn.Module):
    def __init__(self, channels_in, channels):
        super().__init__()
        self.conv_1 = nn.Conv2d(channels_in, channels // 2, 1, 2, bias=False)
        self.conv_2 = nn.Conv2d(channels_in, channels // 2, 1, 2, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        x = F.relu(x)
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(x[:, :, 1:, 1:])], 1))


DARTS_OPERATIONS = {
    "sep": lambda channels, stride: SepConv(channels),
    "dil": lambda channels, stride: DilConv(channels),
    "skip": lambda channels, stride: nn.Identity(),
    "max": lambda channels, stride: nn.MaxPool2d(3, stride, 1),
}
# Of nodes 2 to 5, two operations each with the node that they read.
DARTS_V2_NORMAL = [("sep", 0), ("sep", 1), ("sep", 0), ("sep", 1), ("sep", 1), ("skip", 0), ("skip", 0), ("dil", 2)]
DARTS_V2_REDUCE = [("max", 0), ("max", 1), ("skip", 2), ("max", 1), ("max", 0), ("skip", 2), ("skip", 2), ("max", 1)]


class CellDarts(nn.Module):
    def __init__(self, before_previous, previous, channels, reduce, reduced_before):
        super().__init__()
        if reduced_before:
            self.previous = FactorizedReduce(before_previous, channels)
        else:
            self.previous = ReluConvBn(before_previous, channels, 1)
        self.current = ReluConvBn(previous, channels, 1)
        genotype = DARTS_V2_REDUCE if reduce else DARTS_V2_NORMAL
        self.sources = [source for _, source in genotype]
        self.operations = nn.ModuleList(
            DARTS_OPERATIONS[name](channels, 2 if reduce and source < 2 else 1)
            for name, source in genotype
        )

    def forward(self, before_previous, previous):
        states = [self.previous(before_previous), self.current(previous)]
        for i in range(0, len(self.operations), 2):
            a, b = self.operations[i], self.operations[i + 1]
            states.append(a(states[self.sources[i]]) + b(states[self.sources[i + 1]]))
        return torch.cat(states[2:], 1)


class Darts(nn.Module):
    def __init__(self, channels=16, cells=8):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 3 * channels, 3, 1, 1, bias=False), nn.BatchNorm2d(3 * channels)
        )
        before_previous = previous = 3 * channels
        reduced = False
        self.cells = nn.ModuleList()
        for i in range(cells):
            reduce = i in (cells // 3, 2 * cells // 3)
            channels *= 2 if reduce else 1
            self.cells.append(CellDarts(before_previous, previous, channels, reduce, reduced))
            before_previous, previous, reduced = previous, 4 * channels, reduce
        self.classifier = nn.Linear(previous, 10)

    def forward(self, x):
        before_previous = previous = self.stem(x)
        for cell in self.cells:
            before_previous, previous = previous, cell(before_previous, previous)
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(previous, 1), 1))


# ---- A chain, and a perceptron --------------------------------------------------------------------


def conv_bn_relu(channels_in, channels):
    return (
        nn.Conv2d(channels_in, channels, 3, 1, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


def chain():
    return nn.Sequential(
        *conv_bn_relu(1, 16),
        *conv_bn_relu(16, 16),
        nn.MaxPool2d(3, 2, 1),
        *conv_bn_relu(16, 32),
        *conv_bn_relu(32, 32),
        nn.MaxPool2d(3, 2, 1),
        *conv_bn_relu(32, 64),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def mlp():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.ReLU(inplace=True),
        nn.Linear(256, 128),
        nn.ReLU(inplace=True),
        nn.Linear(128, 10),
    )


NETWORKS = {
    "nasbench201_1": (lambda: NasBench201(1, 1), (1, 28, 28)),
    "nasbench201_5": (lambda: NasBench201(3, 5), (3, 32, 32)),
    "darts_v2": (Darts, (3, 32, 32)),
    "chain": (chain, (1, 28, 28)),
    "mlp": (mlp, (1, 28, 28)),
}


# ---- The server -----------------------------------------------------------------------------------


def floats(path):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return torch.tensor(values)


class Task:
    def __init__(self, name, batch, layout):
        make, self.shape = NETWORKS[name]
        self.format = torch.channels_last if layout == "nhwc" else torch.contiguous_format
        self.batch = batch
        self.network = make().to(memory_format=self.format).train()
        self.set_rate(1e-6)
        self.images = torch.randn(batch, *self.shape).to(memory_format=self.format)
        self.labels = torch.arange(batch) % 10

    def set_rate(self, rate):
        self.sgd = torch.optim.SGD(
            self.network.parameters(), lr=rate, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        )

    def step(self, images, labels):
        self.sgd.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.network(images), labels)
        loss.backward()
        self.sgd.step()
        return loss.item()

    def steps(self, count):
        cpu, wall = [], []
        for _ in range(count):
            began_cpu, began_wall = time.process_time(), time.perf_counter()
            self.step(self.images, self.labels)
            cpu.append(time.process_time() - began_cpu)
            wall.append(time.perf_counter() - began_wall)
        return cpu, wall

    def losses(self, folder, count, rate):
        weights = floats(folder + "/weights")
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.copy_(weights[: parameter.numel()].reshape(parameter.shape))
                weights = weights[parameter.numel() :]
        assert len(weights) == 0
        self.set_rate(rate)
        images = floats(folder + "/images").reshape(count, self.batch, *self.shape)
        labels = floats(folder + "/labels").long().reshape(count, self.batch)
        return [
            self.step(images[i].to(memory_format=self.format), labels[i]) for i in range(count)
        ]


def memory():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return 1024 * int(line.split()[1])
    return 0


def listed(values):
    return ",".join(format(value, ".9g") for value in values)


def main():
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    print("ready", torch.__version__, flush=True)
    task = None
    for line in sys.stdin:
        command, *words = line.split()
        if command == "open":
            task = Task(words[0], int(words[1]), words[2])
            print(sum(p.numel() for p in task.network.parameters()), flush=True)
        elif command == "steps":
            cpu, wall = task.steps(int(words[0]))
            print(listed(cpu), listed(wall), flush=True)
        elif command == "losses":
            print(listed(task.losses(words[0], int(words[1]), float(words[2]))), flush=True)
        elif command == "memory":
            print(memory(), flush=True)


main()
