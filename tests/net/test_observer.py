# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What an observer misses on a real path, and what it must not believe: fragments, one direction only, a port that is
used again over a dead connection, blind segments into a live one. The last word is with `ss`.

    client veth 10.99.1.1 ── left  router  right ── veth 10.99.0.2 server          (the tests with a router)
"""

import random
import socket

from lab import OBJECT, TCP_REPAIR, Failure, Host, endpoint, run, sockets, test, until
from tcp import Segment

BLIND = 250  # segments of each kind in each direction
SMALL_MTU = 600
OVER_SOON = 120  # seconds
SYN_RCVD_STAYS = 60


class Router(Host):
    """Between the lab's two hosts, in place of their wire."""

    def __init__(self, lab):
        super().__init__(f"{lab.name}-r", 3)
        lab.client.address = {4: "10.99.1.1"}
        run(["ip", "netns", "add", self.name])
        lab.client.run("ip link del veth")
        for host, link, network in ((lab.client, "left", 1), (lab.server, "right", 0)):
            run(["ip", "link", "add", "veth", "netns", host.name, "address", host.mac.hex(":"), "type", "veth",
                 "peer", "name", link, "netns", self.name])
            self.join(host, link, network)
        self.sysctl(net__ipv4__ip_forward=1)

    def join(self, host, link, network):
        own = f"10.99.{network}.254"
        self.batch(f"addr add {own}/24 dev {link}", f"link set {link} up",
                   f"neigh replace {host.address[4]} lladdr {host.mac.hex(':')} dev {link} nud permanent")
        mac = self.run(["cat", f"/sys/class/net/{link}/address"]).stdout.strip()
        host.run(["ip", "-b", "-"], stdin=None, input="\n".join((
            f"addr add {host.address[4]}/24 dev veth", "link set veth up",
            f"neigh replace {own} lladdr {mac} dev veth nud permanent", f"route add default via {own}")))

    def batch(self, *lines):
        self.run(["ip", "-b", "-"], stdin=None, input="\n".join(lines))

    def pass_by(self, sender, receiver):
        """What the sender sends takes a way of its own from now on, not over the router."""
        run(["ip", "link", "add", "direct", "netns", sender.name, "type", "veth",
             "peer", "name", "direct", "address", receiver.mac.hex(":"), "netns", receiver.name])
        receiver.sysctl(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__direct__rp_filter=0)
        receiver.run("ip link set direct up")
        to = receiver.address[4]
        sender.run(["ip", "-b", "-"], stdin=None, input="\n".join((
            "link set direct up", f"route add {to}/32 dev direct src {sender.address[4]}",
            f"neigh replace {to} lladdr {receiver.mac.hex(':')} dev direct nud permanent")))


# Fragments

def fragmenting(lab):
    """A connection whose larger segments to the server arrive in two fragments."""
    router = Router(lab)
    router.run(f"ip link set right mtu {SMALL_MTU}")
    lab.client.sysctl(net__ipv4__ip_no_pmtu_disc=1)
    lab.track(host=lab.server)
    conn = lab.connection().establish()
    lab.mark()
    conn.client.send(b"q" * 1000)
    got = 0
    while got < 1000:
        got += len(conn.server.recv(1000))
    conn.server.send(b"answer")
    assert conn.client.recv(100) == b"answer"
    lab.counts(fragment=2)
    conn.states("ESTABLISHED", "ESTABLISHED")
    return conn


@test(own=True, track=False)
def request_in_fragments_then_a_close_by_the_client(lab):
    conn = fragmenting(lab)
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")


@test(own=True, track=False)
def request_in_fragments_then_a_close_by_the_server(lab):
    conn = fragmenting(lab)
    conn.server.close()
    conn.states("CLOSE_WAIT", "FIN_WAIT_2")
    conn.client.close()
    conn.states("CLOSED", "TIME_WAIT")


# One direction

def says(lab, conn, name, *states):
    """synward has one of these states for that end."""
    def check():
        flow = conn.flow()
        said = flow and flow["state"]["a" if flow["a"] == name else "b"]
        return None if said in states else f"{name}: expected one of {states}, synward says {said}: {flow}"

    until(check)


def ends_are(lab, conn, client, server):
    """By `ss` alone. A server that is gone is LISTEN: its listener is still there."""
    wanted = client, "LISTEN" if server == "CLOSED" else server
    until(lambda: None if sockets(lab, *conn.names) == wanted else
          f"ss says {sockets(lab, *conn.names)}, expected {wanted}")


def soon_over(lab, conn):
    """It does not stay for ESTABLISHED's five days."""
    flow = conn.flow()
    if flow and flow["expires"] > OVER_SOON:
        raise Failure(f"stays for {flow['expires']} s: {flow}")


