# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Guard's safety net: where its cookies lose connections, for whatever reason, the port falls back, and is tried again.
What is on the host comes after `synward attach`, which has no daemon to find it: guard learns of it by its losses alone.
The kernel serves every one of these clients."""

import contextlib
import ctypes
import ipaddress
import json
import os
import signal
import socket
import struct
import tempfile
import threading
import time

import tcx
from lab import SYNWARD, Skip, reset, test, until
from siege import FLOOD
from test_guard_nat import call_netfilter, put_into_bridge

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
LOST_AT_MOST = 11  # fewer than a dozen, on all the way from guard's cookies to none


class Service:
    """Listens, and answers each question, or does what else it is told with each connection."""

    def __init__(self, lab, family, port=None, backlog=64, transparent=False, serve=None):
        self.listener = lab.server.socket(FAMILY[family], socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if transparent:
            self.listener.setsockopt(socket.SOL_IP, socket.IP_TRANSPARENT, 1)
        self.listener.bind((lab.server.address[family], port or lab.port))
        self.listener.listen(backlog)
        self.serve = serve or self.answer
        self.kept = []
        threading.Thread(target=self.work, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.kept:
            sock.close()

    def work(self):
        with contextlib.suppress(OSError):
            while True:
                sock = self.listener.accept()[0]
                self.kept.append(sock)
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    @staticmethod
    def answer(sock):
        with contextlib.suppress(OSError):
            while sock.recv(100):
                sock.sendall(b"answer")


def ask(lab, family, patience=3, address=None):
    """One client; True if it was answered."""
    with lab.client.socket(FAMILY[family], socket.SOCK_STREAM) as client:
        client.settimeout(patience)
        try:
            if address:
                client.bind((address, 0))
            client.connect((lab.server.address[family], lab.port))
            client.sendall(b"question")
            return client.recv(100) == b"answer"
        except OSError:
            return False


def crowd(lab, family, count, every):
    """So many clients, one each so many seconds, whatever becomes of those before. In their order: was it served?"""
    served = [None] * count

    def one(number):
        served[number] = ask(lab, family)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
        time.sleep(every)
    for thread in threads:
        thread.join()
    return served


def attach(lab, *options, cookies="always"):
    lab.client.take_xdp()
    lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", cookies, *options)
    lab.mark()


def port_status(lab):
    return json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"][0]


def stand(lab, family):
    return port_status(lab)["retreat"][f"ipv{family}"]["stand"]


# What is on the host, and the kernel serves its clients all the same. Each undoes what it has done.

def legacy(family):
    return "iptables-legacy" if family == 4 else "ip6tables-legacy"


def wash(lab, family):
    """Ordinary requests, in the memory that guard's will have. NAT's hook leaves alone what a transparent listener's
    request has left there: the kernel sets no_srccheck (inet_sk_transparent()) of its own requests only."""
    with Service(lab, family, lab.port + 1):
        for _ in range(60):
            with lab.client.socket(FAMILY[family], socket.SOCK_STREAM) as client:
                client.connect((lab.server.address[family], lab.port + 1))


@contextlib.contextmanager
def nat(lab, family):
    wash(lab, family)
    table = f"{'ip' if family == 4 else 'ip6'} n"
    lab.server.nft(f"table {table} {{ chain p {{ type nat hook prerouting priority -100; "
                   'iifname "nothing" tcp dport 1 redirect to :2; }\n}')
    yield
    lab.server.nft(f"delete table {table}")


@contextlib.contextmanager
def new_without_syn(lab, family):
    """No RST: silence."""
    rule = "INPUT -p tcp ! --syn -m conntrack --ctstate NEW -j DROP"
    lab.server.run(f"{legacy(family)} -A {rule}")
    yield
    lab.server.run(f"{legacy(family)} -D {rule}")


@contextlib.contextmanager
def tproxy(lab, family):
    """To a proxy on the next port. The guarded one has a listener, too."""
    rule = f"PREROUTING -p tcp --dport {lab.port} -j TPROXY --on-port {lab.port + 1} --tproxy-mark 1"
    for words in ("rule add fwmark 1 lookup 100", "route add local default dev lo table 100"):
        lab.server.run(f"ip -{family} {words}")
    lab.server.run(f"{legacy(family)} -t mangle -A {rule}")
    with Service(lab, family, lab.port + 1, transparent=True):
        yield
    lab.server.run(f"{legacy(family)} -t mangle -D {rule}")


@contextlib.contextmanager
def redirect(lab, family):
    """To a server on the next port. The guarded one has a listener, too."""
    rule = f"PREROUTING -p tcp --dport {lab.port} -j REDIRECT --to-ports {lab.port + 1}"
    wash(lab, family)
    lab.server.run(f"{legacy(family)} -t nat -A {rule}")
    with Service(lab, family, lab.port + 1):
        yield
    lab.server.run(f"{legacy(family)} -t nat -D {rule}")


@contextlib.contextmanager
def netfilter_on_the_bridge(lab, family):
    wash(lab, family)
    call_netfilter(lab.server, int(family == 4), int(family == 6))
    yield
    call_netfilter(lab.server, 0, 0)


@contextlib.contextmanager
def stranger_before_us(lab, _family):
    """Somebody's program at tc is done with every packet, before guard's."""
    prog = tcx.load("stranger", tcx.PASS)
    tcx.attach(lab.server, "ingress", prog, tcx.BEFORE)
    yield
    tcx.detach(lab.server, "ingress", prog)
    os.close(prog)


@contextlib.contextmanager
def admit_gone(lab, _family):
    """Somebody has taken guard's program off its hook at tc."""
    number = next(number for number in tcx.ids(lab.server, "ingress") if tcx.name(number) == "synward_admit")
    prog = tcx.descriptor(number)
    tcx.detach(lab.server, "ingress", prog)
    yield
    tcx.attach(lab.server, "ingress", prog)
    os.close(prog)


