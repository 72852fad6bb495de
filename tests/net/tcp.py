# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""TCP segments by hand: build one, read one, and speak TCP without a kernel's help.

A Puppet is a host of its own on the client's side of the lab, with addresses no kernel answers for. What it sends is
exactly what a test says: overtaken, repeated, forged or late. A Tap sees every frame at an interface.
"""

import ipaddress
import socket
import struct
import time
from dataclasses import dataclass, field, replace

ETH_P_ALL = 3
ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD
VLAN = 0x8100
QINQ = 0x88A8
LETTERS = "FSRPAUECN"  # control bits from the lowest (RFC 9293, 3.1); N: what was NS, and is AE (RFC 9768)
PATIENCE = 20  # seconds: who has waited so long for what must come says that it did not


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mss(value):
    return struct.pack("!BBH", 2, 4, value)


def window_scale(shift):
    return struct.pack("!BBBB", 1, 3, 3, shift)


def timestamps(value, echo):
    return struct.pack("!BBBBII", 1, 1, 8, 10, value, echo)


def sack(*blocks):
    """RFC 2018: blocks received, as (begin, end), behind two NOPs."""
    edges = [edge & 0xffffffff for block in blocks for edge in block]
    return struct.pack(f">BBBB{len(edges)}I", 1, 1, 5, 2 + 4 * len(edges), *edges)


@dataclass
class Segment:
    """One TCP segment with its addresses; valid unless a test says how it is broken."""

    src: str
    sport: int
    dst: str
    dport: int
    flags: str
    seq: int = 0
    ack: int = 0
    window: int = 64240
    options: bytes = b""
    data: bytes = b""
    vlans: list = field(default_factory=list)  # (ethertype, id), the outermost first
    urgent: int = 0

    def __post_init__(self):
        self.seq %= 1 << 32
        self.ack %= 1 << 32

    @property
    def length(self):
        """Sequence space it takes: SYN and FIN count (RFC 9293, 3.4)."""
        return len(self.data) + ("S" in self.flags) + ("F" in self.flags)

    @property
    def end(self):
        return (self.seq + self.length) % (1 << 32)

    def timestamp(self):
        """TSval, or None."""
        at = 0
        while at < len(self.options) and self.options[at] != 0:
            if self.options[at] == 1:
                at += 1
                continue
            if self.options[at] == 8:
                return struct.unpack_from("!I", self.options, at + 2)[0]
            at += max(2, self.options[at + 1])
        return None

    def reply(self, flags, **fields):
        """What its receiver sends back: the acknowledgement of it unless told otherwise."""
        fields = {"seq": self.ack, "ack": self.end, **fields}
        return Segment(self.dst, self.dport, self.src, self.sport, flags, **fields)

    def but(self, **fields):
        return replace(self, **fields)

    def tcp(self):
        options = self.options + b"\0" * (-len(self.options) % 4)
        bits = sum(1 << LETTERS.index(letter) for letter in self.flags)
        head = struct.pack("!HHIIBBHHH", self.sport, self.dport, self.seq, self.ack,
                           (20 + len(options)) << 2 | bits >> 8, bits & 255, self.window, 0, self.urgent) + options + self.data
        src, dst = ipaddress.ip_address(self.src), ipaddress.ip_address(self.dst)
        pseudo = src.packed + dst.packed + struct.pack("!II", len(head), socket.IPPROTO_TCP)
        return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]

    def packet(self):
        """The IP packet."""
        tcp = self.tcp()
        src, dst = ipaddress.ip_address(self.src), ipaddress.ip_address(self.dst)
        if src.version == 6:
            return struct.pack("!IHBB", 6 << 28, len(tcp), socket.IPPROTO_TCP, 64) + src.packed + dst.packed + tcp
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, socket.IPPROTO_TCP, 0,
                           src.packed, dst.packed)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp

    def frame(self, src_mac, dst_mac):
        types = [kind for kind, _ in self.vlans] + [ETH_P_IPV6 if ":" in self.src else ETH_P_IP]
        head = dst_mac + src_mac + struct.pack("!H", types[0])
        for (_, tag), kind in zip(self.vlans, types[1:]):
            head += struct.pack("!HH", tag, kind)
        return head + self.packet()


def parse(frame):
    """The segment in an untagged frame, or None; what is malformed is None."""
    try:
        return parse_whole(frame)
    except (struct.error, IndexError):
        return None


def parse_whole(frame):
    kind, = struct.unpack_from("!H", frame, 12)
    if kind == ETH_P_IP and frame[23] == socket.IPPROTO_TCP:
        start = 14 + (frame[14] & 15) * 4
        size, = struct.unpack_from("!H", frame, 16)
        end = 14 + size if size else len(frame)
        src, dst = frame[26:30], frame[30:34]
    elif kind == ETH_P_IPV6 and frame[20] == socket.IPPROTO_TCP:
        start, src, dst = 54, frame[22:38], frame[38:54]
        size, = struct.unpack_from("!H", frame, 18)
        end = 54 + size if size else len(frame)
    else:
        return None
    sport, dport, seq, ack, offset, bits, window = struct.unpack_from("!HHIIBBH", frame, start)
    options = start + 20
    data = start + (offset >> 4) * 4
    flags = "".join(letter for bit, letter in enumerate(LETTERS) if bits & 1 << bit)
    return Segment(str(ipaddress.ip_address(src)), sport, str(ipaddress.ip_address(dst)), dport, flags, seq, ack,
                   window, bytes(frame[options:data]), bytes(frame[data:end]))


class Tap:
    """Every frame at a host's veth, both directions, in order; and a way to put frames on the wire."""

    def __init__(self, host, packet_socket):
        self.host, self.socket = host, packet_socket
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
        self.socket.bind(("veth", ETH_P_ALL))
        self.socket.setblocking(False)
        self.sent, self.received, self.seen = [], [], []

    def read(self):
        """Take in what has passed: frames to sent and received, TCP segments to seen."""
        while True:
            try:
                frame, where = self.socket.recvfrom(1 << 17)
            except BlockingIOError:
                return
            (self.sent if where[2] == socket.PACKET_OUTGOING else self.received).append(frame)
            segment = parse(frame)
            if segment:
                self.seen.append(segment)

    def segments(self):
        """All TCP segments seen so far."""
        self.read()
        return self.seen

    def send(self, segment):
        """From this host's side of the wire, whatever the segment says of its source."""
        self.send_frame(self.frame(segment))

    def frame(self, segment):
        return segment.frame(self.host.mac, self.host.peer_mac)

    def send_frame(self, frame):
        self.socket.send(frame)

    def wait(self, match, timeout=PATIENCE):
        """The last segment for which match(segment) holds, waited for."""
        end = time.monotonic() + timeout
        while True:
            for segment in reversed(self.segments()):
                if match(segment):
                    return segment
            if time.monotonic() > end:
                raise AssertionError(f"no such segment came within {timeout} s")
            time.sleep(0.002)


