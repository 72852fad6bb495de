# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The table, the list of segments, the ladder and its picture. Ladders are compared with golden/NAME.txt."""

import os
import re
import struct
import tempfile
import xml.etree.ElementTree as tree

from harness import HERE, TESTS, must, replay, same, synward, test
from packets import A, A6, B, B6, CLOSE, HANDSHAKE, conversation, frame, pcap, times
from test_model import VECTORS

UPDATE = False
GOLDEN = os.path.join(HERE, "golden")

LOSSY = [HANDSHAKE[0], *HANDSHAKE, (0, "PA", 1001, 5001, 517), (0, "PA", 1001, 5001, 517), (1, "A", 5001, 1518, 0),
         (1, "PA", 900000, 1518, 10), (0, "S", 1000, 0, 0), (0, "FA", 1518, 5001, 0), (1, "FA", 5001, 1519, 0),
         (0, "A", 1519, 5002, 0)]
LONG = HANDSHAKE + [(1, "A", 5001 + 1000 * n, 1001, 1000) for n in range(40)] + [(0, "R", 1001, 0, 0)]
MIDSTREAM = [(0, "PA", 1001, 5001, 9), (1, "A", 5001, 1010, 0), (1, "RA", 5001, 1010, 0)]

LADDERS = {
    "lossy": pcap(times(conversation(A, B, LOSSY), 0.0123)),
    "long": pcap(times(conversation(A6, B6, LONG), 0.0001)),
    "midstream": pcap(times(conversation(A, B, MIDSTREAM), 30)),
}
for name in ("close-four", "close-three", "simultaneous-open", "simultaneous-close", "self-connect", "reset-blind",
             "syn-refused"):
    with open(os.path.join(VECTORS, name + ".pcap"), "rb") as file:
        LADDERS[name] = file.read()


def check_golden(name, got):
    path = os.path.join(GOLDEN, name + ".txt")
    if UPDATE:
        with open(path, "w", encoding="utf-8") as file:
            file.write(got)
    with open(path, encoding="utf-8") as file:
        wanted = file.read()
    for line, (is_, should) in enumerate(zip(got.splitlines(), wanted.splitlines()), 1):
        same(is_, should, f"golden/{name}.txt:{line}")
    same(len(got), len(wanted), f"golden/{name}.txt: length")


def check_ladder(name):
    check_golden(name, replay(LADDERS[name], "--ladder").ok().out)


for ladder in LADDERS:
    TESTS.append((f"ladder_{ladder.replace('-', '_')}_is_golden", lambda name=ladder: check_ladder(name)))


@test
def ladder_is_ascii_where_it_is_asked_for_and_where_the_locale_is():
    asked = replay(LADDERS["lossy"], "--ladder", "--ascii").ok().out
    check_golden("lossy-ascii", asked)
    same(replay(LADDERS["lossy"], "--ladder", locale="C").ok().out, asked, "with the locale C")
    must(asked.isascii(), "not ASCII")


@test
def segments_are_golden():
    check_golden("segments", replay(LADDERS["lossy"], "--segments").ok().out)


@test
def segments_of_long_addresses_are_golden():
    ends = ("2001:db8:1234:5678:9abc:def0:1234:5678", 65535), ("2001:db8:ffff:ffff:ffff:ffff:ffff:fffe", 443)
    check_golden("segments-long", replay(pcap(times(conversation(*ends, HANDSHAKE))), "--segments").ok().out)


# --- Which flow ------------------------------------------------------------------------------------------------------

C = ("192.0.2.11", 50000)
TWO = pcap(times([*conversation(A, B, HANDSHAKE), *conversation(C, B, HANDSHAKE + CLOSE)]))


@test
def flow_is_chosen_by_its_number_in_the_table():
    same(re.findall(r"^ +(\d) (\S+)", replay(TWO).ok().out, re.M),
         [("1", "192.0.2.10:40000"), ("2", "192.0.2.11:50000")], "table")
    must("192.0.2.10:40000" in replay(TWO, "--ladder").ok().out, "the first one is not the default")
    for words in (["--ladder=2"], ["--ladder", "2"], ["--ladder", "--flow", "2"]):
        must("192.0.2.11:50000" in replay(TWO, *words).ok().out, f"{words} did not choose it")


@test
def number_may_stand_before_the_file():
    with tempfile.NamedTemporaryFile() as file:
        file.write(TWO)
        file.flush()
        must("192.0.2.11:50000" in synward("replay", "--ladder", "2", file.name).ok().out, "not chosen")


@test
def flow_that_is_not_there_is_an_error():
    result = replay(TWO, "--ladder", "3")
    same((result.code, result.out), (1, ""), "exit")
    must("Couldn't draw flow 3" in result.err and "it has 2" in result.err, result.err)
    same(replay(pcap([]), "--ladder").code, 1, "no flow at all")


