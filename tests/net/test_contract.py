# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The JSON of STATE_MODEL.md, held against what the commands print: members, their order, their types."""

import json
import os
import re
import subprocess

from lab import ROOT, SYNWARD, run, test, until

CONTRACT = os.path.join(ROOT, "include", "synward")


def examples():
    """{command: [its examples, parsed]} of STATE_MODEL.md; one block may have an object on each line."""
    with open(os.path.join(CONTRACT, "STATE_MODEL.md"), encoding="utf-8") as file:
        page = file.read().partition("## What `--json` prints\n")[2].partition("\n## ")[0]
    found = {}
    for section in page.split("\n### ")[1:]:
        blocks = "".join(re.findall(r"^```json\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)).strip()
        values = found.setdefault(section.split()[0], [])
        while blocks:
            value, end = json.JSONDecoder().raw_decode(blocks)
            values.append(value)
            blocks = blocks[end:].strip()
    return found


def shape(value):
    """Names and types, without the values."""
    if isinstance(value, dict):
        return [(name, shape(member)) for name, member in value.items()]
    if isinstance(value, list):
        return [shape(member) for member in value[:1]]
    return type(value).__name__


def same_shape(printed, example):
    assert shape(printed) == shape(example), f"printed {shape(printed)}, STATE_MODEL.md has {shape(example)}"


def counters():
    """The names of stats.h, without the one that counts nothing."""
    with open(os.path.join(CONTRACT, "stats.h"), encoding="utf-8") as file:
        return re.findall(r"^\tX\([A-Z_]+, ([a-z_]+),", file.read(), re.MULTILINE)[1:]


@test(own=True, run=["--guard", "1000"])
def json_of_the_maps_is_that_of_the_state_model(lab):
    told = examples()
    lab.connection().establish()
    same_shape(lab.flows(), told["flows"][0])
    status = json.loads(lab.synward("status", "--json").stdout)
    same_shape(status, told["status"][0])
    assert list(lab.stats()) == counters() + ["flows_live", "halfopen_live"], list(lab.stats())
    assert [name for name in lab.stats() if name in told["stats"][0]] == list(told["stats"][0]), told["stats"]


@test
def json_of_events_and_errors_is_that_of_the_state_model(lab):
    told = examples()
    process = lab.server.start([SYNWARD, "events", "--json"], stdout=subprocess.PIPE)
    until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
    lab.connection().establish()
    same_shape(json.loads(process.stdout.readline()), told["events"][0])
    error, message = told["errors"]
    same_shape(json.loads(lab.synward("status", "nosuch0", "--json", check=False).stderr), error)
    same_shape(json.loads(run([SYNWARD, "replay", "--json", f"{ROOT}/tests/vectors/reset-blind.pcap"]).stderr), message)


@test(track=False)
def json_of_replay_is_that_of_the_state_model(_lab):
    segment, flow = examples()["replay"]
    lines = run([SYNWARD, "replay", "--json", f"{ROOT}/tests/vectors/open.pcap"]).stdout.splitlines()
    same_shape(json.loads(lines[-2]), segment)
    same_shape(json.loads(lines[-1]), flow)