@contextlib.contextmanager
def other_way_out(lab, family):
    """What the server says goes another way than what it hears."""
    client, server = lab.client, lab.server
    server.run(f"ip link add other type veth peer name other netns {client.name}")
    for host in (client, server):
        host.run("ip link set other up")
    client.sysctl(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__other__rp_filter=0)
    mac = json.loads(client.run("ip -j link show other").stdout)[0]["address"]
    server.run(f"ip -{family} neigh replace {client.address[family]} lladdr {mac} dev other nud permanent")
    server.run(f"ip -{family} route add {client.address[family]} dev other src {server.address[family]}")
    yield
    server.run("ip link del other")


# What, net.ipv4.tcp_syncookies, and where the port stands in the end
ENDS = {4: ((nat, 2, "kernel"), (new_without_syn, 1, "off"), (tproxy, 1, "off"), (redirect, 2, "off")),
        6: ((nat, 1, "off"), (new_without_syn, 2, "off"), (admit_gone, 1, "off"), (stranger_before_us, 1, "off"))}


def lost_until(served):
    """How many clients there were up to the last that was lost; one was."""
    return len(served) - served[::-1].index(False)


def ends(lab, family, situation, syncookies, end):
    """It costs a few clients, and then the port is there."""
    lab.server.sysctl(net__ipv4__tcp_syncookies=syncookies)
    attach(lab)
    with Service(lab, family):
        assert all(crowd(lab, family, 3, 0)), f"{situation.__name__}: guard serves nobody"
        with situation(lab, family):
            served = crowd(lab, family, 30, 0.05)
        until_then = lost_until(served)
        what = f"{situation.__name__}: {''.join('.X'[not one] for one in served)} {port_status(lab)} {lab.stats()}"
        assert until_then <= LOST_AT_MOST, what
        assert stand(lab, family) == end and stand(lab, 10 - family) == "guard", what
        way = ["kernel", "off"] if syncookies == 2 and end == "off" else [end]
        rise = lab.rise("cookies_sent", "retreats", "lost", "syn_retreated")
        assert rise["retreats"] == len(way) and rise["lost"], what
        assert (rise["syn_retreated"] == 30 - until_then) == (end == "off"), what
        assert (rise["cookies_sent"] == 33) == (end == "kernel"), what


@test(track=False, families=(4, 6))
def what_loses_connections_costs_less_than_a_dozen_clients(lab, family):
    for situation in ENDS[family]:
        ends(lab, family, *situation)


