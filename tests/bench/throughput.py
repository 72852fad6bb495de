# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""iperf3 through a veth pair: no program, bare pass programs on the same hooks, synward, in turns, so
that a machine whose speed drifts does not favour one of them."""

import json
import subprocess
import time

from common import LAB, NO_GUARD, PINS, ROUNDS, SECONDS, SYNWARD, guard_known, inside, middle, ratio, run, say


class Nothing:
    name = "no program"

    def on(self):
        pass

    def off(self):
        pass


class Bare:
    name = "bare pass programs"

    def on(self):
        inside("s", "ip", "link", "set", "veth", "xdp", "pinned", f"{PINS}/pass_ingress")
        inside("s", "tc", "qdisc", "add", "dev", "veth", "clsact")
        inside("s", "tc", "filter", "add", "dev", "veth", "egress", "bpf", "da", "object-pinned",
               f"{PINS}/pass_egress")

    def off(self):
        inside("s", "ip", "link", "set", "veth", "xdp", "off")
        inside("s", "tc", "qdisc", "del", "dev", "veth", "clsact")


class Synward:
    name = "synward"
    options = ()

    def on(self):
        run("ip", "netns", "exec", f"{LAB}-s", SYNWARD, "attach", "veth", *self.options)

    def off(self):
        run("ip", "netns", "exec", f"{LAB}-s", SYNWARD, "detach", "veth")


class Guard(Synward):
    """iperf3's own port is guarded. Not always: a cookie would not reach a client that has no XDP program (XDP_TX and
    veth), and with one, or with NAPI alone, the other rows would measure something else."""

    name = "synward guard"
    options = ("--guard", 5201, "--cookies", "auto")


def pass_at_client(wanted):
    """With it what XDP sends arrives there, so that cookies can be sent."""
    inside("c", "ip", "link", "set", "veth", "xdp", *(("pinned", f"{PINS}/pass_ingress") if wanted else ("off",)))


class BareBothWays(Bare):
    """At tc ingress, too, where proxy has a program; and the client has one at XDP."""

    name = "bare, tc both ways"

    def on(self):
        pass_at_client(True)
        super().on()
        inside("s", "tc", "filter", "add", "dev", "veth", "ingress", "bpf", "da", "object-pinned",
               f"{PINS}/pass_egress")

    def off(self):
        super().off()
        pass_at_client(False)


class Proxy(Synward):
    """iperf3's connections begin with cookies, and are translated."""

    name = "synward by proxy"
    options = ("--guard", 5201, "--cookies", "always", "--admission", "proxy")

    def on(self):
        pass_at_client(True)
        super().on()

    def off(self):
        super().off()
        pass_at_client(False)


WAYS = ("to the server", "from the server")
TURNS = 2 * ROUNDS + 1  # a veth scatters by more than what is measured


def iperf(*options):
    report = json.loads(inside("c", "iperf3", "-J", "-c", "10.99.0.2", "-t", SECONDS, *options))
    if "error" in report:
        raise SystemExit(f"bench: iperf3: {report['error']}")
    return report["end"]["sum_received"]["bits_per_second"] / 1e9


def measure():
    """{name: [(Gbit/s to the server, from it) of a round]}"""
    whats = [Nothing(), Bare(), Synward(), *([Guard(), BareBothWays(), Proxy()] if guard_known() else [])]
    server = subprocess.Popen(["ip", "netns", "exec", f"{LAB}-s", "iperf3", "-s"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    rates = {}
    try:
        for number in range(TURNS):
            say(f"throughput, round {number + 1} of {TURNS}")
            for what in whats:
                what.on()
                rates.setdefault(what.name, []).append((iperf(), iperf("-R")))
                what.off()
    finally:
        server.terminate()
        server.wait()
    return rates


def against(rates, name, floor, way):
    return ratio(*([pair[way] for pair in rates.get(which, [])] for which in (name, floor)))


def ratios(rates):
    for name in (Synward.name, Guard.name):
        for way, title in enumerate(WAYS):
            yield f"established data {title}, {name} / bare", "> 0.95", against(rates, name, Bare.name, way)
    for way, title in enumerate(WAYS):
        yield (f"translated data {title}, {Proxy.name} / bare", ">= 0.9",
               against(rates, Proxy.name, BareBothWays.name, way))


def show(rates):
    print(f"\nThroughput, Gbit/s, median of {TURNS} rounds of {SECONDS} s, synward on the server's veth")
    print(f"  {'':<22}{WAYS[0]:>15}{WAYS[1]:>17}")
    for name, pairs in rates.items():
        print(f"  {name:<22}{middle(p[0] for p in pairs):>15.2f}{middle(p[1] for p in pairs):>17.2f}")
    if Guard.name not in rates:
        print(f"  {Guard.name:<22}{NO_GUARD}")
