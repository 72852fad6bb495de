# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What replay says of connections: the conformance vectors, incarnations, time-outs, conn_state."""

import collections
import glob
import json
import os

from harness import ROOT, TESTS, check_json_lines, must, replay, replay_json, same, synward, test
from packets import A, B, CLOSE, HANDSHAKE, conversation, frame, pcap, times

VECTORS = os.path.join(ROOT, "tests", "vectors")

# Why a frame holds no segment: these have no line.
REASONS_OF_FRAMES = {"not_ip", "vlan_deep", "not_tcp", "fragment", "ext_header", "truncated", "bad_ip", "bad_tcp"}


def matches(history, wanted):
    """A history against one in which entries in parentheses may be missing."""
    at = 0
    for entry in wanted:
        if at < len(history) and history[at] == entry.strip("()"):
            at += 1
        elif not entry.startswith("("):
            return False
    return at == len(history)


def bare(endpoint):
    return endpoint.replace("[", "").replace("]", "")


def check_vector(name):
    with open(os.path.join(VECTORS, name + ".expect"), encoding="utf-8") as file:
        expect = json.load(file)
    result = synward("replay", os.path.join(VECTORS, name + ".pcap"), "--json").ok()
    check_json_lines(result.out)
    flows = result.flows()
    same(len(flows), expect["flows"], "flows")
    for side, key in (("a", "A"), ("b", "B")):
        same(bare(flows[0][side]), expect[key], f"endpoint {key}")
        history = [state for flow in flows for state in flow["history"][side]]
        must(matches(history, expect["history"][key]), f"history of {key} is {history}")
        same(flows[-1]["state"][side], expect["final"][key], f"final state of {key}")
    if expect["conn_state"]:
        same(flows[-1]["conn_state"], expect["conn_state"], "conn_state")
    # U8
    distrusted = any(s["reason"] not in (None, "syn_retransmitted", "after_close") for s in result.segments())
    same(any(flow["refused"] for flow in flows), distrusted, "refused")
    if "reasons" in expect:
        wanted = {reason: n for reason, n in expect["reasons"].items() if reason not in REASONS_OF_FRAMES}
        same(collections.Counter(s["reason"] for s in result.segments() if s["reason"]), wanted, "reasons")


for path in sorted(glob.glob(os.path.join(VECTORS, "*.pcap"))):
    vector = os.path.basename(path)[:-5]
    TESTS.append(("vector_" + vector.replace("-", "_"), lambda name=vector: check_vector(name)))


def run_steps(steps, *words):
    return replay_json(pcap(times(conversation(A, B, steps))), *words)


@test
def flow_line_counts_packets_bytes_and_time():
    data = (0, "PA", 1001, 5001, 100)
    flow = run_steps(HANDSHAKE + [data, data, (1, "A", 5001, 1101, 7)]).flow()
    same((flow["packets"], flow["bytes"]), ({"a": 4, "b": 2}, {"a": 100, "b": 7}), "packets and bytes")
    same((flow["start"], flow["duration"], flow["midstream"]), (1700000000.01, 0.05, False), "times")


@test
def replaced_flow_is_printed_before_its_successor():
    again = [(0, "S", 90000, 0, 0)]
    lines = run_steps(HANDSHAKE + CLOSE + again).lines()
    same([line["type"] for line in lines[-3:]], ["flow", "segment", "flow"], "order of lines")
    same((lines[-3]["conn_state"], lines[-1]["conn_state"]), ("SF", "S0"), "conn_state")
    same(lines[-2]["reason"], None, "reason of the new SYN")


@test
def flow_past_its_time_out_is_absent():
    late = [(1700000000, frame(A, B, "S", 1000)), (1700000061, frame(A, B, "S", 1000))]
    lines = replay_json(pcap(late)).lines()
    same([line["type"] for line in lines], ["segment", "flow", "segment", "flow"], "lines")
    same([line["reason"] for line in lines[::2]], [None, None], "reasons")


@test
def time_outs_run_on_the_clock_of_the_capture():
    late = [(1700000000, frame(A, B, "S", 1000)), (1700000061, frame(A, B, "S", 1000))]
    kept = replay_json(pcap(late), "--timeout", "syn-sent=2m")
    same([s["reason"] for s in kept.segments()], [None, "syn_retransmitted"], "reasons")
    kept.flow()


@test
def msl_is_half_of_time_wait():
    start = conversation(A, B, HANDSHAKE + CLOSE)
    later = times(start) + [(1700000010, frame(A, B, "S", 1000))]
    same(len(replay_json(pcap(later)).flows()), 1, "an old SYN meets TIME_WAIT")
    same(len(replay_json(pcap(later), "--msl", "4s").flows()), 2, "TIME_WAIT is over")


@test
def clock_that_goes_back_is_borne():
    frames = list(conversation(A, B, HANDSHAKE))
    flow = replay_json(pcap([(1700000002, frames[0]), (1700000001, frames[1]), (1700000003, frames[2])])).flow()
    same((flow["conn_state"], flow["start"], flow["duration"]), ("S1", 1700000002, 1), "flow")


@test
def frames_without_a_time_are_in_order():
    same(replay_json(pcap([(0, f) for f in conversation(A, B, HANDSHAKE)])).flow()["conn_state"], "S1", "conn_state")


@test
def flows_come_in_the_order_in_which_they_began():
    ends = [("192.0.2.77", 1), ("192.0.2.5", 2), ("192.0.2.200", 3), ("192.0.2.1", 4)]
    flows = replay_json(pcap([(1700000000, frame(end, B, "S", 1)) for end in ends])).flows()
    same([flow["a"] for flow in flows], [f"{a}:{p}" for a, p in ends], "flows")


