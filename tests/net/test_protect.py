# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Protect: cookies for services that are not this host's, by proxy. They are on hosts of their own, behind a router, a
bridge's port, a macvlan or DNAT, and know nothing of it; what they and their clients get from the kernel alone, they get
with it.

    client veth ── left  router  right ── veth server                (router)
    client veth ── veth  server  guest ── veth guest                 (bridge, container)
"""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import threading
import time

from lab import Host, PATIENCE, Skip, TcpInfo, exchange, pass_program, run, ss_info, test, until
from siege import FLOOD
from test_guard_host import batch, serve_each
from test_guard_nat import FAMILY
from test_guard_options import tagged
from test_proxy import SYN, give_up

CLIENTS = 20
BOTH = (4, 6)
LAYOUT = 8  # where struct sw_config has it


# The places where a service is

def knows(host, link, other, address):
    batch(host, *(f"neigh replace {address[family]} lladdr {other} dev {link} nud permanent" for family in BOTH))


class Router(Host):
    """Between the lab's two hosts, in place of their wire: one network on its left, and one on its right. What passes
    between it and the client may pass by another host's `near` and `far`."""

    def __init__(self, lab, between=None):
        super().__init__(f"{lab.name}-r", 3)
        run(["ip", "netns", "add", self.name])
        lab.client.run("ip link del veth")
        self.between = between
        self.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
        for host, link, network in ((lab.client, "left", 1), (lab.server, "right", 2)):
            host.address = {4: f"10.99.{network}.{host.number}", 6: f"fd00:99:{network}::{host.number}"}
            self.join(host, link, {4: f"10.99.{network}.254", 6: f"fd00:99:{network}::254"})

    def join(self, host, link, own):
        near, far = ("near", "far") if link == "left" and self.between else (link, None)
        run(["ip", "link", "add", "veth", "netns", host.name, "address", host.mac.hex(":"), "type", "veth",
             "peer", "name", near, "netns", self.between.name if far else self.name])
        if far:
            run(["ip", "link", "add", link, "netns", self.name, "type", "veth", "peer", "name", far,
                 "netns", self.between.name])
        mac = self.run(["cat", f"/sys/class/net/{link}/address"]).stdout.strip()
        for end, name, address in ((host, "veth", host.address), (self, link, own)):
            batch(end, f"addr add {address[4]}/24 dev {name}", f"addr add {address[6]}/64 dev {name} nodad",
                  f"link set {name} up")
        knows(self, link, host.mac.hex(":"), host.address)
        knows(host, "veth", mac, own)
        batch(host, f"route add default via {own[4]}", f"route add ::/0 via {own[6]}")


def serve(lab, host, family, backlog=64):
    """Whoever asks there is answered. The address and port where."""
    def answer(sock):
        sock.settimeout(3)
        if sock.recv(100) == b"question":
            sock.sendall(b"answer")

    serve_each(lab, host, host.address[family], family, backlog, answer)
    return host.address[family], lab.port


def served(lab, where, count=CLIENTS):
    """Of so many clients, one after another, those who got their answer."""
    answered = 0
    for number in range(count):
        if number - answered == 3:
            break  # it takes its time
        with lab.client.socket(FAMILY[6 if ":" in where[0] else 4], socket.SOCK_STREAM) as client, \
                contextlib.suppress(OSError):
            client.settimeout(3)
            client.connect(where)
            client.sendall(b"question")
            answered += client.recv(100) == b"answer"
    return answered


def guest_of(lab):
    """A host whose wire ends in the server, as `guest`."""
    guest = Host(f"{lab.name}-g", 3)
    run(["ip", "netns", "add", guest.name])
    run(["ip", "link", "add", "veth", "netns", guest.name, "address", guest.mac.hex(":"), "type", "veth",
         "peer", "name", "guest", "netns", lab.server.name])
    return guest


def settle(guest, address):
    guest.address = address
    batch(guest, "link set veth up", f"addr add {address[4]}/24 dev veth", f"addr add {address[6]}/64 dev veth nodad")


def routed(lab, *more, between=None):
    """The service is the server, behind a router."""
    router = Router(lab, between)
    knows(lab.client, "veth", router.run("cat /sys/class/net/left/address").stdout.strip(), lab.server.address)
    batch(router, "route add default via 10.99.1.1", "route add ::/0 via fd00:99:1::1")  # where the flood says it is from
    return router, ("left", *more), lab.server, lab.server.address


