#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Time to connect and to the first byte over a path with a delay: no synward, guard, and guard by proxy.

    client veth ── near  relay (this file: every frame waits for half a round trip)  far ── veth server

The relay is in the way without a delay, too. It takes part of a millisecond; netem is not in every kernel.
"""

import collections
import concurrent.futures
import json
import math
import select
import signal
import socket
import subprocess
import sys
import time

from common import LAB, PINS, ROOT, SYNWARD, enter, inside, run, say

DELAYED = f"{LAB}-d"
ROUND_TRIPS = 0, 10, 100  # ms
COUNT = {0: 1000, 10: 1000, 100: 300}  # connections
AT_ONCE = 10
SPEAKS, LISTENS = 81, 80  # ports: the server speaks first, or answers
KINDS = {"server": (SPEAKS, 0), **{f"client, {size:,} bytes": (LISTENS, size) for size in (100, 4000, 20000)}}
ALWAYS = "--guard", f"{LISTENS},{SPEAKS}", "--cookies", "always"
WAYS = {"no synward": None, "guard": ALWAYS, "guard, by proxy": (*ALWAYS, "--admission", "proxy")}


# --- What runs in the namespaces: delayed.py relay|serve|clients ... -----------------------------

def relay(round_trip_ms):
    ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2)]
    for end, name in zip(ends, ("near", "far")):
        end.bind((name, 0))
        end.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
        end.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    waiting, delay = collections.deque(), int(round_trip_ms) / 2000
    while True:
        wait = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for end in select.select(ends, [], [], wait)[0]:
            waiting.append((time.monotonic() + delay, ends[end is ends[0]], end.recv(65536)))
        while waiting and waiting[0][0] <= time.monotonic():
            _, other, frame = waiting.popleft()
            other.send(frame)


def answer(sock, port):
    with sock:
        size = 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if port == LISTENS:
            size = int.from_bytes(sock.recv(2), "big") - 2
        while size > 0:
            size -= len(sock.recv(size))
        sock.sendall(b"x")
        sock.recv(1)


def serve():
    with concurrent.futures.ThreadPoolExecutor(4 * AT_ONCE) as pool:
        ports = {socket.create_server(("", port), backlog=1024): port for port in (LISTENS, SPEAKS)}
        while True:
            for listener in select.select(list(ports), [], [])[0]:
                pool.submit(answer, listener.accept()[0], ports[listener])


def ask(port, size):
    """Seconds until it was connected, and until the first byte had come."""
    began = time.monotonic()
    with socket.create_connection(("10.99.0.2", port), timeout=20) as sock:
        connected = time.monotonic()
        sock.sendall((size.to_bytes(2, "big") + bytes(size))[:size])
        if not sock.recv(1):
            raise OSError("closed")
        return connected - began, time.monotonic() - began


def clients(port, size, count):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        print(json.dumps(list(pool.map(lambda _: ask(int(port), int(size)), range(int(count))))))


# --- The path -------------------------------------------------------------------------------------

def plug(host, number, end):
    other = 3 - number
    run("ip", "link", "add", "veth", "netns", f"{DELAYED}-{host}", "address", f"02:00:00:00:00:0{number}", "type", "veth",
        "peer", "name", end, "netns", f"{DELAYED}-m")
    for words in (("link", "set", "veth", "up"), ("addr", "add", f"10.99.0.{number}/24", "dev", "veth"),
                  ("neigh", "replace", f"10.99.0.{other}", "lladdr", f"02:00:00:00:00:0{other}", "dev", "veth")):
        inside(host, "ip", *words, lab=DELAYED)
    inside(host, "ethtool", "-K", "veth", "tx", "off", "tso", "off", "gso", "off", lab=DELAYED)
    inside("m", "ip", "link", "set", end, "up", lab=DELAYED)
    inside("m", "ip", "link", "set", end, "xdp", "pinned", f"{PINS}/pass_ingress", lab=DELAYED)


def build():
    run(f"{ROOT}/scripts/lab", "up", DELAYED)
    run("ip", "netns", "add", f"{DELAYED}-m")
    inside("c", "ip", "link", "del", "veth", lab=DELAYED)
    for host, number, end in (("c", 1, "near"), ("s", 2, "far")):
        plug(host, number, end)
    inside("c", "ip", "link", "set", "veth", "xdp", "pinned", f"{PINS}/pass_ingress", lab=DELAYED)


def start(host, *words):
    return subprocess.Popen(enter(host, sys.executable, __file__, *words, lab=DELAYED), stderr=subprocess.DEVNULL)


def end(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def measure_way(options, round_trip):
    """{kind: [(connected, first byte)]}"""
    guard = options and subprocess.Popen(enter("s", SYNWARD, "run", "veth", *options, lab=DELAYED),
                                         stderr=subprocess.PIPE, text=True)
    while guard and "serving" not in guard.stderr.readline():
        if guard.poll() is not None:
            sys.exit("bench: synward run ended")
    running = [start("m", "relay", round_trip), start("s", "serve")]
    time.sleep(0.5)
    try:
        return {kind: json.loads(inside("c", sys.executable, __file__, "clients", port, size, COUNT[round_trip],
                                        lab=DELAYED)) for kind, (port, size) in KINDS.items()}
    finally:
        for process in running:
            end(process)
        if guard:
            guard.terminate()
            guard.wait()
            subprocess.run(enter("s", SYNWARD, "detach", "veth", lab=DELAYED), stderr=subprocess.DEVNULL)


def measure():
    """{(round trip, way): {kind: [(connected, first byte)]}}"""
    found = {}
    try:
        build()
        for round_trip in ROUND_TRIPS:
            for way, options in WAYS.items():
                say(f"delayed, {round_trip} ms, {way}")
                found[round_trip, way] = measure_way(options, round_trip)
    finally:
        run(f"{ROOT}/scripts/lab", "down", DELAYED)
        subprocess.run(["ip", "netns", "del", f"{DELAYED}-m"], stderr=subprocess.DEVNULL)
    return found


def percentile(values, share):
    return 1000 * sorted(values)[math.ceil(share * len(values)) - 1]


def show(found):
    print(f"\nms to connect, and to the first byte from the start; {AT_ONCE} clients at a time, through a relay\n"
          f"  {'':<52}{'connect':>16}{'first byte':>18}\n"
          f"  {'round trip':<12}{'who speaks first':<22}{'':<18}{'p50':>8}{'p99':>8}{'p50':>10}{'p99':>8}")
    for round_trip in ROUND_TRIPS:
        for kind in KINDS:
            for way in WAYS:
                connect, first = zip(*found[round_trip, way][kind])
                print(f"  {f'{round_trip} ms':<12}{kind:<22}{way:<18}{percentile(connect, 0.5):>8.1f}"
                      f"{percentile(connect, 0.99):>8.1f}{percentile(first, 0.5):>10.1f}{percentile(first, 0.99):>8.1f}")


if __name__ == "__main__":
    {"relay": relay, "serve": serve, "clients": clients}[sys.argv[1]](*sys.argv[2:])
