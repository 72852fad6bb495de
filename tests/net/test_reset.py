# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Resets, and forged segments that must not act like one (RFC 5961)."""

import socket
import time

from lab import Played, reset, test, until
from tcp import Segment

BOTH = (4, 6)


@test(families=BOTH)
def reset_by_the_client_closes_both_ends(lab, family):
    conn = lab.connection(family).establish()
    lab.mark()
    reset(conn.client)
    conn.states("CLOSED", "CLOSED")
    lab.counts(flows_closed=1)


@test(families=BOTH)
def reset_by_the_server_closes_both_ends(lab, family):
    conn = lab.connection(family).establish()
    lab.mark()
    reset(conn.server)
    conn.states("CLOSED", "CLOSED")
    lab.counts(flows_closed=1)


@test(track="client")
def reset_seen_from_the_client(lab):
    conn = lab.connection().establish()
    reset(conn.server)
    conn.states("CLOSED", "CLOSED")


@test
def close_with_unread_data_resets(lab):
    conn = lab.connection().establish()
    conn.client.send(b"nobody reads this")
    until(lambda: None if conn.server.recv(1, socket.MSG_PEEK) else "no data yet")
    conn.server.close()
    conn.states("CLOSED", "CLOSED")


@test(own=True, run=["--timeout", "closed=5s"])
def what_was_under_way_at_a_reset_begins_no_flow(lab):
    """The daemon, the data path and the printers go by one rule: a closed flow stays, and absorbs it. (A second, if
    nobody says else; here longer, as this machine may be busy.) A lab of its own: flows of other tests end while this
    one counts what is removed."""
    conn = Played(lab)
    conn.puppet.send("S", options=conn.puppet.options)
    conn.puppet.receive("SA")
    conn.puppet.send("A")
    conn.states("ESTABLISHED", "ESTABLISHED")
    lab.mark()
    conn.puppet.send("R")
    conn.states("CLOSED", "CLOSED")
    time.sleep(0.4)  # the daemon takes 250 ms at most to remove what is gone
    conn.puppet.send("FA")
    until(lambda: None if lab.rise("after_close")["after_close"] else "the FIN has not been counted")
    assert conn.flow()["state"] == {"a": "CLOSED", "b": "CLOSED"}, conn.flow()
    until(lambda: f"the flow is still there: {conn.flow()}" if conn.flow() else None)
    until(lambda: None if lab.rise("flows_removed")["flows_removed"] else "nothing has been removed")
    lab.counts(flows_closed=1, flows_midstream=0, flows_removed=1)


@test
def reset_lost_before_the_tracker_is_made_up_by_the_next_segment(lab):
    conn = lab.connection().establish()
    lab.client.lose("tcp flags & rst == rst")
    reset(conn.client)
    conn.states("ESTABLISHED", "ESTABLISHED", ss=("CLOSED", "ESTABLISHED"))
    lab.client.keep()
    conn.server.send(b"are you there?")
    conn.states("CLOSED", "CLOSED")


@test
def reset_of_a_half_closed_connection(lab):
    conn = lab.connection().establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    reset(conn.server)
    conn.states("CLOSED", "CLOSED")


@test
def reset_with_the_sequence_number_of_the_fin_closes_both_ends(lab):
    """Data crosses the FIN: it is answered by a RST that stands where the FIN stood, not behind it. Whether the FIN
    has arrived before it or not, the other end closes (Linux: tcp_reset_check)."""
    conn = lab.connection().establish()
    lab.client.hold()
    lab.client.lose("tcp flags & (fin | syn | rst | psh | ack) == ack")
    conn.client.send(b"on its way")
    conn.server.close()
    conn.states("ESTABLISHED", "FIN_WAIT_1", ss=("CLOSE_WAIT", "FIN_WAIT_1"))
    lab.client.release()
    conn.states("CLOSED", "CLOSED")


@test
def data_to_a_closed_socket_is_answered_by_a_reset(lab):
    conn = lab.connection().establish()
    conn.client.close()
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.send(b"too late")
    conn.states("CLOSED", "CLOSED")


@test
def reset_in_syn_rcvd_returns_the_listener_to_listen(lab):
    conn = Played(lab)
    conn.puppet.send("S", options=conn.puppet.options)
    conn.puppet.receive("SA")
    conn.states("SYN_SENT", "SYN_RCVD")
    conn.puppet.send("R")
    conn.states("CLOSED", "CLOSED")


def last_of_client(conn):
    return conn.tap.wait(lambda segment: segment.dport == conn.to[1] and "A" in segment.flags)


def spoof(conn, flags, **fields):
    """A segment that says it is the client's, sent by a stranger who knows the numbers."""
    last = last_of_client(conn)
    fields = {"seq": last.end, "ack": last.ack, **fields}
    conn.tap.send(Segment(last.src, last.sport, last.dst, last.dport, flags, **fields))


def tapped(lab, family):
    conn = lab.connection(family)
    conn.tap = lab.tap(lab.client)
    conn.establish()
    lab.mark()
    return conn


def next_expected(conn):
    """What the server expects next from the client."""
    return last_of_client(conn).end


def still_open(conn):
    conn.client.send(b"ping")
    assert conn.server.recv(10) == b"ping"
    conn.states("ESTABLISHED", "ESTABLISHED")


