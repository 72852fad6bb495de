# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The daemon is killed, and the next one takes over, while redis-benchmark, curl and a download go on. KILLS: how
often (2; `make test-kills` 100)."""

import contextlib
import hashlib
import json
import os
import signal
import shutil
import subprocess
import tempfile
import threading

from lab import Failure, Skip, at_tc, run, test, until

KILLS = int(os.environ.get("KILLS", "2"))


def resets(host):
    rows = run(["ip", "netns", "exec", host.name, "nstat", "-asz", "TcpEstabResets", "TcpOutRsts"]).stdout.splitlines()[1:]
    return {row.split()[0]: int(row.split()[1]) for row in rows}


class Loop(threading.Thread):
    """A command again and again, until stop(); how often it was done, and what went wrong first."""

    def __init__(self, host, command):
        super().__init__()
        self.host, self.command = host, command
        self.count, self.failed, self.over = 0, None, threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set() and not self.failed:
            result = subprocess.run(self.host.command(self.command), text=True, capture_output=True, check=False)
            if result.returncode or "Error" in result.stderr:
                self.failed = f"{self.command}: exit {result.returncode}: {result.stderr}"
            self.count += 1

    def stop(self):
        self.over.set()
        self.join()
        if self.failed or not self.count:
            raise Failure(self.failed or f"{self.command} was never done")


@contextlib.contextmanager
def served(lab):
    """A folder with a page and a file of 16 MB, and a redis; where the client finds them."""
    with tempfile.TemporaryDirectory(prefix="sw-crash-") as folder:
        for name, size in (("page", 2003), ("file", 16 << 20)):
            with open(f"{folder}/{name}", "wb") as file:
                file.write(os.urandom(size))
        lab.server.start(["python3", "-m", "http.server", "--directory", folder, "--protocol", "HTTP/1.1", lab.port])
        lab.server.start(["redis-server", "--port", lab.port + 1, "--protected-mode", "no", "--save", "", "--dir", folder])
        wanted = {str(lab.port), str(lab.port + 1)}
        until(lambda: None if wanted <= {local.rpartition(":")[2] for local, _ in lab.server.sockets()} else "no servers")
        yield folder


def attached(lab):
    return [(number, name) for side in ("ingress", "egress") for number, name in at_tc(lab.server, side)]


def kill_and_follow(lab, flow):
    """One more daemon; the flow is the one that it was, and nothing is attached twice."""
    before, hooks = lab.stats(), attached(lab)
    lab.tracker.stop(signal.SIGKILL)
    lab.track()
    after, now = lab.flow(*flow["names"]), lab.stats()
    if not after or after["midstream"] or abs(after["start"] - flow["start"]) > 0.01:
        raise Failure(f"the flow is not the one that it was: {after}, {flow}")
    lower = {name: (before[name], now[name]) for name in before if now[name] < before[name] and "live" not in name}
    if lower or attached(lab) != hooks:
        raise Failure(f"counters fell: {lower}; hooks {hooks}, now {attached(lab)}")


@test(own=True)
def killed_daemons_lose_no_connection_no_flow_and_leave_nothing(lab):
    if not shutil.which("redis-benchmark"):
        raise Skip("there is no redis-benchmark (package redis-tools)")
    with served(lab) as folder:
        conn = lab.connection(port=lab.port + 2).establish()
        flow = {**lab.flow(*conn.names), "names": conn.names}
        before = [resets(host) for host in (lab.client, lab.server)]
        address = lab.server.address[4]
        loops = [Loop(lab.client, f"curl -sf -o /dev/null http://{address}:{lab.port}/page"),
                 Loop(lab.client, f"redis-benchmark -h {address} -p {lab.port + 1} -q -c 10 -n 2000 -t set,get")]
        download = lab.client.start(["curl", "-sf", "--limit-rate", f"{16 * 1024 // max(KILLS // 2, 2)}k",
                                     f"http://{address}:{lab.port}/file", "-o", f"{folder}/got"])
        ids = lab.map_ids()
        for number in range(KILLS):
            kill_and_follow(lab, flow)
            conn.client.send(b"%d" % number)
            assert conn.server.recv(100) == b"%d" % number
            assert lab.map_ids() == ids, "the maps are others"
        for loop in loops:
            loop.stop()
        assert download.wait(600) == 0, "the download broke"
        with open(f"{folder}/file", "rb") as file, open(f"{folder}/got", "rb") as got:
            assert hashlib.sha256(file.read()).digest() == hashlib.sha256(got.read()).digest()
        assert [resets(host)["TcpEstabResets"] for host in (lab.client, lab.server)] == \
            [row["TcpEstabResets"] for row in before], "connections were reset"
        print(f"    {KILLS} kills, {loops[0].count} pages, {loops[1].count} runs of redis-benchmark", flush=True)
    assert lab.tracker.stop() == 0
    assert not attached(lab) and "xdp" not in lab.server.run("ip link show veth").stdout
    there = {row["id"] for row in json.loads(run("bpftool -j map show").stdout)}
    until(lambda: None if not there & set(ids.values()) or
          not {row["id"] for row in json.loads(run("bpftool -j map show").stdout)} & set(ids.values()) else "maps are left")
