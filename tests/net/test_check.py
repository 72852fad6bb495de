# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""`synward check` names what it finds on a host that costs guard clients, or its use, and what mends it."""

import json
import tempfile

from lab import test
from test_commands import NOTHING, hooks
from test_contract import examples, same_shape
from test_hooks import add_filter


def findings(lab, *words, code=0):
    result = lab.synward("check", *words, "--json", check=False)
    assert result.returncode == code, result.stderr + result.stdout
    said = json.loads(result.stdout)
    assert said["track"] == (code == 0), said
    return {row["subject"]: row for row in said["findings"]}


def write(file, *lines):
    file.seek(0)
    file.truncate()
    print(*lines, sep="\n", file=file, flush=True)


@test(track=False)
def check_says_of_a_configuration_whether_it_is_taken_and_nothing_untrue_of_tracking(lab):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        for lines, taken, why in (
                (["interface = veth", "guard = 80"], True, "guarded ports 1"),
                (["interface = nosuch0"], False, "nosuch0 is not there"),
                (["interface = veth", "guard = 80", "key-file = /nonexistent"], False, "/nonexistent"),
                (["interface = veth", "reply_budget = 5"], False, f'{file.name}:2: there is no setting "reply_budget"')):
            write(file, *lines)
            said = lab.synward("check", "--config", file.name, check=False)
            assert said.returncode == (not taken) and why in said.stderr + said.stdout, said
            verdict = f"The configuration {file.name} is {'' if taken else 'not '}taken"
            assert "\nTracking works here.\n" in said.stdout and verdict in said.stdout, said.stdout
    said = lab.synward("check", "--config", file.name, "--json", check=False)
    verdicts = json.loads(said.stdout)
    assert (verdicts["track"], verdicts["guard"], verdicts["configuration"]) == (True, None, False), said
    assert "Couldn't read the configuration" in json.loads(said.stderr)["error"], said.stderr


def try_guard(lab, code):
    """What a trial on a port says: of guard, and in its line."""
    result = lab.synward("check", "--guard", str(lab.port), "--json", check=False)
    said = json.loads(result.stdout)
    same_shape({**said, "findings": said["findings"][:0]}, {**examples()["check"][0], "findings": []})
    assert (result.returncode, said["track"], said["guard"]) == (code, True, code == 0), result.stdout
    return said["findings"][-1]["found"]


def grades(found):
    return {subject: row["grade"] for subject, row in found.items()}


@test(track=False)
def check_tries_guard_and_leaves_no_trace(lab):
    """Whatever else is there: the port is taken, and the firewall lets nothing through."""
    lab.keep(lab.server.listener(4, lab.port))
    lab.server.drop("tcp flags syn")
    before = lab.server.run("ip -d link").stdout
    assert "a client was served, by a cookie" in try_guard(lab, 0)
    assert lab.server.run("ip -d link").stdout == before
    assert hooks(lab.server) == NOTHING, hooks(lab.server)
    lab.server.sysctl(net__ipv4__tcp_syncookies=0)
    assert try_guard(lab, 1) == "couldn't start guard, as was said"
    lab.server.sysctl(net__ipv4__tcp_syncookies=1)


@test(track=False)
def check_names_what_is_in_guards_way(lab):
    lab.client.take_xdp()
    mangle = {"IPv4": "iptables-legacy -t mangle", "IPv6": "ip6tables-legacy -t mangle"}
    for command in mangle.values():
        lab.server.run(f"{command} -A OUTPUT -j ACCEPT")
    quiet = grades(findings(lab, "veth"))
    noisy = {"guard, routing", "guard, ip rule", "guard, diverted", "guard, MSS", "guard, conntrack", "guard, rp_filter", "guard, bridge port",
             "accept queues", "tc", "guard, veth", "link"}
    assert not noisy & quiet.keys(), quiet
    assert quiet["guard, syncookies"] == quiet["guard, NAT"] == "ok", quiet

    for family, command in mangle.items():
        lab.server.run(f"{command} -A POSTROUTING -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200")
        assert findings(lab, "veth")["guard, MSS"]["found"].startswith(family)
        lab.server.run(f"{command} -F")

    lab.server.sysctl(net__ipv4__ip_forward=1, net__ipv4__conf__all__rp_filter=1, net__ipv4__tcp_syncookies=2,
                      net__netfilter__nf_conntrack_tcp_loose=0)
    for command in ("rule add pref 100 lookup local", "rule add pref 50 from 10.0.0.0/8 lookup main", "rule del pref 0",
                    "link add bridge address 02:00:00:00:00:77 type bridge", "link set veth master bridge"):
        lab.server.run(f"ip {command}")
    lab.server.nft("table ip n { chain p { type nat hook prerouting priority 0; tcp dport 80 redirect to :8080;\n}\n"
                   "chain o { type filter hook output priority 0; tcp flags syn tcp option maxseg size set 1200;\n}\n}")
    lab.server.run("tc qdisc add dev veth clsact")
    add_filter(lab, "ingress", 1)
    lab.client.run("ip link set dev veth xdp off")
    # On loopback: nothing comes in at veth, which is the bridge's now.
    listener = lab.keep(lab.server.socket())
    listener.bind(("127.0.0.1", lab.port))
    listener.listen(0)
    waits = lab.keep(lab.server.socket())
    waits.connect(("127.0.0.1", lab.port))

    found = findings(lab, "veth")
    now = grades(found)
    for subject in ("guard, routing", "guard, ip rule", "guard, diverted", "guard, MSS", "guard, conntrack", "guard, rp_filter",
                    "guard, bridge port", "guard, syncookies", "guard, NAT", "guard, veth", "accept queues"):
        assert now.get(subject) == "note" and found[subject]["advice"], (subject, found)
    assert now["tc"] == "ok" and "TCX" in found["tc"]["found"], found["tc"]
    assert f"port {lab.port}: 1 wait" in found["accept queues"]["found"], found["accept queues"]
