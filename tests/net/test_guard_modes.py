# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""When guard sends cookies and when not: auto, always, never; the switch from one to another with connections under
way; budget, dry run, refused options, and what events and status say of it all."""

import collections
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time

from lab import PATIENCE, SYNWARD, Failure, Skip, endpoint, on_one_cpu, run, test, until
from tcp import Puppet, Segment
from test_commands import NOTHING, hooks, refused

TFO_CLIENT, TFO_SERVER = 1, 2  # net.ipv4.tcp_fastopen
IPPROTO_MPTCP = 262
BPF, KERNEL, NONE = ({"ipv4": way, "ipv6": way} for way in ("bpf", "kernel", "none"))
TICK = 0.02  # s: the data path's coarse clock is late by up to a tick of the kernel's
STRAYS_PER_SECOND = 1000  # include/synward/pressure.h


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


def has(lab, port, count):
    until(lambda: None if half_open(lab, port) == count else f"{half_open(lab, port)} half-open, expected {count}")


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
    has(lab, puppet.peer_port, count)


def give_up(lab, puppet, count, first=20000):
    """What fill() began is reset by its client."""
    for port in range(first, first + count):
        puppet.tap.send(syn(puppet, sport=port, flags="R", seq=puppet.isn + 1, options=b""))
    has(lab, puppet.peer_port, 0)


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
        server.settimeout(PATIENCE)
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
    guard(lab, "--cookies", "auto", "--high-mark", "7", "--low-mark", "23", "--quiet-time", "700ms", "--reply-budget",
          "0")  # all come from one prefix
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
            time.sleep(0.02)  # starts no process meanwhile: on a busy machine that takes longer than the quiet time
    lab.counts(cookies_sent=sent, cookies_on=1)
    assert half_open(lab) == 0


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
    server.settimeout(PATIENCE)
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
        lab.keep(server).settimeout(PATIENCE)
        if whom[:2] == (puppet.address, puppet.port):
            return server


def change(lab, name):
    """Kill the one that runs, if any does, and run it anew with guard like this."""
    words = {"other ports": ["--guard", str(lab.port + 1), "--cookies", "always"], "no guard": []}
    if lab.tracker:
        lab.tracker.stop(signal.SIGKILL)
    lab.track(*words.get(name, ["--guard", str(lab.port), "--cookies", name]))


@test(track=False)
def list_of_sockets_is_forgotten_with_its_daemon(lab):
    """It is kept up only under guard: who attaches next, without a daemon, asks the kernel until one lists them anew."""
    def listed():
        return lab.dump("sw_sockets_now")[0]["value"]

    guard(lab)
    until(lambda: None if listed() else "the sockets are not listed")
    lab.tracker.stop(signal.SIGKILL)
    assert listed()
    lab.synward("attach", "veth")
    assert not listed()
    lab.synward("detach", "veth")


@test(track=False)
def cookie_is_good_whatever_comes_after_sigkill(lab):
    """Sent by `always`, acknowledged under each other mode, without the port, and without guard at all."""
    lab.client.take_xdp()
    listeners = {family: lab.keep(lab.server.listener(family, lab.port)) for family in (4, 6)}
    first = {family: lab.puppet(family) for family in (4, 6)}
    for number, name in enumerate(("auto", "never", "other ports", "no guard")):
        change(lab, "always")
        lab.mark()
        puppets = {family: other_puppet(lab, first[family], 41000 + number) for family in (4, 6)}
        for puppet in puppets.values():
            puppet.send("S", options=puppet.options)
            puppet.receive("SA")
        lab.counts(cookies_sent=2)
        change(lab, name)
        for family, puppet in puppets.items():
            puppet.send("A")
            try:
                server = accept_from(lab, listeners[family], puppet)
            except TimeoutError as error:
                rise = lab.rise("cookies_accepted", "cookies_rejected", "stray", "stray_passed")
                raise Failure(f"{name}: {rise}") from error
            puppet_echo(puppet, server)
        lab.counts(cookies_accepted=2)


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
    change(lab, "never")
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
def what_is_older_than_the_program_is_no_stray(lab, family):
    """Connections and a handshake go on while so many ACKs of nobody come that not one more is passed."""
    listener = lab.keep(lab.server.listener(family, lab.port))
    conns = [lab.connection(family, listen=listener).start().accept() for _ in range(7)]
    puppet = lab.puppet(family)
    puppet.send("S", options=puppet.options)
    puppet.receive("SA")
    with on_one_cpu():  # each counts for itself
        guard(lab, "--cookies", "always")
        sent = 0
        for conn in conns:
            for port in range(20000, 20000 + 2 * STRAYS_PER_SECOND):
                puppet.tap.send(syn(puppet, sport=port, flags="A", ack=12345, options=b""))
            sent += 2 * STRAYS_PER_SECOND
            echo(conn)
        puppet.send("A")
    puppet_echo(puppet, accept_from(lab, listener, puppet))
    rise = lab.rise("stray", "stray_passed", "flows_opened")
    assert rise["stray"] + rise["stray_passed"] == sent and rise["stray"] > STRAYS_PER_SECOND, (rise, sent)
    assert rise["flows_opened"] == len(conns) + 1, rise


SWITCHES = "always", "auto", "never", "always", "other ports", "always", "no guard", "always"


@test(track=False)
def connections_survive_every_switch(lab):
    """Two are opened under each mode; all of them, and those older than the program, go on under every other one."""
    lab.client.take_xdp()
    listeners = {family: lab.keep(lab.server.listener(family, lab.port)) for family in (4, 6)}
    conns = []

    def stage(cookies=None):
        for conn in conns:
            echo(conn)
        for family in (4, 6):
            conn = lab.connection(family, listen=listeners[family])
            if cookies is None:
                conn.start().accept()
            else:
                assert by_cookie(lab, conn) is cookies
            conns.append(conn)
            echo(conn)

    stage()
    for number, name in enumerate(SWITCHES):
        change(lab, name)
        stage(cookies=name == "always")
        if number == 0:
            hang_up(lab)
            stage(cookies=True)
            lab.tracker.stop(signal.SIGKILL)
            stage(cookies=True)
    lab.tracker.stop()
    stage()
    lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", "always")
    stage(cookies=True)
    change(lab, "auto")
    stage(cookies=False)
    for conn in conns:
        echo(conn)
        conn.client.close()
        assert conn.server.recv(1) == b""
        conn.server.close()
        conn.states("TIME_WAIT", "CLOSED")


@test(track=False)
def clients_who_come_while_modes_change_are_served(lab):
    """One after another connects, says its word and hears it, and one transfer goes on, at whatever moment that is."""
    lab.client.take_xdp()
    change(lab, "always")
    echoing(lab)
    lab.mark()
    done, clients = threading.Event(), [Client(lab, family) for family in (4, 6)]
    threads = [threading.Thread(target=client.work, args=(done,)) for client in clients]
    try:
        for thread in threads:
            thread.start()
        for name in (*SWITCHES, "never", "auto"):
            change(lab, name)
            hang_up(lab)
    finally:
        done.set()
        for thread in threads:
            thread.join(20)
    assert not any(client.problems for client in clients), [client.problems[:3] for client in clients]
    assert all(client.made > 23 for client in clients), [client.made for client in clients]
    assert nstat(lab.client, "TcpEstabResets") == nstat(lab.client, "TcpAttemptFails") == 0
    rise = lab.rise("cookies_accepted", "cookies_rejected", "admit_refused")
    assert 0 < rise["cookies_accepted"] < sum(client.made for client in clients), rise
    assert rise["cookies_rejected"] == rise["admit_refused"] == 0, rise


class Client:
    """Opens connections, one after another, beside one that stays."""

    def __init__(self, lab, family):
        self.lab, self.family, self.made, self.problems = lab, family, 0, []
        self.stays = lab.keep(self.connect())

    def connect(self):
        sock = self.lab.client.socket(socket.AF_INET6 if self.family == 6 else socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(PATIENCE)
        sock.connect((self.lab.server.address[self.family], self.lab.port))
        return sock

    def work(self, done):
        while not done.is_set():
            try:
                with self.connect() as sock:
                    self.talk(sock, b"one of many")
                self.talk(self.stays, b"always the same" * 1009)
                self.made += 1
            except Exception as error:  # whatever it is, the test says it
                self.problems.append(f"after {self.made}: {type(error).__name__}: {error}")
                return

    @staticmethod
    def talk(sock, word):
        sock.sendall(word)
        heard = b""
        while len(heard) < len(word):
            part = sock.recv(1 << 16)
            if not part:
                break
            heard += part
        if heard != word:
            raise Failure(f"{len(heard)} of {len(word)} bytes came back")


def echoing(lab):
    """A server at lab.port in both families that says again what it hears."""
    code = ("import socketserver, sys, socket\n"
            "class Echo(socketserver.BaseRequestHandler):\n"
            "    def handle(self):\n"
            "        while data := self.request.recv(1 << 16):\n"
            "            self.request.sendall(data)\n"
            "class Server(socketserver.ThreadingTCPServer):\n"
            "    address_family, daemon_threads, request_queue_size = socket.AF_INET6, True, 64\n"
            f"Server(('::', {lab.port}), Echo).serve_forever()\n")
    lab.server.start([sys.executable, "-c", code])
    until(lambda: None if "LISTEN" in lab.server.sockets().values() else "nobody listens")


# Budget

@test(track=False, families=(4, 6))
def reply_budget_bounds_what_one_prefix_gets(lab, family):
    """1009 SYNs of one prefix at once: a quarter of a second's hundred answers, as many again by chance, the others
    evenly; its neighbour has its own."""
    guard(lab, "--cookies", "always", "--reply-budget", "100")
    listener = lab.keep(lab.server.listener(family, lab.port))
    puppet = lab.puppet(family)
    frames = [puppet.tap.frame(syn(puppet, src=source, sport=20000 + number))
              for number, source in enumerate(sources(family, 1, 1009))]
    before = time.monotonic()
    for frame in frames:
        puppet.tap.send_frame(frame)
    until(lambda: None if sum(lab.rise("cookies_sent", "over_budget").values()) == 1009 else "not all seen")
    most = 51 + 100 * (time.monotonic() - before + TICK)
    rise = lab.rise("cookies_sent", "over_budget")
    assert 25 <= rise["cookies_sent"] <= most and rise["cookies_sent"] < 1009, (rise, most)
    others = list(sources(family, 2, 23))
    for number, source in enumerate(others):
        puppet.tap.send(syn(puppet, src=source, sport=20000 + number))
    lab.counts(cookies_sent=rise["cookies_sent"] + 23, over_budget=rise["over_budget"])
    until(lambda: None if len(replies_to(puppet, others)) == 23 else f"{len(replies_to(puppet, others))} of 23 answers")
    assert by_cookie(lab, lab.connection(family, listen=listener)) is True


def sources(family, network, count):
    """Addresses of one /24 or /64; more than 256 of a /24 repeat."""
    for number in range(count):
        yield f"10.99.{network}.{number % 256}" if family == 4 else f"2001:db8:0:{network}::{number + 1:x}"


def replies_to(puppet, whom):
    return [segment for segment in puppet.tap.segments() if set(segment.flags) == set("SA") and segment.dst in whom]


# Dry run

@test(track=False, families=(4, 6))
def dry_run_drops_and_alters_nothing(lab, family):
    """Every frame gets what it gets without synward, those that guard would answer or drop included."""
    lab.client.take_xdp()
    lab.server.sysctl(net__ipv4__tcp_invalid_ratelimit=0)
    puppet = lab.puppet(family)
    lab.keep(lab.server.listener(family, lab.port))
    without = exchange(puppet, 20000)
    with on_one_cpu():
        guard(lab, "--cookies", "always", "--reply-budget", "1", "--dry-run")
        with_dry_run = exchange(puppet, 40000)
    assert with_dry_run == without, (with_dry_run, without)
    rise = lab.rise("dry_run_replies", "dry_run_drops", "cookies_sent", "over_budget", "stray")
    assert rise["dry_run_replies"] == 23, rise
    assert rise["dry_run_drops"] >= 1009, rise  # at most STRAYS_PER_SECOND a second are nobody's business
    assert rise["cookies_sent"] == rise["over_budget"] == rise["stray"] == 0, rise
    assert json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["dry_run"] is True
    assert "dry run" in lab.synward("status").stdout


def exchange(puppet, first):
    """Send all kinds of segments to a listener; how many came back, by their flags. What the kernel sends again counts
    once."""
    puppet.tap.segments().clear()
    sent = {"S": 23, "A": 2 * STRAYS_PER_SECOND + 1009, "FA": 29, "PA": 31, "SA": 37, "F": 41, "R": 43}
    port = first
    for flags, count in sent.items():
        for _ in range(count):
            port += 1
            puppet.tap.send(syn(puppet, flags=flags, sport=port, ack=12345 if "A" in flags else 0, options=b""))
    wanted = {"SA": sent["S"], "R": sum(sent[flags] for flags in ("A", "FA", "PA", "SA"))}

    def back():
        answered = {(segment.flags, segment.dport) for segment in puppet.tap.segments()
                    if segment.src == puppet.peer and first < segment.dport <= port}
        return dict(collections.Counter(flags for flags, _ in answered))

    until(lambda: None if back() == wanted else f"{back()}, expected {wanted}")
    return back()


# What it says

@contextlib.contextmanager
def events(lab, *words):
    """A function that reads what `synward events` has printed."""
    with tempfile.TemporaryFile("w+") as output:
        process = lab.server.start([SYNWARD, "events", *words], stdout=output)
        until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
        yield lambda: os.pread(output.fileno(), 1 << 20, 0).decode().splitlines()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


@test(track=False)
def events_tell_when_cookies_begin_and_end(lab):
    guard(lab, "--cookies", "auto", "--high-mark", "7", "--quiet-time", "500ms", ports=[lab.port, lab.port + 1])
    listener = lab.keep(lab.server.listener(4, lab.port))
    puppet = lab.puppet()

    def on_and_off():
        fill(lab, puppet, 7)
        spoof(lab, puppet, [30000])
        lab.counts(cookies_on=1)
        give_up(lab, puppet, 7)
        until(lambda: "still by cookie" if by_cookie(lab, lab.connection(listen=listener)) else None)
        lab.mark()

    with events(lab, "--json") as lines:
        began = time.time()
        on_and_off()

        def switches():
            return [event for event in map(json.loads, lines()) if event["cause"].startswith("cookies_")]

        until(lambda: None if len(switches()) == 2 else f"{switches()}")
        on, off = switches()
        assert [(e["type"], e["cause"], e["port"]) for e in (on, off)] == [
            ("event", "cookies_on", lab.port), ("event", "cookies_off", lab.port)], (on, off)
        assert began - TICK < on["ts"] < off["ts"] - 0.5 + TICK < time.time(), (began, on, off)
    with events(lab) as lines:
        on_and_off()

        def said():
            return [line.partition(" ")[2] for line in lines() if f"port {lab.port}:" in line]

        until(lambda: None if len(said()) == 2 else f"{said()}")
        assert "under pressure" in said()[0] and "quiet" in said()[1], said()


@test(track=False)
def status_tells_mode_pressure_listener_and_admission_of_each_port(lab):
    nobody, plain, multipath = lab.port, lab.port + 1, lab.port + 2
    guard(lab, "--cookies", "auto", "--high-mark", "7", ports=[nobody, plain, multipath])
    before = [port_status(lab, port) for port in (nobody, plain, multipath)]
    assert [row["listener"] for row in before] == ["no SYN yet"] * 3, before
    assert [(row["cookies"], row["sending"], row["admission"]) for row in before] == [("auto", False, BPF)] * 3
    lab.connection(port=nobody, listen=None).start()
    lab.keep(lab.server.listener(4, plain, 64))
    puppet = lab.puppet()
    puppet.peer_port = plain
    fill(lab, puppet, 7)
    spoof(lab, puppet, [30000])
    until(lambda: None if port_status(lab, nobody)["listener"] == "none" else port_status(lab, nobody))
    until(lambda: None if port_status(lab, plain)["sending"] else port_status(lab, plain))
    row = port_status(lab, plain)
    assert {key: row[key] for key in ("cookies", "listener", "half_open", "backlog", "high_mark")} == {
        "cookies": "auto", "listener": "listening", "half_open": 7, "backlog": 64, "high_mark": 7}, row
    row = port_status(lab, nobody)
    assert (row["sending"], row["admission"]) == (False, NONE), row  # nobody to admit anything to
    text = lab.synward("status").stdout.splitlines()
    row = next(f"{line} {below.strip()}" for line, below in zip(text, text[1:]) if f"port {plain} " in line)
    assert all(word in row for word in ("auto", "sends cookies", "listening", "bpf", "half-open 7")), row
    row = next(line for line in text if f"port {nobody} " in line)
    assert all(word in row for word in ("auto", "no cookies", "listener: none")), row
    assert max(map(len, text)) <= 100, text
    see_multipath(lab, multipath)


def see_multipath(lab, port):
    """MPTCP listeners are not admitted by our cookie: with tcp_syncookies=2 by the kernel's, else not at all."""
    listener = lab.keep(multipath_listener(lab, port))
    for syncookies, admission in ((1, NONE), (2, KERNEL)):
        lab.server.sysctl(net__ipv4__tcp_syncookies=syncookies)
        hang_up(lab)
        lab.connection(port=port, listen=listener).start().accept()
        until(lambda: None if port_status(lab, port)["listener"] == "listening (MPTCP)" else port_status(lab, port))
        assert port_status(lab, port)["admission"] == admission, port_status(lab, port)
        assert max(map(len, lab.synward("status").stdout.splitlines())) <= 100, lab.synward("status").stdout


