# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What strangers send fills no table for long, and keeps no live flow out (STATE_MODEL.md, L2 and L3): small tables,
floods of every kind from outside, and pairs of segments that seem to be both ends of a connection."""

import json
import os

from lab import test, until
from tcp import Segment
from test_flood import FLOOD, need_flood, spare_the_kernel

COUNT = os.environ.get("FLOOD_COUNT", "300000")  # frames of each kind
KINDS = "S", "SA", "A", "PA", "FA", "RA", "mixed"
SMALL = ["--flows", "64", "--half-open", "256"]
FIVE_DAYS = 5 * 86400


def frames(lab):
    return json.loads(lab.synward("stats", "--json").stdout)["frames"]


def tracked_and_kept(lab, conn):
    """It is in the flow table, for as long as an established flow is."""
    conn.client.send(b"ping")
    assert conn.server.recv(4) == b"ping"
    conn.states("ESTABLISHED", "ESTABLISHED")
    assert conn.flow()["expires"] > FIVE_DAYS - 60, conn.flow()


@test(own=True, run=SMALL, limit=300 + int(COUNT) // 10_000)
def floods_of_every_kind_keep_no_proved_flow_out_of_small_tables(lab):
    need_flood()
    spare_the_kernel(lab)
    kept, figures = [lab.connection(port=1000).establish()], []
    lab.mark()
    for number, kind in enumerate(KINDS):
        began = frames(lab)
        flood = lab.client.start([FLOOD, "veth", "10.99.0.2", "2000", COUNT, kind])
        conn = lab.connection(port=3000 + number).establish()
        assert flood.wait(60 + int(COUNT) / 10_000) == 0
        came = frames(lab) - began
        assert came > int(COUNT) // 10, "the flood did not come"
        figures.append(f"{came:,} frames {kind}")
        kept.append(conn)
    for conn in kept:
        tracked_and_kept(lab, conn)
    rise = lab.rise("flows_opened", "flow_table_full")
    assert rise == {"flows_opened": len(KINDS), "flow_table_full": 0}, rise
    if "FLOOD_COUNT" in os.environ:
        print(f"{len(kept)} connections kept in tables of 64 and 256: {'; '.join(figures)}")


def forged_pair(lab, tap, one, other, flags):
    """One segment of each end, from outside."""
    for src, dst, seq, ack in ((*one, 1000, 5000), (*other, 5000, 1000)):
        peer = other if (src, dst) == one else one
        tap.send(Segment(src, dst, peer[0], peer[1], flags, seq, ack))


@test(own=True, run=SMALL)
def pairs_of_forged_segments_are_no_connections(lab):
    """Both ends of the host's own address, and a stranger's with the host's: 300 of each, for tables of 64 and 256."""
    spare_the_kernel(lab)
    tap, host = lab.tap(lab.client), lab.server.address[4]
    lab.mark()
    for number in range(300):
        forged_pair(lab, tap, (host, 1024 + number), (host, 40000), "A")
        forged_pair(lab, tap, (host, 1024 + number), ("198.18.0.9", 40000), "PA")
    until(lambda: None if lab.rise("segments")["segments"] >= 1200 else "they have not all come")
    rise = lab.rise("flows_opened", "flow_table_full")
    assert rise == {"flows_opened": 0, "flow_table_full": 0}, rise
    lasting = [flow for flow in lab.flows() if flow["expires"] > 60]
    assert not lasting, lasting[:3]
    tracked_and_kept(lab, lab.connection().establish())


@test(own=True, run=["--timeout", "fin-wait-1=3s"])
def fin_that_nobody_answers_holds_its_flow_no_longer_than_its_time_out(lab):
    """The server lost its power: nothing comes back. The client's FIN is sent again and again, and then is over."""
    conn = lab.connection().establish()
    lab.server.lose("tcp sport 1000-5000")
    names = conn.names
    conn.client.close()
    conn.states("FIN_WAIT_1", "ESTABLISHED", ss=("FIN_WAIT_1", "CLOSE_WAIT"))
    assert lab.flow(*names)["expires"] <= 3, lab.flow(*names)
    lab.client.lose("tcp dport 1000-5000")

    def gone():
        flow = lab.flow(*names)
        return f"{flow}" if flow else None

    until(gone, 20)
