# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Members of the group synward read without being root, and can do nothing else."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile

from lab import SYNWARD, Tracker, test, until
from test_top import Screen

GROUP = 64990
NOBODY = 65534


@contextlib.contextmanager
def group_file():
    """The machine's groups, and synward."""
    with tempfile.NamedTemporaryFile("w", prefix="sw-group-") as file:
        with open("/etc/group", encoding="utf-8") as groups:
            file.write("".join(line for line in groups if not line.startswith("synward:")))
        file.write(f"synward:x:{GROUP}:\n")
        file.flush()
        os.chmod(file.name, 0o644)
        yield file.name


def tracker(lab, groups, *options):
    return Tracker(lab.server, options=options, prefix=["unshare", "-m", "sh", "-c",
                                       'mount --bind "$0" /etc/group && umask 077 && exec "$@"', groups])


def user(*groups, number=NOBODY):
    return ["setpriv", f"--reuid={number}", f"--regid={NOBODY}",
            f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups", "--inh-caps=-all"]


def member(lab, *words, groups=(GROUP,), **options):
    return lab.server.run([*user(*groups), SYNWARD, *words], **{"check": False, **options})


def request(lab, *words, fds=None):
    """What a daemon makes of these words of a member who has other ideas of a client: (text, status)."""
    script = """
import os, socket, sys, array, glob
inode = os.stat("/proc/self/ns/net").st_ino
conn = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
conn.connect(glob.glob(f"/run/synward/{inode}.*")[0])
read, write = os.pipe()
fds = [write, write] if sys.argv[1] == "pipe" else [os.open(sys.argv[1], os.O_WRONLY)] * 2
conn.sendmsg([b"\\0" + b"".join(word.encode() + b"\\0" for word in sys.argv[2:])],
             [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
os.close(write)
status = conn.recv(1)
sys.stdout.write(os.read(read, 65536).decode() if status else "")
sys.exit(status[0] if status else 99)
"""
    done = lab.server.run([*user(GROUP), "/usr/bin/python3", "-c", script, fds or "pipe", *words], check=False)
    return done.stdout, done.returncode


@test(track=False, own=True)
def members_of_the_group_read_and_can_do_nothing_else(lab):
    inode = os.stat(f"/run/netns/{lab.server.name}").st_ino
    os.makedirs("/run/synward", exist_ok=True)
    dead = lab.keep(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    dead.bind(f"/run/synward/{inode}.1")
    os.chmod(f"/run/synward/{inode}.1", 0o666)
    none = member(lab, "flows")
    assert none.returncode == 1 and "while `synward run` serves" in none.stderr, none
    with group_file() as groups:
        lab.tracker = tracker(lab, groups)
    assert not os.path.exists(f"/run/synward/{inode}.1")
    conn = lab.connection().establish()
    flows = json.loads(member(lab, "flows", "--json").stdout)
    assert [(flow["a"], flow["b"]) for flow in flows] == [tuple(conn.names)], flows
    assert member(lab, "status").stdout.startswith("veth"), member(lab, "status")
    assert json.loads(member(lab, "stats", "--json").stdout)["flows_live"] == 1
    misuse = member(lab, "flows", "--sort", "nonsense")
    assert misuse.returncode == 2 and "nonsense" in misuse.stderr, misuse
    wrong = member(lab, "flows", "nowhere", "--json")
    assert wrong.returncode == 1 and "nowhere" in json.loads(wrong.stderr)["error"], wrong
    stranger = member(lab, "flows", groups=())
    assert stranger.returncode == 1 and "member of the group synward" in stranger.stderr, stranger
    for words in (["flows", "--delete", "--state", "established"], ["detach", "veth"], ["attach", "veth"]):
        done = member(lab, *words)
        assert done.returncode == 1 and "Run it as root" in done.stderr and "group" not in done.stderr, done
        said, status = request(lab, *words)
        assert status == 1 and "may only read" in said, (said, status)
    assert request(lab, "key", "show")[1] == 1 and request(lab, "run", "veth")[1] == 1
    assert request(lab, "flows", fds="/dev/null")[1] == 99  # no pipe, no terminal
    assert request(lab, "flows")[1] == 0 and lab.flow(*conn.names), lab.flows()
    maps = lab.map_ids()
    done = lab.server.run([*user(GROUP), "bpftool", "map", "update", "id", maps["sw_config"], "key", "0", "0", "0", "0",
                           "value", "0"], check=False)
    assert done.returncode and "not permitted" in done.stdout + done.stderr, done


def hold_places(lab):
    """All that one user may have, until its stdin ends."""
    script = """
import glob, os, socket, sys
inode = os.stat("/proc/self/ns/net").st_ino
held = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(8)]
for conn in held:
    conn.connect(glob.glob(f"/run/synward/{inode}.*")[0])
print("held", flush=True)
sys.stdin.read()
"""
    holder = subprocess.Popen(lab.server.command([*user(GROUP), "/usr/bin/python3", "-c", script]), text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    return holder


def one_user_leaves_places_for_others(lab):
    holder = hold_places(lab)
    try:
        refused = member(lab, "stats")
        assert refused.returncode == 1 and "End one that watches" in refused.stderr, refused
        other = lab.server.run([*user(GROUP, number=NOBODY - 1), SYNWARD, "stats"])
        assert "flows_live" in other.stdout, other
    finally:
        holder.communicate()
    until(lambda: None if member(lab, "stats").returncode == 0 else "its places are taken still")


def metrics_are_for_the_group(lab, path):
    curl = ["curl", "-sS", "--unix-socket", path, "http://synward/metrics"]
    assert "synward_flows 0" in lab.server.run([*user(GROUP), *curl]).stdout
    stranger = lab.server.run([*user(), *curl], check=False)
    assert stranger.returncode == 7, stranger  # could not connect


@test(track=False, own=True)
def readers_of_the_group_go_with_whom_they_read_for(lab):
    metrics = f"/run/synward/metrics.{lab.name}"
    with group_file() as groups, contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as dead:
        dead.bind(metrics)
        dead.close()
        lab.tracker = tracker(lab, groups, "--metrics", metrics)
    metrics_are_for_the_group(lab, metrics)
    one_user_leaves_places_for_others(lab)
    for how in (signal.SIGINT, signal.SIGKILL):
        events = lab.server.start([*user(GROUP), SYNWARD, "events"], stdout=subprocess.PIPE)
        until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
        conn = lab.connection(port=8000 + how).establish()
        assert conn.names[0] in events.stdout.readline()
        events.send_signal(how)
        until(lambda: None if not lab.dump("sw_reading")[0]["value"] else "events are read still")
        assert events.wait(20) == (0 if how == signal.SIGINT else -how)
    with contextlib.closing(Screen(lab, user=user(GROUP))) as screen:
        screen.shows("q quit", conn.names[0])
        screen.resize(100, 30)
        screen.shows("LEFT FLAGS")
        os.kill(screen.top(), signal.SIGINT)
        screen.shows("back 0", " echo ")
    lab.tracker.stop()
    left = member(lab, "flows")
    assert not os.path.exists(metrics) and left.returncode == 1 and "while `synward run` serves" in left.stderr, left
