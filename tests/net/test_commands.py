# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The commands as people and scripts use them: what they print, how they end, and what they leave."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from lab import OBJECT, PATIENCE, SYNWARD, Tracker, at_tc, name_of, reset, run, test, until


def hooks(host, interface="veth"):
    """What is attached: the XDP program, qdiscs, programs at both ends of tc."""
    link = json.loads(host.run(f"ip -j link show {interface}").stdout)[0]
    qdiscs = [row["kind"] for row in json.loads(host.run(f"tc -j qdisc show dev {interface}").stdout)]
    programs = [name for side in ("ingress", "egress") for _, name in at_tc(host, side, interface)]
    return {"xdp": link.get("xdp", {}).get("prog", {}).get("id"), "qdiscs": sorted(qdiscs), "tc": sorted(programs)}


NOTHING = {"xdp": None, "qdiscs": ["noqueue"], "tc": []}


def refused(result, code, *words):
    """One clear line on stderr that holds the words, nothing on stdout."""
    lines = result.stderr.strip().splitlines()
    assert result.returncode == code, (result.returncode, result.stderr)
    assert len(lines) == 1 and not result.stdout, (result.stdout, result.stderr)
    assert all(word in lines[0] for word in words), lines[0]


# Refusals

@test(track=False)
def unknown_interface_is_refused_in_one_line(lab):
    for command in ("run", "attach", "detach", "status", "flows", "stats", "events", "check"):
        refused(lab.synward(command, "nosuch0", check=False), 1, "nosuch0")
    refused(lab.synward("run", "veth", "nosuch0", check=False), 1, "nosuch0")
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def misuse_is_echoed_and_exits_2(lab):
    for words, echo in (
            ([], "help"), (["trakc"], "trakc"), (["run"], "IFACE"), (["run", "--frob", "veth"], "--frob"),
            (["run", "veth", "--timeout", "time-wait"], "time-wait"),
            (["run", "veth", "--timeout", "nap=1s"], "nap"),
            (["run", "veth", "--timeout", "time-wait=soon"], "soon"),
            (["run", "veth", "--timeout", "time-wait=-1s"], "-1"),
            (["run", "veth", "--timeout", "time-wait=99999d"], "99999"),
            (["run", "veth", "--flows", "many"], "many"), (["run", "veth", "--mode", "quick"], "quick"),
            (["run", "veth", "--timeout"], "--timeout"),
            (["flows", "--state", "NAPPING"], "NAPPING"), (["flows", "--port", "70000"], "70000"),
            (["flows", "--limit", "x"], "x"), (["help", "nothing"], "nothing"),
            (["\xff" * 300], "")):
        result = lab.synward(*words, check=False)
        refused(result, 2, echo)
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def escape_sequences_are_not_echoed_to_the_terminal(lab):
    for words in (["run", "\x1b[31m"], ["\x1b[31m"], ["run", "veth", "--\x1b[31m"]):
        result = lab.synward(*words, check=False)
        assert result.returncode in (1, 2) and "\x1b" not in result.stderr, ascii(result.stderr)


@test(track=False)
def without_root_it_says_so_in_one_line(lab):
    for command in ("run veth", "attach veth", "flows", "stats", "status", "check"):
        result = lab.server.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                                 SYNWARD, *command.split()], check=False)
        refused(result, 1, "root")
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def without_synward_there_flows_and_stats_say_so(lab):
    for command in ("status", "flows", "stats"):
        refused(lab.synward(command, check=False), 1, "synward")
        refused(lab.synward(command, "veth", check=False), 1, "veth")
        error = lab.synward(command, "--json", check=False)
        assert error.returncode == 1 and json.loads(error.stderr)["error"], error


@test(track=False)
def help_and_version_need_no_root_and_fit_100_columns(lab):
    for words in (["help"], ["version"], ["--help"], ["run", "--help"], *(["help", command] for command in (
            "run", "attach", "detach", "status", "flows", "stats", "top", "events", "check", "help", "version"))):
        result = lab.server.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SYNWARD, *words])
        assert result.stdout and not result.stderr, result
        assert max(map(len, result.stdout.splitlines())) <= 100, result.stdout


