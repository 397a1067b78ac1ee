# SPDX-License-Identifier: Apache-2.0
"""Espalier's figures beside Optuna's, for optuna_tpe.py and optuna_nsga2.py: what both do from the command line.

  SCRIPT run FUNCTION TRIALS FIRST LAST FILE  Optuna's figures, seeds FIRST to LAST, one line each,
                                              appended to FILE
  SCRIPT compare FUNCTION FILE RESULTS.json   RESULTS.json: `espalier results OUT --json`

`compare` fails where the one-sided 95 % bootstrap bound of how much worse Espalier's mean is than Optuna's lies above
5 % of Optuna's mean.
"""
import json
import sys

import numpy as np


def compare(name, least, function, path, results):
    """`least`: the less the better, as a regret; else the more, as a hypervolume."""
    with open(path) as lines:
        theirs = np.array([float(line) for line in lines])
    with open(results) as text:
        document = json.load(text)
    ours = np.array([run["values"][0] for run in document["runs"]])
    draws = np.random.RandomState(1)
    more, less = (ours, theirs) if least else (theirs, ours)
    worse = [draws.choice(more, more.size).mean() - draws.choice(less, less.size).mean() for _ in range(10000)]
    bound, room = np.quantile(worse, 0.95), 0.05 * theirs.mean()
    print("%-10s %s %.5g +- %.3g (%d)  Optuna %.5g +- %.3g (%d)  bound of the difference %.3g, room %.3g: %s"
          % (function, name, ours.mean(), ours.std(ddof=1), ours.size, theirs.mean(), theirs.std(ddof=1),
             theirs.size, bound, room, "ok" if bound <= room else "FAILED"))
    return bound <= room


def main(name, least, figure):
    """`figure(function, trials, seed)`: Optuna's, of one study."""
    words = sys.argv[1:]
    if words[0] == "run":
        import optuna
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        function, trials, first, last, path = words[1], int(words[2]), int(words[3]), int(words[4]), words[5]
        for seed in range(first, last + 1):
            with open(path, "a") as out:
                out.write("%.17g\n" % figure(function, trials, seed))
    else:
        sys.exit(0 if compare(name, least, *words[1:4]) else 1)
