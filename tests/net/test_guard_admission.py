# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a cookie opened becomes a socket of the ordinary listener, whatever the listener is and whatever brings the
cookie back; and what a cookie can't serve goes the ordinary way."""

import os
import socket
import struct
import time

from lab import (GUARDED, PATIENCE, Played, Skip, TcpInfo, endpoint, exchange, name_of, on_one_cpu, read_to_end, run,
                 test, until)
from tcp import checksum, mss, timestamps, window_scale
from test_commands import NOTHING, hooks, refused
from test_time_wait import PURE_ACK, close_from

BOTH = (4, 6)
ALWAYS = ["--guard", GUARDED, "--cookies", "always"]
KERNEL = {"run": [*ALWAYS, "--admission", "kernel"], "sysctls": {"net.ipv4.tcp_syncookies": 2}}
KERNEL_COOKIES = {"run": ALWAYS, "sysctls": {"net.ipv4.tcp_syncookies": 2}}
EPOCH = 64  # s
HANDED = 0.04  # s: so much later TCP must have made a socket of what it was given (bpf/admit.bpf.h), a tick included
IPPROTO_MPTCP = 262
TCP_MD5SIG = 14
ANY = {4: "0.0.0.0", 6: "::"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


# Tools

def new_client(lab, family=4, protocol=0):
    """A socket of the client's, to be closed with the lab."""
    sock = lab.keep(lab.client.socket(FAMILY[family], socket.SOCK_STREAM, protocol))
    sock.settimeout(PATIENCE)
    return sock


def call(lab, family=4, address=None, port=None, protocol=0):
    """A connected client. For its kernel that is what the SYN+ACK makes it."""
    sock = new_client(lab, family, protocol)
    sock.connect((address or lab.server.address[family], port or lab.port))
    return sock


def listen(lab, address, family=4, backlog=64, prepare=lambda sock: None, protocol=0):
    """A listener of the server's on any address."""
    sock = lab.keep(lab.server.socket(FAMILY[family], socket.SOCK_STREAM, protocol))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    prepare(sock)
    sock.bind((address, lab.port))
    sock.listen(backlog)
    sock.settimeout(PATIENCE)
    return sock


def take(lab, listener):
    sock = lab.keep(listener.accept()[0])
    sock.settimeout(PATIENCE)
    return sock


def nobody_waits(listener):
    listener.setblocking(False)
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        listener.settimeout(PATIENCE)
        return
    raise AssertionError("there is a connection nobody made")


def waiting_at(listener):
    """How many connections wait to be accepted (tcpi_unacked of a listener)."""
    return struct.unpack_from("=8B5I", listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104))[12]


def by_cookie(lab, count=1, **others):
    """So many connections were opened by cookies since the mark; other counters as given, else nothing went wrong."""
    lab.counts(**{"cookies_sent": count, "cookies_accepted": count, "lost": 0, "cookies_rejected": 0,
                  "admit_refused": 0, "syn_unfit": 0, "syn_to_socket": 0, "stray": 0, "stray_passed": 0, **others})


def by_kernel(lab, **why):
    """No cookie was sent, since the kernel answered; and the counter that says why."""
    lab.counts(**{"cookies_sent": 0, "cookies_accepted": 0, "admitted": 0, "admit_refused": 0, **why})


def seen(tap, **wanted):
    """The segments at a tap with these fields."""
    return [segment for segment in tap.segments()
            if all(getattr(segment, name) == value for name, value in wanted.items())]


# What opens a connection

