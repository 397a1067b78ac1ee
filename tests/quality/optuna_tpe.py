#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tpe beside Optuna's TPESampler (defaults, in memory) on the functions of tests/plugins/known_functions.h.

  optuna_tpe.py run FUNCTION TRIALS FIRST LAST FILE  Optuna's regrets, seeds FIRST to LAST, one line each,
                                                     appended to FILE
  optuna_tpe.py compare FUNCTION FILE RESULTS.json   RESULTS.json: `espalier results OUT --json`

`compare` fails where the one-sided 95 % bootstrap bound of (mean regret of tpe - Optuna's) is above 5 % of
Optuna's mean regret.
"""
import json
import math
import sys

import numpy as np

A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
              [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
P = np.array([[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
              [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
              [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
              [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]])
ALPHA = np.array([1.0, 1.2, 3.0, 3.2])


def branin(trial):
    x = trial.suggest_float("x0", -5, 10)
    y = trial.suggest_float("x1", 0, 15)
    valley = y - 5.1 / (4 * math.pi ** 2) * x * x + 5 / math.pi * x - 6
    return valley ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.39788735772973816


def hartmann6(trial):
    x = np.array([trial.suggest_float("x%d" % i, 0, 1) for i in range(6)])
    return -float(ALPHA @ np.exp(-(A * (x - P) ** 2).sum(axis=1))) + 3.322368011415514


def traps(trial):
    x = [trial.suggest_categorical("x%d" % i, [0, 1]) for i in range(24)]
    ones = [sum(x[4 * block:4 * block + 4]) for block in range(6)]
    return 24 - sum(4 if n == 4 else 3 - n for n in ones)


def run(function, trials, first, last, path):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for seed in range(first, last + 1):
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(globals()[function], n_trials=trials)
        with open(path, "a") as out:
            out.write("%.17g\n" % study.best_value)


def compare(function, path, results):
    with open(path) as lines:
        theirs = np.array([float(line) for line in lines])
    with open(results) as text:
        document = json.load(text)
    ours = np.array([run["values"][0] for run in document["runs"]])
    draws = np.random.RandomState(1)
    means = [draws.choice(ours, ours.size).mean() - draws.choice(theirs, theirs.size).mean()
             for _ in range(10000)]
    bound, room = np.quantile(means, 0.95), 0.05 * theirs.mean()
    print("%-10s tpe %.5g +- %.3g (%d)  Optuna %.5g +- %.3g (%d)  bound of the difference %.3g, room %.3g: %s"
          % (function, ours.mean(), ours.std(ddof=1), ours.size, theirs.mean(), theirs.std(ddof=1),
             theirs.size, bound, room, "ok" if bound <= room else "FAILED"))
    return bound <= room


if sys.argv[1] == "run":
    run(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
else:
    sys.exit(0 if compare(*sys.argv[2:5]) else 1)
