# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A listener's own ways: guard's SYN+ACK says of the listener what the kernel's own would.

Every SYN to the guarded port has a twin to the port beside it, which nobody guards and whose listener is set alike: both
answers must say the same, header and options, save what is random.
"""

import socket
import struct
import time

from lab import Failure, endpoint, exchange, test, until
from tcp import Segment, checksum, mss, parse, timestamps, window_scale
from test_guard_admission import ALWAYS, BOTH, by_cookie, call, nobody_waits, take, waiting_at

SACK_PERMITTED = b"\4\2\1\1"
LINUX = mss(1460) + SACK_PERMITTED + timestamps(7, 0) + window_scale(7)
PLAIN = mss(1400) + window_scale(8)
IP_MINTTL, IPV6_MINHOPCOUNT, TCP_WINDOW_CLAMP = 21, 73, 10
TWIN = 1  # the port beside
REMEMBERED = 0.02  # seconds, more than for which guard takes a listener to be as it was
REFLECT = 0xB8  # a SYN's TOS or traffic class


def option(level, name, value):
    return lambda sock: sock.setsockopt(level, name, value)


def by_family(name4, name6, value):
    return {4: option(socket.IPPROTO_IP, name4, value), 6: option(socket.IPPROTO_IPV6, name6, value)}


WAYS = {
    "as it comes": lambda sock: None,
    "TTL": by_family(socket.IP_TTL, socket.IPV6_UNICAST_HOPS, 77),
    "TOS": by_family(socket.IP_TOS, socket.IPV6_TCLASS, 0x48),
    "no path MTU discovery": option(socket.IPPROTO_IP, 10, 0),  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
    "TCP_MAXSEG": option(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000),
    "a small buffer": option(socket.SOL_SOCKET, socket.SO_RCVBUF, 10000),
    "a large buffer": option(socket.SOL_SOCKET, 33, 300000),  # SO_RCVBUFFORCE
    "a clamp": option(socket.IPPROTO_TCP, TCP_WINDOW_CLAMP, 20000),
}


class Twins:
    def __init__(self, lab, family):
        self.lab, self.family, self.tap = lab, family, lab.tap(lab.client)
        self.puppet = lab.puppet(family)
        self.number = 40000

    def listen(self, prepare):
        prepare = prepare[self.family] if isinstance(prepare, dict) else prepare
        self.pair = [self.lab.keep(self.lab.server.listener(self.family, self.lab.port + twin)) for twin in (0, TWIN)]
        for sock in self.pair:
            prepare(sock)
        time.sleep(REMEMBERED)

    def frame(self, port, options, tos, hop_limit, flags="S"):
        self.number += 1
        syn = Segment(self.puppet.address, self.number, self.puppet.peer, port, flags, 5000, options=options)
        frame = bytearray(self.tap.frame(syn))
        if self.family == 4:
            frame[15], frame[22], frame[24:26] = tos, hop_limit, b"\0\0"
            frame[24:26] = struct.pack("!H", checksum(bytes(frame[14:34])))
        else:
            frame[14:18] = struct.pack("!I", 6 << 28 | tos << 20 | 0x4321)
            frame[21] = hop_limit
        return bytes(frame), syn

    def ask(self, twin, options, tos=0, hop_limit=64, flags="S"):
        """What the answer to a SYN says, or None; the first listener is guarded."""
        frame, syn = self.frame(self.lab.port + twin, options, tos, hop_limit, flags)
        self.tap.send_frame(frame)
        found = []

        def answered():
            self.tap.read()
            found[:] = [raw for raw in self.tap.received if (answer := parse(raw)) and answer.dport == syn.sport]
            return None if found else "no answer"

        until(answered)
        return said(found[0], self.family)

    def compare(self, case, options, **header):
        answers = [self.ask(twin, options, **header) for twin in (0, TWIN)]
        if answers[0] != answers[1]:
            raise Failure(f"{case}: guard says {answers[0]}, the kernel {answers[1]}")
        return answers[0]


def said(frame, family):
    """An answer's header and options. Which number a flow label or an identification is counts for nothing."""
    answer = parse(frame)
    if family == 4:
        fragment, = struct.unpack_from("!H", frame, 20)
        ip = {"tos": frame[15], "ident": frame[18:20] != b"\0\0", "fragment": fragment, "ttl": frame[22]}
    else:
        first, = struct.unpack_from("!I", frame, 14)
        label = first & 0xFFFFF
        ip = {"class": first >> 20 & 255, "label": label if label in (0, 0x4321) else "random", "hops": frame[21]}
    options = answer.options
    at = options.find(b"\x08\x0a")
    if at >= 0:  # TSval is the cookie's
        options = options[:at + 2] + options[at + 6:]
    return {**ip, "flags": answer.flags, "window": answer.window, "options": options.hex()}


@test(run=ALWAYS, families=BOTH)
def answer_says_of_the_listener_what_the_kernel_s_would(lab, family):
    twins = Twins(lab, family)
    lab.mark()
    for case, prepare in WAYS.items():
        twins.listen(prepare)
        for options in (LINUX, PLAIN):
            twins.compare(case, options)
        for sock in twins.pair:
            sock.close()
    small = 2 if family == 6 else 0  # its TCP_MAXSEG is less than an admission takes over IPv6
    lab.counts(cookies_sent=2 * len(WAYS) - small, unfit_mss=small)


