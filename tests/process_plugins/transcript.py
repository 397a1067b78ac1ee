# SPDX-License-Identifier: Apache-2.0
"""The program of docs/process-plugins.md: it hears and says what stands in the file transcript.txt, beside
it, line by line. A line of the host that is another one is its error, which names both."""
import json
import os
import sys

out = os.environ["TRANSCRIPT_OUT"]  # the run's folder, which the page calls OUT
with open("transcript.txt") as file:
    lines = file.read().splitlines()
heard = None
for number, line in enumerate(lines):
    if line.startswith("> "):
        heard = sys.stdin.readline().rstrip("\n").replace(out, "OUT")
        if heard != line[2:]:
            print("line %d: the host says %s, and the page %s" % (number + 1, heard, line[2:]),
                  file=sys.stderr)
            sys.exit(1)
    else:
        print(line[2:], flush=True)
if sys.stdin.read() != "":
    sys.exit("the host has more to say than the page")
print("the whole page was spoken", file=sys.stderr)