def one_way(lab, heard, closes_first):
    """A whole life of which the router sees what one end sends. What that end has said holds, and when it has closed
    the flow does not stay for days. Of the other end's FIN its acknowledgement alone is seen, as of one more byte."""
    other = {"client": "server", "server": "client"}[heard]
    router = Router(lab)
    router.pass_by(getattr(lab, other), getattr(lab, heard))
    lab.track(host=router, interfaces=("left", "right"))
    conn = lab.connection().start().accept()
    ends_are(lab, conn, "ESTABLISHED", "ESTABLISHED")
    name = conn.names[heard == "server"]
    for sender, receiver in ((heard, other), (other, heard)):
        getattr(conn, sender).send(b"some data")
        assert getattr(conn, receiver).recv(100) == b"some data"
    says(lab, conn, name, "ESTABLISHED")
    getattr(conn, closes_first).shutdown(socket.SHUT_WR)
    if heard == closes_first:
        says(lab, conn, name, "FIN_WAIT_1", "FIN_WAIT_2")
    getattr(conn, other if heard == closes_first else heard).close()
    ends_are(lab, conn, *(("TIME_WAIT", "CLOSED") if closes_first == "client" else ("CLOSED", "TIME_WAIT")))
    says(lab, conn, name, "FIN_WAIT_1", "FIN_WAIT_2", "CLOSING", "TIME_WAIT", "LAST_ACK", "CLOSED")
    soon_over(lab, conn)


@test(own=True, track=False)
def router_that_sees_the_client_alone_knows_that_it_closed_first(lab):
    one_way(lab, "client", closes_first="client")


@test(own=True, track=False)
def router_that_sees_the_client_alone_knows_that_it_closed_last(lab):
    one_way(lab, "client", closes_first="server")


@test(own=True, track=False)
def router_that_sees_the_server_alone_knows_that_it_closed_first(lab):
    one_way(lab, "server", closes_first="server")


@test(own=True, track=False)
def router_that_sees_the_server_alone_knows_that_it_closed_last(lab):
    one_way(lab, "server", closes_first="client")


# The same four numbers over a connection that is dead

