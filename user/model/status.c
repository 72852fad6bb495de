// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Read at one moment, map by map: what changes meanwhile may be in one of them and not yet in another.
 */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include <synward/pressure.h>
#include <synward/proxy.h>
#include <synward/retreat.h>

#include "model/stats.h"
#include "model/status.h"

static const struct sw_timeouts default_timeouts = { .ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) } };

/* By port; the longer prefix of its addresses before the shorter. */
static int compare_guarded(const void *a, const void *b)
{
	const struct sw_port_key *one = &((const struct sw_guarded *)a)->key;
	const struct sw_port_key *other = &((const struct sw_guarded *)b)->key;

	if (one->port != other->port)
		return one->port < other->port ? -1 : 1;
	if (one->bits != other->bits)
		return one->bits > other->bits ? -1 : 1;
	return memcmp(one->address, other->address, sizeof(one->address));
}

/* Of a port of an earlier synward there may be none. */
static void read_retreats(int fd, struct sw_guarded *guarded)
{
	for (int family = 0; family < 2; family++) {
		__u32 index = sw_retreat_index(guarded->port.slot, family);

		if (bpf_map_lookup_elem(fd, &index, &guarded->retreat[family]))
			guarded->retreat[family] = (struct sw_retreat){};
	}
}

int sw_guarded_read(const struct sw_map_fds *maps, struct sw_guarded guarded[SW_PORTS_MAX])
{
	struct sw_port_key key, *last = NULL;
	int count = 0;

	while (count < SW_PORTS_MAX && !bpf_map_get_next_key(maps->ports, last, &key)) {
		last = &key;
		guarded[count].key = key;
		if (bpf_map_lookup_elem(maps->ports, &key, &guarded[count].port))
			continue;
		read_retreats(maps->retreats, &guarded[count++]);
	}
	qsort(guarded, (size_t)count, sizeof(*guarded), compare_guarded);
	return count;
}

int sw_services_count(int services_fd)
{
	struct sw_port_key key, *last = NULL;
	struct sw_service service;
	int count = 0;

	for (int i = 0; i < SW_SERVICES_MAX && !bpf_map_get_next_key(services_fd, last, &key);
	     i++) {
		last = &key;
		if (!bpf_map_lookup_elem(services_fd, &key, &service) && service.mss)
			count++;
	}
	return count;
}

int sw_proxied_count(int proxied_fd)
{
	struct sw_flow_key key, *last = NULL;
	struct sw_proxied proxied;
	int count = 0;

	while (!bpf_map_get_next_key(proxied_fd, last, &key)) {
		last = &key;
		if (!bpf_map_lookup_elem(proxied_fd, &key, &proxied) && !proxied.over)
			count++;
	}
	return count;
}

int sw_status_read(struct sw_status *status, const struct sw_map_fds *maps, __u64 now_ns)
{
	struct sw_totals totals = {};
	int err = sw_map_read_one(maps->config, &status->config)
			  ?: sw_totals_add(&totals, maps, now_ns);

	if (err)
		return err;
	if (!status->config.configured)
		status->config.timeout = default_timeouts;
	status->now_ns = now_ns;
	status->flows = totals.flows_live;
	status->halfopen = totals.halfopen_live;
	status->ports = sw_guarded_read(maps, status->guarded);
	status->services = sw_services_count(maps->services);
	return 0;
}

__u32 sw_port_backlog(const struct sw_port *port)
{
	return port->protects ? ~0U : port->backlog;
}

bool sw_port_sends_cookies(const struct sw_status *status, const struct sw_port *port)
{
	bool quiet = sw_is_quiet(port->busy_ns, port->marks.quiet_ms, status->now_ns);

	return sw_sends_cookies(port->mode, port->on, quiet);
}

enum sw_stand sw_port_stand(const struct sw_guard *guard, const struct sw_guarded *guarded,
			    int family)
{
	const struct sw_retreat *retreat = &guarded->retreat[family];

	return sw_retreat_is_old(retreat, guard->admission_ns) ? STAND_GUARD : retreat->stand;
}

enum sw_admission sw_port_admission(const struct sw_status *status,
				    const struct sw_guarded *guarded, int family)
{
	const struct sw_guard *guard = &status->config.guard;
	struct sw_ways ways =
		sw_ways_of(guard, guarded->port.protects, guarded->port.listener, family);

	return sw_admission_at(sw_port_stand(guard, guarded, family), &ways);
}
