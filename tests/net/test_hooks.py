# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The hooks on a host that others use, too: synward stands first, notices what is done to it, and takes off what it has
put there and nothing else. Where it can't do its work it says so and ends; a client that the kernel would serve is
served."""

import contextlib
import os
import socket
import struct
import tempfile

import tcx
from lab import Failure, at_tc, test
from test_commands import NOTHING, foreign, hooks, refused
from test_guard_nat import served

TC_ACT_OK = 0
OURS = {"ingress": "synward_admit", "egress": "synward_egress"}


def guard(lab, *options, interfaces=("veth",)):
    lab.client.take_xdp()
    lab.track("--guard", str(lab.port), "--cookies", "always", *options, interfaces=interfaces)
    lab.mark()


def by_cookies(lab, count=5):
    """So many clients of each family are served, each by a cookie of guard's own."""
    lab.mark()
    found = {family: served(lab, family, count) for family in (4, 6)}
    assert found == {4: count, 6: count}, f"of {count} were served {found}: {lab.stats()}"
    lab.counts(cookies_sent=2 * count, admitted=2 * count)


def tracks(lab):
    """Both directions of a connection are seen."""
    conn = lab.connection().establish()
    conn.client.close()
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")


def add_filter(lab, side, priority, verdict=TC_ACT_OK):
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        lab.server.run(f"tc filter add dev veth {side} prio {priority} bpf da obj {foreign(folder, 'tc', verdict)} sec tc")


@contextlib.contextmanager
def foreign_tcx(name="stranger", verdict=tcx.PASS):
    prog = tcx.load(name, verdict)
    try:
        yield prog
    finally:
        os.close(prog)


def order(lab, side):
    return [name for _, name in at_tc(lab.server, side)]


# First

@test(track=False)
def filter_that_ends_with_ok_is_in_nobodys_way(lab):
    """As a CNI's: a filter of the lowest priority, there before the start, another one there later."""
    lab.server.run("tc qdisc add dev veth clsact")
    for side in OURS:
        add_filter(lab, side, 1)
    before = hooks(lab.server)
    guard(lab)
    by_cookies(lab)
    add_filter(lab, "ingress", 2)
    by_cookies(lab)
    lab.port += 1
    tracks(lab)
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == {**before, "tc": sorted([*before["tc"], "foreign"])}, hooks(lab.server)


@test(track=False)
def clsact_of_our_own_begins_with_us(lab):
    guard(lab, "--tc", "clsact")
    assert hooks(lab.server)["qdiscs"] == ["clsact", "noqueue"], hooks(lab.server)
    for side in OURS:
        add_filter(lab, side, 5)
        assert order(lab, side) == [OURS[side], "foreign"], order(lab, side)
    by_cookies(lab)


@test(track=False)
def tcx_programs_of_others_come_after_us(lab):
    with foreign_tcx() as early, foreign_tcx("latecomer") as late:
        for side in OURS:
            tcx.attach(lab.server, side, early)
        guard(lab)
        for side in OURS:
            tcx.attach(lab.server, side, late)
            assert order(lab, side) == [OURS[side], "stranger", "latecomer"], order(lab, side)
        by_cookies(lab)
        assert lab.tracker.stop() == 0
        for side in OURS:
            assert order(lab, side) == ["stranger", "latecomer"], order(lab, side)


@test(track=False)
def ingress_qdisc_is_not_in_the_way_of_tcx(lab):
    lab.server.run("tc qdisc add dev veth handle ffff: ingress")
    add_filter(lab, "ingress", 1)
    before = hooks(lab.server)
    guard(lab)
    by_cookies(lab)
    lab.port += 1
    tracks(lab)
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == before, hooks(lab.server)


@test(track=False)
def ingress_qdisc_in_place_of_clsact_is_refused_in_one_line(lab):
    """There the program for egress would run at ingress."""
    lab.server.run("tc qdisc add dev veth handle ffff: ingress")
    before = hooks(lab.server)
    for command in ("run", "attach"):
        refused(lab.synward(command, "veth", "--tc", "clsact", check=False), 1, "veth", "ingress", "qdisc")
        assert hooks(lab.server) == before, hooks(lab.server)


# Taking over, and detaching

def attach_filter(host, side, prog, priority, handle):
    """A filter of clsact by rtnetlink (RTM_NEWTFILTER), for `tc` takes no program that is loaded already."""
    def attr(kind, data):
        return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)

    options = attr(6, struct.pack("=i", prog)) + attr(7, OURS[side].encode() + b"\0") + attr(8, struct.pack("=I", 1))
    parent = 0xfffffff2 if side == "ingress" else 0xfffffff3
    body = struct.pack("=BxHiIII", 0, 0, tcx.ifindex(host, "veth"), handle, parent, priority << 16 | socket.htons(3))
    body += attr(1, b"bpf\0") + attr(2, options)
    with host.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        link.send(struct.pack("=IHHII", 16 + len(body), 44, 0x605, 1, 0) + body)
        error = struct.unpack_from("=i", link.recv(4096), 16)[0]
        if error:
            raise Failure(f"RTM_NEWTFILTER: {error}")


def as_once(lab):
    """`synward attach`, with filters where earlier versions had them: clsact, priority 17."""
    lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", "always", "--tc", "clsact")
    for side in OURS:
        prog = tcx.descriptor(at_tc(lab.server, side)[0][0])
        attach_filter(lab.server, side, prog, 17, 0x5359)
        os.close(prog)
        lab.server.run(f"tc filter del dev veth {side} prio 1")


@test(track=False)
def filters_of_an_earlier_synward_are_found_and_taken_over(lab):
    as_once(lab)
    assert hooks(lab.server)["tc"] == sorted(OURS.values()), hooks(lab.server)
    conn = lab.connection(port=lab.port + 1).establish()
    for words in ("flows", "stats", "status"):
        lab.synward(words)
    guard(lab)
    assert conn.flow() and conn.flow()["state"] == {"a": "ESTABLISHED", "b": "ESTABLISHED"}, conn.flow()
    assert [tcx.names(lab.server, side) for side in OURS] == [[name] for name in OURS.values()], hooks(lab.server)
    assert hooks(lab.server)["qdiscs"] == ["noqueue"], hooks(lab.server)
    by_cookies(lab)
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def filters_of_an_earlier_synward_are_detached(lab):
    as_once(lab)
    lab.synward("detach", "veth")
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def way_at_tc_changes_with_a_second_attach(lab):
    lab.client.take_xdp()
    for way, qdiscs in (("tcx", ["noqueue"]), ("clsact", ["clsact", "noqueue"]), ("tcx", ["noqueue"])):
        lab.synward("attach", "veth", "--guard", str(lab.port), "--cookies", "always", "--tc", way)
        found = hooks(lab.server)
        assert (found["tc"], found["qdiscs"]) == (sorted(OURS.values()), qdiscs), (way, found)
        by_cookies(lab, 3)
    lab.synward("detach", "veth")
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def detach_leaves_what_others_have_put_there(lab):
    lab.server.run("tc qdisc add dev veth clsact")
    add_filter(lab, "egress", 5)
    with foreign_tcx() as prog:
        tcx.attach(lab.server, "ingress", prog)
        before = hooks(lab.server)
        for way in ("tcx", "clsact"):
            lab.synward("attach", "veth", "--guard", str(lab.port), "--tc", way)
            lab.synward("detach", "veth")
            assert hooks(lab.server) == before, (way, hooks(lab.server))
