# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Odd sequences come to the same by proxy as with the kernel alone: the same client, played by hand, speaks to a guarded
port and to the next one up, which is not; and what the server's application got, and the client, is compared.

A sequence is of steps, FLAGS[@OFFSET][:DATA][%WINDOW]: a segment with these flags, at the number that comes next, or so
many off it, where it does not count as sent. "?" waits for the SYN+ACK, "<" for data, "." until all that was sent is acknowledged;
meanwhile it is sent again, as a client's TCP would. The server answers an end with "bye" and what it has got. A "!"
before the name: the server speaks first.
"""

import contextlib
import re
import threading
import time

from lab import GUARDED, PATIENCE, test, until
from tcp import Puppet

PROXY = ["--guard", GUARDED, "--cookies", "always", "--admission", "proxy"]

SEQUENCES = {
    "nothing odd": "S ? A PA:one . PA:two . FA",
    "data in the ACK": "S ? PA:one . FA",
    "FIN in the ACK": "S ? FA",
    "data and FIN in the ACK": "S ? FPA:one",
    "SYN sent again before the answer": "S S@-1 ? A PA:one . FA",
    "SYN sent again after the answer": "S ? S@-1 ? A PA:one . FA",
    "SYN sent again after the ACK": "S ? A S@-1 PA:one . FA",
    "SYN sent again after data": "S ? A PA:one . S@-4 PA:two . FA",
    "SYN in the window after data": "S ? A PA:one . S@7 PA:two . FA",
    "SYN+ACK of the client's": "S ? A PA:one . SA PA@-1:two",
    "data in the SYN": "S:early ? A PA:one . FA",
    "ACK three times": "S ? A A A PA:one . FA",
    "RST in place of the ACK": "S ? R",
    "RST after data": "S ? A PA:one . R",
    "RST off by one after data": "S ? A PA:one . R@1 PA:two . FA",
    "RST and ACK after data": "S ? A PA:one . RA",
    "data out of order": "S ? A PA@3:two PA:one PA:two . FA",
    "data out of order with the ACK": "S ? PA@3:two PA:one PA:two . FA",
    "data twice": "S ? A PA:one PA@-3:one PA:two . FA",
    "data that overlaps": "S ? A PA:abcdef . PA@-3:defghi PA:ghi . FA",
    "data beyond the FIN": "S ? A PA:one FA PA:late",
    "FIN before its data": "S ? A FA@3 PA:one FA",
    "FIN twice": "S ? A PA:one . FA FA@-1",
    "urgent data": "S ? A PUA:one! . PA:two . FA",
    "urgent data in the ACK": "S ? PUA:one! . PA:two . FA",
    "no data but URG": "S ? A PA:one . UA PA:two . FA",
    "all flags but SYN": "S ? FPUA:one! .",
    "ECN asked for": "SEC ? A PA:one . FA",
    "CWR with data": "SEC ? A CPA:one . EPA:two . FA",
    "window of nothing": "S ? A%0 PA:one%0 . A FA",
    "!window of nothing, then one": "S ? A%0 A FA",
    "!window of one byte": "S ? A%1 FA%1 A",
    "!nothing odd": "S ? A FA",
    "!FIN in the ACK": "S ? FA",
    "!RST after the server's word": "S ? A < R",
    "keep-alive": "S ? A PA:one . A@-1 PA@-1:e PA:two . FA",
    "no flags": "S ? A _ PA:one . FA",
    "PSH alone": "S ? A P:one PA:one . FA",
    "FIN alone": "S ? A PA:one . F FA@-1",
    "SYN and FIN": "S ? A PA:one . SF@0 PA:two . FA",
}
# Guard drops the ACK whose cookie is wrong, of which there may be a flood; the kernel alone answers with a RST.
DROPPED = {
    "ACK of nothing sent, then the ACK": "S ? A^9 A PA:one . FA",
    "ACK below, then the ACK": "S ? A^-9 A PA:one . FA",
}
# A cookie has no memory of what came between it and its ACK: the kernel forgets the request, and answers with a RST.
FORGOTTEN = {
    "SYN of other numbers before the ACK": "S ? S@5000 A PA:one . FA",
    "RST in place of the ACK, then the ACK": "S ? R A PA:one . FA",
}
STEP = re.compile(r"([FSRPAUEC_]+)(?:@(-?\d+))?(?:\^(-?\d+))?(?::([^%]*))?(?:%(\d+))?$")


class Servers:
    """On both ports; what they have got, by port and client."""

    def __init__(self, lab, family):
        self.got, self.speaks = {}, set()
        self.guarded, self.alone = lab.port, lab.port + 1
        for port in (self.guarded, self.alone):
            listener = lab.keep(lab.server.listener(family, port, 128))
            threading.Thread(target=self.serve, args=(listener, port), daemon=True).start()

    def serve(self, listener, port):
        with contextlib.suppress(OSError):
            while True:
                sock, client = listener.accept()
                threading.Thread(target=self.answer, args=(sock, port, client[:2]), daemon=True).start()

    def answer(self, sock, port, client):
        got, end = b"", "reset"
        with sock, contextlib.suppress(OSError):
            sock.settimeout(PATIENCE)
            if client in self.speaks:
                sock.sendall(b"hello ")
            while part := sock.recv(1000):
                got += part
            end = "end"
            sock.sendall(b"bye " + got)
        self.got[port, client] = got, end


def play(puppet, steps):
    """One by one."""
    puppet.kept, puppet.stuck = [], None
    for step in steps.split():
        if step == "?":
            puppet.rcv = puppet.tap.wait(lambda segment: is_answer(puppet, segment)).end
        elif step == "<":
            puppet.tap.wait(lambda segment: is_for(puppet, segment) and segment.data)
        elif step == ".":
            if not acknowledged(puppet):
                puppet.stuck = puppet.snd
                return
        else:
            send(puppet, *STEP.match(step).groups())


def is_answer(puppet, segment):
    return is_for(puppet, segment) and {"S", "A"} <= set(segment.flags) and segment.ack == (puppet.isn + 1) % (1 << 32)


def is_for(puppet, segment):
    return (segment.src, segment.sport, segment.dport) == (puppet.peer, puppet.peer_port, puppet.port)


def send(puppet, flags, offset, ack, data, window):
    fields = {"data": (data or "").encode(), "window": int(window or 64240)}
    flags = flags.strip("_")
    if "S" in flags:
        fields["options"] = puppet.options
    if "U" in flags and data:
        fields["urgent"] = len(data)
    if ack:
        fields["ack"] = puppet.rcv + int(ack)
    if offset:
        fields["seq"] = puppet.snd + int(offset)
    segment = puppet.send(flags, **fields)
    if "S" in flags and data and not offset:
        puppet.snd -= len(data)  # is not taken
    if data and "S" not in flags:
        puppet.kept.append(segment)


def seen(puppet):
    return [segment for segment in puppet.tap.segments() if is_for(puppet, segment)]


def acknowledged(puppet):
    """Before the client gives up: after a second, or a RST."""
    for _ in range(5):
        end = time.monotonic() + 0.25
        while time.monotonic() < end:
            if any("A" in segment.flags and segment.ack == puppet.snd for segment in seen(puppet)):
                return True
            if any("R" in segment.flags for segment in seen(puppet)):
                return False
            time.sleep(0.002)
        for segment in puppet.kept:
            puppet.tap.send(segment)
    return False


def heard(puppet):
    """What the client has been told: data in order, and how it ended."""
    segments = [segment for segment in seen(puppet) if segment.data or "F" in segment.flags or "R" in segment.flags]
    first = puppet.rcv
    data, end = {}, set()
    for segment in segments:
        data.update({(segment.seq + n - first) % (1 << 32): byte for n, byte in enumerate(segment.data)})
        end |= set(segment.flags) & set("FR")
    return bytes(data[n] for n in sorted(data)), "".join(sorted(end))


def outcome(servers, puppet):
    """What the application has got and how that ended; what the client has; and the number that was not acknowledged."""
    return servers.got.get((puppet.peer_port, (puppet.address, puppet.port))), *heard(puppet), puppet.stuck


@test(run=PROXY, families=(4, 6))
def odd_sequences_come_to_the_same_as_with_the_kernel_alone(lab, family):
    servers, played, first = Servers(lab, family), {}, lab.puppet(family)
    for number, (name, steps) in enumerate({**SEQUENCES, **DROPPED, **FORGOTTEN}.items()):
        for port in (servers.alone, servers.guarded):
            puppet = Puppet(first.tap, first.address, 41000 + number, first.peer, port, isn=1000 + number)
            if name.startswith("!"):
                servers.speaks.add((puppet.address, puppet.port))
            play(puppet, steps)
            played[name, port] = puppet

    def differences():
        for name in {**SEQUENCES, **DROPPED}:
            ours, kernels = (outcome(servers, played[name, port]) for port in (servers.guarded, servers.alone))
            if name in DROPPED:
                assert "R" in kernels[2], (name, kernels)
                kernels = (*kernels[:2], kernels[2].replace("R", ""), kernels[3])
            if ours != kernels:
                yield f"{name}: {ours}, and the kernel alone {kernels}"

    until(lambda: "\n".join(differences()) or None)
    assert outcome(servers, played["data out of order", servers.guarded])[:2] == ((b"onetwo", "end"), b"bye onetwo")
    for name in FORGOTTEN:
        until(lambda: None if outcome(servers, played[name, servers.guarded])[0] == (b"one", "end") else name)
        assert outcome(servers, played[name, servers.alone])[0] is None, name
    for puppet in played.values():
        puppet.send("R")
