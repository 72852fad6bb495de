# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Front: gateways that answer SYNs with the keys of a fleet and keep nothing, before a server that runs guard. They have
one arm each, and the server answers its clients directly:

    client ── switch ── one, two (gateways) ── switch ── server (guard; the service's address is on its lo)
                  ◄────────────────────────────────
"""

import concurrent.futures
import json
import os
import socket
import struct
import tempfile
import threading
import time

from lab import Host, PATIENCE, SYNWARD, Skip, TcpInfo, Tracker, at_tc, endpoint, name_of, pass_program, run, test, until
from siege import FLOOD
from test_guard_nat import FAMILY
from test_protect import batch, serve

BOTH = (4, 6)
SERVICE = {4: "10.98.0.1", 6: "fd00:98::1"}
EPOCH = 64  # s
AHEAD = 3
WALL_OFFSET = 56 + 16  # where struct sw_config has it
CONNECTIONS = int(os.environ.get("SW_CONNECTIONS", "300"))
FLOODED = int(os.environ.get("SW_FLOODED", "2000"))  # SYNs a second


class Member(Host):
    """One of several hosts on a wire."""

    def __init__(self, name, number):
        super().__init__(name, 1)
        self.number, self.mac = number, bytes([2, 0, 0, 0, 0, number])
        self.address = {4: f"10.99.0.{number}", 6: f"fd00:99::{number}"}


class Fleet:
    """The hosts on their switch, and what runs on them."""

    def __init__(self, lab):
        self.lab = lab
        self.keys = lab.open.enter_context(tempfile.TemporaryDirectory(prefix="sw-front-")) + "/keys"
        run([SYNWARD, "key", "new", self.keys])
        self.switch, self.client, self.server, self.one, self.two = (
            Member(f"{lab.name}-{name}", number) for number, name in enumerate(("w", "x", "y", "1", "2")))
        for host in (self.switch, *self.hosts()):
            run(["ip", "netns", "add", host.name])
        batch(self.switch, "link add switch type bridge", "link set switch up")
        for host in self.hosts():
            self.plug_in(host)
        self.route()

    def hosts(self):
        return self.client, self.server, self.one, self.two

    def plug_in(self, host):
        port = f"port{host.number}"
        run(["ip", "link", "add", "veth", "netns", host.name, "address", host.mac.hex(":"), "type", "veth",
             "peer", "name", port, "netns", self.switch.name])
        batch(self.switch, f"link set {port} master switch", f"link set {port} up")
        self.switch.run(["ip", "-force", "link", "set", "dev", port, "xdp", "obj", pass_program(), "sec", "xdp.frags"])
        host.sysctl(net__ipv4__conf__all__send_redirects=0, net__ipv4__conf__default__send_redirects=0)
        batch(host, "link set lo up", "link set veth up", f"addr add {host.address[4]}/24 dev veth",
              f"addr add {host.address[6]}/64 dev veth nodad")

    def route(self):
        """To the service by a gateway, and from it directly."""
        for family, address in SERVICE.items():
            batch(self.server, f"addr add {address} dev lo")
            batch(self.client, f"route add {address} via {self.one.address[family]}")
            for gateway in (self.one, self.two):
                batch(gateway, f"route add {address} via {self.server.address[family]}")
                batch(self.client, f"neigh replace {address} lladdr {gateway.mac.hex(':')} dev veth nud permanent")
        for gateway in (self.one, self.two):
            gateway.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
            gateway.run("sysctl -qw net.ipv4.conf.veth.send_redirects=0 net.ipv4.conf.all.rp_filter=0")
        batch(self.server, f"route add default via {self.client.address[4]}", f"route add ::/0 via {self.client.address[6]}")

    def tell_profile(self):
        """Gateways that would offer something else themselves find in the key file what the server offers."""
        for gateway in (self.one, self.two):
            gateway.sysctl(net__ipv4__tcp_timestamps=0, net__ipv4__tcp_sack=0, net__ipv4__tcp_rmem="4096 131072 200000")
            batch(gateway, "link set veth mtu 1400")
        self.server.sysctl(net__ipv4__tcp_rmem="4096 131072 400000")
        found = json.loads(self.server.run([SYNWARD, "check", "veth", "--json"]).stdout)["findings"]
        said, = (finding["found"] for finding in found if finding["subject"] == "guard, profile")
        run([SYNWARD, "key", "new", self.keys, "--next", "--in", "0", "--profile", said.split()[-1]])

    def guard(self):
        """The server's own guard sees no SYN, and so no pressure."""
        ports, keys = (self.lab.port, self.lab.port + Returning.OWN), ("--key-file", self.keys)
        services = ",".join(endpoint(SERVICE[family], port) for family in BOTH for port in ports)
        protect = "--protect", services, "--stateless", "--reply-budget", "0"
        self.guards = [Tracker(gateway, options=(*protect, *keys)) for gateway in (self.one, self.two)]
        self.guards.append(Tracker(self.server, options=("--guard", ",".join(map(str, ports)), *keys)))

    def guard_by_proxy(self):
        """So does a server with NAT tables by itself."""
        self.guards.pop().stop()
        options = "--guard", self.lab.port, "--key-file", self.keys, "--admission", "proxy"
        self.guards.append(Tracker(self.server, options=options))

    def go_by(self, *gateways):
        """What the client sends takes these in turn, segment by segment."""
        self.client.run("nft delete table netdev way", check=False)
        macs = ", ".join(f"{number} : {gateway.mac.hex(':')}" for number, gateway in enumerate(gateways))
        way = f"ether daddr set numgen inc mod {len(gateways)} map {{ {macs} }}"
        self.client.nft("table netdev way { chain out { type filter hook egress device \"veth\" priority 0; "
                        f"tcp dport {self.lab.port} {way};\n}}\n}}")

    def serve(self):
        for family, address in SERVICE.items():
            host = Member(self.server.name, self.server.number)
            host.address = {family: address}
            serve(self.lab, host, family, 512)

    def stats(self, host):
        return json.loads(host.run([SYNWARD, "stats", "--json"]).stdout)

    def all_admitted(self):
        """The server has said its word to all whose cookies came back."""
        stats = self.stats(self.server)
        return None if stats["admitted"] == stats["cookies_accepted"] else f"not all are admitted: {stats}"

    def next_key(self):
        """It serves from the next epoch on."""
        run([SYNWARD, "key", "new", self.keys, "--next", "--in", "0"])
        for guard in self.guards:
            guard.reload()

    def hurry(self):
        """What synward takes for the time is moved on, so that the next epoch begins in AHEAD seconds."""
        settings = [self.settings_of(host) for host in (self.one, self.two, self.server)]
        ahead_ns = int((EPOCH - AHEAD - time.time() % EPOCH) * 1e9)
        for number, row in settings:
            value = bytearray(int(byte, 16) for byte in row["value"])
            now, = struct.unpack_from("<q", value, WALL_OFFSET)
            struct.pack_into("<q", value, WALL_OFFSET, now + ahead_ns)
            run(["bpftool", "map", "update", "id", number, "key", *row["key"], "value", *map(str, value)])

    def settings_of(self, host):
        """(id, element) of its map sw_config."""
        ids = self.maps_of(host)
        number, = (row["id"] for row in json.loads(run(["bpftool", "-j", "map", "show"]).stdout)
                   if row["id"] in ids and row["name"] == "sw_config")
        return number, json.loads(run(["bpftool", "-j", "map", "dump", "id", number]).stdout)[0]

    def maps_of(self, host):
        program = next(number for number, name in at_tc(host, "egress") if name in ("synward_egress", "synward_outward"))
        return json.loads(run(["bpftool", "-j", "prog", "show", "id", program]).stdout)["map_ids"]


class Clients(threading.Thread):
    """Eight at a time, by IPv4 and IPv6 in turn, each with a question; why those are lost that are."""

    def __init__(self, fleet, count):
        super().__init__(daemon=True)
        self.fleet, self.count = fleet, count
        self.lost, self.done, self.began = [], 0, time.monotonic()
        self.start()

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for lost in pool.map(self.ask, range(self.count)):
                self.done += 1
                if lost:
                    self.lost.append(lost)

    def ask(self, number):
        family = BOTH[number % 2]
        with self.fleet.client.socket(FAMILY[family], socket.SOCK_STREAM) as sock:
            sock.settimeout(PATIENCE)
            began, stage = time.monotonic() - self.began, "connect"
            try:
                sock.connect((SERVICE[family], self.fleet.lab.port))
                stage = "answer"
                time.sleep(0.05)  # so that some are open whenever it is
                sock.sendall(b"question")
                return None if sock.recv(100) == b"answer" else f"{number}: no answer"
            except OSError as error:
                return f"{number}, begun after {began:.1f} s: {stage}: {error!r}"


class Returning:
    """A client whose port is the same each time, and a server that closes first, so that it is in TIME_WAIT of the last
    connection when the next one comes."""

    PORT, OWN = 10000, 2  # the client's; the server's, beyond that of the others

    def __init__(self, fleet, family):
        self.fleet, self.family, self.to = fleet, family, (SERVICE[family], fleet.lab.port + self.OWN)
        self.listener = self.socket(fleet.server, *self.to)
        self.listener.listen()
        self.tap = fleet.lab.tap(fleet.client)

    def socket(self, host, address, port):
        sock = self.fleet.lab.keep(host.socket(FAMILY[self.family], socket.SOCK_STREAM))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(PATIENCE)
        sock.bind((address, port))
        return sock

    def answer(self, asked):
        with self.listener.accept()[0] as sock:
            sock.settimeout(PATIENCE)
            with sock.makefile("rb") as stream:
                assert len(stream.read(asked)) == asked
            sock.sendall(b"answer")

    def come(self, asks):
        """It asks so many bytes; none: the server speaks first."""
        with self.socket(self.fleet.client, self.fleet.client.address[self.family], self.PORT) as sock, \
                concurrent.futures.ThreadPoolExecutor(1) as server:
            served = server.submit(self.answer, asks)
            sock.connect(self.to)
            sock.sendall(b"?" * asks)
            assert sock.recv(100) == b"answer"
            served.result()
            assert sock.recv(100) == b""
            names = name_of(self.listener), name_of(sock)
        until(lambda: None if self.fleet.server.sockets().get(names) == "TIME_WAIT"
              else f"{names} not in TIME_WAIT: {self.fleet.server.sockets()}")

    def heard(self):
        return [segment for segment in self.tap.segments() if segment.src == self.to[0]]

    def send_cookie_again(self):
        """That of the last connection, a copy on its way for so long; until the server has said something."""
        heard = self.heard()
        cookie = [segment for segment in heard if segment.flags == "SA"][-1].end
        sent = next(segment for segment in self.tap.segments() if (segment.flags, segment.ack) == ("A", cookie))
        self.tap.send_frame(sent.frame(self.fleet.client.mac, self.fleet.one.mac))
        until(lambda: None if len(self.heard()) > len(heard) else "nothing is said")


def ports_come_again_in_time_wait(fleet):
    """A gateway knows of no TIME_WAIT. The kernel alone would end it for a newer SYN, as the server's guard does for the
    cookie that proves one, also where a RST does not end it; what the last connection sent proves none."""
    clients = [Returning(fleet, family) for family in BOTH]
    until(fleet.all_admitted)
    before = fleet.stats(fleet.server)
    for timestamps in (1, 0):
        fleet.client.sysctl(net__ipv4__tcp_timestamps=timestamps)
        for client in clients:
            for asks, by_reset in ((0, True), (0, False), (8, True), (20_000, False)):
                fleet.server.sysctl(net__ipv4__tcp_rfc1337=int(not by_reset))
                client.come(asks)
        stats = fleet.stats(fleet.server)
        for client in clients:
            client.send_cookie_again()
        assert fleet.stats(fleet.server)["time_waits_ended"] == stats["time_waits_ended"] >= 6, stats
    until(fleet.all_admitted)
    stats = fleet.stats(fleet.server)
    assert [stats[name] - before[name] for name in ("cookies_accepted", "admitted")] == [16, 16], (before, stats)


@test(track=False)
def any_gateway_takes_what_another_one_has_answered(lab):
    """Segment by segment by either; the server answers directly, and what both ends have agreed to is all there is."""
    fleet = Fleet(lab)
    fleet.tell_profile()
    fleet.serve()
    fleet.guard()
    fleet.go_by(fleet.one, fleet.two)
    clients = Clients(fleet, 20)
    clients.join()
    assert not clients.lost, clients.lost
    sent = [fleet.stats(gateway)["cookies_sent"] for gateway in (fleet.one, fleet.two)]
    assert sum(sent) == 20 and min(sent) > 0, sent
    ports = json.loads(fleet.one.run([SYNWARD, "status", "--json"]).stdout)[0]["guard"]["ports"]
    assert [port["admission"] for port in ports] == [{"ipv4": "bpf", "ipv6": "bpf"}] * len(ports), ports
    stats = fleet.stats(fleet.server)
    assert (stats["cookies_accepted"], stats["admitted"], stats["cookies_sent"]) == (20, 20, 0), stats
    for family in BOTH:
        listener = lab.keep(fleet.server.socket(FAMILY[family], socket.SOCK_STREAM))
        listener.bind((SERVICE[family], lab.port + 1))  # is not protected: the kernel's own
        listener.listen()
        found = []
        for port in (lab.port + 1, lab.port):
            client = lab.keep(fleet.client.socket(FAMILY[family], socket.SOCK_STREAM))
            client.settimeout(PATIENCE)
            client.connect((SERVICE[family], port))
            info = TcpInfo(client)
            found.append((info.agreed, info.snd_wscale, info.rcv_wscale, info.snd_mss))
        assert found[0] == found[1], found
    for gateway in (fleet.one, fleet.two):
        batch(gateway, "link set veth mtu 1500")  # what is longer would not come through
    ports_come_again_in_time_wait(fleet)
    fleet.guard_by_proxy()
    clients = Clients(fleet, 10)
    clients.join()
    assert not clients.lost, clients.lost
    stats = fleet.stats(fleet.server)
    assert stats["proxied"] == stats["admitted"] == 10, stats


class Rate:
    """What of the flood reaches the gateways, and is answered, since it was made."""

    def __init__(self, fleet, *gateways):
        self.fleet, self.gateways, self.began, self.before = fleet, gateways, time.monotonic(), [0, 0]
        self.before = self.now()

    def now(self):
        """(segments, cookies)"""
        stats = [self.fleet.stats(gateway) for gateway in self.gateways]
        return [sum(each[name] for each in stats) for name in ("segments", "cookies_sent")]

    def __str__(self):
        took = time.monotonic() - self.began
        came, answered = (int((now - before) / took) for now, before in zip(self.now(), self.before))
        return f"{came:,} segments a second came to {len(self.gateways)} gateways, {answered:,} SYNs were answered"


@test(track=False, limit=120 + CONNECTIONS // 10)
def gateway_may_die_in_a_flood_while_the_key_rolls_and_nobody_is_lost(lab):
    """SW_CONNECTIONS of them, SW_FLOODED SYNs a second to either gateway."""
    if not os.path.exists(FLOOD):
        raise Skip(f"{FLOOD} is not built: make {os.path.relpath(FLOOD)}")
    fleet = Fleet(lab)
    fleet.serve()
    fleet.guard()
    fleet.next_key()
    fleet.go_by(fleet.one, fleet.two)
    for gateway in (fleet.one, fleet.two):
        batch(fleet.client, f"neigh replace {SERVICE[4]} lladdr {gateway.mac.hex(':')} dev veth nud permanent")
        flood = fleet.client.start([FLOOD, "-r", FLOODED, "veth", SERVICE[4], lab.port, 20_000_000, "S"])
        until(lambda: None if fleet.stats(gateway)["cookies_sent"] > 1000 else f"no flood: {flood.poll()}")
    fleet.hurry()
    began, clients, rates = time.monotonic(), Clients(fleet, CONNECTIONS), [Rate(fleet, fleet.one, fleet.two)]
    until(lambda: None if clients.done > CONNECTIONS // 3 else f"{clients.done} are done, {clients.lost}",
          PATIENCE + CONNECTIONS // 20)
    rates[0] = str(rates[0])
    fleet.one.run("ip link set veth down")
    fleet.go_by(fleet.two)
    rates.append(Rate(fleet, fleet.two))
    clients.join()
    if CONNECTIONS >= 1000:
        print(f"    {len(clients.lost)} of {CONNECTIONS:,} connections lost", *rates, sep="\n    ", flush=True)
    time.sleep(max(0, AHEAD + 1 - (time.monotonic() - began)))
    late = Clients(fleet, 10)  # by the new key
    late.join()
    assert not clients.lost + late.lost, (len(clients.lost), clients.lost[:5], late.lost)
    stats = fleet.stats(fleet.server)
    assert (stats["cookies_accepted"], stats["admitted"]) == (CONNECTIONS + 10, CONNECTIONS + 10), stats
