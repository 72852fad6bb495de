# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The cookie once more, made from the prose at the head of include/synward/cookie.h and from the SipHash paper.

It shares no code and no table with the C. An address is 4 or 16 bytes as on the wire, a key 16 bytes.
"""

import struct
from typing import NamedTuple, Optional, Tuple

MSS = [536, 1220, 1300, 1400, 1440, 1452, 1460, 8940]
SCALES = [None, 0, 2, 4, 6, 7, 8, 10]
NEVER = 2 ** 64 - 1
WORD = 2 ** 32


class Keys(NamedTuple):
    isn: bytes
    mac: Tuple[Tuple[int, bytes], ...]  # first epoch and key, twice


class End(NamedTuple):
    address: bytes
    port: int


class Offer(NamedTuple):
    mss: int
    scale: Optional[int]  # None: no window scaling
    own_scale: int
    sack: bool
    ecn: bool
    timestamps: bool


# --- SipHash-2-4 ----------------------------------------------------------------------------------

def rotate(value, bits):
    value &= NEVER
    return (value << bits | value >> (64 - bits)) & NEVER


def sip_rounds(v, count):
    """Figure 2.1 of the paper: the left half, the right half, then both crossed."""
    a, b, c, d = v
    for _ in range(count):
        a, c = (a + b) & NEVER, (c + d) & NEVER
        b, d = rotate(b, 13) ^ a, rotate(d, 16) ^ c
        a = rotate(a, 32)
        c, a = (c + b) & NEVER, (a + d) & NEVER
        b, d = rotate(b, 17) ^ c, rotate(d, 21) ^ a
        c = rotate(c, 32)
    return [a, b, c, d]


def siphash(key, message):
    k = struct.unpack("<2Q", key) * 2
    v = [half ^ initial for half, initial in zip(k, struct.unpack(">4Q", b"somepseudorandomlygeneratedbytes"))]
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) % 256])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        v = sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    a, b, c, d = sip_rounds(v, 4)
    return a ^ b ^ c ^ d


# --- Cookies --------------------------------------------------------------------------------------

def mac_key(keys, epoch):
    """Of the keys whose first epoch has come, the one whose came last."""
    return max((first, key) for first, key in keys.mac if first <= epoch)[1]


def tuple_hash(keys, local, remote):
    return siphash(keys.isn, local.address + remote.address + struct.pack(">HH", local.port, remote.port))


def mac(keys, f, client_isn, epoch, options, timestamps, scales):
    message = struct.pack("<QIIBBB", f, client_isn, epoch % WORD, options, timestamps, scales)
    return siphash(mac_key(keys, epoch), message)


def floor_index(table, value):
    return max((i for i, step in enumerate(table) if step is not None and step <= value), default=0)


def encode(keys, local, remote, client_isn, epoch, offer):
    """ISN and TSval of the SYN+ACK."""
    scale = 0 if offer.scale is None else floor_index(SCALES, offer.scale)
    options = floor_index(MSS, offer.mss) * 32 + scale * 4 + offer.sack * 2 + offer.ecn
    scales = 0
    if offer.timestamps and offer.scale is not None:
        scales = offer.own_scale * 16 + offer.scale
    f = tuple_hash(keys, local, remote)
    h = mac(keys, f, client_isn, epoch, options, offer.timestamps, scales)
    isn = client_isn + f % WORD + epoch % 256 * 2 ** 24 + h % 2 ** 16 * 2 ** 8 + options
    return isn % WORD, h // 2 ** 16 % 2 ** 24 * 2 ** 8 + scales


def decode(keys, local, remote, seq, ack, tsecr, now, own_scale):
    """The Offer, or "OLD", or "BAD". tsecr None: the segment has no timestamp."""
    f = tuple_hash(keys, local, remote)
    client_isn = (seq - 1) % WORD
    number = (ack - 1 - client_isn - f) % WORD
    epoch = next((epoch for epoch in (now, now - 1) if epoch % 256 == number // 2 ** 24), None)
    if epoch is None:
        return "OLD"
    options = number % 256
    scales = 0 if tsecr is None else tsecr % 256
    h = mac(keys, f, client_isn, epoch, options, tsecr is not None, scales)
    if number // 256 % 2 ** 16 != h % 2 ** 16:
        return "BAD"
    if tsecr is not None and tsecr // 256 != h // 2 ** 16 % 2 ** 24:
        return "BAD"
    scale = SCALES[options // 4 % 8]
    if tsecr is not None and scale is not None:
        own_scale, scale = divmod(scales, 16)
    return Offer(MSS[options // 32], scale, own_scale, bool(options & 2), bool(options & 1), tsecr is not None)