@test(track=False)
def netfilter_on_a_bridge_costs_less_than_a_dozen_clients(lab):
    put_into_bridge(lab.server)
    call_netfilter(lab.server, 0, 0)
    ends(lab, 4, netfilter_on_the_bridge, 2, "kernel")
    ends(lab, 6, netfilter_on_the_bridge, 1, "off")


def lines(file):
    return [json.loads(line) for line in os.pread(file.fileno(), 1 << 20, 0).splitlines()]


@test(track=False)
def guard_comes_back_with_one_connection_and_all_is_told(lab):
    """Rules of iptables-legacy are not found by a daemon either."""
    lab.client.take_xdp()
    lab.track("--guard", str(lab.port), "--cookies", "always", "--admission", "bpf")
    with tempfile.TemporaryFile("w+") as output, Service(lab, 4):
        reader = lab.server.start([SYNWARD, "events", "--json"], stdout=output)
        until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
        with new_without_syn(lab, 4):
            crowd(lab, 4, 8, 0.1)
            until(lambda: None if "port 1000, IPv4: connections are lost, all is left to the kernel"
                  in lab.tracker.text().replace(str(lab.port), "1000") else lab.tracker.text())
            status = lab.synward("status").stdout
            assert "IPv4: connections are lost, all is left to the kernel; tried again in" in status, status
            assert max(map(len, status.splitlines())) <= 100, status
            retreat = port_status(lab)["retreat"]
            assert retreat["ipv4"]["lost"] and retreat["ipv6"]["lost"] == 0, retreat
            assert 0 < retreat["ipv4"]["again"] <= 5 and port_status(lab)["admission"] == {"ipv4": "none", "ipv6": "bpf"}
        lab.mark()
        until(lambda: None if ask(lab, 4) and stand(lab, 4) == "guard" else f"{port_status(lab)}")
        assert lab.rise("cookies_sent", "lost") == {"cookies_sent": 1, "lost": 0}, lab.stats()
        assert all(crowd(lab, 4, 5, 0))
        lab.counts(cookies_sent=6, lost=0)
        assert lab.rise("admitted")["admitted"] >= 6, lab.stats()  # some of those lost before send again
        reader.send_signal(signal.SIGINT)
        reader.wait()
        told = [{key: event[key] for key in event if key not in ("ts", "event")} for event in lines(output)
                if event["cause"] == "retreat"]
        assert told == [{"type": "event", "cause": "retreat", "port": lab.port, "family": "IPv4", "stand": stand}
                        for stand in ("off", "guard")], told
    until(lambda: None if "IPv4: connections are served again, guard is back" in lab.tracker.text() else lab.tracker.text())


@test(track=False, families=(4, 6))
def proxy_serves_what_guard_s_own_cookies_lose(lab, family):
    """A daemon loads it when the port has fallen back; it may be there in time for those who would have been lost, too.
    It is left where it serves. Where it can't either, the port falls back from it, too."""
    lab.client.take_xdp()
    lab.track("--guard", str(lab.port), "--cookies", "always")
    lab.mark()
    with Service(lab, family), new_without_syn(lab, family):
        served = crowd(lab, family, 10, 0.05)
        assert lab.rise("retreats", "lost")["retreats"] and served.count(False) <= LOST_AT_MOST, (served, lab.stats())
        until(lambda: None if ask(lab, family) and stand(lab, family) == "proxy" else f"{port_status(lab)}", 20)
        assert port_status(lab)["admission"][f"ipv{family}"] == "proxy", port_status(lab)
        assert "connections were lost, and are served by proxy" in lab.synward("status").stdout
        lab.mark()
        assert all(crowd(lab, family, 11, 0))
        lab.counts(cookies_sent=11, lost=0, syn_retreated=0)
        assert min(lab.rise("proxied", "admitted").values()) >= 11, lab.stats()
        with other_way_out(lab, family):
            served = crowd(lab, family, 12, 0.05)
            assert lab.rise("retreats")["retreats"] == 1 and stand(lab, family) == "off", port_status(lab)
        assert lost_until(served) <= LOST_AT_MOST, (served, lab.stats())
        assert stand(lab, 10 - family) == "guard", port_status(lab)


