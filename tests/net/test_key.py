# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""`synward key`: key files as people make, extend and look at them, and the keys in force."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import tempfile
import time

from lab import SYNWARD, run, test

EPOCH = 64
HEX = "000102030405060708090a0b0c0d0e0f", "f0e1d2c3b4a5968778695a4b3c2d1e0f", "00112233445566778899aabbccddeeff"
PRINTS = "008fb00ec270", "0352463120f5"  # of the first and the last, from `openssl mac SIPHASH`; see tests/unit
TEXT = f"synward-keys 1\nisn {HEX[0]}\nmac 0 {HEX[1]}\n"


@contextlib.contextmanager
def place(text=None, mode=0o600):
    """The path of a key file in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="sw-key-") as folder:
        path = pathlib.Path(folder) / "fleet.key"
        if text is not None:
            path.write_text(text)
            path.chmod(mode)
        yield path


def key(*words, check=True, **options):
    """`synward key`, as a user without any rights where it can be."""
    return run([SYNWARD, "key", *words], check=check, **options)


def refused(result, code, *words):
    """One line on stderr that holds the words, nothing on stdout, no part of a key in either."""
    lines = result.stderr.strip().splitlines()
    assert result.returncode == code, (result.returncode, result.stderr)
    assert len(lines) == 1 and not result.stdout, (result.stdout, result.stderr)
    assert all(str(word) in lines[0] for word in words), lines[0]
    tells_no_secret(result)


def secrets(text):
    return [word.lower() for word in re.findall(r"[0-9a-fA-F]{32}", text)]


def tells_no_secret(result, text="".join(HEX)):
    """Not even eight digits in a row of a key."""
    said = (result.stdout + result.stderr).lower()
    for secret in secrets(text):
        for at in range(len(secret) - 7):
            assert secret[at:at + 8] not in said, (secret[at:at + 8], said)


def utc(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()


# Making

@test(track=False)
def key_new_makes_a_secret_file_whatever_the_umask(_lab):
    for umask in ("0", "022", "0777"):
        with place() as path:
            made = run(["sh", "-c", f"umask {umask}; exec {SYNWARD} key new {path}"])
            assert not made.stdout and str(path) in made.stderr, made
            assert path.stat().st_mode == 0o100600, oct(path.stat().st_mode)
            assert len(set(secrets(path.read_text()))) == 2, path.read_text()
            tells_no_secret(made, path.read_text())
            assert os.listdir(path.parent) == ["fleet.key"]


@test(track=False)
def key_new_over_a_file_is_refused_and_the_file_is_unchanged(_lab):
    with place("something", 0o644) as path:
        refused(key("new", path, check=False), 1, path, "exists")
        assert path.read_text() == "something" and path.stat().st_mode == 0o100644
    with place() as path:
        path.symlink_to("elsewhere")
        refused(key("new", path, check=False), 1, path, "exists")
        assert os.listdir(path.parent) == ["fleet.key"]


@test(track=False)
def key_new_needs_no_root_and_says_why_it_can_not_write(_lab):
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SYNWARD, "key"]
    with place() as path:
        refused(run([*user, "new", path], check=False), 1, path, "Permission denied")
        path.parent.chmod(0o777)
        run([*user, "new", path])
        assert path.stat().st_uid == 65534 and path.stat().st_mode == 0o100600
        assert "serves now" in run([*user, "show", path]).stdout
        refused(key("show", path, check=False), 1, path, "65534", f"`chown 0 {path}`")
        refused(run([*user, "show"], check=False), 1, "root")
    refused(key("new", "/nowhere/key", check=False), 1, "/nowhere/key", "No such file")
    refused(key("new", "/dev/full", check=False), 1, "/dev/full", "exists")


@test(track=False)
def key_next_serves_after_the_time_it_says_and_once(_lab):
    with place() as path:
        before = json.loads(key("new", path, "--json").stdout)
        assert before["mac"][0]["first_epoch"] == 0 and before["mac"][0]["serves"] is True, before
        text, start = path.read_text(), time.time()
        added = key("new", path, "--next")
        tells_no_secret(added, path.read_text())
        shown = json.loads(key("show", path, "--json").stdout)
        old, new = shown["mac"]
        assert shown["isn"] == before["isn"] and old["fingerprint"] == before["mac"][0]["fingerprint"], shown
        assert new["fingerprint"] in added.stderr and new["from"] in added.stderr, added.stderr
        assert secrets(text) == secrets(path.read_text())[:2]
        assert old["serves"] is True and new["serves"] is False and old["until"] == new["from"], shown
        assert 600 < utc(new["from"]) - start <= 600 + EPOCH + 5, (shown, start)
        assert utc(new["from"]) == new["first_epoch"] * EPOCH
        assert path.stat().st_mode == 0o100600 and os.listdir(path.parent) == ["fleet.key"]
        text = path.read_text()
        refused(key("new", path, "--next", check=False), 1, new["from"])
        assert path.read_text() == text


@test(track=False)
def key_next_drops_the_key_that_no_longer_serves(_lab):
    past = int(time.time()) // EPOCH - 3
    with place(f"{TEXT}mac {past} {HEX[2]}\n") as path:
        shown = json.loads(key("new", path, "--next", "--in", "2h", "--json").stdout)
        assert [mac["fingerprint"] for mac in shown["mac"]][0] == PRINTS[1], shown
        assert 7200 < utc(shown["mac"][1]["from"]) - time.time() + 5 <= 7200 + EPOCH + 10, shown
        assert HEX[1] not in path.read_text() and HEX[2] in path.read_text()


@test(track=False)
def key_next_of_a_bad_file_leaves_it_alone(_lab):
    for text, mode, words in ((TEXT + TEXT, 0o600, "line 4"), (TEXT, 0o644, "chmod 600")):
        with place(text, mode) as path:
            refused(key("new", path, "--next", check=False), 1, path, words)
            assert path.read_text() == text and path.stat().st_mode == 0o100000 | mode
    with place() as path:
        refused(key("new", path, "--next", check=False), 1, path, "No such file")
        assert not os.listdir(path.parent)


# Showing

@test(track=False)
def key_show_tells_keys_apart_and_no_secret(_lab):
    now = int(time.time()) // EPOCH
    with place(f"{TEXT}mac {now + 5} {HEX[2]}\n") as path:
        shown = key("show", path)
        tells_no_secret(shown)
        lines = shown.stdout.splitlines()
        assert lines[0] == str(path) and len(lines) == 4, lines
        assert lines[1].split() == ["isn", PRINTS[0], "lasts"], lines
        assert "serves now, until" in lines[2] and PRINTS[1] in lines[3] and "serves from" in lines[3], lines
        assert max(map(len, lines[1:])) <= 100
        as_json = key("show", path, "--json")
        tells_no_secret(as_json)
        assert json.loads(as_json.stdout)["file"] == str(path)
    with place(f"{TEXT}mac {now - 5} {HEX[2]}\n") as path:
        lines = key("show", path).stdout.splitlines()
        assert "served until" in lines[2] and "serves now, since" in lines[3], lines


@test(track=False)
def key_show_refuses_with_line_and_reason(_lab):
    for text, mode, words in (
            (TEXT, 0o644, ("mode is 0644", "`chmod 600 ")), (TEXT, 0o620, ("0620",)),
            ("", 0o600, ("empty",)), (TEXT.replace("isn ", "isn"), 0o600, ("line 2", "isn, mac")),
            (TEXT.replace(HEX[0], HEX[0][1:]), 0o600, ("line 2", "32 hex digits")),
            (TEXT.replace("mac 0 ", "mac "), 0o600, ("line 3", "epoch")),
            (TEXT + TEXT.splitlines()[2], 0o600, ("line 4", "same epoch"))):
        with place(text, mode) as path:
            refused(key("show", path, check=False), 1, path, *words)
            result = key("show", path, "--json", check=False)
            refused(result, 1)
            error = json.loads(result.stderr)["error"]
            assert all(word in error for word in words), error
    refused(key("show", "/nowhere/key", check=False), 1, "/nowhere/key", "No such file")
    refused(key("show", "/tmp", check=False), 1, "/tmp", "regular file")
    with place() as path:
        os.mkfifo(path, 0o600)
        refused(key("show", path, check=False, timeout=5), 1, path, "regular file")


@test(own=True)
def key_show_without_a_file_shows_the_keys_in_force(lab):
    def words(*values):
        return " ".join(f"{byte:02x}" for value in values
                        for byte in (bytes.fromhex(value) if isinstance(value, str) else value.to_bytes(8, "little")))

    lab.tracker.stop()
    lab.track(interfaces=("veth", "lo"))
    first = lab.synward("key", "show").stdout
    assert first.startswith(("veth, lo\n", "lo, veth\n")), first
    assert json.loads(lab.synward("key", "show", "--json").stdout)[0]["isn"] is None
    number = lab.map_ids()["sw_keys"]
    value = words(HEX[0], 0, HEX[2], 2**64 - 1, "00" * 16)
    run(f"bpftool map update id {number} key hex 00 00 00 00 value hex {value}")
    shown = lab.synward("key", "show")
    tells_no_secret(shown)
    assert all(fingerprint in shown.stdout for fingerprint in PRINTS) and "serves now" in shown.stdout, shown.stdout
    entry, = json.loads(lab.synward("key", "show", "--json").stdout)
    assert sorted(entry["ifaces"]) == ["lo", "veth"] and entry["isn"] == PRINTS[0], entry
    assert [mac["fingerprint"] for mac in entry["mac"]] == [PRINTS[1]] and entry["mac"][0]["until"] is None, entry


# Words

@test(track=False)
def key_misuse_is_echoed_and_exits_2(lab):
    with place() as path:
        for words, echo in (
                ([], "new|show"), (["foo"], "wants new or show, not \"foo\""), (["new"], "FILE"),
                (["new", path, "other"], "other"), (["show", path, "--next"], "--next"),
                (["show", "--in", "1m"], "--in"), (["new", path, "--in", "1m"], "--in"),
                (["new", path, "--next", "--in", "soon"], "soon"), (["new", path, "--next", "--in", "400d"], "365d"),
                (["new", path, "--frob"], "--frob")):
            refused(key(*words, check=False), 2, echo)
            assert json.loads(key(*words, "--json", check=False).stderr)["error"], words
        assert not os.listdir(path.parent)
    refused(lab.synward("key", "show", check=False), 1, "synward")
    assert max(map(len, key("--help").stdout.splitlines())) <= 100