@test(run=ALWAYS, families=BOTH)
def ecn_is_agreed_to_as_by_the_kernel(lab, family):
    """Not if the SYN's own header bears ECN, since a path that sets it would do so for ever; but AccECN's may (RFC 9768)."""
    twins = Twins(lab, family)
    twins.listen(lambda sock: None)
    agreed = {(flags, ecn): "E" in twins.compare(f"{flags}, {ecn}", LINUX, tos=ecn, flags=flags)["flags"]
              for flags in ("SE", "SEC", "SECN") for ecn in range(4)}
    assert [case for case, yes in agreed.items() if yes] == [("SEC", 0), *(("SECN", ecn) for ecn in range(4))], agreed


METRICS = ("advmss 1300", "mtu 1400", "mtu lock 1390", "hoplimit 33", "initrwnd 3", "quickack 1",
           "advmss 1250 hoplimit 44 initrwnd 2", "")


@test(run=ALWAYS, families=BOTH, own=True)
def answer_follows_the_route_to_its_client(lab, family):
    """Metrics of a route that comes and goes while guard runs; of a network around it they are not the client's."""
    twins = Twins(lab, family)
    client, ip = twins.puppet.address, ["ip", f"-{family}", "route"]
    lab.server.run([*ip, "add", {4: "10.0.0.0/8", 6: "fd00::/16"}[family], "dev", "veth", "advmss", "1234", "hoplimit", "9"])
    twins.listen(lambda sock: None)
    seen = []
    for metrics in METRICS:
        lab.server.run([*ip, "replace", client, "dev", "veth", *metrics.split()])
        for options in (LINUX, PLAIN):
            def alike():
                try:
                    seen.append(twins.compare(metrics, options))
                except Failure as failure:
                    return str(failure)
            until(alike)
    assert len({str(answer) for answer in seen}) >= 2 * (len(METRICS) - 1), seen


@test(run=ALWAYS, families=BOTH, own=True)
def answer_follows_the_sysctls_of_its_header(lab, family):
    """They are the tracker's after SIGHUP; a flow label is reflected by sockets that are made after it was asked for."""
    twins = Twins(lab, family)
    settings = {4: ("net.ipv4.ip_default_ttl=99", "net.ipv4.tcp_reflect_tos=1"),
                6: ("net.ipv6.conf.veth.hop_limit=33", "net.ipv6.auto_flowlabels=0", "net.ipv4.tcp_reflect_tos=1",
                    "net.ipv6.flowlabel_reflect=1")}
    seen = []
    for setting in settings[family]:
        lab.server.run(["sysctl", "-qw", setting])
        lab.tracker.reload()
        twins.listen(lambda sock: None)
        seen.append(twins.compare(setting, LINUX, tos=REFLECT | 2))
        for sock in twins.pair:
            sock.close()
    assert all(one != other for one, other in zip(seen, seen[1:])), seen


@test(run=ALWAYS, families=BOTH)
def syn_from_too_far_is_left_to_the_kernel(lab, family):
    """TTL security (RFC 5082), as BGP has it: a neighbour connects, and who is further away gets no answer."""
    near = by_family(socket.IP_TTL, socket.IPV6_UNICAST_HOPS, 255)[family]
    secure = by_family(IP_MINTTL, IPV6_MINHOPCOUNT, 255)[family]
    twins = Twins(lab, family)
    lab.mark()
    twins.listen(lambda sock: (near(sock), secure(sock)))
    client = lab.keep(lab.client.socket(twins.pair[0].family, socket.SOCK_STREAM))
    client.settimeout(20)
    near(client)
    secure(client)
    client.connect((lab.server.address[family], lab.port))
    exchange(client, take(lab, twins.pair[0]))
    by_cookie(lab)
    twins.compare("a neighbour", LINUX, hop_limit=255)
    for twin in (0, TWIN):
        frame, syn = twins.frame(lab.port + twin, LINUX, 0, 254)
        twins.tap.send_frame(frame)
    twins.compare("a neighbour, later", LINUX, hop_limit=255)
    assert not [answer for answer in twins.tap.segments() if answer.dport in (syn.sport, syn.sport - 1)
                and answer.flags == "SA"], "an answer went too far"
    lab.counts(syn_too_far=1, cookies_sent=3)


@test(run=ALWAYS, families=BOTH)
def full_accept_queue_drops_the_syn(lab, family):
    """As tcp_conn_request() does: whom the server was to speak to first is served once there is room."""
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port, backlog=1))
    waiting = [call(lab, family) for _ in range(2)]
    until(lambda: None if waiting_at(listener) == 2 else "the queue is not full")
    late = lab.keep(lab.client.socket(listener.family, socket.SOCK_STREAM))
    late.settimeout(20)
    late.setblocking(False)
    late.connect_ex(listener.getsockname()[:2])
    until(lambda: None if lab.rise("accept_queue_full")["accept_queue_full"] else "the SYN was not dropped")
    for _ in waiting:
        take(lab, listener).sendall(b"220")
    for client in waiting:
        assert client.recv(3) == b"220"
    server = take(lab, listener)
    server.sendall(b"220")
    late.setblocking(True)
    late.settimeout(20)
    assert late.recv(3) == b"220"
    assert endpoint(*server.getpeername()[:2]) == endpoint(*late.getsockname()[:2])
    nobody_waits(listener)
