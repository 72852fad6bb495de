# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Captures as they come: file formats, link layers, cut frames, wrong checksums, broken files, pipes."""

import gzip
import os
import re
import struct
import subprocess
import tempfile
from ipaddress import ip_address

from harness import SYNWARD, TESTS, must, replay, replay_json, same, synward, test
from packets import (A, A6, B, B6, CLOSE, ETHERNET, HANDSHAKE, IPV4, IPV6, LOOP, NULL, RAW, SLL, SLL2, START, block,
                     conversation, enhanced, ethertype, frame, interface, ip, link, pcap, pcapng, section, segment, times,
                     total)

TALK = HANDSHAKE + [(0, "PA", 1001, 5001, 100), (1, "A", 5001, 1101, 0)]
FRAMES = list(conversation(A, B, TALK))
PLAIN = pcap(times(FRAMES))


def lines_of(capture):
    return replay_json(capture).out


def of_kind(kind, src=A, dst=B):
    """The conversation behind another link layer."""
    out = []
    for who, flags, seq, ack, length in TALK:
        ends = (dst, src) if who else (src, dst)
        out.append(frame(*ends, flags, seq, ack, b"x" * length, kind=kind))
    return out


# --- Formats ---------------------------------------------------------------------------------------------------------

FORMATS = {
    "big_endian_pcap": pcap(times(FRAMES), order=">"),
    "nanosecond_pcap": pcap(times(FRAMES), nano=True),
    "pcapng": pcapng(times(FRAMES)),
    "big_endian_pcapng": pcapng(times(FRAMES), order=">"),
}


def check_format(capture):
    same(lines_of(capture), lines_of(PLAIN), "lines")


for form, content in FORMATS.items():
    TESTS.append((f"{form}_reads_as_a_pcap", lambda capture=content: check_format(capture)))


@test
def gzip_is_unpacked():
    packed = gzip.compress(PLAIN)
    same(lines_of(packed), lines_of(PLAIN), "lines")
    must("ESTABLISHED" in replay(packed, "--ladder").ok().out, "no ladder: it is read twice")
    check_error(replay(packed[:-9]), "beyond frame", "compressed by gzip, and damaged or cut")


@test
def damaged_compression_is_named():
    for packed, packer in ((b"\x1f\x8b" + bytes(99), "gzip"), (gzip.compress(PLAIN)[:-8] + bytes(8), "gzip"),
                           (b"\x28\xb5\x2f\xfd" + b"\xff" * 99, "zstd"), (zstd_stored(PLAIN)[:30], "zstd")):
        check_error(replay(packed), f"compressed by {packer}, and damaged or cut")


@test
def zstd_is_unpacked():
    same(lines_of(zstd_stored(PLAIN)), lines_of(PLAIN), "lines")


def zstd_stored(data):
    """A Zstandard frame of one raw block (RFC 8878)."""
    head = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data))
    return head + (1 | len(data) << 3).to_bytes(3, "little") + data


@test
def other_packers_are_named():
    check_error(replay(b"\xfd7zXZ\0" + bytes(40)), "compressed by xz")


@test
def seconds_beyond_2038_and_before_1970_are_printed():
    times_of = [s["ts"] for s in replay_json(pcap([(2**31 + 5, FRAMES[0])])).segments()]
    same(times_of, [2**31 + 5], "2038")
    out = section() + interface(offset=-1000) + enhanced(1.5, FRAMES[0])
    result = replay_json(out)
    same((result.segments()[0]["ts"], result.flow()["start"]), (-998.5, -998.5), "1969")


@test
def one_wrong_stamp_ends_nothing():
    for wrong in (START + 3600, START + 63 * 365 * 86400, START - 3600, 0):
        stamps = [START, START + 0.01, wrong, START + 0.03, START + 0.04]
        flows = replay_json(pcap(list(zip(stamps, FRAMES)))).flows()
        same([flow["conn_state"] for flow in flows], ["S1"], f"flows with a stamp of {wrong}")


