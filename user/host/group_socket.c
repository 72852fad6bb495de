// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Paths reach across network namespaces, and what is attached does not: so a name begins with its namespace. It
 * ends with the process; what one that was killed has left is removed by the next.
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/group_socket.h"

#define FOLDER  "/run/synward"
#define WAITING 16

#define PREFIX_TEXT 24

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return address;
}

/* What the names of this network namespace begin with. */
static void own_prefix(char text[PREFIX_TEXT])
{
	struct stat status = {};

	stat("/proc/self/ns/net", &status);
	snprintf(text, PREFIX_TEXT, "%lu.", (unsigned long)status.st_ino);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err;

	if (fd < 0 || !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd < 0 ? -errno : fd;
	err = -errno;
	close(fd);
	return err;
}

/* The first thing that `visit` makes of a socket whose name begins so, or the last -errno; -ENOENT: there is none. */
static int visit_all(const char *prefix, int (*visit)(const char *path))
{
	char path[SW_GROUP_SOCKET_PATH];
	DIR *folder = opendir(FOLDER);
	const struct dirent *entry;
	int made = -ENOENT;

	while (folder && made < 0 && (entry = readdir(folder)))
		if (!strncmp(entry->d_name, prefix, strlen(prefix)) &&
		    snprintf(path, sizeof(path), FOLDER "/%s", entry->d_name) < (int)sizeof(path))
			made = visit(path);
	if (folder)
		closedir(folder);
	return made;
}

int sw_group_socket_connect(void)
{
	char prefix[PREFIX_TEXT];
	int fd;

	own_prefix(prefix);
	fd = visit_all(prefix, connect_to);

	return fd == -ECONNREFUSED ? -ENOENT : fd; /* it was killed */
}

/* Always -ENOENT, so that all are visited. */
static int remove_dead(const char *path)
{
	int fd = connect_to(path);

	if (fd == -ECONNREFUSED)
		unlink(path);
	if (fd >= 0)
		close(fd);
	return -ENOENT;
}

/* Where the process is of the group, as systemd makes it, the file is at once, and no capability is needed. */
static int give_to(const char *path, gid_t group)
{
	if (getegid() != group && chown(path, (uid_t)-1, group))
		return -errno;
	return chmod(path, 0660) ? -errno : 0;
}

static int bind_and_listen(int fd, const char *path, gid_t group)
{
	struct sockaddr_un address = address_of(path);
	int err = bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;

	err = err ?: give_to(path, group);
	return err ?: listen(fd, WAITING) ? -errno : 0;
}

static int listen_at(int type, const char *path, gid_t group)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	err = bind_and_listen(fd, path, group);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int sw_group_socket_listen_at(const char *path)
{
	const struct group *group = getgrnam(SW_GROUP);

	remove_dead(path);
	return listen_at(SOCK_STREAM, path, group ? group->gr_gid : getegid());
}

int sw_group_socket_listen(char path[SW_GROUP_SOCKET_PATH])
{
	const struct group *group = getgrnam(SW_GROUP);
	char prefix[PREFIX_TEXT];

	if (!group)
		return -ENOENT;
	if (mkdir(FOLDER, 0755) && errno != EEXIST)
		return -errno;
	chmod(FOLDER, 0755); /* whatever the umask is */
	visit_all("", remove_dead);
	own_prefix(prefix);
	snprintf(path, SW_GROUP_SOCKET_PATH, FOLDER "/%s%d", prefix, getpid());
	return listen_at(SOCK_SEQPACKET, path, group->gr_gid);
}