def multipath_listener(lab, port):
    try:
        sock = lab.server.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError as error:
        raise Skip(f"all but MPTCP was right; this kernel has none: {error}") from error
    sock.bind((lab.server.address[4], port))
    sock.listen()
    sock.settimeout(PATIENCE)
    return sock


@test(track=False)
def status_names_each_mode(lab):
    for mode, sending in (("always", True), ("never", False), ("auto", False)):
        lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", mode)
        row = port_status(lab)
        assert (row["cookies"], row["sending"]) == (mode, sending), row
        assert f"port {lab.port}  {mode}" in lab.synward("status").stdout, lab.synward("status").stdout


# Refusals

@test(track=False)
def wrong_guard_options_are_refused_in_one_line(lab):
    many = ",".join(str(port) for port in range(1, 258))
    for words, echo in (
            (["--guard", "0"], ["0", "65535"]), (["--guard", "70000"], ["70000", "65535"]),
            (["--guard", "80,,443"], ["--guard", '""']), (["--guard", ""], ["--guard"]),
            (["--guard", "80,"], ["--guard"]),
            (["--guard", "http"], ["http"]), (["--guard", "90-80"], ["90", "80"]),
            (["--guard", "localhost:80"], ["localhost", "192.0.2.1"]), (["--guard", "10.0.0.1/8:80"], ["10.0.0.1/8"]),
            (["--guard", "2001:db8::1:80"], ["2001:db8::1", "brackets"]), (["--guard", many], ["256"]),
            (["--guard"], ["--guard"]), (["--guard", "80", "--cookies", "maybe"], ["maybe", "auto, always or never"]),
            (["--guard", "80", "--cookies", ""], ["--cookies"]), (["--guard", "80", "--admission", "magic"], ["magic"]),
            (["--guard", "80", "--reply-budget", "-1"], ["-1"]), (["--guard", "80", "--high-mark", "0"], ["0"]),
            (["--guard", "80", "--low-mark", "x"], ["x"]), (["--guard", "80", "--quiet-time", "1ms"], ["1ms"]),
            (["--guard", "80", "--quiet-time", "soon"], ["soon"])):
        for command in ("run", "attach"):
            refused(lab.synward(command, "veth", *words, check=False), 2, *echo)
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def what_guard_cannot_have_is_refused_in_one_line(lab):
    """Right words, but not here: nothing is left behind, and what ran before goes on."""
    lab.server.sysctl(net__ipv4__tcp_syncookies=0)
    lines = lab.synward("run", "veth", "--guard", "80", check=False)
    refused(lines, 1, "tcp_syncookies")
    assert hooks(lab.server) == NOTHING, hooks(lab.server)
    lab.server.sysctl(net__ipv4__tcp_syncookies=1)
    refused(lab.synward("run", "veth", "--guard", "80", "--admission", "kernel", check=False), 1, "tcp_syncookies=2")
    assert hooks(lab.server) == NOTHING, hooks(lab.server)
    lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", "always")
    before, status = hooks(lab.server), port_status(lab)
    refused(lab.synward("attach", "veth", "--guard", "80", "--admission", "kernel", check=False), 1, "tcp_syncookies=2")
    assert (hooks(lab.server), port_status(lab)) == (before, status), (hooks(lab.server), port_status(lab))
    lab.client.take_xdp()
    assert by_cookie(lab, lab.connection()) is True


@test(track=False)
def ports_may_number_256(lab):
    lab.client.take_xdp()
    lab.track("--guard", ",".join(str(port) for port in range(lab.port, lab.port + 256)), "--cookies", "always")
    assert len(json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"]) == 256
    for port in (lab.port, lab.port + 255):
        assert by_cookie(lab, lab.connection(port=port)) is True
    assert by_cookie(lab, lab.connection(port=lab.port + 256)) is False
