# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A flood of spoofed SYNs, by tests/bench/flood: it costs no live connection its place."""

import os

from lab import SYNWARD, Skip, test

FLOOD = os.path.join(os.path.dirname(SYNWARD), "tests", "bench", "flood")
COUNT = 10_000_000


@test(own=True, limit=150)
def flood_of_ten_million_syns_costs_no_live_flow(lab):
    """Established flows stay, and whoever connects during and after the flood is tracked once established."""
    if not os.path.exists(FLOOD):
        raise Skip(f"{FLOOD} is not built: make {os.path.relpath(FLOOD)}")
    before = [lab.connection(port=1000 + number).establish() for number in range(23)]
    lab.mark()
    # The kernel behind the tracker is not what is tested: it is spared the flood.
    lab.server.nft('table netdev flood { chain ingress { type filter hook ingress device "veth" priority 0; '
                   "ip saddr 198.18.0.0/15 drop;\n}\n}")
    flood = lab.client.start([FLOOD, "veth", "10.99.0.2", "2000", str(COUNT)])
    during = []
    while flood.poll() is None and len(during) < 100:
        during.append(lab.connection(port=3000 + len(during)).establish())
    assert flood.wait(120) == 0
    after = [lab.connection(port=4000).establish()]
    assert len(during) > 3, "the flood was over too soon to say anything"
    for conn in before + during + after:
        conn.client.send(b"x")
        assert conn.server.recv(1) == b"x"
        conn.states("ESTABLISHED", "ESTABLISHED")
        assert conn.flow()["midstream"] is False, conn.flow()
    rise = lab.rise("flows_opened", "halfopen_opened", "halfopen_failed", "flow_table_full")
    assert rise["flows_opened"] == len(during) + 1 and not rise["flow_table_full"], rise
    assert rise["halfopen_opened"] + rise["halfopen_failed"] >= COUNT * 99 // 100, rise
