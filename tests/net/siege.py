#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A siege: one core sends spoofed segments at nginx, by tests/bench/flood, while real clients come and go.

usage: tests/net/siege.py [DEFENDER...]     one line for each; all by default: kernel synproxy auto always

In each phase another kind of segment is sent, over IPv4 and IPv6, as fast as one core can. Meanwhile curl opens a
connection for each page, a second client keeps its connections and asks several times, and downloads that began before
the flood go on. All that is received is compared with what nginx has. A SYN that is lost is sent again after a second:
that is slow, and not failed. Who has not got everything after a minute has failed.

made, failed: connections; reset: of those that had been made; p50, p99, > 1 s: to connect; lost: frames of the real
clients on the wire; flood M/s: what of it arrived, millions a second.
Environment: RATE, segments a second that are sent (0: all that one core can).
"""

import asyncio
import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import lab as laboratory
from lab import SYNWARD, Failure, endpoint, run, until

PHASES = {"SYN": "S", "ACK": "A", "RST": "R", "FIN": "FA", "SYN+ACK": "SA", "mixed": "mixed"}
FAMILIES = 4, 6
FLOOD = os.path.join(os.path.dirname(SYNWARD), "tests", "bench", "flood")
PORT = 80
RATE = int(os.environ.get("RATE", "0"))
FLOOD_MAX = 20_000_000  # it ends before that, when the clients are done
PATIENCE = 60  # s
PAGE, SLOW = 4096, 1 << 20  # bytes
ASKED = 3  # pages on a connection that is kept
CPUS = sorted(os.sched_getaffinity(0))
FLOOD_CPU, HOME_CPU = CPUS[-1], CPUS[0]

NGINX = """
daemon off; master_process off; pid {home}/pid; error_log stderr;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_timeout 300; keepalive_requests 100000;
    client_body_temp_path {home}/t; proxy_temp_path {home}/t; fastcgi_temp_path {home}/t; uwsgi_temp_path {home}/t;
    scgi_temp_path {home}/t;
    server {{
        listen {port} backlog=4096; listen [::]:{port} backlog=4096;
        root {home};
        location /slow {{ limit_rate {rate}; }}
    }}
}}
"""

SYNPROXY = f"""
table inet siege {{
    chain early {{
        type filter hook prerouting priority raw;
        tcp dport {PORT} tcp flags syn notrack
    }}
    chain late {{
        type filter hook input priority filter;
        tcp dport {PORT} ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
        ct state invalid drop
    }}
}}"""

# The flows of all connections are to be seen at the end.
GUARD = "--guard", PORT, "--timeout", "time-wait=10m", "--timeout", "closed=10m"

DEFENDERS = {
    "kernel": {"title": "kernel alone"},
    "synproxy": {"title": "nft synproxy", "rules": SYNPROXY},
    "auto": {"title": "synward, auto", "options": [*GUARD, "--cookies", "auto"]},
    "always": {"title": "synward, always", "options": [*GUARD, "--cookies", "always"]},
}


# Clients, which run in the client's namespace: `siege.py client FILE`, whose answer is JSON on stdout

def content(name, size):
    """What nginx has under that name: no two of them alike, and no part like another."""
    return b"".join(hashlib.sha256(f"{name} {block}".encode()).digest() for block in range(size // 32))


async def ask(reader, writer, host, name):
    writer.write(f"GET /{name} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(f"{head.splitlines()[0]}")
    lengths = [line for line in head.splitlines() if line.lower().startswith(b"content-length:")]
    return await reader.readexactly(int(lengths[0].partition(b":")[2]))


async def keep_alive(host, pages, pause):
    """One connection, several pages. The seconds that connecting took, and the client's endpoint."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(host, PORT)
    took = time.monotonic() - began
    own = writer.get_extra_info("sockname")
    try:
        for page in pages:
            body = await ask(reader, writer, host, page)
            if body != content(page, len(body)) or len(body) != (SLOW if page.startswith("slow") else PAGE):
                raise ValueError(f"{len(body)} bytes of {page} are not what they should be")
            await asyncio.sleep(pause)
    finally:
        writer.close()
    await writer.wait_closed()
    return took, endpoint(*own[:2])


async def count_on(results, places, *words):
    """One client's fate into results: what keep_alive() says, or what went wrong."""
    async with places:
        try:
            results.append(await asyncio.wait_for(keep_alive(*words), PATIENCE))
        except Exception as error:  # every way to fail is counted
            results.append(f"{type(error).__name__}: {error}")


async def visit(addresses, count, pages, pause):
    results, places = [], asyncio.Semaphore(32)
    hosts = [addresses[number % len(addresses)] for number in range(count)]
    await asyncio.gather(*(count_on(results, places, host, pages, pause) for host in hosts))
    return results