def commands(lab):
    """What `help --json` says of each, by its name."""
    return {command["name"]: command for command in json.loads(lab.synward("help", "--json").stdout)["commands"]}


@test(track=False)
def every_option_has_help_and_the_bounds_that_its_kind_has(lab):
    table = commands(lab)
    assert {"run", "flows", "help", "version"} <= set(table), sorted(table)
    for command in table.values():
        assert {"json", "verbose", "help"} <= {option["name"] for option in command["options"]}, command
        text = lab.synward("help", command["name"]).stdout
        assert max(map(len, text.splitlines())) <= 100, text
        for option in command["options"]:
            name = option["name"] + ("," if option.get("letter") else " ")
            assert option["help"] and f"\n  --{name}" in text, (command["name"], option)
            ranged = option["kind"] in ("number", "duration", "timeout") or option["name"] in ("guard", "protect")
            assert ("min" in option) == ranged, option
            assert ("choices" in option) == (option["kind"] == "choice"), option


@test(track=False)
def json_is_taken_by_every_command(lab):
    for name, command in commands(lab).items():
        for words in ([name, "--json", "--help"], ["help", name, "--json"], ["help", "--json", name]):
            assert json.loads(lab.synward(*words).stdout) == command, words
    assert json.loads(lab.synward("version", "--json").stdout)["version"] in lab.synward("version").stdout


@test(track=False)
def libraries_speak_json_too(lab):
    result = lab.synward("attach", "veth", "--mode", "generic", "--verbose", "--json")
    said = [json.loads(line) for line in result.stderr.splitlines()]
    assert all(list(line) == ["message"] for line in said), said
    assert any("libbpf" in line["message"] or "libxdp" in line["message"] for line in said), said
    lab.synward("detach", "veth")


@test(track=False)
def errors_are_json_wherever_json_stands(lab):
    misuses = [(name, "--frob") for name in commands(lab)]
    misuses += [("trakc",), (), ("run",), ("run", "veth", "--flows", "x"), ("help", "nothing"), ("version", "x")]
    failures = [(name, "nosuch0") for name in ("run", "attach", "detach", "status", "flows", "stats", "events", "check")]
    failures += [("key", "show", "/nowhere"), ("replay", "/nowhere")]
    for code, cases in (2, misuses), (1, failures):
        for words in cases:
            for place in range(len(words) + 1):
                line = [*words[:place], "--json", *words[place:]]
                result = lab.synward(*line, check=False)
                refused(result, 2 if place == 0 else code)
                assert json.loads(result.stderr)["error"], (line, result.stderr)


@test(track=False)
def what_is_said_is_json_where_that_is_asked_for(lab):
    said = lab.synward("attach", "veth", "--json")
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert not said.stdout and any("veth" in line["message"] for line in lines), said
    assert not lab.synward("detach", "veth", "--json").stdout


@test(track=False)
def option_that_does_nothing_without_another_is_refused(lab):
    seen = set()
    for name, words in (("run", ["veth"]), ("attach", ["veth"]), ("replay", ["x.pcap"]), ("key", ["new", "x.key"])):
        for option in commands(lab)[name]["options"]:
            if option.get("needs"):
                usual = {"PREFIXES": "192.0.2.1", "PROFILE": "mss=1460"}.get(option.get("value"), "x")
                value = option.get("default") or option.get("choices", [usual])[0]
                line = [name, *words, f"--{option['name']}", *([] if option["kind"] == "flag" else [value])]
                refused(lab.synward(*line, check=False), 2, f"--{option['name']} ",
                        *(f"--{other}" for other in option["needs"]))
                seen.add(option["name"])
    assert {"cookies", "dry-run", "key-file", "admission", "reply-budget", "high-mark", "low-mark", "quiet-time",
            "flow", "in", "profile"} <= seen, seen
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def default_sizes_in_help_are_those_of_the_tables(lab):
    default = {option["name"]: int(option["default"]) for option in commands(lab)["run"]["options"]
               if option["name"] in ("flows", "half-open")}
    lab.synward("attach", "veth")
    status = json.loads(lab.synward("status", "--json").stdout)[0]
    assert default == {"flows": status["flows_max"], "half-open": status["halfopen_max"]}, (default, status)


