// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * From names of interfaces to a running synward and back. The order is: look at what is there,
 * load, configure, attach; sw_ifaces records what was done to each interface before it is done to
 * the next.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/lock.h"
#include "text/report.h"
#include "synward.skel.h"
#include "host/tracker.h"

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
		int err;

		if (tracker->count == SW_IFACES_MAX)
			return sw_fail(0, NULL, "handle more than %d interfaces", SW_IFACES_MAX);
		err = sw_iface_open(*names, iface);
		if (err)
			return err;
		if (named_before(tracker, iface)) {
			sw_iface_close(iface);
			continue;
		}
		tracker->count++;
		if (iface->daemon)
			return sw_fail(0, NULL, "take %s: process %d serves it", *names,
				       iface->daemon);
	}
	return 0;
}

/* --- Loading and configuring ---------------------------------------------------------------- */

/* The maps to go on with: of the first interface that has some this object can work on. */
static const struct sw_maps *inherited(const struct sw_tracker *tracker)
{
	static const struct sw_maps none;

	for (size_t i = 0; i < tracker->count; i++)
		if (sw_maps_fit(&tracker->iface[i].maps, tracker->object->obj))
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

static int open_maps(struct sw_tracker *tracker)
{
	struct bpf_program *prog;
	int err = 0;

	bpf_object__for_each_program (prog, tracker->object->obj)
		if (bpf_program__autoload(prog))
			err = err ?: sw_maps_open(&tracker->maps, bpf_program__fd(prog));
	return err ? sw_fail(err, NULL, "open the maps") : 0;
}

static int load(struct sw_tracker *tracker, const struct sw_tracker_options *options)
{
	const struct sw_maps *maps;
	int err = sw_object_open(&tracker->object);

	if (err)
		return err;
	maps = inherited(tracker);
	if (maps->count)
		say_inherited(maps, &options->sizes);
	return sw_object_load(tracker->object, &options->sizes, maps) ?: open_maps(tracker);
}

static int serve_lock(const struct sw_tracker *tracker)
{
	__u32 due = sw_maps_id(&tracker->maps, "sw_due");
	int err = sw_lock_reader(due);

	if (err == -EBUSY)
		sw_fail(0, NULL, "serve these flows: process %d does", sw_lock_reader_pid(due));
	return err;
}

/* The least MTU: what is announced must fit through every interface. */
static struct sw_guard_link guarded_link(const struct sw_tracker *tracker)
{
	struct sw_guard_link link = { .mtu = ~0U };

	for (size_t i = 0; i < tracker->count; i++)
		if (tracker->iface[i].mtu < link.mtu)
			link.mtu = tracker->iface[i].mtu;
	return link;
}

/* Nothing is to be guarded any more: the guard in force only takes back the cookies still out. */
static int configure_retired(struct sw_tracker *tracker, struct sw_guard *guard)
{
	struct sw_config before = {};
	__u32 ports = guard->ports;
	int err = sw_config_read(&tracker->maps, &before);

	*guard = before.guard;
	guard->ports = ports;
	return err;
}

static int configure(struct sw_tracker *tracker, const struct sw_tracker_options *options)
{
	struct sw_guard_link link = guarded_link(tracker);
	struct sw_config config = options->config;
	int err;

	err = sw_guard_prepare(&options->guard, &link, &config.guard)
		      ?: sw_guard_write(&tracker->maps, &options->guard, &config.guard);
	if (err)
		return err;
	if (!options->guard.count && config.guard.ports)
		err = configure_retired(tracker, &config.guard);
	err = err ?: sw_config_write(&tracker->maps, &config);
	return err ? sw_fail(err, NULL, "write the settings") : 0;
}

/* --- Attaching ------------------------------------------------------------------------------ */

/* The program is what we would put there: the same code over the same maps. */
static bool is_ours(const struct sw_tracker *tracker, const struct sw_iface_state *iface,
		    const struct sw_prog *there, const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	return there->id && !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &length) &&
	       !memcmp(info.tag, there->tag, sizeof(there->tag)) &&
	       sw_maps_id(&tracker->maps, "sw_flows") == sw_maps_id(&iface->maps, "sw_flows");
}

