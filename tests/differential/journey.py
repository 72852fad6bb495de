# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The way of each segment of one schedule: to the other host, and to the observer, or not."""

import random
import socket
import struct
import time
from dataclasses import dataclass, field

from path import CLIENT, SERVER
from schedule import BEFORE, BEHIND, DELAY, LATE, LOSE, LOST_AT_MOST, LOST_IN_A_ROW, PAST, TWICE, Fate
from tcp import Segment, checksum, parse

HELD_AT_MOST = 0.012  # a delayed segment goes on after this long, if no other comes
FORGED_AT_ONCE = 3
STORM = 3000  # segments of one schedule: from here on nothing arrives


@dataclass
class Sent:
    """A segment, and how it fared."""

    end: int
    segment: Segment
    frame: bytes
    generation: int
    fate: Fate
    forged: bool = False
    seen: list = field(default_factory=list)  # its numbers among the frames that the observer was shown
    got: int = 0  # times that the other host was handed it

    def __str__(self):
        words = ["forged as" if self.forged else "", "AB"[self.end], f"{self.segment.flags:3}",
                 f"seq={self.segment.seq} ack={self.segment.ack} len={len(self.segment.data)}",
                 "shown as " + ",".join(map(str, self.seen)) if self.seen else "not shown",
                 {0: "never arrived", 1: ""}.get(self.got, f"arrived {self.got} times"), f"({self.fate})"]
        return " ".join(word for word in words if word not in ("", "()"))


@dataclass
class Waiting:
    """A segment, or a copy of it, that is on its way: to the observer, to the host, or both."""

    sent: Sent
    show: bool
    send: bool
    further: int = 0  # segments that go first
    until: float = 0.0


class Journey:
    def __init__(self, relay, lane):
        self.relay, self.lane, self.schedule = relay, lane, lane.schedule
        self.sent = []
        self.held = None  # what the ends have sent, while it waits for the other's
        self.waiting, self.late = [], []
        self.counts, self.lost, self.row = [0, 0], 0, [0, 0]
        self.rng = random.Random(f"{self.schedule.seed} forged")
        self.last = time.monotonic()

    def arrived(self, end, frame):
        """A host has sent this."""
        if len(self.sent) >= STORM:
            return
        self.last = time.monotonic()
        if self.held is not None:
            self.held.append((end, frame))
            return
        for waiting in self.waiting:
            waiting.further -= 1
        frame = self.strip(frame)
        sent = Sent(end, parse(frame), frame, self.lane.ends.generation, self.fate(end))
        self.sent.append(sent)
        self.meet(sent)
        self.due()

    def fate(self, end):
        """Of this end's next segment. What is lost is bounded, so that all comes to rest."""
        fate = self.schedule.profile.fate(self.schedule.seed, end, self.counts[end])
        self.counts[end] += 1
        lost = fate.what == LOSE and fate.place != PAST
        if lost and (self.lost >= LOST_AT_MOST or self.row[end] >= LOST_IN_A_ROW):
            return Fate()
        self.lost += lost
        self.row[end] = self.row[end] + 1 if lost else 0
        return fate

    def meet(self, sent):
        """A fate before the observer is met on the way to observer and host, behind it to the host alone, past it to
        the observer alone; the other way is free."""
        fate = sent.fate
        show, send = fate.place in (BEFORE, PAST), fate.place in (BEFORE, BEHIND)
        if fate.what in (LOSE, DELAY):
            self.pass_on(Waiting(sent, not show, not send))
        else:
            self.pass_on(Waiting(sent, True, True))
        copy = Waiting(sent, show, send, fate.wait, self.last + HELD_AT_MOST)
        if fate.what == TWICE:
            self.pass_on(copy)
        elif fate.what == DELAY:
            self.waiting.append(copy)
        elif fate.what == LATE:
            self.late.append(copy)

    def pass_on(self, waiting):
        sent = waiting.sent
        if waiting.show:
            sent.seen.append(self.relay.show(self.lane, sent.end, sent.frame))
        if waiting.send:
            sent.got += 1
            self.relay.path.send(SERVER if self.lane.ends.alone else sent.end, sent.frame)

    def due(self):
        """Sends on what has waited long enough."""
        now = time.monotonic()
        ready = [waiting for waiting in self.waiting if waiting.further <= 0 or waiting.until <= now]
        self.waiting = [waiting for waiting in self.waiting if waiting not in ready]
        self.all_on(ready)

    def all_on(self, those):
        for waiting in those:
            self.last = time.monotonic()
            self.pass_on(waiting)

    def hold(self):
        self.held = []

    def crossed(self):
        """Both ends have sent something since hold()."""
        return {end for end, _ in self.held} >= {CLIENT, SERVER}

    def release(self):
        held, self.held = self.held or [], None
        for end, frame in held:
            self.arrived(end, frame)

    def release_late(self):
        """Copies that were kept back arrive now."""
        late, self.late = self.late, []
        self.all_on(late)

    def forge(self):
        """Someone who sees neither end sends segments to both, observed."""
        for end in (CLIENT, SERVER):
            last = next((sent.segment for sent in reversed(self.sent) if sent.end == end and not sent.forged and
                         "R" not in sent.segment.flags), None)
            for _ in range(FORGED_AT_ONCE if last else 0):
                host, segment = self.relay.path.hosts[end], forgery(self.rng, last)
                frame = segment.frame(host.mac, host.peer_mac)
                self.sent.append(Sent(end, segment, frame, self.lane.ends.generation, Fate(), forged=True))
                self.all_on([Waiting(self.sent[-1], True, True)])

    def strip(self, frame):
        """Takes the options that the schedule names off a SYN, as some middleboxes do: NOPs in their place."""
        start = 54 if self.schedule.family == 6 else 34
        if not self.schedule.stripped or not frame[start + 13] & 2:
            return frame
        frame = bytearray(frame)
        at, end = start + 20, start + (frame[start + 12] >> 4) * 4
        while at < end and frame[at]:
            size = 1 if frame[at] == 1 else frame[at + 1]
            if frame[at] in self.schedule.stripped:
                frame[at:at + size] = b"\1" * size
            at += size
        frame[start + 16:start + 18] = b"\0\0"
        addresses = bytes(frame[22:54] if self.schedule.family == 6 else frame[26:34])
        pseudo = addresses + struct.pack("!II", len(frame) - start, socket.IPPROTO_TCP)
        frame[start + 16:start + 18] = struct.pack("!H", checksum(pseudo + bytes(frame[start:])))
        return bytes(frame)


def forgery(rng, last):
    """A segment that its receiver must refuse, one way or the other: its number is not the one expected, and in the
    window only where that has to be so exact (RFC 5961)."""
    flags = rng.choice(("R", "RA", "S", "SA", "A", "PA", "FA"))
    far = rng.choice((1, -1)) * rng.randrange(1 << 24, 1 << 31)
    offset = rng.choice((rng.choice((1, 2, 1000, 5000)), far)) if set(flags) & set("RS") else far
    return Segment(last.src, last.sport, last.dst, last.dport, flags, seq=last.end + offset,
                   ack=last.ack if "A" in flags else 0, data=b"forged" if flags == "PA" else b"")
