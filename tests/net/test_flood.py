# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A flood of spoofed SYNs, by tests/bench/flood: it costs no live connection its place. And that generator itself."""

import ipaddress
import json
import os
import struct

from lab import SYNWARD, Skip, run, test, until
from tcp import mss, parse, timestamps, window_scale

FLOOD = os.path.join(os.path.dirname(SYNWARD), "tests", "bench", "flood")
COUNT = int(os.environ.get("FLOOD_COUNT", "1000000"))


def need_flood():
    if not os.path.exists(FLOOD):
        raise Skip(f"{FLOOD} is not built: make {os.path.relpath(FLOOD)}")


@test(own=True, limit=600)
def flood_of_syns_costs_no_live_flow(lab):
    """Established flows stay, and whoever connects during and after the flood is tracked once established."""
    need_flood()
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
    need_flood()
    spare_the_kernel(lab)
    lab.mark()
    for _ in range(3):
        lab.client.run([FLOOD, "veth", "10.99.0.2", "2000", "200003"])
        until(lambda: still_there(lab), 60)
    opened, expired = lab.rise("halfopen_opened", "flows_expired").values()
    assert opened == expired > 300_000, (opened, expired)


def still_there(lab):
    opened, expired = lab.rise("halfopen_opened", "flows_expired").values()
    return f"{expired} of {opened} have expired" if expired < opened else None


def spare_the_kernel(lab):
    """It is not what is tested: it sees nothing of the flood behind the tracker."""
    lab.server.nft('table netdev flood { chain ingress { type filter hook ingress device "veth" priority 0; '
                   "ip saddr 198.18.0.0/15 drop;\n}\n}")


@test(track=False)
def flood_leaves_only_through_a_veth_of_a_lab(lab):
    """Not through another interface, not in a namespace that no lab made, and not without end."""
    need_flood()
    nowhere = f"ip link add veth type veth peer name peer && exec {FLOOD} veth 10.99.0.2 80 1"
    refused = [lab.client.run([FLOOD, "lo", "127.0.0.1", "80", "1"], check=False),
               run(["unshare", "--net", "sh", "-c", nowhere], check=False)]
    misused = [lab.client.run([FLOOD, *words], check=False)
               for words in (["veth", "10.99.0.2", "80", "20000001"], ["-t", "61", "veth", "10.99.0.2", "80", "1"],
                             ["-t", "0", "-r", "1", "veth", "10.99.0.2", "80", "1"])]
    assert [result.returncode for result in refused + misused] == [1, 1, 2, 2, 2], refused + misused
    assert all("is not a veth in a lab's namespace" in result.stderr for result in refused), refused


@test(track=False, families=(4, 6))
def flood_looks_as_if_linux_had_sent_it(lab, family):
    """Every kind: as many as asked for, each frame whole, with the options that belong to it."""
    need_flood()
    lab.server.run("ethtool -K veth gro on")  # else it takes nothing that no stack has sent
    for flags in ("S", "A", "R", "FA", "SA", "PA", "mixed"):
        tap = lab.tap(lab.server)
        lab.client.run([FLOOD, "veth", lab.server.address[family], "2000", "23", flags])
        until(lambda: None if len(spoofed(tap)) >= 23 else f"{len(spoofed(tap))} of 23 {flags} came")
        segments = spoofed(tap)
        assert len(segments) == 23 and len({(segment.src, segment.sport) for segment in segments}) == 23, segments
        assert flags == "mixed" or {segment.flags for segment in segments} == {flags}, segments
        for frame in tap.received:
            got = parse(frame)
            if got in segments:
                wanted = as_linux(got).frame(lab.client.mac, lab.server.mac)
                assert frame == wanted, f"{flags}: {frame.hex()}, not {wanted.hex()}"


@test(track=False)
def flood_keeps_its_pace_its_time_and_its_count(lab):
    """None of them is exceeded."""
    need_flood()

    def flood(rate, seconds, count):
        words = [FLOOD, "-r", rate, "-t", seconds, "veth", "10.99.0.2", "2000", count]
        return json.loads(lab.client.run(words).stdout)

    said = flood(5000, 1, 100000)
    assert 1 < said["sent"] <= 5000 * said["seconds"] + 1 and 1 <= said["seconds"] < 2, said
    said = flood(100000, 60, 23)
    assert said["sent"] == 23, said


def spoofed(tap):
    """What has come from the generator's sources."""
    networks = [ipaddress.ip_network(network) for network in ("198.18.0.0/15", "2001:db8::/32")]
    tap.read()
    received = filter(None, map(parse, tap.received))
    return [segment for segment in received if any(ipaddress.ip_address(segment.src) in net for net in networks)]


def as_linux(segment):
    """The same as Linux makes it; source and numbers are given."""
    if "R" in segment.flags:
        options = b""
    elif "S" in segment.flags:
        stamps = struct.unpack_from("!II", segment.options, 8)
        options = mss(1440 if ":" in segment.src else 1460) + b"\4\2" + timestamps(*stamps)[2:] + window_scale(7)
    else:
        options = timestamps(*struct.unpack_from("!II", segment.options, 4))
    return segment.but(dport=2000, window=64240, options=options, data=b"", vlans=[])


def seen(lab):
    """SYNs that the tracker saw: under full load the wire loses some before it."""
    return sum(lab.rise("halfopen_opened", "halfopen_failed").values())
