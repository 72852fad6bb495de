# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Guard keeps TCP's options: what client and server agree on through a cookie is what they agree on without it.

Each connection to the guarded port has a twin to the port beside it, which nobody guards: TCP_INFO of both ends must be
the same, save where the cookie's tables round down. Then data goes both ways, which a wrong window scale stalls.
"""

import contextlib
import itertools
import os
import socket
import tempfile

from lab import GUARDED, PATIENCE, Failure, TcpInfo, exchange, run, ss_info, test, until
from tcp import Segment, mss

BOTH = (4, 6)
ALWAYS = ["--guard", GUARDED, "--cookies", "always"]
# Where there are no timestamps, as include/synward/cookie.h has them.
MSS = (536, 1000, 1120, 1220, 1360, 1440, 1460, 8940)
WSCALE = {True: (0, 2, 4, 6, 7, 8, 10), False: (0, 4, 7)}  # with SACK, and without
ECN_SCALES = (7, 8, 10)  # with SACK
LEAST_MSS = {4: 536, 6: 1220}  # less the kernel does not take from a cookie
TIMESTAMP_BYTES = 12  # of each segment that are not for data
JUMBO = 9000


def floor(table, value):
    return max(entry for entry in table if entry <= value)


def facts(sock):
    return {name: value for name, value in vars(TcpInfo(sock)).items() if name != "options"}


class Twins:
    """Two listeners of the server: `guarded`, and `plain` on the next port."""

    def __init__(self, lab, family):
        self.lab, self.family = lab, family
        self.guarded, self.plain = (lab.keep(lab.server.listener(family, port)) for port in (lab.port, lab.port + 1))
        self.cookies = self.kernels = 0
        lab.mark()

    def connect(self, listener, prepare):
        client = self.lab.client.socket(self.guarded.family, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        prepare(client)
        client.connect(listener.getsockname()[:2])
        return client, listener.accept()[0]

    def kept(self, client, server):
        """Of what a plain connection's server has, what a cookie keeps; the kernel answers where it can't."""
        with_timestamps = "ts" in server["agreed"].split()
        spare = TIMESTAMP_BYTES if with_timestamps else 0
        offered, scale = client["advmss"] + spare, server["snd_wscale"]
        if offered < LEAST_MSS[self.family]:
            self.kernels += 1
            return server
        self.cookies += 1
        if with_timestamps:
            return server
        with_sack = "sack" in server["agreed"].split()
        return {**server, "snd_mss": min(server["snd_mss"], floor(MSS, offered)), "agreed": self.agreed(server),
                "snd_wscale": floor(WSCALE[with_sack], scale)}

    @staticmethod
    def agreed(server):
        """Of what a plain connection agrees on, what is agreed through a cookie."""
        options = server["agreed"].split()
        if "ts" in options or {"sack", "wscale"} <= set(options) and floor(WSCALE[True], server["snd_wscale"]) in ECN_SCALES:
            return server["agreed"]
        return " ".join(option for option in options if option != "ecn")

    def open(self, case, prepare=lambda client: None, size=100_003):
        """A connection of each kind. Returns TCP_INFO of the guarded one's client and server."""
        with contextlib.ExitStack() as stack:
            pairs = [[stack.enter_context(sock) for sock in self.connect(listener, prepare)]
                     for listener in (self.plain, self.guarded)]
            plain, found = ([facts(sock) for sock in pair] for pair in pairs)
            client = {**plain[0], "agreed": self.agreed(plain[1])}
            for end, wanted, got in zip(("client", "server"), (client, self.kept(*plain)), found):
                if got != wanted:
                    raise Failure(f"{case}: the {end} has {got}, expected {wanted}")
            self.ask_ss(case, pairs[1][1], found[1])
            if size:
                exchange(*pairs[1], size)
        return found

    def ask_ss(self, case, server, found):
        shown = ss_info(self.lab.server, server)
        scales = f"{found['snd_wscale']},{found['rcv_wscale']}" if "wscale" in found["agreed"] else None
        wanted = {"wscale": scales, "mss": str(found["snd_mss"]), "advmss": str(found["advmss"])}
        said = {name: shown.get(name) for name in wanted}
        if said != wanted:
            raise Failure(f"{case}: ss says {said} of the server, TCP_INFO {wanted}")

    def count(self):
        """Every connection was opened as it should have been, by cookie or by the kernel."""
        assert self.cookies + self.kernels, "nothing was opened"
        self.lab.counts(cookies_sent=self.cookies, cookies_accepted=self.cookies, lost=0,
                        unfit_mss=self.kernels, syn_unfit=0, cookies_rejected=0, admit_refused=0, stray=0)


def max_segment(size):
    return lambda client: client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, size)


def receive_buffer(size):
    return lambda client: client.setsockopt(socket.SOL_SOCKET, 33, size)  # SO_RCVBUFFORCE


# What the client offers

