# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Under a flood of spoofed SYNs: how many a defender answers, and what becomes of real clients.

The generator, the wire, the defender and the meter share one processor (BPF_PROG_RUN of live frames
sends 64, and the kernel takes them in on the same processor before it sends the next). Clients,
nginx and all the rest are on the other. What arrives is received on the flood's processor, the
clients' segments, too, save where they have a queue of their own.
"""

import contextlib
import json
import subprocess
import time

from common import BENCH, ROUNDS, SECONDS, inside, middle, ratio, say
from defenders import (FIELD, PORT, SERVER, Conntrack, Drop, Guard, GuardAuto, GuardProxy, KernelCookies,
                       Reflector, Synproxy, flood, flood_words, lost_on_the_wire, syn_acks)

PACE = 200_000  # SYNs a second that every defender here can answer
CLIENTS = 1  # one after another, so that the times are the way's, and not of a queue at the client

# SYNs a second, 0 for all there can be, None for none; and queues of the wire: with one, its ring is shared with the
# flood, and what is lost there is lost whoever defends; with two, the clients have their own.
WEATHERS = {"idle": (None, 1), f"{PACE // 1000},000 SYN/s": (PACE, 1), "all one core sends": (0, 1),
            "all one core, own queue": (0, 2)}

DEFENDERS = (Drop, Reflector, Guard, GuardAuto, GuardProxy, KernelCookies, Synproxy, Conntrack)


def answers(family):
    """Frames sent and SYN-ACKs met, both a second, of a second's flood."""
    before = syn_acks()
    sent = flood("-t", 1, family=family)
    return {"sent": sent["per_second"], "answered": (syn_acks() - before) / sent["seconds"]}


@contextlib.contextmanager
def flooding(pace):
    """pace: as in WEATHERS."""
    if pace is None:
        yield
        return
    process = subprocess.Popen(flood_words("-r", pace, "-t", SECONDS + 10), stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        yield
        if process.poll() is not None:
            raise SystemExit("bench: the flood ended before the clients: fewer SECONDS, please")
    finally:
        process.terminate()
        process.wait()


def clients():
    before = lost_on_the_wire()
    words = "-g", SERVER[4], PORT, 30_000, CLIENTS, SECONDS
    return {**json.loads(inside("c", f"{BENCH}/connect", *words, lab=FIELD)), "lost": lost_on_the_wire() - before}


def turn(kind):
    result = {}
    with kind() as defender:
        for family in SERVER:  # first: for a while after its queues were set a wire takes twice as long
            result[family] = answers(family)
        for weather, (pace, queues) in WEATHERS.items() if defender.serves else ():
            with defender.receivers_pinned(queues), flooding(pace):
                result[weather] = clients()
    return result


def measure():
    """{name: [what one round found]}; a defender that there is not yet has none."""
    found = {kind.name: [] for kind in DEFENDERS}
    for number in range(ROUNDS):
        say(f"floods, round {number + 1} of {ROUNDS}")
        for kind in DEFENDERS:
            if not kind.why_not:
                found[kind.name].append(turn(kind))
    return found


def rate(turns, family=4):
    return [one[family]["answered"] for one in turns]


def waits(turns, weather):
    return [one[weather]["p99_us"] for one in turns]


def ratios(found):
    """(what, wanted, measured or None) for the table on top."""
    guard = found[Guard.name]
    for other, wanted in ((KernelCookies, ">= 5"), (Synproxy, ">= 5"), (Reflector, ">= 0.85")):
        yield f"SYN-ACKs a second, guard / {other.name}", wanted, ratio(rate(guard), rate(found[other.name]))
    for weather in WEATHERS:
        yield (f"connections a second, {weather}, proxy / {Synproxy.name}", ">= 3",
               ratio(*([one[weather]["per_second"] for one in found[kind.name]] for kind in (GuardProxy, Synproxy))))
    for weather in list(WEATHERS)[1:]:
        yield f"p99 to connect, {weather} / idle", "<= 2", ratio(waits(guard, weather), waits(guard, "idle"))


def show(found):
    show_rates(found)
    show_clients(found)


def millions(value):
    return format(value / 1e6, ".2f")


def show_rates(found):
    print("\nSpoofed SYNs, all on one core, generator included, millions a second")
    print(f"  {'':<18}{'SYN-ACKs':>10}{'of sent':>9}{'IPv6':>8}{'of sent':>9}{'ns each':>9}{'net of the drop':>17}")
    floor = middle(1e9 / one[4]["sent"] for one in found[Drop.name])
    for kind in DEFENDERS:
        if kind.why_not:
            print(f"  {kind.name:<18}{kind.why_not}")
            continue
        turns = found[kind.name]
        line = f"  {kind.name:<18}"
        for family, width in ((4, 10), (6, 8)):
            share = middle(one[family]["answered"] / one[family]["sent"] for one in turns)
            cells = ("-", "-") if kind is Drop else (millions(middle(rate(turns, family))), format(share, ".0%"))
            line += f"{cells[0]:>{width}}{cells[1]:>9}"
        each = floor if kind is Drop else 1e9 / max(1, middle(rate(turns)))
        print(line + f"{each:>9.0f}{each - floor:>17.0f}")


def show_clients(found):
    print(f"\nReal clients of nginx, {CLIENTS} at a time, {SECONDS} s, the flood on the other core; "
          "us, the slowest in ms; lost: frames of theirs in the full ring of the wire")
    print(f"  {'':<16}{'':<26}{'conn/s':>7}{'failed':>8}{'lost':>6}{'connect p50':>13}{'p99':>7}"
          f"{'answer p50':>12}{'p99':>8}{'slowest':>9}")
    for kind in DEFENDERS:
        if not kind.serves:
            continue
        if kind.why_not:
            print(f"  {kind.name:<16}{kind.why_not}")
            continue
        for weather in WEATHERS:
            turns = [one[weather] for one in found[kind.name]]
            value = {key: middle(one[key] for one in turns) for key in turns[0]}
            slowest = max(max(one["max_us"], one["answer_max_us"]) for one in turns) / 1000
            print(f"  {kind.name if weather == 'idle' else '':<16}{weather:<26}{value['per_second']:>7.0f}"
                  f"{value['failed']:>8.0f}{value['lost']:>6.0f}{value['p50_us']:>13.0f}{value['p99_us']:>7.0f}"
                  f"{value['answer_p50_us']:>12.0f}{value['answer_p99_us']:>8.0f}{slowest:>9.0f}")