static int attach_egress(struct sw_tracker *tracker, struct sw_iface_state *iface)
{
	const struct bpf_program *prog = tracker->object->progs.synward_egress;
	bool made_clsact = false;
	int err;

	if (iface->loopback)
		return 0;
	if (!is_ours(tracker, iface, &iface->egress, prog)) {
		err = sw_attach_tc(iface, BPF_TC_EGRESS, bpf_program__fd(prog), &made_clsact);
		if (err)
			return err;
	}
	iface->record.egress = true;
	iface->record.own_clsact |= made_clsact;
	return 0;
}

/* Where cookies of ours may come back, tc at ingress hands them on; also on loopback. */
static int attach_admit(struct sw_tracker *tracker, struct sw_iface_state *iface,
			const struct sw_guard_options *guard)
{
	const struct bpf_program *prog = tracker->object->progs.synward_admit;
	bool made_clsact = false;
	int err;

	if (!guard->count || !bpf_program__autoload(prog))
		return 0;
	if (!is_ours(tracker, iface, &iface->admit, prog)) {
		err = sw_attach_tc(iface, BPF_TC_INGRESS, bpf_program__fd(prog), &made_clsact);
		if (err)
			return err;
	}
	iface->record.admit = true;
	iface->record.own_clsact |= made_clsact;
	return 0;
}

static int attach_ingress(struct sw_tracker *tracker, struct sw_iface_state *iface,
			  enum sw_mode mode)
{
	const struct bpf_program *prog = tracker->object->progs.synward_ingress;
	int err;

	if (!is_ours(tracker, iface, &iface->ingress, prog)) {
		err = sw_attach_ingress(iface, &tracker->maps, mode);
		if (err)
			return err;
	}
	iface->record.ingress = true;
	return 0;
}

/*
 * Reads anew what there is on the interface, which may have got another name; but what was done to
 * it, this process knows best. -ENODEV, not reported, if it is gone.
 */
static int look_again(struct sw_iface_state *iface)
{
	struct sw_iface record = iface->record;
	char name[IF_NAMESIZE];
	int err;

	if (!if_indextoname(iface->ifindex, name))
		return -ENODEV;
	sw_iface_close(iface);
	err = sw_iface_open(name, iface);
	iface->record = record;
	return err;
}

/*
 * Ties all maps to the programs as they are now on the interface, also those a program does not use
 * itself: by them they are found. And writes down what was done.
 */
static int settle(const struct sw_tracker *tracker, struct sw_iface_state *iface)
{
	int err = look_again(iface);

	if (err)
		return err;
	err = sw_maps_bind(&tracker->maps, iface->ingress.id);
	if (!err && iface->egress.id)
		err = sw_maps_bind(&tracker->maps, iface->egress.id);
	if (!err && iface->admit.id)
		err = sw_maps_bind(&tracker->maps, iface->admit.id);
	err = err ?: sw_iface_write(&tracker->maps, iface->ifindex, &iface->record);
	return err ? sw_fail(err, NULL, "write down what was done to %s", iface->name) : 0;
}

/*
 * Egress first: what leaves before ingress is there begins a flow midstream, and that the model can
 * deal with; a SYN whose answer is missed, less so. Ingress last: it answers at once, and who answers
 * with a cookie must be able to take it back.
 */
static int attach(struct sw_tracker *tracker, struct sw_iface_state *iface,
		  const struct sw_tracker_options *options)
{
	return attach_egress(tracker, iface) ?: attach_admit(tracker, iface, &options->guard) ?:
		       attach_ingress(tracker, iface, options->mode) ?: settle(tracker, iface);
}

/* What an interface carried before it was touched. */
struct before {
	bool ingress, egress, admit;
};

