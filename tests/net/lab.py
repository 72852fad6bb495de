# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The lab in Python: hosts, sockets in them, the tracker, and what `ss` says beside it.

Where a segment can be lost, with the tracker at the server's interface:

    client  ──hold/lose──►  wire  ──►  XDP ingress (tracker)  ──drop──►  server's TCP
    client  ◄──drop──  wire  ◄──  tc egress (tracker)  ◄──hold/lose──  server's TCP

What host.lose() takes, no tracker sees. What host.drop() takes, every tracker has seen, and the host's TCP never gets.
What host.hold() keeps back has not been sent yet, and goes out in order when host.release() is called.
"""

import atexit
import contextlib
import ctypes
import functools
import ipaddress
import itertools
import json
import os
import selectors
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import tcx
from tcp import PATIENCE, Puppet, Tap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SYNWARD = os.environ.get("SYNWARD", os.path.join(ROOT, "build", "synward"))
OBJECT = os.environ.get("SYNWARD_OBJ", os.path.join(ROOT, "build", "synward.bpf.o"))

SETTING_UP = ("run", "attach", "detach", "check")  # commands of synward

STATES = {"LISTEN": "LISTEN", "SYN-SENT": "SYN_SENT", "SYN-RECV": "SYN_RCVD", "ESTAB": "ESTABLISHED",
          "FIN-WAIT-1": "FIN_WAIT_1", "FIN-WAIT-2": "FIN_WAIT_2", "CLOSE-WAIT": "CLOSE_WAIT", "CLOSING": "CLOSING",
          "LAST-ACK": "LAST_ACK", "TIME-WAIT": "TIME_WAIT", "UNCONN": "CLOSED"}

libc = ctypes.CDLL(None, use_errno=True)


class Failure(AssertionError):
    """What was expected did not happen."""


class Skip(Exception):
    """The test cannot run here, and why."""


def until(check, timeout=PATIENCE):
    """Call check until it returns None; what it returned last is the failure. The longer it has taken, the longer it
    may be left alone: most checks start a process, which takes as much time as anything that is waited for."""
    began = time.monotonic()
    while True:
        problem = check()
        if problem is None:
            return
        waited = time.monotonic() - began
        if waited > timeout:
            raise Failure(problem)
        time.sleep(min(0.1, 0.01 + waited / 8))


def run(command, check=True, timeout=60, **options):
    """A command's result, with text output."""
    if isinstance(command, str):
        command = shlex.split(command)
    result = subprocess.run([str(word) for word in command], text=True, capture_output=True, timeout=timeout,
                            **{"stdin": subprocess.DEVNULL, **options})
    if check and result.returncode:
        raise Failure(f"{' '.join(map(str, command))}: exit {result.returncode}: {result.stderr.strip()}")
    return result


