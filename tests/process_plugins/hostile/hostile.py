# SPDX-License-Identifier: Apache-2.0
"""A strategy or an estimator that does what $HOSTILE says, at trial 2. Otherwise it behaves: it has the
host draw, and finds every architecture as good as its hash."""
import json
import os
import signal
import subprocess
import sys
import time

mode = os.environ.get("HOSTILE", "")
WHEN = 2
trials = 0  # that this process evaluated
count = int(os.environ.get("HOSTILE_AFTER", WHEN))


def write(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say(call, kind, **fields):
    write(json.dumps({"id": call["id"], "answer": kind, **fields}))


def strike(call):
    """True: the call is answered."""
    if mode == "rubbish":
        write("hello, world")
    elif mode == "nul":
        write(json.dumps({"id": call["id"], "answer": "wait"}) + "\0 and more")
    elif mode == "list":
        write("[1, 2]")
    elif mode == "exit":
        print("some last words", file=sys.stderr)
        sys.exit(3)
    elif mode == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif mode == "flood":
        while True:
            sys.stdout.write("x" * 65536)
    elif mode == "silent":
        time.sleep(1000)
    elif mode == "memory":
        kept = bytearray(250 << 20)
        kept[::4096] = b"x" * len(kept[::4096])
        time.sleep(1000)
    elif mode == "other_call":
        write(json.dumps({"id": call["id"] - 1, "answer": "wait"}))
    elif mode == "no_id":
        write('{"answer": "wait"}')
    elif mode == "no_answer":
        write(json.dumps({"id": call["id"]}))
    elif mode == "other_answer":
        say(call, "told")
    elif mode == "closes":
        os.close(1)
        time.sleep(1000)
    elif mode == "words":
        say(call, "error", message="the moon is in the wrong house")
    elif mode == "child":
        # Into a session of its own, so that no process group reaches it.
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        os.kill(os.getpid(), signal.SIGKILL)
    elif mode == "outside":
        say(call, "trial", decisions={"depth": 99}, metrics={})
    elif mode == "beyond":
        say(call, "trial", decisions={"depth": 99})
    elif mode == "nobody":
        say(call, "trial", mutate=77)
    elif mode == "misspelt":
        say(call, "trial", mutat=0, metric={})
    elif mode == "not_declared":
        say(call, "done", metrics={"valid_accuracy": 0.5, "beauty": 1})
    elif mode == "missing":
        say(call, "done", metrics={})
    elif mode == "not_finite":
        write('{"id": %d, "answer": "done", "metrics": {"valid_accuracy": 1e999}}' % call["id"])
    else:
        return False
    return True


if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
first = json.loads(sys.stdin.readline())
write(json.dumps({"protocol": 7 if mode == "version" else first["protocol"]}))
if mode == "deaf":
    time.sleep(1000)
for line in sys.stdin:
    call = json.loads(line)
    name = call["call"]
    if name == "create":
        say(call, "created")
    elif name == "tell":
        say(call, "told")
        if mode == "twice" and call["trial"] == WHEN:
            say(call, "told")
    elif name == "ask":
        if call["trial"] != WHEN or not strike(call):
            say(call, "trial", rest="draw")
    else:
        trials += 1
        if trials == count + 1 and strike(call):
            continue
        say(call, "progress", step=1, metrics={"valid_accuracy": 0.1})
        answer = json.loads(sys.stdin.readline())
        if mode == "noise":
            print("\n".join("line %d" % i for i in range(5000)), file=sys.stderr)
        say(answer, "done", metrics={"valid_accuracy": int(call["hash"], 16) / 2**64})
        if mode == "twice" and trials == count + 1:
            say(answer, "done", metrics={"valid_accuracy": 0.5})
if mode == "stubborn":
    time.sleep(1000)
if mode == "orphan":
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
