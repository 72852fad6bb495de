/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How a running synward stands: its settings, how full its tables are, and what each guarded port is
 * doing.
 */
#ifndef SYNWARD_USER_STATUS_H
#define SYNWARD_USER_STATUS_H

#include <synward/config.h>

#include "model/map_fds.h"

/* A guarded port, its element of sw_ports, and by family those of sw_retreats. */
struct sw_guarded {
	struct sw_port_key key;
	struct sw_port port;
	struct sw_retreat retreat[2];
};

/* The guarded ports in ascending order. How many; none if there is no such map. */
int sw_guarded_read(const struct sw_map_fds *maps, struct sw_guarded guarded[SW_PORTS_MAX]);

/* How many services behind this host are known; none if there is no such map. */
int sw_services_count(int services_fd);

/* How many connections go through proxy; none if there is no such map. */
int sw_proxied_count(int proxied_fd);

struct sw_status {
	struct sw_config config; /* with the default time-outs where nobody has configured it */
	__u64 now_ns; /* CLOCK_MONOTONIC */
	__u64 flows, halfopen; /* live */
	struct sw_guarded guarded[SW_PORTS_MAX];
	int ports; /* so many of them */
	int services; /* behind this host, that are known */
};

/* 0 or -errno. */
int sw_status_read(struct sw_status *status, const struct sw_map_fds *maps, __u64 now_ns);

/* Of its listener, 0 if that has not been seen; services have one without end. */
__u32 sw_port_backlog(const struct sw_port *port);

/* SYNs to the port are answered with cookies. */
bool sw_port_sends_cookies(const struct sw_status *status, const struct sw_port *port);

/* How what a cookie of the port's opens would come to the listener that it has; family: 0 IPv4, 1 IPv6. */
enum sw_admission sw_port_admission(const struct sw_status *status,
				    const struct sw_guarded *guarded, int family);

/* Where the port stands in a family. */
enum sw_stand sw_port_stand(const struct sw_guard *guard, const struct sw_guarded *guarded,
			    int family);

#endif