@contextlib.contextmanager
def on_one_cpu(which=min):
    """What is sent is received on the same CPU: in order, and counted there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {which(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def address(packed):
    """Text of the 16 bytes of a key; they may be numbers or "0x.." strings."""
    packed = ipaddress.IPv6Address(bytes(int(str(byte), 0) for byte in packed))
    return str(packed.ipv4_mapped or packed)


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@functools.cache
def pass_program():
    """The path of an XDP program that passes everything."""
    folder = tempfile.mkdtemp(prefix="sw-pass-")
    atexit.register(shutil.rmtree, folder)
    compiler = os.environ.get("CLANG", "clang")
    run([compiler, "-target", "bpf", "-O2", "-g", "-c", "-x", "c", "-", "-o", f"{folder}/pass.o"], stdin=None,
        input='__attribute__((section("xdp.frags"), used)) int pass(void *ctx) { return 2; }')
    return f"{folder}/pass.o"


def filters(host, side, interface="veth"):
    """Of BPF programs under clsact."""
    rows = json.loads(host.run(f"tc -j filter show dev {interface} {side}").stdout or "[]")
    return [row["options"] for row in rows if "bpf_name" in row.get("options", {})]


def at_tc(host, side, interface="veth"):
    """[(id, name)] of the programs there: those of TCX, then filters."""
    listed = [(number, tcx.name(number)) for number in tcx.ids(host, side, interface)]
    return listed + [(row["prog"]["id"], row["prog"]["name"]) for row in filters(host, side, interface)]


def name_of(sock):
    return endpoint(*sock.getsockname()[:2])


class Host:
    """One namespace of the lab."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.address = {4: f"10.99.0.{number}", 6: f"fd00:99::{number}"}
        self.mac = bytes([2, 0, 0, 0, 0, number])
        self.peer_mac = bytes([2, 0, 0, 0, 0, 3 - number])
        self.processes = []
        self.lossy = self.held = False
        self.before = {}

    @contextlib.contextmanager
    def inside(self):
        """What this thread does meanwhile, it does in this namespace: sockets, /proc/sys/net."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self.name}", "rb") as there:
            if libc.setns(there.fileno(), 0):
                raise OSError(ctypes.get_errno(), f"setns {self.name}")
            try:
                yield
            finally:
                libc.setns(home.fileno(), 0)

    def socket(self, *kind):
        """A socket of this namespace."""
        with self.inside():
            return socket.socket(*kind)

    def command(self, command):
        words = shlex.split(command) if isinstance(command, str) else list(command)
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def run(self, command, **options):
        """A command in this namespace. `ip netns exec` gives it a /sys of its own, too, which takes longer than most
        commands do: that is for who reads there, and for libxdp, which would find the host's bpffs."""
        words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
        if (words[0] == SYNWARD and words[1:] and words[1] in SETTING_UP) or any("/sys/" in word for word in words):
            return run(self.command(words), **options)
        with self.inside():
            return run(words, **options)

    def start(self, command, **options):
        """A process in the background; the lab ends it."""
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
        process = subprocess.Popen(self.command(command), stdin=subprocess.DEVNULL, text=True, **options)
        self.processes.append(process)
        return process

    def sysctl(self, **values):
        self.run(["sysctl", "-qw", *(f"{key.replace('__', '.')}={value}" for key, value in values.items())])

    def tcp_settings(self, **values):
        """Sysctls net.ipv4.tcp_*, until the end of the test."""
        with self.inside():
            for name, value in values.items():
                with open(f"/proc/sys/net/ipv4/tcp_{name}", "r+", encoding="ascii") as file:
                    self.before.setdefault(name, file.read().strip())
                    file.seek(0)
                    file.write(str(value))

    def tidy_settings(self):
        if self.before:
            self.tcp_settings(**self.before)
            self.before = {}

    # The way of a segment

    def drop(self, rule):
        """What matches is lost just before this host's TCP, after any tracker saw it."""
        self.lossy = True
        self.nft("table inet drops { chain input { type filter hook input priority 0; "
                 f"{rule} drop;\n}}\n}}")

    def lose(self, rule):
        """What matches of this host's segments vanishes before it is on the wire; its TCP believes it sent."""
        self.lossy = True
        self.nft("table netdev losses { chain egress { type filter hook egress device \"veth\" priority 0; "
                 f"{rule} fwd to \"lo\";\n}}\n}}")

    def keep(self):
        """No segment is dropped or lost any more."""
        for table in ("inet drops", "netdev losses"):
            self.nft(f"table {table}; delete table {table}")
        self.lossy = False

    def nft(self, script):
        self.run(["nft", script])

    def hold(self):
        self.held = True
        self.lab_function("lab_hold")

    def release(self):
        self.held = False
        self.lab_function("lab_release")

    def lab_function(self, function):
        run(["bash", "-c", f". {ROOT}/scripts/lab; {function} {self.name}"])

    def tidy(self):
        """As it was in the beginning: nothing is lost or held, and no TCP socket is left."""
        if self.lossy:
            self.keep()
        if self.held:
            self.release()
        self.tidy_settings()
        run(["ss", "-N", self.name, "-K", "-tan"])

    def take_xdp(self):
        """What the far end sends at XDP (XDP_TX) arrives at a veth only if that has an XDP program, too: one that
        passes all."""
        self.run(["ip", "-force", "link", "set", "dev", "veth", "xdp", "obj", pass_program(), "sec", "xdp.frags"])

    def sockets(self):
        """{(local, remote): state} of all TCP sockets, by `ss`."""
        rows = (line.split() for line in run(["ss", "-N", self.name, "-tanH"]).stdout.splitlines())
        return {(row[3], row[4]): STATES[row[0]] for row in rows}

    def listener(self, family, port, backlog=64):
        sock = self.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address[family], port))
        sock.listen(backlog)
        sock.settimeout(PATIENCE)
        return sock

    def client(self, family=4, port=0):
        """A bound socket that does not wait: connect_ex starts, states are polled."""
        sock = self.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address[family], port))
        sock.setblocking(False)
        return sock


