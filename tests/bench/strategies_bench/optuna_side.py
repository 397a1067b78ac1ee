# SPDX-License-Identifier: Apache-2.0
"""Optuna's cost of one ask and tell at given sizes: in-memory storage, six choices of five, processor time.

Prints one JSON object: version, and for each sampler {size: milliseconds a trial}. The trials before the measured ones
are added with random values, those of NSGA-II with the generations that it would have given them; the measured ones
are a whole generation of NSGA-II (50), 20 of the others, whose median is taken (of NSGA-II the mean).
"""
import json
import random
import statistics
import sys
import time

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial

optuna.logging.set_verbosity(optuna.logging.ERROR)
OPTIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
NAMES = ["edge%d" % i for i in range(6)]
DOMAINS = {name: CategoricalDistribution(OPTIONS) for name in NAMES}
GENERATION = 50
SAMPLERS = {
    "random": (optuna.samplers.RandomSampler, {}),
    "tpe": (optuna.samplers.TPESampler, {}),
    "tpe, multivariate": (optuna.samplers.TPESampler, {"multivariate": True}),
    "nsga2": (optuna.samplers.NSGAIISampler, {"population_size": GENERATION}),
}
if hasattr(optuna.samplers, "GPSampler"):
    SAMPLERS["gp"] = (optuna.samplers.GPSampler, {})


def measure(name, size):
    sampler, options = SAMPLERS[name]
    pair = name == "nsga2"
    draw = random.Random(1)
    study = optuna.create_study(directions=["minimize"] * (1 + pair), sampler=sampler(seed=1, **options))
    for number in range(size):
        study.add_trial(create_trial(
            params={edge: draw.choice(OPTIONS) for edge in NAMES}, distributions=DOMAINS,
            values=[draw.random() for _ in range(1 + pair)],
            system_attrs={"nsga2:generation": number // GENERATION} if pair else {}))
    times = []
    for _ in range(GENERATION if pair else 20):
        began = time.process_time()
        trial = study.ask()
        for edge in NAMES:
            trial.suggest_categorical(edge, OPTIONS)
        study.tell(trial, [draw.random() for _ in range(1 + pair)])
        times.append(1e3 * (time.process_time() - began))
    return statistics.fmean(times) if pair else statistics.median(times)


sizes = [int(argument) for argument in sys.argv[1:]]
figures = {name: {str(size): measure(name, size) for size in sizes} for name in SAMPLERS}
print(json.dumps({"version": optuna.__version__, "milliseconds": figures}))
