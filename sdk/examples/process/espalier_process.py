# SPDX-License-Identifier: Apache-2.0
"""The protocol of Espalier's process plugins for programs in Python, version 1.

Python's standard library alone. The protocol itself is docs/process-plugins.md; this file is one way to
speak it, to be copied beside a plugin. Standard output belongs to the protocol from here on: what a
program prints goes to standard error, and from there to the run's log.
"""
import json
import math
import os
import sys
import traceback

PROTOCOL = 1


def finite(metrics):
    """JSON has no word for a number that is not finite but null."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


class Channel:
    """Lines of JSON from the host and to it."""

    def __init__(self):
        self.lines = sys.stdin
        # Others' prints, those of libraries in C too, must not come between our lines.
        self.out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self.id = None
        first = self.read()
        # The host says which version it speaks; it judges ours by itself.
        if first is not None:
            self.write({"protocol": PROTOCOL})

    def read(self):
        """The next call, or None at the end."""
        line = self.lines.readline()
        if not line:
            return None
        call = json.loads(line)
        self.id = call.get("id")
        return call

    def write(self, answer):
        self.out.write(json.dumps(answer) + "\n")
        self.out.flush()

    def answer(self, kind, **fields):
        """Answers the last call."""
        self.write({"id": self.id, "answer": kind, **fields})

    def fail(self, error):
        """Answers the last call with an exception; where it comes from goes to the log."""
        traceback.print_exception(type(error), error, error.__traceback__)
        self.answer("error", message="%s: %s" % (type(error).__name__, error))


def serve_strategy(create):
    """Serves a strategy until the host has no more calls.

    `create(call)` answers with an object that has
      ask(call)      -> the fields of a trial, as a dict: {"mutate": 3}, {"decisions": {...}}, ...;
                        None to wait for an outcome; or a str, the reason why the search is done
      tell(call)     learns from an outcome
      decide(trial, path, domain) -> a value; needed where ask answers {"rest": "ask"}
      rejected(call) -> as ask, for a trial whose values make no member of the space; optional
    """
    channel = Channel()
    strategy = None
    while (call := channel.read()) is not None:
        try:
            if call["call"] == "create":
                strategy = create(call)
                kind, fields = "created", {}
            else:
                kind, fields = answer_of(strategy, call)
        except Exception as error:  # the run ends with it
            channel.fail(error)
        else:
            channel.answer(kind, **fields)


def answer_of(strategy, call):
    """What a strategy answers: its kind, and its fields."""
    name = call["call"]
    if name == "tell":
        strategy.tell(call)
        return "told", {}
    if name == "decide":
        return "value", {"value": strategy.decide(call["trial"], call["path"], call["domain"])}
    trial = getattr(strategy, name)(call)  # ask or rejected
    if trial is None:
        return "wait", {}
    return ("done", {"reason": trial}) if isinstance(trial, str) else ("trial", trial)


class Trial:
    """One trial of an estimator: what the host said of it, and its progress."""

    def __init__(self, channel, call):
        self.channel = channel
        self.decisions = call["decisions"]  # [[path, value], ...]
        self.parameters = call["parameters"]
        self.task = call["task"]
        self.random = call["random"]  # a seed of this trial
        self.onnx = call["onnx"]  # a path, where the manifest says `needs = onnx`
        self.folder = call["folder"]  # for the trial's own files, or None
        self.final = call["final"]  # a final training: all data
        self.test = call["test"]  # it wants test_accuracy and test_loss besides

    def progress(self, step, **metrics):
        """A point of the trial's curve. True: go on; False: return soon, with the metrics so far."""
        self.channel.answer("progress", step=step, metrics=finite(metrics))
        call = self.channel.read()
        if call is None:  # the host is gone
            sys.exit(0)
        return call["call"] == "continue"


def serve_estimator(evaluate):
    """Serves an estimator until the host has no more calls.

    `evaluate(trial)` answers with the trial's metrics, a dict. An exception costs the trial alone.
    """
    channel = Channel()
    while (call := channel.read()) is not None:
        try:
            metrics = evaluate(Trial(channel, call))
        except Exception as error:  # whatever it is, the next trial is another
            channel.fail(error)
        else:
            channel.answer("done", metrics=finite(metrics))
