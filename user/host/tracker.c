// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What comes before anything is attached: look at what is on the interfaces, load the programs over
 * the maps that are there or over new ones, and become the maps' daemon if that is asked for.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "host/carry.h"
#include "host/lock.h"
#include "host/tracker.h"
#include "host/veth.h"
#include "text/report.h"
#include "synward.skel.h"

/* --- Looking -------------------------------------------------------------------------------- */

static bool named_before(const struct sw_tracker *tracker, const struct sw_iface_state *iface)
{
	for (size_t i = 0; i < tracker->count; i++)
		if (tracker->iface[i].ifindex == iface->ifindex)
			return true;
	return false;
}

static int look(struct sw_tracker *tracker, char *const *names)
{
	for (; *names; names++) {
		struct sw_iface_state *iface = &tracker->iface[tracker->count];
		char text[SW_PROCESS_TEXT];
		int err;

		if (tracker->count == SW_IFACES_MAX)
			return sw_fail(0, NULL, "handle more than %d interfaces", SW_IFACES_MAX);
		err = sw_iface_open(*names, iface);
		if (err)
			return err;
		if (sw_iface_link(iface) == SW_LINK_OTHER) {
			sw_iface_close(iface);
			return sw_fail(0, NULL,
				       "track %s: its frames begin neither with Ethernet nor with "
				       "IP (link type %u)",
				       *names, iface->type);
		}
		if (named_before(tracker, iface)) {
			sw_iface_close(iface);
			continue;
		}
		tracker->count++;
		if (iface->daemon)
			return sw_fail(0, NULL, "take %s: %s serves it", *names,
				       sw_process_text(iface->daemon, text));
	}
	return 0;
}

/* --- Loading -------------------------------------------------------------------------------- */

/*
 * Its programs were given up by their daemon, when the interface left for this namespace: their maps may
 * still be another's.
 */
static bool is_given_up(const struct sw_iface_state *iface)
{
	struct sw_config config;

	return !iface->record.ingress &&
	       !sw_map_read_one(sw_maps_fd(&iface->maps, "sw_config"), &config) &&
	       config.configured;
}

/* The maps to go on with: of the first interface that has some this object can work on. */
static const struct sw_maps *inherited(const struct sw_tracker *tracker)
{
	static const struct sw_maps none;

	for (size_t i = 0; i < tracker->count; i++)
		if (sw_maps_fit(&tracker->iface[i].maps, tracker->object->obj) &&
		    !is_given_up(&tracker->iface[i]))
			return &tracker->iface[i].maps;
	return &none;
}

static void say_inherited(const struct sw_maps *maps, const struct sw_sizes *sizes)
{
	const struct sw_map *flows = sw_maps_find(maps, "sw_flows");
	const struct sw_map *halfopen = sw_maps_find(maps, "sw_halfopen");

	if ((sizes->flows && flows->info.max_entries != sizes->flows) ||
	    (sizes->halfopen && halfopen && halfopen->info.max_entries != sizes->halfopen))
		sw_say("the tables in use keep their sizes; `synward detach` first to change them");
}

/*
 * libxdp loads synward_ingress for every attachment, see attach.c. One more is there to tell whether what
 * an interface carries already is the same, and where none carries any, there is nothing to tell.
 */
static void suit_interfaces(struct sw_tracker *tracker)
{
	bool carried = false;

	for (size_t i = 0; i < tracker->count; i++)
		carried |= tracker->iface[i].ingress.id;
	bpf_program__set_autoload(tracker->object->progs.synward_ingress, carried);
}

static int note_loaded(struct sw_tracker *tracker)
{
	const struct bpf_program *ingress = tracker->object->progs.synward_ingress;
	int err = sw_maps_open_all(&tracker->maps, tracker->object->obj);

	if (err)
		return sw_fail(err, NULL, "open the maps");
	if (bpf_program__autoload(ingress))
		err = sw_prog_code(bpf_program__fd(ingress), &tracker->ingress);
	return err ? sw_fail(err, NULL, "look at the programs") : 0;
}

/* What leaves loopback comes in there. NULL: there is none. */
static const char *loopback(const struct sw_tracker *tracker)
{
	for (size_t i = 0; i < tracker->count; i++)
		if (tracker->iface[i].loopback)
			return tracker->iface[i].name;
	return NULL;
}

