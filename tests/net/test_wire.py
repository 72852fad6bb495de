# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What is on the wire: tags, headers, garbage; volume in both directions; and that nothing is altered or dropped."""

import hashlib
import json
import os
import random
import socket
import struct
import threading

from lab import PATIENCE, Host, Skip, endpoint, on_one_cpu, read_to_end, run, test, until
from tcp import QINQ, VLAN, Segment, checksum, mss, window_scale

BOTH = (4, 6)


# Volume

def transfer(source, sink, count):
    """Send count bytes; their digest at both ends must be the same."""
    block = os.urandom(1 << 20)
    sent, got = hashlib.sha256(), hashlib.sha256()

    def feed():
        left = count
        while left:
            piece = block[:min(left, len(block))]
            sent.update(piece)
            source.sendall(piece)
            left -= len(piece)

    feeder = threading.Thread(target=feed)
    feeder.start()
    left = count
    while left:
        piece = sink.recv(min(left, 1 << 20))
        assert piece, f"the stream ended {left} bytes early"
        got.update(piece)
        left -= len(piece)
    feeder.join()
    assert sent.digest() == got.digest(), "the bytes differ"


@test(families=BOTH)
def large_transfers_arrive_whole_and_are_counted_to_the_byte(lab, family):
    up, down = 50_000_017, 40_000_003
    conn = lab.connection(family).establish()
    lab.mark()
    transfer(conn.client, conn.server, up)
    transfer(conn.server, conn.client, down)
    conn.states("ESTABLISHED", "ESTABLISHED")
    assert conn.flow()["bytes"] == {"a": up, "b": down}, conn.flow()
    lab.counts(out_of_window=0, ack_unsent=0)


@test
def both_directions_at_once_are_counted_to_the_byte(lab):
    conn = lab.connection().establish()
    lab.mark()
    up = threading.Thread(target=transfer, args=(conn.client, conn.server, 30_000_001))
    up.start()
    transfer(conn.server, conn.client, 30_000_023)
    up.join()
    assert conn.flow()["bytes"] == {"a": 30_000_001, "b": 30_000_023}, conn.flow()
    lab.counts(out_of_window=0, ack_unsent=0)


@test
def bytes_are_counted_beyond_4_gigabytes(lab):
    """Both ends by hand: one byte at the far end of a window of half a gigabyte, then the ACK of all before it."""
    left, right = lab.tap(lab.client), lab.tap(lab.server)
    widest = mss(1460) + window_scale(14)
    syn = Segment("10.99.0.66", 40000, "10.99.0.77", lab.port, "S", seq=0, options=widest, window=65535)
    data = syn.but(flags="PA", seq=0, ack=1, options=b"", data=b"x")
    left.send(syn)
    right.send(syn.reply("SA", seq=0, options=widest, window=65535))
    left.send(data.but(flags="A", seq=1, data=b""))
    right.send(data.reply("A", ack=1, window=65535))
    step, steps = 1 << 29, 10
    for number in range(1, steps + 1):
        left.send(data.but(seq=number * step))
        right.send(data.reply("A", ack=number * step + 1, window=65535))
    names = endpoint(syn.src, syn.sport), endpoint(syn.dst, syn.dport)
    until(lambda: None if lab.flow(*names) and lab.flow(*names)["bytes"] == {"a": step * steps, "b": 0}
          else f"flow is {lab.flow(*names)}")


@test(own=True)
def iperf3_both_directions_leaves_no_flow_in_the_wrong_state(lab):
    lab.mark()
    for direction in ([], ["-R"]):
        server = lab.server.start(["iperf3", "-s", "-1", "--forceflush"])
        until(lambda: None if any(state == "LISTEN" for state in lab.server.sockets().values()) else "iperf3 -s waits")
        result = lab.client.run(["iperf3", "-c", "10.99.0.2", "-t", "2", "-P", "2", "-J", *direction])
        sums = json.loads(result.stdout)["end"]
        assert sums["sum_received"]["bytes"] > 1 << 20, sums
        server.wait(PATIENCE)
    until(lambda: None if all(state in ("TIME_WAIT", "CLOSED") for flow in lab.flows()
                              for state in flow["state"].values()) else f"flows: {lab.flows()}")
    lab.counts(flows_opened=6, flows_midstream=0, out_of_window=0, ack_unsent=0)