@test
def pcapng_clocks_have_any_resolution_and_offset():
    out = section() + interface(resolution=9, offset=START - 1000) + interface(resolution=0x80 | 20) + interface()
    units = [(10**9, START - 1000), (2**20, 0), (10**6, 0)]
    for n, (time, data) in enumerate(times(FRAMES, 0.25)):
        unit, offset = units[n % 3]
        out += enhanced(time - offset, data, n % 3, unit)
    same([s["ts"] for s in replay_json(out).segments()], [time for time, _ in times(FRAMES, 0.25)], "times")


@test
def pcapng_interfaces_may_differ_in_link_type_and_snap_length():
    kinds = [ETHERNET, RAW, SLL2]
    out = section() + b"".join(interface(kind, snaplen) for kind, snaplen in zip(kinds, (0, 100, 65535)))
    for n, (time, _) in enumerate(times(FRAMES)):
        out += enhanced(time, of_kind(kinds[n % 3])[n], n % 3)
    same(lines_of(out), lines_of(PLAIN), "lines")


@test
def pcapng_frames_of_an_unknown_link_layer_are_passed_over():
    out = section() + interface() + interface(195)
    for n, (time, data) in enumerate(times(FRAMES)):
        out += enhanced(time, data) + enhanced(time, b"\x41\x88" + bytes(20), 1)
    result = replay_json(out)
    same([s["n"] for s in result.segments()], [1, 3, 5, 7, 9], "frame numbers")
    must("5 frames passed over" in result.err, f"not said: {result.err!r}")


@test
def pcapng_blocks_that_mean_nothing_here_are_skipped():
    out = section() + block(4, b"\0" * 4) + interface() + block(0xBAD, b"x" * 9)
    out += b"".join(enhanced(t, f) + block(5, b"\0" * 12) for t, f in times(FRAMES))
    same(lines_of(out), lines_of(PLAIN), "lines")


@test
def pcapng_simple_and_obsolete_packets_are_read():
    out = section() + interface()
    for data in FRAMES[:2]:
        out += block(2, struct.pack("<HHIIII", 0, 0, 1, 2, len(data), len(data)) + data)
    for data in FRAMES[2:]:
        out += block(3, struct.pack("<I", len(data)) + data)
    result = replay_json(out)
    same((result.flow()["conn_state"], len(result.segments())), ("S1", 5), "result")


@test
def pcapng_sections_follow_one_another():
    halves = times(FRAMES)
    same(lines_of(pcapng(halves[:2]) + pcapng(halves[2:], order=">")), lines_of(PLAIN), "lines")


# --- Link layers -----------------------------------------------------------------------------------------------------

LINKS = {"ethernet": ETHERNET, "cooked_v1": SLL, "cooked_v2": SLL2, "raw_ip": RAW, "bsd_null": NULL, "bsd_loop": LOOP}


def check_link(kind):
    same(lines_of(pcap(times(of_kind(kind)), kind)), lines_of(PLAIN), "IPv4")
    same(lines_of(pcap(times(of_kind(kind, A6, B6)), kind)), lines_of(pcap(times(of_kind(ETHERNET, A6, B6)))), "IPv6")


for title, number in LINKS.items():
    TESTS.append((f"{title}_reads_as_ethernet", lambda kind=number: check_link(kind)))


@test
def raw_link_types_of_one_ip_version_are_known():
    same(lines_of(pcap(times(of_kind(IPV4)), IPV4)), lines_of(PLAIN), "IPv4")
    same(len(replay_json(pcap(times(of_kind(IPV6, A6, B6)), IPV6)).segments()), 5, "segments of IPv6")


@test
def bsd_null_is_read_in_either_byte_order():
    swapped = [data[3::-1] + data[4:] for data in of_kind(NULL)]
    same(lines_of(pcap(times(swapped), NULL)), lines_of(PLAIN), "lines")


@test
def unknown_link_type_is_an_error():
    result = replay(pcap(times(FRAMES), 195))
    same((result.code, result.out), (1, ""), "exit")
    must(result.err.startswith("synward: Couldn't read ") and "is not Ethernet" in result.err, result.err)


