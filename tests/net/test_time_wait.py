# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""TIME_WAIT: 2 MSL, its restart, and what may and may not come after it."""

import re
import socket
import time

from lab import Played, run, test, until
from tcp import Segment, mss, timestamps

BOTH = (4, 6)
PURE_ACK = "tcp flags & (fin | syn | rst | psh | ack) == ack"
BRIEF = 3.0  # s: enough to look at a state before it ends
GRACE = 0.25  # a flow is gone this long after its deadline
TICK = 0.02  # of the coarse clock that the data path may read


def close_from(first, second, conn, states):
    first.shutdown(socket.SHUT_WR)
    until(lambda: None if second.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"" else "no FIN yet")
    second.close()
    conn.states(*states)


def gone_on_time(lab, *flows):
    """They leave the map at their deadlines, which are returned (L5)."""
    lives = lab.lives(*flows)
    for flow, (deadline, seen, missed) in zip(flows, lives):
        assert seen < deadline + GRACE, f"{flow}: there {seen - deadline:.3f} s after its deadline"
        assert missed > deadline - TICK, f"{flow}: gone {deadline - missed:.3f} s before its deadline"
    return [deadline for deadline, *_ in lives]


@test(run=["--timeout", f"time-wait={BRIEF:.0f}s"], families=BOTH)
def time_wait_ends_after_2_msl(lab, family):
    conn = lab.connection(family).establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    before = time.monotonic()
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    after = time.monotonic()
    deadline, = gone_on_time(lab, conn.names)
    assert before - TICK <= deadline - BRIEF <= after, (before, deadline - BRIEF, after)


@test
def time_wait_timer_runs_as_the_kernel_s(lab):
    conn = lab.connection().establish()
    close_from(conn.client, conn.server, conn, ("TIME_WAIT", "CLOSED"))
    before = time.monotonic()
    row = run(["ss", "-N", lab.client.name, "-tanHo", "state", "time-wait"]).stdout
    after = time.monotonic()
    kernel = re.search(r"timewait,(\d+)sec", row)
    assert kernel, row
    deadline = lab.entry(*conn.names)["deadline_ns"] / 1e9
    assert deadline - after - 1.5 < int(kernel[1]) < deadline - before + 1.5, (before, after, deadline, row)


@test
def fin_lost_and_retransmitted_restarts_time_wait(lab):
    """The client's last ACK never arrives: the server sends its FIN again and again, and each time 2 MSL start anew."""
    conn = lab.connection().establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    lab.server.drop(PURE_ACK)
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED", ss=("TIME_WAIT", "LAST_ACK"))
    first = lab.entry(*conn.names)["deadline_ns"]

    def restarted():
        return None if lab.entry(*conn.names)["deadline_ns"] - first > 1.2e9 else "2 MSL did not start anew"

    until(restarted)
    lab.server.keep()
    conn.states("TIME_WAIT", "CLOSED")


@test
def last_ack_lost_before_the_tracker_leaves_last_ack(lab):
    conn = lab.connection().establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    lab.client.lose(PURE_ACK)
    conn.server.close()
    conn.states("FIN_WAIT_2", "LAST_ACK", ss=("TIME_WAIT", "LAST_ACK"))
    lab.client.keep()
    conn.states("TIME_WAIT", "CLOSED")


@test
def repeated_ack_does_not_restart_time_wait(lab):
    conn = Played(lab).establish()
    conn.puppet.send("FA")
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.puppet.receive("FA")
    conn.puppet.send("A")
    conn.states("TIME_WAIT", "CLOSED")
    deadline = lab.entry(*conn.names)["deadline_ns"]
    lab.server.drop(PURE_ACK)  # else its kernel answers
    lab.mark()
    for _ in range(7):
        time.sleep(TICK)  # the next one would set another deadline
        conn.puppet.send("A")
    lab.counts(segments=7)
    assert lab.entry(*conn.names)["deadline_ns"] == deadline, (deadline, lab.entry(*conn.names))


@test(families=BOTH)
def new_incarnation_replaces_time_wait_of_the_server(lab, family):
    conn = lab.connection(family).establish()
    close_from(conn.server, conn.client, conn, ("CLOSED", "TIME_WAIT"))
    lab.mark()
    later = conn.again().establish()
    later.history("SYN_SENT ESTABLISHED", "LISTEN SYN_RCVD ESTABLISHED")
    lab.counts(flows_replaced=1)


@test(own=True)
def new_incarnation_replaces_time_wait_of_the_client(lab):
    """The kernel lets a client reuse its own TIME_WAIT when timestamps tell the two apart (tcp_tw_reuse)."""
    lab.client.sysctl(**{"net.ipv4.tcp_tw_reuse": 1, "net.ipv4.tcp_tw_reuse_delay": 10})
    conn = lab.connection().establish()
    close_from(conn.client, conn.server, conn, ("TIME_WAIT", "CLOSED"))
    lab.mark()
    later = conn.again()
    until(lambda: None if later.client.connect_ex(later.to) in (0, 114, 115) else "the port is not free yet")
    later.accept().states("ESTABLISHED", "ESTABLISHED")
    later.history("SYN_SENT ESTABLISHED", "LISTEN SYN_RCVD ESTABLISHED")
    lab.counts(flows_replaced=1)


