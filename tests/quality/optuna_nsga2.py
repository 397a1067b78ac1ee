#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nsga2 beside Optuna's NSGAIISampler (defaults, in memory) on ZDT1 to 3 of tests/plugins/known_functions.h.

  optuna_nsga2.py run FUNCTION TRIALS FIRST LAST FILE  Optuna's hypervolumes, seeds FIRST to LAST, one line each,
                                                       appended to FILE
  optuna_nsga2.py compare FUNCTION FILE RESULTS.json   RESULTS.json: `espalier results OUT --json
                                                       --reference f1=1.1,f2=1.1`

`compare` fails where the one-sided 95 % bootstrap bound of (Optuna's mean hypervolume - that of nsga2) is above 5 %
of Optuna's mean.
"""
import json
import math
import sys

import numpy as np

REFERENCE = 1.1
SHAPES = {
    "zdt1": lambda f1, g: 1 - math.sqrt(f1 / g),
    "zdt2": lambda f1, g: 1 - (f1 / g) ** 2,
    "zdt3": lambda f1, g: 1 - math.sqrt(f1 / g) - f1 / g * math.sin(10 * math.pi * f1),
}


def objectives(function, trial):
    x = [trial.suggest_float("x%d" % i, 0, 1) for i in range(10)]
    g = 1 + 9 * sum(x[1:]) / 9
    return x[0], g * SHAPES[function](x[0], g)


def hypervolume(points):
    area, low = 0.0, REFERENCE
    for x, y in sorted(points):
        if x < REFERENCE and y < low:
            area += (REFERENCE - x) * (low - y)
            low = y
    return area


def run(function, trials, first, last, path):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for seed in range(first, last + 1):
        sampler = optuna.samplers.NSGAIISampler(seed=seed)
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
        study.optimize(lambda trial: objectives(function, trial), n_trials=trials)
        with open(path, "a") as out:
            out.write("%.17g\n" % hypervolume([tuple(trial.values) for trial in study.trials]))


def compare(function, path, results):
    with open(path) as lines:
        theirs = np.array([float(line) for line in lines])
    with open(results) as text:
        document = json.load(text)
    ours = np.array([run["values"][0] for run in document["runs"]])
    draws = np.random.RandomState(1)
    means = [draws.choice(theirs, theirs.size).mean() - draws.choice(ours, ours.size).mean()
             for _ in range(10000)]
    bound, room = np.quantile(means, 0.95), 0.05 * theirs.mean()
    print("%-10s nsga2 %.5g +- %.3g (%d)  Optuna %.5g +- %.3g (%d)  bound of the difference %.3g, room %.3g: %s"
          % (function, ours.mean(), ours.std(ddof=1), ours.size, theirs.mean(), theirs.std(ddof=1),
             theirs.size, bound, room, "ok" if bound <= room else "FAILED"))
    return bound <= room


if sys.argv[1] == "run":
    run(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
else:
    sys.exit(0 if compare(*sys.argv[2:5]) else 1)
