# SPDX-License-Identifier: Apache-2.0
"""Optuna (Akiba et al. 2019, "Optuna: A Next-generation Hyperparameter Optimization Framework") as a
strategy. Espalier's spaces are define-by-run programs, and so are Optuna's: each decision that a pass of
the space meets is one `suggest_*` of Optuna's trial, so conditional decisions need no declaration, and
the values are those that Optuna itself would suggest with the same seed."""
import json

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from espalier_process import serve_strategy

SAMPLERS = {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    "nsga2": optuna.samplers.NSGAIISampler,
    "cmaes": optuna.samplers.CmaEsSampler,
}


def distribution(domain):
    kind, log = domain["kind"], domain.get("log", False)
    if kind == "int":
        return IntDistribution(domain["min"], domain["max"], log=log)
    if kind == "real":
        return FloatDistribution(domain["min"], domain["max"], log=log)
    return CategoricalDistribution(domain["options"])


class Optuna:
    def __init__(self, call):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        parameters = call["parameters"]
        options = {"seed": call["seed"] % 2**32}
        if parameters["constraints"]:
            if parameters["sampler"] not in ("tpe", "nsga2"):
                raise ValueError("the sampler %s heeds no constraints" % parameters["sampler"])
            options["constraints_func"] = lambda trial: [trial.user_attrs["violation"]]
        self.study = optuna.create_study(
            sampler=SAMPLERS[parameters["sampler"]](**options),
            directions=["minimize"] * call["objectives"])  # the host turns them so
        self.domains = {}
        for row in call["space"]:
            self.domains.setdefault(row["path"], row["domain"])
        self.trials = {}

    def ask(self, call):
        self.trials[call["trial"]] = self.study.ask()
        return {"rest": "ask"}

    def decide(self, number, path, domain):
        trial, log = self.trials[number], domain.get("log", False)
        if self.domains.setdefault(path, domain) != domain:
            # A path with two domains, which Optuna wants to be two parameters.
            path = "%s %s" % (path, json.dumps(domain))
        if domain["kind"] == "int":
            return trial.suggest_int(path, domain["min"], domain["max"], log=log)
        if domain["kind"] == "real":
            return trial.suggest_float(path, domain["min"], domain["max"], log=log)
        return trial.suggest_categorical(path, domain["options"])

    def rejected(self, call):
        """The values were no member of the space: Optuna is told that they failed, and asked anew."""
        self.study.tell(self.trials[call["trial"]], state=optuna.trial.TrialState.FAIL)
        return self.ask(call)

    def tell(self, call):
        trial = self.trials.pop(call["trial"], None)
        if trial is None:
            self.tell_given(call)
            return
        trial.set_user_attr("violation", call["violation"])
        if call["objectives"] is None:
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(trial, call["objectives"])

    def tell_given(self, call):
        """A trial that was not asked for ([start]), as far as its decisions are known."""
        known = [(path, value) for path, value in call["decisions"] if path in self.domains]
        if call["objectives"] is not None:
            self.study.add_trial(optuna.trial.create_trial(
                params=dict(known), values=call["objectives"],
                user_attrs={"violation": call["violation"]},
                distributions={path: distribution(self.domains[path]) for path, _ in known}))


serve_strategy(Optuna)
