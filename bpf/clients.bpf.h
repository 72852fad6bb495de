/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the operator says of the client that a segment comes from. Where nothing is said of any, that is
 * not looked for.
 */
#ifndef SYNWARD_CLIENTS_BPF_H
#define SYNWARD_CLIENTS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/guard.h>

#include "local.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"
#include "work.bpf.h"

/* True: its sender is one of those that this is said of. */
static __always_inline bool sw_client_is(const struct sw_work *w, enum sw_client_rule rule)
{
	struct sw_local_key key = { .bits = SW_ADDRESS_BITS };
	const __u32 *said;

	if (!(sw_settings()->guard.rules & rule))
		return false;
	__builtin_memcpy(key.address, w->packet.from, sizeof(key.address));
	said = bpf_map_lookup_elem(&sw_clients, &key);
	return said && *said == rule;
}

/*
 * The segment in hand comes from who is denied, to a guarded port of this host or a protected one. A
 * global function for the verifier's sake.
 */
SW_GUARD_FUNCTION int sw_is_denied(struct xdp_md *ctx)
{
	const struct sw_work *w = sw_work_in_hand();
	const struct sw_port *port;

	if (!ctx || !w || !sw_client_is(w, CLIENT_DENY))
		return false;
	port = sw_port_of(w);
	return port && (port->protects || !sw_elsewhere(ctx, w));
}

#endif
