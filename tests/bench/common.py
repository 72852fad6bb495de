# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What all parts of the benchmark share: places, commands, the lab, the processors."""

import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
SYNWARD = os.environ.get("SYNWARD", os.path.join(BUILD, "synward"))
SYNWARD_OBJ = os.environ.get("SYNWARD_OBJ", os.path.join(BUILD, "synward.bpf.o"))
BENCH = os.path.join(BUILD, "tests", "bench")
LAB = f"sw-{os.getpid()}"
BPFFS = os.path.join(BENCH, f"bpffs-{os.getpid()}")  # its own: a fresh machine has none mounted
PINS = os.path.join(BPFFS, "bench")
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = int(os.environ.get("SECONDS", "2"))

# The flood, and what answers it, have a processor for themselves; everybody else is on the other.
ALL_CPUS = os.sched_getaffinity(0)
HOME_CPU, FLOOD_CPU = min(ALL_CPUS), max(ALL_CPUS)


def run(*words):
    done = subprocess.run([str(word) for word in words], text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def enter(host, *words, lab=LAB):
    """The words of a command in a namespace. nsenter and not `ip netns exec`, which hides bpffs."""
    return ["nsenter", f"--net=/run/netns/{lab}-{host}", *map(str, words)]


def inside(host, *words, lab=LAB):
    """A command in a namespace of the lab."""
    return run(*enter(host, *words, lab=lab))


def say(text):
    """What goes on meanwhile: the results are printed at the end."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def middle(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def ratio(mine, other):
    """The median of the ratios within each round: what slowed both does not count."""
    return middle(a / b if b else None for a, b in zip(mine, other))


def guard_known():
    return "--guard" in run(SYNWARD, "help", "run")


NO_GUARD = "skipped: `synward help run` knows no --guard"