const struct synward *sw_tracker_programs(const struct sw_tracker *tracker)
{
	return tracker->guard ?: tracker->object;
}

bool sw_tracker_may_proxy(const struct sw_tracker *tracker)
{
	return !loopback(tracker);
}

int sw_tracker_load_guard(struct sw_tracker *tracker)
{
	int err;

	if (tracker->guards)
		return 0;
	err = sw_object_open(&tracker->guard, true)
		      ?: sw_object_load_guard(tracker->guard, &tracker->maps);
	if (err) {
		synward__destroy(tracker->guard);
		tracker->guard = NULL;
		return err;
	}
	tracker->guards = true;
	tracker->ingress = (struct sw_code){};
	synward__destroy(tracker->bare);
	tracker->bare = NULL;
	return 0;
}

int sw_tracker_load_proxy(struct sw_tracker *tracker)
{
	const char *name = loopback(tracker);
	int err;

	if (tracker->proxy)
		return 0;
	if (name)
		return sw_fail(0, NULL, "put proxy on %s: what leaves comes in there", name);
	err = sw_object_open(&tracker->proxy, true)
		      ?: sw_object_load_proxy(tracker->proxy, &tracker->maps, inherited(tracker));
	if (err)
		return err;
	err = sw_maps_open(&tracker->maps, bpf_program__fd(tracker->proxy->progs.synward_inward));
	return err ? sw_fail(err, NULL, "open proxy's maps") : 0;
}

/* An interface before this one has the same maps. */
static bool maps_were_seen(const struct sw_tracker *tracker, size_t i)
{
	__u32 id = sw_maps_id(&tracker->iface[i].maps, "sw_flows");

	while (i--)
		if (sw_maps_id(&tracker->iface[i].maps, "sw_flows") == id)
			return true;
	return false;
}

/*
 * The flows of another version. Those that begin until the programs change places begin in the middle; by proxy,
 * they are lost.
 */
static void carry_over(const struct sw_tracker *tracker)
{
	for (size_t i = 0; i < tracker->count; i++) {
		const struct sw_iface_state *iface = &tracker->iface[i];
		struct sw_carried carried = {};
		int err;

		if (!iface->maps.count || !iface->misfit || maps_were_seen(tracker, i))
			continue;
		err = sw_carry(&iface->maps, &tracker->maps, &carried);
		if (err)
			sw_fail(err, "They begin anew", "carry over the flows of %s", iface->name);
		else
			sw_say("%s: its tables are laid out otherwise (%s); carried over %ld "
			       "flow%s, %ld of them by proxy",
			       iface->name, iface->misfit, carried.flows,
			       carried.flows == 1 ? "" : "s", carried.proxied);
	}
}

/* An earlier synward, of whatever layout, has translated connections. */
static bool translates(const struct sw_tracker *tracker)
{
	for (size_t i = 0; i < tracker->count; i++)
		if (sw_maps_find(&tracker->iface[i].maps, "sw_proxied"))
			return true;
	return false;
}

/* An earlier synward may have cookies out. Of one that is laid out otherwise it is not known. */
static bool may_have_cookies_out(const struct sw_tracker *tracker)
{
	for (size_t i = 0; i < tracker->count; i++) {
		const struct sw_iface_state *iface = &tracker->iface[i];

		if (iface->maps.count && (iface->misfit || sw_maps_guarded(&iface->maps)))
			return true;
	}
	return false;
}

/* Connections that an earlier synward translates need it to go on. */
static int load(struct sw_tracker *tracker, const struct sw_sizes *sizes)
{
	const struct sw_maps *maps;
	int err;

	tracker->guards |= may_have_cookies_out(tracker);
	err = sw_object_open(&tracker->object, tracker->guards);
	if (err)
		return err;
	maps = inherited(tracker);
	if (maps->count)
		say_inherited(maps, sizes);
	suit_interfaces(tracker);
	err = sw_object_load(tracker->object, sizes, maps) ?: note_loaded(tracker);
	if (!err && translates(tracker))
		err = sw_tracker_load_proxy(tracker);
	if (!err && !maps->count)
		carry_over(tracker);
	return err;
}

