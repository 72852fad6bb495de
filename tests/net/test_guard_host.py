# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Guard answers for its own host alone, whatever its listener's address: not for others behind a router, a bridge port or
a macvlan, not in frames to other addresses, not for martians. What the kernel alone does with the same clients is what
must come of them with guard.

    client veth 10.99.1.1 ── left  router  right ── veth 10.99.0.2 server      (the router is that of test_observer.py)
    client veth 10.99.0.1 ── veth  server  guest ── veth 10.99.0.3 guest       (behind a bridge, or a macvlan)
"""

import contextlib
import json
import signal
import socket
import struct
import threading

from lab import Host, Skip, address, run, test, until
from tcp import Segment, mss
from test_guard_admission import call, exchange, listen, take
from test_observer import Router

CLIENTS = 20
ANY = {4: "0.0.0.0", 6: "::"}


# Tools

def batch(host, *lines):
    host.run(["ip", "-b", "-"], stdin=None, input="\n".join(lines))


def serve_each(lab, host, where, family, backlog, talk):
    """A server at this address of a host, which talks to whoever connects, one after another."""
    listener = lab.keep(host.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((where, lab.port))
    listener.listen(backlog)

    def serve():
        while True:
            try:
                sock = listener.accept()[0]
            except OSError:
                return
            with sock, contextlib.suppress(OSError):
                talk(sock)

    threading.Thread(target=serve, daemon=True).start()
    lab.open.callback(listener.shutdown, socket.SHUT_RDWR)


def greeter(lab, host, words, family=4):
    """A server on every address of a host, which says who it is to whoever connects."""
    serve_each(lab, host, ANY[family], family, 128, lambda sock: sock.sendall(words))


def greeted(lab, where, count=CLIENTS):
    """What so many clients are told there."""
    said = []
    for _ in range(count):
        with call(lab, address=where) as sock:
            said.append(sock.recv(100))
    return said


def guard(lab, *options, host=None, interfaces=("veth",), ports=None):
    lab.client.take_xdp()
    lab.track("--guard", str(ports or lab.port), "--cookies", "always", *options, host=host, interfaces=interfaces)
    lab.mark()


def local(lab):
    """{network: is it local} of the map sw_local."""
    networks = {}
    for row in lab.dump("sw_local"):
        key, bits = row["key"], row["key"]["bits"]
        text = address(struct.pack("=4I", *key["address"]))
        networks[f"{text}/{bits if ':' in text else bits - 96}"] = bool(row["value"])
    return networks


def knows(lab, network, is_local):
    """The daemon has taken in a change: True or False, as the map says; None: there is no such network any more."""
    until(lambda: None if local(lab).get(network) is is_local else f"{network} is not {is_local}: {local(lab)}")


def syn(lab, **fields):
    family = 6 if ":" in fields.get("dst", "") else 4
    base = Segment({4: "10.99.0.1", 6: "fd00:99::1"}[family], 40000, lab.server.address[family], lab.port, "S", 1000,
                   options=mss(1460))
    return base.but(**fields)


def answered(lab, tap, *frames):
    """Which of these frames, SYNs from ports of their own, gets a SYN+ACK, told by port; the last one has to."""
    for frame in frames:
        tap.send_frame(frame)
    last = struct.unpack_from("!H", frames[-1], 34)[0]
    tap.wait(lambda segment: set(segment.flags) == set("SA") and segment.dport == last)
    return sorted({segment.dport for segment in tap.segments() if set(segment.flags) == set("SA")})


# Others behind this host

@test(track=False)
def router_forwards_to_the_port_on_which_it_listens_itself(lab):
    router = Router(lab)
    greeter(lab, router, b"router")
    greeter(lab, lab.server, b"server")
    server, own = lab.server.address[4], "10.99.1.254"
    alone = greeted(lab, server), greeted(lab, own)
    assert alone == ([b"server"] * CLIENTS, [b"router"] * CLIENTS), alone
    guard(lab, host=router, interfaces=("left",))
    assert (greeted(lab, server), greeted(lab, own)) == alone
    lab.counts(syn_not_local=CLIENTS, cookies_sent=CLIENTS, admitted=CLIENTS, stray=0, cookies_rejected=0)


@test(track=False)
def router_forwards_connections_that_are_older_than_guard(lab):
    router = Router(lab)
    greeter(lab, router, b"router")
    listener = listen(lab, lab.server.address[4])
    client = call(lab)
    server = take(lab, listener)
    guard(lab, host=router, interfaces=("left",))
    assert greeted(lab, "10.99.1.254", 1) == [b"router"]  # so that cookies are looked for
    exchange(client, server, 3_000_003)
    lab.counts(cookies_rejected=0, stray=0, stray_passed=0)


def guest_of(lab):
    """A namespace in which a guest lives: on a wire of its own, or where a test puts it."""
    guest = Host(f"{lab.name}-g", 3)
    run(["ip", "netns", "add", guest.name])
    return guest


def settle_guest(lab, guest):
    batch(guest, "link set veth up", f"addr add {guest.address[4]}/24 dev veth",
          f"neigh replace 10.99.0.1 lladdr {lab.client.mac.hex(':')} dev veth nud permanent")
    batch(lab.client, f"neigh replace {guest.address[4]} lladdr {guest.mac.hex(':')} dev veth nud permanent")
    greeter(lab, guest, b"guest")
    greeter(lab, lab.server, b"server")


def bridge(lab, own_mac):
    """The server's veth becomes a port of a bridge, beside the guest's."""
    guest = guest_of(lab)
    run(["ip", "link", "add", "veth", "netns", guest.name, "address", guest.mac.hex(":"), "type", "veth",
         "peer", "name", "guest", "netns", lab.server.name])
    batch(lab.server, f"link add bridge address {own_mac} type bridge", "link set veth master bridge",
          "link set guest master bridge", "link set guest up", "link set bridge up", "addr flush dev veth",
          "addr add 10.99.0.2/24 dev bridge",
          f"neigh replace 10.99.0.1 lladdr {lab.client.mac.hex(':')} dev bridge nud permanent")
    batch(lab.client, f"neigh replace 10.99.0.2 lladdr {own_mac} dev veth nud permanent")
    # With it packets of bridges take the way of the firewall twice, and lose what tc has found for them.
    lab.server.run("sysctl -qw net.bridge.bridge-nf-call-iptables=0", check=False)
    settle_guest(lab, guest)
    return guest


def compare_guest(lab, guest):
    alone = greeted(lab, guest.address[4]), greeted(lab, lab.server.address[4])
    assert alone == ([b"guest"] * CLIENTS, [b"server"] * CLIENTS), alone
    guard(lab)
    assert (greeted(lab, guest.address[4]), greeted(lab, lab.server.address[4])) == alone


@test(track=False)
def guest_behind_a_bridge_port_is_served(lab):
    compare_guest(lab, bridge(lab, "02:00:00:00:00:02"))
    lab.counts(syn_other_mac=CLIENTS, syn_not_local=0, cookies_sent=CLIENTS, admitted=CLIENTS)


@test(track=False)
def bridge_with_an_address_of_its_own_is_left_to_the_kernel(lab):
    compare_guest(lab, bridge(lab, "02:00:00:00:00:22"))
    lab.counts(syn_other_mac=2 * CLIENTS, syn_not_local=0, cookies_sent=0)


@test(track=False)
def guest_on_a_macvlan_is_served(lab):
    guest = guest_of(lab)
    made = lab.server.run(f"ip link add guest link veth address {guest.mac.hex(':')} type macvlan mode bridge",
                          check=False)
    if made.returncode:
        raise Skip(f"this kernel has no macvlan: {made.stderr.strip()}")
    lab.server.run(f"ip link set guest netns {guest.name} name veth")
    settle_guest(lab, guest)
    compare_guest(lab, guest)
    lab.counts(syn_other_mac=CLIENTS, syn_not_local=0, cookies_sent=CLIENTS, admitted=CLIENTS)


# Frames

def try_frames(lab, tap, macs, first=40000):
    """SYNs in frames to these addresses: which of them are answered. The last one has to be."""
    frames = [syn(lab, sport=first + number).frame(lab.client.mac, mac) for number, mac in enumerate(macs)]
    return [port - first for port in answered(lab, tap, *frames) if port >= first]


@test(track=False)
def frame_to_another_address_is_not_answered(lab):
    greeter(lab, lab.server, b"server")
    tap = lab.tap(lab.client)
    macs = [b"\2\0\0\0\0\7", b"\xff" * 6, b"\1\0\x5e\0\0\1", b"\0" * 6, lab.server.mac]
    lab.client.drop("tcp flags & (syn | ack) == syn | ack")  # its kernel is to keep still
    alone = try_frames(lab, tap, macs)
    assert alone == [4], alone
    guard(lab)
    assert try_frames(lab, tap, macs, 41000) == alone
    lab.counts(syn_other_mac=4, cookies_sent=1)


@test(track=False)
def interface_may_change_its_address(lab):
    greeter(lab, lab.server, b"server")
    guard(lab)
    assert greeted(lab, lab.server.address[4], 1) == [b"server"]
    lab.counts(cookies_sent=1, admitted=1)
    batch(lab.server, "link set veth address 02:00:00:00:00:42",
          f"neigh replace 10.99.0.1 lladdr {lab.client.mac.hex(':')} dev veth nud permanent")
    new = [0x0002, 0, 0x4200]
    until(lambda: None if [row["value"]["mac"] for row in lab.dump("sw_ifaces")] == [new] else lab.dump("sw_ifaces"))
    lab.client.run("ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:42 dev veth nud permanent")
    assert greeted(lab, lab.server.address[4], 1) == [b"server"]
    lab.counts(cookies_sent=2, admitted=2, syn_other_mac=0)
    tap = lab.tap(lab.client)
    lab.client.drop("tcp flags & (syn | ack) == syn | ack")
    assert try_frames(lab, tap, [lab.server.mac, bytes.fromhex("020000000042")]) == [1]


# Addresses

NETWORKS = {4: ("10.99.0.12/24", "10.99.5.1/32", "10.99.6.0/24", "10.99.6.77", "10.99.6.128/25", "10.99.6.200"),
            6: ("fd00:99::c/64", "fd00:95::1/128", "fd00:96::/64", "fd00:96::77", "fd00:96::8000:0/97",
                "fd00:96::8000:7")}


def by_cookie(lab, where, family, listener):
    """A client goes there: is it a cookie that serves it?"""
    before = lab.stats()["admitted"]
    client = call(lab, family, where)
    exchange(client, take(lab, listener), 1009)
    return lab.stats()["admitted"] - before == 1


def by_cookie_aside(lab, where, family, listener):
    """The same where nobody can ask for the address: the kernel's first answer shows which way its answers go."""
    before = lab.stats()["syn_other_way"]
    return (not by_cookie(lab, where, family, listener) and lab.stats()["syn_other_way"] - before == 1
            and by_cookie(lab, where, family, listener))


