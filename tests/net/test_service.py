# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a service manager sees of `synward run`."""

import contextlib
import os
import signal
import socket
import tempfile

from lab import PATIENCE, Tracker, run, test, until


@test(track=False, own=True)
def manager_hears_of_start_reload_and_life_and_sigquit_leaves_all_to_the_next(lab):
    manager = lab.keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    path = os.path.join(lab.keep(tempfile.TemporaryDirectory(prefix="sw-notify-")), "socket")
    manager.bind(path)
    manager.settimeout(PATIENCE)

    def heard(word):
        until(lambda: None if manager.recv(200).decode().startswith(word) else f"{word} was not said")

    tracker = lab.tracker = Tracker(lab.server, options=(), prefix=(
        "env", f"NOTIFY_SOCKET={path}", "WATCHDOG_USEC=200000"))
    heard("READY=1")
    heard("WATCHDOG=1")
    heard("WATCHDOG=1")
    tracker.process.send_signal(signal.SIGHUP)
    heard("RELOADING=1\nMONOTONIC_USEC=")
    heard("READY=1")
    conn = lab.connection().establish()
    flow = lab.flow(*conn.names)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others, contextlib.suppress(BlockingIOError):
        others.setblocking(False)
        while True:  # a manager that does not read holds nothing up
            others.sendto(b"full", path)
    assert tracker.stop(signal.SIGQUIT) == 0, tracker.text()
    assert "the programs stay" in tracker.text(), tracker.text()
    assert abs(lab.flow(*conn.names)["start"] - flow["start"]) < 0.01
    assert run(["ip", "-n", lab.server.name, "link", "show", "veth"]).stdout.count("xdp")
    manager.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while manager.recv(200):
            pass
    manager.settimeout(PATIENCE)
    lab.tracker = Tracker(lab.server, prefix=("env", f"NOTIFY_SOCKET={path}"))
    heard("READY=1")
    assert abs(lab.flow(*conn.names)["start"] - flow["start"]) < 0.01
    assert lab.tracker.stop() == 0
    heard("STOPPING=1")
    assert "xdp" not in run(["ip", "-n", lab.server.name, "link", "show", "veth"]).stdout