@test
def window_that_closes_and_opens_keeps_every_byte_in_window(lab):
    conn = lab.connection()
    conn.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    conn.establish()
    lab.mark()
    conn.client.setblocking(False)
    sent = 0
    try:
        while True:
            sent += conn.client.send(b"z" * 4096)
    except BlockingIOError:
        conn.client.shutdown(socket.SHUT_WR)
    assert len(read_to_end(conn.server)) == sent
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    assert conn.flow()["bytes"]["a"] == sent, conn.flow()
    lab.counts(out_of_window=0, ack_unsent=0)


@test
def probes_of_a_closed_window_are_in_window(lab):
    conn = lab.connection()
    conn.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    conn.establish()
    lab.mark()
    conn.client.setblocking(False)
    sent = 0
    try:
        while True:
            sent += conn.client.send(b"z" * 4096)
    except BlockingIOError:
        pass
    until(lambda: None if "persist" in lab.client.run("ss -tanHo").stdout else "the client does not probe yet")
    tap = lab.tap(lab.client)
    tap.wait(lambda segment: segment.dport == lab.port)
    conn.client.shutdown(socket.SHUT_WR)
    assert len(read_to_end(conn.server)) == sent
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    lab.counts(out_of_window=0, ack_unsent=0)


@test(run=["--timeout", "established=4s"])
def keepalives_are_in_window_and_keep_the_flow(lab):
    """One a second, for longer than the flow would live without."""
    conn = lab.connection()
    conn.client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    conn.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    conn.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    conn.establish()
    tap = lab.tap(lab.client)
    lab.mark()
    until(lambda: None if len(tap.segments()) >= 12 else f"{len(tap.segments())} segments of keepalives")
    conn.states("ESTABLISHED", "ESTABLISHED")
    assert conn.flow()["midstream"] is False, conn.flow()
    lab.counts(out_of_window=0, ack_unsent=0, flows_expired=0)


@test
def segments_lost_at_random_leave_the_states_right(lab):
    conn = lab.connection().establish()
    lab.client.drop(f"tcp sport {lab.port} numgen random mod 100 < 5")
    lab.server.drop(f"tcp dport {lab.port} numgen random mod 100 < 5")
    transfer(conn.client, conn.server, 2_000_003)
    transfer(conn.server, conn.client, 2_000_003)
    conn.client.shutdown(socket.SHUT_WR)
    lab.client.keep()
    lab.server.keep()
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    assert conn.flow()["bytes"] == {"a": 2_000_003, "b": 2_000_003}, conn.flow()


@test(own=True)
def fast_open_carries_data_in_the_syn(lab):
    for host in (lab.client, lab.server):
        host.sysctl(**{"net.ipv4.tcp_fastopen": 3})
    listener = lab.keep(lab.server.listener(4, 80))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    tap = lab.tap(lab.client)
    for data in (b"the first gets the cookie", b"the second sends it with its data"):
        client = lab.keep(lab.client.client())
        client.setblocking(True)
        client.sendto(data, socket.MSG_FASTOPEN, ("10.99.0.2", 80))
        client.settimeout(PATIENCE)
        server = lab.keep(listener.accept()[0])
        server.settimeout(PATIENCE)
        names = f"10.99.0.1:{client.getsockname()[1]}", "10.99.0.2:80"
        assert server.recv(100) == data
        server.sendall(b"yes")
        assert client.recv(3) == b"yes"
        client.shutdown(socket.SHUT_WR)
        until(lambda names=names: None if lab.flow(*names)["state"] == {"a": "FIN_WAIT_2", "b": "CLOSE_WAIT"}
              else f"flow is {lab.flow(*names)}")
        assert lab.flow(*names)["bytes"] == {"a": len(data), "b": 3}, lab.flow(*names)
    if not any(segment.flags == "S" and segment.data for segment in tap.segments()):
        raise Skip("this kernel put no data into a SYN")


