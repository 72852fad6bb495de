# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Real TCP in namespaces, captured by tcpdump while `ss` watches: replay must say what ss said at that moment."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from harness import ROOT, Skip, must, same, synward, test

sys.path.append(os.path.join(ROOT, "tests", "net"))
import lab as laboratory  # noqa: E402 (the path is set above)


class Recording:
    """tcpdump on one host, and what ss says of all hosts at chosen moments."""

    def __init__(self, lab, host, device="veth", *words):
        self.lab, self.moments = lab, []
        self.file = tempfile.NamedTemporaryFile(suffix=".pcap")
        os.chmod(self.file.name, 0o666)  # tcpdump drops its rights
        self.log = tempfile.TemporaryFile("w+")
        command = ["tcpdump", "-i", device, "-U", "-n", "--immediate-mode", *words, "-w", self.file.name, "tcp"]
        self.process = host.start(command, stderr=self.log)
        laboratory.until(lambda: None if "listening on" in self.text() else f"tcpdump: {self.text()}")

    def text(self):
        return os.pread(self.log.fileno(), 1 << 16, 0).decode()

    def sockets(self):
        found = {}
        for host in (self.lab.client, self.lab.server):
            found.update({key: state for key, state in host.sockets().items() if state != "LISTEN"})
        return found

    def watch(self, *states):
        """Wait until the sockets are in these states, and note the moment."""
        def check():
            found = sorted(self.sockets().values())
            return None if found == sorted(states) else f"ss says {found}, not {sorted(states)}"

        laboratory.until(check)
        self.moments.append((time.time(), self.sockets()))

    def has(self, word):
        """Whether replay says so of what has been captured so far."""
        return word in synward("replay", self.file.name, "--json").out

    def settle(self):
        """Wait until tcpdump has written what it was given: for a while it sleeps, and its file stays as long as it is."""
        looks = []

        def check():
            with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
                asleep = stat.read().rpartition(") ")[2].startswith("S")
            looks.append((asleep, os.stat(self.file.name).st_size))
            return None if len(looks) > 20 and set(looks[-20:]) == {(True, looks[-1][1])} else "tcpdump goes on writing"

        laboratory.until(check)

    def stop(self):
        self.settle()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(laboratory.PATIENCE)
        must("0 packets dropped by kernel" in self.text(), f"tcpdump lost packets: {self.text()}")
        return synward("replay", self.file.name, "--json").ok()

    def check(self):
        """Replay the capture and hold every moment against it."""
        result = self.stop()
        same({s["reason"] for s in result.segments()} - {None, "syn_retransmitted"}, set(), "reasons")
        for moment, sockets in self.moments:
            states = {}
            for s in result.segments():
                if s["ts"] <= moment:
                    states[s["src"], s["dst"]] = s["src_state"]
                    states[s["dst"], s["src"]] = s["dst_state"]
            for ends, state in sockets.items():
                same(states.get(ends), state, f"{ends[0]} at {moment}")
        return result


@contextlib.contextmanager
def two_hosts():
    """A lab, removed in the end whatever happens."""
    def on_term(_signal, _frame):
        raise KeyboardInterrupt

    if subprocess.run(["which", "tcpdump"], capture_output=True, check=False).returncode:
        raise Skip("there is no tcpdump")
    before = signal.signal(signal.SIGTERM, on_term)
    try:
        yield laboratory.Lab()
    finally:
        laboratory.Lab.all_down()
        signal.signal(signal.SIGTERM, before)


def connect(lab, family=4, port=1000):
    """A connected pair of sockets, the client's and the server's."""
    with lab.server.listener(family, port) as listener:
        client = lab.keep(lab.client.client(family))
        client.settimeout(laboratory.PATIENCE)
        client.connect((lab.server.address[family], port))
        server = lab.keep(listener.accept()[0])
        server.settimeout(laboratory.PATIENCE)
    return client, server


