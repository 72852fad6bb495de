# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Frames that guard's parser does not read whole and the kernel does are no way past the cookies."""

import ipaddress
import socket
import struct
import time

from lab import PATIENCE, test
from tcp import Segment, Tap, checksum, mss

FLOOD = 400
BACKLOG = 2000
PER_SECOND = 200  # SW_UNFIT_PER_SECOND
TCP, FRAGMENT, OPTIONS = 6, 44, 60
IDENT = iter(range(1, 1 << 16))


def ipv4(segment, payload, fragment, ident):
    """The IP packet whose payload is that part."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, TCP, 0,
                       ipaddress.ip_address(segment.src).packed, ipaddress.ip_address(segment.dst).packed)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(segment, kind, payload):
    return (struct.pack("!IHBB", 6 << 28, len(payload), kind, 64) + ipaddress.ip_address(segment.src).packed +
            ipaddress.ip_address(segment.dst).packed + payload)


def in_two_fragments(segment):
    tcp, ident = segment.tcp(), next(IDENT)
    if ":" not in segment.src:
        return [ipv4(segment, tcp[:8], 0x2000, ident), ipv4(segment, tcp[8:], 1, ident)]
    parts = [(1, tcp[:24]), (24, tcp[24:])] if len(tcp) > 24 else [(0, tcp)]  # the first bears all of TCP's header
    return [ipv6(segment, FRAGMENT, struct.pack("!BBHI", TCP, 0, place, ident) + part) for place, part in parts]


def behind_options(segment):
    """Five headers of destination options."""
    option = b"\1\4\0\0\0\0"
    chain = b"".join(bytes([kind, 0]) + option for kind in [OPTIONS] * 4 + [TCP])
    return [ipv6(segment, OPTIONS, chain + segment.tcp())]


def atomic(segment):
    return [ipv6(segment, FRAGMENT, struct.pack("!BBHI", TCP, 0, 0, next(IDENT)) + segment.tcp())]


def behind_tags(segment):
    return [segment.packet()]


KINDS = {4: {"two fragments": in_two_fragments, "tags": behind_tags},
         6: {"two fragments": in_two_fragments, "options": behind_options, "atomic": atomic, "tags": behind_tags}}


class Disguise(Tap):
    """A tap whose segments travel in that disguise."""

    def wrap(self, disguise):
        self.disguise = disguise
        return self

    def send(self, segment):
        tags = b"\x81\0\0\0" * 3 if self.disguise is behind_tags else b""  # of priority alone: the kernel takes them off
        kind = b"\x86\xdd" if ":" in segment.src else b"\x08\0"
        for packet in self.disguise(segment):
            self.send_frame(self.host.peer_mac + self.host.mac + tags + kind + packet)


def disguised(lab, family, disguise, port):
    """A puppet of the client's side."""
    puppet = lab.puppet(family, options=mss(1400) + b"\1" * 12)
    puppet.tap.__class__, puppet.port = Disguise, port
    puppet.tap.wrap(disguise)
    return puppet


def half_open(lab):
    return sum(state == "SYN_RCVD" for state in lab.server.sockets().values())


def flood(lab, listener, disguise, first):
    """SYNs from so many ports; how many of them are in the listener's queue then, and the time it took."""
    family = 6 if listener.family == socket.AF_INET6 else 4
    puppet = disguised(lab, family, disguise, first)
    before, began = half_open(lab), time.monotonic()
    for port in range(first, first + FLOOD):
        puppet.tap.send(Segment(puppet.address, port, puppet.peer, lab.port, "S", 1000, options=puppet.options))
    took = time.monotonic() - began
    lab.connection(family, listen=listener).start().accept()  # what was sent before it has been taken in
    return half_open(lab) - before, took


def floods(lab, listeners):
    """{(family, kind): what is half-open of its flood, and the time it took}"""
    return {(family, name): flood(lab, listeners[family], disguise, 10000 + FLOOD * number)
            for family, kinds in KINDS.items() for number, (name, disguise) in enumerate(kinds.items())}


def served(lab, listeners):
    """A client of each kind, all of whose segments are so: the connection opens, and both ends hear each other."""
    for family, kinds in KINDS.items():
        for number, disguise in enumerate(kinds.values()):
            puppet = disguised(lab, family, disguise, 40000 + number)
            puppet.connect()
            puppet.send("PA", data=b"from the client.")
            server = lab.keep(listeners[family].accept()[0])
            server.settimeout(PATIENCE)
            assert server.recv(100) == b"from the client."
            server.send(b"from the server")
            assert puppet.receive("A", data=b"from the server")


@test(track=False)
def syns_that_the_parser_stops_at_fill_no_queue(lab):
    listeners = {family: lab.keep(lab.server.listener(family, lab.port, BACKLOG)) for family in KINDS}
    kernel = floods(lab, listeners)
    assert all(count == FLOOD for count, _ in kernel.values()), kernel  # the kernel takes every one
    lab.server.run(["ss", "-K", "-tan", "state", "syn-recv"])
    lab.client.take_xdp()
    lab.track("--guard", str(lab.port), "--cookies", "always")
    lab.mark()
    guarded = floods(lab, listeners)
    for (family, name), (count, took) in guarded.items():
        most = 0 if name == "atomic" else PER_SECOND * (0.5 + took) + 2
        assert count <= most, (family, name, guarded)
    rise = lab.rise("unread_dropped", "cookies_sent")
    assert rise["cookies_sent"] >= FLOOD and rise["unread_dropped"] > 3 * FLOOD, rise
    time.sleep(1)  # the budget is whole again
    served(lab, listeners)
