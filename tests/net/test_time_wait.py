# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""TIME_WAIT: 2 MSL, its restart, and what may and may not come after it."""

import re
import socket
import time

from lab import Failure, Played, run, test, until
from tcp import mss, timestamps

BOTH = (4, 6)
PURE_ACK = "tcp flags & (fin | syn | rst | psh | ack) == ack"
SHORT = ["--timeout", "time-wait=1s"]
GRACE = 0.25  # a flow is gone this long after its deadline
LOAD = 0.35  # what a busy test machine may add
TICK = 0.02  # of the coarse clock that the data path may read


def close_from(first, second, conn, states):
    first.shutdown(socket.SHUT_WR)
    until(lambda: None if second.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"" else "no FIN yet")
    second.close()
    conn.states(*states)


def gone_after(conn, since):
    """Seconds from `since` until the flow is no longer in the table."""
    until(lambda: f"the flow is still there: {conn.flow()}" if conn.flow() else None, 8)
    return time.monotonic() - since


@test(run=SHORT, families=BOTH)
def time_wait_ends_after_2_msl(lab, family):
    conn = lab.connection(family).establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    before = time.monotonic()
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    seconds = gone_after(conn, before)
    assert 1.0 - TICK <= seconds <= 1.0 + GRACE + LOAD, f"gone after {seconds:.3f} s"


@test
def time_wait_timer_runs_as_the_kernel_s(lab):
    conn = lab.connection().establish()
    close_from(conn.client, conn.server, conn, ("TIME_WAIT", "CLOSED"))
    row = run(["ss", "-N", lab.client.name, "-tanHo", "state", "time-wait"]).stdout
    kernel = re.search(r"timewait,(\d+)sec", row)
    assert kernel, row
    left = lab.entry(*conn.names)["value"]["deadline_ns"] / 1e9 - time.clock_gettime(time.CLOCK_BOOTTIME)
    assert abs(left - int(kernel[1])) < 1.5, f"{left:.3f} s left, ss says {row}"


@test(run=["--timeout", "time-wait=5s"])
def fin_lost_and_retransmitted_restarts_time_wait(lab):
    """The client's last ACK never arrives: the server sends its FIN again and again, and each time 2 MSL start anew."""
    conn = lab.connection().establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    lab.server.drop(PURE_ACK)
    began = time.monotonic()
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED", ss=("TIME_WAIT", "LAST_ACK"))
    first = lab.entry(*conn.names)["value"]["deadline_ns"]

    def restarted():
        entry = lab.entry(*conn.names)
        if entry is None:
            raise Failure("the flow ended while FINs were still retransmitted")
        return None if entry["value"]["deadline_ns"] - first > 1.2e9 else "2 MSL did not start anew"

    until(restarted, 4)
    assert time.monotonic() - began > 1.2
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


@test(run=SHORT)
def repeated_ack_does_not_restart_time_wait(lab):
    conn = Played(lab).establish()
    conn.puppet.send("FA")
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.puppet.receive("FA")
    began = time.monotonic()
    conn.puppet.send("A")
    conn.states("TIME_WAIT", "CLOSED")
    while time.monotonic() - began < 0.8:
        time.sleep(0.1)
        conn.puppet.send("A")
    seconds = gone_after(conn, began)
    assert seconds <= 1.0 + GRACE + LOAD, f"gone after {seconds:.3f} s"


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
    conn.puppet.receive("A")
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
    puppet.receive("A")
    conn.states("CLOSED", "TIME_WAIT")
    lab.mark()
    puppet.send("S", seq=puppet.isn - 50, options=mss(1460) + timestamps(1002, 0))
    puppet.receive("A")
    conn.states("CLOSED", "TIME_WAIT")
    lab.counts(flows_replaced=0, syn_old=1)
    puppet.snd = puppet.isn - 50
    puppet.send("S", options=mss(1460) + timestamps(5000, 0))
    synack = puppet.receive("SA")
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


BRIEF = [word for state in ("listen", "syn-sent", "syn-rcvd", "fin-wait-2", "close-wait")
         for word in ("--timeout", f"{state}=600ms")]


@test(run=BRIEF)
def unfinished_flow_is_gone_on_time(lab):
    """600 ms are less than any retransmission takes here."""
    def half_close(conn):
        conn.accept()
        conn.client.shutdown(socket.SHUT_WR)

    for loss, act, states in ((("server", "tcp flags syn"), None, ("SYN_SENT", "LISTEN")),
                              (("client", "tcp flags & (syn | ack) == syn | ack"), None, ("SYN_SENT", "SYN_RCVD")),
                              (None, half_close, ("FIN_WAIT_2", "CLOSE_WAIT"))):
        if loss:
            getattr(lab, loss[0]).drop(loss[1])
        conn = lab.connection().start()
        if act:
            act(conn)
        conn.states(*states)
        deadline = time.monotonic() + conn.flow()["expires"]
        late = gone_after(conn, deadline)
        assert -TICK < late < GRACE + LOAD, f"{states}: gone {late:.3f} s after its deadline"
        lab.tidy()


@test(run=["--timeout", "time-wait=3s", "--timeout", "established=1s"])
def idle_connection_expires_and_is_picked_up_midstream(lab):
    conn = lab.connection().establish()
    until(lambda: "the idle flow is still in the map" if lab.entry(*conn.names) else None, 3)
    conn.client.send(b"x")
    assert conn.server.recv(1) == b"x"
    conn.states("ESTABLISHED", "ESTABLISHED")
    assert conn.flow()["midstream"] is True, conn.flow()