@test(run=ALWAYS, families=BOTH)
def bare_ack_opens_and_the_server_speaks_first(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    client = call(lab, family)
    server = take(lab, listener)
    assert name_of(client) == endpoint(*server.getpeername()[:2]), server
    server.sendall(b"220 ready")
    assert client.recv(100) == b"220 ready"
    exchange(client, server)
    assert lab.server.sockets()[name_of(server), name_of(client)] == "ESTABLISHED"
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def data_opens_when_the_last_ack_is_lost(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.client.lose(PURE_ACK)
    client = call(lab, family)
    client.sendall(b"opens")
    server = take(lab, listener)
    assert server.recv(100) == b"opens"
    lab.client.keep()
    exchange(client, server)
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def many_segments_at_once_open_when_the_last_ack_is_lost(lab, family):
    """The first of them reaches XDP as a super-segment of several buffers."""
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.client.lose("tcp flags & (fin | syn | rst | ack) == ack meta length < 100")
    client = call(lab, family)
    client.setblocking(False)
    sent = client.send(bytes(range(256)) * 4096)
    assert sent > 30_000, sent
    server = take(lab, listener)
    lab.client.keep()
    got = b""
    while len(got) < sent:
        got += server.recv(1 << 20)
    assert got == (bytes(range(256)) * 4096)[:sent], "what arrived is not what was sent"
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def data_overtakes_the_last_ack(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    tap = lab.tap(lab.client)
    lab.client.lose(PURE_ACK)
    client = call(lab, family)
    client.sendall(b"opens")
    server = take(lab, listener)
    lab.client.keep()
    tap.send(seen(tap, data=b"opens")[0].but(flags="A", data=b""))
    assert server.recv(100) == b"opens"
    exchange(client, server)
    nobody_waits(listener)
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def fin_opens_when_the_last_ack_is_lost(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.client.lose(PURE_ACK)
    client = call(lab, family)
    client.shutdown(socket.SHUT_WR)
    server = take(lab, listener)
    lab.client.keep()
    assert server.recv(100) == b""
    server.sendall(b"farewell")
    server.close()
    assert read_to_end(client) == b"farewell"
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def data_with_fin_opens_when_the_last_ack_is_lost(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    tap = lab.tap(lab.client)
    lab.client.lose(PURE_ACK)
    client = new_client(lab, family)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    client.connect((lab.server.address[family], lab.port))
    client.send(b"all of it")
    client.shutdown(socket.SHUT_WR)
    server = take(lab, listener)
    assert read_to_end(server) == b"all of it"
    assert {segment.flags for segment in seen(tap, data=b"all of it")} == {"FPA"}, seen(tap, data=b"all of it")
    by_cookie(lab)


@test(run=ALWAYS)
def fin_after_lost_data_waits_for_the_data(lab):
    """ACK and data are lost. The FIN's place in the sequence is beyond them, and it proves nothing; the data, sent
    again, does."""
    lab.mark()
    listener = lab.keep(lab.server.listener(4, lab.port))
    data = b"all of it" * 100
    lab.client.lose(PURE_ACK)
    lab.client.lose("meta l4proto tcp meta length > 500")  # sent again, data and FIN may be one segment
    client = call(lab)
    client.send(data)
    client.shutdown(socket.SHUT_WR)
    until(lambda: None if lab.rise("cookies_rejected")["cookies_rejected"] else "the FIN was not rejected")
    nobody_waits(listener)
    lab.client.keep()
    server = take(lab, listener)
    assert read_to_end(server) == data
    assert lab.rise("admitted", "admit_refused") == {"admitted": 1, "admit_refused": 0}, lab.rise("admitted")


@test(run=ALWAYS, families=BOTH)
def ack_that_comes_thrice_opens_once(lab, family):
    lab.mark()
    tap = lab.tap(lab.client)
    listener = lab.keep(lab.server.listener(family, lab.port))
    client = call(lab, family)
    ack = tap.wait(lambda segment: segment.flags == "A" and segment.dport == lab.port)
    for _ in range(2):
        tap.send(ack)
    server = take(lab, listener)
    exchange(client, server)
    nobody_waits(listener)
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def ack_lost_behind_tc_is_made_up_for_by_data(lab, family):
    """The flow is open for synward, and its server does not know: what comes next is handed on, too."""
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.server.drop(PURE_ACK)
    client = call(lab, family)
    lab.counts(cookies_accepted=1, admitted=0)
    nobody_waits(listener)
    time.sleep(HANDED)
    client.sendall(b"opens")
    server = take(lab, listener)
    assert server.recv(100) == b"opens"
    lab.server.keep()
    exchange(client, server)
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def data_that_comes_before_what_opens_is_not_refused(lab, family):
    """What opens is on its way on another CPU, for all that this one knows: the second data alone is none of the listener's.
    On the CPU that has given it to the listener the RST says that it was lost there."""
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("it takes two CPUs")
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.server.drop(PURE_ACK)
    with on_one_cpu():
        puppet = lab.puppet(family).connect()
    lab.counts(cookies_accepted=1, admitted=0)
    with on_one_cpu(max):
        second = puppet.send("PA", seq=puppet.snd + 6, data=b"second")
    lab.counts(early_dropped=1)
    lab.server.keep()
    with on_one_cpu():
        puppet.send("PA", data=b"first ")
        puppet.tap.send(second)
    server = take(lab, listener)
    puppet.receive("A", ack=second.end)
    assert server.recv(100) == b"first second"
    assert not any("R" in segment.flags for segment in puppet.tap.segments()), puppet.tap.segments()
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def data_behind_what_was_lost_at_the_listener_is_refused(lab, family):
    """Its RST tells the client, and the safety net."""
    lab.mark()
    lab.keep(lab.server.listener(family, lab.port))
    lab.server.drop(PURE_ACK)
    with on_one_cpu():
        puppet = lab.puppet(family).connect()
        lab.counts(cookies_accepted=1, admitted=0)
        puppet.send("PA", seq=puppet.snd + 6, data=b"second")
        puppet.receive("R")
    lab.counts(early_dropped=0, lost=1)


@test(run=ALWAYS, families=BOTH)
def listener_that_closes_before_the_ack_refuses(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.client.lose(PURE_ACK)
    client = call(lab, family)
    listener.close()
    lab.client.keep()
    client.send(b"anybody?")
    try:
        raise AssertionError(f"somebody answered: {client.recv(100)}")
    except ConnectionResetError:
        pass
    by_cookie(lab, cookies_accepted=0, admitted=0, stray_passed=1)


@test(run=ALWAYS, families=BOTH)
def full_accept_queue_keeps_a_client_waiting(lab, family):
    """Whose ACK finds the queue full gets in with what it sends again, once there is room."""
    listener = lab.keep(lab.server.listener(family, lab.port, backlog=1))
    puppet = lab.puppet(family)
    puppet.send("S", options=puppet.options)
    puppet.receive("SA")
    first = [call(lab, family) for _ in range(2)]
    until(lambda: None if waiting_at(listener) == 2 else f"{waiting_at(listener)} wait")
    lab.mark()
    puppet.send("A")
    lab.counts(cookies_accepted=1, cookies_rejected=0)
    assert waiting_at(listener) == 2
    for client in first:
        assert endpoint(*take(lab, listener).getpeername()[:2]) == name_of(client)
    puppet.send("PA", data=b"late")
    server = take(lab, listener)
    assert endpoint(*server.getpeername()[:2]) == endpoint(puppet.address, puppet.port)
    assert server.recv(100) == b"late"


# What the SYN is

@test(run=ALWAYS, families=BOTH)
def syn_to_a_closed_port_is_refused(lab, family):
    lab.mark()
    try:
        raise AssertionError(f"connected: {call(lab, family)}")
    except ConnectionRefusedError:
        pass
    by_kernel(lab, syn_no_listener=1)


@test(run=ALWAYS, families=BOTH)
def same_syn_again_gets_the_same_syn_ack(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    puppet = lab.puppet(family, options=mss(1460) + timestamps(7, 0))
    remaining = EPOCH - time.time() % EPOCH
    if remaining < 5:
        time.sleep(remaining)  # an epoch's end would make it another one
    for _ in range(3):
        puppet.send("S", seq=puppet.isn, options=puppet.options)

    def replies():
        puppet.tap.read()
        return [frame for frame in puppet.tap.received if frame[12:14] in (b"\x08\x00", b"\x86\xdd")]

    until(lambda: None if len(replies()) == 3 else f"{len(replies())} replies")
    assert len(set(replies())) == 1, replies()
    puppet.receive("SA")
    puppet.snd = puppet.isn + 1
    puppet.send("A", options=timestamps(8, seen(puppet.tap, flags="SA")[0].timestamp()))
    take(lab, listener)
    by_cookie(lab, cookies_sent=3)


@test(run=ALWAYS, families=BOTH)
def data_in_a_syn_is_not_acknowledged(lab, family):
    """The SYN alone is; the client sends the data again."""
    lab.mark()
    played = Played(lab, family)
    puppet = played.puppet
    puppet.send("S", options=puppet.options, data=b"early")
    puppet.receive("SA", ack=puppet.isn + 1)
    puppet.snd = puppet.isn + 1
    puppet.send("A")
    played.accept()
    puppet.send("PA", data=b"early")
    assert played.server.recv(100) == b"early"
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def syn_without_options_means_the_default_mss(lab, family):
    """RFC 9293, 3.7.1."""
    lab.mark()
    played = Played(lab, family, options=b"").establish()
    found = TcpInfo(played.server)
    assert (found.snd_mss, found.agreed) == ({4: 536, 6: 1220}[family], ""), vars(found)
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def ack_without_the_syn_s_timestamps_opens(lab, family):
    """As with the kernel's cookies: it has the MSS, and nothing else of what the SYN offered."""
    lab.mark()
    played = Played(lab, family, options=mss(1400) + window_scale(7) + timestamps(7, 0))
    puppet = played.puppet
    puppet.send("S", options=puppet.options)
    puppet.receive("SA")
    puppet.send("A", options=b"")
    played.accept()
    found = TcpInfo(played.server)
    assert (found.snd_mss, found.agreed) == (1360, ""), vars(found)
    puppet.send("PA", options=b"", data=b"question")
    assert played.server.recv(100) == b"question"
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def timestamps_go_on_from_those_of_the_handshake(lab, family):
    """The client's wrap between SYN and data; the server's clock goes on from the cookie's TSval."""
    lab.mark()
    played = Played(lab, family, options=mss(1460) + timestamps((1 << 32) - 1, 0))
    puppet = played.puppet
    puppet.send("S", options=puppet.options)
    cookie = puppet.receive("SA").timestamp()
    puppet.send("A", options=timestamps(0, cookie))
    played.accept()
    puppet.send("PA", options=timestamps(1, cookie), data=b"question")
    assert played.server.recv(100) == b"question"
    played.server.sendall(b"answer")
    answer = puppet.receive("A", data=b"answer")
    late = (answer.timestamp() - cookie) % (1 << 32)
    assert late < 20_000, f"TSval {cookie} of the SYN+ACK, then {answer.timestamp()}"
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def fast_open_client_is_answered_without(lab, family):
    """With a cookie of Fast Open from an earlier connection, to a port that is not guarded, and data in its SYN."""
    for host in (lab.client, lab.server):
        host.tcp_settings(fastopen=3)
    plain, guarded = (lab.keep(lab.server.listener(family, lab.port + offset)) for offset in (1, 0))
    tap = lab.tap(lab.client)
    for listener in (plain, guarded):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    lab.mark()
    for number, listener in enumerate((guarded, plain, plain, guarded)):
        data = b"fast open %d" % number
        client = new_client(lab, family)
        client.setblocking(True)
        client.sendto(data, socket.MSG_FASTOPEN, listener.getsockname()[:2])
        server = take(lab, listener)
        assert server.recv(100) == data
        fast = bool(TcpInfo(server).options & TcpInfo.SYN_DATA)
        assert fast == (number == 2), (number, fast)
        exchange(client, server, 100_003)
        client.close()
        server.close()
    early = [segment.dport - lab.port for segment in tap.segments() if segment.flags == "S" and segment.data]
    assert early == [1, 0], f"SYNs with data to {early}"
    by_cookie(lab, 2)


@test(run=ALWAYS)
def ip_options_are_the_kernels(lab):
    """SYN and ACK with IPv4 options (three NOPs and an end), and without DF."""
    def send(flags, **fields):
        frame = puppet.tap.frame(puppet.segment(flags, **fields))
        head = bytearray(frame[14:34] + b"\x01\x01\x01\x00")
        head[0] = 0x46
        head[2:4] = struct.pack("!H", len(frame) - 14 + 4)
        head[6:8] = head[10:12] = bytes(2)
        head[10:12] = struct.pack("!H", checksum(bytes(head)))
        puppet.tap.send_frame(frame[:14] + head + frame[34:])
        puppet.snd = puppet.segment(flags, **fields).end

    lab.mark()
    played = Played(lab)
    puppet = played.puppet
    send("S", options=puppet.options)
    puppet.receive("SA")
    send("A")
    played.accept()
    send("PA", data=b"question")
    assert played.server.recv(100) == b"question"
    by_kernel(lab, unfit_ip=1)


@test(run=ALWAYS, families=BOTH)
def client_that_resets_after_the_syn_ack_leaves_nothing(lab, family):
    lab.mark()
    played = Played(lab, family)
    puppet = played.puppet
    puppet.send("S", options=puppet.options)
    puppet.receive("SA")
    puppet.send("R")
    lab.counts(cookies_sent=1, stray_passed=1)
    nobody_waits(played.listener)
    assert not lab.flow(*played.names) and not any(names[1] == played.names[0] for names in lab.server.sockets())
    by_cookie(lab, cookies_accepted=0, admitted=0, stray_passed=1)


@test(run=ALWAYS, families=BOTH)
def forged_acks_are_dropped(lab, family):
    """One off in the cookie, in the client's ISN or in the echoed timestamp: none gets in; the right one then does. Those that name another epoch are the kernel's to refuse, as they are few."""
    played = Played(lab, family, options=mss(1460) + timestamps(7, 0))
    puppet = played.puppet
    puppet.send("S", options=puppet.options)
    tsval = puppet.receive("SA").timestamp()
    right = {"seq": puppet.snd, "ack": puppet.rcv, "options": timestamps(8, tsval)}
    forged = [{"ack": puppet.rcv ^ 1}, {"ack": puppet.rcv + 1}, {"ack": puppet.rcv - (1 << 24)},
              {"ack": puppet.rcv + (1 << 31)}, {"seq": puppet.snd + 1}, {"seq": puppet.snd - 1},
              {"options": timestamps(8, tsval ^ 1)}, {"options": timestamps(8, tsval ^ 1 << 31)},
              {"options": timestamps(8, 0)}, {"ack": 1}]
    lab.mark()
    for fields in forged:
        puppet.send("A", **{**right, **fields})
    lab.counts(cookies_rejected=len(forged), cookies_accepted=0, admitted=0)
    rise = lab.rise("stray_passed", "cookie_bad")
    assert sum(rise.values()) == len(forged) and all(rise.values()), rise
    nobody_waits(played.listener)
    puppet.send("A", **right)
    played.accept()
    by_cookie(lab, cookies_sent=0, cookies_accepted=1, cookies_rejected=len(forged),
              stray_passed=rise["stray_passed"])


# TIME_WAIT

@test(run=ALWAYS, families=BOTH)
def time_wait_of_the_server_is_the_kernel_s_to_reuse(lab, family):
    conn = lab.connection(family).establish()
    close_from(conn.server, conn.client, conn, ("CLOSED", "TIME_WAIT"))
    lab.mark()
    again = conn.again().establish()
    exchange(again.client, again.server, 100_003)
    by_kernel(lab, syn_to_socket=1, flows_replaced=1)


@test(run=ALWAYS, families=BOTH)
def time_wait_of_the_client_is_reused_through_a_cookie(lab, family):
    lab.client.tcp_settings(tw_reuse=1, tw_reuse_delay=10)
    conn = lab.connection(family).establish()
    close_from(conn.client, conn.server, conn, ("TIME_WAIT", "CLOSED"))
    time.sleep(0.02)  # the delay after which the kernel does
    lab.mark()
    again = conn.again().establish()
    exchange(again.client, again.server, 100_003)
    by_cookie(lab, flows_replaced=1)


# What listens

@test(run=ALWAYS, families=BOTH)
def every_listener_of_a_reuseport_group_gets_its_share(lab, family):
    def group(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

    lab.mark()
    listeners = [listen(lab, ANY[family], family, prepare=group) for _ in range(3)]
    clients = {name_of(client): client for client in (call(lab, family) for _ in range(41))}
    shares = []
    for listener in listeners:
        waiting = waiting_at(listener)
        shares.append(waiting)
        for _ in range(waiting):
            server = take(lab, listener)
            client = clients.pop(endpoint(*server.getpeername()[:2]))
            client.sendall(b"here")
            assert server.recv(100) == b"here"
    assert not clients and sum(shares) == 41 and all(shares), (shares, clients)
    by_cookie(lab, 41)


@test(run=ALWAYS, families=BOTH)
def listeners_on_two_addresses_of_a_port_get_their_own(lab, family):
    other = {4: "10.99.0.3", 6: "fd00:99::3"}[family]
    length = {4: 24, 6: 64}[family]
    run(["ip", "-n", lab.server.name, "addr", "add", f"{other}/{length}", "dev", "veth", *["nodad"][:family // 6]])
    run(["ip", "-n", lab.client.name, "neigh", "replace", other, "lladdr", lab.server.mac.hex(":"), "dev", "veth",
         "nud", "permanent"])
    lab.mark()
    try:
        for address, listener in [(address, listen(lab, address, family))
                                  for address in (lab.server.address[family], other)]:
            client = call(lab, family, address)
            server = take(lab, listener)
            assert server.getsockname()[0] == address and server.getpeername() == client.getsockname(), server
            exchange(client, server, 10_007)
        by_cookie(lab, 2)
    finally:
        run(["ip", "-n", lab.server.name, "addr", "del", f"{other}/{length}", "dev", "veth"])


@test(run=ALWAYS)
def listener_on_any_ipv6_address_takes_ipv4_too(lab):
    lab.mark()
    listener = listen(lab, "::", 6, prepare=lambda sock: sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0))
    for family in BOTH:
        client = call(lab, family)
        server = take(lab, listener)
        own = client.getsockname()[0]
        assert server.getpeername()[:2] == (own if family == 6 else f"::ffff:{own}", client.getsockname()[1]), server
        assert TcpInfo(server).agreed == TcpInfo(client).agreed == "ts sack wscale", TcpInfo(server).agreed
        exchange(client, server)
    by_cookie(lab, 2)


@test(run=ALWAYS)
def listener_for_ipv6_alone_leaves_ipv4_refused(lab):
    lab.mark()
    listener = listen(lab, "::", 6, prepare=lambda sock: sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1))
    try:
        raise AssertionError(f"connected: {call(lab, 4)}")
    except ConnectionRefusedError:
        pass
    by_kernel(lab, syn_no_listener=1)
    exchange(call(lab, 6), take(lab, listener), 10_007)


@test(run=ALWAYS, families=BOTH)
def listener_of_one_device_is_found_there_and_nowhere_else(lab, family):
    def bind_to(device):
        return lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)

    lab.mark()
    listener = listen(lab, ANY[family], family, prepare=bind_to(b"lo"))
    try:
        raise AssertionError(f"connected: {call(lab, family)}")
    except ConnectionRefusedError:
        pass
    by_kernel(lab, syn_no_listener=1)
    lab.mark()
    listener = listen(lab, ANY[family], family, prepare=bind_to(b"veth"))
    exchange(call(lab, family), take(lab, listener), 10_007)
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def listener_with_a_small_buffer_is_not_overrun(lab, family):
    """The window of the SYN+ACK is what its buffer holds."""
    lab.mark()
    tap = lab.tap(lab.client)
    listener = listen(lab, ANY[family], family,
                      prepare=lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096))
    client = call(lab, family)
    answer = tap.wait(lambda segment: segment.flags == "SA" and segment.sport == lab.port)
    assert 2048 <= answer.window <= 8192, answer
    server = take(lab, listener)
    exchange(client, server, 100_003)
    by_cookie(lab)


@test(run=ALWAYS, families=BOTH)
def mptcp_listener_is_answered_by_the_kernel(lab, family):
    """Without tcp_syncookies=2 nothing else can; and so the client gets MPTCP."""
    lab.mark()
    listener = listen(lab, ANY[family], family, protocol=IPPROTO_MPTCP)
    for number, protocol in enumerate((IPPROTO_MPTCP, 0)):
        client = call(lab, family, protocol=protocol)
        server = take(lab, listener)
        exchange(client, server, 100_003)
        by_kernel(lab, syn_unfit=number + 1)
        assert not is_fallback(client) if protocol else True


@test(families=BOTH, **KERNEL_COOKIES)
def mptcp_listener_gets_the_kernel_s_cookies(lab, family):
    """With tcp_syncookies=2; MPTCP falls back to TCP."""
    lab.mark()
    listener = listen(lab, ANY[family], family, protocol=IPPROTO_MPTCP)
    for protocol in (IPPROTO_MPTCP, 0):
        client = call(lab, family, protocol=protocol)
        server = take(lab, listener)
        exchange(client, server, 100_003)
    by_cookie(lab, 2)


def is_fallback(sock):
    """struct mptcp_info (linux/mptcp.h): the flag that says that it is plain TCP."""
    info = sock.getsockopt(284, 1, 64)
    return bool(struct.unpack_from("=8xI", info)[0] & 1)


@test(run=ALWAYS, families=BOTH)
def signed_listener_is_answered_by_the_kernel(lab, family):
    """TCP MD5 (RFC 2385)."""
    def key(host):
        packed = socket.inet_pton(FAMILY[family], host.address[family])
        name = struct.pack("=H2x", FAMILY[family]) + (packed if family == 4 else bytes(4) + packed)
        return name.ljust(128, b"\0") + struct.pack("=BBHi80s", 0, 0, 6, 0, b"secret")

    lab.mark()
    listener = listen(lab, ANY[family], family,
                      prepare=lambda sock: sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, key(lab.client)))
    client = new_client(lab, family)
    client.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, key(lab.server))
    client.connect((lab.server.address[family], lab.port))
    exchange(client, take(lab, listener), 100_003)
    by_kernel(lab, syn_unfit=1)


# Where XDP is the kernel's own

@test(run=[*ALWAYS, "--mode", "generic"], families=BOTH)
def guard_in_generic_mode_admits_bare_acks_data_and_fin(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    exchange(call(lab, family), take(lab, listener))
    lab.client.lose(PURE_ACK)
    client = call(lab, family)
    client.sendall(b"opens")
    assert take(lab, listener).recv(100) == b"opens"
    client = call(lab, family)
    client.shutdown(socket.SHUT_WR)
    server = take(lab, listener)
    assert server.recv(100) == b"" and TcpInfo(server).agreed == "ts sack wscale", TcpInfo(server).agreed
    by_cookie(lab, 3)


@test(track=False)
def guard_on_loopback_leaves_clients_of_the_same_host_to_the_kernel(lab):
    lab.track(*ALWAYS, interfaces=("lo",))
    lab.mark()
    for number, (family, address) in enumerate(((4, "127.0.0.1"), (6, "::1"))):
        listener = listen(lab, address, family)
        client = lab.keep(lab.server.socket(FAMILY[family], socket.SOCK_STREAM))
        client.settimeout(PATIENCE)
        client.connect((address, lab.port))
        server = take(lab, listener)
        assert TcpInfo(server).agreed == TcpInfo(client).agreed == "ts sack wscale", TcpInfo(server).agreed
        exchange(client, server)
        by_kernel(lab, syn_martian=number + 1)


# The kernel's own cookies

@test(families=BOTH, **KERNEL)
def kernel_s_cookie_opens_and_keeps_the_mss(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    client = call(lab, family)
    server = take(lab, listener)
    for sock in (client, server):
        found = TcpInfo(sock)
        assert found.agreed == "" and found.snd_mss == (1460 if family == 4 else 1440), vars(found)
    server.sendall(b"220 ready")
    assert client.recv(100) == b"220 ready"
    exchange(client, server)
    by_cookie(lab)


@test(families=BOTH, **KERNEL)
def kernel_s_cookie_comes_back_with_data_or_fin(lab, family):
    lab.mark()
    listener = lab.keep(lab.server.listener(family, lab.port))
    lab.client.lose(PURE_ACK)
    client = call(lab, family)
    client.sendall(b"opens")
    assert take(lab, listener).recv(100) == b"opens"
    client = call(lab, family)
    client.shutdown(socket.SHUT_WR)
    assert take(lab, listener).recv(100) == b""
    by_cookie(lab, 2)


@test(**KERNEL)
def kernel_s_cookie_opens_a_listener_for_both_families(lab):
    lab.mark()
    listener = listen(lab, "::", 6, prepare=lambda sock: sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0))
    for family in BOTH:
        exchange(call(lab, family), take(lab, listener), 100_003)
    by_cookie(lab, 2)


@test(families=BOTH, **KERNEL)
def forged_acks_of_the_kernel_s_cookie_are_dropped(lab, family):
    played = Played(lab, family)
    puppet = played.puppet
    puppet.send("S", options=puppet.options)
    puppet.receive("SA")
    lab.mark()
    forged = [{"ack": puppet.rcv + step} for step in (8, -8, 1 << 20, 1 << 31)] + [{"seq": puppet.snd + 1000}]
    for fields in forged:
        puppet.send("A", **{"seq": puppet.snd, **fields})
    lab.counts(cookies_rejected=len(forged), cookie_bad=len(forged), cookies_accepted=0)
    nobody_waits(played.listener)
    puppet.send("A")
    played.accept()
    lab.counts(cookies_rejected=len(forged), cookies_accepted=1)


# Refusals

@test(track=False)
def sysctls_that_forbid_admission_are_said_in_one_line(lab):
    for value, admission, hint in ((1, "kernel", "tcp_syncookies=2"), (0, "kernel", "tcp_syncookies=2"),
                                   (0, "bpf", "tcp_syncookies=0"), (0, None, "tcp_syncookies=0")):
        lab.server.tcp_settings(syncookies=value)
        words = ["--admission", admission] if admission else []
        refused(lab.synward("run", "veth", "--guard", "80", *words, check=False), 1, hint)
        assert hooks(lab.server) == NOTHING, hooks(lab.server)
