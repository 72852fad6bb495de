# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""flows and stats as operators ask: filters, orders, sums, removal, rates."""

import json
import signal
import subprocess

from lab import SYNWARD, run, test, until


def filtered(lab, *words):
    """The ports of the responders of the flows that match."""
    return sorted(int(flow["b"].rpartition(":")[2]) for flow in lab.flows(*words))


@test(own=True)
def flows_are_those_that_are_asked_for_in_the_order_asked_for(lab):
    four, six, closing = (lab.connection(port=port, family=family).establish()
                          for port, family in ((8001, 4), (8002, 6), (8003, 4)))
    closing.client.shutdown(1)
    closing.states("FIN_WAIT_2", "CLOSE_WAIT")
    six.client.sendall(b"x" * 23)
    until(lambda: None if six.flow()["bytes"]["a"] == 23 else six.flow())
    client = four.names[0].rpartition(":")[2]
    for words, expected in (
            ((), [8001, 8002, 8003]), (("-s", "10.99.0.1"), [8001, 8003]), (("-d", "10.99.0.1"), []),
            (("--src", "fd00:99::/64"), [8002]), (("--address", "10.99.0.2/31"), [8001, 8003]),
            (("--dst", "0.0.0.0/0"), [8001, 8003]), (("--dst", "::/0"), [8002]),
            (("--dport", 8002), [8002]), (("--sport", 8002), []), (("--sport", client), [8001]),
            (("--src-state", "fin-wait-2"), [8003]), (("--dst-state", "fin-wait-2"), []),
            (("--state", "close-wait,time-wait"), [8003]), (("--dst", "10.99.0.2", "--dport", 8002), [])):
        assert filtered(lab, *words) == expected, (words, filtered(lab, *words))
    assert [flow["b"][-4:] for flow in lab.flows("--sort", "bytes", "--limit", 1)] == ["8002"]
    assert [flow["b"][-4:] for flow in lab.flows("--sort", "port", "--reverse")] == ["8003", "8002", "8001"]

    summary = json.loads(lab.synward("flows", "--summary", "--json").stdout)
    assert (summary["flows"], summary["ipv4"], summary["ipv6"]) == (3, 2, 1), summary
    assert summary["state"]["a"]["FIN_WAIT_2"] == summary["state"]["b"]["CLOSE_WAIT"] == 1, summary
    assert sorted(row["prefix"] for row in summary["prefixes"]) == ["10.99.0.0/24", "fd00:99::/64"], summary
    assert lab.synward("flows", "--summary", "--port", 1).stdout.startswith("0 flows: "), summary


@test(own=True)
def flow_that_is_deleted_is_counted_and_its_connection_goes_on(lab):
    kept, gone = (lab.connection(port=port).establish() for port in (8001, 8002))
    reader = lab.server.start([SYNWARD, "events", "--json"], stdout=subprocess.PIPE)
    until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
    for words in (("--delete",), ("--delete", "--summary", "--dport", 1), ("--summary", "--limit", 3),
                  ("--summary", "--reverse"), ("--summary", "--sort", "port")):
        assert lab.synward("flows", *words, check=False).returncode == 2, words
    assert lab.synward("flows", "--delete", "--dport", 1).stdout == "0 flows deleted\n"
    assert lab.synward("flows", "--delete", "--dport", 8002).stdout == "1 flow deleted\n"
    event = json.loads(reader.stdout.readline())
    assert event["cause"] == "deleted" and {event["src"], event["dst"]} == set(gone.names), event
    assert gone.flow() is None and kept.flow() and lab.stats()["flows_deleted"] == 1, lab.flows()
    gone.client.sendall(b"x")
    assert gone.server.recv(10) == b"x"
    until(lambda: None if gone.flow() and gone.flow()["midstream"] else f"flow is {gone.flow()}")


@test
def pcap_key_shows_tcpdump_the_flow_and_no_other(lab):
    other, conn = (lab.connection(port=lab.port + number, family=6).establish() for number in range(2))
    key = lab.synward("flows", "--pcap-key", "--dport", lab.port + 1).stdout
    assert lab.flows("--pcap-key", "--dport", lab.port + 1)[0]["pcap_key"] == key.strip(), key
    both = lab.synward("flows", "--pcap-key", "--src", "fd00:99::/64").stdout
    run(["tcpdump", "-d", "-F", "/dev/stdin"], stdin=None, input=both)  # all of it is one expression
    reader = lab.server.start(["tcpdump", "-nli", "veth", "-c", "4", key], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert "listening" in reader.stderr.readline() + reader.stderr.readline()
    for this in (other, conn):
        this.client.sendall(b"x")
        this.server.sendall(b"x")
        this.server.recv(1), this.client.recv(1)
    lines = [reader.stdout.readline() for _ in range(2)]
    ports = [name.rpartition(":")[2] for name in conn.names]
    assert all(f".{port}" in line for line in lines for port in ports), (lines, ports)
    reader.kill()
    none = lab.synward("flows", "--pcap-key", "--dport", 1, check=False)
    assert none.returncode == 1 and not none.stdout, none  # nothing would be everything


@test
def stats_have_rates_while_they_are_watched(lab):
    watch = lab.server.start([SYNWARD, "stats", "--watch", "--every", "100ms", "--nonzero", "--json"],
                             stdout=subprocess.PIPE)
    first = json.loads(watch.stdout.readline())
    assert "rates" not in first and 0 not in first.values(), first
    conn = lab.connection().establish()
    conn.client.sendall(b"x")

    def looked():
        look = json.loads(watch.stdout.readline())
        risen = look.get("segments", 0) - looked.before
        looked.before += risen
        return None if risen and 0 < look["rates"]["segments"] <= 10 * risen else look

    looked.before = first.get("segments", 0)
    until(looked)
    watch.send_signal(signal.SIGINT)
    assert watch.wait(10) == 0
    text = lab.synward("stats", "--nonzero").stdout
    assert " 0  " not in text and f"segments {'':>6}" in text, text