@test
def one_and_two_vlan_tags_are_looked_behind():
    single = [link(f[14:], vlan=[(0x8100, 5)]) for f in FRAMES]
    double = [link(f[14:], vlan=[(0x88A8, 7), (0x8100, 5)]) for f in FRAMES]
    same(lines_of(pcap(times(single))), lines_of(PLAIN), "802.1Q")
    same(lines_of(pcap(times(double))), lines_of(PLAIN), "QinQ")
    cooked = [link(f[14:], SLL, vlan=[(0x8100, 5)]) for f in FRAMES]
    same(lines_of(pcap(times(cooked), SLL)), lines_of(PLAIN), "cooked")


@test
def any_number_of_vlan_tags_is_looked_behind():
    deep = [link(f[14:], vlan=[(0x9100, 7), (0x88A8, 5), (0x8100, 6), (0x8100, 4)]) for f in FRAMES]
    same(lines_of(pcap(times(deep))), lines_of(PLAIN), "four tags")


@test
def fragment_whose_packet_is_not_whole_is_counted():
    fragment = link(ip(A, B, segment(A, B, "A", 1, 1, b"x" * 8), fragment=0x2000))
    result = replay_json(pcap(times([fragment, *FRAMES])))
    same([s["n"] for s in result.segments()], [2, 3, 4, 5, 6], "frame numbers")
    must("1 fragment" in result.err, f"not said: {result.err!r}")


@test
def fragments_become_the_segment_that_they_were_cut_from():
    whole = ip(A, B, segment(A, B, "PA", 1001, 5001, b"x" * 1400))
    first, last = ip(A, B, whole[20:820], fragment=0x2000), ip(A, B, whole[820:], fragment=100)
    for order in ((first, last), (last, first), (first, first, last)):
        frames = [*FRAMES[:3], *(link(piece) for piece in order)]
        same(replay_json(pcap(times(frames))).flow()["bytes"]["a"], 1400, "bytes")


# --- Ways and mobile hosts ---------------------------------------------------------------------------------------------

STOP, FOREIGN, STOP6 = ("203.0.113.9", 0), ("2001:db8:99::c", 0), ("2001:db8:77::9", 0)


def with_headers(src, dst, tcp, *headers):
    """IPv6 with extension headers: (kind, all of it behind the byte that says what follows)."""
    packet, kind = tcp, 6
    for this, rest in reversed(headers):
        packet, kind = bytes([kind]) + rest + packet, this
    return ip(src, dst, packet, protocol=kind)


def routing(kind, *addresses):
    return 43, bytes([2 * len(addresses), kind, 1]) + bytes(4) + b"".join(ip_address(a).packed for a, _ in addresses)


def home(address):
    return 60, bytes([2, 1, 2, 0, 0, 0xC9, 16]) + ip_address(address[0]).packed


def source_route(src, dst, stop, tcp):
    """By way of `stop`, where it has not come yet (RFC 791, 3.1)."""
    packet = ip(src, stop, b"\x83\x07\x04" + ip_address(dst[0]).packed + b"\0" + tcp)
    packet = b"\x47" + packet[1:10] + b"\0\0" + packet[12:]
    return packet[:10] + struct.pack("!H", 0xFFFF - total(packet[:28])) + packet[12:]


WAYS = {
    "source_route": lambda src, dst, tcp: source_route(src, dst, STOP, tcp),
    "routing_header_0": lambda src, dst, tcp: with_headers(src, STOP6, tcp, routing(0, STOP6, dst)),
    "segment_routing_header": lambda src, dst, tcp: with_headers(src, STOP6, tcp, routing(4, dst, STOP6)),
    "home_address": lambda src, dst, tcp: with_headers(FOREIGN, dst, tcp, home(src)),
    "routing_header_2": lambda src, dst, tcp: with_headers(src, FOREIGN, tcp, routing(2, dst)),
}


