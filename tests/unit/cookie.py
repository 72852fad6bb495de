# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The cookie once more, made from the prose at the head of include/synward/cookie.h and from the SipHash paper.

It shares no code and no table with the C. An address is 4 or 16 bytes as on the wire, a key 16 bytes.
"""

import struct
from typing import NamedTuple, Optional, Tuple

MSS = [536, 1000, 1120, 1220, 1360, 1440, 1460, 8940]
CODES = [  # scale, SACK, ECN
    (None, 0, 0), (None, 1, 0), (0, 0, 0), (4, 0, 0), (7, 0, 0), (0, 1, 0), (2, 1, 0), (4, 1, 0),
    (6, 1, 0), (7, 1, 0), (7, 1, 1), (8, 1, 0), (8, 1, 1), (10, 1, 0), (10, 1, 1),
]
TIMESTAMPS = 15  # in the place of a code
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


def mac(keys, f, client_isn, epoch, options):
    return siphash(mac_key(keys, epoch), struct.pack("<QIIB", f, client_isn, epoch % WORD, options))


def floor_index(table, value):
    return max((i for i, step in enumerate(table) if step <= value), default=0)


def kept(offer):
    """What of the offer comes back: all with timestamps, unless its MSS is beyond all reason; else what a code says."""
    if offer.timestamps:
        base = MSS[floor_index(MSS, offer.mss)]
        return offer._replace(mss=min(max(offer.mss, base), base + 8191))
    scale, sack, ecn = CODES[code_of(offer)]
    return offer._replace(mss=MSS[floor_index(MSS, offer.mss)], scale=scale, sack=bool(sack), ecn=bool(ecn))


def code_of(offer):
    """The last that asks for no more than the offer, and scales if it does."""
    return max(i for i, (scale, sack, ecn) in enumerate(CODES)
               if (scale is None) == (offer.scale is None) and (scale or 0) <= (offer.scale or 0)
               and sack <= offer.sack and ecn <= offer.ecn)


def tsval_of(h, exact):
    """The top 9 of 47 bits of a product, before the 23 bits themselves."""
    product = (h >> 17 | 1) * (2 ** 23 + exact) % 2 ** 47
    return (product >> 38) * 2 ** 23 + exact


def encode(keys, local, remote, client_isn, epoch, offer):
    """ISN and TSval of the SYN+ACK."""
    index = floor_index(MSS, offer.mss)
    options = index * 16 + (TIMESTAMPS if offer.timestamps else code_of(offer))
    rest = min(max(offer.mss - MSS[index], 0), 8191)
    scale = 15 if offer.scale is None else offer.scale
    exact = rest * 1024 + offer.sack * 512 + offer.ecn * 256 + offer.own_scale * 16 + scale
    f = tuple_hash(keys, local, remote)
    h = mac(keys, f, client_isn, epoch, options)
    isn = client_isn + f % WORD + epoch % 256 * 2 ** 24 + h % 2 ** 17 * 2 ** 7 + options
    return isn % WORD, tsval_of(h, exact)


def decode(keys, local, remote, seq, ack, tsecr, now, own_scale):
    """The Offer, or "OLD", or "BAD". tsecr None: the segment has no timestamp."""
    f = tuple_hash(keys, local, remote)
    client_isn = (seq - 1) % WORD
    number = (ack - 1 - client_isn - f) % WORD
    epoch = next((epoch for epoch in (now, now - 1) if epoch % 256 == number // 2 ** 24), None)
    if epoch is None:
        return "OLD"
    options = number % 128
    index, code = divmod(options, 16)
    h = mac(keys, f, client_isn, epoch, options)
    if number // 128 % 2 ** 17 != h % 2 ** 17:
        return "BAD"
    if tsecr is None:
        scale, sack, ecn = CODES[0 if code == TIMESTAMPS else code]
        return Offer(MSS[index], scale, own_scale, bool(sack), bool(ecn), False)
    exact = tsecr % 2 ** 23
    if code != TIMESTAMPS or tsecr != tsval_of(h, exact):
        return "BAD"
    scale = exact % 16
    if scale != 15:
        own_scale = exact // 16 % 16
    return Offer(MSS[index] + exact // 1024, None if scale == 15 else scale, own_scale, bool(exact & 512), bool(exact & 256),
                 True)
