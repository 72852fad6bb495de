# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Proxy: behind the interface the connection that a cookie opened begins with a SYN, as any other, and has other numbers.
To both ends, to `ss` and to the state model it is one connection, whatever becomes of it."""

import contextlib
import json
import os
import signal
import socket
import struct
import threading

from lab import GUARDED, PATIENCE, TcpInfo, exchange, read_to_end, reset, run, ss_info, test, until
from tcp import checksum, mss, sack, timestamps
from test_guard_admission import BOTH, call, listen, nobody_waits, take
from test_guard_nat import add_nat
from test_time_wait import PURE_ACK

PROXY = ["--guard", GUARDED, "--cookies", "always", "--admission", "proxy"]
TRIES = 65  # where struct sw_proxied has it
SYN = "tcp flags & (syn | ack) == syn"
NONE_LOST = {"cookies_rejected": 0, "stray": 0, "proxy_refused": 0, "proxy_unanswered": 0, "proxy_full": 0,
             "proxy_failed": 0, "lost": 0}


def proxied(lab, count=1, **others):
    """So many connections have been made through proxy since the mark, and nothing else happened but `others`."""
    lab.counts(**{"cookies_sent": count, "cookies_accepted": count, "proxy_syns": count, "proxied": count,
                  "admitted": count, **NONE_LOST,
                  **others})


def connect(lab, family=4, listener=None):
    """(client, server) of a new connection."""
    listener = listener or lab.keep(lab.server.listener(family, lab.port))
    client = call(lab, family)
    return client, take(lab, listener)


def records(lab):
    """Of the connections of this test."""
    return [row["value"] for row in lab.dump("sw_proxied") if lab.port in row["key"]["port"]]


# How a connection begins

@test(run=PROXY, families=BOTH)
def proxied_connection_is_as_the_client_offered_it(lab, family):
    """The accepted socket has all that the client's SYN offered; data goes both ways; `ss` and synward agree."""
    lab.mark()
    conn = lab.connection(family).establish()
    for sock in (conn.client, conn.server):
        info = TcpInfo(sock)
        assert info.agreed == "ts sack wscale", info.agreed
    exchange(conn.client, conn.server)
    there, here = TcpInfo(conn.client), TcpInfo(conn.server)
    assert (there.snd_wscale, there.rcv_wscale) == (here.rcv_wscale, here.snd_wscale)
    assert here.snd_mss == there.snd_mss, (here.snd_mss, there.snd_mss)
    proxied(lab)
    conn.client.close()
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")


@test(run=PROXY, families=BOTH)
def server_that_speaks_first_is_heard(lab, family):
    client, server = connect(lab, family)
    server.sendall(b"220 ready")
    assert client.recv(100) == b"220 ready"
    exchange(client, server)


@test(run=PROXY, families=BOTH)
def data_and_fin_may_open_it(lab, family):
    """The ACK is lost; what comes next brings the cookie back, and is not lost."""
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    for last in (False, True):
        lab.client.lose(PURE_ACK)
        client = call(lab, family)
        if last:
            client.shutdown(socket.SHUT_WR)
        else:
            client.sendall(b"opens")
        server = take(lab, listener)
        assert last or server.recv(100) == b"opens"
        lab.client.keep()
        if last:
            assert read_to_end(server) == b""
            server.sendall(b"half closed")
            assert client.recv(100) == b"half closed"
        else:
            exchange(client, server)
    proxied(lab, 2, proxy_kept=1)


