# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Who answers the SYNs, each in a lab of its own: no state of one is left for the next.

        client                                        server
    generator ─► (XDP_TX) ─────────────────────► XDP ─► its TCP, nginx at port 80
    meter ◄────────────────────────────────────────────────
    counts what goes to spoofed sources, and drops it
"""

import contextlib
import itertools
import json
import os
import re
import subprocess
import tempfile
import time

from common import BENCH, FLOOD_CPU, HOME_CPU, LAB, NO_GUARD, PINS, ROOT, SYNWARD, enter, guard_known, inside, run

FIELD = f"{LAB}-f"
PORT = 80
SERVER = {4: "10.99.0.2", 6: "fd00:99::2"}
COUNT_MAX = 20_000_000

NGINX = """
daemon off; master_process off; pid {home}/pid; error_log stderr;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_timeout 0;
    server {{
        listen {port} backlog=4096; listen [::]:{port} backlog=4096;
        location / {{ return 200 "synward\\n"; }}
    }}
}}
"""


def at(host, *words):
    return inside(host, *words, lab=FIELD)


def until(what, true, limit=10):
    end = time.monotonic() + limit
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"bench: {what} does not begin")
        time.sleep(0.02)


def receivers():
    """The threads that serve the queues of veths, where these have any: (the NAPI's number, process)."""
    lines = run("ps", "-eo", "pid,comm").splitlines()
    return {(int(line.rpartition("-")[2]), line.split()[0]) for line in lines if "napi/veth" in line}


def write(host, name, value):
    """A setting of the host's end of the wire, in sysfs."""
    run("ip", "netns", "exec", f"{FIELD}-{host}", "sh", "-c", f"echo {value} >/sys/class/net/veth/{name}")


def set_queues(queues):
    """Of both ends; who sends on a processor sends to its queue: so does XDP_TX (veth_select_rxq())."""
    for side in ("rx", "tx") if queues > 1 else ("tx", "rx"):  # never more that send than that receive
        for host in ("c", "s"):
            at(host, "ethtool", "-L", "veth", side, queues)
    for host, cpu in itertools.product(("c", "s"), {HOME_CPU, FLOOD_CPU} if queues > 1 else ()):
        write(host, f"queues/tx-{cpu % queues}/xps_cpus", f"{1 << cpu:x}")


class Defender:
    """Nobody: the server's TCP as it comes."""

    name = "no program"
    serves = True  # real clients, too
    program = None  # XDP, of bare.bpf.c
    sysctls = ()
    rules = None
    why_not = None

    def __enter__(self):
        run(f"{ROOT}/scripts/lab", "up", FIELD)
        for host in ("c", "s"):
            # What the lab's rules keep quiet does not matter here, and the kernel pays for them.
            at(host, "nft", "delete", "table", "inet", "lab")
            # A veth takes frames that were not sent through its peer's stack only by NAPI.
            at(host, "ethtool", "-K", "veth", "gro", "on")
        at("c", "sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535")
        at("s", "ip", "route", "add", "default", "via", "10.99.0.1")
        at("s", "ip", "-6", "route", "add", "default", "via", "fd00:99::1")
        self.meter("meter")
        self.serve()
        if self.sysctls:
            at("s", "sysctl", "-qw", *self.sysctls)
        if self.rules:
            at("s", "nft", self.rules)
        if self.program:
            at("s", "ip", "link", "set", "veth", "xdp", "pinned", f"{PINS}/{self.program}")
        self.on()
        return self

    def __exit__(self, *_):
        self.off()
        run(f"{ROOT}/scripts/lab", "down", FIELD)

    def on(self):
        pass

    def off(self):
        pass

    @contextlib.contextmanager
    def receivers_pinned(self, queues):
        """Both ends of the wire are served by threads on the flood's processor, before anything else there: as the
        interrupts of a NIC are. Else whoever sends first serves the queue: with the flood in it, and on the other
        processor, behind the clients, it runs over. Of two queues the clients have one of their own, which their
        processor serves: so a NIC's filter would have it."""
        if queues > 1:
            set_queues(queues)
        for host in ("c", "s"):
            before = receivers()
            write(host, "threaded", 1)
            for queue, (_, thread) in enumerate(sorted(receivers() - before)):  # queues get their numbers in order
                run("chrt", "--fifo", "--pid", 1, thread)
                run("taskset", "--pid", "--cpu-list", FLOOD_CPU if queue == FLOOD_CPU % queues else HOME_CPU, thread)
        try:
            yield
        finally:
            for host in ("c", "s"):
                write(host, "threaded", 0)
            if queues > 1:
                set_queues(1)

    def meter(self, program):
        at("c", "ip", "link", "set", "veth", "xdp", "off")
        at("c", "ip", "link", "set", "veth", "xdp", "pinned", f"{PINS}/{program}")

    def serve(self):
        with tempfile.TemporaryDirectory(prefix="sw-bench-") as home:
            with open(f"{home}/conf", "w") as conf:
                conf.write(NGINX.format(home=home, port=PORT))
            subprocess.Popen(enter("s", "nginx", "-p", home, "-c", conf.name, lab=FIELD),
                             stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until("nginx", lambda: at("s", "ss", "-ltnH", f"sport = :{PORT}"))


class Drop(Defender):
    name = "bare drop"
    program = "drop"
    serves = False


class Pass(Defender):
    name = "bare pass"
    program = "pass_ingress"


class Insert(Defender):
    """As many bytes of each IPv4 segment's as synward keeps, into a map like its own."""

    name = "bare insert"
    program = "insert"
    serves = False


class Reflector(Defender):
    name = "bare reflector"
    program = "reflect"
    serves = False


class KernelCookies(Defender):
    name = "kernel cookies"
    sysctls = ("net.ipv4.tcp_syncookies=2",)


class Synproxy(Defender):
    """As in the wiki of nftables."""

    name = "nft synproxy"
    sysctls = ("net.netfilter.nf_conntrack_tcp_loose=0",)
    rules = f"""table inet bench {{
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


class Conntrack(Defender):
    """A firewall as hosts have it, and cookies where the listener's queue is full, as by default."""

    name = "conntrack"
    rules = f"""table inet bench {{
        chain input {{
            type filter hook input priority filter; policy drop;
            ct state established,related accept
            ct state invalid drop
            tcp dport {PORT} ct state new accept
        }}
    }}"""


class Synward(Defender):
    """The tracker."""

    name = "synward"
    options = ()

    def on(self):
        self.log = tempfile.TemporaryFile("w+")
        self.daemon = subprocess.Popen(enter("s", SYNWARD, "run", "veth", *self.options, lab=FIELD),
                                       stderr=self.log)
        until("synward", self.serving, 60)

    def serving(self):
        said = os.pread(self.log.fileno(), 4096, 0).decode()
        if self.daemon.poll() is not None:
            raise SystemExit(f"bench: synward run: {said.strip()}")
        return "serving" in said

    def off(self):
        self.daemon.terminate()
        self.daemon.wait()
        self.log.close()


class Guard(Synward):
    name = "synward guard"
    options = ("--guard", PORT, "--cookies", "always", "--reply-budget", 0)
    why_not = None if guard_known() else NO_GUARD

    def on(self):
        super().on()
        until("the list of sockets", self.knows_sockets)

    def knows_sockets(self):
        """It does a moment after it began to serve; before, it asks the kernel for every SYN."""
        program = json.loads(at("s", "ip", "-j", "link", "show", "veth"))[0]["xdp"]["prog"]["id"]
        ids = json.loads(run("bpftool", "-j", "prog", "show", "id", program))["map_ids"]
        maps = (json.loads(run("bpftool", "-j", "map", "show", "id", number)) for number in ids)
        number = next(found["id"] for found in maps if found["name"] == "sw_sockets_now")
        return json.loads(run("bpftool", "-j", "map", "dump", "id", number))[0]["formatted"]["value"]


class GuardAuto(Guard):
    name = "guard, auto"
    options = ("--guard", PORT, "--cookies", "auto", "--reply-budget", 0)


class GuardProxy(Guard):
    """As where NAT is in the namespace, and as services behind it are protected."""

    name = "guard, by proxy"
    options = (*Guard.options, "--admission", "proxy")


def lost_on_the_wire():
    """Frames of the client host's own, the flood's aside, that found the ring of the veth full."""
    errors = re.findall(r"xdp_xmit_errors: (\d+)", at("c", "ethtool", "-S", "veth"))
    sent = json.loads(at("c", "ip", "-j", "-s", "link", "show", "veth"))[0]["stats64"]["tx"]
    return sent["dropped"] - sum(map(int, errors))


# --- The flood and the meter ----------------------------------------------------------------------

def flood_words(*options, family=4, flags="S", count=COUNT_MAX):
    return ["taskset", "-c", str(FLOOD_CPU),
            *enter("c", f"{BENCH}/flood", *options, "veth", SERVER[family], PORT, count, *flags.split(), lab=FIELD)]


def flood(*options, **what):
    """To the end; what it says it did."""
    return json.loads(run(*flood_words(*options, **what)))


def syn_acks():
    """As the meter counted them until now."""
    rows = json.loads(run("bpftool", "-j", "map", "dump", "pinned", f"{PINS}/counts"))
    return sum(cpu["value"] for cpu in rows[0]["formatted"]["values"])