def open_talk_and_close(family):
    with two_hosts() as lab:
        recording = Recording(lab, lab.server)
        client, server = connect(lab, family)
        recording.watch("ESTABLISHED", "ESTABLISHED")
        client.sendall(b"x" * 100)
        server.recv(100)
        client.shutdown(socket.SHUT_WR)
        recording.watch("CLOSE_WAIT", "FIN_WAIT_2")
        server.sendall(b"y" * 77)
        client.recv(77)
        server.close()
        recording.watch("TIME_WAIT")
        flow = recording.check().flow()
        same((flow["conn_state"], flow["bytes"]), ("SF", {"a": 100, "b": 77}), "flow")


@test
def lab_open_talk_and_close():
    open_talk_and_close(4)


@test
def lab_open_talk_and_close_ipv6():
    open_talk_and_close(6)


@test
def lab_simultaneous_close():
    with two_hosts() as lab:
        recording = Recording(lab, lab.server)
        client, server = connect(lab)
        recording.watch("ESTABLISHED", "ESTABLISHED")
        lab.client.hold()
        lab.server.hold()
        client.close()
        server.close()
        laboratory.until(lambda: None if sorted(recording.sockets().values()) == ["FIN_WAIT_1"] * 2 else "not yet")
        lab.client.release()
        lab.server.release()
        recording.watch("TIME_WAIT", "TIME_WAIT")
        flow = recording.check().flow()
        same((flow["conn_state"], "CLOSING" in flow["history"]["a"]), ("SF", True), "flow")


@test
def lab_reset_and_refused():
    with two_hosts() as lab:
        recording = Recording(lab, lab.server)
        client, _ = connect(lab)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        recording.watch()
        with lab.client.client() as refused:
            refused.settimeout(laboratory.PATIENCE)
            same(refused.connect_ex((lab.server.address[4], 9)), 111, "connect to a closed port")
        same([flow["conn_state"] for flow in recording.check().flows()], ["RSTO", "REJ"], "conn_state")


@test
def lab_lost_segments_are_sent_again():
    with two_hosts() as lab:
        recording = Recording(lab, lab.server)
        lab.server.drop("tcp flags & (syn | ack) == ack")
        with lab.server.listener(4, 1000), lab.client.client() as client:
            client.connect_ex((lab.server.address[4], 1000))
            laboratory.until(lambda: None if recording.has("syn_retransmitted") else "the SYN+ACK was not sent again")
            lab.server.keep()
            client.send(b"x")
            recording.watch("ESTABLISHED", "ESTABLISHED")
        same({s["flags"] for s in recording.stop().segments() if s["reason"]}, {"SA"}, "what was sent again")


@test
def lab_self_connection():
    with two_hosts() as lab:
        recording = Recording(lab, lab.client, "lo")
        with lab.client.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
            own.bind(("127.0.0.1", 5000))
            own.connect(("127.0.0.1", 5000))
            recording.watch("ESTABLISHED")
            own.sendall(b"x" * 10)
            own.recv(10)
        recording.watch("TIME_WAIT")
        flow = recording.check().flow()
        same((flow["a"], flow["b"], flow["conn_state"]), ("127.0.0.1:5000", "127.0.0.1:5000", "SF"), "flow")
        must({"SYN_RCVD", "CLOSING"} <= set(flow["history"]["a"]), f"history {flow['history']}")


def bulk(device, host, *words):
    """What is sent is what replay counts, offload and snap length notwithstanding."""
    with two_hosts() as lab:
        recording = Recording(lab, getattr(lab, host), device, "-B", "65536", *words)
        client, server = connect(lab)
        chunk, total = b"z" * 65536, 0
        for _ in range(64):
            client.sendall(chunk)
            left = len(chunk)
            while left:
                got = len(server.recv(left))
                left, total = left - got, total + got
        client.close()
        server.close()
        recording.watch("TIME_WAIT")
        flow = recording.check().flow()
        same((flow["bytes"]["a"], flow["conn_state"]), (total, "SF"), "flow")


@test
def lab_bulk_captured_by_the_sender():
    bulk("veth", "client")


@test
def lab_bulk_captured_by_the_receiver_with_a_short_snap_length():
    bulk("veth", "server", "-s", "96")


@test
def lab_bulk_captured_on_any_device():
    bulk("any", "client", "-s", "120")