class Tracker:
    """`synward run` on a host, with tables of a size that is laid out at once unless the options say theirs."""

    TABLES = {"--flows": "65536", "--half-open": "16384"}

    def __init__(self, host, interfaces=("veth",), options=(), prefix=()):
        self.host = host
        self.log = tempfile.TemporaryFile("w+", prefix="sw-log-")
        tables = itertools.chain(*(row for row in self.TABLES.items() if row[0] not in options))
        words = ["run", *interfaces, *tables, *options]
        self.process = host.start([*prefix, SYNWARD, *words], stdout=self.log, stderr=self.log)
        until(self.ready, 60)

    def ready(self):
        if self.process.poll() is not None:
            raise Failure(f"synward run ended with {self.process.returncode}: {self.text().strip()}")
        return None if "serving as process" in self.text() else f"synward run is not ready: {self.text().strip()}"

    def reload(self):
        """Make it read sysctls and MTU again."""
        said = self.text().count("settings read again")
        self.process.send_signal(signal.SIGHUP)
        until(lambda: None if self.text().count("settings read again") > said else f"not read again: {self.text()}")

    def text(self):
        return os.pread(self.log.fileno(), 1 << 16, 0).decode(errors="replace")

    def stop(self, how=signal.SIGTERM):
        """End it and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)


class Lab:
    """Two hosts and, while it runs, a tracker on one of them. Tests can have it one after another: each gets a port
    of its own, so that no flow of one test is in the way of another."""

    count = 0
    standing = []

    def __init__(self):
        Lab.count += 1
        self.name = f"sw-{os.getpid()}-{Lab.count}"
        Lab.standing.append(self)
        self.open = contextlib.ExitStack()
        self.port = 1000
        run([f"{ROOT}/scripts/lab", "up", self.name])
        self.client, self.server = Host(f"{self.name}-c", 1), Host(f"{self.name}-s", 2)
        self.tracker = None
        self.watched = self.server
        self.read_again = False

    def tidy(self):
        """Ready for the next test."""
        self.open.close()
        for host in (self.client, self.server):
            host.tidy()
        if self.read_again:
            self.tracker.reload()
            self.read_again = False
        self.port += 20

    def down(self):
        self.open.close()
        run([f"{ROOT}/scripts/lab", "down", self.name], check=False)
        Lab.standing.remove(self)

    @staticmethod
    def all_down():
        while Lab.standing:
            Lab.standing[-1].down()

    def keep(self, sock):
        """Close it at the end of the test."""
        return self.open.enter_context(sock)

    def track(self, *options, host=None, interfaces=("veth",)):
        self.watched = host or self.watched
        self.tracker = Tracker(self.watched, interfaces, options)
        return self.tracker

    def tcp_settings(self, **values):
        """Sysctls net.ipv4.tcp_* of the server, and the tracker knows them, until the end of the test."""
        self.server.tcp_settings(**values)
        self.tracker.reload()
        self.read_again = True

    # What synward says

    def synward(self, *words, **options):
        return self.watched.run([SYNWARD, *words], **options)

    def flows(self, *words):
        return json.loads(self.synward("flows", "--json", *words).stdout)

    def stats(self):
        return json.loads(self.synward("stats", "--json").stdout)

    def flow(self, one, other):
        """The flow between two endpoints, or None; more than one entry is a failure."""
        port = other.rpartition(":")[2]
        found = [flow for flow in self.flows("--port", port) if {flow["a"], flow["b"]} == {one, other}]
        if len(found) > 1:
            raise Failure(f"{len(found)} entries for one flow {one} {other}")
        return found[0] if found else None

    def counts(self, **expected):
        """Counters have risen by these amounts since the test's mark (see mark)."""
        def check():
            rise = self.rise(*expected)
            return None if rise == expected else f"counters rose by {rise}, expected {expected}"

        until(check)

    def mark(self):
        self.marked = self.stats()

    def rise(self, *names):
        now = self.stats()
        return {name: now[name] - self.marked[name] for name in names}

    # Connections

    def puppet(self, family=4, **options):
        """A client without a kernel, as a host of its own beside the client (see tcp.py)."""
        address = {4: "10.99.0.66", 6: "fd00:99::66"}[family]
        run(["ip", "-n", self.server.name, "neigh", "replace", address, "lladdr", self.client.mac.hex(":"),
             "dev", "veth", "nud", "permanent"])
        return Puppet(self.tap(self.client), address, 40000, self.server.address[family], self.port, **options)

    def tap(self, host):
        return Tap(host, self.keep(host.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)))

    def connection(self, family=4, port=None, listen=True, own_port=0):
        return Connection(self, family, port or self.port, listen, own_port)

    # The maps, as bpftool reads them

    def map_ids(self, interface="veth"):
        """{name: id} of the maps of the program at egress: there may be other labs on this machine."""
        program = next(number for number, name in at_tc(self.watched, "egress", interface)
                       if name in ("synward_egress", "synward_outward"))
        ids = json.loads(run(["bpftool", "-j", "prog", "show", "id", program]).stdout)["map_ids"]
        shown = json.loads(run(["bpftool", "-j", "map", "show"]).stdout)
        return {row["name"]: row["id"] for row in shown if row["id"] in ids}

    def dump(self, name):
        """The entries of a map, fields and enumerators by name."""
        rows = json.loads(run(["bpftool", "-j", "map", "dump", "id", self.map_ids()[name]]).stdout)
        return [row["formatted"] for row in rows if "formatted" in row]  # else it went while it was read

    def entries(self):
        """{both endpoints: value} of what is in sw_flows and sw_halfopen, overdue or not."""
        rows = self.dump("sw_halfopen") + self.dump("sw_flows")
        keys = (zip(row["key"]["addr"], row["key"]["port"]) for row in rows)
        return {frozenset(endpoint(address(packed), port) for packed, port in key): row["value"]
                for key, row in zip(keys, rows)}

    def entry(self, one, other):
        """The value of a flow's entry, or None."""
        return self.entries().get(frozenset((one, other)))

    def lives(self, *flows):
        """Looks at the maps until none of these flows, given as pairs of endpoints, is there. [(deadline, seen,
        missed)]: the flow's deadline; when a look began that found it, and when one ended that did not. Seconds of
        time.monotonic(), as the data path has it: whatever a look takes, the flow was there at `seen` and no more at
        `missed`."""
        deadline, seen, missed = {}, {}, {}

        def look():
            began, entries, ended = time.monotonic(), self.entries(), time.monotonic()
            for flow in map(frozenset, flows):
                if flow in entries:
                    deadline[flow], seen[flow] = entries[flow]["deadline_ns"] / 1e9, began
                else:
                    missed.setdefault(flow, ended)
            return f"still there: {entries}" if any(frozenset(flow) in entries for flow in flows) else None

        until(look)
        if len(seen) < len(flows):
            raise Failure(f"of {flows} only {seen} were there at all")
        return [(deadline[flow], seen[flow], missed[flow]) for flow in map(frozenset, flows)]