class Puppet:
    """One end of a connection, moved by the test. It keeps count of what it sent (snd) and received (rcv)."""

    def __init__(self, tap, address, port, peer, peer_port, isn=1000, options=mss(1460)):
        self.tap, self.isn, self.options = tap, isn, options
        self.address, self.port, self.peer, self.peer_port = address, port, peer, peer_port
        self.snd, self.rcv = isn, 0

    def segment(self, flags, **fields):
        fields = {"seq": self.snd, "ack": self.rcv if "A" in flags else 0, **fields}
        return Segment(self.address, self.port, self.peer, self.peer_port, flags, **fields)

    def send(self, flags, **fields):
        """Send and count it as sent, unless the sequence number is the test's own."""
        segment = self.segment(flags, **fields)
        self.tap.send(segment)
        if "seq" not in fields:
            self.snd = segment.end
        return segment

    def receive(self, flags, **fields):
        """Wait for a segment of the peer with these flags (P aside) and fields; it counts as received."""
        def match(segment):
            return ((segment.src, segment.sport, segment.dport) == (self.peer, self.peer_port, self.port) and
                    set(segment.flags) - {"P"} == set(flags) and
                    all(getattr(segment, name) == value for name, value in fields.items()))

        segment = self.tap.wait(match)
        self.rcv = segment.end
        return segment

    def connect(self):
        self.send("S", options=self.options)
        self.receive("SA", ack=self.snd)
        self.send("A")
        return self