@test
def what_does_not_go_together_is_misuse():
    for words in (["--json", "--ladder"], ["--json", "--segments"], ["--segments", "--ladder"], ["--flow", "2"],
                  ["--ladder", "--flow", "0"], ["2"], ["--ladder=x"], ["--json", "--svg", "/dev/null"]):
        result = replay(TWO, *words)
        same((result.code, result.out), (2, ""), f"exit with {words}")
        same(result.err.count("\n"), 1, f"one line of error with {words}")
    same(synward("replay").code, 2, "without a file")


@test
def incarnations_are_drawn_apart():
    capture = pcap(times(conversation(A, B, HANDSHAKE + CLOSE + [(0, "S", 90000, 0, 0)])))
    same(replay(capture, "--ladder", "2").ok().out.count("►"), 1, "arrows of the second")
    must("TIME_WAIT" in replay(capture, "--ladder", "1").ok().out, "the first lacks its end")


# --- The picture -----------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def boxes_of_states(svg):
    """(side, top, bottom) of every state's box."""
    for group in svg.iter(SVG + "g"):
        box = group.find(SVG + "rect")
        top, height = float(box.get("y")), float(box.get("height"))
        yield float(box.get("x")) < 500, top, top + height


def check_svg(name):
    svg = tree.fromstring(replay(LADDERS[name], "--svg", "-").ok().out)
    height = float(svg.get("height"))
    for side in (True, False):
        boxes = sorted((top, bottom) for left, top, bottom in boxes_of_states(svg) if left == side)
        for (_, bottom), (top, _) in zip(boxes, boxes[1:]):
            must(top >= bottom, f"states overlap at {top}")
        must(not boxes or boxes[-1][1] < height, "a state is below the picture")
    for box in svg.iter(SVG + "rect"):
        if box.get("x"):
            left, width = float(box.get("x")), float(box.get("width"))
            must(0 <= left and left + width <= 1000, "beyond the margin")


for ladder in LADDERS:
    TESTS.append((f"svg_{ladder.replace('-', '_')}_is_well_formed", lambda name=ladder: check_svg(name)))


@test
def svg_shows_what_was_sent_again_and_what_was_ignored():
    svg = tree.fromstring(replay(LADDERS["lossy"], "--svg", "-").ok().out)
    lines = [line.get("class") for line in svg.iter(SVG + "line")]
    same((lines.count("again"), lines.count("ignored")), (3, 3), "dashed and dotted lines, one each in the legend")


def drawn(steps, *words, step=0.01, **more):
    """The ladder and the picture of a conversation."""
    capture = pcap(times(conversation(A, B, steps), step), **more)
    return replay(capture, "--ladder", *words).ok().out, replay(capture, "--svg", "-", *words).ok().out


@test
def refused_segments_fold_when_they_run_long():
    for picture in drawn(HANDSHAKE + [(1, "PA", 900000, 1001, 10)] * 40 + CLOSE):
        must("32 segments out_of_window" in picture, "not folded")


@test
def late_overlapping_and_repeated_segments_look_different():
    data = [(0, "PA", 1101, 5001, 100), (0, "PA", 1001, 5001, 100), (0, "PA", 1001, 5001, 150),
            (0, "PA", 1151, 5001, 150)]
    ladder, picture = drawn(HANDSHAKE + data)
    for word in ("(out of order)", "(again)", "(overlap)"):
        same((ladder.count(word), picture.count(word)), (1, 1), word)
    classes = {line.get("class") for line in tree.fromstring(picture).iter(SVG + "line")}
    same(classes, {"plain", "late", "again", "overlap"}, "lines")


