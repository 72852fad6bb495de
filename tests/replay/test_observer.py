# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Captures in which segments are missing, cut, swapped or wrapped, each of a kind met in public ones, with what is to
be said of them: tests/vectors/observer. null is anything, a list is one of several."""

import glob
import json
import os

from harness import ROOT, TESTS, must, synward, test

CAPTURES = os.path.join(ROOT, "tests", "vectors", "observer")


def replayed(name, *words):
    return synward("replay", os.path.join(CAPTURES, name + ".pcap"), "--json", *words).ok().flows()


def is_one_of(got, wanted):
    return wanted is None or got == wanted or (isinstance(wanted, list) and got in wanted)


def matches(flow, wanted):
    ends = all(is_one_of(flow[member][end], wanted[member][number])
               for member in ("state", "bytes") for number, end in enumerate("ab"))
    return ends and is_one_of(flow["conn_state"], wanted["conn_state"])


def check(name, expected):
    flows = replayed(name, *expected["args"])
    must(len(flows) == len(expected["flows"]), f"{len(flows)} flows, not {len(expected['flows'])}: {flows}")
    for wanted in expected["flows"]:
        must(any(matches(flow, wanted) for flow in flows), f"no flow is {wanted}: {flows}; {expected['why']}")


def register():
    for path in sorted(glob.glob(os.path.join(CAPTURES, "*.json"))):
        name = os.path.basename(path).removesuffix(".json")
        with open(path, encoding="utf-8") as file:
            expected = json.load(file)
        if expected["flows"] is not None:  # else a test below
            TESTS.append(("observer_" + name.replace("-", "_"), lambda name=name, expected=expected: check(name, expected)))


register()


@test
def tail_of_a_connection_that_is_over_is_not_established():
    both = [flow["state"] for flow in replayed("late-fin-after-reset") if
            set(flow["state"].values()) == {"ESTABLISHED"}]
    must(not both, f"a live connection is reported: {both}")


@test
def answer_to_the_lower_isn_of_two_attempts_establishes():
    flows = replayed("min-lower-isn")
    must(flows[-1]["state"] == {"a": "ESTABLISHED", "b": "ESTABLISHED"}, f"{flows}")


@test
def connections_in_tunnels_are_the_inner_ones():
    for name in ("tunnel-pppoe", "tunnel-vxlan"):
        flows = replayed(name)
        must(len(flows) == 1 and flows[0]["conn_state"] == "SF" and flows[0]["tunnel"], f"{name}: {flows}")
