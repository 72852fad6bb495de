# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""When guard sends cookies and when not: auto, always, never; the switch from one to another with connections under
way; budget, dry run, refused options, and what events and status say of it all."""

import contextlib
import json
import os
import signal
import socket
import tempfile
import time

from lab import SYNWARD, Connection, Failure, Skip, endpoint, name_of, run, test, until
from tcp import Puppet, Segment, mss
from test_commands import NOTHING, hooks, refused

TFO_CLIENT, TFO_SERVER = 1, 2  # net.ipv4.tcp_fastopen
IPPROTO_MPTCP = 262
TICK = 0.02  # s: the data path's coarse clock is late by up to a tick of the kernel's
STRAYS_PER_SECOND = 1000  # bpf/guard.h


# Tools

def guard(lab, *options, ports=None):
    """`synward run` with guard on these ports (lab.port), and a client that receives what XDP sends."""
    ports = ports or [lab.port]
    lab.client.take_xdp()
    lab.track("--guard", ",".join(map(str, ports)), *options)
    lab.mark()


def port_status(lab, port=None):
    """What `status --json` says of a guarded port."""
    ports = json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"]
    return next(row for row in ports if row["port"] == (port or lab.port))


def half_open(lab, port=None):
    """How many connections the server's kernel has in SYN_RCVD there, by `ss`."""
    return len(run(["ss", "-N", lab.server.name, "-tanH", "state", "syn-recv", "sport", "=",
                    f":{port or lab.port}"]).stdout.splitlines())


def nstat(host, name):
    """A counter of the host's own TCP since the host is there."""
    return int(host.run(["nstat", "-asz", name]).stdout.split()[-2])


def syn(puppet, **fields):
    return Segment(puppet.address, puppet.port, puppet.peer, puppet.peer_port, "S", puppet.isn,
                   options=puppet.options).but(**fields)


def spoof(lab, puppet, ports):
    """SYNs of the puppet's host from these ports, which nobody will ever acknowledge."""
    for port in ports:
        puppet.tap.send(syn(puppet, sport=port))


def fill(lab, puppet, count, first=20000):
    """So many connections in SYN_RCVD at the server's kernel, those that are there included."""
    spoof(lab, puppet, range(first, first + count - half_open(lab, puppet.peer_port)))
    until(lambda: None if half_open(lab, puppet.peer_port) == count else f"{half_open(lab, puppet.peer_port)} half-open")


def give_up(lab, puppet, count, first=20000):
    """What fill() began is reset by its client."""
    for port in range(first, first + count):
        puppet.tap.send(syn(puppet, sport=port, flags="R", seq=puppet.isn + 1, options=b""))
    until(lambda: None if half_open(lab, puppet.peer_port) == 0 else f"{half_open(lab, puppet.peer_port)} half-open")


def answers(puppet, port=None):
    """The SYN+ACKs to the puppet's host, or to one port of it, as (their ISN, acknowledgement)."""
    return [(segment.seq, segment.ack) for segment in puppet.tap.segments()
            if set(segment.flags) == set("SA") and segment.dst == puppet.address and port in (None, segment.dport)]


def other_puppet(lab, puppet, port):
    """The same host as the puppet's, from another port."""
    return Puppet(puppet.tap, puppet.address, port, puppet.peer, puppet.peer_port, isn=port * 1009)


def echo(conn, word=b"word"):
    """Data both ways."""
    conn.client.sendall(word)
    assert conn.server.recv(100) == word
    conn.server.sendall(word[::-1])
    assert conn.client.recv(100) == word[::-1]


def puppet_echo(puppet, server):
    """Data both ways between a puppet and the socket that its peer accepted."""
    puppet.send("PA", data=b"to the server")
    assert server.recv(100) == b"to the server"
    server.sendall(b"to the client")
    segment = puppet.receive("A", data=b"to the client")
    assert segment.ack == puppet.snd, segment
    puppet.send("A")


def by_cookie(lab, conn):
    """Open the connection: did a cookie do it?"""
    before = lab.stats()["cookies_accepted"]
    conn.start().accept()
    until(lambda: None if lab.client.sockets().get(conn.names) == "ESTABLISHED" else "not established")
    return lab.stats()["cookies_accepted"] > before


