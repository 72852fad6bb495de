/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where to listen, as people write it: "9799" (on loopback), "192.0.2.1:9799", "[2001:db8::1]:9799", or the path of a
 * unix socket, "/run/synward/metrics".
 */
#ifndef SYNWARD_LISTEN_H
#define SYNWARD_LISTEN_H

#include <sys/socket.h>

/* `option` is for the error. 0 or -EINVAL, reported. */
int sw_listen_parse(const char *text, const char *option, struct sockaddr_storage *address);

#endif
