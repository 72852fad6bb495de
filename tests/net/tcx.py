# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""TCX by bpf(2), since the tools of Debian 12 are older: what is in its list, and programs of other people's."""

import ctypes
import os
import platform
import struct

libc = ctypes.CDLL(None, use_errno=True)
SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
PROG_LOAD, PROG_ATTACH, PROG_DETACH, PROG_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD, PROG_QUERY = 5, 8, 9, 13, 15, 16
SCHED_CLS = 3
TYPE = {"ingress": 46, "egress": 47}
BEFORE = 1 << 3
NEXT, PASS, DROP = -1, 0, 2


def bpf(command, attr):
    """The result, and the attributes as the kernel left them."""
    buffer = ctypes.create_string_buffer(attr, len(attr))
    result = libc.syscall(SYS_BPF, command, buffer, len(attr))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result, buffer.raw


def load(name, verdict):
    """The descriptor of a program for tc that says this of every packet."""
    code = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xb7, 0, 0, verdict, 0x95, 0, 0, 0))
    terms = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack("=IIQQIIQII16s", SCHED_CLS, 2, ctypes.addressof(code), ctypes.addressof(terms),
                                      0, 0, 0, 0, 0, name.encode()))[0]


def ifindex(host, interface):
    return int(host.run(["cat", f"/sys/class/net/{interface}/ifindex"]).stdout)


def attach(host, side, prog, flags=0, interface="veth"):
    index = ifindex(host, interface)
    with host.inside():
        bpf(PROG_ATTACH, struct.pack("=IIIIIIQ", index, prog, TYPE[side], flags, 0, 0, 0))


def detach(host, side, prog, interface="veth"):
    index = ifindex(host, interface)
    with host.inside():
        bpf(PROG_DETACH, struct.pack("=IIIIIIQ", index, prog, TYPE[side], 0, 0, 0, 0))


def ids(host, side, interface="veth"):
    """Of the programs there, in the order in which they run; none where the kernel has no TCX."""
    index, list_of = ifindex(host, interface), (ctypes.c_uint32 * 64)()
    with host.inside():
        try:
            attr = bpf(PROG_QUERY, struct.pack("=IIIIQIIQQQQ", index, TYPE[side], 0, 0, ctypes.addressof(list_of), 64,
                                               0, 0, 0, 0, 0))[1]
        except OSError:
            return []
    return list_of[:struct.unpack_from("=I", attr, 24)[0]]


def descriptor(number):
    return bpf(PROG_GET_FD_BY_ID, struct.pack("=III", number, 0, 0))[0]


def name(number):
    info, prog = ctypes.create_string_buffer(256), descriptor(number)
    try:
        bpf(OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", prog, len(info), ctypes.addressof(info)))
    finally:
        os.close(prog)
    return info.raw[64:80].split(b"\0")[0].decode()


def names(host, side, interface="veth"):
    return [name(number) for number in ids(host, side, interface)]
