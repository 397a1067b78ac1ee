#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tpe beside Optuna's TPESampler (defaults, in memory) on the functions of tests/plugins/known_functions.h.

beside.py tells what it is called with.
"""
import math

import numpy as np

import beside

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


def figure(function, trials, seed):
    import optuna
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(globals()[function], n_trials=trials)
    return study.best_value


beside.main("tpe", True, figure)