def bridged(lab):
    """It is a guest, of a bridge that has no address."""
    guest = guest_of(lab)
    settle(guest, guest.address)
    batch(lab.server, "link add bridge type bridge", "link set veth master bridge", "link set guest master bridge",
          "link set guest up", "link set bridge up", "addr flush dev veth")
    knows(guest, "veth", lab.client.mac.hex(":"), lab.client.address)
    knows(lab.client, "veth", guest.mac.hex(":"), guest.address)
    batch(guest, "route add default via 10.99.0.1", "route add ::/0 via fd00:99::1")
    return lab.server, ("veth",), guest, guest.address


def macvlan(lab):
    """It is a guest with a MAC address of its own on the server's wire."""
    guest = Host(f"{lab.name}-g", 3)
    run(["ip", "netns", "add", guest.name])
    lab.server.run(f"ip link add guest link veth address {guest.mac.hex(':')} type macvlan mode bridge")
    lab.server.run(f"ip link set guest netns {guest.name} name veth")
    settle(guest, guest.address)
    knows(guest, "veth", lab.client.mac.hex(":"), lab.client.address)
    knows(lab.client, "veth", guest.mac.hex(":"), guest.address)
    return lab.server, ("veth",), guest, guest.address


DNAT = """
table inet nat {{
    chain pre {{
        type nat hook prerouting priority -100;
        fib daddr type local tcp dport {port} dnat ip to {guest[4]}
        fib daddr type local tcp dport {port} dnat ip6 to {guest[6]}
    }}
    chain post {{ type nat hook postrouting priority 100; oifname "veth" masquerade; }}
}}
table inet filter {{
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ct state invalid drop; ct state established,related accept
        oifname "docker0" tcp flags & (fin | syn | rst | ack) == syn ct state new accept
    }}
}}"""


def contained(lab):
    """It is a container of the server's, as Docker makes one: a bridge, DNAT, masquerade, a firewall."""
    guest = guest_of(lab)
    settle(guest, {4: "172.17.0.2", 6: "fd00:17::2"})
    batch(lab.server, "link add docker0 type bridge", "link set guest master docker0", "link set guest up",
          "link set docker0 up", "addr add 172.17.0.1/16 dev docker0", "addr add fd00:17::1/64 dev docker0 nodad",
          "route add default via 10.99.0.1", "route add ::/0 via fd00:99::1")
    batch(guest, "route add default via 172.17.0.1", "route add ::/0 via fd00:17::1")
    knows(lab.server, "docker0", guest.mac.hex(":"), guest.address)
    knows(guest, "veth", lab.server.run("cat /sys/class/net/docker0/address").stdout.strip(), {4: "172.17.0.1", 6: "fd00:17::1"})
    lab.server.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
    lab.server.nft(DNAT.format(port=lab.port, guest=guest.address))
    return lab.server, ("veth",), guest, lab.server.address


# Before, in and after a flood

@contextlib.contextmanager
def flood(lab, address):
    """More SYNs than the service's queue takes, from nowhere."""
    if not os.path.exists(FLOOD):
        raise Skip(f"{FLOOD} is not built: make {os.path.relpath(FLOOD)}")
    process = lab.client.start([FLOOD, "-r", 2000, "veth", address, lab.port, 100000, "S"])
    try:
        before = lab.stats()["segments"]
        until(lambda: None if lab.stats()["segments"] > before + 1000 else "no flood")
        yield
        assert process.poll() is None, "the flood is over"
    finally:
        process.terminate()
        process.wait()


