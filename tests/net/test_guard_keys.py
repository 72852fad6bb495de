# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Key files: hosts that share one take each other's cookies. There are two labs, whose servers have one address, as
behind a router that has changed its mind between SYN and ACK: the puppet plays both clients."""

import contextlib
import os
import signal
import tempfile

from lab import SYNWARD, Lab, Skip, run, test, until
from test_commands import NOTHING, hooks, refused
from test_guard_modes import accept_from, by_cookie, hang_up, puppet_echo

FAMILIES = 4, 6


@contextlib.contextmanager
def key_files(*names):
    """Paths of key files that `synward key new` has made."""
    if run([SYNWARD, "help", "key"], check=False).returncode:
        raise Skip("this synward has no `key`")
    with tempfile.TemporaryDirectory(prefix="sw-keys-") as folder:
        for name in names:
            run([SYNWARD, "key", "new", f"{folder}/{name}"])
        yield [f"{folder}/{name}" for name in names]


class Site:
    """A server that guards, its listeners, and the wire beside it."""

    def __init__(self, lab, key_file, mode="always"):
        self.lab = lab
        lab.client.take_xdp()
        lab.track("--guard", str(lab.port), "--cookies", mode, "--key-file", key_file)
        lab.mark()
        self.listener = {family: lab.keep(lab.server.listener(family, lab.port)) for family in FAMILIES}
        self.puppets = [lab.puppet(family) for family in FAMILIES]
        self.tap = lab.tap(lab.client)

    def answer(self):
        """SYN, SYN+ACK, through this site, of a puppet for each family."""
        for puppet in self.puppets:
            puppet.tap = self.tap
            puppet.send("S", options=puppet.options)
            puppet.receive("SA")
        self.lab.counts(cookies_sent=len(FAMILIES))
        return self.puppets

    def acknowledge(self, puppets):
        """ACK through this site."""
        for puppet in puppets:
            puppet.tap = self.tap
            puppet.send("A")

    def take(self, puppets):
        """The same, and data both ways."""
        self.acknowledge(puppets)
        for family, puppet in zip(FAMILIES, puppets):
            puppet_echo(puppet, accept_from(self.lab, self.listener[family], puppet))
        self.lab.counts(cookies_accepted=len(FAMILIES), cookies_rejected=0)


def other_lab(lab):
    """A second one for this test."""
    other = Lab()
    lab.open.callback(other.down)
    other.port = lab.port
    return other


@test(track=False)
def hosts_with_one_key_file_take_each_others_cookies(lab):
    with key_files("fleet") as (fleet,):
        one, two = Site(lab, fleet), Site(other_lab(lab), fleet)
        two.take(one.answer())
        one.lab.counts(cookies_accepted=0, cookies_rejected=0)


@test(track=False)
def quiet_host_takes_cookies_of_a_busy_one(lab):
    """It has never sent any itself."""
    with key_files("fleet") as (fleet,):
        one, two = Site(lab, fleet), Site(other_lab(lab), fleet, "auto")
        two.take(one.answer())
        two.lab.counts(cookies_sent=0, cookies_on=0)


@test(track=False)
def hosts_with_other_keys_do_not(lab):
    with key_files("one", "two") as (first, second):
        one, two = Site(lab, first), Site(other_lab(lab), second)
        puppets = one.answer()
        two.acknowledge(puppets)
        two.lab.counts(cookies_accepted=0, cookies_rejected=len(FAMILIES))
        assert set(two.lab.server.sockets().values()) == {"LISTEN"}, two.lab.server.sockets()
        one.take(puppets)


@test(track=False)
def key_file_is_read_again_on_sighup(lab):
    with key_files("one", "two") as (first, second):
        one, two = Site(lab, first), Site(other_lab(lab), second)
        puppets = one.answer()
        os.replace(first, second)
        hang_up(two.lab)
        two.take(puppets)


@test(track=False)
def handshake_in_flight_survives_the_next_key(lab):
    with key_files("fleet") as (fleet,):
        one = Site(lab, fleet)
        puppets = one.answer()
        run([SYNWARD, "key", "new", fleet, "--next"])
        hang_up(lab)
        one.take(puppets)


@test(track=False)
def key_file_that_is_no_good_changes_nothing(lab):
    """At the start: refused, and nothing is attached. On SIGHUP: the keys in force stay in force."""
    with key_files("fleet") as (fleet,):
        os.chmod(fleet, 0o644)
        for path, words in (("/nonexistent", "/nonexistent"), ("/dev/null", "/dev/null"), (fleet, "0644")):
            refused(lab.synward("run", "veth", "--guard", "80", "--key-file", path, check=False), 1, words)
        assert hooks(lab.server) == NOTHING, hooks(lab.server)
        os.chmod(fleet, 0o600)
        one = Site(lab, fleet)
        puppets = one.answer()
        for damage in (lambda: os.truncate(fleet, 7), lambda: os.unlink(fleet)):
            damage()
            before = lab.tracker.text()
            lab.tracker.process.send_signal(signal.SIGHUP)
            until(lambda: None if "key file" in lab.tracker.text()[len(before):] else "nothing was said")
        one.take(puppets)
        assert by_cookie(lab, lab.connection(listen=one.listener[4])) is True
