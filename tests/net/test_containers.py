# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Hosts that are containers: a veth whose other end is nobody's lab, a /run and process ids of one's own, an interface that
leaves for another namespace."""

import json

from lab import SYNWARD, Tracker, test
from test_commands import refused
from test_guard_nat import served
from test_hooks import says, tracks

PRIVATE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
           "sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$0" "$@"']


def mode(lab):
    return json.loads(lab.synward("status", "--json").stdout)[0]["ingress"]["mode"]


def by_cookies(lab, count=3):
    lab.mark()
    found = {family: served(lab, family, count) for family in (4, 6)}
    assert found == {4: count, 6: count}, f"of {count} were served {found}: {lab.stats()}"
    lab.counts(cookies_sent=2 * count, admitted=2 * count)


# The other end of a veth

@test(track=False)
def veth_whose_other_end_has_no_program_is_guarded_in_generic_mode(lab):
    lab.track("--guard", str(lab.port), "--cookies", "always")
    assert mode(lab) == "generic", mode(lab)
    assert "no XDP program" in lab.tracker.text(), lab.tracker.text()
    by_cookies(lab)


@test(track=False)
def veth_whose_other_end_loses_its_program_turns_to_generic_mode(lab):
    lab.client.take_xdp()
    lab.track("--guard", str(lab.port), "--cookies", "always")
    assert mode(lab) == "native", mode(lab)
    by_cookies(lab)
    lab.client.run("ip link set dev veth xdp off")
    says(lab, "generic from now on")
    assert mode(lab) == "generic", mode(lab)
    by_cookies(lab)
    assert lab.tracker.stop() == 0, lab.tracker.text()


@test(track=False)
def native_mode_that_was_asked_for_stays_and_says_what_it_loses(lab):
    said = lab.synward("attach", "veth", "--guard", "80", "--mode", "native").stderr
    assert mode(lab) == "native" and "replies are lost" in said, said
    assert "replies are lost" in lab.synward("status").stdout
    said = lab.synward("attach", "veth", "--guard", "80").stderr  # taken over, in another mode
    assert mode(lab) == "generic", said


# Another /run, other process ids

@test
def daemon_is_found_from_another_pid_namespace(lab):
    pid = lab.tracker.process.pid
    for command in (["run", "veth"], ["detach", "veth"]):
        refused(lab.synward(*command, check=False), 1, "veth", str(pid))
        refused(lab.server.run([*PRIVATE, SYNWARD, *command], check=False), 1, "veth", "not seen from here")
    status = json.loads(lab.server.run([*PRIVATE, SYNWARD, "status", "--json"]).stdout)[0]
    assert status["daemon"] == 0, status
    assert json.loads(lab.synward("status", "--json").stdout)[0]["daemon"] == pid
    tracks(lab)


@test(track=False)
def daemon_in_a_pid_namespace_of_its_own_is_found(lab):
    lab.tracker = Tracker(lab.server, prefix=PRIVATE)
    refused(lab.synward("run", "veth", check=False), 1, "veth", "not seen from here")
    refused(lab.server.run([*PRIVATE, SYNWARD, "attach", "veth"], check=False), 1, "veth", "not seen from here")
    tracks(lab)


# An interface that leaves

@test(track=False)
def interface_that_leaves_for_another_namespace_is_let_go(lab):
    lab.server.run("ip link add extra type veth peer name other")
    lab.track("--guard", str(lab.port), interfaces=("veth", "extra"))
    lab.server.run(["ip", "link", "set", "extra", "netns", lab.client.name])
    says(lab, "extra is gone")
    shown = json.loads(lab.client.run([SYNWARD, "status", "extra", "--json"]).stdout)[0]
    assert shown["ingress"] and shown["daemon"] is None, shown
    lab.client.run([SYNWARD, "attach", "extra"])  # with tables of its own: those of veth are served
    tracks(lab)
    assert json.loads(lab.client.run([SYNWARD, "status", "extra", "--json"]).stdout)[0]["guard"] is None
    assert json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"], "guard has lost its ports"
    lab.client.run([SYNWARD, "detach", "extra"])
    refused(lab.client.run([SYNWARD, "status", "extra"], check=False), 1, "extra")