def before_in_and_after(lab, place, *options):
    """Clients of the service by IPv4 and IPv6; the kernel of a host without cookies of its own is behind it."""
    host, interfaces, service, address = place(lab)
    lab.client.take_xdp()
    service.sysctl(net__ipv4__tcp_syncookies=0)
    for family in BOTH:
        serve(lab, service, family)
    where = {family: (address[family], lab.port) for family in BOTH}
    lab.track("--protect", str(lab.port), "--high-mark", "40", *options, host=host, interfaces=interfaces)
    lab.mark()
    found = [[served(lab, where[family]) for family in BOTH]]
    assert lab.rise("cookies_sent") == {"cookies_sent": 0}, lab.rise("cookies_sent", "cookies_on")
    for family in BOTH:
        with flood(lab, address[family]):
            found.append(served(lab, where[family]))
    found.append([served(lab, where[family]) for family in BOTH])
    assert found == [[CLIENTS] * 2, CLIENTS, CLIENTS, [CLIENTS] * 2], (
        f"before, in and after the flood {found}: {lab.rise(*lab.marked)}")
    rise = lab.rise("cookies_on", "cookies_sent", "proxied", "proxy_refused", "proxy_unanswered", "proxy_failed")
    assert rise["cookies_on"] == 1 and rise["cookies_sent"] > 1000 and rise["proxied"] > CLIENTS, rise
    assert not rise["proxy_refused"] + rise["proxy_unanswered"] + rise["proxy_failed"], rise


@test(track=False)
def service_behind_a_router_is_served_before_in_and_after_a_flood(lab):
    before_in_and_after(lab, routed)


@test(track=False)
def service_behind_a_bridge_port_is_served_before_in_and_after_a_flood(lab):
    before_in_and_after(lab, bridged)


@test(track=False)
def container_is_served_before_in_and_after_a_flood(lab):
    before_in_and_after(lab, contained)


# What is said in a service's name

def protect(lab, place, *options):
    """(service, its addresses)"""
    host, interfaces, service, address = place(lab)
    lab.client.take_xdp()
    lab.track("--protect", str(lab.port), "--cookies", "always", *options, host=host, interfaces=interfaces)
    lab.mark()
    return service, address


@test(track=False)
def guest_on_a_macvlan_has_cookies_to_its_own_address(lab):
    service, address = protect(lab, macvlan)
    places = [serve(lab, service, family) for family in BOTH]
    assert [served(lab, place, 3) for place in places] == [3, 3], lab.rise(*lab.marked)
    lab.counts(syn_not_learnt=2, proxied=4, syn_other_mac=0)


@test(track=False)
def router_that_is_tracked_on_both_sides_has_the_states_of_both_ends(lab):
    """The service's numbers are others where they come in."""
    protect(lab, lambda lab: routed(lab, "right"))
    for family in BOTH:
        for _ in range(2):
            conn = lab.connection(family).establish()
            exchange(conn.client, conn.server, 100_003)
            conn.client.close()
            conn.states("FIN_WAIT_2", "CLOSE_WAIT")
            conn.server.close()
            conn.states("TIME_WAIT", "CLOSED")
            conn.listener.close()
    lab.counts(syn_not_learnt=2, proxied=2, out_of_window=0, ack_unsent=0, ack_bad=0)


def agreed(lab, family):
    """What the two ends of a new connection have agreed to."""
    conn = lab.connection(family)
    conn.start().accept()
    exchange(conn.client, conn.server, 20_011)
    ends = [TcpInfo(sock) for sock in (conn.client, conn.server)]
    conn.listener.close()
    return [(end.agreed, end.snd_mss, end.snd_wscale, end.rcv_wscale) for end in ends]


@test(track=False)
def cookie_offers_what_the_service_does(lab):
    """The first connection is the service's own, and the others are by cookies: they are the same to both ends. What it
    offers may change; then so does what is said in its name, after one connection."""
    protect(lab, routed)
    lab.server.run("ip route add 10.99.1.0/24 via 10.99.2.254 advmss 1200")
    lab.server.sysctl(net__ipv4__tcp_rmem="4096 131072 400000")  # a shift count of its own
    for family in BOTH:
        found = [agreed(lab, family) for _ in range(3)]
        own = found[0]
        assert found == [own] * 3, found
        for lacks, left in (("sack", "ts wscale"), ("timestamps", "wscale"), ("window_scaling", "")):
            lab.server.tcp_settings(**{lacks: 0})
            agreed(lab, family)
            assert [end[0] for end in agreed(lab, family)] == [left] * 2, lacks
        lab.server.tidy_settings()
    lab.counts(syn_not_learnt=2, proxied=16)