# Descriptors and pipes

LOCK = "/run/synward.lock"


def content(path):
    with open(path, "rb") as file:
        return file.read()


def until_attached(lab, process):
    """For a `run` whose talk nobody can hear."""
    def check():
        found = hooks(lab.server)
        return None if process.poll() is None and found["xdp"] and found["tc"] else f"{process.poll()} {found}"

    until(check, 15)


@test
def closed_stdout_is_an_error_and_no_file_of_ours_gets_its_number(lab):
    before = content(LOCK)
    for words in ("status", "flows", "flows --json", "stats", "check", "help", "version", "help --json"):
        result = lab.server.run(["sh", "-c", f"{SYNWARD} {words} >&-"], check=False)
        refused(result, 1, "write the output")
        result = lab.server.run(["sh", "-c", f"{SYNWARD} {words} <&- >&- 2>&-"], check=False)
        assert result.returncode == 1, (words, result)
    assert content(LOCK) == before, content(LOCK)


@test(track=False)
def run_without_standard_descriptors_serves_and_writes_into_no_file_of_ours(lab):
    before = content(LOCK) if os.path.exists(LOCK) else b""
    process = lab.server.start(["sh", "-c", f"exec {SYNWARD} run veth <&- >&- 2>&-"])
    until_attached(lab, process)
    for number in range(3):
        assert os.readlink(f"/proc/{process.pid}/fd/{number}") == "/dev/null", number
    lab.connection().establish()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0 and content(LOCK) == before, content(LOCK)
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


def nobody_reads():
    """The writing end of a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


@test
def what_only_prints_ends_quietly_when_its_reader_goes(lab):
    for words in (["flows"], ["stats", "--json"], ["status"], ["check"], ["help"]):
        with nobody_reads() as pipe:
            process = lab.server.start([SYNWARD, *words], stdout=pipe, stderr=subprocess.PIPE)
            said = process.communicate(timeout=10)[1]
        assert process.returncode == -signal.SIGPIPE and not said, (words, process.returncode, said)


@test
def events_whose_reader_goes_end_quietly_and_free_their_place(lab):
    with nobody_reads() as pipe:
        process = lab.server.start([SYNWARD, "events"], stdout=pipe, stderr=subprocess.PIPE)
        until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
        lab.connection().establish()
        said = process.communicate(timeout=10)[1]
    assert process.returncode == 1 and not said, (process.returncode, said)
    assert not lab.dump("sw_reading")[0]["value"], lab.dump("sw_reading")


@test(track=False)
def nobody_reading_what_it_says_ends_neither_run_nor_attach(lab):
    with nobody_reads() as pipe:
        process = lab.server.start([SYNWARD, "run", "veth"], stdout=pipe, stderr=pipe)
    until_attached(lab, process)
    conn = lab.connection().establish()
    process.send_signal(signal.SIGHUP)  # it says that it has read its settings again
    conn.client.close()
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0, process.returncode
    for command in ("attach", "detach"):
        with nobody_reads() as pipe:
            assert lab.server.start([SYNWARD, command, "veth"], stdout=pipe, stderr=pipe).wait(10) == 0, command
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


# Attaching and detaching

@test(own=True)
def ctrl_c_and_sigterm_detach_what_was_attached(lab):
    assert hooks(lab.server)["xdp"] and hooks(lab.server)["tc"], hooks(lab.server)
    for how in (signal.SIGINT, signal.SIGTERM):
        assert lab.tracker.stop(how) == 0, lab.tracker.text()
        assert hooks(lab.server) == NOTHING, hooks(lab.server)
        lab.track()


@test(track=False)
def signal_while_it_attaches_leaves_all_or_nothing(lab):
    """tc comes first, and XDP last; the verifier's time lies between."""
    process = lab.server.start([SYNWARD, "attach", "veth", "--guard", "80"])
    while process.poll() is None and not at_tc(lab.server, "egress"):
        pass
    process.terminate()
    process.wait(PATIENCE)
    there = hooks(lab.server)
    assert there["xdp"] and len(there["tc"]) == 2, there
    lab.synward("detach", "veth")
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def attach_stays_without_a_daemon_until_detach(lab):
    lab.synward("attach", "veth", "--timeout", "time-wait=5m")
    conn = lab.connection().establish()
    conn.client.close()
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    reader = lab.server.start([SYNWARD, "events"], stderr=subprocess.PIPE)
    until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
    lab.synward("detach", "veth")
    assert hooks(lab.server) == NOTHING, hooks(lab.server)
    assert "Couldn't find synward on any interface" in reader.communicate(timeout=PATIENCE)[1] and reader.returncode == 1