@test
def mptcp_connection_is_tracked_as_the_tcp_it_is(lab):
    try:
        listener = lab.keep(lab.server.socket(socket.AF_INET, socket.SOCK_STREAM, 262))
        client = lab.keep(lab.client.socket(socket.AF_INET, socket.SOCK_STREAM, 262))
    except OSError as error:
        raise Skip(f"no MPTCP: {error}") from error
    listener.bind(("10.99.0.2", lab.port))
    listener.listen()
    client.settimeout(PATIENCE)
    client.connect(("10.99.0.2", lab.port))
    server = lab.keep(listener.accept()[0])
    client.sendall(b"q" * 1009)
    server.settimeout(PATIENCE)
    assert server.recv(2000)
    names = f"10.99.0.1:{client.getsockname()[1]}", f"10.99.0.2:{lab.port}"
    assert lab.flow(*names)["state"] == {"a": "ESTABLISHED", "b": "ESTABLISHED"}, lab.flow(*names)
    client.close()
    server.close()
    until(lambda: None if lab.flow(*names) is None or lab.flow(*names)["state"]["b"] in ("CLOSED", "TIME_WAIT")
          else f"flow is {lab.flow(*names)}")


# Headers

def handshake_by_hand(lab, vlans=(), family=4, wrap=lambda frame: frame):
    """Both ends by hand: SYN, SYN+ACK, ACK. Returns the two endpoints' names."""
    src, dst = {4: ("10.99.0.66", "10.99.0.77"), 6: ("fd00:99::66", "fd00:99::77")}[family]
    left, right = lab.tap(lab.client), lab.tap(lab.server)
    syn = Segment(src, 40000, dst, lab.port, "S", seq=100, options=mss(1460), vlans=list(vlans))
    left.send_frame(wrap(left.frame(syn)))
    right.send_frame(wrap(right.frame(syn.reply("SA", seq=500, options=mss(1460), vlans=list(vlans)))))
    left.send_frame(wrap(left.frame(syn.but(flags="A", seq=101, ack=501, options=b""))))
    return endpoint(src, 40000), endpoint(dst, lab.port)


def open_for(lab, names):
    until(lambda: None if (lab.flow(*names) or {}).get("state") == {"a": "ESTABLISHED", "b": "ESTABLISHED"}
          else f"flow is {lab.flow(*names)}, all: {lab.flows()}")


@test(families=BOTH)
def tagged_frames_are_tracked(lab, family):
    open_for(lab, handshake_by_hand(lab, [(VLAN, 7)], family))


@test(families=BOTH)
def double_tagged_frames_are_tracked(lab, family):
    open_for(lab, handshake_by_hand(lab, [(QINQ, 7), (VLAN, 8)], family))


@test
def three_tags_are_passed_and_counted(lab):
    lab.mark()
    names = handshake_by_hand(lab, [(QINQ, 7), (VLAN, 8), (VLAN, 9)])
    lab.counts(vlan_deep=3, halfopen_opened=0)
    assert lab.flow(*names) is None


@test
def ipv4_options_are_read_over(lab):
    def with_options(frame):
        head = bytearray(frame[14:34]) + b"\x94\x04\0\0" + b"\1" * 8  # router alert, no-operation
        head[0] = 0x48
        head[2:4] = struct.pack("!H", struct.unpack("!H", head[2:4])[0] + 12)
        head[10:12] = b"\0\0"
        head[10:12] = struct.pack("!H", checksum(bytes(head)))
        return frame[:14] + bytes(head) + frame[34:]

    open_for(lab, handshake_by_hand(lab, wrap=with_options))


@test
def ipv6_extension_headers_are_read_over(lab):
    def extended(frame):
        tcp = frame[54:]
        options = bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([6, 0, 1, 4, 0, 0, 0, 0])  # hop by hop, destination
        head = bytearray(frame[14:54])
        head[4:6] = struct.pack("!H", len(tcp) + len(options))
        head[6] = 0
        return frame[:14] + bytes(head) + options + tcp

    open_for(lab, handshake_by_hand(lab, family=6, wrap=extended))


@test
def fragments_are_passed_and_counted(lab):
    def fragment(frame):
        head = bytearray(frame[14:34])
        head[6:8] = struct.pack("!H", 0x2000)  # more fragments
        head[10:12] = b"\0\0"
        head[10:12] = struct.pack("!H", checksum(bytes(head)))
        return frame[:14] + bytes(head) + frame[34:]

    lab.mark()
    handshake_by_hand(lab, wrap=fragment)
    lab.counts(fragment=3, halfopen_opened=0)


# Garbage