@test(track=False)
def profile_speaks_for_a_service_that_nobody_has_heard(lab):
    """Until it has spoken itself; and if it turns out that there is none, one client finds that out, and no other."""
    _, address = protect(lab, routed, "--protect", str(lab.port + 1), "--profile", "mss=1300,wscale=3,sack")
    for family in BOTH:
        first, second = agreed(lab, family), agreed(lab, family)
        assert [end[0] for end in first] == ["sack wscale"] * 2, first
        longer = 20 if family == 6 else 0  # its header
        assert first[0][1:3] == (1300 - longer, 3), first
        assert second[0][1] == 1460 - longer, second
    lab.counts(cookies_sent=4, proxied=4, syn_not_learnt=0)
    assert json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"][0]["profile"] == "mss=1300,wscale=3,sack"
    where = address[4], lab.port + 1  # no one has ever been there
    with lab.client.socket() as late:
        late.settimeout(PATIENCE)
        try:
            late.connect(where)
            raise AssertionError(f"somebody answers: {late.recv(1)}")
        except ConnectionResetError:
            pass
    refused(lab, *where)
    lab.counts(proxy_refused=1, cookies_sent=5, syn_not_learnt=1)


@test(track=False)
def mss_that_a_router_clamps_is_the_cookies_too(lab):
    host, interfaces, *_ = place = routed(lab)
    host.nft("table inet clamp { chain f { type filter hook forward priority 0; "
             "tcp flags & syn == syn tcp option maxseg size set 1000;\n}\n}")
    protect(lab, lambda lab: place)
    for family in BOTH:
        found = [agreed(lab, family) for _ in range(2)]
        assert found[0] == found[1] and found[0][0][1] == 1000 - 12, found
    lab.counts(syn_not_learnt=2, proxied=2)


# What goes over it

@test(track=False)
def service_is_protected_in_a_vlan(lab):
    """Whose frames a bridge passes on."""
    service, _ = protect(lab, bridged)
    with tagged(lab, 1, service):
        for family in BOTH:
            assert served(lab, serve(lab, service, family), 3) == 3, lab.rise(*lab.marked)
    lab.counts(syn_not_learnt=2, proxied=4, proxy_failed=0)


REDIRECTS = """
table inet mangle {{
    chain pre {{
        type filter hook prerouting priority -150;
        ip daddr 198.51.100.7 tcp dport {port} meta mark set 1 tproxy ip to :{other} accept
    }}
}}
table ip nat {{
    chain pre {{ type nat hook prerouting priority -100; ip daddr 10.99.0.2 tcp dport {port} redirect to :{other}; }}
}}"""
IP_TRANSPARENT = 19


@test(track=False)
def tproxy_and_redirect_have_their_connections_by_cookies(lab):
    """Neither has a socket at the port that the client speaks to, and TPROXY not even an address."""
    lab.server.nft(REDIRECTS.format(port=lab.port, other=lab.port + 1))
    batch(lab.server, "rule add fwmark 1 lookup 100", "route add local 0.0.0.0/0 dev lo table 100")
    batch(lab.client, "route add 198.51.100.7 via 10.99.0.2")
    listener = lab.keep(lab.server.socket())
    listener.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    listener.bind(("0.0.0.0", lab.port + 1))
    listener.listen()
    protect(lab, lambda lab: (lab.server, ("veth",), lab.server, lab.server.address))
    for where in ("198.51.100.7", lab.server.address[4]):
        for _ in range(2):
            client = lab.keep(lab.client.socket())
            client.settimeout(3)
            client.connect((where, lab.port))
            listener.settimeout(3)
            server = lab.keep(listener.accept()[0])
            exchange(client, server, 100_003)
    lab.counts(syn_not_learnt=2, proxied=2, proxy_failed=0)


UNRULY = """
import random, select, socket
ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2)]
for end, name in zip(ends, ("near", "far")):
    end.bind((name, 0))
    end.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
    end.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
late = []
while True:
    for end in select.select(ends, [], [], 0.001)[0] or [None]:
        if end:
            frame, dice = end.recv(65536), random.random()
            other = ends[end is ends[0]]
            if dice < 0.003:
                continue
            if dice < 0.03:
                late.append([random.randrange(1, 6), other, frame])
                continue
            other.send(frame)
        for item in late:
            item[0] -= 1
        for _, other, frame in [item for item in late if item[0] <= 0 or not end]:
            other.send(frame)
        late = [item for item in late if item[0] > 0 and end]
"""
MEGABYTES = int(os.environ.get("SW_MEGABYTES", "10"))


