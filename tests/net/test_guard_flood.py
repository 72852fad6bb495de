# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Real clients under floods of every kind, by siege.py: none fails, and nothing of the flood is kept."""

import ipaddress
import json
import os

from lab import Skip, run, test
from siege import FLOOD, Siege

CLIENTS = int(os.environ.get("SW_CLIENTS", "400"))
SPOOFED = [ipaddress.ip_network(network) for network in ("198.18.0.0/15", "2001:db8::/32")]
HIGH_MARK = 256
LISTENERS, BATCH = 2, 64  # what is on its way from XDP to the listener has not been counted by it
MEGABYTE = 1 << 20


def spoofed(flow):
    ends = (ipaddress.ip_address(flow[end].rpartition(":")[0].strip("[]")) for end in "ab")
    return any(end in network for end in ends for network in SPOOFED)


def map_bytes(lab):
    """What the kernel says the maps take, together."""
    return sum(json.loads(run(["bpftool", "-j", "map", "show", "id", number]).stdout)["bytes_memlock"]
               for number in lab.map_ids().values())


def resident(process):
    """VmRSS in bytes."""
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(row.split()[1]) * 1024 for row in status if row.startswith("VmRSS"))


def sockets_of_the_flood(lab):
    return sum(spoofed({"a": peer, "b": peer}) for _, peer in lab.server.sockets())


def withstands(lab, mode, left):
    """So many connections of curl and of a keep-alive client while one core floods. left: so much of the flood may stay
    half-open, from before cookies began."""
    if not os.path.exists(FLOOD):
        raise Skip(f"{FLOOD} is not built: make {os.path.relpath(FLOOD)}")
    siege = Siege(lab, mode)
    before = map_bytes(lab), resident(lab.tracker.process)
    found = siege.run(CLIENTS)
    made = CLIENTS + len(siege.downloads) * 2
    assert (found["made"], found["failed"], found["reset"]) == (made, 0, 0), {**found, "clients": ""}
    rise = lab.rise("flows_opened", "flows_replaced", "flow_table_full", "cookies_on", "cookies_sent", "stray",
                    "cookies_rejected", "admit_refused", "reply_failed")
    # A connection from a port used before replaces the older flow, in its place or not.
    assert made - rise["flows_replaced"] <= rise["flows_opened"] <= made, rise
    assert rise["flow_table_full"] == rise["admit_refused"] == rise["reply_failed"] == 0, rise
    assert min(rise["cookies_sent"], rise["stray"], rise["cookies_rejected"]) > 10000, rise  # the flood was one
    flows = lab.flows()
    ours = [flow for flow in flows if not spoofed(flow)]
    assert {flow["a"] for flow in ours} == found["clients"], {flow["a"] for flow in ours} ^ found["clients"]
    assert {flow["conn_state"] for flow in ours} == {"SF"}, [flow for flow in ours if flow["conn_state"] != "SF"][:3]
    assert len(flows) - len(ours) <= left, len(flows) - len(ours)
    assert len(lab.dump("sw_flows")) == len(ours)
    assert sockets_of_the_flood(lab) <= left, sockets_of_the_flood(lab)
    after = map_bytes(lab), resident(lab.tracker.process)
    assert all(b - a < MEGABYTE for a, b in zip(before, after)), (before, after)
    return rise


@test(track=False, limit=600)
def floods_of_every_kind_cost_no_client_with_cookies_always(lab):
    withstands(lab, "always", 0)


@test(track=False, limit=600)
def floods_of_every_kind_cost_no_client_with_auto(lab):
    rise = withstands(lab, "auto", LISTENERS * (HIGH_MARK + BATCH))
    assert rise["cookies_on"] >= 1, rise