def left(lab, where):
    """A SYN to that address is taken for another host's."""
    before = lab.stats()
    lab.tap(lab.client).send(syn(lab, dst=where))

    def check():
        now = lab.stats()
        rise = [now[name] - before[name] for name in ("syn_not_local", "cookies_sent")]
        return None if rise == [1, 0] else f"syn_not_local and cookies_sent rose by {rise}"

    until(check)


@test(track=False, families=(4, 6))
def every_address_that_the_kernel_delivers_here_is_guarded_as_it_comes_and_goes(lab, family):
    second, vip, network, inside, elsewhere, beyond = NETWORKS[family]
    whole = {4: 32, 6: 128}[family]
    lab.client.run(f"ip -{family} route add {vip} via {lab.server.address[family]}")
    lab.client.run(f"ip -{family} route add {network} via {lab.server.address[family]}")
    lab.client.run(f"ip -{family} neigh replace {second.split('/')[0]} lladdr {lab.server.mac.hex(':')} dev veth")
    lab.server.run(f"ip addr add {vip} dev lo")  # before guard
    listener = listen(lab, ANY[family], family)
    guard(lab)
    assert by_cookie_aside(lab, vip.split("/")[0], family, listener), local(lab)
    lab.server.run(f"ip addr add {second} dev veth")
    knows(lab, f"{second.split('/')[0]}/{whole}", True)
    assert by_cookie(lab, second.split("/")[0], family, listener), local(lab)
    lab.server.run(f"ip -{family} route add local {network} dev lo")
    knows(lab, network, True)
    assert by_cookie_aside(lab, inside, family, listener), local(lab)
    lab.server.run(f"ip -{family} route add {elsewhere} dev veth")
    knows(lab, elsewhere, False)
    left(lab, beyond)
    lab.server.run(f"ip -{family} route del {elsewhere} dev veth")
    knows(lab, elsewhere, None)
    assert by_cookie_aside(lab, beyond, family, listener), local(lab)
    for words, gone in ((f"route del local {network} dev lo", network), (f"addr del {vip} dev lo", vip),
                        (f"addr del {second} dev veth", f"{second.split('/')[0]}/{whole}")):
        lab.server.run(f"ip -{family} {words}")
        knows(lab, gone, None)
    left(lab, inside)
    left(lab, vip.split("/")[0])


