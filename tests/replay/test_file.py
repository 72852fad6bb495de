# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Captures as they come: file formats, link layers, cut frames, wrong checksums, broken files, pipes."""

import os
import struct
import subprocess
import tempfile

from harness import SYNWARD, TESTS, must, replay, replay_json, same, synward, test
from packets import (A, A6, B, B6, CLOSE, ETHERNET, HANDSHAKE, IPV4, IPV6, LOOP, NULL, RAW, SLL, SLL2, START, block,
                     conversation, enhanced, frame, interface, ip, link, pcap, pcapng, section, segment, times)

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
    result = replay(pcap(times(FRAMES), 105))
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
def three_vlan_tags_and_fragments_are_passed_over_and_counted():
    deep = link(FRAMES[0][14:], vlan=[(0x88A8, 7), (0x8100, 5), (0x8100, 6)])
    fragment = link(ip(A, B, segment(A, B, "A", 1, 1, b"x" * 8), fragment=0x2000))
    result = replay_json(pcap(times([deep, fragment, *FRAMES])))
    same([s["n"] for s in result.segments()], [3, 4, 5, 6, 7], "frame numbers")
    must("1 vlan_deep" in result.err and "1 fragment" in result.err, f"not said: {result.err!r}")


# --- Lengths ---------------------------------------------------------------------------------------------------------

@test
def snap_length_may_leave_only_the_headers():
    long = list(conversation(A, B, HANDSHAKE + [(0, "PA", 1001, 5001, 1400), (1, "A", 5001, 2401, 0)]))
    cut, whole = (replay_json(pcap(times(long), snaplen=snaplen)) for snaplen in (54, 65535))
    same(cut.out, whole.out, "lines")
    same(cut.flow()["bytes"], {"a": 1400, "b": 0}, "bytes")
    same(cut.err, "", "talk")


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
    result = replay_json(with_checksum(HANDSHAKE[:1], lambda n, who: 0xBAD))
    same(([s["reason"] for s in result.segments()], result.flows()), (["bad_checksum"], []), "result")
    same(result.segments()[0]["src_state"], "CLOSED", "state")


@test
def ignore_checksum_believes_all():
    capture = with_checksum(HANDSHAKE + [(1, "R", 5001, 0, 0)], lambda n, who: 0xBAD if n == 3 else None)
    result = replay_json(capture, "--ignore-checksum")
    same((result.flow()["conn_state"], result.err), ("RSTR", ""), "result")


@test
def sender_whose_checksums_are_all_wrong_has_an_offloading_nic():
    result = replay_json(with_checksum(HANDSHAKE + CLOSE, lambda n, who: 0 if who == 0 else None))
    same((result.flow()["conn_state"], {s["reason"] for s in result.segments()}), ("SF", {None}), "result")
    same(result.err.count("every checksum of 192.0.2.10 is wrong"), 1, "said once")


@test
def offload_is_judged_by_sender():
    capture = with_checksum(HANDSHAKE + CLOSE + [(1, "R", 5002, 0, 0)],
                            lambda n, who: 0 if who == 0 else 0xBAD if n == 6 else None)
    result = replay_json(capture)
    same([s["reason"] for s in result.segments()], [None] * 6 + ["bad_checksum"], "reasons")
    must("192.0.2.10 is wrong" in result.err and "198.51.100.20" not in result.err, result.err)


@test
def two_wrong_checksums_are_not_yet_an_offload():
    result = replay_json(with_checksum(HANDSHAKE, lambda n, who: 0 if who == 0 else None))
    same([s["reason"] for s in result.segments()], ["bad_checksum", None, "bad_checksum"], "reasons")


@test
def many_offloading_senders_are_told_of_in_a_few_lines():
    frames = [frame((f"10.0.0.{n}", 9), B, "S", 1, checksum=0) for n in range(1, 24) for _ in range(3)]
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
    result = replay_json(pcap(times([bytes(broken)])))
    same([s["reason"] for s in result.segments()], ["bad_checksum"], "reasons")


@test
def checksum_of_a_segment_cut_short_is_not_looked_at():
    capture = pcap(times([frame(A, B, "S", 1, 0, b"", checksum=7), frame(A, B, "PA", 2, 1, b"x" * 99, checksum=7)]),
                   snaplen=60)
    same([s["reason"] for s in replay_json(capture).segments()], ["bad_checksum", None], "reasons")


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
