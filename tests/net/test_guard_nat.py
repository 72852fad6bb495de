# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Guard where NAT is in the namespace, as Docker, libvirt and Kubernetes have it: no rule of it matches, and still its
hook takes from a listener what guard's own cookies open. The kernel alone serves all of these clients; so must guard."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import tempfile

from lab import SYNWARD, Failure, libc, test, until
from test_commands import refused

CLIENTS = 20
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}

# NAT chains, none of whose rules matches, by the family of their table.
CHAINS = {"ip": 'prerouting priority -100; iifname "nothing" tcp dport 1 redirect to :2;',
          "ip6": 'postrouting priority 100; oifname "nothing" masquerade;',
          "inet": "postrouting priority 100;"}
COVERS = {"ip": {4}, "ip6": {6}, "inet": {4, 6}}


def add_nat(host, family="ip"):
    host.nft(f"table {family} nat {{ chain nat {{ type nat hook {CHAINS[family]} }}\n}}")


def remove_nat(host, family="ip"):
    host.nft(f"delete table {family} nat")


IPT_SO_GET_INFO = 64  # linux/netfilter_ipv4/ip_tables.h, and ip6_tables.h


def use_legacy_nat(host, family=4):
    """What `iptables-legacy -t nat -L` does: asks for the table, which makes it. It stays as long as the namespace."""
    info = ctypes.create_string_buffer(b"nat", 84)
    length = ctypes.c_uint(84)
    with host.socket(FAMILY[family], socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        level = socket.SOL_IP if family == 4 else socket.IPPROTO_IPV6
        if libc.getsockopt(sock.fileno(), level, IPT_SO_GET_INFO, info, ctypes.byref(length)):
            raise Failure(f"no iptables-legacy here: errno {ctypes.get_errno()}")


def served(lab, family, count=CLIENTS):
    """Of so many clients, one after another, those who got an answer."""
    answered = 0
    with lab.server.listener(family, lab.port) as listener:
        listener.settimeout(3)
        for _ in range(count):
            with lab.client.socket(FAMILY[family], socket.SOCK_STREAM) as client, contextlib.suppress(OSError):
                client.settimeout(3)
                client.connect((lab.server.address[family], lab.port))
                with listener.accept()[0] as server:
                    server.settimeout(3)
                    client.sendall(b"question")
                    if server.recv(100) == b"question":
                        server.sendall(b"answer")
                        answered += client.recv(100) == b"answer"
    return answered


def all_served(lab, when, count=CLIENTS):
    found = {family: served(lab, family, count) for family in FAMILY}
    assert found == dict.fromkeys(FAMILY, count), f"{when}: of {count} were served {found}: {lab.stats()}"


def guard(lab, *options):
    lab.client.take_xdp()
    lab.track("--guard", str(lab.port), *options)
    lab.mark()


def admission(lab):
    """{family: (hindrances, admission)} by `status --json`."""
    found = json.loads(lab.synward("status", "--json").stdout)[0]["guard"]
    return {family: (found[f"ipv{family}"]["hindrances"], found[f"ipv{family}"]["admission"]) for family in FAMILY}


def becomes(lab, **expected):
    """Each family, as v4=("nat", "kernel"), is dealt with so; what isn't named as ever."""
    wanted = {family: expected.get(f"v{family}", ([], "bpf")) for family in FAMILY}
    until(lambda: None if admission(lab) == wanted else f"{admission(lab)}, expected {wanted}: {lab.tracker.text()}")


def of_table(family, way):
    return {f"v{version}": (["nat"], way) for version in COVERS[family]}


# Before the start

@test(track=False)
def nat_before_the_start_costs_no_client(lab):
    """With the kernel's cookies where it takes them at any time, with none of guard's where it doesn't."""
    for family, mode, syncookies, way in (("ip", "always", 2, "kernel"), ("ip6", "always", 1, "none"),
                                          ("inet", "always", 1, "none"), ("inet", "auto", 2, "kernel")):
        lab.server.sysctl(net__ipv4__tcp_syncookies=syncookies)
        add_nat(lab.server, family)
        guard(lab, "--cookies", mode)
        becomes(lab, **of_table(family, way))
        all_served(lab, f"{family} nat, {mode}, tcp_syncookies={syncookies}")
        by_cookie = 0 if mode == "auto" else CLIENTS * (2 if way == "kernel" else 2 - len(COVERS[family]))
        lab.counts(cookies_sent=by_cookie)
        assert lab.tracker.stop() == 0
        remove_nat(lab.server, family)


@test(track=False, families=(4, 6))
def nat_of_iptables_legacy_costs_no_client(lab, family):
    use_legacy_nat(lab.server, family)
    lab.server.sysctl(net__ipv4__tcp_syncookies=2)
    guard(lab, "--cookies", "always")
    becomes(lab, **{f"v{family}": (["nat"], "kernel")})
    all_served(lab, "iptables-legacy")
    lab.counts(cookies_sent=2 * CLIENTS, admitted=CLIENTS)


@test(track=False)
def without_nat_cookies_are_guards_own(lab):
    """What the others are held against: a table of filters, with connection tracking, hinders nothing."""
    lab.server.nft("table inet f { chain i { type filter hook input priority 0; ct state established accept; }\n}")
    guard(lab, "--cookies", "always")
    becomes(lab)
    all_served(lab, "filters")
    lab.counts(cookies_sent=2 * CLIENTS, admitted=2 * CLIENTS)
    assert "NAT" not in lab.tracker.text() + lab.synward("status").stdout, lab.tracker.text()


# While guard runs

@test(track=False)
def nat_comes_and_goes_under_a_running_guard(lab):
    lab.server.sysctl(net__ipv4__tcp_syncookies=2)
    guard(lab, "--cookies", "always")
    all_served(lab, "before", 3)
    for family in ("ip", "inet"):
        add_nat(lab.server, family)
        becomes(lab, **of_table(family, "kernel"))
        all_served(lab, f"with {family} nat")
        lab.mark()
        remove_nat(lab.server, family)
        becomes(lab)
        all_served(lab, f"{family} nat gone")
        lab.counts(cookies_sent=2 * CLIENTS, admitted=2 * CLIENTS)


@test(track=False)
def nat_of_iptables_legacy_is_noticed_under_a_running_guard(lab):
    guard(lab, "--cookies", "always")
    use_legacy_nat(lab.server)
    becomes(lab, v4=(["nat"], "none"))
    all_served(lab, "iptables-legacy")


@test(track=False)
def sysctl_says_whether_the_kernels_cookies_are_sent(lab):
    add_nat(lab.server)
    guard(lab, "--cookies", "always")
    for syncookies, way in ((1, "none"), (2, "kernel"), (1, "none")):
        lab.server.sysctl(net__ipv4__tcp_syncookies=syncookies)
        becomes(lab, v4=(["nat"], way))
        all_served(lab, f"tcp_syncookies={syncookies}", 5)


@test(track=False)
def kernels_cookie_under_way_when_nat_goes_is_taken(lab):
    """Its ACK comes when cookies are guard's own again."""
    lab.server.sysctl(net__ipv4__tcp_syncookies=2)
    add_nat(lab.server)
    guard(lab, "--cookies", "always")
    becomes(lab, v4=(["nat"], "kernel"))
    listener, puppet = lab.keep(lab.server.listener(4, lab.port)), lab.puppet()
    puppet.send("S")
    puppet.receive("SA")
    lab.counts(cookies_sent=1)
    remove_nat(lab.server)
    becomes(lab)
    puppet.send("A")
    lab.keep(listener.accept()[0])


# What is said

@test(track=False)
def status_check_and_run_say_that_nat_is_there(lab):
    add_nat(lab.server)
    guard(lab)
    for words, wanted in ((["status"], "IPv4       NAT is in this namespace"), (["check"], "IPv4: NAT is in this")):
        text = lab.synward(*words).stdout
        assert wanted in text and max(map(len, text.splitlines())) <= 100, text
    assert "tcp_syncookies=2" in lab.synward("check").stdout
    assert "guard, IPv4: NAT is in this namespace" in lab.tracker.text(), lab.tracker.text()
    port = json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"][0]
    assert port["admission"] == {"ipv4": "none", "ipv6": "bpf"}, port


@test(track=False)
def nat_that_comes_is_an_event(lab):
    lab.server.sysctl(net__ipv4__tcp_syncookies=2)
    guard(lab)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as text:
        reader = lab.server.start([SYNWARD, "events", "--json"], stdout=output)
        until(lambda: None if lab.dump("sw_event_reader")[0]["value"] else "nobody reads events")
        add_nat(lab.server)

        def lines():
            return [json.loads(line) for line in os.pread(output.fileno(), 1 << 20, 0).splitlines()]

        until(lambda: None if lines() else "no event")
        event = {key: value for key, value in lines()[0].items() if key != "ts"}
        assert event == {"type": "event", "cause": "admission", "family": "IPv4", "hindrances": ["nat"],
                         "admission": "kernel"}, event
        reader.send_signal(signal.SIGINT)
        reader.wait()
        reader = lab.server.start([SYNWARD, "events"], stdout=text)
        until(lambda: None if lab.dump("sw_event_reader")[0]["value"] else "nobody reads events")
        remove_nat(lab.server)
        until(lambda: None if b"IPv4: guard's own cookies" in os.pread(text.fileno(), 4096, 0) else "no event")
        reader.send_signal(signal.SIGINT)
        reader.wait()


@test(track=False)
def kernels_cookies_are_still_refused_where_it_takes_none(lab):
    add_nat(lab.server)
    refused(lab.synward("run", "veth", "--guard", "80", "--admission", "kernel", check=False), 1, "tcp_syncookies=2")
