#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""optuna_directly.py SAMPLER SEED <TRIALS: Optuna, used without Espalier on the space of
sdk/examples/process/optuna.ini, must suggest what the trials of the run have. A trial is a line
[id, state, {"decisions": [[path, value], ...]}, metrics]."""
import json
import sys

import optuna

OPS = ["conv_3x3", "conv_5x5", "sep_conv_3x3", "sep_conv_5x5", "max_pool_3x3", "avg_pool_3x3",
       "identity"]
optuna.logging.set_verbosity(optuna.logging.WARNING)
trials = [json.loads(line) for line in sys.stdin]
suggested = []


def objective(trial):
    """The space chain with a searched learning rate, as its user would write it for Optuna."""
    row = []

    def take(path, value):
        row.append([path, value])
        return value

    take("@estimator/learning_rate",
         trial.suggest_float("@estimator/learning_rate", 1e-3, 1, log=True))
    size = 32  # of the map; a stride that would bring it under 4 is no choice
    for layer in range(take("depth", trial.suggest_int("depth", 2, 6))):
        path = "layer/%d/op" % layer
        op = take(path, trial.suggest_categorical(path, OPS))
        path += "/" + op
        if "conv" in op:
            take(path + "/width", trial.suggest_categorical(path + "/width", ["16", "32", "64"]))
        if op != "identity" and (size + 1) // 2 >= 4:
            path += "/stride"
            stride = take(path, trial.suggest_categorical(path, ["1", "2"]))
            size = (size + int(stride) - 1) // int(stride)
    suggested.append(row)
    return -trials[len(suggested) - 1][3]["valid_accuracy"]  # turned, as the run turns it


samplers = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
study = optuna.create_study(sampler=samplers[sys.argv[1]](seed=int(sys.argv[2])))
study.optimize(objective, n_trials=len(trials))
for number, (own, row) in enumerate(zip(suggested, trials)):
    theirs = row[2]["decisions"]
    if own != theirs:
        sys.exit("trial %d: Optuna suggests %s, the run has %s" % (number, own, theirs))
print("%s: %d trials, %d values, all equal" % (sys.argv[1], len(trials), sum(map(len, suggested))))
