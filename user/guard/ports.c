// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The map sw_ports, while the data path works on it: an element that stays is changed only where its
 * terms are other ones, and a port's slot stays its own.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include <synward/prefix.h>
#include <synward/pressure.h>

#include "guard/ports.h"
#include "host/clock.h"
#include "text/report.h"

/* --- What is to be written -------------------------------------------------------------------- */

enum slot_use {
	SLOT_FREE,
	SLOT_LEFT, /* by a port that goes: this CPU or another may still remember its listener */
	SLOT_TAKEN,
};

static int refuse_many(void)
{
	return sw_fail(0, "Ports that were guarded before count until their cookies are over",
		       "guard more than %d ports, or prefixes of more than %d lengths",
		       SW_PORTS_MAX, SW_PORT_MASKS_MAX);
}

static void keep(struct sw_ports_plan *plan, const struct sw_guarded *there,
		 const struct sw_port_terms *terms, enum sw_protection protects)
{
	struct sw_planned *entry = &plan->entry[plan->count++];
	struct sw_port *port = &entry->guarded.port;

	entry->guarded = *there;
	entry->changed = port->mode != terms->mode || port->protects != protects ||
			 memcmp(&port->marks, &terms->marks, sizeof(port->marks)) != 0 ||
			 memcmp(&port->profile, &terms->profile, sizeof(port->profile)) != 0;
	if (port->mode != terms->mode || port->protects != protects) {
		port->on = port->half_open = port->backlog = 0;
		port->switched_ns = sw_monotonic_ns();
	}
	port->mode = terms->mode;
	port->protects = protects;
	port->marks = terms->marks;
	port->profile = terms->profile;
}

/* A port that is there already: of now, or of an earlier run. How its slot is used then. */
static enum slot_use plan_known(struct sw_ports_plan *plan, const struct sw_guarded *there,
				const struct sw_port_list *wanted)
{
	const struct sw_port_wish *wish = sw_port_list_find(wanted, &there->key);
	const struct sw_port_terms never = { COOKIES_NEVER, there->port.marks,
					     there->port.profile };
	bool outstanding = sw_cookie_outstanding(false, there->port.cookie_ns, sw_monotonic_ns());

	if (wish || outstanding) {
		keep(plan, there, wish ? &wish->terms : &never,
		     wish ? wish->protects : there->port.protects);
		return SLOT_TAKEN;
	}
	plan->go[plan->gone++] = there->key;
	return SLOT_LEFT;
}

static __u32 find_slot(enum slot_use use[SW_PORTS_MAX + 1])
{
	for (enum slot_use wanted = SLOT_FREE; wanted <= SLOT_LEFT; wanted++)
		for (__u32 slot = 1; slot <= SW_PORTS_MAX; slot++)
			if (use[slot] == wanted) {
				use[slot] = SLOT_TAKEN;
				return slot;
			}
	return 0;
}

static bool is_planned(const struct sw_ports_plan *plan, const struct sw_port_key *key)
{
	for (__u32 i = 0; i < plan->count; i++)
		if (!memcmp(&plan->entry[i].guarded.key, key, sizeof(*key)))
			return true;
	return false;
}

static int plan_new(struct sw_ports_plan *plan, const struct sw_port_wish *wish,
		    enum slot_use use[SW_PORTS_MAX + 1])
{
	struct sw_port port = {
		.mode = wish->terms.mode,
		.protects = wish->protects,
		.marks = wish->terms.marks,
		.profile = wish->terms.profile,
		.switched_ns = sw_monotonic_ns(),
	};

	if (is_planned(plan, &wish->key))
		return 0;
	port.slot = find_slot(use);
	if (!port.slot || plan->count == SW_PORTS_MAX)
		return refuse_many();
	plan->entry[plan->count++] =
		(struct sw_planned){ .guarded = { wish->key, port }, .changed = true };
	return 0;
}

/* How long the prefixes are. */
static int plan_masks(struct sw_ports_plan *plan)
{
	bool used[SW_ADDRESS_BITS + 1] = {};

	for (__u32 i = 0; i < plan->count; i++)
		if (plan->entry[i].guarded.key.bits <= SW_ADDRESS_BITS)
			used[plan->entry[i].guarded.key.bits] = true;
	for (__u32 bits = SW_ADDRESS_BITS + 1; bits--;) {
		struct sw_port_mask *mask = &plan->masks.mask[plan->masks.count];

		if (!used[bits])
			continue;
		if (plan->masks.count++ == SW_PORT_MASKS_MAX)
			return refuse_many();
		mask->bits = bits;
		sw_prefix_mask(mask->word, bits);
	}
	return 0;
}

int sw_ports_plan(struct sw_ports_plan *plan, const struct sw_map_fds *maps,
		  const struct sw_port_list *wanted)
{
	static struct sw_guarded there[SW_PORTS_MAX];
	enum slot_use use[SW_PORTS_MAX + 1] = {};
	int known = sw_guarded_read(maps, there), err = 0;

	*plan = (struct sw_ports_plan){};
	for (int i = 0; i < known; i++) {
		enum slot_use now = plan_known(plan, &there[i], wanted);

		if (there[i].port.slot <= SW_PORTS_MAX) /* of a map taken over, all is possible */
			use[there[i].port.slot] = now;
	}
	for (__u32 i = 0; !err && i < wanted->count; i++)
		err = plan_new(plan, &wanted->wish[i], use);
	return err ?: plan_masks(plan);
}

__u8 sw_ports_protect(const struct sw_ports_plan *plan)
{
	__u8 ways = 0;

	for (__u32 i = 0; i < plan->count; i++)
		ways |= plan->entry[i].guarded.port.protects;
	return ways;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* What is configured anew is tried anew. The slot may have been another port's, too. */
static int forget_retreats(int fd, __u32 slot)
{
	const struct sw_retreat none = {};
	int err = 0;

	for (int family = 0; !err && family < 2; family++) {
		__u32 index = sw_retreat_index(slot, family);

		err = bpf_map_update_elem(fd, &index, &none, BPF_ANY) ? -errno : 0;
	}
	return err;
}

int sw_ports_write(const struct sw_ports_plan *plan, const struct sw_map_fds *maps)
{
	__u32 zero = 0;
	int err = 0;

	for (__u32 i = 0; !err && i < plan->gone; i++)
		err = bpf_map_delete_elem(maps->ports, &plan->go[i]) ? -errno : 0;
	for (__u32 i = 0; !err && i < plan->count; i++) {
		const struct sw_guarded *guarded = &plan->entry[i].guarded;

		if (plan->entry[i].changed &&
		    bpf_map_update_elem(maps->ports, &guarded->key, &guarded->port, BPF_ANY))
			err = -errno;
		err = err ?: forget_retreats(maps->retreats, guarded->port.slot);
	}
	if (!err && bpf_map_update_elem(maps->port_masks, &zero, &plan->masks, BPF_ANY))
		err = -errno;
	return err ? sw_fail(err, NULL, "write the guarded ports") : 0;
}