@test(track=False)
def trial_that_is_lost_costs_one_client_and_waits_longer(lab):
    attach(lab)
    with Service(lab, 4), nat(lab, 4):
        crowd(lab, 4, 6, 0.05)
        assert stand(lab, 4) == "off", port_status(lab)
        lab.mark()
        until(lambda: None if not ask(lab, 4) else "no trial")
        lab.counts(cookies_sent=1, lost=1)
        again = port_status(lab)["retreat"]["ipv4"]["again"]
        assert 15 < again <= 20, again
        assert all(crowd(lab, 4, 10, 0.02))
        lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", "always")
        assert port_status(lab)["admission"]["ipv4"] == "proxy" and stand(lab, 4) == "guard", f"NAT is found now: {port_status(lab)}"


@test(track=False)
def flood_keeps_guard_neither_from_falling_back_nor_from_coming_back(lab):
    if not os.path.exists(FLOOD):
        raise Skip(f"{FLOOD} is not built: make {os.path.relpath(FLOOD)}")
    lab.server.run("ip route add default via 10.99.0.1")  # else no kernel answers what is spoofed
    attach(lab, cookies="auto")
    with Service(lab, 4):
        flood = lab.client.start([FLOOD, "-r", 2000, "veth", lab.server.address[4], lab.port, 60000, "S"])
        until(lambda: None if lab.rise("cookies_sent")["cookies_sent"] > 1000 else "no pressure")
        assert all(crowd(lab, 4, 5, 0.05))
        with nat(lab, 4):
            served = crowd(lab, 4, 20, 0.1)
            assert 0 < served.count(False) <= LOST_AT_MOST and all(served[-5:]), served
            assert stand(lab, 4) == "off", port_status(lab)
        until(lambda: None if ask(lab, 4) and stand(lab, 4) == "guard" else f"{port_status(lab)}")
        lab.mark()
        assert all(crowd(lab, 4, 5, 0.05))
        assert flood.poll() is None, "the flood is over"
        assert lab.rise("cookies_accepted")["cookies_accepted"] == 5, lab.stats()


# Clients that the host bars

BARRED = {4: "10.99.0.66", 6: "fd00:98::66"}


