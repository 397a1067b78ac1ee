# SPDX-License-Identifier: Apache-2.0
"""A strategy that answers with every field that a trial may have, one after the other; it also waits once, and
proposes what is no member of the space nasbench101. What it learns goes to standard error, a JSON line each."""
import json
import sys

waited = False
domains = {}
decides = 0


def write(line):
    print(json.dumps(line), flush=True)


def note(**fields):
    print("note " + json.dumps(fields), file=sys.stderr, flush=True)


def ask(trial):
    global waited
    if trial == 2 and not waited:
        waited = True
        return "wait", {}
    return "trial", [
        {"rest": "draw"},
        {"rest": "draw", "fidelity": {"epochs": 3}},
        {"cross": [0, 1]},
        {"mutate": 0, "rate": 0.2},
        {"from": 1, "parent": 1, "mode": "inherit"},
        {"rest": "ask"},
        # No edges: input and output are not connected, which is no member.
        {"decisions": {path: domain["options"][0] for path, domain in domains.items()
                       if domain["kind"] == "one"}},
    ][trial]


def first(domain):
    if domain["kind"] == "one":
        return domain["options"][0]
    return list(range(domain["least"])) if domain["kind"] == "subset" else domain["min"]


json.loads(sys.stdin.readline())
write({"protocol": 1})
for line in sys.stdin:
    call = json.loads(line)
    name = call["call"]
    if name == "create":
        domains = {row["path"]: row["domain"] for row in call["space"]}
        answer, fields = "created", {}
    elif name == "ask":
        decides = 0
        answer, fields = ask(call["trial"])
    elif name == "rejected":
        note(rejected=call["trial"])
        answer, fields = "trial", {"rest": "draw"}
    elif name == "decide":
        # What the host would not have: the last option of each, until the pass is begun again.
        decides += 1
        answer, fields = "value", {"value": call["domain"]["options"][-1]
                                   if call["domain"]["kind"] == "one" else first(call["domain"])}
    else:
        note(told=call["trial"], asked=call["asked"], parent=call["parent"],
             fidelity=call["fidelity"], state=call["state"])
        answer, fields = "told", {}
    write({"id": call["id"], "answer": answer, **fields})