static int serve_lock(const struct sw_tracker *tracker)
{
	__u32 due = sw_maps_id(&tracker->maps, "sw_due");
	char text[SW_PROCESS_TEXT];
	int err = sw_lock_daemon(due);

	if (err == -EBUSY)
		sw_fail(0, NULL, "serve these flows: %s does",
			sw_process_text(sw_lock_daemon_pid(due), text));
	return err;
}

/*
 * What an earlier daemon had listed may have gaps since: without guard the data path does not keep it
 * up. Until a daemon lists them anew, the kernel is asked.
 */
static int forget_sockets(const struct sw_tracker *tracker)
{
	int err = sw_sockets_now_write(&tracker->maps, SW_SOCKETS_NOT_READY);

	return err ? sw_fail(err, NULL, "forget the list of sockets") : 0;
}

int sw_tracker_load(struct sw_tracker *tracker, char *const *names, const struct sw_sizes *sizes,
		    bool serve)
{
	int err = look(tracker, names) ?: load(tracker, sizes);

	if (!err && serve)
		err = serve_lock(tracker);
	return err ?: forget_sockets(tracker);
}

/* --- What is in force ----------------------------------------------------------------------- */

void sw_tracker_look_again(struct sw_tracker *tracker)
{
	for (size_t i = 0; i < tracker->count; i++)
		sw_iface_look_again(&tracker->iface[i]);
}

/* An interface that is gone has no address; what is not attached yet is written down then. */
static int follow_macs(struct sw_tracker *tracker)
{
	int err = 0;

	for (size_t i = 0; !err && i < tracker->count; i++) {
		struct sw_iface_state *iface = &tracker->iface[i];

		if (iface->record.ingress && !sw_iface_mac(iface->ifindex, iface->record.mac))
			err = sw_iface_write(&tracker->maps, iface->ifindex, &iface->record);
	}
	return err;
}

int sw_tracker_follow(struct sw_tracker *tracker)
{
	struct sw_local before = tracker->local;
	int err = sw_local_update(&tracker->maps, &tracker->local);

	if (!err)
		sw_local_say(&before, &tracker->local);
	return err ?: follow_macs(tracker);
}

__u32 sw_tracker_mtu(const struct sw_tracker *tracker)
{
	__u32 least = ~0U;

	for (size_t i = 0; i < tracker->count; i++)
		if (tracker->iface[i].mtu && tracker->iface[i].mtu < least)
			least = tracker->iface[i].mtu;
	return least;
}

static const char *egress_name(const struct sw_iface_state *iface)
{
	if (!iface->egress.id)
		return "it sees both directions";
	return iface->egress.tcx ? "TCX at egress" : "clsact at egress";
}

/* Where a veth's other end has no XDP program: what that means for the mode in force. */
static void say_veth(const struct sw_tracker *tracker, const struct sw_iface_state *iface)
{
	if (!tracker->wanted.guard || tracker->wanted.mode == SW_MODE_GENERIC ||
	    !sw_veth_loses_replies(iface->ifindex))
		return;
	if (tracker->wanted.mode == SW_MODE_NATIVE)
		sw_say("%s: guard's replies are lost until the other end of this veth has an XDP "
		       "program, too",
		       iface->name);
	else
		sw_say("%s: generic, since the other end of this veth has no XDP program: native "
		       "loses guard's replies",
		       iface->name);
}

void sw_tracker_say(const struct sw_tracker *tracker)
{
	for (size_t i = 0; i < tracker->count; i++) {
		const struct sw_iface_state *iface = &tracker->iface[i];

		sw_say("%s: XDP %s, %s; %s", iface->name, sw_xdp_mode_name(iface->xdp_mode),
		       sw_iface_dispatched(iface) ? "shared through libxdp's dispatcher"
						  : "a single program",
		       egress_name(iface));
		say_veth(tracker, iface);
	}
}

void sw_tracker_close(struct sw_tracker *tracker)
{
	while (tracker->count)
		sw_iface_close(&tracker->iface[--tracker->count]);
	sw_maps_close(&tracker->maps);
	synward__destroy(tracker->bare);
	synward__destroy(tracker->proxy);
	synward__destroy(tracker->guard);
	synward__destroy(tracker->object);
	tracker->object = tracker->guard = tracker->proxy = tracker->bare = NULL;
}