@contextlib.contextmanager
def barred_by_the_listener(lab, family, service):
    """Its filter (SO_ATTACH_FILTER) drops what comes from one host: accept if the last word of the source is another."""
    last = int(ipaddress.ip_address(BARRED[family])) & 0xFFFFFFFF
    at = 0xFFF00000 + (12 if family == 4 else 20)  # SKF_NET_OFF
    code = ((0x20, 0, 0, at), (0x15, 0, 1, last), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
    filters = b"".join(struct.pack("HBBI", *one) for one in code)
    room = ctypes.create_string_buffer(filters)
    service.listener.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HxxxxxxP", len(code), ctypes.addressof(room)))
    yield False
    service.listener.setsockopt(socket.SOL_SOCKET, 27, 0)


@contextlib.contextmanager
def barred_by_rule(lab, family, rule, served):
    rule = f"INPUT -s {BARRED[family]} -p tcp {rule}"
    lab.server.run(f"{legacy(family)} -A {rule}")
    yield served
    lab.server.run(f"{legacy(family)} -D {rule}")


def barred_by_a_firewall(lab, family, _service):
    """With a RST without ACK."""
    return barred_by_rule(lab, family, "-j REJECT --reject-with tcp-reset", False)


def barred_but_for_its_syn(lab, family, _service):
    """The kernel alone serves it."""
    return barred_by_rule(lab, family, "! --syn -m conntrack --ctstate NEW -j DROP", True)


@test(track=False, families=(4, 6), own=True)
def client_that_the_host_bars_makes_no_port_fall_back(lab, family):
    lab.client.run(f"ip addr add {BARRED[family]}/{32 if family == 4 else 128} dev veth")
    lab.server.run(f"ip -{family} route add {BARRED[family]} via {lab.client.address[family]}")
    for bar in (barred_by_the_listener, barred_by_a_firewall, barred_but_for_its_syn):
        attach(lab)
        with Service(lab, family) as service, bar(lab, family, service) as served:
            for turn in range(8):
                ask(lab, family, 0.2, BARRED[family])
                assert ask(lab, family), f"{bar.__name__}, turn {turn}: {port_status(lab)} {lab.stats()}"
            assert ask(lab, family, 0.5, BARRED[family]) == served, f"{bar.__name__}: {port_status(lab)} {lab.stats()}"
        rise = lab.rise("retreats", "syn_lost_before", "cookies_accepted")
        assert rise["retreats"] == 0 and rise["syn_lost_before"], f"{bar.__name__}: {rise} {port_status(lab)}"


@test(track=False, own=True)
def four_whom_the_host_bars_may_come_in_a_row(lab):
    barred = [f"10.99.0.{number}" for number in range(64, 68)]
    for address in barred:
        lab.client.run(f"ip addr add {address}/32 dev veth")
    lab.server.run(f"ip route add 10.99.0.64/30 via {lab.client.address[4]}")
    lab.server.run("iptables-legacy -A INPUT -s 10.99.0.64/30 -p tcp -j REJECT --reject-with tcp-reset")
    attach(lab)
    with Service(lab, 4):
        assert not any(ask(lab, 4, 1, address) for address in barred)
        lab.counts(lost=4, retreats=0)
        assert ask(lab, 4) and stand(lab, 4) == "guard", port_status(lab)
        assert not any(ask(lab, 4, 1, address) for address in barred)
        lab.counts(lost=4, syn_lost_before=4)


# Servers and clients with ways of their own

def mute(sock):
    """Reads nothing and says nothing."""


def reset_at_once(sock):
    reset(sock)


def reset_in_turn(sock):
    if sock.recv(100):
        sock.sendall(b"answer")
        reset(sock)


def connect(lab, family, say=b""):
    client = lab.client.socket(FAMILY[family], socket.SOCK_STREAM)
    client.settimeout(3)
    with contextlib.suppress(ConnectionError):  # it may be reset by then
        client.connect((lab.server.address[family], lab.port))
        client.sendall(say)
    return client


def listened_to(lab, family, serve, say=b"", backlog=64, count=12):
    """Clients of such a server, and more than a second later one more, whose SYN looks after the others."""
    with Service(lab, family, serve=serve, backlog=backlog):
        clients = [connect(lab, family, say) for _ in range(count)]
        time.sleep(1.1)
        clients.append(connect(lab, family))
        for client in clients:
            client.close()


def unaccepted(lab, family, count=40):
    """Real clients, until the accept queue is full and the kernel says nothing to those who come."""
    listener = lab.server.listener(family, lab.port, 4)
    clients = [lab.client.client(family) for _ in range(count)]
    for client in clients:
        client.connect_ex((lab.server.address[family], lab.port))
    time.sleep(1.1)
    clients.append(lab.client.client(family))
    clients[-1].connect_ex((lab.server.address[family], lab.port))
    for sock in (*clients, listener):
        sock.close()


@test(track=False, families=(4, 6))
def servers_and_clients_of_their_own_ways_are_no_losses(lab, family):
    attach(lab)
    for serve in (mute, reset_at_once, reset_in_turn):
        for say in (b"", b"question"):
            listened_to(lab, family, serve, say)
    with Service(lab, family, serve=mute):  # clients that reset
        for _ in range(12):
            reset(connect(lab, family))
    assert lab.rise("lost", "retreats") == {"lost": 0, "retreats": 0}, port_status(lab)
    unaccepted(lab, family)  # the host says so, too, once the listener is closed; but they are no losses of guard's
    with Service(lab, family):
        assert all(crowd(lab, family, 5, 0))
    assert lab.rise("retreats", "syn_retreated") == {"retreats": 0, "syn_retreated": 0}, port_status(lab)
    assert stand(lab, family) == "guard", port_status(lab)


@test(track=False)
def mute_connections_are_admitted_once_somebody_asks(lab):
    """Neither end says anything: the next SYN looks for their sockets."""
    attach(lab)
    with Service(lab, 4, serve=mute):
        clients = [connect(lab, 4) for _ in range(5)]
        lab.counts(cookies_accepted=5, admitted=0)
        time.sleep(0.1)
        clients.append(connect(lab, 4))
        lab.counts(cookies_accepted=6, admitted=5, lost=0)
        for client in clients:
            client.close()
