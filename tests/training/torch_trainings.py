# SPDX-License-Identifier: Apache-2.0
# The trainings that samples_test.c left, again in PyTorch and in f64, by its own optimizers, schedules,
# losses, clipping and averaged models: the losses of all steps agree to 1e-4, those of validation and the
# last weights to 3e-4.
import array
import copy
import glob
import importlib.util
import os
import sys

import torch
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel

torch.set_num_threads(1)
STEPS, CLASSES = 24, 3
DEFAULTS = {
    "optimizer": "sgd", "momentum": "0.9", "nesterov": "yes", "weight_decay": "5e-4", "beta1": "0.9",
    "beta2": "0.999", "epsilon": "1e-8", "schedule": "cosine", "warmup": "0", "step_size": "10",
    "step_gamma": "0.1", "restart_period": "10", "restart_factor": "2", "clip_norm": "0",
    "clip_value": "0", "ema_decay": "0", "ema_ramp": "yes", "loss": "cross_entropy",
    "class_weights": "none", "label_smoothing": "0",
}  # fmt: skip


# As ONNX defines it: the running variance is the population's, not the unbiased one.
def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if training:
        axes = [i for i in range(x.dim()) if i != 1]
        m, v = x.mean(axes), x.var(axes, unbiased=False)
        with torch.no_grad():
            mean.lerp_(m, momentum)
            var.lerp_(v, momentum)
        mean, var = m, v
    shape = [1, -1] + [1] * (x.dim() - 2)
    y = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + eps)
    return y if weight is None else y * weight.view(shape) + bias.view(shape)


torch.nn.functional.batch_norm = batch_norm
spec = importlib.util.spec_from_file_location("network", os.path.join(sys.argv[1], "network.py"))
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)


def floats(name, shape=(-1,)):
    values = array.array("f")
    values.frombytes(open(os.path.join(sys.argv[1], name), "rb").read())
    return torch.tensor(values).double().reshape(shape)


def split(name):
    return floats(name + ".images", (-1, 1, 6, 6)), floats(name + ".labels").long()


def network_of(name):
    network = module.Network()
    network.load_safetensors(os.path.join(sys.argv[1], name + ".safetensors"))
    return network.double()


def start():
    network = network_of("start")
    for name, values in network.state_dict().items():
        if name.endswith(("/mean", ".mean")):
            values.zero_()
        if name.endswith(("/variance", ".variance")):
            values.fill_(1.0)
    return network


def optimizer_of(given, parameters):
    rate, decay = float(given["learning_rate"]), float(given["weight_decay"])
    if given["optimizer"] == "sgd":
        momentum = float(given["momentum"])
        nesterov = given["nesterov"] == "yes" and momentum > 0
        return torch.optim.SGD(parameters, rate, momentum, weight_decay=decay, nesterov=nesterov)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[given["optimizer"]]
    betas = (float(given["beta1"]), float(given["beta2"]))
    return kind(parameters, rate, betas, float(given["epsilon"]), decay)


def schedule_of(given, optimizer):
    warmup, kind = int(given["warmup"]), given["schedule"]
    if kind == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, STEPS - warmup)
    if kind == "linear":
        return lr_scheduler.LinearLR(optimizer, 1.0, 0.0, STEPS - warmup)
    if kind == "step":
        return lr_scheduler.StepLR(optimizer, int(given["step_size"]), float(given["step_gamma"]))
    if kind == "cosine_restarts":
        return lr_scheduler.CosineAnnealingWarmRestarts(
            optimizer, int(given["restart_period"]), int(given["restart_factor"])
        )
    return lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0)


def criterion_of(given, labels, classes):
    smoothing, weights = float(given["label_smoothing"]), None
    if given["class_weights"] == "balanced":
        counts = torch.bincount(labels, minlength=classes).double()
        weights = len(labels) / (classes * counts)
    elif given["class_weights"] != "none":
        weights = torch.tensor([float(w) for w in given["class_weights"].split(",")]).double()
    if given["loss"] == "cross_entropy":
        return torch.nn.CrossEntropyLoss(weights, label_smoothing=smoothing)

    def squared_error(logits, labels):
        target = torch.nn.functional.one_hot(labels, classes).double()
        target = target * (1 - smoothing) + smoothing / classes
        if weights is None:
            return torch.nn.MSELoss()(logits, target)
        each = torch.nn.MSELoss(reduction="none")(logits, target).mean(1)
        return (each * weights[labels]).sum() / weights[labels].sum()

    return squared_error


# Of all tensors, running statistics among them.
def averaged(given, network):
    decay, ramp = float(given["ema_decay"]), given["ema_ramp"] == "yes"
    if decay == 0:
        return None

    def mean(average, weight, count):
        step = int(count) + 1
        d = min(decay, (1 + step) / (10 + step)) if ramp else decay
        return d * average + (1 - d) * weight

    return AveragedModel(network, avg_fn=mean, use_buffers=True)


def near(got, want, tolerance, what):
    error = ((got - want).abs() / (1e-2 + want.abs())).max().item()
    assert error <= tolerance, f"{what}: {error:.3g}"


def check(name):
    given = dict(DEFAULTS)
    for line in open(os.path.join(sys.argv[1], name + ".ini")):
        key, value = line.split(" = ")
        given[key] = value.strip()
    images, labels = split("train")
    valid_images, valid_labels = split("valid")
    network = start()
    optimizer = optimizer_of(given, network.parameters())
    schedule = schedule_of(given, optimizer)
    criterion = criterion_of(given, labels, CLASSES)
    plain = criterion_of(dict(given, class_weights="none", label_smoothing="0"), labels, CLASSES)
    average = averaged(given, network)
    warmup, rate = int(given["warmup"]), float(given["learning_rate"])
    losses, valid_losses = [], []
    for step in range(STEPS):
        network.train()
        optimizer.zero_grad()
        loss = criterion(network(images), labels)
        losses.append(loss.item())
        loss.backward()
        if float(given["clip_value"]) > 0:
            torch.nn.utils.clip_grad_value_(network.parameters(), float(given["clip_value"]))
        if float(given["clip_norm"]) > 0:
            torch.nn.utils.clip_grad_norm_(network.parameters(), float(given["clip_norm"]))
        if step < warmup:
            for group in optimizer.param_groups:
                kept, group["lr"] = group["lr"], rate * step / warmup
        optimizer.step()
        if step < warmup:
            for group in optimizer.param_groups:
                group["lr"] = kept
        else:
            schedule.step()
        if average is not None:
            average.update_parameters(network)
        judged = copy.deepcopy(average.module if average is not None else network).eval()
        with torch.no_grad():
            valid_losses.append(plain(judged(valid_images), valid_labels).item())
    near(torch.tensor(losses), floats(name + ".losses"), 1e-4, "losses")
    near(torch.tensor(valid_losses), floats(name + ".valid_losses"), 3e-4, "validation")
    last = network_of(name).state_dict()
    for path, values in judged.state_dict().items():
        near(values, last[path], 3e-4, path)


failed = 0
names = [os.path.basename(path)[:-4] for path in sorted(glob.glob(sys.argv[1] + "/*.ini"))]
for name in names:
    try:
        check(name)
    except Exception as error:
        print(f"{name}: {error!r}", file=sys.stderr)
        failed += 1
print(f"torch {torch.__version__} trained {len(names)} times, {failed} differ")
sys.exit(1 if failed or len(names) < 13 else 0)
