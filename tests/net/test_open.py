# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Openings: every way two endpoints get to ESTABLISHED, or don't."""

import socket

from lab import PATIENCE, agree, name_of, reset, set_isn, test, until

BOTH = (4, 6)


@test(families=BOTH)
def three_way_handshake_makes_both_ends_established(lab, family):
    conn = lab.connection(family).establish()
    conn.history("SYN_SENT ESTABLISHED", "LISTEN SYN_RCVD ESTABLISHED")


@test(families=BOTH, track="client")
def three_way_handshake_seen_from_the_client(lab, family):
    conn = lab.connection(family).establish()
    conn.history("SYN_SENT ESTABLISHED", "LISTEN SYN_RCVD ESTABLISHED")


@test(families=BOTH)
def syn_without_answer_is_syn_sent(lab, family):
    lab.server.drop("tcp flags syn")
    conn = lab.connection(family).start()
    conn.states("SYN_SENT", "LISTEN")
    lab.server.keep()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")
    assert lab.stats()["syn_retransmitted"] >= 1


@test
def syn_lost_before_the_tracker_is_no_flow(lab):
    lab.client.lose("tcp flags syn")
    conn = lab.connection().start()
    conn.states("CLOSED", "CLOSED", ss=("SYN_SENT", "LISTEN"))
    lab.client.keep()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")


@test(families=BOTH)
def syn_ack_lost_and_retransmitted_opens(lab, family):
    lab.client.drop("tcp flags & (syn | ack) == syn | ack")
    conn = lab.connection(family).start()
    conn.states("SYN_SENT", "SYN_RCVD")
    lab.client.keep()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")


@test
def syn_ack_held_up_leaves_the_server_in_listen(lab):
    lab.server.hold()
    conn = lab.connection().start()
    conn.states("SYN_SENT", "LISTEN", ss=("SYN_SENT", "SYN_RCVD"))
    lab.server.release()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")


@test
def last_ack_lost_before_the_tracker_leaves_syn_rcvd(lab):
    lab.client.lose("tcp flags & (syn | ack) == ack")
    conn = lab.connection().start()
    conn.states("SYN_SENT", "SYN_RCVD", ss=("ESTABLISHED", "SYN_RCVD"))
    lab.client.keep()
    conn.client.send(b"opens")
    conn.accept().states("ESTABLISHED", "ESTABLISHED")
    assert conn.server.recv(10) == b"opens"


@test
def last_ack_seen_and_lost_counts_as_delivered(lab):
    lab.server.drop("tcp flags & (syn | ack) == ack")
    conn = lab.connection().start()
    conn.states("ESTABLISHED", "ESTABLISHED", ss=("ESTABLISHED", "SYN_RCVD"))
    lab.server.keep()
    conn.accept().states("ESTABLISHED", "ESTABLISHED")


@test(families=BOTH)
def refused_connection_closes_both_ends(lab, family):
    lab.server.hold()
    conn = lab.connection(family, listen=False).start()
    conn.states("SYN_SENT", "LISTEN", ss=("SYN_SENT", "CLOSED"))
    lab.server.release()
    conn.states("CLOSED", "CLOSED")


def cross(lab, family):
    """Both ends send a SYN before either arrives: each waits in its sender's queue."""
    one, other = lab.keep(lab.client.client(family)), lab.keep(lab.server.client(family, lab.port))
    names = name_of(one), name_of(other)
    lab.client.hold()
    lab.server.hold()
    one.connect_ex(other.getsockname())
    other.connect_ex(one.getsockname())
    agree(lab, *names, ("CLOSED", "CLOSED"), ("SYN_SENT", "SYN_SENT"))
    return names


@test(families=BOTH)
def simultaneous_open_goes_through_syn_rcvd_on_both_ends(lab, family):
    """Whatever acknowledges a SYN is lost until both ends are in SYN_RCVD: SYN+ACKs, and the ACK that answers a SYN which
    is sent again."""
    names = cross(lab, family)
    for host in (lab.client, lab.server):
        host.lose("tcp flags & ack == ack")
    lab.client.release()
    agree(lab, *names, ("SYN_SENT", "LISTEN"), ("SYN_SENT", "SYN_RCVD"))
    lab.server.release()
    agree(lab, *names, ("SYN_RCVD", "SYN_RCVD"), ("SYN_RCVD", "SYN_RCVD"))
    for host in (lab.client, lab.server):
        host.keep()
    agree(lab, *names, ("ESTABLISHED", "ESTABLISHED"), ("ESTABLISHED", "ESTABLISHED"))
    flow = lab.flow(*names)
    assert flow["a"] == names[0], flow
    for end in ("a", "b"):
        states = [state for state in flow["history"][end] if state != "LISTEN"]
        assert states == ["SYN_SENT", "SYN_RCVD", "ESTABLISHED"], flow["history"]


