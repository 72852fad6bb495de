# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Nanoseconds a SYN on each of two processors, alone and both at once: whether they wait for each other's cache lines.

BPF_PROG_RUN of bare.bpf.c's `again`, which makes the frame a fresh SYN and hands it on, in the server's namespace and as if it
had come in at its veth: no generator, no wire and no receiver take a share. What `again` takes itself is in all figures,
and seen with a program that only drops. The runs have their processors before anybody else.
"""

import json
import re
import struct
import subprocess
import tempfile

from common import FLOOD_CPU, HOME_CPU, PINS, ROUNDS, enter, middle, run, say
from costs import program_at_ingress
from defenders import FIELD, PORT, SERVER, Guard, Reflector, at

REPEAT = 1_000_000
SYN_BYTES = 74  # Ethernet, IPv4, TCP with the options of Linux
OPTIONS = bytes((2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7))


class Budgeted(Guard):
    """Sources are so many that none has had its replies."""

    options = ("--guard", PORT, "--cookies", "always")


def mac(host):
    return bytes.fromhex(re.search(r"link/ether (\S+)", at(host, "ip", "link", "show", "veth"))[1].replace(":", ""))


def words(data):
    """Their sum, in the order of this machine's bytes, as sums of the Internet may be (RFC 1071)."""
    return sum(struct.unpack(f"={len(data) // 2}H", data))


def fresh_syn():
    """struct fresh_syn of bare.bpf.c."""
    target = bytes(map(int, SERVER[4].split(".")))
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, SYN_BYTES - 14, 0, 0x4000, 64, 6, 0, bytes(4), target)
    tcp = struct.pack("!HHIIBBHHH", 40000, PORT, 0, 0, (20 + len(OPTIONS)) << 2, 2, 64240, 0, 0) + OPTIONS
    pseudo = target + struct.pack("!HH", 6, len(tcp))
    frame = mac("s") + mac("c") + b"\x08\0" + ip + tcp
    return frame + bytes(2) + struct.pack("=II", words(ip), words(tcp + pseudo))


def begin(cpu, frame, context):
    """A run of `again` there."""
    return subprocess.Popen(["chrt", "--fifo", "1", "taskset", "-c", str(cpu),
                             *enter("s", "bpftool", "prog", "run", "pinned", f"{PINS}/again", "data_in", frame,
                                    "ctx_in", context, "repeat", REPEAT, lab=FIELD)], stdout=subprocess.PIPE, text=True)


def end(process, verdict):
    said, _ = process.communicate()
    found = re.search(r"Return value: (\d+), duration.*: (\d+)ns", said)
    if not found or int(found[1]) != verdict:
        raise SystemExit(f"bench: BPF_PROG_RUN ended with {said}, and not with verdict {verdict}")
    return int(found[2])


def runs(program, verdict):
    """ns a SYN: alone on each processor, and on each beside the other."""
    index = json.loads(at("s", "ip", "-j", "link", "show", "veth"))[0]["ifindex"]
    run("bpftool", "map", "update", "pinned", f"{PINS}/next_program", "key", *bytes(4), "value", "id", program)
    run("bpftool", "map", "update", "pinned", f"{PINS}/fresh", "key", *bytes(4), "value", *fresh_syn())
    with tempfile.NamedTemporaryFile() as frame, tempfile.NamedTemporaryFile() as context:
        frame.write(bytes(SYN_BYTES))
        context.write(struct.pack("=6I", 0, SYN_BYTES, 0, index, 0, 0))
        frame.flush()
        context.flush()
        alone = [end(begin(cpu, frame.name, context.name), verdict) for cpu in (HOME_CPU, FLOOD_CPU)]
        beside = [begin(cpu, frame.name, context.name) for cpu in (HOME_CPU, FLOOD_CPU)]
        return alone, [end(process, verdict) for process in beside]


def id_of(name):
    return re.match(r"(\d+):", run("bpftool", "prog", "show", "pinned", f"{PINS}/{name}"))[1]


def measure():
    """{what: [(alone, beside)]}, a round each."""
    found = {"drop": [], Reflector.name: [], Guard.name: []}
    with Budgeted():
        guard = program_at_ingress()
        for number in range(3 * ROUNDS):
            say(f"processors, round {number + 1} of {3 * ROUNDS}")
            for what, program, verdict in (("drop", id_of("drop"), 1), (Reflector.name, id_of("reflect"), 3),
                                           (Guard.name, guard, 3)):
                found[what].append(runs(program, verdict))
    return found


def rate(pair):
    return sum(1 / ns for ns in pair)


def times(turns):
    """What two processors do at once, as a multiple of what one does."""
    return middle(2 * rate(beside) / rate(alone) for alone, beside in turns)


def ratios(found):
    yield "SYN-ACKs on two processors / on one, guard", ">= 1.8", times(found[Guard.name])


def show(found):
    print(f"\nns a SYN by BPF_PROG_RUN, {REPEAT:,} from sources at random, median of {3 * ROUNDS}; what makes them is in it\n"
          f"  {'':<18}{'one processor':>15}{'two at once':>13}{'two do':>9}")
    for what, turns in found.items():
        alone, beside = (middle(sum(pair) / 2 for pair in side) for side in zip(*turns))
        print(f"  {what:<18}{alone:>15.0f}{beside:>13.0f}{times(turns):>9.2f}")
