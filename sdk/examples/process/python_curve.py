# SPDX-License-Identifier: Apache-2.0
"""An estimator in Python's standard library: a made-up learning curve that falls as a power of the
epochs (Domhan et al. 2015 fit such to real ones) to an end that depends on the decisions. It shows what an
estimator does: parameters, progress, stopping, a final training."""
import math
import zlib

from espalier_process import serve_estimator


def quality(decisions):
    """In [0, 1): each decision adds a share that its path and value settle, on any machine."""
    shares = [zlib.crc32(("%s=%s" % (path, value)).encode()) / 2**32 for path, value in decisions]
    return sum(shares) / len(shares) if shares else 0.5


def evaluate(trial):
    epochs, rate = trial.parameters["epochs"], trial.parameters["learning_rate"]
    off = abs(math.log10(rate / 0.05))
    best = 0.6 + 0.39 * quality(trial.decisions) - 0.05 * off
    metrics = {}
    for epoch in range(1, epochs + 1):
        accuracy = best - 0.5 * epoch ** -0.8
        metrics = {"valid_accuracy": accuracy, "valid_loss": -math.log(max(accuracy, 1e-3))}
        if not trial.progress(epoch, **metrics):
            break
    if trial.test:
        metrics["test_accuracy"] = metrics["valid_accuracy"] - 0.01
        metrics["test_loss"] = metrics["valid_loss"] + 0.01
    return metrics


serve_estimator(evaluate)