def garbage(count):
    """Frames that are random, mutated, or cut off anywhere; the same ones every time."""
    source = random.Random(23)
    mac = bytes([2, 0, 0, 0, 0, 1]), bytes([2, 0, 0, 0, 0, 2])
    for number in range(count):
        family = source.choice((("10.99.0.66", "10.99.0.77"), ("fd00:99::66", "fd00:99::77")))
        vlans = [(source.choice((VLAN, QINQ)), source.randrange(4096)) for _ in range(source.randrange(4))]
        segment = Segment(family[0], source.randrange(65536), family[1], source.randrange(65536),
                          "".join(letter for letter in "FSRPAUEC" if source.random() < 0.3),
                          seq=source.getrandbits(32), ack=source.getrandbits(32),
                          options=source.randbytes(source.randrange(11) * 4), data=source.randbytes(source.randrange(64)),
                          vlans=vlans)
        frame = bytearray(segment.frame(*mac))
        if number % 4 == 0:
            frame = bytearray(mac[1] + mac[0] + source.randbytes(source.randrange(2, 200)))
        elif number % 4 == 1:
            for _ in range(source.randrange(1, 8)):
                frame[source.randrange(12, len(frame))] = source.randrange(256)
        elif number % 4 == 2:
            frame = frame[:source.randrange(14, len(frame))]
        yield bytes(frame)


STOPS = ("not_ip", "vlan_deep", "not_tcp", "fragment", "ext_header", "truncated", "bad_ip", "bad_tcp")


def send_patiently(tap, frame):
    """A packet socket's queue may be full for a moment."""
    def check():
        try:
            tap.send_frame(frame)
            return None
        except OSError as error:
            return f"can't send: {error}"

    until(check)


def arrivals(lab, frames):
    """What reaches the server's stack of these frames; and the tap there."""
    left, right = lab.tap(lab.client), lab.tap(lab.server)
    with on_one_cpu():
        for frame in [*frames, LAST]:
            send_patiently(left, frame)
            right.read()
    until(lambda: right.read() or (None if LAST in right.received else "the last frame did not arrive"))
    return [frame for frame in right.received if not is_noise(frame)][:-1], right


def is_noise(frame):
    """Multicast of the kernels' own."""
    return frame[0] & 1


LAST = bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x12, 0x34]) + b"the last of them"


@test(track=False)
def garbage_is_counted_frame_by_frame_and_passed_on(lab):
    frames = list(garbage(5003))
    without, *_ = arrivals(lab, frames)
    lab.track()
    lab.mark()
    passed, tap = arrivals(lab, frames)
    assert passed == without, f"{len(passed)} frames got through, {len(without)} without synward"
    rise = {}

    def counted():
        """Every frame at the interface, those that the kernels send of their own at any moment included."""
        rise.update(lab.rise("frames", "segments", *STOPS))
        tap.read()
        wanted = len(frames) + 1 + len(tap.sent) + sum(map(is_noise, tap.received))
        return None if rise["frames"] == wanted else f"{rise}, expected {wanted}"

    until(counted)
    assert sum(rise[name] for name in STOPS) + rise["segments"] == rise["frames"], rise
    assert min(rise[name] for name in ("segments", "not_ip", "vlan_deep", "truncated", "bad_ip", "bad_tcp")) > 0, rise
    lab.connection().establish()


@test(own=True)
def tracking_alters_and_drops_no_frame(lab):
    """Every frame at one end of the wire is at the other end, byte for byte. (Two CPUs send, and a tap may see their
    frames in another order than the wire.)"""
    for host in (lab.client, lab.server):
        host.run("ethtool -K veth tso off gso off gro off tx off")
    left, right = lab.tap(lab.client), lab.tap(lab.server)
    conn = lab.connection().establish()
    transfer(conn.client, conn.server, 500_009)
    transfer(conn.server, conn.client, 500_009)
    conn.client.close()
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")

    def same():
        left.read()
        right.read()
        if sorted(left.sent) != sorted(right.received):
            return f"{len(left.sent)} frames left the client, {len(right.received)} reached the server"
        if sorted(right.sent) != sorted(left.received):
            return f"{len(right.sent)} frames left the server, {len(left.received)} reached the client"
        return None

    until(same)
    assert len(left.sent) > 300, len(left.sent)


# A router

