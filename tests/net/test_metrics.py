# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""`synward run --metrics`: what promtool and a real Prometheus say of it, and clients that mean ill."""

import json
import os
import re
import shutil
import socket
import tempfile

from lab import ROOT, Skip, run, test, until

PORT = 9799
MONITORING = f"{ROOT}/scripts/monitoring"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def scrape(lab, *words):
    return lab.server.run(["curl", "-sS", "--max-time", "20", *words, f"http://127.0.0.1:{PORT}/metrics"]).stdout


def values(text):
    """{name with labels: value}."""
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in text.splitlines() if line and not line.startswith("#")}


def speak(lab, data):
    """A connection that has sent this."""
    sock = lab.keep(lab.server.socket(socket.AF_INET, socket.SOCK_STREAM))
    sock.settimeout(20)
    sock.connect(("127.0.0.1", PORT))
    sock.sendall(data)
    return sock


def on_lo(lab):
    lab.server.run("ip link set lo up")


@test(own=True, run=["--guard", "1000,10.0.0.0/8:22", "--metrics", str(PORT)])
def metrics_say_what_stats_and_flows_do(lab):
    if not shutil.which("promtool"):
        raise Skip("there is no promtool")
    on_lo(lab)
    for _ in range(3):
        lab.connection(port=lab.port + 1 + lab.count).establish()
        lab.count += 1
    text = scrape(lab)
    told, stats = values(text), lab.stats()
    assert told["synward_flows"] == 3 and told['synward_flow_ends{state="ESTABLISHED"}'] == 6, text
    assert told["synward_flows_opened_total"] == stats["flows_opened"] == 3, (text, stats)
    assert {f"synward_{name}_total" for name in stats if not name.endswith("_live")} <= told.keys(), told.keys()
    assert told['synward_port_sends_cookies{address="",port="1000"}'] == 0, text
    assert told['synward_port_cookies_info{address="10.0.0.0/8",port="22",mode="auto"}'] == 1, text
    for family in ("IPv4", "IPv6"):
        labels = f'address="",port="1000",family="{family}"'
        assert [told[f"synward_port_{name}{{{labels}}}"] for name in ("admitted_total", "lost_total", "retreated")] == [0] * 3
        assert told[f'synward_port_stand_info{{{labels},stand="guard"}}'] == 1, text
    assert [told[f'synward_hook_in_place{{hook="{hook}",interface="veth"}}']
            for hook in ("ingress", "egress", "admit")] == [1, 1, 1], text
    checked = run(["promtool", "check", "metrics"], stdin=None, input=text, check=False)
    assert checked.returncode == 0 and not checked.stderr, checked.stderr
    opened = scrape(lab, "-H", f"Accept: {OPENMETRICS}")
    assert opened.endswith("\n# EOF\n") and "# TYPE synward_segments counter\n" in opened, opened

    # What the files for people use is there, and well-formed.
    run(["promtool", "check", "rules", f"{MONITORING}/alerts.yml"])
    used = set()
    for name in os.listdir(MONITORING):
        with open(f"{MONITORING}/{name}", encoding="utf-8") as file:
            used |= set(re.findall(r"\bsynward_[a-z0-9_]+", file.read()))
    assert used and used <= {name.partition("{")[0] for name in told}, used - {n.partition("{")[0] for n in told}

    # Clients that are slow, many or malformed.
    slow = [speak(lab, b"GET /met") for _ in range(20)]
    for data in (b"\x16\x03\x01\0\xff", b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"y" * 100000, b"\r\n\r\n"):
        try:
            speak(lab, data).close()
        except OSError:
            pass
    assert "synward_flows 3" in scrape(lab)
    for sock in slow:
        sock.close()
    real_prometheus(lab)


def real_prometheus(lab):
    """It takes what it asks for, OpenMetrics, and can be asked for it."""
    with tempfile.TemporaryDirectory(prefix="sw-prometheus-") as folder:
        with open(f"{MONITORING}/prometheus.yml", encoding="utf-8") as file:
            config = file.read().replace("15s", "1s")
        with open(f"{folder}/prometheus.yml", "w", encoding="utf-8") as file:
            file.write(config)
        shutil.copy(f"{MONITORING}/alerts.yml", folder)
        server = lab.server.start(["prometheus", f"--config.file={folder}/prometheus.yml",
                                   f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:9090"])

        def asked():
            answer = lab.server.run(["curl", "-sf", "http://127.0.0.1:9090/api/v1/query?query=synward_flows"],
                                    check=False).stdout
            result = json.loads(answer or "{}").get("data", {}).get("result", [])
            return None if result and result[0]["value"][1] == "3" else f"Prometheus says {answer}"

        until(asked, 60)
        server.terminate()
        server.wait()
