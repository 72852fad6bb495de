# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The two ends of one schedule: their sockets, what they are told to do, and what their kernels say of them."""

import errno
import socket
import struct

from path import ALONE, CLIENT, lab

TCP_REPAIR = 19


class Ends:
    """A self-connection is two ends with one socket, the client's."""

    def __init__(self, path, kernels, schedule, number):
        self.hosts, self.kernels, self.schedule = path.hosts, kernels, schedule
        self.alone = schedule.opening == "self"
        ports = 33000 + number % 30000, 2000 + number % 30000
        self.ports = (ports[1], ports[1]) if self.alone else ports
        self.address = [ALONE if self.alone else host.address[schedule.family] for host in self.hosts]
        self.names = [lab.endpoint(*end) for end in zip(self.address, self.ports)]
        self.sockets, self.listener = [None, None], None
        self.generation = 0  # counts the connections of these four numbers
        self.asking = set()  # ends that have begun the latest in this step
        self.silent = set()  # ends whose socket went without a segment

    def do(self, end, verb, value):
        """An end that can't, because there is no connection or no room, does nothing."""
        end = CLIENT if self.alone else end
        if verb not in ("listen", "connect", "unlisten") and not self.sockets[end]:
            return
        try:
            getattr(self, verb)(end, *([value] if value else []))
        except OSError as error:
            if error.errno in (errno.EBADF, errno.EINVAL, errno.EPERM):
                raise

    def make(self, end):
        kind = socket.AF_INET6 if self.schedule.family == 6 else socket.AF_INET
        sock = self.hosts[end].socket(kind, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        if self.schedule.room:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.schedule.room)
        sock.bind((self.address[end], self.ports[end]))
        return sock

    def listen(self, end):
        if not self.listener:
            self.listener = self.make(end)
            self.listener.listen(8)

    def unlisten(self, _end):
        if self.listener:
            self.listener.close()
            self.listener = None

    def accept(self):
        """Whoever has come; a socket of the same four numbers is dead then."""
        end = 1 - self.schedule.active
        try:
            sock = self.listener and self.listener.accept()[0]
        except OSError:
            return
        if sock:
            if self.sockets[end]:
                self.sockets[end].close()
            sock.setblocking(False)
            self.sockets[end] = sock

    def connect(self, end):
        """Once more if there was a connection. A kernel may refuse, as in TIME_WAIT."""
        if self.sockets[end]:
            self.close(end)
        self.sockets[end] = self.make(end)
        if self.schedule.isn and not self.generation:
            lab.set_isn(self.sockets[end], self.schedule.isn)
        error = self.sockets[end].connect_ex((self.address[1 - end], self.ports[1 - end]))
        if error in (0, errno.EINPROGRESS):
            self.silent.discard(end)
            if self.schedule.opening != "cross" or self.asking != {1 - end}:
                self.generation, self.asking = self.generation + 1, set()
            self.asking.add(end)

    def send(self, end, size):
        self.sockets[end].send(bytes(size))

    def read(self, end):
        while self.sockets[end].recv(1 << 16):
            pass

    def shutdown(self, end):
        self.sockets[end].shutdown(socket.SHUT_WR)

    def close(self, end):
        """Before the answer to its SYN has come, a socket goes without a word."""
        if self.ask(end)[0] == "SYN_SENT":
            self.silent.add(end)
        self.sockets[end].close()
        self.sockets[end] = None

    def reset(self, end):
        self.sockets[end].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close(end)

    def vanish(self, end):
        """As if the host had lost power: the socket is gone, and nobody is told."""
        self.sockets[end].setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        self.close(end)
        self.silent.add(end)

    def ask(self, end):
        """(state, timer) by the kernel."""
        end = CLIENT if self.alone else end
        return self.kernels[end].ask(self.schedule.family, self.address[end], self.ports[end],
                                     self.address[1 - end], self.ports[1 - end])

    def end(self):
        for sock in (*self.sockets, self.listener):
            if sock:
                sock.close()
