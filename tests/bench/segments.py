# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""BPF_PROG_RUN of the XDP program, and of proxy's at tc, a million times on one frame, against a program that only passes:
what the code takes when it has the processor's caches for itself."""

import json
import os
import re
import struct

from common import LAB, PINS, ROOT, middle, run, say

TIMES = 5

# Where struct sw_proxied has what, and its size.
PROXIED, STAGE, SPOKEN, TSTAMP_OK, CLIENT = 80, 64, 67, 70, 78
OPEN = 2


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


def endpoint(frame, at):
    """Of an IPv4 frame: its address, mapped, and port, at 0 the source's and at 1 the destination's."""
    address, port = frame[26 + 4 * at:30 + 4 * at], frame[34 + 2 * at:36 + 2 * at]
    return bytes(10) + b"\xff\xff" + address, port


def map_of(program, name):
    ids = json.loads(run("bpftool", "-j", "prog", "show", "pinned", f"{PINS}/{program}"))["map_ids"]
    return next(number for number in ids
                if json.loads(run("bpftool", "-j", "map", "show", "id", number))["name"] == name)


def translate(frame):
    """From now on the connection of this frame of its client's is one that goes through proxy; its numbers stay."""
    ends = [endpoint(frame, at) for at in (0, 1)]
    ordered = sorted(ends)
    key = b"".join(address for address, _ in ordered) + b"".join(port[::-1] for _, port in ordered)
    value = bytearray(PROXIED)
    value[STAGE], value[SPOKEN], value[TSTAMP_OK], value[CLIENT] = OPEN, 1, 1, ordered.index(ends[0])
    for program in ("synward_inward", "synward_outward"):
        run("bpftool", "map", "update", "id", map_of(program, "sw_proxied"), "key", *key, "value", *value)


def translated(client, server):
    """[(what, its program, a frame)]: the same segments, with and without a translation."""
    yield "to a service, not translated", "synward_inward", client
    yield "from a service, not translated", "synward_outward", server
    translate(client)
    yield "to a service, translated", "synward_inward", client
    yield "from a service, translated", "synward_outward", server


def measure():
    """[(what, ns of the floor, ns of synward)]"""
    say("segments")
    opening = list(frames(f"{ROOT}/tests/vectors/close-four.pcap"))
    for frame in opening[:4]:
        nanoseconds("synward_ingress", frame, 1)
    cases = (("a frame that is not IP", b"\2" * 12 + b"\x08\x06" + bytes(46)),
             ("ACK of an established flow", opening[4]), ("data sent again", opening[3]),
             ("SYN+ACK sent again", opening[1]))
    cases = [(name, "pass_ingress", "synward_ingress", frame) for name, frame in cases]
    found = [measured(*case) for case in cases]
    for name, program, frame in translated(opening[3], opening[4]):
        found.append(measured(name, "pass_egress", program, frame))
    return found


def measured(name, floor, program, frame):
    return (name, *(middle(nanoseconds(each, frame) for _ in range(TIMES)) for each in (floor, program)))


def show(found):
    print(f"\nnanoseconds a frame by BPF_PROG_RUN, median of {TIMES} times a million")
    print(f"  {'':<30}{'pass':>8}{'synward':>9}{'difference':>12}")
    for name, floor, mine in found:
        print(f"  {name:<30}{floor:>8.0f}{mine:>9.0f}{mine - floor:>12.0f}")
