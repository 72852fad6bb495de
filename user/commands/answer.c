// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * This process checks what is asked for, and watches over another that does it: this program, started anew, so that
 * nothing of the daemon's is in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/ask.h"
#include "commands/program.h"
#include "text/report.h"

struct request {
	char text[SW_REQUEST_MAX];
	size_t length;
	int fd[SW_REQUEST_FDS], fds;
	char *words[SW_REQUEST_WORDS + 1], *settings[16];
	int count;
};

/* --- What is asked for ------------------------------------------------------------------------- */

static void take_fds(struct request *request, struct msghdr *message)
{
	const struct cmsghdr *fds = CMSG_FIRSTHDR(message);

	if (!fds || fds->cmsg_level != SOL_SOCKET || fds->cmsg_type != SCM_RIGHTS)
		return;
	request->fds = (int)((fds->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(request->fd, CMSG_DATA(fds), (size_t)request->fds * sizeof(int));
}

static int receive(int connection, struct request *request)
{
	static const struct timeval patience = { .tv_sec = 5 };
	union {
		char room[CMSG_SPACE(sizeof(request->fd))];
		struct cmsghdr aligned;
	} control;
	struct iovec part = { .iov_base = request->text, .iov_len = sizeof(request->text) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = CMSG_LEN(sizeof(request->fd)) };
	ssize_t length;

	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	length = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	if (length <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return -EINVAL;
	request->length = (size_t)length;
	take_fds(request, &message);
	return 0;
}

static bool is_setting(const char *text)
{
	for (int i = 0; sw_request_settings[i]; i++) {
		size_t length = strlen(sw_request_settings[i]);

		if (!strncmp(text, sw_request_settings[i], length) && text[length] == '=')
			return true;
	}
	return false;
}

/* Settings, then words, each with its zero. */
static int take_apart(struct request *request)
{
	char *at = request->text + 1, *end = request->text + request->length;
	int settings = (unsigned char)request->text[0];

	if (request->length < 2 || end[-1] ||
	    settings >= (int)(sizeof(request->settings) / sizeof(char *)))
		return -EINVAL;
	for (int i = 0; i < settings && at < end; i++, at += strlen(at) + 1) {
		if (!is_setting(at))
			return -EINVAL;
		request->settings[i] = at;
	}
	for (; at < end && request->count < SW_REQUEST_WORDS; at += strlen(at) + 1)
		request->words[request->count++] = at;
	return at == end && request->count ? 0 : -EINVAL;
}

static bool is_pipe_or_terminal(int fd)
{
	struct stat status;

	return isatty(fd) || (!fstat(fd, &status) && S_ISFIFO(status.st_mode));
}

/* stdout, stderr and stdin become what came with it; the daemon's stdin is not for others. */
static int take_output(const struct request *request)
{
	static const int numbers[SW_REQUEST_FDS] = { STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO };

	if (request->fds < 2)
		return -EINVAL;
	for (int i = 0; i < request->fds; i++)
		if (!is_pipe_or_terminal(request->fd[i]))
			return -EINVAL;
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	for (int i = 0; i < request->fds; i++)
		dup2(request->fd[i], numbers[i]);
	return 0;
}

static enum sw_exit check(struct request *request)
{
	const struct sw_command *command = sw_command_find(request->words[0]);
	struct sw_command_line line;

	if (sw_program_open(request->count, request->words))
		return SW_EXIT_FAILED;
	if (command && command->reads &&
	    sw_command_line_parse(command, request->count, request->words, &line))
		return SW_EXIT_MISUSE;
	if (command && command->reads && sw_may_ask(command, &line))
		return SW_EXIT_DONE;
	return sw_exit_of(sw_fail(-EPERM, "Run it as root", "do that for who may only read"));
}

/* --- Having it done ---------------------------------------------------------------------------- */

/* The signals that this process ignores, because who gets them all together is the other. */
static void ending_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGQUIT);
	sigaddset(signals, SIGTERM);
}

static int start(struct request *request, pid_t *reader)
{
	char program[] = "synward", *words[SW_REQUEST_WORDS + 2] = { program };
	posix_spawnattr_t attributes;
	sigset_t signals;
	int err;

	memcpy(words + 1, request->words, sizeof(request->words));
	ending_signals(&signals);
	sigaddset(&signals, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	err = posix_spawn(reader, "/proc/self/exe", NULL, &attributes, words, request->settings);
	posix_spawnattr_destroy(&attributes);
	return err ? sw_fail(-err, NULL, "start who reads") : 0;
}

/* Who asked may go, or shut its side down: then it has seen enough. */
static enum sw_exit watch_over(int connection, pid_t reader)
{
	struct pollfd watched[] = { { .fd = connection, .events = POLLIN },
				    { .fd = pidfd_open(reader, 0), .events = POLLIN } };
	int status;

	while (watched[1].fd >= 0 && (poll(watched, 2, -1) < 0 || !watched[1].revents)) {
		if (!watched[0].revents)
			continue;
		kill(reader, SIGTERM);
		watched[0].fd = -1;
	}
	waitpid(reader, &status, 0);
	return WIFEXITED(status) ? (enum sw_exit)WEXITSTATUS(status) : SW_EXIT_FAILED;
}

static enum sw_exit do_it(int connection, struct request *request)
{
	enum sw_exit status = check(request);
	sigset_t signals;
	pid_t reader;

	if (status)
		return status;
	ending_signals(&signals);
	for (int number = 1; number < NSIG; number++)
		if (sigismember(&signals, number) == 1)
			signal(number, SIG_IGN);
	if (start(request, &reader))
		return SW_EXIT_FAILED;
	return watch_over(connection, reader);
}

int sw_answer(int connection)
{
	static struct request request;
	unsigned char status;

	fcntl(connection, F_SETFD, FD_CLOEXEC);
	if (receive(connection, &request) || take_apart(&request) || take_output(&request))
		return SW_EXIT_MISUSE;
	status = (unsigned char)do_it(connection, &request);
	send(connection, &status, 1, MSG_NOSIGNAL);
	return status;
}
