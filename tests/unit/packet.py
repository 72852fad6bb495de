# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Headers packed from the RFCs' pictures, for what prints golden packets. Addresses are bytes as on the wire."""

import struct

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
MACS = bytes.fromhex("020000000002020000000001")
NOP, END, SACK = b"\1", b"\0", b"\4\2"


def mss(value):
    return struct.pack(">BBH", 2, 4, value)


def scale(shift):
    return struct.pack(">BBB", 3, 3, shift)


def stamp(value, echo):
    return struct.pack(">BBII", 8, 10, value, echo)


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = total % 0x10000 + total // 0x10000
    return 0xFFFF - total


def patched(header, at, value):
    return header[:at] + struct.pack(">H", value) + header[at + 2:]


def tcp(source, target, ports, seq, ack, flags, window, options, data=b""):
    size = 20 + len(options)
    header = struct.pack(">HHIIBBHHH", *ports, seq, ack, size // 4 << 4, flags, window, 0, 0) + options
    padded = header + data + bytes(len(data) % 2)
    pseudo = source + target + struct.pack(">II", size + len(data), 6)
    return patched(header, 16, checksum(pseudo + padded)) + data


def ipv4(source, target, payload, ident, ttl, options=b"", tos=0):
    size = 20 + len(options)
    header = struct.pack(">BBHHHBBH", 4 << 4 | size // 4, tos, size + len(payload), ident, 0x4000, ttl, 6, 0)
    header += source + target + options
    return patched(header, 10, checksum(header)) + payload


def ipv6(source, target, payload, hop_limit, headers=(), label=0, traffic_class=0):
    """headers: (protocol, size) of each extension header, padding throughout."""
    following, packet = 6, payload
    for protocol, size in reversed(headers):
        packet = struct.pack(">BBBB", following, size // 8 - 1, 1, size - 4) + bytes(size - 4) + packet
        following = protocol
    return struct.pack(">IHBB", 6 << 28 | traffic_class << 20 | label, len(packet), following, hop_limit) + source + target + packet


def reply_options(offer, own, isn_tsval, echo):
    """Of a SYN+ACK, as Linux orders them."""
    options = mss(own["mss"])
    if offer["timestamps"]:
        options += (SACK if offer["sack"] else NOP + NOP) + stamp(isn_tsval, echo)
    elif offer["sack"]:
        options += NOP + NOP + SACK
    if offer["wscale"] is not None:
        options += NOP + scale(own["wscale"])
    return options