# auto: quiet

@test(track=False, families=(4, 6))
def quiet_port_leaves_handshakes_to_the_kernel(lab, family):
    """Frame by frame there is no difference from no synward: SYN, SYN+ACK, ACK; the options are the kernel's."""
    tap = lab.tap(lab.client)

    def opening():
        conn = lab.connection(family)
        conn.start().accept()
        until(lambda: None if lab.client.sockets().get(conn.names) == "ESTABLISHED" else "not established")
        seen = [s for s in tap.segments() if int(conn.names[0].rpartition(":")[2]) in (s.sport, s.dport)][:3]
        echo(conn)
        conn.listener.close()
        return conn, [(s.flags, s.window, kinds(s.options), len(s.data)) for s in seen]

    lab.client.take_xdp()
    without = opening()[1]
    guard(lab, "--cookies", "auto")
    conn, with_guard = opening()
    assert with_guard == without, (with_guard, without)
    conn.states("ESTABLISHED", "ESTABLISHED")
    assert lab.rise("cookies_sent", "cookies_on", "flows_opened") == {
        "cookies_sent": 0, "cookies_on": 0, "flows_opened": 1}
    assert port_status(lab)["sending"] is False and port_status(lab)["listener"] == "listening"


def kinds(options):
    """The options with what does not change from one connection to the next: all but the timestamps' values."""
    found, at = [], 0
    while at < len(options):
        length = 1 if options[at] < 2 else options[at + 1]
        found.append(options[at:at + (2 if options[at] == 8 else length)])
        at += length
    return found


@test(track=False, families=(4, 6))
def fast_open_works_at_a_quiet_port(lab, family):
    """Data in the SYN reaches the server before the handshake is over, as it would without synward."""
    for host in (lab.client, lab.server):
        host.sysctl(net__ipv4__tcp_fastopen=TFO_CLIENT | TFO_SERVER)
    guard(lab, "--cookies", "auto")
    listener = lab.keep(lab.server.listener(family, lab.port))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 23)
    for number in range(3):
        sock = lab.keep(lab.client.client(family))
        sock.setblocking(True)
        sock.sendto(b"in the SYN", socket.MSG_FASTOPEN, (lab.server.address[family], lab.port))
        server = lab.keep(listener.accept()[0])
        server.settimeout(5)
        assert server.recv(100) == b"in the SYN"
        server.sendall(b"answer")
        assert sock.recv(100) == b"answer"
        assert nstat(lab.server, "TcpExtTCPFastOpenPassive") == number  # the first one asks for the cookie
        assert nstat(lab.client, "TcpExtTCPFastOpenActive") == number
    assert lab.rise("cookies_sent") == {"cookies_sent": 0}


@test(track=False, families=(4, 6))
def never_sends_no_cookie_under_any_pressure(lab, family):
    guard(lab, "--cookies", "never", "--high-mark", "1")
    listener = lab.keep(lab.server.listener(family, lab.port, 64))
    puppet = lab.puppet(family)
    fill(lab, puppet, 43)
    assert by_cookie(lab, lab.connection(family, listen=listener)) is False
    assert lab.rise("cookies_sent", "cookies_on") == {"cookies_sent": 0, "cookies_on": 0}
    assert port_status(lab)["sending"] is False


# auto: the marks

def switches_on_at(lab, family, mark, backlog):
    """Up to the mark the kernel gets every SYN; the next one is answered with a cookie."""
    lab.keep(lab.server.listener(family, lab.port, backlog))
    puppet = lab.puppet(family)
    fill(lab, puppet, mark)
    assert lab.rise("cookies_sent", "cookies_on") == {"cookies_sent": 0, "cookies_on": 0}
    assert port_status(lab)["sending"] is False
    spoof(lab, puppet, [30000])
    lab.counts(cookies_sent=1, cookies_on=1)
    until(lambda: None if len(answers(puppet, 30000)) == 1 else f"answers: {answers(puppet, 30000)}")
    status = port_status(lab)
    assert half_open(lab) == mark and status["sending"] is True and status["high_mark"] == mark, status
    spoof(lab, puppet, range(30001, 30023))
    lab.counts(cookies_sent=23, cookies_on=1)
    assert half_open(lab) == mark