/* Takes off what was not there before. */
static void undo(struct sw_iface_state *iface, const struct before *before)
{
	if (look_again(iface))
		return;
	if (before->ingress)
		iface->ingress.id = 0;
	if (before->egress)
		iface->egress.id = 0;
	if (before->admit)
		iface->admit.id = 0;
	sw_iface_detach(iface);
}

static int attach_all(struct sw_tracker *tracker, const struct sw_tracker_options *options)
{
	struct before before[SW_IFACES_MAX];
	size_t touched = 0;
	int err = 0;

	while (!err && touched < tracker->count) {
		struct sw_iface_state *iface = &tracker->iface[touched];

		before[touched++] =
			(struct before){ iface->ingress.id, iface->egress.id, iface->admit.id };
		err = attach(tracker, iface, options);
	}
	while (err && touched--)
		undo(&tracker->iface[touched], &before[touched]);
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

int sw_tracker_start(struct sw_tracker *tracker, char *const *names,
		     const struct sw_tracker_options *options)
{
	int err = sw_lock_setup();

	memset(tracker, 0, sizeof(*tracker));
	if (err)
		return err;
	err = look(tracker, names) ?: load(tracker, options);
	if (!err && options->serve)
		err = serve_lock(tracker);
	err = err ?: forget_sockets(tracker) ?: configure(tracker, options) ?: attach_all(tracker, options);
	sw_lock_release_setup();
	if (err)
		sw_tracker_close(tracker);
	return err;
}

int sw_tracker_reload(struct sw_tracker *tracker, const struct sw_tracker_options *options)
{
	for (size_t i = 0; i < tracker->count; i++)
		look_again(&tracker->iface[i]); /* its MTU */
	return configure(tracker, options);
}

void sw_tracker_say(const struct sw_tracker *tracker)
{
	for (size_t i = 0; i < tracker->count; i++) {
		const struct sw_iface_state *iface = &tracker->iface[i];

		sw_say("%s: XDP %s, %s; %s", iface->name, sw_xdp_mode_name(iface->xdp_mode),
		       sw_iface_dispatched(iface) ? "shared through libxdp's dispatcher"
						  : "a single program",
		       iface->egress.id ? "tc at egress" : "it sees both directions");
	}
}

void sw_tracker_close(struct sw_tracker *tracker)
{
	while (tracker->count)
		sw_iface_close(&tracker->iface[--tracker->count]);
	sw_maps_close(&tracker->maps);
	synward__destroy(tracker->object);
	tracker->object = NULL;
}

/* --- Detaching ------------------------------------------------------------------------------ */

int sw_iface_detach(struct sw_iface_state *iface)
{
	bool own_clsact = iface->record.own_clsact;
	int err = 0, also = 0;

	if (iface->ingress.id) {
		err = sw_detach_ingress(iface);
		iface->record.ingress = false;
	}
	if (iface->admit.id) {
		also = sw_detach_tc(iface, BPF_TC_INGRESS, own_clsact);
		err = err ?: also;
		iface->record.admit = false;
	}
	if (iface->egress.id) {
		also = sw_detach_tc(iface, BPF_TC_EGRESS, own_clsact);
		err = err ?: also;
		iface->record.egress = iface->record.own_clsact = false;
	}
	if (iface->record.ingress || iface->record.egress)
		sw_iface_write(&iface->maps, iface->ifindex, &iface->record);
	else
		sw_iface_delete(&iface->maps, iface->ifindex);
	return err;
}

int sw_tracker_detach(struct sw_tracker *tracker)
{
	int err = sw_lock_setup();

	for (size_t i = 0; i < tracker->count; i++) {
		struct sw_iface_state *iface = &tracker->iface[i];
		int this = look_again(iface);

		if (!this)
			err = sw_iface_detach(iface) ?: err;
		else if (this != -ENODEV)
			err = this;
	}
	sw_lock_release_setup();
	return err;
}
