# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Maps that are not as synward has them: commands of root's say so, and neither crash nor believe them."""

import os
import subprocess
import sysconfig
import tempfile

from lab import PATIENCE, ROOT, SYNWARD, run, test, until

# Each makes one map another one: (its name, what the compiler is told).
SHAPES = (("sw_flows", "FLOWS_KEY=512"), ("sw_halfopen", "HALFOPEN_VALUE=512"), ("sw_ports", "PORTS_KEY=64"),
          ("sw_config", "CONFIG_TYPE=BPF_MAP_TYPE_PERCPU_ARRAY"), ("sw_stats", "STATS_TYPE=BPF_MAP_TYPE_ARRAY"),
          ("sw_keys", "KEYS_VALUE=512"))
READERS = (("flows", "veth"), ("stats", "veth"), ("status", "veth"), ("events", "veth"), ("key", "show"))


def build(folder, shape):
    path = os.path.join(folder, "foreign.bpf.o")
    run([os.environ.get("CLANG", "clang"), "-target", "bpf", "-mcpu=v3", "-O2", "-g", f"-I{ROOT}/include",
         f"-I/usr/include/{sysconfig.get_config_var('MULTIARCH')}", *([f"-D{shape}"] if shape else []),
         "-c", f"{ROOT}/tests/net/foreign.bpf.c", "-o", path])
    return path


def maps_of(lab):
    """{name: id} of the maps of the program at the hook."""
    program = lab.server.run("ip -j link show dev veth").stdout.split('"id":')[1].split(",")[0].strip("}] ")
    ids = run(["bpftool", "prog", "show", "id", program]).stdout.split("map_ids ")[1].split()[0].split(",")
    return {run(["bpftool", "map", "show", "id", number]).stdout.split("name ")[1].split()[0]: number for number in ids}


def fill(lab, folder, name, entries):
    """So many entries, of whatever size a reader may not think they have."""
    number, path = maps_of(lab)[name], os.path.join(folder, "batch")
    shown = run(["bpftool", "map", "show", "id", number]).stdout
    key_bytes, value_bytes = (int(shown.split(f"{what} ")[1].split("B")[0]) for what in ("key", "value"))
    with open(path, "w", encoding="ascii") as batch:
        for i in range(entries):
            key = list(i.to_bytes(4, "little")) + [1] * (key_bytes - 4)
            print("map update id", number, "key", *key, "value", *[255] * value_bytes, file=batch)
    run(["bpftool", "batch", "file", path])


def refuses(lab, name):
    for words in READERS:
        result = lab.synward(*words, check=False, timeout=10)
        assert result.returncode == 1, f"{words}: exit {result.returncode}: {result.stderr}"
        assert f"its map {name} is not" in result.stderr and result.stderr.count("\n") == 1, f"{words}: {result.stderr}"
        assert result.stdout == "", f"{words}: {result.stdout}"


@test(track=False)
def map_of_another_shape_is_named_and_not_read(lab):
    with tempfile.TemporaryDirectory(prefix="sw-foreign-") as folder:
        for name, shape in SHAPES:
            lab.server.run(["ip", "-force", "link", "set", "dev", "veth", "xdp", "obj", build(folder, shape), "sec", "xdp"])
            if name == "sw_flows":
                fill(lab, folder, name, 600)
            if name == "sw_ports":
                fill(lab, folder, name, 3)
            refuses(lab, name)
        lab.server.run("ip link set dev veth xdp off")


@test(track=False)
def program_of_that_name_with_maps_of_that_shape_is_read(lab):
    """What the test above refuses, it refuses for the one map alone."""
    with tempfile.TemporaryDirectory(prefix="sw-foreign-") as folder:
        lab.server.run(["ip", "link", "set", "dev", "veth", "xdp", "obj", build(folder, None), "sec", "xdp"])
        assert lab.synward("flows", "veth", "--json").stdout.split() == ["[", "]"] or \
            lab.synward("flows", "veth", "--json").stdout.strip() == "[]"
        lab.synward("status", "veth")
        lab.server.run("ip link set dev veth xdp off")


@test(track=False)
def maps_of_another_layout_number_are_not_read_but_carried_over(lab):
    lab.synward("attach", "veth")
    conn = lab.connection().establish()
    number = maps_of(lab)["sw_config"]
    old = [int(byte, 16) for byte in run(["bpftool", "map", "lookup", "id", number, "key", 0, 0, 0, 0, "-j"]).stdout
           .split('"value":[')[1].split("]")[0].replace('"', "").split(",")]
    assert any(old[8:12]), f"no layout number: {old}"
    events = lab.server.start([SYNWARD, "events", "-e", "fin-wait-1"], stdout=subprocess.PIPE)
    until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
    run(["bpftool", "map", "update", "id", number, "key", 0, 0, 0, 0, "value", *old[:8], 250, 250, 250, 250, *old[12:]])
    refuses(lab, "sw_config")
    lab.track()
    assert "laid out otherwise (sw_config); carried over 1 flow" in lab.tracker.text(), lab.tracker.text()
    assert len(lab.flows()) == 1
    conn.client.send(b"again")
    until(lambda: None if lab.dump("sw_reading")[0]["value"] else "who read events reads those of the old maps")
    conn.client.close()
    assert "FIN_WAIT_1" in events.stdout.readline()
    assert lab.tracker.stop() == 0


def taker(lab, folder):
    """Who takes veth's frames by AF_XDP, and what it said."""
    run(["gcc", "-o", f"{folder}/xsk", f"{ROOT}/tests/net/xsk.c", "-lxdp", "-lbpf"])
    process = lab.server.start([f"{folder}/xsk", "veth"], stdout=subprocess.PIPE)
    return process, process.stdout.readline()


@test(track=False)
def who_takes_frames_by_af_xdp_and_synward_leave_each_other_alone(lab):
    """Where the kernel lets no two XDP programs share (libxdp's dispatcher), the first one has the interface."""
    with tempfile.TemporaryDirectory(prefix="sw-xsk-") as folder:
        first, said = taker(lab, folder)
        assert said == "bound\n", said
        refused = lab.synward("run", "veth", check=False)
        assert refused.returncode == 1 and "Another XDP program is there that shares with no one" in refused.stderr, refused
        first.terminate()
        lab.server.run("ip link set dev veth xdp off")
        lab.track()
        second, said = taker(lab, folder)
        assert second.wait(PATIENCE) == 1 and "busy" in said, said
        connection = lab.connection().establish()
        connection.states("ESTABLISHED", "ESTABLISHED")