@test(families=BOTH)
def blind_reset_in_the_window_is_challenged(lab, family):
    conn = tapped(lab, family)
    spoof(conn, "R", seq=next_expected(conn) + 1)
    lab.counts(rst_challenge=1, rst_blind=0)
    still_open(conn)


@test
def flow_of_a_refused_segment_is_marked(lab):
    """U8"""
    def marks():
        row = next(line for line in lab.synward("flows").stdout.splitlines() if line.startswith(conn.names[0] + " "))
        return row.split()[8:]

    conn = tapped(lab, 4)
    assert conn.flow()["refused"] is False and marks() == [], (conn.flow(), marks())
    spoof(conn, "R", seq=next_expected(conn) - 1)
    lab.counts(rst_blind=1)
    assert conn.flow()["refused"] is True and marks() == ["!"], (conn.flow(), marks())


@test(families=BOTH)
def blind_reset_outside_the_window_is_counted(lab, family):
    conn = tapped(lab, family)
    spoof(conn, "R", seq=next_expected(conn) + 100_000_000)
    spoof(conn, "R", seq=next_expected(conn) - 1)
    lab.counts(rst_challenge=0, rst_blind=2)
    still_open(conn)


@test
def exact_reset_closes_even_if_forged(lab):
    """It is what the receiver expects, and the receiver closes; the client learns it with its next segment."""
    conn = tapped(lab, 4)
    spoof(conn, "R", seq=next_expected(conn))
    conn.states("CLOSED", "CLOSED", ss=("ESTABLISHED", "CLOSED"))


@test(families=BOTH)
def syn_inside_a_connection_is_challenged(lab, family):
    conn = tapped(lab, family)
    for seq in (next_expected(conn), next_expected(conn) + 100_000_000):
        spoof(conn, "S", seq=seq, ack=0)
    lab.counts(syn_challenge=2, flows_replaced=0)
    still_open(conn)


@test(families=BOTH)
def data_and_fin_outside_the_window_change_nothing(lab, family):
    conn = tapped(lab, family)
    start = next_expected(conn)
    spoof(conn, "PA", seq=start + 200_000_000, data=b"forged")
    spoof(conn, "FA", seq=start + 200_000_000)
    spoof(conn, "FA", seq=start - 200_000_000)
    lab.counts(out_of_window=3)
    still_open(conn)


@test
def ack_of_what_was_never_sent_is_counted(lab):
    conn = tapped(lab, 4)
    spoof(conn, "A", ack=last_of_client(conn).ack + (1 << 30))  # beyond any window
    lab.counts(ack_unsent=1)
    still_open(conn)


@test
def blind_reset_does_not_end_a_handshake(lab):
    """In SYN_SENT a RST counts only if it acknowledges the SYN."""
    lab.server.hold()
    conn = lab.connection()
    conn.tap = lab.tap(lab.server)
    conn.start()
    conn.states("SYN_SENT", "LISTEN", ss=("SYN_SENT", "SYN_RCVD"))
    lab.mark()
    syn = conn.tap.wait(lambda segment: segment.flags == "S" and segment.dport == conn.to[1])
    conn.tap.send(syn.reply("RA", seq=0, ack=syn.end + 1, window=0))
    lab.counts(rst_blind=1)
    conn.states("SYN_SENT", "LISTEN", ss=("SYN_SENT", "SYN_RCVD"))
    lab.server.release()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")


@test
def reset_that_acknowledges_the_syn_ends_the_handshake(lab):
    lab.server.hold()
    conn = lab.connection()
    conn.tap = lab.tap(lab.server)
    conn.start()
    conn.states("SYN_SENT", "LISTEN", ss=("SYN_SENT", "SYN_RCVD"))
    syn = conn.tap.wait(lambda segment: segment.flags == "S" and segment.dport == conn.to[1])
    conn.tap.send(syn.reply("RA", seq=0, ack=syn.end, window=0))
    conn.states("CLOSED", "CLOSED", ss=("CLOSED", "SYN_RCVD"))


@test
def delayed_duplicate_syn_is_answered_and_reset(lab):
    """RFC 9293, figure 9: an old SYN comes first, its sender refuses the answer, the real SYN then connects."""
    conn = Played(lab)
    puppet = conn.puppet
    puppet.send("S", seq=90, options=puppet.options)
    puppet.receive("SA", ack=91)
    puppet.send("R", seq=91)
    conn.states("CLOSED", "CLOSED")
    puppet.connect()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")


@test
def syn_ack_that_does_not_ack_the_syn_changes_nothing(lab):
    lab.server.hold()
    conn = lab.connection()
    conn.tap = lab.tap(lab.server)
    conn.start()
    conn.states("SYN_SENT", "LISTEN", ss=("SYN_SENT", "SYN_RCVD"))
    lab.mark()
    syn = conn.tap.wait(lambda segment: segment.flags == "S" and segment.dport == conn.to[1])
    conn.tap.send(syn.reply("SA", seq=5, ack=syn.end + 7))
    lab.counts(synack_bad_ack=1)
    conn.states("SYN_SENT", "LISTEN", ss=("SYN_SENT", "SYN_RCVD"))
    lab.server.release()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")
