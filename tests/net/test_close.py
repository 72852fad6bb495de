# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Closings: four segments, three, half, at once, and with segments lost, late or in the wrong order."""

import socket

from lab import Played, read_to_end, test

BOTH = (4, 6)
PURE_ACK = "tcp flags & (fin | syn | rst | psh | ack) == ack"
FIN = "tcp flags & fin == fin"
DATA = "tcp flags & psh == psh"

CLOSES_FIRST = "FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"
CLOSES_SECOND = "CLOSE_WAIT LAST_ACK CLOSED"
OPENS = "SYN_SENT ESTABLISHED "
ACCEPTS = "LISTEN SYN_RCVD ESTABLISHED "


@test(families=BOTH)
def four_segment_close_by_the_client(lab, family):
    conn = lab.connection(family).establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    conn.history(OPENS + CLOSES_FIRST, ACCEPTS + CLOSES_SECOND)


@test(families=BOTH)
def four_segment_close_by_the_server(lab, family):
    conn = lab.connection(family).establish()
    conn.server.shutdown(socket.SHUT_WR)
    conn.states("CLOSE_WAIT", "FIN_WAIT_2")
    conn.client.close()
    conn.states("CLOSED", "TIME_WAIT")
    conn.history(OPENS + CLOSES_SECOND, ACCEPTS + CLOSES_FIRST)


@test(track="client")
def four_segment_close_seen_from_the_client(lab):
    conn = lab.connection().establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    conn.history(OPENS + CLOSES_FIRST, ACCEPTS + CLOSES_SECOND)


@test(families=BOTH)
def three_segment_close(lab, family):
    """The server's ACK travels with its FIN: an ACK alone, which its kernel sends when 40 ms are over, is lost. What is
    sent again is the same segment."""
    conn = lab.connection(family).establish()
    tap = lab.tap(lab.client)
    lab.server.lose(PURE_ACK)
    conn.client.shutdown(socket.SHUT_WR)
    assert conn.server.recv(1) == b""
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    segments = {(segment.sport == lab.port, segment.flags, segment.seq, segment.ack)
                for segment in tap.segments() if lab.port in (segment.sport, segment.dport)}
    assert sorted(row[:2] for row in segments) == [(False, "A"), (False, "FA"), (True, "FA")], tap.segments()
    conn.history(OPENS + CLOSES_FIRST, ACCEPTS + CLOSES_SECOND)


@test(families=BOTH)
def half_closed_connection_carries_data_the_other_way(lab, family):
    conn = lab.connection(family).establish()
    conn.client.sendall(b"question")
    conn.client.shutdown(socket.SHUT_WR)
    assert read_to_end(conn.server) == b"question"
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    for _ in range(10):
        conn.server.sendall(b"x" * 10007)
        got = 0
        while got < 10007:
            got += len(conn.client.recv(10007 - got))
        conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    assert conn.flow()["bytes"] == {"a": 8, "b": 100070}, conn.flow()


@test
def server_half_closes_and_goes_on_reading(lab):
    conn = lab.connection().establish()
    conn.server.shutdown(socket.SHUT_WR)
    conn.states("CLOSE_WAIT", "FIN_WAIT_2")
    conn.client.sendall(b"y" * 50021)
    conn.client.close()
    assert len(read_to_end(conn.server)) == 50021
    conn.states("CLOSED", "TIME_WAIT")
    assert conn.flow()["bytes"] == {"a": 50021, "b": 0}, conn.flow()


@test(families=BOTH)
def fins_that_cross_put_both_ends_in_closing_then_time_wait(lab, family):
    """Whatever acknowledges a FIN is lost, a FIN that is sent again included, until both ends are in CLOSING."""
    conn = lab.connection(family)
    tap = lab.tap(lab.client)
    conn.establish()
    last = tap.wait(lambda segment: segment.dport == lab.port and segment.flags == "A")
    hosts = lab.client, lab.server
    for host, fin in zip(hosts, (last.ack, last.seq)):
        host.hold()
        host.lose(f"tcp ackseq {(fin + 1) % (1 << 32)}")
    conn.client.close()
    conn.server.close()
    conn.states("ESTABLISHED", "ESTABLISHED", ss=("FIN_WAIT_1", "FIN_WAIT_1"))
    lab.client.release()
    conn.states("FIN_WAIT_1", "ESTABLISHED", ss=("FIN_WAIT_1", "CLOSING"))
    lab.server.release()
    conn.states("CLOSING", "CLOSING")
    for host in hosts:
        host.keep()
    conn.states("TIME_WAIT", "TIME_WAIT")
    conn.history(OPENS + "FIN_WAIT_1 CLOSING TIME_WAIT", ACCEPTS + "FIN_WAIT_1 CLOSING TIME_WAIT")


@test(track="client")
def fins_that_cross_seen_from_the_client(lab):
    conn = lab.connection().establish()
    for host in lab.client, lab.server:
        host.hold()
    conn.client.close()
    conn.server.close()
    for host in lab.client, lab.server:
        host.release()
    conn.states("TIME_WAIT", "TIME_WAIT")
    conn.history(OPENS + "FIN_WAIT_1 CLOSING TIME_WAIT", ACCEPTS + "FIN_WAIT_1 CLOSING TIME_WAIT")