@test(track=False)
def routed_connection_is_one_flow_counted_once(lab):
    """The server's host forwards to a third one; XDP at both interfaces sees both directions, tc need not count."""
    router, third = lab.server, Host(f"{lab.name}-t", 3)
    run(f"ip netns add {third.name}")
    run(f"ip link add veth2 netns {router.name} address 02:00:00:00:01:02 type veth "
        f"peer name veth address 02:00:00:00:00:03 netns {third.name}")
    third.address = {4: "10.99.1.3"}
    for host, script in ((router, "link set veth2 up; addr add 10.99.1.2/24 dev veth2; "
                                  "neigh replace 10.99.1.3 lladdr 02:00:00:00:00:03 dev veth2"),
                         (third, "link set lo up; link set veth up; addr add 10.99.1.3/24 dev veth; "
                                 "route add default via 10.99.1.2"),
                         (lab.client, "route add 10.99.1.0/24 via 10.99.0.2")):
        for line in script.split("; "):
            run(f"ip -n {host.name} {line}")
    run(f"ip -n {third.name} neigh replace 10.99.1.2 lladdr 02:00:00:00:01:02 dev veth")
    router.sysctl(**{"net.ipv4.ip_forward": 1})
    lab.track(interfaces=("veth", "veth2"))
    listener, client = lab.keep(third.listener(4, 80)), lab.keep(lab.client.client())
    tap = lab.tap(lab.client)
    lab.mark()
    client.settimeout(PATIENCE)
    client.connect(("10.99.1.3", 80))
    server = lab.keep(listener.accept()[0])
    transfer(client, server, 100_003)
    transfer(server, client, 50_021)
    client.close()
    server.close()
    names = name_of_peer(tap), "10.99.1.3:80"
    until(lambda: None if lab.flow(*names)["state"] == {"a": "TIME_WAIT", "b": "CLOSED"} else f"{lab.flow(*names)}")
    assert lab.flow(*names)["bytes"] == {"a": 100_003, "b": 50_021}, lab.flow(*names)
    rise = lab.rise("flows_opened", "segments", "forwarded", "out_of_window", "ack_unsent")
    assert rise["flows_opened"] == 1 and rise["forwarded"] > 0, rise
    assert rise["segments"] <= len(tap.segments()) * 1.2, (rise, len(tap.segments()))
    assert rise["out_of_window"] == rise["ack_unsent"] == 0, rise


def name_of_peer(tap):
    syn = next(segment for segment in tap.segments() if segment.flags == "S")
    return endpoint(syn.src, syn.sport)


# Counts

@test(families=BOTH, own=True)
def twenty_three_connections_are_twenty_three_flows(lab, family):
    """Held against the kernel's own counters."""
    def kernel(name):
        rows = [line.split() for line in lab.server.run("nstat -asz").stdout.splitlines()]
        return next(int(row[1]) for row in rows if row[0] == name)

    listener = lab.keep(lab.server.listener(family, lab.port))
    tap = lab.tap(lab.server)
    before = {name: kernel(name) for name in ("TcpPassiveOpens", "TcpInSegs")}
    lab.mark()
    for _ in range(23):
        conn = lab.connection(family, listen=listener).start().accept()
        conn.client.sendall(b"hello")
        assert conn.server.recv(5) == b"hello"
        conn.client.close()
        conn.server.close()
        conn.states("TIME_WAIT", "CLOSED")
    assert kernel("TcpPassiveOpens") - before["TcpPassiveOpens"] == 23
    lab.counts(flows_opened=23, flows_closed=23, halfopen_opened=23, segments=len(tap.segments()))
    incoming = sum(segment.dport == lab.port for segment in tap.segments())
    assert kernel("TcpInSegs") - before["TcpInSegs"] == incoming
    assert lab.stats()["flows_live"] == 23, lab.stats()
    assert lab.stats()["halfopen_live"] == 0, lab.stats()


@test(own=True)
def spoofed_syns_are_half_open_and_nothing_else(lab):
    tap = lab.tap(lab.client)
    lab.mark()
    for number in range(1009):
        segment = Segment(f"10.99.{1 + number // 250}.{1 + number % 250}", 1000, "10.99.0.2", 81, "S", seq=number,
                          options=mss(1460))
        send_patiently(tap, tap.frame(segment))
    lab.counts(halfopen_opened=1009, flows_opened=0)
    until(lambda: None if lab.stats()["halfopen_live"] <= 1009 and lab.stats()["flows_live"] == 0
          else f"{lab.stats()}")