@test(track=False, limit=60 + 20 * MEGABYTES)
def downloads_and_uploads_survive_loss_and_reordering(lab):
    """SW_MEGABYTES of them each way at once, over a path to the client that loses 3 frames of 1,000, and is late with
    27."""
    unruly = Host(f"{lab.name}-u", 3)
    run(["ip", "netns", "add", unruly.name])
    host, *_ = place = routed(lab, between=unruly)
    batch(unruly, "link set near up", "link set far up")
    unruly.run(["ip", "-force", "link", "set", "dev", "far", "xdp", "obj", pass_program(), "sec", "xdp.frags"])
    for end, link in ((lab.client, "veth"), (host, "left")):  # what a card does before a wire
        end.run(f"ethtool -K {link} tx off tso off gso off")
    unruly.start([sys.executable, "-c", UNRULY])
    protect(lab, lambda lab: place)
    for family in BOTH:
        for size in (1000, MEGABYTES << 20 if family == 4 else 1 << 20):
            conn = lab.connection(family)
            conn.start().accept()
            exchange(conn.client, conn.server, size, timeout=30 + 10 * MEGABYTES)
            retransmitted = int(ss_info(lab.server, conn.server).get("retrans", "0/0").split("/")[1])
            conn.listener.close()
        assert retransmitted, "nothing was lost"
    rise = lab.rise("proxied", "proxy_failed", "proxy_refused")
    assert rise["proxied"] >= 2 and not rise["proxy_failed"] + rise["proxy_refused"], rise


NGINX = """
daemon off; pid {home}/pid; error_log stderr; events {{ worker_connections 4096; }}
http {{ access_log off; server {{ listen {port}; listen [::]:{port}; root {home}; keepalive_requests 100; }} }}"""
REQUESTS = int(os.environ.get("SW_REQUESTS", "200"))


