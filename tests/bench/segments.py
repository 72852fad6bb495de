# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""BPF_PROG_RUN of the XDP program, a million times on one frame, against a program that only passes:
what the code takes when it has the processor's caches for itself."""

import os
import re
import struct

from common import LAB, PINS, ROOT, middle, run, say

TIMES = 5


def frames(capture):
    """The frames of a little-endian pcap file."""
    data, at = open(capture, "rb").read(), 24
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def nanoseconds(program, frame, repeat=1_000_000):
    with open(f"/tmp/{LAB}.frame", "wb") as file:
        file.write(frame)
    text = run("bpftool", "prog", "run", "pinned", f"{PINS}/{program}", "data_in", file.name,
               "repeat", repeat)
    os.unlink(file.name)
    return int(re.search(r"duration.*: (\d+)ns", text)[1])


def measure():
    """[(what, ns of the floor, ns of synward)]"""
    say("segments")
    opening = list(frames(f"{ROOT}/tests/vectors/close-four.pcap"))
    for frame in opening[:4]:
        nanoseconds("synward_ingress", frame, 1)
    cases = (("a frame that is not IP", b"\2" * 12 + b"\x08\x06" + bytes(46)),
             ("ACK of an established flow", opening[4]), ("data sent again", opening[3]),
             ("SYN+ACK sent again", opening[1]))
    return [(name, *(middle(nanoseconds(program, frame) for _ in range(TIMES))
                     for program in ("pass_ingress", "synward_ingress"))) for name, frame in cases]


def show(found):
    print(f"\nnanoseconds a frame by BPF_PROG_RUN, median of {TIMES} times a million")
    print(f"  {'':<30}{'pass':>8}{'synward':>9}{'difference':>12}")
    for name, floor, mine in found:
        print(f"  {name:<30}{floor:>8.0f}{mine:>9.0f}{mine - floor:>12.0f}")
