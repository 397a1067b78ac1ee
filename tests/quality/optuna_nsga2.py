#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nsga2 beside Optuna's NSGAIISampler (defaults, in memory) on ZDT1 to 3 of tests/plugins/known_functions.h.

beside.py tells what it is called with; results.json is of `--reference f1=1.1,f2=1.1`.
"""
import math

import beside

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


def figure(function, trials, seed):
    import optuna
    sampler = optuna.samplers.NSGAIISampler(seed=seed)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(lambda trial: objectives(function, trial), n_trials=trials)
    return hypervolume([tuple(trial.values) for trial in study.trials])


beside.main("nsga2", False, figure)