class Played:
    """A real server's socket whose client is a puppet."""

    def __init__(self, lab, family=4, **options):
        self.lab = lab
        self.listener = lab.keep(lab.server.listener(family, lab.port))
        self.puppet = lab.puppet(family, **options)
        self.names = endpoint(self.puppet.address, self.puppet.port), endpoint(self.puppet.peer, self.puppet.peer_port)

    def establish(self):
        self.puppet.connect()
        return self.accept()

    def accept(self):
        self.server = self.lab.keep(self.listener.accept()[0])
        self.server.settimeout(PATIENCE)
        return self

    def states(self, client, server, ss=None):
        """As Connection.states; `ss` knows the server alone. ss: what it says, where that differs."""
        agree(self.lab, *self.names, (client, server), (None, ss or server))

    def flow(self):
        return self.lab.flow(*self.names)


class Connection:
    """A client's socket, a listener, and the socket it accepts; and the check that all observers agree.
    listen: True for a listener of its own, or one that is there already, or None."""

    def __init__(self, lab, family, port, listen, own_port=0):
        self.lab = lab
        self.listener = lab.keep(lab.server.listener(family, port)) if listen is True else listen
        self.client = lab.keep(lab.client.client(family, own_port))
        self.server = None
        self.to = (lab.server.address[family], port)
        self.names = name_of(self.client), endpoint(*self.to)

    def start(self):
        """Send the SYN."""
        self.client.connect_ex(self.to)
        return self

    def accept(self):
        self.server = self.lab.keep(self.listener.accept()[0])
        self.client.settimeout(PATIENCE)
        self.server.settimeout(PATIENCE)
        return self

    def establish(self):
        self.start().accept()
        self.states("ESTABLISHED", "ESTABLISHED")
        return self

    def states(self, client, server, ss=None):
        """Client and server are in these states for synward and for `ss` in both namespaces, or become so in time.
        ss=(client, server) where the two differ on purpose: a segment was seen and then lost."""
        agree(self.lab, self.names[0], self.names[1], (client, server), ss or (client, server))

    def again(self):
        """The same four numbers once more."""
        family = 6 if ":" in self.to[0] else 4
        self.client.close()
        return Connection(self.lab, family, self.to[1], self.listener, int(self.names[0].rpartition(":")[2]))

    def flow(self):
        return self.lab.flow(*self.names)

    def history(self, client, server):
        """Every state the two ends went through."""
        flow = self.flow()
        if flow is None:
            raise Failure(f"no flow {self.names}")
        ends = ("a", "b") if flow["a"] == self.names[0] else ("b", "a")
        found = tuple(" ".join(flow["history"][end]) for end in ends)
        if found != (client, server):
            raise Failure(f"history is {found}, expected {(client, server)}")