@test(track=False, families=(4, 6))
def cookies_begin_exactly_at_the_high_mark(lab, family):
    guard(lab, "--cookies", "auto", "--high-mark", "23")
    switches_on_at(lab, family, 23, 64)


@test(track=False, families=(4, 6))
def cookies_begin_at_three_quarters_of_a_short_backlog(lab, family):
    guard(lab, "--cookies", "auto")
    switches_on_at(lab, family, 12, 16)


@test(track=False)
def pressure_on_one_port_leaves_the_other_quiet(lab):
    other = lab.port + 1
    guard(lab, "--cookies", "auto", "--high-mark", "7", ports=[lab.port, other])
    lab.keep(lab.server.listener(4, lab.port))
    puppet = lab.puppet()
    fill(lab, puppet, 7)
    spoof(lab, puppet, range(30000, 30023))
    lab.counts(cookies_sent=23, cookies_on=1)
    assert by_cookie(lab, lab.connection(port=other)) is False
    assert lab.rise("cookies_sent") == {"cookies_sent": 23}
    assert (port_status(lab)["sending"], port_status(lab, other)["sending"]) == (True, False)
    assert half_open(lab, other) == 0


@test(track=False, families=(4, 6))
def cookies_end_after_the_quiet_time_and_not_before(lab, family):
    """Clients who answer are no pressure: while they come and go the quiet time runs out."""
    quiet = 2
    guard(lab, "--cookies", "auto", "--high-mark", "7", "--quiet-time", f"{quiet}s")
    listener = lab.keep(lab.server.listener(family, lab.port))
    puppet = lab.puppet(family)
    fill(lab, puppet, 7)
    before = time.monotonic()
    spoof(lab, puppet, [30000])
    lab.counts(cookies_on=1)
    after = time.monotonic()
    give_up(lab, puppet, 7)
    cookies = 0
    while True:
        began = time.monotonic()
        if not by_cookie(lab, lab.connection(family, listen=listener)):
            break
        cookies += 1
        assert began < after + quiet + TICK, f"a cookie {began - before:.3f} s after the switch"
    assert time.monotonic() > before + quiet - TICK, f"no cookie {time.monotonic() - before:.3f} s after the switch"
    assert cookies > 1, cookies


@test(track=False)
def cookies_stay_while_the_queue_is_full(lab):
    """The quiet time is over, but the listener could take no more: nothing is switched to and fro."""
    guard(lab, "--cookies", "auto", "--high-mark", "7", "--quiet-time", "500ms")
    listener = lab.keep(lab.server.listener(4, lab.port))
    puppet = lab.puppet()
    fill(lab, puppet, 7)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert by_cookie(lab, lab.connection(listen=listener)) is True
        assert half_open(lab) == 7
    assert lab.rise("cookies_on") == {"cookies_on": 1}
    give_up(lab, puppet, 7)
    until(lambda: "still by cookie" if by_cookie(lab, lab.connection(listen=listener)) else None)


@test(track=False, families=(4, 6))
def pressure_that_goes_on_keeps_cookies_on(lab, family):
    """More unanswered cookies a second than the low mark, and the queue long empty: for four times the quiet time."""
    guard(lab, "--cookies", "auto", "--high-mark", "7", "--low-mark", "23", "--quiet-time", "700ms")
    lab.keep(lab.server.listener(family, lab.port))
    puppet = lab.puppet(family)
    fill(lab, puppet, 7)
    spoof(lab, puppet, [30000])
    lab.counts(cookies_on=1)
    give_up(lab, puppet, 7)
    sent, end = 1, time.monotonic() + 2.8
    with on_one_cpu():  # each counts for itself
        while time.monotonic() < end:
            spoof(lab, puppet, range(30000, 30047))
            sent += 47
            lab.counts(cookies_sent=sent, cookies_on=1)
    assert half_open(lab) == 0


