// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The map sw_ports, while the data path works on it: an element that stays is changed only where its
 * mode is another one, and a port's slot stays its own.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include <synward/prefix.h>
#include <synward/pressure.h>

#include "guard/ports.h"
#include "host/clock.h"
#include "model/status.h"
#include "text/report.h"

static int set_mode(int fd, const struct sw_guarded *guarded, enum sw_cookie_mode mode)
{
	struct sw_port port = guarded->port;

	if (port.mode == mode)
		return 0;
	port.mode = mode;
	port.on = 0;
	port.switched_ns = sw_monotonic_ns();
	return bpf_map_update_elem(fd, &guarded->key, &port, BPF_EXIST) ? -errno : 0;
}

/* Ports that are there already: those of now, and those of an earlier run. */
static int settle_ports(int fd, const struct sw_guard_options *options, struct sw_guarded *guarded,
			int count, bool taken[SW_PORTS_MAX + 1])
{
	__u64 now = sw_monotonic_ns();
	int err = 0;

	for (int i = 0; !err && i < count; i++) {
		const struct sw_port *port = &guarded[i].port;

		if (sw_port_list_has(&options->ports, &guarded[i].key))
			err = set_mode(fd, &guarded[i], options->mode);
		else if (sw_cookie_outstanding(false, port->cookie_ns, now))
			err = set_mode(fd, &guarded[i], COOKIES_NEVER);
		else
			err = bpf_map_delete_elem(fd, &guarded[i].key) ? -errno : 0;
		if (port->slot <=
		    SW_PORTS_MAX) /* of a map that is taken over, anything is possible */
			taken[port->slot] = true;
	}
	return err;
}

static int add_port(int fd, const struct sw_port_key *key, enum sw_cookie_mode mode,
		    bool taken[SW_PORTS_MAX + 1])
{
	struct sw_port port = { .mode = mode, .slot = 1, .switched_ns = sw_monotonic_ns() };

	while (port.slot <= SW_PORTS_MAX && taken[port.slot])
		port.slot++;
	if (port.slot > SW_PORTS_MAX)
		return -E2BIG;
	if (!bpf_map_update_elem(fd, key, &port, BPF_NOEXIST))
		taken[port.slot] = true;
	else if (errno != EEXIST)
		return -errno;
	return 0;
}

/* How long the prefixes are that the map has. 0 or -errno. */
static int write_masks(int fd, const struct sw_guarded *guarded, __u32 count)
{
	bool used[SW_ADDRESS_BITS + 1] = {};
	struct sw_port_masks masks = {};
	__u32 zero = 0;

	for (__u32 i = 0; i < count; i++)
		if (guarded[i].key.bits <= SW_ADDRESS_BITS)
			used[guarded[i].key.bits] = true;
	for (__u32 bits = SW_ADDRESS_BITS + 1; bits--;) {
		struct sw_port_mask *mask = &masks.mask[masks.count];

		if (!used[bits])
			continue;
		if (masks.count++ == SW_PORT_MASKS_MAX)
			return -E2BIG;
		mask->bits = bits;
		sw_prefix_mask(mask->word, bits);
	}
	return bpf_map_update_elem(fd, &zero, &masks, BPF_ANY) ? -errno : 0;
}

int sw_ports_write(const struct sw_map_fds *maps, const struct sw_guard_options *options,
		   __u32 *count)
{
	static struct sw_guarded guarded[SW_PORTS_MAX];
	bool taken[SW_PORTS_MAX + 1] = {};
	int err = settle_ports(maps->ports, options, guarded, sw_guarded_read(maps->ports, guarded),
			       taken);

	for (__u32 i = 0; !err && i < options->ports.count; i++)
		err = add_port(maps->ports, &options->ports.key[i], options->mode, taken);
	*count = (__u32)sw_guarded_read(maps->ports, guarded);
	err = err ?: write_masks(maps->port_masks, guarded, *count);
	return err ? sw_fail(err, NULL, "write the guarded ports") : 0;
}