@test(run=PROXY, families=BOTH)
def what_comes_before_the_service_answers_is_kept(lab, family):
    """All in one burst, as one batch reaches tc before TCP has any of it: two pieces and a FIN. They are more than one
    frame, and come in two that are cut elsewhere, none longer than the wire would take."""
    first, second = os.urandom(1000), os.urandom(1789)
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.server.drop(SYN)
    puppet = lab.puppet(family)
    puppet.connect()
    lab.counts(proxy_syns=1)
    puppet.send("PAU", data=first, urgent=9)  # nobody would tell the server where urgent data ends
    lab.counts(proxy_not_kept=1, proxy_kept=0)
    puppet.snd -= len(first)
    puppet.send("PA", data=first)
    puppet.send("PA", data=second[400:], seq=puppet.snd + 400)  # behind a hole
    for part in (second[:400], second[400:]):
        puppet.send("PA", data=part)
    beyond = bytes(200)  # the window
    puppet.send("PA", data=beyond)
    puppet.snd -= len(beyond)
    puppet.send("FA")
    lab.counts(proxy_kept=3, proxy_not_kept=3, proxied=0)
    tap = lab.tap(lab.server)
    lab.server.keep()
    server = take(lab, listener)
    assert read_to_end(server) == first + second
    sizes = [len(segment.data) for segment in tap.segments() if segment.data]
    piece = 1500 - {4: 40, 6: 60}[family] - 12  # timestamps
    assert sizes == [piece, len(first + second) - piece], sizes
    puppet.receive("A", ack=puppet.snd)
    lab.counts(proxied=1, proxy_failed=0)


@test(run=PROXY, families=BOTH)
def syn_that_the_service_lost_is_sent_again(lab, family):
    """By the daemon: a client that waits for the server to speak sends nothing itself."""
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.server.drop(SYN)
    client = call(lab, family)
    lab.counts(proxy_syns=2)
    nobody_waits(listener)
    lab.server.keep()
    server = take(lab, listener)
    server.sendall(b"at last")
    assert client.recv(100) == b"at last"
    exchange(client, server)
    lab.counts(proxied=1, proxy_syns=3, proxy_unanswered=0)


@test(run=PROXY, families=BOTH)
def ack_of_the_service_that_is_lost_is_made_again(lab, family):
    """Behind tc, where the service's SYN+ACK comes again after a second."""
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.server.drop(PURE_ACK)
    client = call(lab, family)
    until(lambda: None if any(row["stage"] == "PROXY_OPEN" for row in records(lab)) else "no answer yet")
    nobody_waits(listener)
    lab.server.keep()
    exchange(client, take(lab, listener))