@test
def flows_that_are_over_leave_the_tables():
    ends = [(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 9) for n in range(70000)]
    frames = [(1700000000 + n / 1000, frame(end, B, "S", 1)) for n, end in enumerate(ends)]
    lines = replay_json(pcap(frames + [(1700000200, frame(A, B, "S", 1))])).lines()
    same([line["type"] for line in lines].count("flow"), 70001, "flows")
    same(lines[-1]["a"], "192.0.2.10:40000", "the last flow")
    first = next(n for n, line in enumerate(lines) if line["type"] == "flow")
    must(first < len(lines) - 70001, "no flow was ended before the end")


@test
def rst_of_an_unknown_connection_is_no_flow():
    result = run_steps([(0, "R", 1000, 0, 0)])
    same((result.segments()[0]["reason"], result.flows()), ("rst_no_flow", []), "result")
    same(result.segments()[0]["src_state"], "CLOSED", "state")


# What Zeek's conn.log says of these, by its conn_state() in scripts/base/protocols/conn/main.zeek and the endpoint
# states of src/packet_analysis/protocol/tcp/TCPSessionAdapter.cc, worked through by hand.
SYN, SYNACK, ACK = HANDSHAKE
CONN_STATES = {
    "S0": [[SYN], [SYN, SYN], [SYN, (0, "A", 1001, 5001, 0)], [SYN, (0, "A", 1001, 5001, 0), (0, "PA", 1001, 5001, 9)]],
    "S1": [[SYN, SYNACK], HANDSHAKE, [SYN, (1, "S", 5000, 0, 0)], [SYNACK, ACK]],
    "SF": [HANDSHAKE + CLOSE, HANDSHAKE + CLOSE + [(0, "R", 1002, 0, 0)],
           HANDSHAKE + [(0, "FA", 1001, 5001, 0), (0, "R", 1002, 0, 0), (1, "FA", 5001, 1001, 0)],
           CLOSE],
    "REJ": [[SYN, (1, "RA", 0, 1001, 0)], HANDSHAKE[:2] + [(0, "R", 1001, 0, 0), (1, "R", 5001, 0, 0)]],
    "S2": [HANDSHAKE + [(0, "FA", 1001, 5001, 0)], HANDSHAKE + [(0, "FA", 1001, 5001, 0), (1, "A", 5001, 1002, 0)],
           [SYNACK, (0, "FA", 1001, 5001, 0)]],
    "S3": [HANDSHAKE + [(1, "FA", 5001, 1001, 0)], HANDSHAKE[:2] + [(1, "FA", 5001, 1001, 0)]],
    "RSTO": [HANDSHAKE[:2] + [(0, "R", 1001, 0, 0)], HANDSHAKE + [(0, "RA", 1001, 5001, 0)],
             HANDSHAKE + [(1, "FA", 5001, 1001, 0), (0, "RA", 1001, 5002, 0)]],
    "RSTR": [HANDSHAKE + [(1, "R", 5001, 0, 0)], HANDSHAKE + [(0, "FA", 1001, 5001, 0), (1, "RA", 5001, 1002, 0)],
             HANDSHAKE + [(0, "PA", 1001, 5001, 9), (0, "R", 1010, 0, 0), (1, "R", 5001, 0, 0)]],
    "RSTOS0": [[SYN, (0, "R", 1001, 0, 0)], [SYN, SYN, (0, "R", 1001, 0, 0)]],
    "RSTRH": [[SYNACK, (1, "R", 5001, 0, 0)], [(0, "A", 1001, 5001, 9), (1, "R", 5001, 0, 0)]],
    "SH": [[SYN, (0, "FA", 1001, 5001, 0)], [SYN, (0, "A", 1001, 5001, 0), (0, "FA", 1001, 5001, 9)],
           [(0, "A", 1001, 5001, 9), (1, "A", 5001, 1010, 0), (0, "FA", 1010, 5001, 0)]],
    "SHR": [[SYNACK, (1, "FA", 5001, 1001, 0)], [(0, "A", 1001, 5001, 9), (1, "FA", 5001, 1010, 0)]],
    "OTH": [[(0, "A", 1001, 5001, 9)], [(0, "A", 1001, 5001, 9), (1, "A", 5001, 1010, 9)], [SYNACK],
            [(0, "A", 1001, 5001, 9), (1, "A", 5001, 1010, 9), (0, "R", 1010, 0, 0)],
            [SYN, (0, "A", 1001, 5001, 0), (0, "R", 1001, 0, 0)], [SYN, (1, "PA", 5001, 1001, 9)]],
}


def check_conn_state(state):
    for steps in CONN_STATES[state]:
        same(run_steps(steps).flow()["conn_state"], state, f"conn_state of {steps}")


for conn_state in CONN_STATES:
    TESTS.append((f"conn_state_{conn_state}_is_zeeks", lambda state=conn_state: check_conn_state(state)))


@test
def help_tells_what_every_conn_state_means():
    text = synward("help", "replay").ok().out
    for state in CONN_STATES:
        must(f" {state}\t" in text, f"{state} is not explained")


@test
def flow_table_fits_100_columns():
    long = ("2001:db8:1234:5678:9abc:def0:1234:5678", 65535), ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 65535)
    frames = [frame(a, b, "S", 1) for a, b in ((A, B), long)]
    for words in ([], ["--segments"], ["--ladder", "2"], ["--ladder", "2", "--ascii"]):
        result = replay(pcap(times(frames)), *words).ok()
        longest = max(result.out.splitlines(), key=len)
        must(len(longest) <= 100, f"{words}: {len(longest)} columns: {longest}")
        must(not any(line != line.rstrip() for line in result.out.splitlines()), f"{words}: trailing blanks")