@test(run=ALWAYS, families=BOTH)
def every_set_of_options_a_client_offers_is_kept(lab, family):
    twins = Twins(lab, family)
    for bits in itertools.product((1, 0), repeat=4):
        offer = dict(zip(("timestamps", "sack", "window_scaling", "ecn"), bits))
        lab.client.tcp_settings(**offer)
        found = twins.open(offer, size=1_000_003)
        keeps_ecn = offer["timestamps"] or offer["sack"] and offer["window_scaling"]
        wanted = [name for name, bit in zip(("ts", "sack", "wscale", "ecn"), bits) if bit and (name != "ecn" or keeps_ecn)]
        assert found[0]["agreed"].split() == found[1]["agreed"].split() == wanted, (offer, found)
    twins.count()


@test(run=ALWAYS, families=BOTH)
def mss_is_kept_with_timestamps_and_to_the_floor_of_its_table_without(lab, family):
    twins = Twins(lab, family)
    for with_timestamps in (1, 0):
        lab.client.tcp_settings(timestamps=with_timestamps)
        for size in sorted({near for value in MSS[:7] for near in (value - 1, value)} | {256, 1000}):
            twins.open((size, with_timestamps), max_segment(size), size=20_011)
    assert twins.kernels, "none was below the least"
    twins.count()


@test(run=ALWAYS, families=BOTH)
def mss_below_the_least_is_served_beyond_the_kernel_s_budget(lab, family):
    """By a cookie of the least, as by the kernel whose queue is full; its own cookies are the twin's."""
    lab.server.tcp_settings(syncookies=2)
    twins, puppet, ports = Twins(lab, family), lab.puppet(family), iter(range(10000, 60000))

    def served(listener):
        with contextlib.ExitStack() as stack:
            pair = [stack.enter_context(sock) for sock in twins.connect(listener, max_segment(200))]
            exchange(*pair, 3001)
            return facts(pair[1])["snd_mss"]

    kernels = served(twins.plain)
    assert kernels == LEAST_MSS[family] - TIMESTAMP_BYTES, kernels
    while lab.rise("cookies_accepted")["cookies_accepted"] < 3:
        for port in itertools.islice(ports, 300):
            puppet.tap.send(Segment(puppet.address, port, puppet.peer, lab.port, "S", options=mss(64)))
        assert served(twins.guarded) == kernels
    rise = lab.rise("unfit_mss", "syn_unfit_dropped", "lost")
    assert rise["unfit_mss"] and not rise["syn_unfit_dropped"] + rise["lost"], rise


@test(run=ALWAYS, families=BOTH)
def every_window_scale_of_a_client_is_kept_or_rounded_down(lab, family):
    """With timestamps it is kept as it is, without them to the floor of its table."""
    twins = Twins(lab, family)
    for with_timestamps in (1, 0):
        lab.client.tcp_settings(timestamps=with_timestamps)
        scales = [twins.open((shift, with_timestamps), receive_buffer((1 << 16) - 1 << shift))[0]["rcv_wscale"]
                  for shift in range(15)]
        assert scales == list(range(15)), scales
    twins.count()


@test(run=ALWAYS, families=BOTH)
def jumbo_frames_are_announced_and_kept(lab, family):
    with mtu(lab, JUMBO, lab.client, lab.server):
        twins = Twins(lab, family)
        for with_timestamps in (1, 0):
            lab.client.tcp_settings(timestamps=with_timestamps)
            found = twins.open(("jumbo", with_timestamps), size=1_000_003)
            headers = (40 if family == 4 else 60) + with_timestamps * TIMESTAMP_BYTES
            assert found[0]["snd_mss"] == JUMBO - headers, found
        twins.count()


# What the server answers

@contextlib.contextmanager
def mtu(lab, size, *hosts):
    """These hosts' veth has this MTU, and the tracker knows; as before at the end."""
    def change(to):
        for host in hosts:
            run(["ip", "-n", host.name, "link", "set", "veth", "mtu", to])
        lab.tracker.reload()

    change(size)
    try:
        yield
    finally:
        change(1500)


@test(run=ALWAYS, families=BOTH)
def mtu_of_the_server_is_announced(lab, family):
    for size in (1400, 1280):
        with mtu(lab, size, lab.server):
            twins = Twins(lab, family)
            found = twins.open(size)
            announced = size - (40 if family == 4 else 60)
            assert found[0]["snd_mss"] == announced - TIMESTAMP_BYTES, (size, found)
            twins.count()
            twins.guarded.close()
            twins.plain.close()


@test(run=ALWAYS, families=BOTH)
def what_the_server_s_sysctls_forbid_is_not_offered(lab, family):
    twins = Twins(lab, family)
    lab.client.tcp_settings(ecn=1)
    for name, option in (("timestamps", "ts"), ("sack", "sack"), ("window_scaling", "wscale"), ("ecn", "ecn")):
        lab.tcp_settings(**{name: 0})
        found = twins.open(f"server without {name}")
        wanted = [word for word in ("ts", "sack", "wscale", "ecn") if word != option]
        assert found[0]["agreed"].split() == found[1]["agreed"].split() == wanted, found
        lab.server.tidy_settings()
    lab.tcp_settings(timestamps=0, sack=0, window_scaling=0, ecn=0)
    found = twins.open("server with nothing")
    assert found[0]["agreed"] == found[1]["agreed"] == "", found
    twins.count()