def check_way(name):
    """What one end sends goes this way, and what the other sends directly: one connection."""
    ends = (A, B) if name == "source_route" else (A6, B6)
    frames = []
    for who, flags, seq, ack, length in TALK:
        src, dst = (ends[1], ends[0]) if who else ends
        tcp = segment(src, dst, flags, seq, ack, b"x" * length)
        frames.append(link(ip(src, dst, tcp) if who else WAYS[name](src, dst, tcp)))
    result = replay_json(pcap(times(frames)))
    same((result.out, result.err), (lines_of(pcap(times(of_kind(ETHERNET, *ends)))), ""), "lines")


for title in WAYS:
    TESTS.append((f"connection_by_{title}_is_that_of_its_ends", lambda name=title: check_way(name)))


# --- Tunnels ---------------------------------------------------------------------------------------------------------

OUTER = ("203.0.113.1", 50000), ("203.0.113.2", 0)


def udp(port, payload):
    return ip(*OUTER, struct.pack("!HHHH", 50000, port, 8 + len(payload), 0) + payload, protocol=17)


def gre(kind, payload, flags=0, words=b""):
    return ip(*OUTER, struct.pack("!HH", flags, kind) + words + payload, protocol=47)


def numbered(n):
    return struct.pack("!I", n)


def ppp(packet):
    return struct.pack("!H", 0x21 if packet[0] >> 4 == 4 else 0x57) + packet


def bare_link(kind, payload):
    return bytes(12) + struct.pack("!H", kind) + payload


# Each puts one Ethernet frame with IP into a tunnel of an id; frame[14:] is the IP packet.
TUNNELS = {
    "vxlan": lambda f, n: link(udp(4789, b"\x08\0\0\0" + numbered(n << 8) + f)),
    "geneve": lambda f, n: link(udp(6081, b"\x01\0\x65\x58" + numbered(n << 8) + bytes(4) + f)),
    "gre": lambda f, n: link(gre(ethertype(f[14:]), f[14:], 0x3000, numbered(n) + numbered(9))),
    "nvgre": lambda f, n: link(gre(0x6558, f, 0x2000, numbered(n << 8 | 7))),
    "erspan_2": lambda f, n: link(gre(0x88BE, numbered(1 << 28 | n) + bytes(4) + f, 0x1000, numbered(3))),
    "erspan_3": lambda f, n: link(gre(0x22EB, numbered(2 << 28 | n) + bytes(8) + f, 0x1000, numbered(3))),
    "gtp": lambda f, n: link(udp(2152, b"\x32\xff\0\0" + numbered(n) + bytes(4) + f[14:])),
    "pppoe": lambda f, n: bare_link(0x8864, struct.pack("!BBHH", 0x11, 0, n, len(f) - 12) + ppp(f[14:])),
    "mpls": lambda f, n: bare_link(0x8847, numbered(n << 12 | 64) + numbered(99 << 12 | 1 << 8 | 64) + f[14:]),
    "l2tp": lambda f, n: link(udp(1701, b"\0\2" + struct.pack("!HH", 1, n) + b"\xff\3" + ppp(f[14:]))),
}
WITHOUT_ID = {
    "ip_in_ip": lambda f: link(ip(*OUTER, f[14:], protocol=4 if f[14] >> 4 == 4 else 41)),
    "in_ipv6": lambda f: link(ip(A6, B6, f[14:], protocol=4 if f[14] >> 4 == 4 else 41)),
    "gre_without_key": lambda f: link(gre(ethertype(f[14:]), f[14:])),
    "erspan_1": lambda f: link(gre(0x88BE, f)),
    "vxlan_behind_vlan": lambda f: link(udp(4789, b"\x08\0\0\0\0\0\1\0" + f), vlan=[(0x8100, 5)]),
    "llc": lambda f: bytes(12) + struct.pack("!H", len(f)) + b"\xaa\xaa\3\0\0\0" + f[12:],
}


def without_tunnel(text):
    return re.sub(r',"tunnel":"[^"]*"', "", text)


def check_tunnel(wrap):
    for ends in ((A, B), (A6, B6)):
        plain = of_kind(ETHERNET, *ends)
        result = replay_json(pcap(times([wrap(f) for f in plain])))
        same(without_tunnel(result.out), lines_of(pcap(times(plain))), "lines")