@test(track=False)
def overdue_flow_is_absent_without_a_daemon(lab):
    """Nobody sweeps, and still: the flow is not shown, and a SYN begins a new one."""
    lab.synward("attach", "veth", "--timeout", "established=3s")
    conn = lab.connection().establish()
    until(lambda: None if conn.flow() is None else "an overdue flow is shown")
    time.sleep(0.05)  # the data path's coarse clock is a tick behind
    conn.client.send(b"x")
    conn.states("ESTABLISHED", "ESTABLISHED")
    assert conn.flow()["midstream"] is True, conn.flow()


@test(track=False)
def one_run_tracks_several_interfaces(lab):
    lab.track(interfaces=("veth", "lo"))
    lab.connection().establish()
    local = lab.keep(lab.server.client(4, 4000))
    local.connect_ex(local.getsockname())
    until(lambda: None if lab.flow(name_of(local), name_of(local)) else f"flows: {lab.flows()}")
    pairs = {(flow["a"], flow["b"]) for flow in lab.flows()}
    assert len(pairs) == 2, pairs
    for interface in ("veth", "lo"):
        shown = json.loads(lab.synward("flows", interface, "--json").stdout)
        assert {(flow["a"], flow["b"]) for flow in shown} == pairs, shown
    assert lab.tracker.stop() == 0
    for interface in ("veth", "lo"):
        assert hooks(lab.server, interface) == NOTHING, hooks(lab.server, interface)


@test(own=True)
def interface_that_goes_away_does_not_stop_the_others(lab):
    lab.tracker.stop()
    lab.server.run("ip link add extra type veth peer name extra1")
    lab.track(interfaces=("veth", "extra"))
    lab.server.run("ip link del extra")
    lab.connection().establish()
    assert lab.tracker.stop() == 0, lab.tracker.text()
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test
def second_run_on_a_served_interface_is_refused(lab):
    conn = lab.connection().establish()
    refused(lab.synward("run", "veth", check=False), 1, "veth", str(lab.tracker.process.pid))
    conn.states("ESTABLISHED", "ESTABLISHED")


# Others at the same hooks

FOREIGN = """
__attribute__((section("%s"), used)) int foreign(void *ctx) { return %d; }
char name[] __attribute__((section("license"), used)) = "GPL";
"""


def foreign(folder, section, verdict):
    path = f"{folder}/{section}.o"
    compiler = os.environ.get("CLANG", "clang")
    run([compiler, "-target", "bpf", "-O2", "-g", "-c", "-x", "c", "-", "-o", path],
        stdin=None, input=FOREIGN % (section, verdict))
    return path


@test(track=False)
def foreign_tc_filter_and_clsact_stay(lab):
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        program = foreign(folder, "tc", -1)
        lab.server.run("tc qdisc add dev veth clsact")
        lab.server.run(f"tc filter add dev veth egress prio 5 bpf da obj {program} sec tc")
    before = hooks(lab.server)
    assert before["tc"], before
    lab.track()
    lab.connection().establish()
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == before, hooks(lab.server)


@test(track=False)
def filter_added_while_it_runs_keeps_clsact(lab):
    lab.track("--tc", "clsact")
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        program = foreign(folder, "tc", -1)
        lab.server.run(f"tc filter add dev veth ingress prio 5 bpf da obj {program} sec tc")
    assert lab.tracker.stop() == 0
    left = hooks(lab.server)
    assert left["xdp"] is None and "clsact" in left["qdiscs"] and len(left["tc"]) == 1, left


