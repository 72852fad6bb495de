# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a seed means: how a connection begins, what its ends do, and what the path does to their segments.

Everything is drawn from the seed before the first segment is sent, and a segment's fate is drawn from the seed, its
direction and its number, so that a schedule can be run again. What the kernel sends in answer, and when, is its own.
"""

import random
from dataclasses import dataclass, field

from path import CLIENT, SERVER

# Where a segment meets its fate: on the way to the observer, behind it, or past it. What is lost before it nobody gets,
# what is lost behind it only the observer gets, what is lost past it only the host gets.
BEFORE, BEHIND, PAST = "before", "behind", "past"
PLACES = BEFORE, BEHIND, PAST
LOSE, TWICE, DELAY, LATE = "lose", "twice", "delay", "late"
LOST_AT_MOST = 10  # on the path, in one schedule
LOST_IN_A_ROW = 2  # of one direction


@dataclass
class Step:
    """Actions (end, verb, value) done in one go. In one that crosses, what the ends send waits for the other's."""

    actions: list
    crossing: bool = False

    def __str__(self):
        words = ", ".join(f"{'AB'[end]} {verb}{f' {value}' if value else ''}" for end, verb, value in self.actions)
        return words + (", crossing" if self.crossing else "")


@dataclass
class Fate:
    """What becomes of one segment: a place, what happens there, and for how many further segments it waits."""

    place: str = BEFORE
    what: str = ""
    wait: int = 0

    def __str__(self):
        return f"{self.what} {self.place}" if self.what else ""


@dataclass
class Profile:
    """What the path does: chances by place, and what of each direction the observer is never shown."""

    name: str
    rates: dict = field(default_factory=dict)  # place: chance
    blind: tuple = ()  # ends whose segments all pass the observer by
    burst: tuple = ()  # (first, last) number of a direction's segments that pass it by

    def fate(self, seed, end, number):
        rng = random.Random(f"{seed} {end} {number}")
        if end in self.blind or self.burst and self.burst[0] <= number <= self.burst[1]:
            return Fate(PAST, LOSE)
        for place in PLACES:
            if rng.random() < self.rates.get(place, 0):
                what = rng.choices((LOSE, TWICE, DELAY, LATE), (5, 2, 3, 2))[0]
                return Fate(place, what, rng.randint(1, 3))
        return Fate()


def profile(rng):
    name = rng.choices(("clean", *PLACES, "mixed", "one_way", "burst", "forged"), (2, 4, 4, 8, 4, 2, 3, 2))[0]
    if name in PLACES:
        return Profile(name, {name: rng.choice((0.1, 0.25, 0.4))})
    if name == "mixed":
        return Profile(name, {place: rng.choice((0.05, 0.15)) for place in PLACES})
    if name == "one_way":
        return Profile(name, blind=(rng.randrange(2),))
    if name == "burst":
        first = rng.randrange(8)
        return Profile(name, burst=(first, first + rng.randrange(1, 6)))
    return Profile(name)


SIZES = 1, 100, 1448, 3000, 8000
STRIPPED = (), (), (8,), (4, 5), (3,), (3, 4, 5, 8)  # kinds of TCP options that the path takes off SYNs


class Schedule:
    def __init__(self, seed):
        rng = random.Random(seed)
        self.seed = seed
        self.family = rng.choice((4, 6))
        self.active = rng.choice((CLIENT, CLIENT, SERVER))
        self.opening = rng.choices(("listen", "cross", "refused", "self"), (14, 4, 1, 1))[0]
        if self.opening == "self":
            self.family, self.active = 4, CLIENT
        self.profile = profile(rng)
        self.stripped = rng.choice(STRIPPED)
        if self.opening == "self":  # it would take what it offers itself for its peer's, and answer its answers for ever
            self.stripped = ()
        self.room = rng.choice((0, 0, 0, 4000))  # SO_RCVBUF
        self.isn = rng.choice((0, 0, 0, (1 << 32) - rng.choice((1, 2, 1000, 5000))))  # of the first SYN; 0: the kernel's
        self.steps = [self.open()] + [self.step(rng) for _ in range(rng.randint(2, 7))]
        if rng.random() < 0.3:
            self.steps += [Step([(0, "close", 0), (1, "close", 0)], rng.random() < 0.5), self.open()]
            self.steps += [self.step(rng) for _ in range(rng.randint(0, 3))]
        order = rng.sample((0, 1), 2)
        self.steps += [Step([(order[0], "close", 0)]), Step([(order[1], "close", 0)])]

    def open(self):
        if self.opening == "cross":
            return Step([(0, "connect", 0), (1, "connect", 0)], crossing=True)
        listen = [(1 - self.active, "listen", 0)] if self.opening == "listen" else []
        return Step([*listen, (self.active, "connect", 0)])

    def step(self, rng):
        end = rng.randrange(2)
        verb = rng.choices(("send", "read", "shutdown", "close", "reset", "vanish", "unlisten", "connect"),
                           (8, 5, 5, 3, 2, 1, 0.5, 1))[0]
        if verb == "connect":
            return self.open()
        if verb == "vanish" and rng.random() < 0.6:
            return Step([(self.active, verb, 0), *self.open().actions], self.opening == "cross")
        if verb in ("read", "vanish", "unlisten") or rng.random() < 0.6:
            return Step([(end, verb, rng.choice(SIZES) if verb == "send" else 0)])
        other = rng.choice((verb, verb, "send", "shutdown", "close", "reset"))
        return Step([(at, what, rng.choice(SIZES) if what == "send" else 0) for at, what in ((end, verb), (1 - end, other))],
                    crossing=rng.random() < 0.7)

    def __str__(self):
        lost = f" without options {self.stripped}" if self.stripped else ""
        lost += f", first ISN {self.isn}" if self.isn else ""
        lost += f", room for {self.room}" if self.room else ""
        return (f"seed {self.seed}: IPv{self.family}, {self.opening}, active {'AB'[self.active]}, "
                f"{self.profile.name}{lost}: " + "; ".join(map(str, self.steps)))