@test(track=False)
def host_without_any_address_yet_is_guarded_when_it_has_one(lab):
    """Its kernel has made no table of routes."""
    guest = guest_of(lab)
    batch(guest, "link add veth type veth peer name other")
    guard(lab, host=guest)
    assert not local(lab), local(lab)
    batch(guest, "link set veth up", "addr add 10.99.0.3/24 dev veth")
    knows(lab, "10.99.0.3/32", True)


@test(track=False)
def changes_that_were_lost_are_read_anew(lab):
    """More of them than its socket holds come while the daemon stands still."""
    guard(lab)
    lab.tracker.process.send_signal(signal.SIGSTOP)
    batch(lab.server, *(f"addr add 10.98.{n // 250}.{n % 250 + 1}/32 dev lo" for n in range(2000)))
    batch(lab.server, *(f"addr del 10.98.{n // 250}.{n % 250 + 1}/32 dev lo" for n in range(0, 2000, 7)))
    lab.tracker.process.send_signal(signal.SIGCONT)
    shown = json.loads(lab.server.run("ip -j -4 route show table local type local").stdout)
    expected = {row["dst"] for row in shown} - {"127.0.0.0/8", "127.0.0.1"}
    assert len(expected) == 2000 - 286 + 1, len(expected)

    def check():
        found = {network.removesuffix("/32") for network in local(lab) if ":" not in network}
        return None if found == expected else f"{len(found)} are known, {len(expected)} should be"

    until(check)


