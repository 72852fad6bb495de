# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Captures made by hand: TCP segments, link layers, pcap and pcapng files. Only the standard library.

Everything is right unless the caller says how it is broken. An endpoint is ("192.0.2.1", 80) or ("2001:db8::1", 80).
"""

import ipaddress
import struct

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
LETTERS = {"F": FIN, "S": SYN, "R": RST, "P": PSH, "A": ACK, "U": URG, "E": 0x40, "C": 0x80}

ETHERNET, NULL, RAW, LOOP, SLL, IPV4, IPV6, SLL2 = 1, 0, 101, 108, 113, 228, 229, 276
AF_INET = 2

A, B = ("192.0.2.10", 40000), ("198.51.100.20", 80)
A6, B6 = ("2001:db8::a", 40000), ("2001:db8:1::b", 80)


def total(data):
    """Sum of 16-bit words, folded (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    value = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value


def pseudo_header(src, dst, length):
    packed = ipaddress.ip_address(src[0]).packed + ipaddress.ip_address(dst[0]).packed
    return packed + struct.pack("!IHBB", length, 0, 0, 6)


def segment(src, dst, flags, seq=0, ack=0, data=b"", window=65535, options=b"", checksum=None):
    """A TCP segment. checksum: None right, "partial" as a NIC is handed it, else the number to put there."""
    flags = sum(LETTERS[letter] for letter in flags)
    words = (20 + len(options)) // 4
    seq, ack = seq & 0xFFFFFFFF, ack & 0xFFFFFFFF
    head = struct.pack("!HHIIBBHHH", src[1], dst[1], seq, ack, words << 4, flags, window, 0, 0)
    tcp = head + options + data
    pseudo = pseudo_header(src, dst, len(tcp))
    if checksum is None:
        checksum = 0xFFFF - total(pseudo + tcp)
    elif checksum == "partial":
        checksum = total(pseudo)
    return tcp[:16] + struct.pack("!H", checksum) + tcp[18:]


def ip(src, dst, payload, fragment=0, length=None, protocol=6):
    a, b = ipaddress.ip_address(src[0]), ipaddress.ip_address(dst[0])
    if a.version == 6:
        length = len(payload) if length is None else length
        return struct.pack("!IHBB", 6 << 28, length, protocol, 64) + a.packed + b.packed + payload
    length = 20 + len(payload) if length is None else length
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, 1, fragment, 64, protocol, 0) + a.packed + b.packed
    return head[:10] + struct.pack("!H", 0xFFFF - total(head)) + head[12:] + payload


def ethertype(packet):
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


def link(packet, kind=ETHERNET, vlan=()):
    """An IP packet behind the header of a link layer; vlan is a list of (ethertype, tag), the outer one first."""
    tags, inner = b"", ethertype(packet)
    for tpid, tag in reversed(list(vlan)):
        tags, inner = struct.pack("!HH", tag, inner) + tags, tpid
    packet = tags + packet
    if kind == ETHERNET:
        return bytes.fromhex("020000000002020000000001") + struct.pack("!H", inner) + packet
    if kind == SLL:
        return struct.pack("!HHH8sH", 0, 1, 6, b"\2\0\0\0\0\1", inner) + packet
    if kind == SLL2:
        return struct.pack("!HHIHBB8s", inner, 0, 1, 1, 0, 6, b"\2\0\0\0\0\1") + packet
    family = {0x0800: AF_INET, 0x86DD: 30}[inner]
    return {NULL: struct.pack("<I", family), LOOP: struct.pack("!I", family)}.get(kind, b"") + packet


def frame(*words, kind=ETHERNET, vlan=(), **more):
    """An Ethernet frame, or another, with a segment: frame(A, B, "S", 1000)."""
    return link(ip(words[0], words[1], segment(*words, **more)), kind, vlan)


def conversation(src, dst, steps):
    """Frames of (who, flags, seq, ack, bytes of data); who is 0 for src and 1 for dst."""
    for who, flags, seq, ack, length in steps:
        ends = (dst, src) if who else (src, dst)
        yield frame(*ends, flags, seq, ack, b"x" * length)


HANDSHAKE = [(0, "S", 1000, 0, 0), (1, "SA", 5000, 1001, 0), (0, "A", 1001, 5001, 0)]
CLOSE = [(0, "FA", 1001, 5001, 0), (1, "FA", 5001, 1002, 0), (0, "A", 1002, 5002, 0)]

START = 1700000000  # seconds since the epoch


def times(frames, step=0.01):
    """(time, frame) for each frame, the first one a step after START."""
    return [(START + (n + 1) * step, f) for n, f in enumerate(frames)]


def pcap(stamped, kind=ETHERNET, snaplen=262144, order="<", nano=False):
    """A pcap file of (time, frame)."""
    unit, scale = (10**9, 1000) if nano else (10**6, 1)
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, kind)]
    for time, data in stamped:
        ticks = round(time * 10**6) * scale
        held = data[:snaplen]
        out.append(struct.pack(order + "IIII", ticks // unit, ticks % unit, len(held), len(data)) + held)
    return b"".join(out)


def block(kind, body, order="<"):
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order="<"):
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(kind=ETHERNET, snaplen=0, resolution=None, offset=None, order="<"):
    options = b""
    if resolution is not None:
        options += struct.pack(order + "HHBxxx", 9, 1, resolution)
    if offset is not None:
        options += struct.pack(order + "HHq", 14, 8, offset)
    if options:
        options += struct.pack(order + "HH", 0, 0)
    return block(1, struct.pack(order + "HHI", kind, 0, snaplen) + options, order)


def enhanced(time, data, iface=0, unit=10**6, snaplen=None, order="<"):
    ticks = round(time * unit)
    held = data[:snaplen]
    return block(6, struct.pack(order + "IIIII", iface, ticks >> 32, ticks & 0xFFFFFFFF, len(held), len(data)) + held,
                 order)


def pcapng(stamped, order="<"):
    """A pcapng file of one Ethernet interface."""
    return section(order) + interface(order=order) + b"".join(enhanced(t, f, order=order) for t, f in stamped)
