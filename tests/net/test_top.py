# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""synward top by its screen, in tmux."""

import contextlib
import itertools
import os
import re
import signal

from lab import SYNWARD, run, test, until


class Screen:
    """A terminal of its own in which a shell runs `synward top`, and says when it is back."""

    numbers = itertools.count()

    def __init__(self, lab, *words, term="screen", user=()):
        self.server = ["tmux", "-L", f"sw-{os.getpid()}-{next(self.numbers)}", "-f", "/dev/null"]
        top = " ".join([*lab.watched.command([*user, "env", f"TERM={term}", "LANG=C.UTF-8", SYNWARD, "top"]), *words])
        run([*self.server, "new-session", "-d", "-x", "80", "-y", "24",
             f"sh -c '{top}; echo back $?; stty -a; sleep 600'"])

    def close(self):
        run([*self.server, "kill-server"], check=False)

    def text(self):
        return run([*self.server, "capture-pane", "-p"]).stdout

    def keys(self, *keys):
        run([*self.server, "send-keys", *keys])

    def shows(self, *parts):
        until(lambda: None if all(part in self.text() for part in parts) else f"{parts} are not on\n{self.text()}")

    def resize(self, columns, lines):
        run([*self.server, "resize-window", "-x", str(columns), "-y", str(lines)])

    def top(self):
        """The process."""
        pane = run([*self.server, "list-panes", "-F", "#{pane_pid}"]).stdout.strip()
        with open(f"/proc/{pane}/task/{pane}/children", encoding="ascii") as file:
            return int(file.read().split()[0])


@test(own=True, run=["--guard", "1000", "--cookies", "always"])
def top_shows_flows_ports_and_keeps_to_its_screen(lab):
    lab.keep(lab.server.listener(4, 1000))
    forger = lab.puppet()
    forger.send("S")
    forger.receive("SA")
    conn, other = lab.connection(port=8001).establish(), lab.connection(port=8002).establish()
    with contextlib.closing(Screen(lab, "--every", "100ms")) as screen:
        screen.shows("synward top", "veth", "segments", "port 1000", conn.names[0], other.names[0], "ESTABLISHED 2/2")
        assert len(screen.text().splitlines()) == 24 and "q quit" in screen.text().splitlines()[-1], screen.text()
        until(lambda: forger.send("A", ack=forger.rcv + 1) and
              (None if re.search(r"[1-9] 10\.99\.0\.0/24$", screen.text(), re.M) else screen.text()))
        screen.keys("/")
        screen.keys("dport 80011", "BSpace", "Enter")
        screen.shows("filter: dport 8001", conn.names[0])
        until(lambda: None if other.names[0] not in screen.text() else screen.text())
        screen.keys("/")
        screen.keys("nonsense", "Enter")
        screen.shows("nonsense")
        screen.keys("h")
        screen.shows("any key: back")
        screen.keys("x", "p")
        screen.shows("PAUSED", conn.names[0])
        screen.keys("p")
        screen.resize(100, 30)
        screen.shows("LEFT FLAGS", "sort (bytes)")
        lab.tracker.stop(signal.SIGKILL)
        screen.shows("no daemon", conn.names[0])
        screen.keys("q")
        screen.shows("back 0", " echo ")
    assert not lab.dump("sw_reading")[0]["value"], lab.dump("sw_reading")


@test
def top_gives_the_terminal_back_when_it_is_ended(lab):
    conn = lab.connection().establish()
    for keys, prompt, how, term in (("/", "filter:", signal.SIGTERM, "vt100"), ("h", "any key", signal.SIGHUP, "screen"),
                                    ("p", "PAUSED", signal.SIGSEGV, "screen")):
        with contextlib.closing(Screen(lab, term=term)) as screen:
            screen.shows("q quit", conn.names[0])
            screen.keys(keys)
            screen.shows(prompt)
            os.kill(screen.top(), how)
            screen.shows("back 0" if how != signal.SIGSEGV else f"back {128 + how}", " echo ")
    with contextlib.closing(Screen(lab, term="dumb")) as screen:
        screen.shows('the terminal "dumb": it has no page', "back 1")
    none = lab.synward("top", check=False)
    assert none.returncode == 1 and "terminal" in none.stderr, none
