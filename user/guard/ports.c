// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The map sw_ports, while the data path works on it: an element that stays is changed only where its
 * mode is another one, and a port's slot stays its own.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include <synward/pressure.h>

#include "guard/ports.h"
#include "host/clock.h"
#include "model/status.h"
#include "text/report.h"

static bool asked_for(const struct sw_guard_options *options, __u32 number)
{
	for (__u32 i = 0; i < options->count; i++)
		if (options->ports[i] == number)
			return true;
	return false;
}

static int set_mode(int fd, __u32 number, struct sw_port *port, enum sw_cookie_mode mode)
{
	if (port->mode == mode)
		return 0;
	port->mode = mode;
	port->on = 0;
	port->switched_ns = sw_monotonic_ns();
	return bpf_map_update_elem(fd, &number, port, BPF_EXIST) ? -errno : 0;
}

/* Ports that are there already: those of now, and those of an earlier run. */
static int settle_ports(int fd, const struct sw_guard_options *options, struct sw_guarded *guarded,
			int count, bool taken[SW_PORTS_MAX + 1])
{
	__u64 now = sw_monotonic_ns();
	int err = 0;

	for (int i = 0; !err && i < count; i++) {
		struct sw_port *port = &guarded[i].port;

		if (asked_for(options, guarded[i].number))
			err = set_mode(fd, guarded[i].number, port, options->mode);
		else if (sw_cookie_outstanding(false, port->cookie_ns, now))
			err = set_mode(fd, guarded[i].number, port, COOKIES_NEVER);
		else
			err = bpf_map_delete_elem(fd, &guarded[i].number) ? -errno : 0;
		if (port->slot <=
		    SW_PORTS_MAX) /* of a map that is taken over, anything is possible */
			taken[port->slot] = true;
	}
	return err;
}

static int add_port(int fd, __u32 number, enum sw_cookie_mode mode, bool taken[SW_PORTS_MAX + 1])
{
	struct sw_port port = { .mode = mode, .slot = 1, .switched_ns = sw_monotonic_ns() };

	while (port.slot <= SW_PORTS_MAX && taken[port.slot])
		port.slot++;
	if (port.slot > SW_PORTS_MAX)
		return -E2BIG;
	if (!bpf_map_update_elem(fd, &number, &port, BPF_NOEXIST))
		taken[port.slot] = true;
	else if (errno != EEXIST)
		return -errno;
	return 0;
}

int sw_ports_write(int ports_fd, const struct sw_guard_options *options, __u32 *count)
{
	static struct sw_guarded guarded[SW_PORTS_MAX];
	bool taken[SW_PORTS_MAX + 1] = {};
	int err =
		settle_ports(ports_fd, options, guarded, sw_guarded_read(ports_fd, guarded), taken);

	for (__u32 i = 0; !err && i < options->count; i++)
		err = add_port(ports_fd, options->ports[i], options->mode, taken);
	if (err)
		return sw_fail(err, NULL, "write the guarded ports");
	*count = (__u32)sw_guarded_read(ports_fd, guarded);
	return 0;
}