@test(track=False)
def foreign_xdp_program_that_shares_with_no_one_is_left_alone(lab):
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        program = foreign(folder, "xdp", 2)
        lab.server.run(f"ip link set dev veth xdp obj {program} sec xdp")
    before = hooks(lab.server)
    refused(lab.synward("run", "veth", check=False), 1, "veth", "XDP")
    assert hooks(lab.server) == before, hooks(lab.server)


# Taking over

def steady(flows):
    """What of the flows does not change while nothing is sent."""
    keys = ("a", "b", "state", "history", "packets", "bytes", "midstream")
    return sorted([[flow[key] for key in keys] for flow in flows], key=str)


@test(own=True)
def run_after_sigkill_takes_over_every_flow_and_counter(lab):
    listener = lab.keep(lab.server.listener(4, lab.port))
    conns = [lab.connection(listen=listener).establish() for _ in range(23)]
    conns[0].client.shutdown(socket.SHUT_WR)
    conns[0].states("FIN_WAIT_2", "CLOSE_WAIT")
    conns[1].client.shutdown(socket.SHUT_WR)
    conns[1].states("FIN_WAIT_2", "CLOSE_WAIT")
    conns[1].server.close()
    conns[1].states("TIME_WAIT", "CLOSED")
    before, counters = steady(lab.flows()), lab.stats()
    assert len(before) == 23, before
    lab.tracker.stop(signal.SIGKILL)
    unserved = steady(lab.flows())
    assert unserved == before, (unserved, before)
    conns[2].client.send(b"nobody serves now")
    assert conns[2].server.recv(100)
    lab.track()
    after = steady(lab.flows())
    assert [row[:4] for row in after] == [row[:4] for row in before]
    stats = lab.stats()
    lower = {name: (counters[name], stats[name]) for name in counters if stats[name] < counters[name]}
    assert not lower, lower
    assert stats["flows_opened"] == 23 and stats["segments"] - counters["segments"] <= 4, stats
    conns[0].server.close()
    conns[0].states("TIME_WAIT", "CLOSED")
    conns[0].history("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                     "LISTEN SYN_RCVD ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED")
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(own=True)
def flow_whose_time_ran_out_between_two_daemons_is_gone(lab):
    lab.tracker.stop()
    lab.track("--timeout", "time-wait=3s")
    conn = lab.connection().establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    lab.tracker.stop(signal.SIGKILL)
    deadline = lab.entry(*conn.names)["deadline_ns"] / 1e9
    until(lambda: None if time.monotonic() > deadline else "the flow's time has not run out")
    assert lab.dump("sw_flows"), "there was nothing to remove"
    lab.track("--timeout", "time-wait=3s")
    until(lambda: None if not lab.dump("sw_flows") else f"still there: {lab.dump('sw_flows')}")


@test(track=False)
def ip_link_attaches_by_itself_and_run_takes_over(lab):
    lab.server.run(f"ip link set dev veth xdp obj {OBJECT} sec xdp.frags")
    conn = lab.connection()
    conn.start().accept()
    conn.client.send(b"question")
    conn.server.recv(100)
    conn.server.send(b"answer")
    conn.client.recv(100)
    flow = lab.flow(*conn.names)
    assert flow["state"] == {"a": "ESTABLISHED", "b": "ESTABLISHED"}, flow
    assert json.loads(lab.synward("flows", "veth", "--json").stdout)[0]["a"] == conn.names[0]
    assert json.loads(lab.synward("stats", "veth", "--json").stdout)["segments"] >= 3
    assert "veth" in lab.synward("status", "veth").stdout
    lab.track()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def ip_link_tracks_the_closing_from_one_direction(lab):
    """Only what arrives is seen; what leaves is known from what is acknowledged."""
    lab.server.run(f"ip link set dev veth xdp obj {OBJECT} sec xdp.frags")
    conn = lab.connection()
    conn.start().accept()
    conn.client.send(b"x")
    conn.server.recv(1)
    conn.client.close()
    conn.server.close()
    until(lambda: None if conn.flow() and conn.flow()["state"]["a"] == "FIN_WAIT_1" else f"flow is {conn.flow()}")
    other = lab.connection(listen=conn.listener)
    other.start().accept()
    reset(other.client)
    other.states("CLOSED", "CLOSED")
    lab.server.run("ip link set dev veth xdp off")


@test(track=False)
def shares_the_hook_through_libxdp_where_there_is_bpffs(lab):
    """As in the root namespace: /sys/fs/bpf is there, so libxdp's dispatcher is, and both programs run."""
    inside = ["unshare", "-m", "sh", "-c",
              'mount -t bpf bpf /sys/fs/bpf && exec nsenter --net="/run/netns/$0" "$@"', lab.server.name]
    lab.tracker = Tracker(lab.client, prefix=inside)
    conn = lab.connection().establish()
    conn.client.close()
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    assert lab.tracker.stop() == 0
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


# Output

@test(own=True)
def flows_filters_and_fits_100_columns(lab):
    listener = lab.keep(lab.server.listener(6, 80))
    long = "fd00:99:aaaa:bbbb:cccc:dddd:eeee:ffff"
    lab.client.run(f"ip addr add {long}/64 dev veth nodad")
    lab.server.run(f"ip route add {long}/128 dev veth")
    lab.server.run(f"ip neigh replace {long} lladdr {lab.client.mac.hex(':')} dev veth nud permanent")
    sock = lab.keep(lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM))
    sock.bind((long, 65535))
    sock.settimeout(PATIENCE)
    sock.connect((lab.server.address[6], 80))
    lab.keep(listener.accept()[0])
    conns = [lab.connection(port=8000 + number).establish() for number in range(3)]
    conns[0].client.shutdown(socket.SHUT_WR)
    conns[0].states("FIN_WAIT_2", "CLOSE_WAIT")
    for words in (["flows"], ["stats"], ["status"]):
        text = lab.synward(*words).stdout
        assert max(map(len, text.splitlines())) <= 100, text
    assert len(lab.flows()) == 4
    assert len(lab.flows("--port", "8001")) == 1
    assert len(lab.flows("--state", "CLOSE_WAIT")) == 1
    assert len(lab.flows("--state", "fin-wait-2")) == 1
    assert len(lab.flows("--limit", "2")) == 2
    assert f"[{long}]:65535" in lab.synward("flows").stdout