@test
def picture_is_never_higher_than_programs_show():
    twice = [(0, "PA", 1001 + n // 2 * 10, 5001, 10) for n in range(2000)]
    svg = tree.fromstring(drawn(HANDSHAKE + twice)[1])
    must(int(svg.get("height")) < 32767, "too high")


@test
def other_isns_are_shown_as_such():
    for picture in drawn([*HANDSHAKE[:2], (1, "SA", 77000, 1001, 0)]):
        must("isn=77000" in picture, "not shown")


@test
def windows_are_shown_where_they_are_zero_or_asked_for():
    frames = [*conversation(A, B, HANDSHAKE), frame(B, A, "A", 5001, 1001, window=0)]
    capture = pcap(times(frames))
    same(replay(capture, "--ladder").ok().out.count("win="), 1, "windows")
    same(replay(capture, "--ladder", "--window").ok().out.count("win="), 4, "all windows")


@test
def times_that_differ_look_different():
    close = list(conversation(A, B, HANDSHAKE + CLOSE))
    stamps = [1700000000 + t for t in (0, 0.01, 0.02, 2000.00001, 2000.00002, 2000.00003)]
    capture = pcap(list(zip(stamps, close)))
    shown = re.findall(r"^ *(\d+\.\d{3,}) ", replay(capture, "--ladder").ok().out, re.M)
    same(len(set(shown)), 6, f"times of the ladder {shown}")
    labels = [t.text for t in tree.fromstring(replay(capture, "--svg", "-").ok().out).iter(SVG + "text")
              if t.get("class") == "time"]
    same(len(set(labels)), 6, f"times of the picture {labels}")


@test
def numbers_of_long_labels_are_whole_and_between_the_life_lines():
    scaled = {"window": 65535, "options": b"\1\3\3\x0e"}
    far = 1 << 31
    frames = [frame(A, B, "S", 1000, **scaled), frame(B, A, "SA", 5000, 1001, **scaled),
              frame(A, B, "A", 1001, 5001), frame(B, A, "A", 5001, 1001, b"x" * 60000),
              *(frame(B, A, flags, 5001 + far, 1001 + far, b"x" * 60000) for flags in ("PA", "PAUEC"))]
    capture = pcap(times(frames))
    for kind in ("--ladder", "--svg=-"):
        labels = re.findall(r"seq=(\d+) ack=(\d+) len=60000(?: win=(\d+))?", replay(capture, kind, "--window").ok().out)
        same(labels, [("1", "1", "1073725440"), ("2147483649", "2147483649", "1073725440"),
                      ("2147483649", "2147483649", "")], kind)
    for label in tree.fromstring(replay(capture, "--svg", "-", "--window").ok().out).iter(SVG + "text"):
        if (label.get("class") or "").startswith("label"):
            size = float((re.findall(r"font-size: (.*)px", label.get("style") or "") or [15])[0])
            must(len(label.text) * size < 700, f"too wide: {label.text}")  # 0.61 of the size, by letter, of 440


@test
def segment_without_flags_is_said_to_have_none():
    for picture in drawn(HANDSHAKE + [(0, "", 1001, 0, 0)]):
        must("no flags seq=1" in picture, "not said")


@test
def duration_is_that_of_what_is_drawn_by_a_clock_that_goes_right():
    stamps = [1700000000 + t for t in (0, 0.5, 1, 9e7, 2, 2.5)]
    close = list(conversation(A, B, HANDSHAKE + CLOSE))
    for capture, time in ((list(zip(stamps, close)), "2.5s"), (times(close, 0.00001), "50us")):
        for kind in ("--ladder", "--svg=-"):
            must(f"6 segments, 0 bytes in {time}" in replay(pcap(capture), kind).ok().out, f"{kind}: not {time}")


@test
def tunnel_of_a_flow_is_named():
    inner = [f[14:] for f in conversation(A, B, HANDSHAKE)]
    frames = [bytes(12) + b"\x88\x47" + struct.pack("!I", n << 12 | 0x140) + packet for packet in inner for n in (7, 8)]
    capture = pcap(times(frames))
    for kind in ("--ladder", "--svg=-"):
        must("flow 2 in mpls 8, 3 segments" in replay(capture, kind, "--flow", "2").ok().out, kind)
    listed = replay(capture, "--segments").ok().out.partition("ORIGINATOR")[0]
    same((listed.count("in mpls 7\n"), listed.count("in mpls 8\n")), (3, 3), "segments")


@test
def what_crossed_does_so_with_windows_too_and_has_its_time():
    ladder, picture = (replay(LADDERS["simultaneous-open"], kind, "--window").ok().out for kind in ("--ladder", "--svg=-"))
    same(ladder.count("╲╱"), 2, "crossings")
    same(picture.count('class="time"'), 4, "times")


@test
def svg_crosses_what_crossed():
    svg = tree.fromstring(replay(LADDERS["simultaneous-open"], "--svg", "-").ok().out)
    ends = [tuple(float(line.get(key)) for key in ("x1", "y1", "x2", "y2")) for line in svg.iter(SVG + "line")]
    for (x1, y1, x2, y2), (u1, v1, u2, v2) in zip(ends[::2], ends[1::2]):
        same((x1 < x2, u1 > u2, y1 == v1, y2 == v2), (True, True, True, True), "two arrows at one height")


@test
def svg_goes_into_a_file_beside_the_ladder():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "flow.svg")
        out = replay(LADDERS["lossy"], "--svg", path, "--ladder").ok().out
        must("SYN" in out and tree.parse(path), "one of them is missing")
    result = replay(LADDERS["lossy"], "--svg", "/no/such/folder/x.svg")
    same((result.code, "Couldn't write /no/such/folder/x.svg: No such file" in result.err), (1, True), "error")