@contextlib.contextmanager
def on_one_cpu():
    """What is sent is received on the same CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


# Handshakes across a switch

@test(track=False, families=(4, 6))
def handshake_of_the_kernels_completes_after_cookies_began(lab, family):
    guard(lab, "--cookies", "auto", "--high-mark", "7")
    listener = lab.keep(lab.server.listener(family, lab.port))
    puppet = lab.puppet(family)
    puppet.send("S", options=puppet.options)
    puppet.receive("SA")
    fill(lab, puppet, 7, first=20001)
    spoof(lab, puppet, [30000])
    lab.counts(cookies_sent=1, cookies_on=1)
    puppet.send("A")
    server = lab.keep(listener.accept()[0])
    server.settimeout(5)
    puppet_echo(puppet, server)
    assert lab.rise("cookies_accepted") == {"cookies_accepted": 0}


@test(track=False, families=(4, 6))
def cookie_is_good_after_cookies_ended(lab, family):
    """auto, on and off again between the SYN+ACK and the ACK of one handshake."""
    guard(lab, "--cookies", "auto", "--high-mark", "7", "--quiet-time", "500ms")
    listener = lab.keep(lab.server.listener(family, lab.port))
    puppet = lab.puppet(family)
    fill(lab, puppet, 7)
    puppet.send("S", options=puppet.options)
    puppet.receive("SA")
    assert lab.rise("cookies_sent") == {"cookies_sent": 1}
    give_up(lab, puppet, 7)
    until(lambda: "cookies are still sent" if by_cookie(lab, lab.connection(family, listen=listener)) else None)
    assert port_status(lab)["sending"] is False
    before = lab.stats()["cookies_accepted"]
    puppet.send("A")
    until(lambda: None if listener_has(lab, puppet) else "not accepted")
    server = accept_from(lab, listener, puppet)
    puppet_echo(puppet, server)
    assert lab.stats()["cookies_accepted"] == before + 1


def listener_has(lab, puppet):
    names = endpoint(puppet.peer, puppet.peer_port), endpoint(puppet.address, puppet.port)
    return lab.server.sockets().get(names) == "ESTABLISHED"


def accept_from(lab, listener, puppet):
    """The socket of the puppet's connection, whoever else connected."""
    while True:
        server, whom = listener.accept()
        lab.keep(server).settimeout(5)
        if whom[:2] == (puppet.address, puppet.port):
            return server


CHANGES = {
    "always": lambda lab: lab.track("--guard", str(lab.port), "--cookies", "always"),
    "auto": lambda lab: lab.track("--guard", str(lab.port), "--cookies", "auto"),
    "never": lambda lab: lab.track("--guard", str(lab.port), "--cookies", "never"),
    "other ports": lambda lab: lab.track("--guard", str(lab.port + 1), "--cookies", "always"),
    "no guard": lambda lab: lab.track(),
    "attach never": lambda lab: lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", "never"),
    "attach no guard": lambda lab: lab.synward("attach", "veth"),
}


@test(track=False, families=(4, 6))
def cookie_is_good_whatever_comes_after_sigkill(lab, family):
    """Sent by `always`, acknowledged under each other mode, without the port, and without guard at all."""
    lab.client.take_xdp()
    listener = lab.keep(lab.server.listener(family, lab.port))
    first = lab.puppet(family)
    for number, (name, change) in enumerate(CHANGES.items()):
        CHANGES["always"](lab)
        puppet = other_puppet(lab, first, 41000 + number)
        lab.mark()
        puppet.send("S", options=puppet.options)
        puppet.receive("SA")
        lab.counts(cookies_sent=1)
        lab.tracker.stop(signal.SIGKILL)
        change(lab)
        puppet.send("A")
        try:
            server = accept_from(lab, listener, puppet)
        except TimeoutError as error:
            raise Failure(f"{name}: {lab.rise('cookies_accepted', 'cookies_rejected', 'stray_passed')}") from error
        puppet_echo(puppet, server)
        lab.counts(cookies_accepted=1)
        lab.tracker.stop(signal.SIGKILL)