def lose_power(sock):
    """The socket is gone, and no segment says so."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    sock.close()


def routed(lab):
    lab.track(host=Router(lab), interfaces=("left", "right"))
    conn = lab.connection().establish()
    conn.client.send(b"before")
    assert conn.server.recv(100) == b"before"
    return conn


def lives_and_closes(conn):
    conn.states("ESTABLISHED", "ESTABLISHED")
    conn.client.send(b"after")
    assert conn.server.recv(100) == b"after"
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")


@test(own=True, track=False)
def client_without_memory_connects_again_from_the_same_port(lab):
    """The server challenges its SYN, is told that there is no such connection, and takes the next SYN."""
    conn = routed(lab)
    lose_power(conn.client)
    conn.states("ESTABLISHED", "ESTABLISHED", ss=("CLOSED", "ESTABLISHED"))
    lives_and_closes(conn.again().start().accept())


@test(own=True, track=False)
def two_hosts_without_memory_connect_again_over_the_old_flow(lab):
    conn = routed(lab)
    lose_power(conn.client)
    lose_power(conn.server)
    conn.states("ESTABLISHED", "ESTABLISHED", ss=("CLOSED", "LISTEN"))
    lives_and_closes(conn.again().start().accept())


@test(own=True, track=False)
def server_without_memory_resets_what_it_does_not_know(lab):
    conn = routed(lab)
    lose_power(conn.server)
    conn.client.send(b"are you there")
    conn.states("CLOSED", "CLOSED")


# A server that repeats its SYN+ACK to a client that has acknowledged it

def not_taken_yet(lab, conn):
    """Client ESTABLISHED, server SYN_RCVD, for `ss` and for synward, and the flow stays no longer than SYN_RCVD does."""
    conn.states("ESTABLISHED", "SYN_RCVD")
    expires = conn.flow()["expires"]
    assert expires <= SYN_RCVD_STAYS, f"stays for {expires} s"


@test
def full_accept_queue_leaves_the_server_in_syn_rcvd(lab):
    """A backlog of 1 takes two. One is there, and of two more that come at the same time one has to wait."""
    listener = lab.keep(lab.server.listener(4, lab.port, backlog=1))
    first, one, two = (lab.connection(listen=listener) for _ in range(3))
    first.start().states("ESTABLISHED", "ESTABLISHED")
    lab.server.hold()
    for conn in one, two:
        conn.start()
        conn.states("SYN_SENT", "LISTEN", ss=("SYN_SENT", "SYN_RCVD"))
    lab.server.release()
    until(lambda: None if sockets(lab, *two.names)[0] == "ESTABLISHED" else "the client is not ESTABLISHED")
    not_taken_yet(lab, two)
    for conn in first, one, two:
        conn.accept()
    two.server.send(b"at last")
    assert two.client.recv(100) == b"at last"
    two.states("ESTABLISHED", "ESTABLISHED")


@test
def deferred_accept_is_nothing_that_the_wire_shows(lab):
    """The server's kernel waits for data in SYN_RCVD, and says nothing meanwhile: here one can't know (E7)."""
    listener = lab.keep(lab.server.listener(4, lab.port))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
    conn = lab.connection(listen=listener).start()
    conn.states("ESTABLISHED", "ESTABLISHED", ss=("ESTABLISHED", "SYN_RCVD"))
    conn.client.send(b"what it waits for")
    conn.accept().states("ESTABLISHED", "ESTABLISHED")


# Blind segments into a live connection

class Blind:
    """Somebody who knows the four numbers sends as both ends of a connection. The last true segment of each end is
    there for tests that know more."""

    def __init__(self, lab, family):
        self.conn = lab.connection(family)
        self.taps = lab.tap(lab.client), lab.tap(lab.server)
        self.rng = random.Random(1)
        self.conn.establish()
        self.last = [self.taps[0].wait(lambda segment, name=name: endpoint(segment.src, segment.sport) == name and
                                       "A" in segment.flags) for name in self.conn.names]

    def send(self, end, flags, seq, ack, **fields):
        last = self.last[end]
        self.taps[end].send(Segment(last.src, last.sport, last.dst, last.dport, flags, seq, ack, **fields))

    def guess(self, end, flags):
        self.send(end, flags, self.rng.randrange(1 << 32), self.rng.randrange(1 << 32) if "A" in flags else 0,
                  data=b"blind" if "P" in flags else b"")


@test(families=(4, 6))
def blind_segments_of_every_kind_change_nothing(lab, family):
    """One in 2^17 has a sequence number in the window, and of these few are right in all that counts (RFC 5961)."""
    blind = Blind(lab, family)
    for flags in ("R", "RA", "S", "SA", "A", "FA", "PA"):
        for _ in range(BLIND):
            blind.guess(0, flags)
            blind.guess(1, flags)
    lives_and_closes(blind.conn)


@test(families=(4, 6))
def forged_fin_ahead_of_the_stream_does_not_outlive_the_real_close(lab, family):
    """It is in the window and its ACK is good, so that the receiver keeps it, beyond a hole that is never filled."""
    blind = Blind(lab, family)
    for end in (0, 1):
        blind.send(end, "FA", blind.last[end].end + 30_000, blind.last[1 - end].end)
    lives_and_closes(blind.conn)


@test(families=(4, 6))
def forged_ack_ahead_of_the_stream_does_not_outlive_the_real_close(lab, family):
    """Linux refuses it; to an observer that may have missed data it is possible."""
    blind = Blind(lab, family)
    for end in (0, 1):
        blind.send(end, "A", blind.last[end].end, blind.last[1 - end].end + 30_000)
    lives_and_closes(blind.conn)


# One hook, one place

STRANGERS = ("10.99.0.77", 7000, "10.99.0.78", 80)


@test(track=False)
def spoofed_pair_is_proved_on_one_hook_alone(lab):
    """With `ip link` alone nothing better than two segments of one end is to be had; README says so."""
    def left():
        return [(flow["state"]["a"], flow["expires"] > OVER_SOON) for flow in lab.flows("--port", "7000")]

    lab.server.run(f"ip link set dev veth xdp obj {OBJECT} sec xdp.frags")
    tap = lab.tap(lab.client)
    for flags, seq in (("S", 0), ("A", 1)):
        tap.send(Segment(*STRANGERS, flags, seq=seq))
    until(lambda: None if left() == [("ESTABLISHED", True)] else f"flows: {lab.flows()}")


@test
def what_is_heard_at_one_place_stays_half_open(lab):
    """A router with one arm: both ends come in by the same interface. A handshake is seen, and yet not proved; what
    is picked up in the middle lives a minute."""
    def table():
        lines = lab.synward("flows").stdout.splitlines()
        return {line.split()[0]: line.split()[2:4] + line.split()[8:] for line in lines if line.startswith("10.99.0.77:")}

    tap = lab.tap(lab.client)
    syn = Segment(*STRANGERS, "S", seq=100)
    answer = syn.reply("SA", seq=500)
    tap.send(syn)
    tap.send(answer)
    tap.send(answer.reply("A"))
    middle = Segment("10.99.0.77", 7001, "10.99.0.78", 80, "PA", seq=100, ack=500, data=b"x")
    for segment in (middle, middle.reply("A"), middle.but(seq=101), middle.reply("A")):
        tap.send(segment)
    wanted = {"10.99.0.77:7000": ["ESTABLISHED", "ESTABLISHED", "h"], "10.99.0.77:7001": ["ESTABLISHED", "ESTABLISHED", "hm"]}
    until(lambda: None if table() == wanted else f"flows: {table()}")
    assert lab.flows("--port", "7000")[0]["expires"] > OVER_SOON, lab.flows()
    assert lab.flows("--port", "7001")[0]["expires"] <= 60, lab.flows()
