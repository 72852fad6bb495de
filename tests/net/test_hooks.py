# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The hooks on a host that others use, too: synward stands first, notices what is done to it, and takes off what it has
put there and nothing else. Where it can't do its work it says so and ends; a client that the kernel would serve is
served."""

import contextlib
import json
import os
import socket
import struct
import tempfile

import tcx
from lab import SYNWARD, Failure, at_tc, test, until
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


def says(lab, *words):
    until(lambda: None if all(word in lab.tracker.text() for word in words) else lab.tracker.text())


def ends(lab, *words):
    """The daemon ends by itself, with exit status 1 and one error, which holds these words."""
    code = lab.tracker.process.wait(20)
    errors = [line for line in lab.tracker.text().splitlines() if "Couldn't" in line]
    assert code == 1 and len(errors) == 1 and all(word in errors[0] for word in words), (code, lab.tracker.text())


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
    status = json.loads(lab.synward("status", "--json").stdout)[0]
    assert (status["admit"]["by"], status["admit"]["behind"]) == ("clsact", []), status["admit"]


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
def who_comes_before_us_finds_himself_behind_us(lab):
    guard(lab)
    with foreign_tcx() as prog:
        for side in OURS:
            tcx.attach(lab.server, side, prog, tcx.BEFORE)
            until(lambda: None if order(lab, side) == [OURS[side], "stranger"] else order(lab, side))
        by_cookies(lab)
    says(lab, "synward_admit (tc)", "synward_egress (tc)")


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


# What is done to a running guard

@test(track=False)
def what_is_taken_off_is_put_back(lab):
    guard(lab)
    for side, name in OURS.items():
        prog = tcx.descriptor(tcx.ids(lab.server, side)[0])
        tcx.detach(lab.server, side, prog)
        os.close(prog)
        until(lambda: None if order(lab, side) == [name] else order(lab, side))
        says(lab, name)
    lab.server.run("ip link set dev veth xdp off")
    until(lambda: None if hooks(lab.server)["xdp"] else "no XDP program")
    says(lab, "synward_ingress")
    by_cookies(lab)
    lab.port += 1
    tracks(lab)
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def filters_and_clsact_that_are_deleted_are_put_back(lab):
    guard(lab, "--tc", "clsact")
    wanted = hooks(lab.server)
    for command in ("tc filter del dev veth ingress", "tc filter del dev veth egress prio 1", "tc qdisc del dev veth clsact"):
        said = len(lab.tracker.text())
        lab.server.run(command)
        until(lambda: None if hooks(lab.server) == wanted and len(lab.tracker.text()) > said else hooks(lab.server))
        by_cookies(lab, 2)
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def ingress_qdisc_that_takes_the_place_of_clsact_ends_guard(lab):
    guard(lab, "--tc", "clsact")
    lab.server.run(["sh", "-c", "tc qdisc del dev veth clsact; tc qdisc add dev veth handle ffff: ingress"], check=False)
    ends(lab, "ingress", "qdisc") if "ingress" in hooks(lab.server)["qdiscs"] else by_cookies(lab)
    assert served(lab, 4) == 20


@test(track=False)
def who_takes_it_off_again_and_again_is_given_way(lab):
    lab.track()

    def take_off():
        if hooks(lab.server)["xdp"]:
            lab.server.run("ip link set dev veth xdp off")
        return None if lab.tracker.process.poll() is not None else "it goes on"

    until(take_off, 60)
    ends(lab, "again and again")
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def xdp_program_in_its_place_ends_guard(lab):
    guard(lab)
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        program = foreign(folder, "xdp", 2)
        lab.server.run(f"ip -force link set dev veth xdp obj {program} sec xdp")
    ends(lab, "XDP", "veth")
    assert hooks(lab.server)["tc"] == [] and hooks(lab.server)["xdp"], hooks(lab.server)
    assert served(lab, 4) == 20


# The interface itself

@test(track=False)
def interface_that_is_deleted_ends_guard(lab):
    guard(lab)
    lab.server.run("ip link del veth")
    ends(lab, "veth")
    assert any(word in lab.tracker.text() for word in ("gone", "No such device")), lab.tracker.text()


@test(track=False)
def interface_that_moves_away_ends_guard_and_keeps_serving(lab):
    guard(lab)
    lab.server.run(f"ip link set veth netns {lab.client.name} name moved")
    ends(lab, "veth")
    assert any(word in lab.tracker.text() for word in ("gone", "No such device")), lab.tracker.text()
    lab.client.run([SYNWARD, "status", "moved"])
    lab.client.run([SYNWARD, "detach", "moved"])
    assert hooks(lab.client, "moved")["tc"] == [], hooks(lab.client, "moved")


@test(track=False)
def interface_that_is_renamed_stays_guarded(lab):
    guard(lab)
    lab.server.run("ip link set veth down")
    lab.server.run("ip link set veth name other")
    says(lab, "veth is called other now")
    assert json.loads(lab.synward("status", "--json").stdout)[0]["iface"] == "other"
    for side in OURS:
        assert order_of(lab, side, "other") == [OURS[side]], order_of(lab, side, "other")
    assert lab.tracker.stop() == 0
    assert hooks(lab.server, "other") == NOTHING, hooks(lab.server, "other")


def order_of(lab, side, interface):
    return [name for _, name in at_tc(lab.server, side, interface)]


@test(track=False)
def interface_that_comes_back_is_guarded_again(lab):
    lab.server.run("ip link add extra type veth peer name extra1")
    guard(lab, interfaces=("veth", "extra"))
    lab.server.run("ip link del extra")
    says(lab, "extra is gone")
    lab.server.run("ip link add extra type veth peer name extra1")
    says(lab, "extra is back")
    assert hooks(lab.server, "extra")["tc"] == sorted(OURS.values()), hooks(lab.server, "extra")
    by_cookies(lab)
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == NOTHING and hooks(lab.server, "extra")["tc"] == [], hooks(lab.server, "extra")


# What is said

@test(track=False)
def status_tells_each_hook_and_what_runs_before_it(lab):
    lab.server.run("tc qdisc add dev veth clsact")
    add_filter(lab, "ingress", 1, tcx.NEXT)
    lab.client.take_xdp()
    lab.synward("attach", "veth", "--guard", str(lab.port))
    text = lab.synward("status").stdout
    assert "admit      TCX, first" in text and "egress     TCX, first" in text and "behind" not in text, text
    with foreign_tcx("a_long_name_xyz", tcx.NEXT) as prog:
        tcx.attach(lab.server, "ingress", prog, tcx.BEFORE)
        text = lab.synward("status").stdout
        assert "admit      TCX, not first" in text and "behind tcx a_long_name_xyz" in text, text
        lab.synward("attach", "veth", "--guard", str(lab.port), "--tc", "clsact")
        lab.server.run("tc filter del dev veth ingress prio 1 handle 0x1 bpf", check=False)
    status = json.loads(lab.synward("status", "--json").stdout)[0]
    assert status["admit"]["behind"][0] == "tcx a_long_name_xyz", status["admit"]
    assert status["egress"] and status["egress"]["behind"] == [] and status["ingress"]["behind"] == [], status
    text = lab.synward("status").stdout
    assert "admit      clsact, not first" in text and max(map(len, text.splitlines())) <= 100, text