@test(run=PROXY, families=BOTH)
def service_that_refuses_refuses_the_client(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.client.lose(PURE_ACK)
    lab.server.nft("table inet refuses { chain input { type filter hook input priority 0; "
                   f"{SYN} reject with tcp reset;\n}}\n}}")
    client = call(lab, family)
    lab.client.keep()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        client.sendall(b"anybody?")
        raise AssertionError(f"somebody answered: {client.recv(100)}")
    lab.counts(proxy_refused=1, proxied=0)
    assert not records(lab)
    lab.server.nft("delete table inet refuses")
    nobody_waits(listener)


@test(run=PROXY, families=BOTH)
def client_that_resets_at_once_leaves_nothing(lab, family):
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.server.drop(SYN)
    lab.mark()
    client = call(lab, family)
    lab.counts(proxy_syns=1)
    reset(client)
    until(lambda: None if not records(lab) else f"still there: {records(lab)}")
    lab.server.keep()
    nobody_waits(listener)


def give_up(lab, interface="veth"):
    """As if all SYNs had been sent in vain, and 15 s were over."""
    proxied = lab.map_ids(interface)["sw_proxied"]
    rows = json.loads(run(["bpftool", "-j", "map", "dump", "id", proxied]).stdout)
    row, = [row for row in rows if lab.port in row["formatted"]["key"]["port"] and
            row["formatted"]["value"]["stage"] == "PROXY_OPENING"]
    value = row["value"]
    value[:8], value[TRIES] = ["0x00"] * 8, "0x03"  # syn_ns, and how many
    run(["bpftool", "map", "update", "id", proxied, "key", *row["key"], "value", *value])


@test(run=PROXY, families=BOTH)
def client_whose_service_never_answers_is_told(lab, family):
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.server.drop(SYN)
    lab.mark()
    client = call(lab, family)
    lab.counts(proxy_syns=1)
    give_up(lab)
    try:
        raise AssertionError(f"somebody answered: {client.recv(1)}")
    except ConnectionResetError:
        pass
    lab.counts(proxy_unanswered=1, proxied=0)
    until(lambda: None if not records(lab) else f"still there: {records(lab)}")
    lab.server.keep()
    nobody_waits(listener)


# What goes over it

@test(run=PROXY, families=BOTH)
def window_that_is_closed_is_probed_and_idle_connections_are_kept_alive(lab, family):
    """Probes are answered in the other side's numbers; that the peer knows them shows in that it answers at all."""
    client, server = connect(lab, family)
    exchange(client, server, 1000)
    for asks, sock in ((lab.client, client), (lab.server, server)):
        other = server if sock is client else client
        before = counted(asks, "TcpExtTCPKeepAlive", "TcpExtTCPWinProbe")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        until(lambda: None if counted(asks, "TcpExtTCPKeepAlive")[0] > before[0] else "no keep-alive")
        until(lambda: None if int(ss_info(asks, sock)["lastack"].rstrip("ms")) < 900 else "it was not answered")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
        sock.setblocking(False)
        data, sent = os.urandom(1 << 23), 0
        with contextlib.suppress(BlockingIOError):
            while sent < len(data):
                sent += sock.send(data[sent:sent + 65536])
        until(lambda: None if counted(asks, "TcpExtTCPWinProbe")[0] > before[1] else "no probe")
        sock.settimeout(PATIENCE)
        got = bytearray()
        while len(got) < sent:
            got += other.recv(1 << 18)
        assert got == data[:sent]


def counted(host, *names):
    rows = dict(line.split()[:2] for line in host.run(["nstat", "-asz", *names]).stdout.splitlines()[1:])
    return [int(rows[name]) for name in names]


@test(run=PROXY, families=BOTH)
def both_ends_of_a_proxied_connection_may_close_at_once(lab, family):
    listener = lab.keep(lab.server.listener(family, lab.port))
    connect(lab, family, listener)
    conn = lab.connection(family, listen=listener).establish()
    for host in (lab.client, lab.server):
        host.hold()
    conn.client.shutdown(socket.SHUT_WR)
    conn.server.shutdown(socket.SHUT_WR)
    for host in (lab.client, lab.server):
        host.release()
    conn.states("TIME_WAIT", "TIME_WAIT")


@test(run=PROXY, families=BOTH)
def service_may_scale_its_window_otherwise(lab, family):
    """It was the host's scale that the client was told."""
    def shrink(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    listener = listen(lab, {4: "0.0.0.0", 6: "::"}[family], family, prepare=shrink)
    client, server = connect(lab, family, listener)
    assert TcpInfo(client).snd_wscale != TcpInfo(server).rcv_wscale, TcpInfo(server).rcv_wscale
    exchange(client, server, 300_007)


@test(run=PROXY, families=BOTH)
def clients_without_some_options_are_served(lab, family):
    listener = lab.keep(lab.server.listener(family, lab.port))
    for lacks in (("timestamps",), ("sack",), ("window_scaling",), ("timestamps", "sack", "window_scaling")):
        lab.client.tcp_settings(**dict.fromkeys(lacks, 0))
        client, server = connect(lab, family, listener)
        exchange(client, server, 200_003)
        assert TcpInfo(client).agreed == TcpInfo(server).agreed, (lacks, TcpInfo(server).agreed)
        lab.client.tidy_settings()


@test(run=PROXY, families=BOTH)
def lost_segments_are_recovered_with_offloads_and_without(lab, family):
    """What is acknowledged, selectively too, is the same to both ends."""
    listener = lab.keep(lab.server.listener(family, lab.port))
    for offload in ("on", "off"):
        for host in (lab.client, lab.server):
            host.run(f"ethtool -K veth tx {offload} tso {offload} gso {offload}")
            host.drop(f"tcp {'dport' if host is lab.server else 'sport'} {lab.port} numgen random mod 40 == 0")
        client, server = connect(lab, family, listener)
        exchange(client, server, 2_000_003, timeout=60)
        for host in (lab.client, lab.server):
            host.run("ethtool -K veth tx on tso on gso on")
            host.keep()


@test(run=PROXY, families=BOTH)
def block_that_the_client_has_is_named_in_the_services_numbers(lab, family):
    """A SACK option that stands among others, and a duplicate of it: the service sends what lies before it again."""
    listener = lab.keep(lab.server.listener(family, lab.port))
    puppet = lab.puppet(family, options=mss(1000) + b"\4\2\1\1" + timestamps(7, 0))
    puppet.send("S", options=puppet.options)
    answer = puppet.receive("SA", ack=puppet.snd)
    tsval = int.from_bytes(answer.options[answer.options.index(b"\x08\x0a") + 2:][:4], "big")
    puppet.send("A", options=timestamps(7, tsval))
    server = take(lab, listener)
    server.sendall(b"a" * 3000)
    first = puppet.tap.wait(lambda segment: segment.data and segment.sport == lab.port and segment.seq == answer.seq + 1)
    assert first.seq == puppet.rcv, (first, puppet.rcv)
    for _ in range(3):
        puppet.send("A", seq=puppet.snd, ack=first.seq,
                    options=sack((first.end, first.end + 988)) + timestamps(8, tsval))
    until(lambda: None if TcpInfo(server).sacked else "nothing is taken for received")


@test(run=PROXY, families=BOTH)
def proxied_connection_is_reset_from_either_side(lab, family):
    listener = lab.keep(lab.server.listener(family, lab.port))
    for which in (0, 1):
        pair = connect(lab, family, listener)
        exchange(*pair, 1000)
        reset(pair[which])
        try:
            raise AssertionError(f"no reset: {pair[1 - which].recv(1)}")
        except ConnectionResetError:
            pass


@test(run=PROXY, families=BOTH)
def proxied_connection_that_is_half_closed_goes_on(lab, family):
    client, server = connect(lab, family)
    client.shutdown(socket.SHUT_WR)
    assert read_to_end(server) == b""
    data = os.urandom(500_009)
    with contextlib.closing(server):
        sender = threading.Thread(target=lambda: (server.sendall(data), server.close()))
        sender.start()
        assert read_to_end(client) == data
        sender.join()


def too_big(lab, segment, mtu):
    """The frame of a router that says so of a segment of the server's, as it was on the wire."""
    version = 6 if ":" in segment.src else 4
    quoted = segment.frame(bytes(6), bytes(6))[14:][:40 + (28 if version == 6 else 0)]
    body = struct.pack("!BBHI", *((2, 0, 0, mtu) if version == 6 else (3, 4, 0, mtu))) + quoted
    ends = [socket.inet_pton(socket.AF_INET6 if version == 6 else socket.AF_INET, end) for end in (segment.dst, segment.src)]
    pseudo = b"".join(ends) + struct.pack("!II", len(body), 58) if version == 6 else b""
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    if version == 6:
        header = struct.pack("!IHBB", 6 << 28, len(body), 58, 64) + b"".join(ends)
    else:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0) + b"".join(ends)
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return lab.server.mac + lab.client.mac + (b"\x86\xdd" if version == 6 else b"\x08\0") + header + body


@test(run=PROXY, families=BOTH)
def path_mtu_of_a_proxied_connection_is_discovered(lab, family):
    """A router quotes what it saw on the wire; the service knows other numbers."""
    listener = lab.keep(lab.server.listener(family, lab.port))
    tap = lab.tap(lab.client)
    client, server = connect(lab, family, listener)
    exchange(client, server, 100_003)
    before = TcpInfo(server).snd_mss
    lab.client.drop(f"tcp sport {lab.port}")
    server.sendall(bytes(before))
    segment = tap.wait(lambda seen: seen.sport == lab.port and len(seen.data) == before)
    tap.send_frame(too_big(lab, segment, 1300))
    until(lambda: None if TcpInfo(server).snd_mss < 1300 <= before else f"MSS {TcpInfo(server).snd_mss}, it was {before}")
    lab.client.keep()
    got = 0
    while got < before:  # in smaller segments now, so not at once
        part = client.recv(before - got)
        assert part, f"closed after {got} of {before}"
        got += len(part)
    exchange(client, server, 100_003)


# How it ends

@test(run=PROXY, families=BOTH)
def four_numbers_of_a_proxied_connection_may_be_used_again(lab, family):
    """While the service is in TIME_WAIT the kernel takes the SYN, and the connection is its own: nothing is translated."""
    conn = lab.connection(family).establish()
    conn.server.close()
    assert read_to_end(conn.client) == b""
    conn.client.close()
    conn.states("CLOSED", "TIME_WAIT")
    lab.mark()
    again = conn.again()
    again.start().accept()
    exchange(again.client, again.server)
    lab.counts(cookies_sent=0, syn_to_socket=1, proxy_syns=0)
    assert not [row for row in records(lab) if not row["over"]], records(lab)


@test(run=[*PROXY, "--timeout", "time-wait=1s", "--timeout", "closed=1s"], families=BOTH)
def translation_goes_with_its_flow(lab, family):
    conn = lab.connection(family).establish()
    exchange(conn.client, conn.server, 1000)
    assert len(records(lab)) == 1
    conn.client.close()
    conn.server.close()
    until(lambda: None if not records(lab) else f"still there: {records(lab)}")


# What else is on the host

@test(track=False, families=BOTH)
def host_with_nat_is_served_and_what_was_there_before_untouched(lab, family):
    add_nat(lab.server, "inet")
    lab.client.take_xdp()
    before = lab.connection(family)
    before.start().accept()
    lab.track(*PROXY[:2], "--cookies", "always", "--admission", "proxy")
    lab.mark()
    conns = [lab.connection(family, listen=before.listener).start().accept() for _ in range(20)]
    for conn in (before, *conns):
        exchange(conn.client, conn.server, 10_007)
    proxied(lab, 20)
    assert len(records(lab)) == 20


@test(track=False)
def daemon_may_die_or_end_without_a_proxied_connection_being_lost(lab):
    """SIGKILL, and another; SIGTERM, after which the programs stay for who needs them and begin nothing; and another."""
    lab.client.take_xdp()
    lab.track(*PROXY)
    listener = lab.keep(lab.server.listener(4, lab.port))
    pairs = [connect(lab, 4, listener)]
    lab.tracker.stop(signal.SIGKILL)
    exchange(*pairs[0], 10_007)
    lab.track(*PROXY)
    pairs.append(connect(lab, 4, listener))
    assert lab.tracker.stop() == 0 and "2 connections go through proxy" in lab.tracker.text(), lab.tracker.text()
    lab.mark()
    pairs.append(connect(lab, 4, listener))
    for pair in pairs:
        exchange(*pair, 10_007)
    lab.counts(cookies_sent=0, proxied=0)
    lab.track(*PROXY)
    for pair in pairs:
        exchange(*pair, 10_007)
        reset(pair[0])
    until(lambda: None if all(row["over"] for row in records(lab)) else records(lab))
    assert lab.tracker.stop() == 0
    assert lab.synward("status", check=False).returncode == 1  # now it has gone


@test(track=False)
def full_table_takes_no_more_and_ends_none(lab):
    """The flow table's size is its own, too."""
    lab.client.take_xdp()
    lab.track("--flows", "2", *PROXY)
    lab.mark()
    listener = lab.keep(lab.server.listener(4, lab.port))
    pairs = [connect(lab, 4, listener) for _ in range(2)]
    call(lab)
    lab.counts(proxy_full=1, proxied=2)
    nobody_waits(listener)
    for pair in pairs:
        exchange(*pair, 1000)
