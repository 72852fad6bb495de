// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A terminal is handed over as it is; what goes elsewhere comes through a pipe, and is written here, by who may.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands/ask.h"
#include "commands/interrupt.h"
#include "host/group_socket.h"
#include "text/report.h"

const char *const sw_request_settings[] = {
	"TERM", "NO_COLOR", "LANG", "LC_CTYPE", "LC_ALL", NULL
};

bool sw_may_ask(const struct sw_command *command, const struct sw_command_line *line)
{
	for (size_t i = 0; command->options && command->options[i].name; i++)
		if (line->given[i] && command->options[i].changes)
			return false;
	return command->reads;
}

/* A signal that comes just before it would wait is seen so much later. */
#define LOOK_MS 500

/* stdout and stderr, on their way. */
struct flow_back {
	int from[2]; /* what is written here; -1: it is a terminal's, and goes there by itself */
	int given[SW_REQUEST_FDS], count;
};

/* --- The request ------------------------------------------------------------------------------- */

static int add(char *request, size_t *length, const char *name, const char *value)
{
	size_t room = SW_REQUEST_MAX - *length;
	int wanted = snprintf(request + *length, room, "%s%s", name, value);

	if (wanted < 0 || (size_t)wanted >= room)
		return sw_misuse("the command line is too long");
	*length += (size_t)wanted + 1;
	return 0;
}

static int write_request(char request[SW_REQUEST_MAX], size_t *length, char **argv)
{
	int err = 0;

	*length = 1;
	request[0] = 0;
	for (int i = 0; !err && sw_request_settings[i]; i++) {
		const char *value = getenv(sw_request_settings[i]);
		char name[32];

		if (!value)
			continue;
		snprintf(name, sizeof(name), "%s=", sw_request_settings[i]);
		err = add(request, length, name, value);
		request[0]++;
	}
	for (int i = 0; !err && argv[i]; i++)
		err = add(request, length, argv[i], "");
	return err;
}

static int send_request(int connection, char **argv, const struct flow_back *back)
{
	union {
		char room[CMSG_SPACE(sizeof(back->given))];
		struct cmsghdr aligned;
	} control = {};
	char request[SW_REQUEST_MAX];
	struct iovec part = { .iov_base = request };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control };
	struct cmsghdr *fds;
	int err = write_request(request, &part.iov_len, argv);

	if (err)
		return err;
	message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)back->count);
	fds = CMSG_FIRSTHDR(&message);
	fds->cmsg_level = SOL_SOCKET;
	fds->cmsg_type = SCM_RIGHTS;
	fds->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)back->count);
	memcpy(CMSG_DATA(fds), back->given, sizeof(int) * (size_t)back->count);
	if (sendmsg(connection, &message, MSG_NOSIGNAL) >= 0 || errno == EPIPE)
		return 0; /* who does not hear it has said why */
	return sw_fail(-errno, NULL, "ask the daemon");
}

/* --- What comes back --------------------------------------------------------------------------- */

static int open_back(struct flow_back *back)
{
	*back = (struct flow_back){ .from = { -1, -1 }, .count = 2 };
	for (int i = 0; i < 2; i++) {
		int ends[2], fd = STDOUT_FILENO + i;

		if (isatty(fd)) {
			back->given[i] = fd;
			signal(SIGTSTP, SIG_IGN); /* who writes there would not stop */
			continue;
		}
		if (pipe2(ends, O_CLOEXEC))
			return sw_fail(-errno, NULL, "make a pipe");
		back->from[i] = ends[0];
		back->given[i] = ends[1];
	}
	if (isatty(STDIN_FILENO))
		back->given[back->count++] = STDIN_FILENO;
	return 0;
}

static void close_given(const struct flow_back *back)
{
	for (int i = 0; i < 2; i++)
		if (back->from[i] >= 0)
			close(back->given[i]);
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno != EINTR)
			return sw_fail(-errno, NULL, "write the output");
		if (written > 0) {
			text += written;
			length -= (size_t)written;
		}
	}
	return 0;
}

/* What there is; at its end *from becomes -1. */
static int pass_on(int *from, int to)
{
	char text[65536];
	ssize_t length = read(*from, text, sizeof(text));

	if (length > 0)
		return write_all(to, text, (size_t)length);
	if (length < 0 && errno == EINTR)
		return 0;
	close(*from);
	*from = -1;
	return 0;
}

static enum sw_exit refused_for_now(void)
{
	return sw_exit_of(sw_fail(-EBUSY, "End one that watches: events, top or stats --watch",
				  "read more for this user at a time"));
}

/* True: it has said how it ended, or is gone. */
static bool take_status(int connection, unsigned char *status)
{
	ssize_t length = recv(connection, status, 1, 0);

	if (length < 0 && errno == EINTR)
		return false;
	if (length <= 0)
		sw_fail(-ECONNRESET, NULL, "hear from the daemon how it ended");
	else if (*status == SW_GROUP_SOCKET_BUSY)
		*status = (unsigned char)refused_for_now();
	return true;
}

/* Until all is written and the daemon has said how it ended. A signal is passed on: it ends when its work allows. */
static enum sw_exit wait_for(int connection, struct flow_back *back)
{
	unsigned char status = SW_EXIT_FAILED;
	bool ended = false;
	int err = 0;

	while (!err && (!ended || back->from[0] >= 0 || back->from[1] >= 0)) {
		struct pollfd watched[] = { { .fd = ended ? -1 : connection, .events = POLLIN },
					    { .fd = back->from[0], .events = POLLIN },
					    { .fd = back->from[1], .events = POLLIN } };
		int ready = poll(watched, 3, LOOK_MS);

		if (sw_interrupted())
			shutdown(connection, SHUT_WR);
		if (ready < 0)
			continue;
		for (int i = 0; !err && i < 2; i++)
			if (watched[1 + i].revents)
				err = pass_on(&back->from[i], STDOUT_FILENO + i);
		if (watched[0].revents)
			ended = take_status(connection, &status);
	}
	return err ? SW_EXIT_FAILED : status;
}

static enum sw_exit refused(int err)
{
	const char *hint = "Run it as root; members of the group " SW_GROUP
			   " may while `synward run` serves here";

	if (err == -EACCES)
		hint = "Run it as root, or be a member of the group " SW_GROUP;
	sw_fail(-EPERM, hint, "use BPF without CAP_SYS_ADMIN and CAP_NET_ADMIN");
	return SW_EXIT_FAILED;
}

enum sw_exit sw_ask(char **argv)
{
	int connection = sw_group_socket_connect();
	struct flow_back back;
	enum sw_exit status = SW_EXIT_FAILED;

	if (connection < 0)
		return refused(connection);
	sw_interrupt_catch();
	if (!open_back(&back)) {
		int err = send_request(connection, argv, &back);

		close_given(&back);
		if (!err)
			status = wait_for(connection, &back);
	}
	close(connection);
	return status;
}