def be_clients(addresses, count, pages, pause):
    print(json.dumps(asyncio.run(visit(addresses, count, pages, pause))))


# The siege

def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def tcp_counters(host, *names):
    rows = (line.split() for line in host.run(["nstat", "-asz", *names]).stdout.splitlines())
    return {row[0]: int(row[1]) for row in rows if row[0] in names}


def resets(lab):
    """Connections of real clients that were reset, and connects refused, as the client's TCP has counted them."""
    return sum(tcp_counters(lab.client, "TcpEstabResets", "TcpAttemptFails").values())


class Siege:
    """A lab with nginx and a defender, as long as the context lasts."""

    def __init__(self, lab, defender):
        self.lab, self.defender = lab, DEFENDERS[defender]
        self.home = lab.open.enter_context(tempfile.TemporaryDirectory(prefix="sw-siege-"))
        self.downloads, self.results = [], []
        self.prepare_hosts()
        self.start_nginx()
        self.defend()
        self.reset_before, self.arrived_before, self.seconds = resets(lab), self.arrived(), 0

    def prepare_hosts(self):
        server, client = self.lab.server, self.lab.client
        for host in (server, client):
            host.run("nft delete table inet lab")  # nobody counts frames here
            host.run("ethtool -K veth gro on", check=False)  # else a veth takes no frame that no stack has sent
            self.queue_by_cpu(host)
        server.run("ip route add default via 10.99.0.1")  # else no kernel answers what is spoofed
        server.run("ip -6 route add default via fd00:99::1")
        client.sysctl(net__ipv4__ip_local_port_range="10000 60000")
        client.take_xdp()

    @staticmethod
    def queue_by_cpu(host):
        """As a NIC has it: what the flood's processor sends does not fill the clients' ring, which takes 256 frames."""
        host.run(f"ethtool -L veth rx {len(CPUS)} tx {len(CPUS)}", check=False)
        for number, cpu in enumerate(CPUS):
            host.run(["sh", "-c", f"echo {1 << cpu:x} >/sys/class/net/veth/queues/tx-{number}/xps_cpus"], check=False)

    def start_nginx(self):
        for number in range(23):
            pathlib.Path(self.home, f"page{number}").write_bytes(content(f"page{number}", PAGE))
        pathlib.Path(self.home, "slow").write_bytes(content("slow", SLOW))
        conf = pathlib.Path(self.home, "conf")
        conf.write_text(NGINX.format(home=self.home, port=PORT, rate=SLOW // 16))
        self.home_start(self.lab.server, ["nginx", "-e", "stderr", "-p", self.home, "-c", str(conf)])
        os.chmod(self.home, 0o755)
        until(lambda: None if len(run(["ss", "-N", self.lab.server.name, "-ltnH"]).stdout.splitlines()) == 2
              else "nginx does not listen")

    def home_start(self, host, words, **options):
        """Everything but the flood has a processor of its own."""
        return host.start(["taskset", "-c", HOME_CPU, *words], **options)

    def defend(self):
        if "rules" in self.defender:
            self.lab.server.nft(self.defender["rules"])
            self.lab.server.sysctl(net__netfilter__nf_conntrack_tcp_loose=0)
        if "options" in self.defender:
            self.lab.track(*map(str, self.defender["options"]))
            self.lab.mark()

    def lost(self):
        """The clients' own frames that found the wire (the ring of the veth) full of the flood."""
        errors = re.findall(r"xdp_xmit_errors: (\d+)", self.lab.client.run("ethtool -S veth").stdout)
        link = json.loads(self.lab.client.run("ip -j -s link show veth").stdout)[0]
        return link["stats64"]["tx"]["dropped"] - sum(map(int, errors))

    # Clients

    def clients(self, count, pages, pause):
        words = [sys.executable, os.path.abspath(__file__), "client",
                 json.dumps([list(self.lab.server.address.values()), count, pages, pause])]
        return self.home_start(self.lab.client, words, stdout=subprocess.PIPE)

    def curl(self, count, folder):
        """A connection for each page: nginx is told to close it."""
        config = pathlib.Path(folder, "config")
        hosts = self.lab.server.address[4], f"[{self.lab.server.address[6]}]"
        config.write_text("".join(f'url = "http://{hosts[number % 2]}:{PORT}/page{number % 23}"\n'
                                  f'output = "{folder}/{number}"\n' for number in range(count)))
        words = ["curl", "-sS", "--fail", "-g", "-H", "Connection: close", "--parallel", "--parallel-max", "16",
                 "--parallel-immediate", "--connect-timeout", PATIENCE, "--max-time", PATIENCE, "-K", str(config),
                 "-w", "%{json}\n"]
        return self.home_start(self.lab.client, words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def take_curl(self, process, count, folder):
        output, said = process.communicate(timeout=2 * PATIENCE)
        rows = [json.loads(line) for line in output.splitlines()]
        if len(rows) != count:
            raise Failure(f"curl told of {len(rows)} of {count}: {said}")
        for row in rows:
            number = os.path.basename(row["filename_effective"] or "none")
            right = row["http_code"] == 200 and row["num_connects"] == 1 and content(
                f"page{int(number) % 23}", PAGE) == pathlib.Path(folder, number).read_bytes()
            made = row["time_connect"], endpoint(row["local_ip"], row["local_port"])
            self.results.append(made if right else f"curl: {row['exitcode']} {row.get('errormsg')}")

    def take(self, process):
        self.results += json.loads(process.communicate(timeout=2 * PATIENCE)[0])

    # Phases

    @contextlib.contextmanager
    def flood(self, flags):
        """That from both families, until the context ends."""
        with contextlib.ExitStack() as floods:
            words = ["taskset", "-c", FLOOD_CPU, FLOOD, "-r", RATE // len(FAMILIES), "veth"]
            running = [self.lab.client.start([*words, self.lab.server.address[family], PORT, FLOOD_MAX, flags],
                                             stderr=subprocess.PIPE) for family in FAMILIES]
            floods.callback(lambda: [process.kill() for process in running])
            yield
            for process in running:
                process.terminate()
            for process in running:
                said = process.communicate(timeout=20)[1]
                if process.returncode:
                    raise Failure(f"the flood ended with {process.returncode}: {said}")

    def arrived(self):
        """Frames that the server's interface has taken in: of the flood, what the wire did not lose."""
        return int(json.loads(self.lab.server.run("ip -j -s link show veth").stdout)[0]["stats64"]["rx"]["packets"])

    def begin_downloads(self):
        """Two connections that are established before the first flood, and last."""
        self.downloads = [self.clients(len(FAMILIES), ["slow"], 0)]
        until(lambda: None if len(self.established()) == len(FAMILIES) else f"downloads: {self.established()}")

    def established(self):
        return [names for names, state in self.lab.server.sockets().items() if state == "ESTABLISHED"]

    def phase(self, flags, count):
        """So many connections, half of them curl's, while that is sent."""
        began = time.monotonic()
        with self.flood(flags), tempfile.TemporaryDirectory(prefix="sw-siege-") as folder:
            arrived = self.arrived()
            until(lambda: None if self.arrived() > arrived + 1000 else "no flood arrives")
            curl = self.curl(count // 2, folder)
            self.take(self.clients(count - count // 2, [f"page{number}" for number in range(ASKED)], 0.02))
            self.take_curl(curl, count // 2, folder)
        self.seconds += time.monotonic() - began

    def run(self, count):
        """All phases; what became of the clients."""
        self.begin_downloads()
        for number, flags in enumerate(PHASES.values()):
            self.phase(flags, count * (number + 1) // len(PHASES) - count * number // len(PHASES))
        for download in self.downloads:
            self.take(download)
        return self.summary()

    def summary(self):
        made = [result for result in self.results if not isinstance(result, str)]
        failures = [result for result in self.results if isinstance(result, str)]
        times = [took for took, _ in made]
        return {"defender": self.defender["title"], "made": len(made), "failed": len(failures),
                "reset": resets(self.lab) - self.reset_before, "p50_ms": 1000 * percentile(times, 0.5),
                "p99_ms": 1000 * percentile(times, 0.99), "slow": sum(took >= 1 for took in times),
                "arrived": self.arrived() - self.arrived_before, "seconds": self.seconds, "lost": self.lost(),
                "clients": {client for _, client in made}, "why": failures[:3]}


def line(found):
    flood = found["arrived"] / found["seconds"] / 1e6
    return (f"{found['defender']:<18}{found['made']:>8}{found['failed']:>8}{found['reset']:>8}{found['p50_ms']:>10.1f}"
            f"{found['p99_ms']:>10.1f}{found['slow']:>8}{found['lost']:>8}{flood:>10.2f}")


HEAD = f"{'':18}    made  failed   reset    p50 ms    p99 ms   > 1 s    lost flood M/s"


def main(words):
    if words[:1] == ["client"]:
        be_clients(*json.loads(words[1]))
        return 0
    if any(word not in DEFENDERS for word in words):
        print(__doc__, file=sys.stderr)
        return 2
    if not os.path.exists(FLOOD):
        print(f"Couldn't find {FLOOD}: make {os.path.relpath(FLOOD)}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"2,000 connections and 2 downloads while one core sends {', '.join(PHASES)}\n{HEAD}", flush=True)
    try:
        for word in words or DEFENDERS:
            siege = Siege(laboratory.Lab(), word)
            found = siege.run(2000)
            print(line(found), *found["why"], flush=True)
            siege.lab.down()
    finally:
        laboratory.Lab.all_down()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
