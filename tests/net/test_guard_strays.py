# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What comes to a guarded port and belongs to no connection: a few such segments a second are the kernel's to answer, more
are a flood. What the kernel alone does with the same frames is what guard spares it."""

import time

from lab import on_one_cpu, test, until
from test_guard_modes import STRAYS_PER_SECOND, guard, has, nstat, other_puppet, puppet_echo, syn

MANY = 5003


def resets(lab):
    return nstat(lab.server, "TcpOutRsts")


def many(puppet, segment):
    """Sends it often. The seconds that it took."""
    frame = puppet.tap.frame(segment)
    began = time.monotonic()
    with on_one_cpu():
        for _ in range(MANY):
            puppet.tap.send_frame(frame)
    return time.monotonic() - began


@test(track=False, families=(4, 6))
def acks_that_no_half_open_connection_waits_for_are_few(lab, family):
    listener = lab.keep(lab.server.listener(family, lab.port))
    first = lab.puppet(family)
    first.tap.send(syn(first))
    has(lab, lab.port, 1)
    unwanted = syn(first, flags="A", seq=first.isn + 1, ack=4711, options=b"")
    many(first, unwanted)
    until(lambda: None if resets(lab) >= MANY else f"the kernel alone has sent {resets(lab)} RSTs for {MANY}")

    guard(lab, "--cookies", "auto")
    before = resets(lab)
    puppet = other_puppet(lab, first, 41000)
    puppet.send("S", options=puppet.options)
    puppet.receive("SA", ack=puppet.snd)
    seconds = many(puppet, unwanted.but(sport=puppet.port, seq=puppet.snd))

    def fate():
        answered, dropped = resets(lab) - before, lab.rise("stray")["stray"]
        return None if answered + dropped == MANY else f"{answered} answered, {dropped} dropped of {MANY}"

    until(fate)
    assert 0 < resets(lab) - before <= STRAYS_PER_SECOND * (seconds + 1), (resets(lab) - before, seconds)
    # Its own ACK is wanted, whatever came before it.
    puppet.send("A")
    puppet_echo(puppet, lab.keep(listener.accept()[0]))
