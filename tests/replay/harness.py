# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the tests of replay stand on: running synward on a capture, and reading what it prints."""

import json
import os
import re
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SYNWARD = os.environ.get("SYNWARD", os.path.join(ROOT, "build", "synward"))

TESTS = []


class Failure(AssertionError):
    """What was expected did not happen."""


class Skip(Exception):
    """The test cannot run here, and why."""


def test(function):
    """Register a test under its function's name."""
    TESTS.append((function.__name__, function))
    return function


def must(condition, why):
    if not condition:
        raise Failure(why)


def same(got, wanted, what):
    must(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


class Result:
    """What `synward replay` made of a capture."""

    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr
        must(self.code >= 0, f"ended by signal {-self.code}")

    def ok(self):
        must(self.code == 0, f"exit {self.code}: {self.err.strip()}")
        return self

    def lines(self, kind=None):
        """The JSON objects, of one type."""
        objects = [json.loads(line) for line in self.out.splitlines()]
        return [o for o in objects if kind in (None, o["type"])]

    def segments(self):
        return self.lines("segment")

    def flows(self):
        return self.lines("flow")

    def flow(self):
        flows = self.flows()
        same(len(flows), 1, "number of flows")
        return flows[0]


def synward(*words, data=None, locale="C.UTF-8", timeout=60, **options):
    environment = {**os.environ, "LC_ALL": locale}
    process = subprocess.run([SYNWARD, *map(str, words)], capture_output=True, timeout=timeout, env=environment,
                             input=data, **options)
    process.stdout, process.stderr = process.stdout.decode(), process.stderr.decode(errors="replace")
    return Result(process)


def replay(capture, *words, **options):
    """Run a capture, given as bytes."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(capture)
        file.flush()
        return synward("replay", file.name, *words, **options)


def replay_json(capture, *words):
    return replay(capture, "--json", *words).ok()


NUMBER = r"-?\d+(?:\.\d+)?"
ENDPOINT = r'"(?:\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):\d+"'
STATE = r'"(?:CLOSED|LISTEN|SYN_SENT|SYN_RCVD|ESTABLISHED|FIN_WAIT_1|FIN_WAIT_2|CLOSE_WAIT|CLOSING|LAST_ACK|TIME_WAIT)"'
TUNNEL = r'(?:,"tunnel":"[a-z0-9, ]+")?'
HISTORY = rf"\[(?:{STATE}(?:,{STATE})*)?\]"
SEGMENT_LINE = re.compile(
    rf'{{"type":"segment","n":\d+,"ts":-?\d+\.\d{{6}},"src":{ENDPOINT},"dst":{ENDPOINT},"flags":"F?S?R?P?A?U?E?C?",'
    rf'"seq":\d+,"ack":\d+,"len":\d+,"src_state":{STATE},"dst_state":{STATE},"verdict":"pass",'
    rf'"reason":(?:null|"[a-z_]+"){TUNNEL}}}')
FLOW_LINE = re.compile(
    rf'{{"type":"flow","a":{ENDPOINT},"b":{ENDPOINT},"history":{{"a":{HISTORY},"b":{HISTORY}}},'
    rf'"state":{{"a":{STATE},"b":{STATE}}},"conn_state":"(?:S0|S1|SF|REJ|S2|S3|RSTO|RSTR|RSTOS0|RSTRH|SH|SHR|OTH)",'
    rf'"packets":{{"a":\d+,"b":\d+}},"bytes":{{"a":\d+,"b":\d+}},"start":{NUMBER},"duration":{NUMBER},'
    rf'"midstream":(?:true|false),"refused":(?:true|false){TUNNEL}}}')


def check_json_lines(text):
    """Every line is one of the two of STATE_MODEL.md, key by key."""
    for line in text.splitlines():
        must(SEGMENT_LINE.fullmatch(line) or FLOW_LINE.fullmatch(line), f"not a line of STATE_MODEL.md: {line}")