@test(families=BOTH)
def fin_lost_leaves_fin_wait_1_until_it_is_sent_again(lab, family):
    conn = lab.connection(family).establish()
    lab.server.drop(FIN)
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_1", "ESTABLISHED")
    lab.server.keep()
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")


@test
def fin_lost_before_the_tracker_changes_nothing(lab):
    conn = lab.connection().establish()
    lab.client.lose(FIN)
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("ESTABLISHED", "ESTABLISHED", ss=("FIN_WAIT_1", "ESTABLISHED"))
    lab.client.keep()
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")


@test
def ack_of_a_fin_seen_and_lost_counts_as_delivered(lab):
    conn = lab.connection().establish()
    lab.client.drop(PURE_ACK)
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT", ss=("FIN_WAIT_1", "CLOSE_WAIT"))
    lab.client.keep()
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")


@test
def ack_of_a_fin_lost_before_the_tracker_is_made_up_by_data(lab):
    conn = lab.connection().establish()
    lab.server.lose(PURE_ACK)
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_1", "ESTABLISHED", ss=("FIN_WAIT_1", "CLOSE_WAIT"))
    conn.server.send(b"data that acknowledges")
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")


@test(families=BOTH)
def second_fin_lost_leaves_last_ack(lab, family):
    conn = lab.connection(family).establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    lab.client.drop(FIN)
    conn.server.close()
    conn.states("FIN_WAIT_2", "LAST_ACK")
    lab.client.keep()
    conn.states("TIME_WAIT", "CLOSED")


@test
def fin_behind_lost_data_waits_for_the_data(lab):
    """Data is seen and lost, the FIN after it arrives: the server does not have the FIN, and acks none."""
    conn = lab.connection().establish()
    lab.server.drop(DATA)
    conn.client.send(b"lost at first")
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_1", "ESTABLISHED")
    lab.server.keep()
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    assert read_to_end(conn.server) == b"lost at first"


@test(families=BOTH)
def fin_that_overtakes_its_data_counts_when_the_gap_is_filled(lab, family):
    conn = Played(lab, family).establish()
    start = conn.puppet.snd
    conn.puppet.send("FA", seq=start + 10)
    conn.states("ESTABLISHED", "ESTABLISHED")
    conn.puppet.send("PA", seq=start, data=b"0123456789")
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    assert read_to_end(conn.server) == b"0123456789"
    assert conn.flow()["bytes"] == {"a": 10, "b": 0}, conn.flow()


@test
def fin_among_shuffled_segments_counts_when_all_is_there(lab):
    conn = Played(lab).establish()
    start = conn.puppet.snd
    pieces = {at: ("FPA" if at == 40 else "A", bytes([65 + at // 10]) * 10) for at in range(0, 50, 10)}
    for at in (40, 20, 0, 30):
        conn.puppet.send(pieces[at][0], seq=start + at, data=pieces[at][1])
        conn.states("ESTABLISHED", "ESTABLISHED")
    conn.puppet.send(pieces[10][0], seq=start + 10, data=pieces[10][1])
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    assert read_to_end(conn.server) == b"".join(data for _, data in pieces.values())


@test
def fin_before_the_ack_of_the_handshake_opens_and_closes(lab):
    """The client's ACK is lost, its FIN comes next and acknowledges the server's SYN: ESTABLISHED, then closing."""
    lab.client.lose(PURE_ACK)
    conn = lab.connection().start()
    conn.states("SYN_SENT", "SYN_RCVD", ss=("ESTABLISHED", "SYN_RCVD"))
    conn.client.shutdown(socket.SHUT_WR)
    conn.accept().states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.shutdown(socket.SHUT_WR)
    lab.client.keep()
    conn.states("TIME_WAIT", "CLOSED")


@test
def last_data_and_fin_in_one_segment(lab):
    conn = Played(lab).establish()
    conn.puppet.send("FPA", data=b"bye")
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    assert read_to_end(conn.server) == b"bye"
    conn.server.close()
    conn.puppet.receive("FA")
    conn.states("FIN_WAIT_2", "LAST_ACK")
    conn.puppet.send("A")
    conn.states("TIME_WAIT", "CLOSED")
    assert conn.flow()["bytes"] == {"a": 3, "b": 0}, conn.flow()


@test
def ack_short_of_the_fin_leaves_fin_wait_1(lab):
    """A server that acknowledges the data and not the FIN behind it has not read the FIN."""
    conn = Played(lab).establish()
    conn.server.send(b"reply")
    conn.server.shutdown(socket.SHUT_WR)
    fin = conn.puppet.receive("FA")
    conn.puppet.send("A", ack=fin.end - 1)
    conn.states("ESTABLISHED", "FIN_WAIT_1")
    conn.puppet.send("A", ack=fin.end)
    conn.states("CLOSE_WAIT", "FIN_WAIT_2")


@test
def retransmitted_fin_changes_no_state(lab):
    conn = Played(lab).establish()
    fin = conn.puppet.send("FA")
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    for _ in range(3):
        conn.puppet.tap.send(fin)
    conn.server.send(b"still here")
    conn.puppet.receive("A", data=b"still here")
    conn.puppet.send("A")  # else the data is sent again after 200 ms, and a FIN waits behind what is lost
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.puppet.receive("FA")
    conn.puppet.send("A")
    conn.states("TIME_WAIT", "CLOSED")
