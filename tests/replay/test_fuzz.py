# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Broken captures by the thousand: the reader with sanitizers; the whole program, which must end in good order."""

import glob
import os
import random
import re
import shutil
import subprocess
import tempfile
import time

from harness import HERE, ROOT, Skip, check_json_lines, must, replay, same, test
from packets import (A, A6, B, B6, CLOSE, HANDSHAKE, SLL2, conversation, frame, interface, link, pcap, pcapng, section,
                     times)
from test_file import FRAMES, TUNNELS, WITHOUT_ID, of_kind
from test_model import VECTORS

SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
READER = [*(f"replay/{name}" for name in ("capture", "checksum", "fragments", "link", "pcapng", "route", "senders", "tunnel",
                                           "unpack", "unwrap", "kinds")),
          "text/conn_state", "text/flow_view", "text/names", "text/values", "text/json"]
FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=all", f"-I{ROOT}/include", f"-I{ROOT}/user"]
WORDS = [["--json"], ["--json", "--ignore-checksum"], ["--segments"], ["--ladder"], ["--svg", "-"], []]


def seeds():
    """Captures of every kind to begin with."""
    yield pcap(times(FRAMES))
    yield pcap(times(FRAMES), order=">", nano=True)
    yield pcap(times(of_kind(SLL2, A6, B6)), SLL2)
    yield pcapng(times(conversation(A, B, HANDSHAKE + CLOSE)))
    yield pcapng(times(FRAMES), order=">") + section() + interface(SLL2, 99, 9, 5)
    tagged = [link(f[14:], vlan=[(0x88A8, 7), (0x8100, 5)]) for f in FRAMES]
    yield pcap(times([*tagged, frame(A, B, "S", 1, checksum=0xBAD)]))
    yield pcap(times([wrap(f, n) for wrap in TUNNELS.values() for n, f in enumerate(FRAMES)]))
    yield pcap(times([wrap(f) for wrap in WITHOUT_ID.values() for f in FRAMES]))
    for kind in (9, 50, 104, 105, 107, 109, 117, 119, 127, 192, 239, 258):
        yield pcap(times([bytes(n) + f for n, f in enumerate(FRAMES)]), kind)


def sanitized_reader(folder):
    """The fuzzer, built with sanitizers, or Skip."""
    compiler = shutil.which("gcc")
    if not compiler:
        raise Skip("there is no gcc")
    sources = [os.path.join(HERE, "fuzz_reader.c"), *(os.path.join(ROOT, "user", f"{name}.c") for name in READER)]
    binary = os.path.join(folder, "fuzz_reader")
    built = subprocess.run([compiler, *FLAGS, *sources, "-lpcap", "-ljansson", "-lz", "-lzstd", "-o", binary], capture_output=True,
                           text=True, check=False)
    if "cannot find -lasan" in built.stderr or "cannot find libasan" in built.stderr:
        raise Skip("there is no libasan")
    must(built.returncode == 0, f"the fuzzer does not build: {built.stderr}")
    return binary


@test
def fuzzed_captures_are_read_without_a_fault():
    with tempfile.TemporaryDirectory() as folder:
        binary = sanitized_reader(folder)
        paths = glob.glob(os.path.join(VECTORS, "*.pcap"))
        for n, seed in enumerate(seeds()):
            paths.append(os.path.join(folder, f"seed{n}"))
            with open(paths[-1], "wb") as file:
                file.write(seed)
        run = subprocess.run([binary, str(SECONDS), str(SEED), *paths], capture_output=True, text=True, check=False)
        same(run.returncode, 0, f"exit of the fuzzer: {run.stderr[-2000:]}")
        captures, frames = map(int, re.findall(r"\d+", run.stdout))
        must(captures > 100 and frames > captures, f"too little was read: {run.stdout}")


def mutated(capture, chance):
    """A capture with some of it changed behind the file's header."""
    broken = bytearray(capture)
    for _ in range(chance.randint(1, 12)):
        broken[chance.randrange(24, len(broken))] = chance.choice([0, 1, 0x45, 0x60, 0x7F, 0xFF, chance.randrange(256)])
    return bytes(broken[:chance.choice([len(broken), chance.randrange(24, len(broken))])])


@test
def fuzzed_captures_end_in_an_orderly_way():
    chance, end = random.Random(SEED), time.monotonic() + SECONDS
    while time.monotonic() < end:
        capture = mutated(chance.choice(list(seeds())), chance)
        words = chance.choice(WORDS)
        result = replay(capture, *words)
        must(result.code in (0, 1), f"exit {result.code}: {result.err}")
        same(result.code == 1, "Couldn't" in result.err, f"an error for exit {result.code}: {result.err!r}")
        if "--json" in words:
            check_json_lines(result.out)
        elif words != ["--svg", "-"]:
            must(all(len(line) <= 100 for line in result.out.splitlines()), "more than 100 columns")
