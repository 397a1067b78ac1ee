# SPDX-License-Identifier: Apache-2.0
"""Regularized evolution (Real et al. 2019, "Regularized Evolution for Image Classifier Architecture
Search") in Python's standard library: the oldest of the population dies, the best of a few that are
drawn is the parent. The host draws and mutates, so it serves every space."""
import random
from collections import deque

from espalier_process import serve_strategy


class Evolution:
    def __init__(self, call):
        self.size = call["parameters"]["population"]
        self.tournament = call["parameters"]["tournament"]
        self.population = deque(maxlen=self.size)  # (objective, trial)

    def ask(self, call):
        # The numbers of this ask depend on the run's seed and the trial alone: no generator has to be
        # brought through a resume.
        numbers = random.Random(call["random"])
        if call["trial"] < self.size or not self.population:
            return {"rest": "draw"}
        drawn = [numbers.choice(self.population) for _ in range(self.tournament)]
        return {"mutate": min(drawn)[1]}

    def tell(self, call):
        if call["objectives"] is not None and call["violation"] == 0:
            self.population.append((call["objectives"][0], call["trial"]))


serve_strategy(Evolution)