@test(track=False)
def rules_before_the_local_table_leave_their_family_to_the_kernel(lab):
    listeners = {family: lab.keep(lab.server.listener(family, lab.port)) for family in (4, 6)}
    own = {family: lab.server.address[family] for family in (4, 6)}
    batch(lab.server, "rule add pref 7 lookup local", "rule del pref 0", "rule add pref 3 fwmark 7 lookup main")
    guard(lab)
    assert "leaves IPv4 to the kernel" in lab.tracker.text(), lab.tracker.text()
    assert not by_cookie(lab, own[4], 4, listeners[4]) and by_cookie(lab, own[6], 6, listeners[6])
    lab.server.run("ip rule del pref 3")
    knows(lab, f"{own[4]}/32", True)
    assert by_cookie(lab, own[4], 4, listeners[4]), local(lab)
    assert "comes first again over IPv4" in lab.tracker.text(), lab.tracker.text()


@test(track=False)
def attach_knows_the_addresses_of_its_moment_and_says_so(lab):
    listener = listen(lab, ANY[4])
    lab.client.take_xdp()
    said = lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", "always").stderr
    assert sum("addresses" in line for line in said.splitlines()) == 1, said
    assert by_cookie(lab, lab.server.address[4], 4, listener), local(lab)
    batch(lab.server, "addr add 10.99.5.1/32 dev lo")
    batch(lab.client, "route add 10.99.5.1 via 10.99.0.2")
    assert not by_cookie(lab, "10.99.5.1", 4, listener), local(lab)


