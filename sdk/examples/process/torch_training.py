# SPDX-License-Identifier: Apache-2.0
"""Trains a trial's network in PyTorch: on a GPU where `device` says so. The network comes as ONNX with
the weights that it begins with, so that every estimator of a run begins alike."""
import numpy
import torch

from espalier_process import serve_estimator
from onnx_network import Network

REPORTS = 10  # points of a curve


def made_up(task, samples, seed):
    """A coarse pattern a class, with noise: something that can be learned, from no file."""
    shape = [task["channels"], task["height"], task["width"]]
    coarse = torch.randn(task["classes"], task["channels"], 3, 3,
                         generator=torch.Generator().manual_seed(0))
    patterns = torch.nn.functional.interpolate(coarse, size=shape[1:], mode="nearest")
    numbers = torch.Generator().manual_seed(seed)
    labels = torch.randint(task["classes"], (samples,), generator=numbers)
    images = patterns[labels] + torch.randn(samples, *shape, generator=numbers)
    return (images if task["kind"] == "images" else images.flatten(1)), labels


def load(trial):
    path = trial.parameters["data"]
    if path:
        with numpy.load(path) as arrays:
            return [(torch.from_numpy(arrays["x_" + split].astype("float32")),
                     torch.from_numpy(arrays["y_" + split].astype("int64")))
                    for split in ("train", "valid")]
    return made_up(trial.task, 1024, 1), made_up(trial.task, 256, 2)


def validate(network, data, device):
    network.eval()
    with torch.no_grad():
        logits = network(data[0].to(device)).cpu()
    loss = torch.nn.functional.cross_entropy(logits, data[1])
    return (logits.argmax(1) == data[1]).float().mean().item(), loss.item()


def evaluate(trial):
    # The same trial gives the same bits, whatever was trained before it.
    torch.manual_seed(trial.random)
    torch.set_num_threads(1)
    device = trial.parameters["device"]
    network = Network(trial.onnx).to(device)
    train, valid = load(trial)
    optimizer = torch.optim.SGD(network.parameters(), lr=trial.parameters["learning_rate"],
                                momentum=0.9)
    steps, batch = trial.parameters["steps"], trial.parameters["batch"]
    metrics = {}
    for step in range(1, steps + 1):
        network.train()
        rows = torch.randint(len(train[0]), (batch,))
        loss = torch.nn.functional.cross_entropy(network(train[0][rows].to(device)),
                                                 train[1][rows].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % max(steps // REPORTS, 1) == 0 or step == steps:
            accuracy, valid_loss = validate(network, valid, device)
            metrics = {"valid_accuracy": accuracy, "valid_loss": valid_loss,
                       "train_loss": loss.item()}
            if not trial.progress(step, **metrics):
                break
    return metrics


serve_estimator(evaluate)