def check_ids(wrap):
    """Two connections of the same endpoints, step by step in turn, end in different states."""
    one, other = FRAMES, list(conversation(A, B, [*HANDSHAKE, (0, "R", 1001, 0, 0)]))
    mixed = [wrap(f, n) for pair in zip(one, other) for f, n in zip(pair, (21, 22))]
    flows = replay_json(pcap(times(mixed))).flows()
    same(sorted(flow["conn_state"] for flow in flows), ["RSTO", "S1"], "two flows")
    same(len({flow["tunnel"] for flow in flows}), 2, "names of tunnels")


for title, wrapper in TUNNELS.items():
    TESTS.append((f"tunnel_{title}_is_looked_into", lambda wrap=wrapper: check_tunnel(lambda f: wrap(f, 5))))
    TESTS.append((f"tunnels_{title}_of_two_ids_are_not_mixed", lambda wrap=wrapper: check_ids(wrap)))
for title, wrapper in WITHOUT_ID.items():
    TESTS.append((f"tunnel_{title}_is_looked_into", lambda wrap=wrapper: check_tunnel(wrap)))


@test
def gtp_endpoints_differ_by_direction_within_a_flow():
    frames = [TUNNELS["gtp"](f, 1 + (who > 0)) for f, (who, *_) in zip(FRAMES, TALK)]
    same(replay_json(pcap(times(frames))).flow()["conn_state"], "S1", "conn_state")


@test
def capture_without_a_segment_says_what_it_holds():
    arp = bare_link(0x0806, bytes(28))
    frames = [arp, link(ip(A, B, bytes(20), protocol=17)), arp]
    result = replay(pcap(times(frames))).ok()
    must("no TCP segment in 3 frames: 2 ARP, 1 UDP" in result.err, result.err)
    result = replay(pcap(times(FRAMES[:2]), snaplen=10)).ok()
    must("no TCP segment in 2 frames: 2 Ethernet that can't be read" in result.err, result.err)


# --- Lengths ---------------------------------------------------------------------------------------------------------

@test
def snap_length_may_leave_only_the_headers():
    long = list(conversation(A, B, HANDSHAKE + [(0, "PA", 1001, 5001, 1400), (1, "A", 5001, 2401, 0)]))
    cut, whole = (replay_json(pcap(times(long), snaplen=snaplen)) for snaplen in (54, 65535))
    same(cut.out, whole.out, "lines")
    same(cut.flow()["bytes"], {"a": 1400, "b": 0}, "bytes")
    same(cut.err, "", "talk")


@test
def snap_length_may_cut_options():
    options = bytes.fromhex("020405b40402080a0000000100000000010303 07".replace(" ", ""))
    frames = [frame(A, B, "S", 1000, options=options), frame(B, A, "SA", 5000, 1001, options=options), *FRAMES[2:]]
    for snaplen in (54, 55, 60, 68, 73, 74):
        result = replay_json(pcap(times(frames), snaplen=snaplen))
        same((result.flow()["conn_state"], result.err), ("S1", ""), f"at {snaplen}")


@test
def length_of_ip_is_believed_where_the_file_has_the_cut_one():
    cut = [f[:60] for f in FRAMES]
    same(replay_json(pcap(times(cut))).flow()["bytes"]["a"], 100, "bytes")


@test
def snap_length_that_cuts_headers_is_said():
    for snaplen in (53, 40, 20, 14, 13, 1):
        result = replay_json(pcap(times(FRAMES), snaplen=snaplen))
        same(result.out, "", f"lines at {snaplen}")
        must("5 truncated" in result.err, f"not said at {snaplen}: {result.err!r}")
    same("5 truncated" in replay_json(pcap(times(of_kind(SLL2)), SLL2, snaplen=20)).err, True, "cooked")


@test
def frame_padded_to_the_minimum_of_ethernet_has_no_data():
    padded = [data + b"\0" * 6 for data in FRAMES[:3]]
    same([s["len"] for s in replay_json(pcap(times(padded))).segments()], [0, 0, 0], "lengths")


