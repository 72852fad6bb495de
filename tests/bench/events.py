# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What events cost a segment that changes a state: BPF_PROG_RUN of the XDP program on each segment of connections that
open and close, of three programs in turns: one built without events, the one that is, and the same with somebody who
reads all of them."""

import ctypes
import json
import os

from common import BENCH, PINS, ROOT, middle, run, say
from segments import frames, map_of

CONNECTIONS = 5000
RING_BYTES = 1 << 22  # takes all events of them unread
SEGMENTS = {0: "SYN", 1: "SYN+ACK", 2: "ACK", 7: "FIN", 8: "ACK of the FIN", 9: "FIN", 10: "ACK of the FIN"}

libbpf = ctypes.CDLL("libbpf.so.1")


class RunOptions(ctypes.Structure):
    """struct bpf_test_run_opts"""
    _fields_ = [("sz", ctypes.c_size_t), ("data_in", ctypes.c_char_p), ("data_out", ctypes.c_void_p),
                ("data_size_in", ctypes.c_uint32), ("data_size_out", ctypes.c_uint32), ("ctx_in", ctypes.c_void_p),
                ("ctx_out", ctypes.c_void_p), ("ctx_size_in", ctypes.c_uint32), ("ctx_size_out", ctypes.c_uint32),
                ("retval", ctypes.c_uint32), ("repeat", ctypes.c_int), ("duration", ctypes.c_uint32),
                ("flags", ctypes.c_uint32), ("cpu", ctypes.c_uint32), ("batch_size", ctypes.c_uint32)]


def nanoseconds(program, frame):
    options = RunOptions(sz=ctypes.sizeof(RunOptions), data_in=frame, data_size_in=len(frame), repeat=1)
    if libbpf.bpf_prog_test_run_opts(program, ctypes.byref(options)):
        raise SystemExit("bench: BPF_PROG_RUN refused a frame")
    return options.duration


def from_port(frame, client, port):
    """The frame with another port of its client's, whose side the address tells. Nobody looks at the checksum."""
    at = 34 if frame[26:30] == client else 36
    return frame[:at] + port.to_bytes(2, "big") + frame[at + 2:]


def read_all(program):
    """Somebody has the first place, and wants every event."""
    ring = f"{PINS}/events_ring"
    run("bpftool", "map", "create", ring, "type", "ringbuf", "key", 0, "value", 0, "entries", RING_BYTES,
        "name", "events_ring")
    run("bpftool", "map", "update", "id", map_of(program, "sw_reader_rings"), "key", *bytes(4), "value", "pinned", ring)
    readers = map_of(program, "sw_readers")
    size = json.loads(run("bpftool", "-j", "map", "show", "id", readers))["bytes_value"]
    run("bpftool", "map", "update", "id", readers, "key", *bytes(4), "value", *b"\xff" * 4, *bytes(size - 4))
    run("bpftool", "map", "update", "id", map_of(program, "sw_reading"), "key", *bytes(4), "value", 1, 0, 0, 0)


def measure():
    """{program: [ns of each segment, of all connections]}"""
    say("events")
    programs = {}
    for name, path in (("without events", f"{BENCH}/no_events.bpf.o"), ("nobody reads", f"{BENCH}/../../synward.bpf.o"),
                       ("one reads all", f"{BENCH}/../../synward.bpf.o")):
        folder = f"{PINS}/{name.replace(' ', '_')}"
        os.mkdir(folder)
        run("bpftool", "prog", "loadall", path, folder)
        programs[name] = libbpf.bpf_obj_get(f"{folder}/synward_ingress".encode())
    read_all("one_reads_all/synward_ingress")
    segments = list(frames(f"{ROOT}/tests/vectors/close-four.pcap"))
    client = segments[0][26:30]
    found = {name: [[] for _ in segments] for name in programs}
    for port in range(10000, 10000 + CONNECTIONS):
        for name, program in programs.items():
            for number, frame in enumerate(segments):
                found[name][number].append(nanoseconds(program, from_port(frame, client, port)))
    return found


def show(found):
    print(f"\nnanoseconds of a segment that changes a state, medians of {CONNECTIONS:,} connections, in turns")
    print(f"  {'':<24}" + "".join(f"{name:>16}" for name in found))
    for number, segment in SEGMENTS.items():
        print(f"  {segment:<24}" + "".join(f"{middle(of[number]):>16.0f}" for of in found.values()))
