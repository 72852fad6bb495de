# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The configuration file of `synward run`: read at the start, and again at SIGHUP, wholly or not at all."""

import json
import os
import signal
import tempfile

from lab import SYNWARD, Failure, Tracker, run, test, until


class Config:
    """A file, and a tracker that reads it."""

    def __init__(self, lab):
        self.lab = lab
        self.folder = lab.open.enter_context(tempfile.TemporaryDirectory(prefix="sw-config-"))
        self.path = f"{self.folder}/synward.conf"

    def write(self, *lines):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def hang_up(self, outcome="settings read again"):
        """SIGHUP, and what it says of it."""
        before = len(self.lab.tracker.text())
        self.lab.tracker.process.send_signal(signal.SIGHUP)
        until(lambda: None if outcome in self.lab.tracker.text()[before:] else self.lab.tracker.text()[before:])
        return self.lab.tracker.text()[before:]

    def status(self):
        return {row["iface"]: row for row in json.loads(self.lab.synward("status", "--json").stdout)}

    def ports(self, iface="veth"):
        guard = self.status()[iface]["guard"]
        return {(row["address"], row["port"]): row["cookies"] for row in guard["ports"]} if guard else {}


def serves(lab, listener):
    """A client of the kernel's gets through."""
    with lab.client.client() as client:  # closed, so that one who is denied asks no more
        client.settimeout(5)
        client.connect(listener.getsockname())
        listener.accept()[0].close()


def denied_then_allowed_then_by_cookie(lab, config, port):
    """What becomes of clients; the interface that the file no longer names is let go."""
    listener = lab.keep(lab.server.listener(4, port))
    lab.mark()
    address = lab.client.address[4]
    config.write("interface = veth", f"guard = {port}", "cookies = always", f"deny = {address}/32")
    assert "more is not tracked any more" in config.hang_up()
    assert set(config.status()) == {"veth"} and config.ports() == {(None, port): "always"}, config.status()
    try:
        serves(lab, listener)
        raise Failure("who is denied is served")
    except TimeoutError:
        assert lab.rise("denied", "cookies_sent")["denied"] > 0, lab.stats()
    config.write("interface = veth", f"guard = {port}", "cookies = always", "deny = 0.0.0.0/0", f"allow = {address}")
    config.hang_up()
    serves(lab, listener)
    lab.counts(syn_allowed=1, cookies_sent=0)
    config.write("interface = veth", f"guard = {port}", "cookies = always")
    config.hang_up()
    serves(lab, listener)
    lab.counts(cookies_accepted=1)


@test(track=False, own=True)
def sighup_applies_all_that_can_change_and_a_bad_file_nothing(lab):
    config = Config(lab)
    lab.client.take_xdp()
    lab.server.run("ip link add more type veth peer name far")
    lab.server.run("ip link set more up")
    config.write("interface = veth", "msl = 5s")
    lab.track("--config", config.path, interfaces=())
    first = config.status()["veth"]
    assert first["timeouts_ms"]["TIME_WAIT"] == 10000 and first["guard"] is None, first
    connection = lab.connection().establish()

    # Guard where there was none, other time-outs, an interface more; and what takes a new start is named.
    port = lab.port + 1
    config.write("interface = veth", "interface = more", "mode = generic", "msl = 6s", f"guard = {port}",
                 "[ports]", "guard = 10.0.0.0/8:22", "cookies = always", "high-mark = 7")
    said = config.hang_up()
    assert "mode changes with a new start only" in said and "more is tracked, too" in said, said
    second = config.status()
    assert second["veth"]["timeouts_ms"]["TIME_WAIT"] == 12000, second
    guards = second["veth"]["ingress"]["id"]  # in the place of a program that could only track
    assert guards != first["ingress"]["id"] and second["more"]["ingress"], second
    assert config.ports() == {(None, port): "auto", ("10.0.0.0/8", 22): "always"}, config.ports()

    # A bad file, of whatever kind, changes nothing; twice in a row neither.
    for lines, why in ((["interface = nosuch0", "guard = 81"], "nosuch0"), (["junk"], ":1: a line is NAME = VALUE"),
                       (["interface = veth", "guard = 82", "key-file = /nonexistent"], "/nonexistent"),
                       (["interface = veth", *(f"guard = 10.0.0.0/{bits}:80" for bits in range(8, 20))], "8 lengths")):
        config.write(*lines)
        for _ in range(2):
            said = config.hang_up("what was in force stays in force")
            assert why in said, said
        assert config.ports() == {(None, port): "auto", ("10.0.0.0/8", 22): "always"}, config.ports()
        assert set(config.status()) == {"veth", "more"}, config.status()
    os.unlink(config.path)
    config.hang_up("what was in force stays in force")

    denied_then_allowed_then_by_cookie(lab, config, port)
    assert config.status()["veth"]["ingress"]["id"] == guards, config.status()
    until(lambda: None if lab.dump("sw_sockets_now")[0]["value"] else "guard's list of sockets is not kept up")
    connection.states("ESTABLISHED", "ESTABLISHED")
    assert lab.tracker.stop() == 0 and not run(["ip", "netns", "exec", lab.server.name, SYNWARD, "status"],
                                               check=False).stdout


BROKEN = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int socket(int family, int type, int protocol)
{
	int (*real)(int, int, int) = dlsym(RTLD_NEXT, "socket");

	if (family == AF_NETLINK && (type & SOCK_NONBLOCK) && protocol == NETLINK_ROUTE && !access(getenv("BROKEN"), F_OK)) {
		errno = ENOBUFS;
		return -1;
	}
	return real(family, type, protocol);
}
"""


@test(track=False, own=True)
def guard_that_cannot_watch_addresses_is_not_taken_at_sighup(lab):
    config = Config(lab)
    with open(f"{config.folder}/broken.c", "w", encoding="utf-8") as file:
        file.write(BROKEN)
    run(["cc", "-shared", "-fPIC", "-o", f"{config.folder}/broken.so", f"{config.folder}/broken.c", "-ldl"])
    config.write("interface = veth")
    broken = f"{config.folder}/broken"
    lab.tracker = Tracker(lab.server, (), ("--config", config.path),
                          prefix=("env", f"LD_PRELOAD={broken}.so", f"BROKEN={broken}"))
    with open(broken, "w", encoding="utf-8"):
        config.write("interface = veth", "guard = 80")
        said = config.hang_up("what was in force stays in force")
    assert "Couldn't watch addresses and routes" in said and not config.ports(), said
    os.unlink(broken)
    config.hang_up()
    assert config.ports() == {(None, 80): "auto"}, config.ports()
