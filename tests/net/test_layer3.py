# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Interfaces without Ethernet: two tun devices, one in each host, and a wire of a thread between them, which carries the
other end's packets as they are.

    client  tun 10.77.0.1 ══ read, write ══ tun 10.77.0.2  server (tracker)
"""

import contextlib
import fcntl
import json
import os
import select
import struct
import threading

from lab import test
from test_commands import hooks, refused

TUNSETIFF, TUNSETLINK = 0x400454ca, 0x400454cd
IFF_TUN, IFF_NO_PI = 1, 0x1000
ARPHRD_SIT, ARPHRD_PPP, ARPHRD_NONE = 776, 512, 0xfffe


def tun(lab, host, number, link=ARPHRD_NONE):
    with host.inside():
        device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"tun", IFF_TUN | IFF_NO_PI))
    lab.open.callback(os.close, device)
    fcntl.ioctl(device, TUNSETLINK, link)
    for command in (f"addr add 10.77.0.{number}/24 dev tun", f"-6 addr add fd00:77::{number}/64 dev tun nodad",
                    "link set tun up"):
        host.run(f"ip {command}")
    return device


def wire(lab, *ends):
    """Until the test is over."""
    over, stop = os.pipe()

    def carry():
        while True:
            ready = select.select([over, *ends], [], [])[0]
            if over in ready:
                return
            for end in ready:
                packet = os.read(end, 1 << 16)
                with contextlib.suppress(OSError):  # the other one is down
                    os.write(ends[1 - ends.index(end)], packet)

    carrier = threading.Thread(target=carry, daemon=True)
    carrier.start()

    def end():
        os.close(stop)
        carrier.join()
        os.close(over)

    lab.open.callback(end)


def connected(lab, link=ARPHRD_NONE):
    ends = tun(lab, lab.client, 1, link), tun(lab, lab.server, 2, link)
    wire(lab, *ends)
    lab.client.address = {4: "10.77.0.1", 6: "fd00:77::1"}
    lab.server.address = {4: "10.77.0.2", 6: "fd00:77::2"}


def tracked(lab, family):
    """Every state of both ends, as with Ethernet."""
    lab.port += 1
    conn = lab.connection(family).establish()
    conn.client.close()
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    conn.history("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                 "LISTEN SYN_RCVD ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED")


@test(track=False, own=True)
def connections_over_ip_without_ethernet_are_tracked(lab):
    connected(lab)
    before = [hooks(lab.server, interface) for interface in ("tun", "veth")]
    lab.track(interfaces=("tun", "veth"))
    lab.mark()
    for family in (4, 6):
        tracked(lab, family)
    lab.counts(not_ip=0, bad_ip=0)
    assert lab.tracker.stop() == 0, lab.tracker.text()
    assert [hooks(lab.server, interface) for interface in ("tun", "veth")] == before


@test(track=False, own=True)
def point_to_point_link_is_tracked_and_not_guarded(lab):
    connected(lab, ARPHRD_PPP)
    refused(lab.synward("run", "tun", "--guard", "80", check=False), 1, "Ethernet")
    lab.track("--guard", str(lab.port + 1), "--cookies", "always", interfaces=("tun", "veth"))
    lab.mark()
    tracked(lab, 4)
    lab.counts(cookies_sent=0, not_ip=0, syn_other_mac=1)
    assert "tun has no Ethernet" in lab.tracker.text(), lab.tracker.text()


@test(track=False, own=True)
def link_that_begins_with_something_else_is_refused(lab):
    tun(lab, lab.server, 2, ARPHRD_SIT)
    refused(lab.synward("run", "tun", check=False), 1, "tun", str(ARPHRD_SIT))
    refused(lab.synward("attach", "tun", check=False), 1, "tun", str(ARPHRD_SIT))
    check = lab.synward("check", "tun", "--json", check=False)
    found = {row["subject"]: row["grade"] for row in json.loads(check.stdout)["findings"]}
    assert (check.returncode, found["link"]) == (1, "fail"), check.stdout
