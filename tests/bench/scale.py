# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Many connections: nanoseconds a segment, and bytes a flow, beside nf_conntrack with as many.

        clients ─► veth ─┐                  ┌─► far ─► server
                         │  a router, each  │
        drop   ◄─  veth ─┘  of three labs   └── far ◄─
                         bare programs / synward / bare programs and nf_conntrack

One processor makes a batch of segments (talk.c), routes them and drops them behind the router before it
makes the next. What it takes for all that is the thread's processor time. What a tracker takes is that
less what it takes with programs that only pass, of the same segments, in the same round.

The connections are open in both tables, and every segment is the next data of one of them or the ACK of it:
the tables say how many connections they hold, and how many segments they took for segments of those.
"""

import contextlib
import json
import time

from common import BENCH, FLOOD_CPU, LAB, PINS, ROOT, ROUNDS, SYNWARD, enter, inside, middle, run, say

SIZES = {4: (1_000, 100_000, 1_000_000, 4_000_000), 6: (1_000_000,)}
COUNT = 1_000_000  # segments at a time
TURNS = 2 * ROUNDS + 1

SERVER = {4: "203.0.113.1", 6: "2001:db8:ffff::1"}
CLIENTS = {4: "198.18.0.0/15", 6: "2001:db8::/64"}
NEXT = {"veth": {4: "10.99.0.1", 6: "fd00:99::1"}, "far": {4: "10.98.0.1", 6: "fd00:98::1"}}

# Of all namespaces; put back as they were.
CONNTRACK_SIZES = ("/sys/module/nf_conntrack/parameters/hashsize", "/proc/sys/net/netfilter/nf_conntrack_max")


def write(path, value):
    with open(path, "w") as file:
        file.write(str(value))


def read(path):
    with open(path) as file:
        return int(file.read())


def unreclaimable():
    """Bytes that the kernel has for itself and can't give back."""
    with open("/proc/meminfo") as file:
        lines = dict(line.split(":") for line in file)
    return sum(int(lines[name].split()[0]) for name in ("SUnreclaim", "VmallocUsed", "Percpu")) * 1024


def kernel_memory():
    """The same, once what is being torn down has been given back: two seconds without a change of a MiB."""
    seen = [unreclaimable()]
    while len(seen) < 120 and (len(seen) < 5 or max(seen[-5:]) - min(seen[-5:]) > 1 << 20):
        time.sleep(0.5)
        seen.append(unreclaimable())
    return seen[-1]