@test
def full_disk_is_an_error(lab):
    for words in ("flows", "stats", "flows --json", "help"):
        result = lab.server.run(["sh", "-c", f"{SYNWARD} {words} >/dev/full"], check=False)
        assert result.returncode == 1 and result.stderr, (words, result)


@test
def flow_object_has_the_fields_of_the_state_model(lab):
    conn = lab.connection().establish()
    conn.client.sendall(b"x" * 1009)
    conn.server.recv(2000)
    conn.server.sendall(b"y" * 23)
    conn.client.recv(100)
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    before = time.time()
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    flow = conn.flow()
    assert flow["type"] == "flow" and flow["conn_state"] == "SF" and flow["midstream"] is False, flow
    assert (flow["a"], flow["b"]) == conn.names, flow
    assert flow["bytes"] == {"a": 1009, "b": 23}, flow
    assert before - 5 < flow["start"] < before + 0.5, (flow, before)
    assert 0 < flow["duration"] < 5, flow


@test(run=["--timeout", "closed=60s"])
def conn_state_tells_the_story_as_zeek_does(lab):
    def story(act):
        lab.port += 1
        conn = lab.connection().establish()
        act(conn)
        until(lambda: None if conn.flow() and conn.flow()["conn_state"] != "S1" else f"flow is {conn.flow()}")
        return conn.flow()["conn_state"]

    assert lab.connection().establish().flow()["conn_state"] == "S1"
    assert story(lambda conn: reset(conn.client)) == "RSTO"
    assert story(lambda conn: reset(conn.server)) == "RSTR"
    assert story(lambda conn: conn.client.shutdown(socket.SHUT_WR)) == "S2"
    assert story(lambda conn: conn.server.shutdown(socket.SHUT_WR)) == "S3"
    lab.port += 1
    conn = lab.connection(listen=False).start()
    conn.states("CLOSED", "CLOSED")
    assert conn.flow()["conn_state"] == "REJ", conn.flow()
    lab.port += 1
    lab.server.drop(f"tcp dport {lab.port}")
    conn = lab.connection().start()
    conn.states("SYN_SENT", "LISTEN")
    assert conn.flow()["conn_state"] == "S0", conn.flow()