@test(track=False, families=(4, 6))
def server_behind_a_load_balancer_answers_its_clients_directly(lab, family):
    """Direct server return: SYNs to the VIP come from the balancer's MAC address, and answers are not to go there."""
    vip, word = NETWORKS[family][1].split("/")[0], {4: "ip", 6: "ip6"}[family]
    lab.client.run(f"ip -{family} route add {vip} via {lab.server.address[family]}")
    lab.client.run(["nft", "table netdev balancer {\n chain out {\n"
                    " type filter hook egress device veth priority 0;\n"
                    f" {word} daddr {vip} ether saddr set 02:00:00:00:00:05\n }}\n}}"])
    lab.server.run(f"ip addr add {NETWORKS[family][1]} dev lo")
    listener = listen(lab, ANY[family], family)
    guard(lab)
    for _ in range(3):
        exchange(call(lab, family, vip), take(lab, listener), 1009)
    lab.counts(syn_other_way=3, cookies_sent=0)


# Ports at addresses

@test(track=False)
def port_at_an_address_is_guarded_there_alone(lab):
    batch(lab.server, *(f"addr add {where} dev veth" for where in (
        "10.99.5.1/32", "10.99.5.2/32", "fd00:95::1/128 nodad", "fd00:95:0:1::1/128 nodad")))
    batch(lab.client, "route add 10.99.5.0/24 via 10.99.0.2", "route add fd00:95::/32 via fd00:99::2")
    listener = listen(lab, ANY[6], 6)  # of both families
    places = f"10.99.5.1:{lab.port}", f"[fd00:95::/64]:{lab.port}", f"{lab.port + 1}-{lab.port + 3}"
    guard(lab, ports=",".join(places))
    found = {where: by_cookie(lab, where, 6 if ":" in where else 4, listener)
             for where in ("10.99.0.2", "10.99.5.1", "10.99.5.2", "fd00:99::2", "fd00:95::1", "fd00:95:0:1::1")}
    assert [where for where in found if found[where]] == ["10.99.5.1", "fd00:95::1"], found
    status = json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"]
    assert [(row["port"], row["address"]) for row in status] == [
        (lab.port, "10.99.5.1"), (lab.port, "fd00:95::/64"), *((lab.port + n, None) for n in (1, 2, 3))], status
    text = lab.synward("status").stdout
    assert all(place in text.split() for place in places[:2]) and f"port {lab.port + 3}" in text, text


# Martians

MARTIANS = [{"src": "127.0.0.1"}, {"src": "0.0.0.0"}, {"src": "224.0.0.1"}, {"src": "240.0.0.1"},
            {"src": "255.255.255.255"}, {"src": "10.99.0.2"}, {"dst": "127.0.0.1"},
            {"src": "::1", "dst": "fd00:99::2"}, {"src": "::", "dst": "fd00:99::2"}, {"src": "ff02::1", "dst": "fd00:99::2"},
            {"src": "::ffff:10.99.0.1", "dst": "fd00:99::2"}, {"src": "fd00:99::2", "dst": "fd00:99::2"},
            {"src": "fd00:99::1", "dst": "::1"}]


def send_martians(lab, tap, port):
    """Which SYNs have been answered when one is that comes after them, from this port."""
    for number, fields in enumerate(MARTIANS):
        tap.send(syn(lab, sport=41000 + number, **fields))
    return answered(lab, tap, syn(lab, sport=port).frame(lab.client.mac, lab.server.mac))


@test(track=False)
def martian_gets_no_answer(lab):
    greeter(lab, lab.server, b"server", 6)  # a listener of both families
    tap = lab.tap(lab.client)
    lab.client.drop("tcp flags & (syn | ack) == syn | ack")
    assert send_martians(lab, tap, 40000) == [40000]
    guard(lab)
    assert send_martians(lab, tap, 40001) == [40000, 40001]
    lab.counts(syn_martian=len(MARTIANS), cookies_sent=1)


@test
def martian_begins_no_flow(lab):
    """M2"""
    tap = lab.tap(lab.client)
    lab.mark()
    for number, fields in enumerate(MARTIANS):
        for flags in ("S", "A", "SA", "R"):
            tap.send(syn(lab, sport=41000 + number, flags=flags, ack=4711, options=b"", **fields))
    tap.send(syn(lab))
    until(lambda: None if lab.flow("10.99.0.1:40000", f"10.99.0.2:{lab.port}") else "no flow of the client's")
    own = lab.flows("--port", str(lab.port))
    assert len(own) == 1, own
    assert lab.rise("martian")["martian"] >= 3 * len(MARTIANS), lab.rise("martian")
