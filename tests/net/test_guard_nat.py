# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Guard where NAT is in the namespace, as Docker, libvirt and Kubernetes have it: no rule of it matches, and still its
hook takes from a listener what guard's own cookies open. And where a firewall lets no connection begin with an ACK. The
kernel alone serves all of these clients; so must guard."""

import contextlib
import json
import os
import signal
import socket
import tempfile

from lab import SYNWARD, Skip, test, until
from siege import FLOOD
from test_commands import refused

CLIENTS = 20
BACKLOG = 64
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


def use_legacy_nat(host, family=4):
    """Asking for the table makes it. It stays as long as the namespace."""
    host.run(f"{'iptables' if family == 4 else 'ip6tables'}-legacy -t nat -nL")


def served(lab, family, count=CLIENTS):
    """Of so many clients, one after another, those who got an answer from a listener of the test's own."""
    with lab.server.listener(family, lab.port) as listener:
        return served_by(lab, listener, family, count)


def served_by(lab, listener, family, count):
    answered = 0
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


def changed(lab):
    """When cookies last began to be other ones."""
    return lab.dump("sw_config")[0]["value"]["guard"]["admission_ns"]


def of_table(family, way):
    return {f"v{version}": (["nat"], way) for version in COVERS[family]}


# Before the start

@test(track=False)
def nat_before_the_start_costs_no_client(lab):
    """By proxy. Where somebody wants bpf and nothing else: with the kernel's cookies where it takes them at any time,
    with none of guard's where it doesn't."""
    only_bpf = ("--admission", "bpf")
    for family, mode, syncookies, way, *options in (("inet", "always", 1, "proxy"), ("ip", "always", 2, "kernel", *only_bpf),
                                                    ("ip6", "always", 1, "none", *only_bpf), ("inet", "auto", 2, "proxy")):
        lab.server.sysctl(net__ipv4__tcp_syncookies=syncookies)
        add_nat(lab.server, family)
        guard(lab, "--cookies", mode, *options)
        becomes(lab, **of_table(family, way))
        all_served(lab, f"{family} nat, {mode}, tcp_syncookies={syncookies}")
        by_cookie = 0 if mode == "auto" else CLIENTS * (2 - len(COVERS[family]) if way == "none" else 2)
        lab.counts(cookies_sent=by_cookie, proxied=by_cookie if way == "proxy" else 0)
        assert lab.tracker.stop() == 0
        remove_nat(lab.server, family)


@test(track=False, families=(4, 6))
def nat_of_iptables_legacy_costs_no_client(lab, family):
    use_legacy_nat(lab.server, family)
    guard(lab, "--cookies", "always")
    becomes(lab, **{f"v{family}": (["nat"], "proxy")})
    all_served(lab, "iptables-legacy")
    lab.counts(cookies_sent=2 * CLIENTS, admitted=2 * CLIENTS, proxied=CLIENTS)


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
    guard(lab, "--cookies", "always")
    all_served(lab, "before", 3)
    for family in ("ip", "inet"):
        add_nat(lab.server, family)
        becomes(lab, **of_table(family, "proxy"))
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
    becomes(lab, v4=(["nat"], "proxy"))
    all_served(lab, "iptables-legacy")


@test(track=False)
def sysctl_says_whether_the_kernels_cookies_are_sent(lab):
    add_nat(lab.server)
    guard(lab, "--cookies", "always", "--admission", "bpf")
    for syncookies, way in ((1, "none"), (2, "kernel"), (1, "none")):
        lab.server.sysctl(net__ipv4__tcp_syncookies=syncookies)
        becomes(lab, v4=(["nat"], way))
        all_served(lab, f"tcp_syncookies={syncookies}", 5)


@test(track=False)
def kernels_cookie_under_way_when_nat_goes_is_taken(lab):
    """Its ACK comes when cookies are guard's own again."""
    lab.server.sysctl(net__ipv4__tcp_syncookies=2)
    add_nat(lab.server)
    guard(lab, "--cookies", "always", "--admission", "bpf")
    becomes(lab, v4=(["nat"], "kernel"))
    listener, puppet = lab.keep(lab.server.listener(4, lab.port)), lab.puppet()
    puppet.send("S")
    puppet.receive("SA")
    lab.counts(cookies_sent=1)
    before = changed(lab)
    remove_nat(lab.server)
    becomes(lab)
    assert changed(lab) > before, "the change has no date"
    puppet.send("A")
    lab.keep(listener.accept()[0])


# Under a flood

DOCKER = """
table ip nat {
    chain pre { type nat hook prerouting priority -100; fib daddr type local tcp dport 8080 dnat to 172.17.0.2:80; }
    chain post { type nat hook postrouting priority 100; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
}"""