def tracked(lab, client, server):
    """The states synward has for two endpoints; a flow that is gone is CLOSED."""
    flow = lab.flow(client, server)
    if flow is None:
        return "CLOSED", "CLOSED"
    return tuple(flow["state"][end] for end in (("a", "b") if flow["a"] == client else ("b", "a")))


def sockets(lab, client, server):
    """The same from `ss`: the socket of these two endpoints, else the listener, else CLOSED."""
    at_client, at_server = lab.client.sockets(), lab.server.sockets()
    listening = "LISTEN" if any(local == server and state == "LISTEN"
                                for (local, _), state in at_server.items()) else "CLOSED"
    return at_client.get((client, server), "CLOSED"), at_server.get((server, client), listening)


def agree(lab, client, server, states, ss):
    """synward has these states and `ss` those. A server that is CLOSED for synward and still listens is LISTEN for
    ss, and that is agreement. None in ss: the client is a puppet, and no kernel knows it."""
    def check():
        synward = tracked(lab, client, server)
        seen = sockets(lab, client, server)
        if ss[0] is None:
            seen = None, seen[1]
        wanted = ss[0], "LISTEN" if (ss[1], seen[1]) == ("CLOSED", "LISTEN") else ss[1]
        if synward == tuple(states) and seen == wanted:
            return None
        return f"{client} and {server}: expected {states}, ss {ss}; synward says {synward}, ss says {seen}"

    until(check)


