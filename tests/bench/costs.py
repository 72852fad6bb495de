# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Nanoseconds a packet, in place: the generator sends (BPF_PROG_RUN, live frames), and the kernel's
own statistics of programs tell how long the one at the server's XDP hook took for each.

A repeated BPF_PROG_RUN of the program itself can't tell: the first run turns the SYN into a SYN-ACK,
it finds no listener, and its caches are warm. Here all is as it is under a flood. What the clock
costs is in all figures, and seen with the program that only passes.
"""

import contextlib
import ctypes
import json
import os

from common import PINS, ROUNDS, SYNWARD, middle, run, say
from defenders import Guard, Insert, Pass, Reflector, Synward, at, flood, until

COUNT = 300_000
ANSWERS = f"{PINS}/answers"
COLUMNS = (Pass, Reflector, Insert, Synward, Guard)


@contextlib.contextmanager
def statistics_of_programs():
    """The kernel counts the time of every program while this descriptor is open."""
    fd = ctypes.CDLL("libbpf.so.1").bpf_enable_stats(0)
    if fd < 0:
        raise SystemExit("bench: Couldn't enable statistics of programs")
    try:
        yield
    finally:
        os.close(fd)


def program_at_ingress():
    return json.loads(at("s", "ip", "-j", "link", "show", "veth"))[0]["xdp"]["prog"]["id"]


def programs_at_egress():
    shown = json.loads(at("s", "tc", "-j", "filter", "show", "dev", "veth", "egress"))
    return [row["options"]["prog"]["id"] for row in shown if "prog" in row.get("options", {})]


def spent(program):
    """(ns, runs) until now."""
    info = json.loads(run("bpftool", "-j", "prog", "show", "id", program))
    return info.get("run_time_ns", 0), info.get("run_cnt", 0)


def cost(program, work):
    """ns a run, while work is done."""
    with statistics_of_programs():
        before = spent(program)
        work()
        after = spent(program)
    runs = after[1] - before[1]
    return (after[0] - before[0]) / runs if runs else None


def counted():
    return json.loads(at("s", SYNWARD, "stats", "veth", "--json"))


def good_acks(defender):
    """The ACKs of clients that are real, as far as anybody can see: the meter kept the SYN-ACKs."""
    defender.meter("meter_keep")
    flood("-o", count=COUNT)
    before = counted()
    taken = cost(program_at_ingress(), lambda: flood("-a", ANSWERS, count=COUNT, flags=""))
    after = counted()
    arrived, accepted = (after[name] - before[name] for name in ("segments", "cookies_accepted"))
    if accepted < arrived:  # others may be lost on the wire, a ring of 256 frames
        say(f"of {arrived:,} good ACKs synward accepted {accepted:,}")
    return taken


def iperf(*options):
    at("c", "iperf3", "-c", "10.99.0.2", "-t", 1, *options)


def turn(kind):
    result = {}
    with kind() as defender:
        # What passes the programs ends there. The kernel's TCP is not what is measured.
        at("s", "nft", 'table netdev bench { chain ingress { type filter hook ingress device "veth" priority 0; '
           "ip saddr 198.18.0.0/15 drop;\n}\n}")
        program = program_at_ingress()
        for name, flags in (("SYN", "S"), ("bad ACK", "A"), ("RST", "R"), ("all kinds mixed", "mixed")):
            result[name] = cost(program, lambda: flood(count=COUNT, flags=flags))
        if kind is Guard:
            result["good ACK"] = good_acks(defender)
        if defender.serves:
            at("s", "iperf3", "-s", "-D")
            until("iperf3", lambda: at("s", "ss", "-ltnH", "sport = :5201"))
            result["data in"] = cost(program, iperf)
            for egress in programs_at_egress():
                result["data out"] = cost(egress, lambda: iperf("-R"))
    return result


def measure():
    found = {kind.name: [] for kind in COLUMNS}
    for number in range(ROUNDS):
        say(f"costs, round {number + 1} of {ROUNDS}")
        for kind in COLUMNS:
            if not kind.why_not:
                found[kind.name].append(turn(kind))
    return found


ROWS = {"SYN": "SYN -> SYN-ACK", "good ACK": "good ACK", "bad ACK": "bad ACK", "RST": "RST",
        "all kinds mixed": "all kinds mixed", "data in": "established data, XDP ingress",
        "data out": "established data, tc egress"}


def show(found):
    print(f"\nns a packet in place, {COUNT:,} of each from spoofed sources; data by iperf3, up to 64 KiB a packet")
    print(f"  {'':<30}" + "".join(f"{kind.name:>16}" for kind in COLUMNS))
    for row, title in ROWS.items():
        cells = []
        for kind in COLUMNS:
            value = middle(one.get(row) for one in found[kind.name])
            cells.append(f"{'-' if value is None else format(value, '.0f'):>16}")
        print(f"  {title:<30}" + "".join(cells))
    for kind in COLUMNS:
        if kind.why_not:
            print(f"  {kind.name} {kind.why_not}")