@test(run=ALWAYS, families=BOTH)
def what_changes_on_the_host_is_followed_within_a_second(lab, family):
    """The kernel refuses a connection with options that its sysctls forbid (bpf_sk_assign_tcp_reqsk)."""
    twins = Twins(lab, family)
    lab.client.tcp_settings(ecn=1)
    lab.server.tcp_settings(timestamps=0, sack=0, window_scaling=0, ecn=0)
    run(["ip", "-n", lab.server.name, "link", "set", "veth", "mtu", 1400])
    headers = 40 if family == 4 else 60
    try:
        until(lambda: None if lab.dump("sw_config")[0]["value"]["guard"]["mss"][family == 6] == 1400 - headers else "1500 yet")
        found = twins.open("everything changed")
    finally:
        run(["ip", "-n", lab.server.name, "link", "set", "veth", "mtu", 1500])
        lab.server.tidy_settings()
        lab.tracker.reload()
    assert found[0]["agreed"] == "" and found[0]["snd_mss"] == 1400 - headers, found
    twins.count()


@test(run=ALWAYS, families=BOTH)
def window_scale_of_the_server_follows_its_buffers(lab, family):
    twins = Twins(lab, family)
    for with_timestamps in (1, 0):
        lab.client.tcp_settings(timestamps=with_timestamps)
        for largest, scale in ((8 << 20, 8), (1 << 30, 14)):
            lab.tcp_settings(rmem=f"4096 131072 {largest}")
            found = twins.open((largest, with_timestamps))
            assert found[0]["snd_wscale"] == found[1]["rcv_wscale"] == scale, (largest, found)
    twins.count()


# VLAN tags

# They are pushed and popped by programs at tc, after guard's on the way in: this needs no VLAN devices. A frame that does
# not bear exactly the tags that it should is dropped.
TAGS = """
#include <linux/bpf.h>
static long (*push)(struct __sk_buff *, unsigned short proto, unsigned short tag) = (void *)18;
static long (*pop)(struct __sk_buff *) = (void *)19;
static int tag_is(struct __sk_buff *skb, unsigned tag)
{
	return skb->vlan_present && (skb->vlan_tci & 0xfff) == tag;
}
#define SEC(name) __attribute__((section(name), used))
SEC("push1") int do_push1(struct __sk_buff *skb) { return push(skb, 0x0081, 100) ? 2 : -1; }
SEC("push2") int do_push2(struct __sk_buff *skb)
{
	return push(skb, 0x0081, 100) || push(skb, 0xa888, 200) ? 2 : -1;
}
SEC("pop1") int do_pop1(struct __sk_buff *skb) { return !tag_is(skb, 100) || pop(skb) || skb->vlan_present ? 2 : -1; }
SEC("pop2") int do_pop2(struct __sk_buff *skb)
{
	return !tag_is(skb, 200) || pop(skb) || !tag_is(skb, 100) || pop(skb) ? 2 : -1;
}
char terms[] SEC("license") = "GPL";
"""


@contextlib.contextmanager
def tagged(lab, tags, other=None):
    """All frames between the client and the server, or that other host, bear so many tags."""
    hosts = lab.client, other or lab.server
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        run([os.environ.get("CLANG", "clang"), "-target", "bpf", "-O2", "-g", "-I/usr/include/x86_64-linux-gnu", "-c",
             "-x", "c", "-", "-o", f"{folder}/tags.o"], stdin=None, input=TAGS)
        for host in hosts:
            run(["ip", "netns", "exec", host.name, "ethtool", "-K", "veth", "txvlan", "off", "tx-vlan-stag-hw-insert",
                 "off"])
            host.run("tc qdisc replace dev veth clsact")
            for side, program in (("egress", f"push{tags}"), ("ingress", f"pop{tags}")):
                host.run(f"tc filter add dev veth {side} prio 99 protocol all "
                         f"bpf da obj {folder}/tags.o sec {program}")
    try:
        yield
    finally:
        for host in hosts:
            for side in ("ingress", "egress"):
                host.run(f"tc filter del dev veth {side} prio 99")


@test(run=ALWAYS, families=BOTH)
def vlan_tag_is_on_the_reply_and_options_are_kept(lab, family):
    with tagged(lab, 1):
        twins = Twins(lab, family)
        lab.client.tcp_settings(ecn=1)
        for with_timestamps in (1, 0):
            lab.client.tcp_settings(timestamps=with_timestamps)
            twins.open(("VLAN", with_timestamps), size=1_000_003)
        twins.count()


@test(run=ALWAYS, families=BOTH)
def two_vlan_tags_are_left_to_the_kernel(lab, family):
    with tagged(lab, 2):
        twins = Twins(lab, family)
        twins.kept = lambda client, server: server
        twins.open("QinQ", max_segment(1400))  # the wire takes one tag beyond its MTU, no two
        lab.counts(cookies_sent=0, syn_unfit=1)