def in_time_wait(lab, **options):
    """A puppet's connection that the server closed first: the server is in TIME_WAIT."""
    conn = Played(lab, **options).establish()
    conn.puppet.send("PA", data=b"x" * 100)
    assert len(conn.server.recv(100)) == 100
    conn.server.close()
    conn.puppet.receive("FA")
    conn.puppet.send("FA")
    conn.puppet.receive("A", ack=conn.puppet.snd)
    conn.states("CLOSED", "TIME_WAIT")
    return conn


@test(families=BOTH)
def syn_with_a_larger_sequence_number_begins_a_new_incarnation(lab, family):
    conn = in_time_wait(lab, family=family)
    lab.mark()
    conn.puppet.snd += 1
    conn.puppet.connect()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")
    lab.counts(flows_replaced=1, syn_old=0)


@test
def old_duplicate_syn_does_not_disturb_time_wait(lab):
    conn = in_time_wait(lab)
    lab.mark()
    conn.puppet.tap.segments().clear()
    conn.puppet.send("S", seq=conn.puppet.isn, options=mss(1460))
    conn.puppet.receive("A")
    conn.states("CLOSED", "TIME_WAIT")
    lab.counts(flows_replaced=0, syn_old=1)


@test
def syn_with_a_newer_timestamp_begins_a_new_incarnation(lab):
    """RFC 6191: the sequence number is older, the timestamp is not."""
    options = timestamps(1000, 0)
    conn = Played(lab, options=mss(1460) + options)
    puppet = conn.puppet
    puppet.send("S", options=puppet.options)
    synack = puppet.receive("SA")

    def stamped(flags, value, **fields):
        return puppet.send(flags, options=timestamps(value, synack.timestamp()), **fields)

    stamped("A", 1001)
    conn.accept()
    stamped("PA", 1002, data=b"x" * 100)
    assert len(conn.server.recv(100)) == 100
    conn.server.close()
    puppet.receive("FA")
    stamped("FA", 1003)
    puppet.receive("A", ack=puppet.snd)
    conn.states("CLOSED", "TIME_WAIT")
    lab.mark()
    puppet.tap.segments().clear()
    puppet.send("S", seq=puppet.isn - 50, options=mss(1460) + timestamps(1002, 0))
    puppet.receive("A")
    conn.states("CLOSED", "TIME_WAIT")
    lab.counts(flows_replaced=0, syn_old=1)
    puppet.snd = puppet.isn - 50
    puppet.send("S", options=mss(1460) + timestamps(5000, 0))
    synack = puppet.receive("SA", ack=puppet.snd)
    conn.states("SYN_SENT", "SYN_RCVD")
    stamped("A", 5001)
    conn.accept().states("ESTABLISHED", "ESTABLISHED")
    lab.counts(flows_replaced=1)


@test
def old_segments_do_not_reach_a_new_incarnation(lab):
    conn = in_time_wait(lab)
    puppet, old, heard = conn.puppet, conn.puppet.snd, conn.puppet.rcv
    puppet.snd = puppet.isn + 100_000_000
    puppet.connect()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")
    lab.mark()
    puppet.send("PA", seq=old - 50, ack=heard, data=b"old")
    puppet.send("FA", seq=old - 1, ack=heard)
    puppet.send("RA", seq=old, ack=heard)
    lab.counts(out_of_window=2, rst_blind=1)
    puppet.send("PA", data=b"new")
    assert conn.server.recv(100) == b"new"
    conn.states("ESTABLISHED", "ESTABLISHED")


@test
def reset_ends_time_wait(lab):
    """Linux lets a RST assassinate TIME_WAIT (RFC 1337, tcp_rfc1337=0)."""
    conn = in_time_wait(lab)
    conn.puppet.send("R")
    conn.states("CLOSED", "CLOSED")


UNFINISHED = [word for state in ("listen", "syn-sent", "syn-rcvd", "fin-wait-2", "close-wait")
              for word in ("--timeout", f"{state}={BRIEF:.0f}s")]


@test(run=UNFINISHED)
def unfinished_flow_is_gone_on_time(lab):
    """Both ends by hand: nobody sends anything again."""
    left, right = lab.tap(lab.client), lab.tap(lab.server)
    flows = {}
    for port, states in enumerate(("SYN_SENT LISTEN", "SYN_SENT SYN_RCVD", "FIN_WAIT_2 CLOSE_WAIT"), 40000):
        syn = Segment("10.99.0.66", port, "10.99.0.77", lab.port, "S", seq=100, options=mss(1460))
        synack = syn.reply("SA", seq=500)
        left.send(syn)
        if states != "SYN_SENT LISTEN":
            right.send(synack)
        if states == "FIN_WAIT_2 CLOSE_WAIT":
            left.send(synack.reply("A"))
            left.send(synack.reply("FA"))
            right.send(synack.reply("FA").reply("A"))
        flows[f"{syn.src}:{port}", f"{syn.dst}:{lab.port}"] = states

    def check():
        found = {(flow["a"], flow["b"]): f"{flow['state']['a']} {flow['state']['b']}" for flow in lab.flows()}
        return None if found == flows else f"{found}, expected {flows}"

    until(check)
    gone_on_time(lab, *flows)


@test(run=["--timeout", f"established={BRIEF:.0f}s"])
def idle_connection_expires_and_is_picked_up_midstream(lab):
    conn = lab.connection().establish()
    gone_on_time(lab, conn.names)
    conn.client.send(b"x")
    assert conn.server.recv(1) == b"x"
    conn.states("ESTABLISHED", "ESTABLISHED")
    assert conn.flow()["midstream"] is True, conn.flow()