class Router:
    """Nothing but programs that pass: the floor."""

    name = "bare programs"
    held = None  # how many connections the table holds
    taken = None  # how many segments it took for segments of those

    def __init__(self, family, flows):
        self.family, self.flows, self.sent = family, flows, 0
        self.lab = f"{LAB}-{type(self).__name__.lower()}"
        # Of two, or the default; as many buckets of nf_conntrack as flows it may have, as by default.
        self.room = max(1 << 20, 1 << flows.bit_length())

    def at(self, host, *words):
        return inside(host, *words, lab=self.lab)

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self):
        run(f"{ROOT}/scripts/lab", "up", self.lab)
        self.at("s", "nft", "delete", "table", "inet", "lab")
        run("ip", "link", "add", "far", "netns", f"{self.lab}-c", "address", "02:00:00:00:00:03", "type", "veth",
            "peer", "name", "far", "netns", f"{self.lab}-s", "address", "02:00:00:00:00:04")
        for host, number in (("c", 1), ("s", 2)):
            self.at(host, "ip", "link", "set", "far", "up")
            self.at(host, "ip", "address", "add", f"10.98.0.{number}/24", "dev", "far")
            self.at(host, "ip", "address", "add", f"fd00:98::{number}/64", "dev", "far", "nodad")
        self.route()
        for iface in NEXT:
            self.at("c", "ip", "link", "set", iface, "xdp", "pinned", f"{PINS}/drop")
        before = kernel_memory()
        self.on()
        self.talk("open")
        self.bytes = (kernel_memory() - before) / self.flows

    def route(self):
        self.at("s", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        for family, net in CLIENTS.items():
            self.at("s", "ip", "route", "add", net, "via", NEXT["veth"][family], "dev", "veth")
            self.at("s", "ip", "route", "add", SERVER[family], "via", NEXT["far"][family], "dev", "far")
        for number, iface in ((1, "veth"), (3, "far")):
            for address in NEXT[iface].values():
                self.at("s", "ip", "neigh", "replace", address, "lladdr", f"02:00:00:00:00:0{number}", "dev", iface,
                        "nud", "permanent")

    def __exit__(self, *_):
        self.off()
        run(f"{ROOT}/scripts/lab", "down", self.lab)

    def on(self):
        for iface in NEXT:
            self.at("s", "ip", "link", "set", iface, "xdp", "pinned", f"{PINS}/pass_ingress")
            self.at("s", "tc", "qdisc", "add", "dev", iface, "clsact")
            self.at("s", "tc", "filter", "add", "dev", iface, "egress", "bpf", "da", "object-pinned",
                    f"{PINS}/pass_egress")

    def off(self):
        pass

    def routed(self):
        return sum(link["stats64"]["tx"]["packets"]
                   for link in json.loads(self.at("s", "ip", "-j", "-s", "link")) if link["ifname"] in NEXT)

    def talk(self, *words):
        """ns a segment. A connection or a segment that got lost would make all that follows another matter."""
        before = self.routed()
        said = json.loads(run("taskset", "-c", FLOOD_CPU, "chrt", "--fifo", 1,
                              *enter("c", f"{BENCH}/talk", *(["-6"] if self.family == 6 else []), *NEXT, self.flows,
                                     *words, lab=self.lab)))
        if self.routed() - before < said["sent"]:
            raise SystemExit(f"bench: {self.name}: {said['sent']:,} segments sent, "
                             f"{self.routed() - before:,} came through the router")
        return said["ns"]

    def measure(self):
        before = self.taken and self.taken()
        spent = self.talk(self.sent, COUNT)
        self.sent += COUNT
        if self.held:
            self.check(self.held(), self.flows, "connections held")
            self.check(self.taken() - before, COUNT, "segments were of known connections")
        return spent

    def check(self, found, wanted, what):
        if found != wanted:
            raise SystemExit(f"bench: {self.name}, {self.flows:,} flows: {found:,} {what}, not {wanted:,}")


class Synward(Router):
    name = "synward"

    def on(self):
        self.at("s", SYNWARD, "attach", *NEXT, "--flows", self.room)

    def stats(self):
        return json.loads(self.at("s", SYNWARD, "stats", "veth", "--json"))

    def held(self):
        return self.stats()["flows_live"]

    def taken(self):
        return self.stats()["segments"]


class Conntrack(Router):
    """As sparingly as it can be had: one rule, no checksums, which a NIC would have checked."""

    name = "nf_conntrack"
    rules = """table inet bench {
        chain known {
            type filter hook prerouting priority filter
            ct state established counter
        }
    }"""

    def __init__(self, family, flows):
        super().__init__(family, flows)
        self.before = {path: read(path) for path in CONNTRACK_SIZES}

    def on(self):
        super().on()
        for path in self.before:
            write(path, self.room)
        self.at("s", "nft", self.rules)
        self.at("s", "sysctl", "-qw", "net.netfilter.nf_conntrack_checksum=0")

    def off(self):
        for path, value in self.before.items():
            write(path, value)

    def held(self):
        return int(self.at("s", "sysctl", "-n", "net.netfilter.nf_conntrack_count"))

    def taken(self):
        rules = json.loads(self.at("s", "nft", "-j", "list", "table", "inet", "bench"))["nftables"]
        return next(part["counter"]["packets"] for row in rules for part in row.get("rule", {}).get("expr", [])
                    if "counter" in part)


KINDS = (Router, Synward, Conntrack)


def turn(family, flows):
    """{name: {"ns": [of a round], "bytes": a flow}}"""
    with contextlib.ExitStack() as stack:
        routers = [stack.enter_context(kind(family, flows)) for kind in KINDS]
        found = {router.name: {"bytes": router.bytes, "ns": []} for router in routers}
        for _ in range(TURNS):
            for router in routers:
                found[router.name]["ns"].append(router.measure())
    return found


def measure():
    """{(family, flows): what a turn found}"""
    found = {}
    for family, sizes in SIZES.items():
        for flows in sizes:
            say(f"scale, {flows:,} connections of IPv{family}")
            found[family, flows] = turn(family, flows)
    return found


def net(found, kind):
    """ns a segment in each round, less the floor's."""
    return [mine - floor for mine, floor in zip(found[kind.name]["ns"], found[Router.name]["ns"])]


def against_conntrack(found):
    return middle(net(found, Synward)) / middle(net(found, Conntrack))


def ratios(results):
    for (family, flows), found in results.items():
        yield f"ns a segment of {flows:,} flows (IPv{family}), synward / nf_conntrack", "<= 0.5", against_conntrack(found)


def show(results):
    print(f"\nns a segment of established connections in no order, median of {TURNS} rounds of {COUNT:,}; bytes a flow")
    print(f"  {'':<22}{'routed':>8}{'synward':>12}{'nf_conntrack':>14}{'bytes a flow':>16}{'nf_conntrack':>14}")
    for (family, flows), found in results.items():
        size = [f"{found[kind.name]['bytes']:.0f}" if flows > 100_000 else "-" for kind in (Synward, Conntrack)]
        print(f"  IPv{family} {flows:>12,} flows{middle(found[Router.name]['ns']):>8.0f}{middle(net(found, Synward)):>12.0f}"
              f"{middle(net(found, Conntrack)):>14.0f}{size[0]:>16}{size[1]:>14}")
