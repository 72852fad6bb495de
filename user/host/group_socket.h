/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where the daemons of a network namespace are asked by who is not root: a socket each, below /run/synward, to which
 * its mode lets the members of a group.
 */
#ifndef SYNWARD_USER_GROUP_SOCKET_H
#define SYNWARD_USER_GROUP_SOCKET_H

#define SW_GROUP "synward"

#define SW_GROUP_SOCKET_PATH 64

/*
 * A socket that listens, of whole messages, not blocking, and its path, to be unlinked. -ENOENT: there is no such
 * group; or -errno. Neither is reported.
 */
int sw_group_socket_listen(char path[SW_GROUP_SOCKET_PATH]);

/* The same, of streams, at a path of somebody's choice; where there is no group it is root's alone. */
int sw_group_socket_listen_at(const char *path);

/* What comes back in place of an exit status: as much is done for that user already as for one it may be. */
#define SW_GROUP_SOCKET_BUSY 0xff

/* To a daemon that serves here. -ENOENT: there is none; -EACCES: there is, but not for us; not reported. */
int sw_group_socket_connect(void);

#endif