@test(track=False)
def docker_host_serves_before_in_and_after_a_flood(lab):
    if not os.path.exists(FLOOD):
        raise Skip(f"{FLOOD} is not built: make {os.path.relpath(FLOOD)}")
    lab.server.run("ip route add default via 10.99.0.1")  # else no kernel answers what is spoofed
    lab.server.nft(DOCKER)
    for syncookies, mode in ((1, "auto"), (2, "auto")):
        lab.server.sysctl(net__ipv4__tcp_syncookies=syncookies)
        guard(lab, "--cookies", mode)
        with lab.server.listener(4, lab.port, BACKLOG) as listener:
            found = [served_by(lab, listener, 4, CLIENTS)]
            flood = lab.client.start([FLOOD, "-r", 2000, "veth", lab.server.address[4], lab.port, 100000, "S"])
            until(lambda: None if lab.rise("segments")["segments"] > 20 * BACKLOG else "no flood")
            found.append(served_by(lab, listener, 4, CLIENTS))
            assert flood.poll() is None, "the flood is over"
            flood.terminate()
            flood.wait()
            found.append(served_by(lab, listener, 4, CLIENTS))
        assert found == [CLIENTS] * 3, f"{mode}, tcp_syncookies={syncookies}: before, in and after the flood {found}"
        sent = lab.rise("cookies_sent")["cookies_sent"]
        assert sent > 10 * BACKLOG if syncookies == 1 else not sent, (mode, sent)  # else the kernel sends its own
        assert lab.tracker.stop() == 0


# Rules that want new connections to begin with a SYN

# Those that cost clients whose SYN was answered at XDP: to connection tracking they begin with an ACK. And their kin
# that do not.
BARS = ("tcp flags & (fin|syn|rst|ack) != syn ct state new drop", "ct state new tcp flags & syn == 0 reject",
        "ct state { new, invalid } tcp flags != syn / fin,syn,rst,ack drop",
        "tcp flags & (fin|syn|rst|ack) == syn ct state new tcp dport 1000-5000 accept; tcp dport 1000-5000 ct state new drop")
HARMLESS = ("ct state invalid drop", "ct state established,related accept; ct state new tcp dport 1000-5000 accept",
            "tcp flags syn ct state new limit rate over 10000/second drop", "tcp flags & (fin|syn) == (fin|syn) drop",
            "ct state new tcp dport 1 drop", "ct state established tcp flags & (fin|ack) == (fin|ack) accept")


def filters(host, rules):
    host.nft("table inet f { chain i { type filter hook input priority 0;\n" + rules.replace("; ", "\n") + "\n}\n}")


@test(track=False)
def rule_against_new_connections_without_syn_costs_no_client(lab):
    guard(lab, "--cookies", "always")
    for rules in BARS:
        filters(lab.server, rules)
        becomes(lab, v4=(["new_ack"], "proxy"), v6=(["new_ack"], "proxy"))
        all_served(lab, rules, 2)
        lab.server.nft("delete table inet f")
        becomes(lab)
    assert "begin with a SYN" in lab.tracker.text(), lab.tracker.text()


@test(track=False)
def rule_that_bars_no_ack_keeps_guards_cookies(lab):
    lab.server.nft("table inet f { chain i { type filter hook input priority 0;\n" +
                   "\n".join(HARMLESS).replace("; ", "\n") + "\n}\n}")
    guard(lab, "--cookies", "always")
    becomes(lab)
    all_served(lab, HARMLESS, 5)
    lab.counts(cookies_sent=10, admitted=10)


@test(track=False)
def rules_of_iptables_are_read_too(lab):
    for words in ("-p tcp ! --syn -m conntrack --ctstate NEW -j DROP", "-p tcp ! --syn -m state --state NEW -j REJECT",
                  "-p tcp --syn -m conntrack ! --ctstate ESTABLISHED -j ACCEPT"):
        lab.server.run(f"iptables -A INPUT {words}")
        assert "IPv4: new connections must begin with a SYN" in lab.synward("check").stdout, words
        lab.server.run("iptables -F INPUT")
    for words in ("-m conntrack --ctstate INVALID -j DROP", "-p tcp ! --syn -m conntrack --ctstate ESTABLISHED -j ACCEPT",
                  "-p tcp --syn -m conntrack --ctstate NEW -m limit --limit 1/s -j DROP"):
        lab.server.run(f"iptables -A INPUT {words}")
    assert "begin with a SYN" not in lab.synward("check").stdout, lab.server.run("iptables -S").stdout


@test(track=False)
def sysctls_of_the_host_that_take_no_cookie_cost_no_client(lab):
    filters(lab.server, "ct state invalid drop")
    lab.server.sysctl(net__netfilter__nf_conntrack_tcp_loose=0)
    guard(lab, "--cookies", "always")
    becomes(lab, v4=(["new_ack"], "proxy"), v6=(["new_ack"], "proxy"))
    all_served(lab, "nf_conntrack_tcp_loose=0")
    lab.server.sysctl(net__netfilter__nf_conntrack_tcp_loose=1)
    becomes(lab)
    lab.server.sysctl(net__ipv4__tcp_syncookies=0)  # no request of guard's is taken either
    becomes(lab, v4=(["syncookies"], "proxy"), v6=(["syncookies"], "proxy"))
    all_served(lab, "tcp_syncookies=0")
    lab.counts(lost=0, retreats=0)