@test
def super_segments_of_64_kilobytes_are_whole():
    big = HANDSHAKE + [(0, "PA", 1001, 5001, 65000), (1, "A", 5001, 66001, 0)]
    same(replay_json(pcap(times(conversation(A, B, big)))).flow()["bytes"]["a"], 65000, "bytes")


@test
def super_segments_without_a_length_are_as_long_as_the_frame():
    scale = b"\1\3\3\7"
    data = segment(A, B, "PA", 1001, 5001, b"x" * 180000, checksum="partial")
    frames = [frame(A, B, "S", 1000, options=scale), frame(B, A, "SA", 5000, 1001, options=scale),
              frame(A, B, "A", 1001, 5001), frame(B, A, "A", 5001, 1001), link(ip(A, B, data, length=0))]
    same(replay_json(pcap(times(frames))).flow()["bytes"]["a"], 180000, "bytes")


# --- Checksums -------------------------------------------------------------------------------------------------------

def with_checksum(steps, wrong):
    """The conversation; the segments of which `wrong` says so have this checksum."""
    out = []
    for n, (who, flags, seq, ack, length) in enumerate(steps):
        ends = (B, A) if who else (A, B)
        out.append(frame(*ends, flags, seq, ack, b"x" * length, checksum=wrong(n, who)))
    return pcap(times(out))


@test
def wrong_checksum_is_shown_and_not_believed():
    capture = with_checksum(HANDSHAKE + [(1, "R", 5001, 0, 0)], lambda n, who: 0xBAD if n == 3 else None)
    result = replay_json(capture)
    bad = result.segments()[3]
    same((bad["reason"], bad["src_state"], bad["dst_state"]), ("bad_checksum", "ESTABLISHED", "ESTABLISHED"), "segment")
    same((result.flow()["conn_state"], result.flow()["packets"]["b"]), ("S1", 1), "flow")
    must("1 bad_checksum" in result.err, f"not said: {result.err!r}")


@test
def wrong_checksum_begins_no_flow():
    right = frame((A[0], 9), B, "S", 1)
    result = replay_json(pcap(times([frame(A, B, "S", 1000, checksum=0xBAD), right])))
    same(([s["reason"] for s in result.segments()], len(result.flows())), (["bad_checksum", None], 1), "result")
    same(result.segments()[0]["src_state"], "CLOSED", "state")


@test
def ignore_checksum_believes_all():
    capture = with_checksum(HANDSHAKE + [(1, "R", 5001, 0, 0)], lambda n, who: 0xBAD if n == 3 else None)
    result = replay_json(capture, "--ignore-checksum")
    same((result.flow()["conn_state"], result.err), ("RSTR", ""), "result")


@test
def sender_whose_checksums_are_all_wrong_has_an_offloading_nic():
    result = replay_json(with_checksum(HANDSHAKE + CLOSE, lambda n, who: 0xBAD if who == 0 else None))
    same((result.flow()["conn_state"], {s["reason"] for s in result.segments()}), ("SF", {None}), "result")
    same(result.err.count("every checksum of 192.0.2.10 is wrong"), 1, "said once")


@test
def offload_is_judged_by_sender():
    capture = with_checksum(HANDSHAKE + CLOSE + [(1, "R", 5002, 0, 0)],
                            lambda n, who: 0xBAD if who == 0 or n == 6 else None)
    result = replay_json(capture)
    same([s["reason"] for s in result.segments()], [None] * 6 + ["bad_checksum"], "reasons")
    must("192.0.2.10 is wrong" in result.err and "198.51.100.20 is" not in result.err, result.err)


@test
def sender_of_few_packets_may_offload():
    result = replay_json(with_checksum(HANDSHAKE, lambda n, who: 0xBAD if who == 1 else None))
    same({s["reason"] for s in result.segments()}, {None}, "reasons")


@test
def checksum_of_zero_was_not_computed():
    result = replay_json(with_checksum(TALK, lambda n, who: 0 if n == 3 else None))
    same(({s["reason"] for s in result.segments()}, result.err), ({None}, ""), "result")