@test(track=False, limit=60 + REQUESTS // 10)
def curl_and_redis_have_what_they_have_without(lab):
    """SW_REQUESTS connections of curl, one a request; connections that are kept alive; redis' own clients."""
    host, interfaces, service, address = routed(lab)
    home = lab.open.enter_context(tempfile.TemporaryDirectory(prefix="sw-protect-"))
    os.chmod(home, 0o755)
    page = os.urandom(50_021)
    pathlib.Path(home, "page").write_bytes(page)
    pathlib.Path(home, "conf").write_text(NGINX.format(home=home, port=lab.port))
    service.start(["nginx", "-e", "stderr", "-p", home, "-c", f"{home}/conf"])
    service.start(["redis-server", "--port", lab.port + 1, "--save", "", "--protected-mode", "no", "--bind",
                   *address.values()])
    until(lambda: None if len(run(["ss", "-N", service.name, "-ltnH"]).stdout.splitlines()) >= 4 else "no servers")
    lab.client.take_xdp()
    lab.track("--protect", f"{lab.port}-{lab.port + 1}", "--cookies", "always", host=host, interfaces=interfaces)
    lab.mark()
    hosts = address[4], f"[{address[6]}]"
    config = pathlib.Path(home, "config")
    config.write_text("".join(f'url = "http://{hosts[n % 2]}:{lab.port}/page"\noutput = "{home}/{n}"\n'
                              for n in range(REQUESTS)))
    lab.client.run(["curl", "-sS", "--fail", "-g", "-H", "Connection: close", "--parallel", "--parallel-max", "32", "-K",
                    str(config)], timeout=60 + REQUESTS // 10)
    assert all(pathlib.Path(home, str(n)).read_bytes() == page for n in range(REQUESTS))
    rise = lab.rise("proxied", "syn_to_socket", "syn_not_learnt")  # numbers used again while the server waits: its own
    assert sum(rise.values()) == REQUESTS and rise["proxied"] > REQUESTS * 0.9, rise
    said = lab.client.run(["redis-benchmark", "-h", address[4], "-p", lab.port + 1, "-c", 20, "-n", 2000, "-t", "set,get",
                           "-d", 3000, "-q"]).stdout
    assert said.count("requests per second") == 2, said
    with lab.client.inside(), contextlib.closing(http.client.HTTPConnection(address[6], lab.port, timeout=5)) as kept:
        for _ in range(20):
            kept.request("GET", "/page")
            assert kept.getresponse().read() == page
    rise = lab.rise("proxy_failed", "proxy_refused", "proxy_unanswered", "cookies_rejected", "out_of_window")
    assert not sum(rise.values()), rise


# Who serves it

def renumber(lab, interface):
    """Makes the tables those of a version whose layout has another number."""
    number = lab.map_ids(interface)["sw_config"]
    row, = json.loads(run(["bpftool", "-j", "map", "dump", "id", number]).stdout)
    value = bytearray(int(byte, 16) for byte in row["value"])
    value[LAYOUT] += 1
    run(["bpftool", "map", "update", "id", number, "key", *row["key"], "value", *map(str, value)])


@contextlib.contextmanager
def download(client, server):
    """From the server to its client, all the time, and nothing of it is lost or comes twice."""
    enough, sent, came = threading.Event(), hashlib.sha256(), hashlib.sha256()
    size = 0

    def send():
        while not enough.is_set():
            block = os.urandom(65536)
            sent.update(block)
            server.sendall(block)
            time.sleep(0.01)
        server.shutdown(socket.SHUT_WR)

    def take():
        nonlocal size
        with contextlib.suppress(OSError):  # what has come by then says it
            while block := client.recv(65536):
                came.update(block)
                size += len(block)

    threads = [threading.Thread(target=work, daemon=True) for work in (send, take)]
    for thread in threads:
        thread.start()
    until(lambda: None if size > 1 << 18 else f"{size} bytes have come")
    yield
    before = size
    until(lambda: None if size > before + (1 << 18) else f"{size - before} bytes have come since")
    enough.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert came.digest() == sent.digest(), f"{size} bytes have come, and are others than were sent"


@test(track=False)
def protected_connection_outlives_the_daemon_and_what_is_protected(lab):
    """SIGKILL, whose next `run` knows the service still; another version in its place, whose tables are laid out
    otherwise; SIGHUP that protects no more; SIGTERM; `detach` says what it ends."""
    host, interfaces, *_ = routed(lab)
    lab.client.take_xdp()
    listener = lab.keep(lab.server.listener(4, lab.port))
    config = pathlib.Path(lab.open.enter_context(tempfile.TemporaryDirectory(prefix="sw-protect-")), "config")
    protects = f"protect = {lab.port}\ncookies = always\n"

    def serve_by(text):
        config.write_text(text)
        lab.track("--config", str(config), host=host, interfaces=interfaces)
        lab.mark()

    def go_on(*others):
        for each in (*pairs, *others):
            exchange(*each, 10_007)

    serve_by(protects)
    pairs = [pair(lab, listener) for _ in range(2)]
    lab.counts(syn_not_learnt=1, proxied=1)
    lab.tracker.stop(signal.SIGKILL)
    go_on(pair(lab, listener))
    serve_by(protects)
    pairs.append(pair(lab, listener))
    lab.counts(syn_not_learnt=0, proxied=1)
    late = lab.keep(lab.client.socket(socket.AF_INET, socket.SOCK_STREAM))
    late.settimeout(PATIENCE)
    late.bind((lab.client.address[4], 0))
    lab.client.lose(f"tcp sport {late.getsockname()[1]} tcp flags == ack")
    late.connect(listener.getsockname())  # and the cookie is out
    with download(*pairs.pop()):
        lab.tracker.stop(signal.SIGKILL)
        renumber(lab, interfaces[0])
        serve_by(protects)
    assert "carried over 4 flows, 3 of them by proxy" in lab.tracker.text(), lab.tracker.text()
    lab.client.keep()
    go_on(pair(lab, listener))
    late.sendall(b"late")
    with listener.accept()[0] as sock:
        assert sock.recv(100) == b"late"
    lab.counts(syn_not_learnt=0, proxied=2, proxy_failed=0)
    config.write_text("guard = 1\n")
    lab.tracker.reload()
    go_on(pair(lab, listener))
    lab.counts(proxied=2, proxy_failed=0)
    assert lab.tracker.stop() == 0 and "connections go through proxy" in lab.tracker.text(), lab.tracker.text()
    go_on(pair(lab, listener))
    said = lab.synward("detach", *interfaces).stderr
    assert "connections went through proxy, and end without it" in said, said
    assert lab.synward("status", check=False).returncode == 1


# When there is no room

@test(track=False)
def full_table_is_open_to_the_quiet_and_closed_to_a_flood(lab):
    """--flows is the size of it, too. Of a client's cookie whose connection has no room the service hears nothing; once
    there are no cookies any more it is the service's, and nothing is translated."""
    listener = lab.keep(lab.server.listener(4, lab.port))
    lab.client.take_xdp()
    lab.track("--protect", str(lab.port), "--flows", "2", "--high-mark", "1", "--quiet-time", "500ms")
    lab.mark()
    pairs = [pair(lab, listener)]
    puppet = lab.puppet()
    puppet.send("S")  # and no more
    lab.counts(halfopen_opened=2)
    pairs += [pair(lab, listener) for _ in range(2)]
    lab.counts(cookies_on=1, proxied=2)
    late = lab.keep(lab.client.socket())
    late.settimeout(PATIENCE)
    late.connect((lab.server.address[4], lab.port))
    lab.counts(proxy_full=1, proxied=2, cookies_sent=3)
    puppet.send("R")  # so that none is half-open
    until(lambda: f"{port_status(lab)}" if port_status(lab)["half_open"] else None)
    until(lambda: "cookies are sent" if port_status(lab)["sending"] else None)
    pairs.append(pair(lab, listener))
    for client, server in pairs:
        exchange(client, server, 10_007)
    lab.counts(proxied=2, cookies_sent=3)


def port_status(lab):
    return json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"][0]


def pair(lab, listener):
    client = lab.keep(lab.client.socket())
    client.settimeout(PATIENCE)
    client.connect((lab.server.address[4], lab.port))
    return client, lab.keep(listener.accept()[0])


# What there is no service for

@test(track=False)
def what_is_not_there_is_refused_as_ever(lab):
    """From the start; and what goes away, after one client that was told too late."""
    service, address = protect(lab, routed)
    refused(lab, address[4])
    lab.counts(syn_not_learnt=1, cookies_sent=0)
    with service.listener(4, lab.port) as listener:
        conn = lab.connection(listen=listener)
        conn.start().accept()
        conn.server.close()
    with lab.client.socket() as late:  # it has a cookie, and then a RST
        late.settimeout(3)
        try:
            late.connect((address[4], lab.port))
            raise AssertionError(f"somebody answers: {late.recv(1)}")
        except ConnectionResetError:
            pass
    refused(lab, address[4])
    lab.counts(proxy_refused=1, cookies_sent=1, syn_not_learnt=3)
    where = serve(lab, service, 4)
    assert served(lab, where, 2) == 2
    service.drop(SYN)  # it is there, and says nothing
    with lab.client.socket() as late:
        late.settimeout(PATIENCE)
        late.connect(where)
        lab.counts(proxy_syns=3)
        give_up(lab, "left")
        try:
            raise AssertionError(f"somebody answers: {late.recv(1)}")
        except ConnectionResetError:
            pass
    service.keep()
    lab.counts(proxy_unanswered=1, cookies_sent=3, syn_not_learnt=4)
    assert served(lab, where, 2) == 2  # of whom the first is the service's own
    lab.counts(cookies_sent=4, syn_not_learnt=5)


def refused(lab, where, port=None):
    with lab.client.socket() as sock:
        sock.settimeout(3)
        try:
            sock.connect((where, port or lab.port))
            raise AssertionError("somebody listens")
        except ConnectionRefusedError:
            pass


@test(track=False)
def cookie_of_another_layout_is_taken_back_without_guard(lab):
    """Its ports and settings are carried over, and programs that can do more than track are loaded."""
    lab.client.take_xdp()
    listener = lab.keep(lab.server.listener(4, lab.port))
    lab.track("--guard", str(lab.port), "--cookies", "always")
    lab.client.lose("tcp flags == ack")
    late = lab.keep(lab.client.socket(socket.AF_INET, socket.SOCK_STREAM))
    late.settimeout(PATIENCE)
    late.connect(listener.getsockname())
    lab.tracker.stop(signal.SIGKILL)
    renumber(lab, "veth")
    lab.track()
    lab.client.keep()
    late.sendall(b"late")
    with listener.accept()[0] as sock:
        assert sock.recv(9) == b"late"