# Bridges

def put_into_bridge(host):
    host.run("ip link add bridge type bridge")
    host.run(f"ip link set bridge address {host.mac.hex(':')} up")
    host.run("ip addr flush dev veth")
    host.run("ip link set veth master bridge")
    for number, length in ((4, 24), (6, 64)):
        host.run(f"ip addr add {host.address[number]}/{length} dev bridge {'nodad' if number == 6 else ''}")
    for peer in ("10.99.0.1", "fd00:99::1"):
        host.run(f"ip neigh replace {peer} lladdr {host.peer_mac.hex(':')} dev bridge nud permanent")


def call_netfilter(host, ipv4, ipv6):
    host.sysctl(**{"net__bridge__bridge-nf-call-iptables": ipv4, "net__bridge__bridge-nf-call-ip6tables": ipv6})


@test(track=False)
def netfilter_on_a_bridge_costs_no_client_of_its_ports(lab):
    put_into_bridge(lab.server)
    call_netfilter(lab.server, 0, 1)
    guard(lab, "--cookies", "always")
    for ipv4, ipv6, expected in ((0, 1, {"v6": (["bridge"], "proxy")}), (0, 0, {}), (1, 0, {"v4": (["bridge"], "proxy")})):
        call_netfilter(lab.server, ipv4, ipv6)
        becomes(lab, **expected)
        all_served(lab, f"bridge-nf-call-iptables={ipv4}, ip6tables={ipv6}", 5)
    assert "IPv4: bridge-nf-call-iptables" in lab.synward("check", "veth").stdout, lab.synward("check", "veth").stdout
    call_netfilter(lab.server, 0, 0)
    becomes(lab)
    lab.server.run("ip link set bridge type bridge nf_call_iptables 1")
    becomes(lab, v4=(["bridge"], "proxy"))
    all_served(lab, "nf_call_iptables of the bridge", 5)
    lab.server.run("ip link set bridge type bridge nf_call_iptables 0")
    becomes(lab)


@test(track=False)
def bridge_itself_is_guarded_with_cookies_of_its_own(lab):
    put_into_bridge(lab.server)
    call_netfilter(lab.server, 1, 1)
    lab.client.take_xdp()
    lab.track("--guard", str(lab.port), "--cookies", "always", interfaces=("bridge",))
    assert admission(lab) == {4: ([], "bpf"), 6: ([], "bpf")}, admission(lab)
    assert {family: served(lab, family, 5) for family in FAMILY} == {4: 5, 6: 5}
    stats = json.loads(lab.synward("stats", "--json").stdout)
    assert stats["cookies_sent"] == stats["admitted"] == 10, stats


# What is said

@test(track=False)
def status_check_and_run_say_that_nat_is_there(lab):
    add_nat(lab.server)
    guard(lab)
    for words, wanted in ((["status"], "IPv4       NAT is in this namespace"), (["check"], "IPv4: NAT is in this")):
        text = lab.synward(*words).stdout
        assert wanted in text and max(map(len, text.splitlines())) <= 100, text
    assert "Guard goes by proxy there" in " ".join(lab.synward("check").stdout.split())
    assert "guard, IPv4: NAT is in this namespace" in lab.tracker.text(), lab.tracker.text()
    port = json.loads(lab.synward("status", "--json").stdout)[0]["guard"]["ports"][0]
    assert port["admission"] == {"ipv4": "proxy", "ipv6": "bpf"}, port


@test(track=False)
def nat_that_comes_is_an_event(lab):
    guard(lab)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as text:
        reader = lab.server.start([SYNWARD, "events", "--json"], stdout=output)
        until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
        add_nat(lab.server)

        def lines():
            return [json.loads(line) for line in os.pread(output.fileno(), 1 << 20, 0).splitlines()]

        until(lambda: None if lines() else "no event")
        event = {key: value for key, value in lines()[0].items() if key != "ts"}
        assert event == {"type": "event", "cause": "admission", "event": "ADMISSION", "family": "IPv4", "hindrances": ["nat"],
                         "admission": "proxy"}, event
        reader.send_signal(signal.SIGINT)
        reader.wait()
        reader = lab.server.start([SYNWARD, "events"], stdout=text)
        until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
        remove_nat(lab.server)
        until(lambda: None if b"IPv4: guard's own cookies" in os.pread(text.fileno(), 4096, 0) else "no event")
        reader.send_signal(signal.SIGINT)
        reader.wait()


@test(track=False)
def kernels_cookies_are_still_refused_where_it_takes_none(lab):
    add_nat(lab.server)
    refused(lab.synward("run", "veth", "--guard", "80", "--admission", "kernel", check=False), 1, "tcp_syncookies=2")