@test(track=False, families=(4, 6))
def cookie_of_attach_is_good_under_run_and_after_sighup(lab, family):
    lab.client.take_xdp()
    lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", "always")
    listener = lab.keep(lab.server.listener(family, lab.port))
    first = lab.puppet(family)
    puppets = [other_puppet(lab, first, port) for port in (41000, 41001)]
    for puppet in puppets:
        puppet.send("S", options=puppet.options)
        puppet.receive("SA")
    CHANGES["never"](lab)
    puppets[0].send("A")
    puppet_echo(puppets[0], accept_from(lab, listener, puppets[0]))
    hang_up(lab)
    puppets[1].send("A")
    puppet_echo(puppets[1], accept_from(lab, listener, puppets[1]))
    assert lab.stats()["cookies_accepted"] == 2


def hang_up(lab):
    """SIGHUP, and the settings have been read."""
    before = lab.tracker.text().count("settings read again")
    lab.tracker.process.send_signal(signal.SIGHUP)
    until(lambda: None if lab.tracker.text().count("settings read again") > before else lab.tracker.text())


@test(track=False, families=(4, 6))
def handshake_older_than_the_program_completes(lab, family):
    """SYN and SYN+ACK passed before it was attached."""
    listener = lab.keep(lab.server.listener(family, lab.port))
    puppet = lab.puppet(family)
    puppet.send("S", options=puppet.options)
    puppet.receive("SA")
    guard(lab, "--cookies", "always")
    puppet.send("A")
    puppet_echo(puppet, accept_from(lab, listener, puppet))
    assert lab.rise("cookies_sent", "cookies_accepted", "stray") == {
        "cookies_sent": 0, "cookies_accepted": 0, "stray": 0}


@test(track=False, families=(4, 6))
def kernel_cookie_older_than_the_program_completes(lab, family):
    """The kernel's own cookie, which nothing but the client's ACK knows of."""
    lab.server.sysctl(net__ipv4__tcp_syncookies=2)
    listener = lab.keep(lab.server.listener(family, lab.port))
    puppet = lab.puppet(family)
    puppet.send("S", options=puppet.options)
    puppet.receive("SA")
    assert half_open(lab) == 0
    lab.server.sysctl(net__ipv4__tcp_syncookies=1)
    guard(lab, "--cookies", "always")
    assert by_cookie(lab, lab.connection(family, listen=listener)) is True  # from here on ACKs are checked
    puppet.send("A")
    puppet_echo(puppet, accept_from(lab, listener, puppet))
    assert lab.rise("cookies_accepted", "cookies_rejected") == {"cookies_accepted": 1, "cookies_rejected": 0}


# Connections across a switch

@test(track=False, families=(4, 6))
def connections_survive_every_switch(lab, family):
    """One is opened in each mode; all of them, and those older than the program, go on through every other one."""
    lab.client.take_xdp()
    listener = lab.keep(lab.server.listener(family, lab.port))
    conns = []

    def stage(name, cookie=None):
        for conn in conns:
            echo(conn, name.encode())
        conn = lab.connection(family, listen=listener)
        if cookie is None:
            conn.start().accept()
        else:
            assert by_cookie(lab, conn) is cookie, name
        conns.append(conn)
        echo(conn)

    stage("before")
    CHANGES["always"](lab)
    stage("always", True)
    hang_up(lab)
    stage("SIGHUP", True)
    for name, cookie in (("auto", False), ("never", False), ("always", True), ("other ports", False),
                         ("always", True), ("no guard", False), ("always", True)):
        lab.tracker.stop(signal.SIGKILL)
        stage(f"killed before {name}", json.loads(lab.synward("status", "--json").stdout)[0]["guard"] is not None and
              any(row["sending"] and row["port"] == lab.port for row in
                  json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"]))
        CHANGES[name](lab)
        stage(name, cookie)
    lab.tracker.stop()
    stage("stopped")
    lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", "always")
    stage("attached", True)
    CHANGES["auto"](lab)
    stage("run after attach", False)
    for conn in conns:
        echo(conn)
        conn.client.close()
        assert conn.server.recv(1) == b""
        conn.server.close()
        conn.states("TIME_WAIT", "CLOSED", timeout=5)
