# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The path: two hosts, and between them a namespace in which every frame goes by hand.

    NAME-c                NAME-m                                          NAME-s
    veth ─────────── left │ relay │ right ─────────── veth
                             └──► what the observer is to see: a capture, and the pair tap ── obs, where `synward run`
                                  stands at obs: segments of the client come in there, segments of the server go out

Nothing is forwarded but by send(). Offloads are off at the hosts, so that each frame is one segment with its checksum.
"""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "net"))

import lab  # noqa: E402

CLIENT, SERVER = 0, 1

SOL_PACKET, PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE = 263, 23, 33
RTO_MIN = "10ms"
ALONE = "10.99.0.7"  # of the client, too: what it sends there itself goes over the wire
SYSCTLS = {
    "net.ipv4.tcp_fin_timeout": 60,
    "net.ipv4.tcp_invalid_ratelimit": 0,
    "net.ipv4.tcp_no_metrics_save": 1,
    "net.ipv4.tcp_tw_reuse": 1,
    "net.ipv6.conf.all.accept_ra": 0,
}
SILENT = """table inet silent {
    chain output { type filter hook output priority -10; meta l4proto icmpv6 drop; }
}"""


class Path:
    def __init__(self, name):
        self.name = name
        self.hosts = lab.Host(f"{name}-c", 1), lab.Host(f"{name}-s", 2)
        self.middle = lab.Host(f"{name}-m", 3)
        try:
            self.build()
        except BaseException:
            self.down()
            raise
        self.ends = [self.tap(link) for link in ("left", "right")]
        self.observed = [self.tap(link) for link in ("tap", "obs")]

    def build(self):
        ip = ["".join(line) for host in (*self.hosts, self.middle) for line in (f"netns add {host.name}\n",)]
        for host, link in zip(self.hosts, ("left", "right")):
            ip += [f"link add veth netns {host.name} address {host.mac.hex(':')} type veth "
                   f"peer name {link} netns {self.middle.name}\n"]
        ip += [f"link add tap netns {self.middle.name} type veth peer name obs netns {self.middle.name}\n"]
        lab.run(["ip", "-b", "-"], stdin=None, input="".join(ip))
        self.middle.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        for link in ("left", "right", "tap", "obs"):
            self.middle.run(f"ip link set {link} up")
        for host, peer in zip(self.hosts, reversed(self.hosts)):
            self.equip(host, peer)
        self.equip_alone(self.hosts[CLIENT])

    def equip(self, host, peer):
        host.run(["sysctl", "-qw", *(f"{key}={value}" for key, value in SYSCTLS.items())])
        host.run(["nft", SILENT])
        host.run("ethtool -K veth tso off gso off gro off tx off rx off")
        four, six = host.address[4], host.address[6]
        lines = ["link set lo up", "link set veth up", f"addr add {four}/24 dev veth", f"addr add {six}/64 dev veth nodad",
                 f"route replace 10.99.0.0/24 dev veth proto kernel scope link src {four} rto_min {RTO_MIN}",
                 f"-6 route replace fd00:99::/64 dev veth proto kernel metric 256 rto_min {RTO_MIN}",
                 *(f"neigh replace {to} lladdr {peer.mac.hex(':')} dev veth nud permanent"
                   for to in peer.address.values())]
        for line in lines:
            lab.run(["ip", "-n", host.name, *line.split()])

    def equip_alone(self, host):
        host.run("sysctl -qw net.ipv4.conf.all.accept_local=1 net.ipv4.conf.veth.accept_local=1")
        for line in (f"addr add {ALONE}/32 dev veth", f"neigh replace {ALONE} lladdr {host.mac.hex(':')} dev veth nud permanent",
                     f"route add {ALONE} dev veth scope link src {ALONE} rto_min {RTO_MIN} table 7",
                     f"rule add pref 5 iif lo to {ALONE} lookup 7", "rule add pref 10 lookup local", "rule del pref 0"):
            lab.run(["ip", "-n", host.name, *line.split()])

    def tap(self, link):
        sock = self.middle.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.bind((link, 3 if link in ("left", "right") else 0))
        sock.setblocking(False)
        return sock

    def arrived(self):
        """Yields (end, frame) of all that the hosts have sent."""
        for end, sock in enumerate(self.ends):
            while True:
                try:
                    yield end, sock.recv(1 << 16)
                except BlockingIOError:
                    break

    def send(self, origin, frame):
        """To the other end."""
        self.ends[1 - origin].send(frame)

    def show(self, origin, frame):
        """To the observer at obs."""
        self.observed[origin].send(frame)

    def track(self):
        """Start `synward run` at obs."""
        self.tracker = lab.Tracker(self.middle, ("obs",))

    def down(self):
        lab.run([f"{lab.ROOT}/scripts/lab", "down", self.name], check=False)


class Capture:
    """A pcap that is written. Time is real, and never stands still."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 16, 1))
        self.frames, self.last = 0, 0

    def add(self, frame):
        """The frame's number, from 1."""
        self.last = max(self.last + 1, time.time_ns())
        self.file.write(struct.pack("=IIII", *divmod(self.last, 1_000_000_000), len(frame), len(frame)) + frame)
        self.frames += 1
        return self.frames

    def close(self):
        self.file.close()


STATES = ("", "ESTABLISHED", "SYN_SENT", "SYN_RCVD", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED", "CLOSE_WAIT",
          "LAST_ACK", "LISTEN", "CLOSING", "SYN_RCVD")  # by their numbers in Linux
RETRANSMISSION = 1  # of the timers that sock_diag tells


class Kernel:
    """What a host's kernel says of its sockets, as `ss` has it (sock_diag(7))."""

    def __init__(self, host):
        self.host = host
        self.netlink = host.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)  # NETLINK_SOCK_DIAG

    def ask(self, family, own, port, peer, peer_port):
        """(state, timer) of the socket that a segment from the peer would find; no socket is CLOSED."""
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        ends = b"".join(socket.inet_pton(kind, address).ljust(16, b"\0") for address in (own, peer))
        query = struct.pack("=BBBBI", kind, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + struct.pack("!HH", port, peer_port)
        query += ends + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
        self.netlink.send(struct.pack("=IHHII", 16 + len(query), 20, 1, 0, 0) + query)
        answer = self.netlink.recv(1 << 13)
        kind, = struct.unpack_from("=H", answer, 4)
        if kind == 2:  # NLMSG_ERROR
            error, = struct.unpack_from("=i", answer, 16)
            if error != -2:
                raise OSError(-error, "sock_diag")
            return "CLOSED", 0
        return STATES[answer[17]], answer[18]
