# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A flood of spoofed SYNs, by tests/bench/flood: it costs no live connection its place."""

import os

from lab import SYNWARD, Skip, test, until

FLOOD = os.path.join(os.path.dirname(SYNWARD), "tests", "bench", "flood")
COUNT = 10_000_000


@test(own=True, limit=150)
def flood_of_ten_million_syns_costs_no_live_flow(lab):
    """Established flows stay, and whoever connects during and after the flood is tracked once established."""
    if not os.path.exists(FLOOD):
        raise Skip(f"{FLOOD} is not built: make {os.path.relpath(FLOOD)}")
    before = [lab.connection(port=1000 + number).establish() for number in range(23)]
    lab.mark()
    spare_the_kernel(lab)
    during = []
    while seen(lab) < COUNT and len(during) < 300:
        flood = lab.client.start([FLOOD, "veth", "10.99.0.2", "2000", str(COUNT // 2)])
        while flood.poll() is None:
            during.append(lab.connection(port=3000 + len(during)).establish())
        assert flood.returncode == 0
    assert seen(lab) >= COUNT and len(during) > 3, (seen(lab), len(during))
    after = [lab.connection(port=2999).establish()]
    for conn in before + during + after:
        conn.client.send(b"x")
        assert conn.server.recv(1) == b"x"
        conn.states("ESTABLISHED", "ESTABLISHED")
    rise = lab.rise("flows_opened", "flow_table_full")
    assert rise == {"flows_opened": len(during) + 1, "flow_table_full": 0}, rise


@test(own=True, run=["--half-open", "1048576", "--timeout", "syn-sent=2s", "--timeout", "listen=2s"])
def burst_of_deadlines_leaves_no_flow_behind(lab):
    """More flows end at once than the ring buffer of due flows holds: each is removed, and counted once."""
    if not os.path.exists(FLOOD):
        raise Skip(f"{FLOOD} is not built: make {os.path.relpath(FLOOD)}")
    spare_the_kernel(lab)
    lab.mark()
    for _ in range(3):
        lab.client.run([FLOOD, "veth", "10.99.0.2", "2000", "200003"])
        until(lambda: still_there(lab), 20)
    opened, expired = lab.rise("halfopen_opened", "flows_expired").values()
    assert opened == expired > 300_000, (opened, expired)


def still_there(lab):
    opened, expired = lab.rise("halfopen_opened", "flows_expired").values()
    return f"{expired} of {opened} have expired" if expired < opened else None


def spare_the_kernel(lab):
    """It is not what is tested: it sees nothing of the flood behind the tracker."""
    lab.server.nft('table netdev flood { chain ingress { type filter hook ingress device "veth" priority 0; '
                   "ip saddr 198.18.0.0/15 drop;\n}\n}")


def seen(lab):
    """SYNs that the tracker saw: under full load the wire loses some before it."""
    return sum(lab.rise("halfopen_opened", "halfopen_failed").values())