@test
def events_are_one_line_a_transition(lab):
    with tempfile.TemporaryFile("w+") as output:
        reader = lab.server.start([SYNWARD, "events", "--json"], stdout=output)
        until(lambda: None if lab.dump("sw_reading")[0]["value"] else "nobody reads events")
        conn = lab.connection().establish()
        conn.client.shutdown(socket.SHUT_WR)
        conn.states("FIN_WAIT_2", "CLOSE_WAIT")
        conn.server.close()
        conn.states("TIME_WAIT", "CLOSED")

        def lines():
            events = map(json.loads, os.pread(output.fileno(), 1 << 20, 0).splitlines())
            return [event for event in events if {event["src"], event["dst"]} == set(conn.names)]

        until(lambda: None if len(lines()) >= 7 else f"{len(lines())} events: {lines()}")
        reader.send_signal(signal.SIGINT)
        assert reader.wait(PATIENCE) == 0
        assert len(lines()) == 7, lines()  # SYN, SYN+ACK, ACK, FIN, ACK, FIN, ACK: each is one transition


@test
def bpftool_shows_states_by_name(lab):
    conn = lab.connection().establish()
    conn.client.shutdown(socket.SHUT_WR)
    conn.states("FIN_WAIT_2", "CLOSE_WAIT")
    conn.server.close()
    conn.states("TIME_WAIT", "CLOSED")
    names = lab.map_ids()
    assert {"sw_flows", "sw_halfopen", "sw_stats", "sw_config"} <= set(names), names
    text = run(["bpftool", "map", "dump", "id", names["sw_flows"]]).stdout
    assert '"state": "TIME_WAIT"' in text and '"state": "CLOSED"' in text, text
    entry = lab.entry(*conn.names)
    assert sorted(end["state"] for end in entry["ep"]) == ["CLOSED", "TIME_WAIT"], entry
    for name in names:
        run(["bpftool", "map", "show", "id", names[name]])


@test(track=False)
def check_says_what_this_machine_allows(lab):
    for words in (["check"], ["check", "veth"]):
        result = lab.synward(*words, check=False)
        assert result.returncode in (0, 1) and len(result.stdout.splitlines()) > 3, result
        assert max(map(len, result.stdout.splitlines())) <= 100, result.stdout
        json.loads(lab.synward(*words, "--json", check=False).stdout)
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def without_sys_it_tracks_and_says_what_it_misses(lab):
    """As in a chroot: neither the kernel's types, nor how many processors there may be."""
    def without(words, code):
        result = lab.server.run(["unshare", "-m", "sh", "-c", f"umount -l /sys; exec {SYNWARD} {words}"], check=False)
        assert result.returncode == code, result
        return result.stdout + result.stderr

    assert "/sys/kernel/btf; tracking does without" in without("run veth --guard 80", 1)
    without("attach veth", 0)
    said = without("check", 0)
    assert "Tracking works here" in said and "note  guard's programs" in said, said
    assert "ORIGINATOR" in without("flows", 0)
    assert "/sys is to be mounted" in without("stats", 1) and "/sys is to be mounted" in without("status", 1)
    without("detach veth", 0)
    assert hooks(lab.server) == NOTHING, hooks(lab.server)


@test(track=False)
def several_labs_do_not_see_each_other(lab):
    """Two runs in two namespaces at the same time, each with tables of its own."""
    server, client = Tracker(lab.server), Tracker(lab.client)
    lab.connection().establish()
    for host in (lab.server, lab.client):
        flows = json.loads(host.run([SYNWARD, "flows", "--json"]).stdout)
        assert len(flows) == 1, flows
    assert server.stop() == 0
    assert len(json.loads(lab.client.run([SYNWARD, "flows", "--json"]).stdout)) == 1
    assert client.stop() == 0