# What the kernel says of a connection, and what passes over it

class TcpInfo:
    """TCP_INFO of a socket (linux/tcp.h)."""

    TIMESTAMPS, SACK, WSCALE, ECN, ECN_SEEN, SYN_DATA = 1, 2, 4, 8, 16, 32

    def __init__(self, sock):
        info = struct.unpack("=8B24I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104))
        self.options = info[5]
        self.snd_wscale, self.rcv_wscale = info[6] & 15, info[6] >> 4
        self.snd_mss, self.advmss, self.sacked = info[10], info[27], info[13]
        agreed = (("ts", self.TIMESTAMPS), ("sack", self.SACK), ("wscale", self.WSCALE), ("ecn", self.ECN))
        self.agreed = " ".join(name for name, bit in agreed if self.options & bit)


def ss_info(host, sock):
    """{name: value} of what `ss -ti` prints of a host's socket, such as "wscale": "7,7"."""
    names = [endpoint(*end()[:2]) for end in (sock.getsockname, sock.getpeername)]
    shown = run(["ss", "-N", host.name, "-tinHO", "src", names[0], "dst", names[1]]).stdout.split()
    return dict(word.split(":", 1) for word in shown[5:] if ":" in word)


def exchange(one, other, size=1_000_003, timeout=PATIENCE):
    """Sends `size` bytes each way at the same time, and compares what arrived."""
    content = {sock: os.urandom(size) for sock in (one, other)}
    sent = {sock: memoryview(data) for sock, data in content.items()}
    got = {sock: bytearray() for sock in content}
    end = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for sock in content:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while selector.get_map():
            if time.monotonic() > end:
                raise Failure("the transfer stalls: arrived at client and server "
                              f"{len(got[one])} and {len(got[other])} of {size} bytes")
            for key, events in selector.select(1):
                sock = key.fileobj
                if events & selectors.EVENT_WRITE:
                    sent[sock] = sent[sock][sock.send(sent[sock]):]
                if events & selectors.EVENT_READ:
                    part = sock.recv(1 << 18)
                    if not part:
                        raise Failure(f"the peer closed after {len(got[sock])} of {size} bytes")
                    got[sock] += part
                wanted = ((selectors.EVENT_READ if len(got[sock]) < size else 0) |
                          (selectors.EVENT_WRITE if sent[sock] else 0))
                if wanted:
                    selector.modify(sock, wanted)
                else:
                    selector.unregister(sock)
    for sock in content:
        sock.settimeout(PATIENCE)
    if got[one] != content[other] or got[other] != content[one]:
        raise Failure("what arrived is not what was sent")


# Socket options that Python has no names for

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21


def set_isn(sock, isn):
    """The sequence number of the socket's coming SYN (linux/tcp.h, TCP_REPAIR; it takes CAP_NET_ADMIN)."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, 2)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("=I", isn))
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, -1)


def reset(sock):
    """Close with a RST (SO_LINGER with time 0)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_to_end(sock):
    parts = []
    while True:
        part = sock.recv(1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)


# Tests

TESTS = []

# Of the port that each test gets in its turn; the next one up is never guarded.
GUARDED = ",".join(str(port) for port in range(1000, 5000, 20))


def test(function=None, **options):
    """Mark a test. options: track=False starts no tracker; track="client" puts it there; run=[...] gives `synward
    run` these words (with --guard, the client takes what XDP sends); sysctls={...}: the
    server's, before that; families=(4, 6) runs it once for each, with a parameter `family`; own=True: a lab of its
    own, else tests that want the same tracker have one lab after another."""
    if function is None:
        return lambda later: test(later, **options)
    for family in options.get("families", (None,)):
        TESTS.append((function, family, options))
    return function