@test(families=BOTH)
def simultaneous_open_seen_from_the_client(lab, family):
    names = cross(lab, family)
    lab.client.release()
    lab.server.release()
    agree(lab, *names, ("ESTABLISHED", "ESTABLISHED"), ("ESTABLISHED", "ESTABLISHED"))


@test
def syn_that_meets_syn_sent_before_its_own_syn_is_seen_opens(lab):
    """Only one SYN is on the wire when the other end is already in SYN_SENT: that end answers with SYN+ACK from
    SYN_RCVD, and its peer has opened the ordinary way."""
    one, other = lab.keep(lab.client.client(4)), lab.keep(lab.server.client(4, lab.port))
    names = name_of(one), name_of(other)
    lab.server.lose("tcp flags & (syn | ack) == syn")
    other.connect_ex(one.getsockname())
    one.connect_ex(other.getsockname())
    agree(lab, *names, ("ESTABLISHED", "ESTABLISHED"), ("ESTABLISHED", "ESTABLISHED"))


@test(families=BOTH, track=False)
def self_connection_is_one_flow_with_one_end(lab, family):
    lab.track(interfaces=("veth", "lo"))
    sock = lab.keep(lab.server.client(family, 4000))
    sock.connect_ex(sock.getsockname())
    name = name_of(sock)

    def comes_to(*history):
        def check():
            ss, found = lab.server.sockets().get((name, name)), [flow for flow in lab.flows() if name in flow["a"]]
            if len(found) == 1 and found[0]["b"] == name and found[0]["state"]["a"] == ss == history[-1]:
                return None if found[0]["history"]["a"] == list(history) else f"{found}, expected {history}"
            return f"ss says {ss}, synward {found}"

        until(check)

    sock.settimeout(PATIENCE)
    opening = "SYN_SENT", "SYN_RCVD", "ESTABLISHED"
    comes_to(*opening)
    sock.send(b"to myself")
    assert sock.recv(100) == b"to myself"
    sock.close()
    comes_to(*opening, "FIN_WAIT_1", "CLOSING", "TIME_WAIT")


@test(families=BOTH)
def sequence_number_wraps_in_a_connection(lab, family):
    conn = lab.connection(family)
    set_isn(conn.client, (1 << 32) - 5000)
    conn.establish()
    conn.client.sendall(b"x" * 20000)
    got = 0
    while got < 20000:
        got += len(conn.server.recv(20000))
    conn.states("ESTABLISHED", "ESTABLISHED")
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    flow = conn.flow()
    assert flow["bytes"] == {"a": 20000, "b": 0}, flow


@test
def fin_sits_on_the_wrap(lab):
    """The FIN's own sequence number is 2^32 - 1, what follows it is 0."""
    conn = lab.connection()
    set_isn(conn.client, (1 << 32) - 12)
    conn.establish()
    conn.client.send(b"x" * 10)
    assert len(conn.server.recv(10)) == 10
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    assert conn.flow()["bytes"] == {"a": 10, "b": 0}, conn.flow()


@test(track=False)
def connection_older_than_the_program_is_midstream(lab):
    conn = lab.connection()
    conn.start().accept()
    lab.track()
    assert conn.flow() is None
    conn.client.send(b"x")
    assert conn.server.recv(1) == b"x"
    conn.states("ESTABLISHED", "ESTABLISHED")
    assert conn.flow()["midstream"] is True
    conn.server.send(b"y")
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")


@test(track=False)
def attached_during_the_handshake_it_learns_from_the_syn_ack(lab):
    lab.server.hold()
    conn = lab.connection().start()
    until(lambda: None if "SYN_RCVD" in lab.server.sockets().values() else "the SYN has not arrived")
    lab.client.lose("tcp flags syn")  # it is sent again after a second
    lab.track()
    conn.states("CLOSED", "CLOSED", ss=("SYN_SENT", "SYN_RCVD"))
    lab.client.lose("tcp flags & (syn | ack) == ack")
    lab.server.release()
    conn.states("SYN_SENT", "SYN_RCVD", ss=("ESTABLISHED", "SYN_RCVD"))
    lab.client.keep()
    conn.client.send(b"x")
    conn.accept().states("ESTABLISHED", "ESTABLISHED")
    conn.client.close()
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")


@test
def fast_port_reuse_after_reset_is_a_new_incarnation(lab):
    """The same four numbers again after a RST: one entry, fresh history."""
    conn = lab.connection().establish()
    reset(conn.client)
    conn.states("CLOSED", "CLOSED")
    again = conn.again().establish()
    again.history("SYN_SENT ESTABLISHED", "LISTEN SYN_RCVD ESTABLISHED")