@test
def wrong_checksum_of_what_was_acknowledged_is_believed():
    acknowledged = with_checksum(TALK, lambda n, who: 0xBAD if n == 3 else None)
    same({s["reason"] for s in replay_json(acknowledged).segments()}, {None}, "reasons")
    again = with_checksum(TALK[:4] + TALK[3:], lambda n, who: 0xBAD if n == 3 else None)
    same([s["reason"] for s in replay_json(again).segments()][3:5], ["bad_checksum", None], "a right copy came")


@test
def many_offloading_senders_are_told_of_in_a_few_lines():
    frames = [frame((f"10.0.0.{n}", 9), B, "S", 1, checksum=0xBAD) for n in range(1, 24) for _ in range(3)]
    result = replay_json(pcap(times(frames)))
    same((len(result.flows()), result.err.count("\n")), (23, 6), "flows, lines of talk")
    must("18 more senders" in result.err, f"not said: {result.err!r}")


@test
def partial_checksum_is_recognised_in_every_segment():
    partial = with_checksum(HANDSHAKE, lambda n, who: "partial" if n == 0 else None)
    result = replay_json(partial)
    same((result.flow()["conn_state"], result.err), ("S1", ""), "IPv4")
    frames = [frame(A6, B6, "S", 1, checksum="partial"), frame(B6, A6, "SA", 1, 2, checksum="partial")]
    same([s["reason"] for s in replay_json(pcap(times(frames))).segments()], [None, None], "IPv6")


@test
def wrong_checksum_of_the_ip_header_is_not_believed():
    broken = bytearray(FRAMES[0])
    broken[14 + 10] ^= 1
    result = replay_json(pcap(times([bytes(broken), *FRAMES])))
    same([s["reason"] for s in result.segments()][:2], ["bad_checksum", None], "reasons")


@test
def checksum_of_a_segment_cut_short_is_not_looked_at():
    wrong = [frame(A, B, "R", 1, checksum=7), frame(A, B, "PA", 1001, 5001, b"x" * 99, checksum=7)]
    capture = pcap(times([*FRAMES[:3], *wrong]), snaplen=60)
    same([s["reason"] for s in replay_json(capture).segments()], [None] * 3 + ["bad_checksum", None], "reasons")


@test
def odd_length_and_ipv6_checksums_are_right():
    frames = [frame(*ends, "PA", 1, 1, b"\xff" * n) for ends in ((A, B), (A6, B6)) for n in (0, 1, 2, 3, 101)]
    same({s["reason"] for s in replay_json(pcap(times(frames))).segments()}, {None}, "reasons")


# --- Broken files ----------------------------------------------------------------------------------------------------

def check_error(result, *parts):
    """One line, exit 1."""
    same(result.code, 1, "exit")
    must(result.err.startswith(("synward: Couldn't", '{"error":"Couldn\'t')), f"no error: {result.err!r}")
    same(result.err.count("\n"), 1, f"lines of error in {result.err!r}")
    for part in parts:
        must(part in result.err, f"no {part!r} in {result.err!r}")


@test
def truncated_file_is_read_as_far_as_it_goes():
    for capture in (PLAIN, pcapng(times(FRAMES))):
        for cut in (1, 20, 60):
            result = replay(capture[:-cut], "--json")
            check_error(result, "beyond frame 4")
            same((len(result.segments()), len(result.flows())), (4, 1), "lines")


@test
def truncated_file_is_drawn_as_far_as_it_goes():
    result = replay(PLAIN[:-1], "--ladder")
    check_error(result, "beyond frame 4")
    must("ESTABLISHED" in result.out, "no ladder")


@test
def corrupt_packet_header_is_an_error():
    broken = bytearray(PLAIN)
    broken[24 + 8:24 + 12] = b"\xff\xff\xff\x7f"
    check_error(replay(bytes(broken)), "beyond frame 0")


