// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The manager's socket is named in NOTIFY_SOCKET, a path or, after @, an abstract name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/service.h"
#include "host/clock.h"

/* A manager that is slow is waited for, but not for long; flags: MSG_DONTWAIT, if it hears that again. */
static void tell(const char *text, int flags)
{
	static const struct timeval patience = { .tv_sec = 1 };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET");
	socklen_t length;
	int fd;

	if (!name || strlen(name) >= sizeof(to.sun_path))
		return;
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	memcpy(to.sun_path, name, strlen(name));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	sendto(fd, text, strlen(text), MSG_NOSIGNAL | flags, (const struct sockaddr *)&to, length);
	close(fd);
}

void sw_service_ready(void)
{
	tell("READY=1", 0);
}

/* With the time, as Type=notify-reload wants it. */
void sw_service_reloading(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu", sw_monotonic_ns() / 1000);
	tell(text, 0);
}

void sw_service_stopping(void)
{
	tell("STOPPING=1", 0);
}

/* Half of what the manager waits for; 0: it does not. */
static __u64 watchdog_ns(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!us || (pid && atoi(pid) != getpid()))
		return 0;
	return strtoull(us, NULL, 10) * 1000 / 2;
}

bool sw_service_watched(void)
{
	return watchdog_ns();
}

static int be_alive(void *context, struct sw_next *next)
{
	(void)context;
	tell("WATCHDOG=1", MSG_DONTWAIT);
	next->from_ns = next->by_ns = sw_monotonic_ns() + watchdog_ns();
	return 0;
}

struct sw_duty sw_service_duty(void)
{
	return (struct sw_duty){ .what = "tell the service manager", .fd = -1, .work = be_alive };
}
