# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A version whose flows are laid out otherwise is replaced, and its flows go on."""

import pathlib
import re
import shutil

import lab as laboratory
from lab import run, test

ROOT = pathlib.Path(laboratory.ROOT)


def older_object(folder):
    """The BPF object as an older version might have had it: a member less here, one more there, another order."""
    shutil.copytree(ROOT / "include", folder / "include")
    header = folder / "include/synward/flow.h"
    text = header.read_text(encoding="utf-8")
    text, moved = re.subn(r"(struct sw_flow \{\n)(.*?)(\tstruct sw_endpoint ep\[2\];[^\n]*\n)(\};)",
                          r"\1\t__u64 of_old;\n\3\2\4", text, flags=re.DOTALL)
    assert moved == 1, "struct sw_flow is not as it was"
    header.write_text(re.sub(r"_Static_assert\((?:offsetof|sizeof)\(struct sw_flow[,)].*?;\n|"
                             r"_Static_assert\(48 .*?;\n", "", text, flags=re.DOTALL), encoding="utf-8")
    flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", f"-I{folder}/include", "-I/usr/include/x86_64-linux-gnu"]
    run(["clang", *flags, "-c", ROOT / "bpf/synward.bpf.c", "-o", folder / "old.o"])
    return folder / "old.o"


@test(track=False, own=True)
def flows_of_another_layout_are_carried_over(lab):
    with laboratory.tempfile.TemporaryDirectory(prefix="sw-old-") as folder:
        older = older_object(pathlib.Path(folder))
        lab.server.run(["ip", "link", "set", "dev", "veth", "xdp", "obj", older, "sec", "xdp.frags"])
    conns = [lab.connection(port=lab.port + i).start().accept() for i in range(3)]
    for conn in conns:
        conn.client.send(b"question")
        assert conn.server.recv(100) == b"question"
    conns[2].client.shutdown(laboratory.socket.SHUT_WR)
    conns[2].server.recv(100)
    refused = lab.synward("flows", check=False)
    assert refused.returncode == 1 and "sw_flows" in refused.stderr, refused
    lab.track()
    assert "laid out otherwise (sw_flows); carried over 3 flows, 0 of them by proxy" in lab.tracker.text(), lab.tracker.text()
    flows = [lab.flow(*conn.names) for conn in conns]
    for conn, flow in zip(conns, flows):
        assert flow and not flow["midstream"] and flow["a"] == conn.names[0], flow
        assert flow["bytes"]["a"] == 8 and flow["history"]["a"][0] == "SYN_SENT", flow
    assert [flow["state"]["a"][:3] for flow in flows] == ["EST", "EST", "FIN"], flows
    stats = lab.stats()
    assert stats["segments"] >= 10 and (stats["flows_opened"], stats["flows_live"]) == (3, 3), stats
    conns[0].client.send(b"more")
    assert conns[0].server.recv(100) == b"more" and lab.flow(*conns[0].names)["bytes"]["a"] == 12