BROKEN = {
    "length_zero": section() + struct.pack("<II", 6, 0) + bytes(40),
    "length_odd": section() + struct.pack("<II", 6, 33) + bytes(40),
    "length_huge": section() + struct.pack("<II", 6, 0xFFFFFFFC) + bytes(40),
    "lengths_differ": section() + interface()[:-4] + struct.pack("<I", 99),
    "no_interface": section() + enhanced(START, FRAMES[0]),
    "captured_beyond_the_block": section() + interface() + block(6, struct.pack("<IIIII", 0, 0, 0, 99, 99) + b"x" * 20),
    "packet_block_short": section() + interface() + block(6, b"\0" * 8),
    "interface_block_short": section() + block(1, b"\0" * 4),
    "option_too_long": section() + block(1, struct.pack("<HHIHH", 1, 0, 0, 9, 200)),
    "byte_order_magic": block(0x0A0D0D0A, b"\0" * 16),
}


def check_broken(capture):
    check_error(replay(capture), "beyond frame 0")


for title, content in BROKEN.items():
    TESTS.append((f"broken_pcapng_{title}_is_an_error", lambda capture=content: check_broken(capture)))


@test
def what_is_no_capture_is_an_error():
    check_error(replay(b""), "it is empty")
    check_error(replay(b"\n"), "Couldn't read")
    check_error(replay(b"GIF89a" + bytes(100)), "A pcap or pcapng file is wanted")
    check_error(synward("replay", "/no/such/file"), "Couldn't open /no/such/file: No such file or directory")
    check_error(synward("replay", "/"), "Couldn't read /: Is a directory")


@test
def errors_are_json_where_json_is_asked_for():
    result = synward("replay", "/no/such/file", "--json")
    same((result.code, result.out), (1, ""), "exit")
    must(result.err.startswith('{"error":"Couldn\'t open /no/such/file'), result.err)


@test
def capture_without_tcp_has_no_flows():
    udp = link(ip(A, B, bytes(20), protocol=17))
    same((replay(pcap(times([udp]))).ok().out, replay(pcap([])).ok().out), ("", ""), "output")


# --- Pipes -----------------------------------------------------------------------------------------------------------

@test
def standard_input_is_read():
    same(synward("replay", "--json", "-", data=PLAIN).ok().out, lines_of(PLAIN), "pcap")
    same(synward("replay", "--json", "-", data=pcapng(times(FRAMES))).ok().out, lines_of(PLAIN), "pcapng")
    must("ESTABLISHED" in synward("replay", "--ladder", "-", data=PLAIN).ok().out, "no ladder")


@test
def pipe_is_read():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pipe")
        os.mkfifo(path)
        with subprocess.Popen([SYNWARD, "replay", "--json", path], stdout=subprocess.PIPE) as process:
            with open(path, "wb") as pipe:
                pipe.write(PLAIN)
            same(process.communicate()[0].decode(), lines_of(PLAIN), "lines")


@test
def error_comes_after_what_could_be_read():
    with tempfile.NamedTemporaryFile() as file:
        file.write(PLAIN[:-1])
        file.flush()
        for words in ([], ["--json"], ["--segments"], ["--ladder"]):
            command = [SYNWARD, "replay", file.name, *words]
            run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            must(b"Couldn't" in run.stdout.splitlines()[-1], f"{words}: {run.stdout.decode()}")


@test
def full_disk_is_an_error():
    with tempfile.NamedTemporaryFile() as file, open("/dev/full", "wb") as full:
        file.write(PLAIN)
        file.flush()
        run = subprocess.run([SYNWARD, "replay", file.name], stdout=full, stderr=subprocess.PIPE, check=False)
        same((run.returncode, b"No space left" in run.stderr), (1, True), "exit")


@test
def reader_that_goes_away_ends_replay():
    many = pcap(times(FRAMES * 2000, 0.0001))
    with tempfile.NamedTemporaryFile() as file:
        file.write(many)
        file.flush()
        with subprocess.Popen([SYNWARD, "replay", "--json", file.name], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            process.stdout.close()
            must(process.wait(20) != 0, "it went on")
