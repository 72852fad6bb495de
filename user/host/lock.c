// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Who holds a lock has bound two abstract sockets: one whose name is the lock's, which the kernel gives to
 * one socket at a time, and one whose name tells its process, for others to read in /proc/net/unix. Anybody
 * in the namespace may bind such a name, and so keep synward from starting; that is then said.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <synward/types.h>

#include "host/clock.h"
#include "host/lock.h"
#include "text/report.h"

#define NAME_MAX_TEXT 80
#define SETUP         "setup"

#define TRY_EVERY_NS (20 * SW_NS_PER_MS)
#define SAY_AFTER_NS SW_NS_PER_S

static struct sw_lock setup = SW_LOCK_NONE;
static sigset_t before; /* what was blocked, while changes are made */
static bool changing;

/* A descriptor or -errno. */
static int bind_name(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path + 1, name, length); /* after a zero: abstract */
	if (!bind(fd, (struct sockaddr *)&address,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Process ids mean something within their namespace alone. */
static unsigned long pid_namespace(void)
{
	struct stat status;

	return stat("/proc/self/ns/pid", &status) ? 0 : (unsigned long)status.st_ino;
}

int sw_lock_try(const char *what, struct sw_lock *held)
{
	char name[NAME_MAX_TEXT];

	snprintf(name, sizeof(name), "synward/%s", what);
	held->name = bind_name(name);
	if (held->name < 0)
		return held->name == -EADDRINUSE ? -EBUSY : held->name;
	snprintf(name, sizeof(name), "synward/%s/%lu/%d", what, pid_namespace(), getpid());
	held->process = bind_name(name);
	return 0;
}

void sw_lock_release(struct sw_lock *held)
{
	close(held->process);
	close(held->name);
	*held = SW_LOCK_NONE;
}

bool sw_lock_is_held(const struct sw_lock *held)
{
	return held->name >= 0;
}

/* The line ends with the name of a socket that tells a process? */
static bool tells_process(const char *line, const char *what, pid_t *process)
{
	const char *name = strrchr(line, '@');
	char prefix[NAME_MAX_TEXT];
	unsigned long namespace;
	int length = snprintf(prefix, sizeof(prefix), "@synward/%s/", what);

	if (!name || strncmp(name, prefix, (size_t)length) ||
	    sscanf(name + length, "%lu/%d", &namespace, process) != 2)
		return false;
	if (namespace != pid_namespace())
		*process = SW_PROCESS_HIDDEN;
	return true;
}

/* SW_PROCESS_HIDDEN also if who has the lock is no synward. */
static pid_t holder(const char *what)
{
	FILE *file = fopen("/proc/net/unix", "re");
	char *line = NULL, lock[NAME_MAX_TEXT];
	pid_t process = 0;
	size_t size = 0;
	bool found = false;

	if (!file)
		return 0;
	snprintf(lock, sizeof(lock), " @synward/%s\n", what);
	while (!found && getline(&line, &size, file) > 0) {
		if (strstr(line, lock))
			process = SW_PROCESS_HIDDEN;
		found = tells_process(line, what, &process);
	}
	free(line);
	fclose(file);
	return process;
}

const char *sw_process_text(pid_t process, char text[SW_PROCESS_TEXT])
{
	if (process == SW_PROCESS_HIDDEN)
		return "a process that is not seen from here";
	snprintf(text, SW_PROCESS_TEXT, "process %d", process);
	return text;
}

/* --- Setting up ------------------------------------------------------------------------------- */

static void say_waiting(void)
{
	char text[SW_PROCESS_TEXT];
	pid_t process = holder(SETUP);

	if (process)
		sw_say("waits for %s, which attaches or detaches", sw_process_text(process, text));
}

int sw_lock_setup(void)
{
	const struct timespec pause = { .tv_nsec = TRY_EVERY_NS };
	__u64 say_ns = sw_monotonic_ns() + SAY_AFTER_NS;
	int err;

	while ((err = sw_lock_try(SETUP, &setup)) == -EBUSY) {
		if (sw_monotonic_ns() > say_ns) {
			say_waiting();
			say_ns = ~0ULL;
		}
		nanosleep(&pause, NULL);
	}
	return err ? sw_fail(err, NULL, "lock out others who attach") : 0;
}

void sw_lock_begin_changes(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigaddset(&ends, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ends, &before);
	changing = true;
}

void sw_lock_release_setup(void)
{
	sw_lock_release(&setup);
	if (changing)
		sigprocmask(SIG_SETMASK, &before, NULL);
	changing = false;
}

/* --- The daemon -------------------------------------------------------------------------------- */

static __u32 own; /* the sw_due whose daemon this process is; 0: none */

int sw_lock_daemon(__u32 map_id)
{
	struct sw_lock forever;
	char what[NAME_MAX_TEXT];
	int err;

	snprintf(what, sizeof(what), "%u", map_id);
	err = sw_lock_try(what, &forever); /* until the process ends */
	if (!err)
		own = map_id;
	return err && err != -EBUSY ? sw_fail(err, NULL, "lock out other daemons") : err;
}

pid_t sw_lock_daemon_pid(__u32 map_id)
{
	char what[NAME_MAX_TEXT];

	if (map_id == own) /* asked every second: no need to read what may be a long list */
		return own ? getpid() : 0;
	snprintf(what, sizeof(what), "%u", map_id);
	return holder(what);
}
