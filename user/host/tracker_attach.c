// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Putting the programs on the tracker's interfaces, one after another, and keeping them there. What is
 * there already and is the same stays; sw_ifaces records what was done to each interface before
 * anything is done to the next; if one can't be had, what was put on the others comes off again.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include <synward/types.h>

#include "host/attach.h"
#include "host/clock.h"
#include "host/detach.h"
#include "host/lock.h"
#include "host/tell.h"
#include "host/tracker.h"
#include "text/report.h"
#include "synward.skel.h"

/* The program is what we would put there: the same code over the same maps. */
static bool is_ours(const struct sw_tracker *tracker, const struct sw_iface_state *iface,
		    const struct sw_prog *there, const struct sw_code *code)
{
	/* What was loaded for Ethernet has the same code. */
	return there->id && sw_iface_link(iface) == SW_LINK_ETHERNET &&
	       sw_same_code(code, &there->code) &&
	       sw_maps_id(&tracker->maps, "sw_flows") == sw_maps_id(&iface->maps, "sw_flows");
}

/* At tc: a program that is ours has yet to move if it is not where it would be put. */
static int put_at_tc(const struct sw_tracker *tracker, struct sw_iface_state *iface,
		     enum bpf_tc_attach_point point, const struct bpf_program *prog)
{
	const struct sw_prog *there = point == BPF_TC_INGRESS ? &iface->admit : &iface->egress;
	bool own_clsact = iface->record.own_clsact;
	struct sw_code code;
	int err = sw_prog_code(bpf_program__fd(prog), &code);

	if (err)
		return sw_fail(err, NULL, "look at the programs");
	if (is_ours(tracker, iface, there, &code) &&
	    sw_tc_is_placed(iface, there, tracker->wanted.tc))
		return 0;
	err = sw_attach_tc(iface, point, bpf_program__fd(prog), tracker->wanted.tc, &own_clsact);
	iface->record.own_clsact = own_clsact;
	return err;
}

static const struct bpf_program *egress_program(const struct sw_tracker *tracker)
{
	return tracker->proxy ? tracker->proxy->progs.synward_outward
			      : sw_tracker_programs(tracker)->progs.synward_egress;
}

static const struct bpf_program *admit_program(const struct sw_tracker *tracker)
{
	return tracker->proxy ? tracker->proxy->progs.synward_inward
			      : sw_tracker_programs(tracker)->progs.synward_admit;
}

/* Loaded when the first interface wants it. 0 or -errno, reported. */
static int load_bare(struct sw_tracker *tracker)
{
	struct synward *bare;
	int err;

	if (tracker->bare)
		return 0;
	err = sw_object_open(&tracker->bare, tracker->guards);
	if (err)
		return err;
	bare = tracker->bare;
	bare->rodata->bare_ip = true;
	err = sw_object_keep(bare, bare->progs.synward_egress, &tracker->maps);
	if (err)
		return err;
	err = synward__load(bare);
	return err ? sw_fail(err, sw_library_said(), "load the program for egress") : 0;
}

/* The program for this interface's egress, or NULL: reported. */
static const struct bpf_program *egress_for(struct sw_tracker *tracker,
					    const struct sw_iface_state *iface)
{
	if (sw_iface_link(iface) == SW_LINK_ETHERNET)
		return egress_program(tracker);
	return load_bare(tracker) ? NULL : tracker->bare->progs.synward_egress;
}

static int attach_egress(struct sw_tracker *tracker, struct sw_iface_state *iface)
{
	const struct bpf_program *prog;
	int err;

	if (iface->loopback)
		return 0;
	prog = egress_for(tracker, iface);
	if (!prog)
		return -EINVAL;
	err = put_at_tc(tracker, iface, BPF_TC_EGRESS, prog);
	if (!err)
		iface->record.egress = true;
	return err;
}

/* Where cookies of ours may come back, tc at ingress hands them on; also on loopback. None goes out without Ethernet. */
static int attach_admit(struct sw_tracker *tracker, struct sw_iface_state *iface)
{
	const struct bpf_program *prog = admit_program(tracker);
	int err;

	if ((!tracker->wanted.guard && !tracker->proxy) || !bpf_program__autoload(prog) ||
	    sw_iface_link(iface) != SW_LINK_ETHERNET)
		return 0;
	err = put_at_tc(tracker, iface, BPF_TC_INGRESS, prog);
	if (!err)
		iface->record.admit = true;
	return err;
}

static int attach_ingress(struct sw_tracker *tracker, struct sw_iface_state *iface)
{
	enum sw_mode mode = sw_mode_for(iface, &tracker->wanted);
	int err = 0;

	if (sw_mode_differs(iface, mode))
		err = sw_detach_ingress(iface) ?: sw_iface_look_again(iface);
	if (!err && !is_ours(tracker, iface, &iface->ingress, &tracker->ingress))
		err = sw_attach_ingress(iface, &tracker->maps, mode, tracker->guards);
	if (!err)
		iface->record.ingress = true;
	return err;
}

/* A program that needs clsact. */
static bool is_filter(const struct sw_prog *prog)
{
	return prog->id && !prog->tcx;
}

/*
 * Ties all maps to the programs as they are now on the interface, also those a program does not use
 * itself: by them they are found. And writes down what was done.
 */
static int settle(struct sw_tracker *tracker, struct sw_iface_state *iface)
{
	int err = sw_iface_look_again(iface);

	if (err)
		return err;
	tracker->settled[iface - tracker->iface] = (struct sw_settled){
		.ingress = iface->ingress.id,
		.egress = iface->egress.id,
		.admit = iface->admit.id,
	};
	tracker->ingress = iface->ingress.code;
	iface->record.own_clsact &= is_filter(&iface->egress) || is_filter(&iface->admit);
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
static int attach(struct sw_tracker *tracker, struct sw_iface_state *iface)
{
	return attach_egress(tracker, iface) ?: attach_admit(tracker, iface) ?:
	       attach_ingress(tracker, iface) ?: settle(tracker, iface);
}

/* What an interface carried before it was touched. */
struct before {
	bool ingress, egress, admit;
};

/* Takes off what was not there before. */
static void undo(struct sw_iface_state *iface, const struct before *before)
{
	if (sw_iface_look_again(iface))
		return;
	if (before->ingress)
		iface->ingress.id = 0;
	if (before->egress)
		iface->egress.id = 0;
	if (before->admit)
		iface->admit.id = 0;
	sw_iface_detach(iface);
}

int sw_tracker_attach(struct sw_tracker *tracker, const struct sw_attach_options *wanted)
{
	struct before before[SW_IFACES_MAX];
	size_t touched = 0;
	int err = 0;

	tracker->wanted = *wanted;
	while (!err && touched < tracker->count) {
		struct sw_iface_state *iface = &tracker->iface[touched];

		if (tracker->settled[touched].gone) {
			before[touched++] = (struct before){ true, true, true };
			continue;
		}
		before[touched++] =
			(struct before){ iface->ingress.id, iface->egress.id, iface->admit.id };
		err = attach(tracker, iface);
	}
	while (err && touched--)
		undo(&tracker->iface[touched], &before[touched]);
	return err;
}

/* --- Keeping them there --------------------------------------------------------------------- */

struct missing {
	bool ingress, egress, admit;
	bool replies; /* of guard: what it sends in this mode does not arrive any more */
};

static bool is_astray(const struct sw_tracker *tracker, const struct sw_iface_state *iface,
		      const struct sw_prog *prog, __u32 id)
{
	return prog->id != id || !sw_tc_is_placed(iface, prog, tracker->wanted.tc);
}

/* Which programs are not there, or not where they were put. */
static struct missing look_for_missing(const struct sw_tracker *tracker,
				       const struct sw_iface_state *iface)
{
	const struct sw_settled *settled = &tracker->settled[iface - tracker->iface];
	const struct sw_iface *record = &iface->record;

	return (struct missing){
		.ingress = record->ingress && iface->ingress.id != settled->ingress,
		.egress = record->egress &&
			  is_astray(tracker, iface, &iface->egress, settled->egress),
		.admit = record->admit && is_astray(tracker, iface, &iface->admit, settled->admit),
	};
}

/* So long, and the other end was not only given another program. */
#define DEAF_FOR_NS SW_NS_PER_S

static bool loses_replies(struct sw_tracker *tracker, const struct sw_iface_state *iface)
{
	struct sw_settled *settled = &tracker->settled[iface - tracker->iface];
	__u64 now = sw_monotonic_ns();

	if (!sw_mode_differs(iface, sw_mode_for(iface, &tracker->wanted)))
		settled->deaf_ns = 0;
	else if (!settled->deaf_ns)
		settled->deaf_ns = now;
	return settled->deaf_ns && now - settled->deaf_ns >= DEAF_FOR_NS;
}

static int put_back(struct sw_tracker *tracker, struct sw_iface_state *iface)
{
	int err = sw_lock_setup();

	if (err)
		return err;
	err = attach(tracker, iface);
	sw_lock_release_setup();
	return err;
}

static void say_mended(const struct sw_iface_state *iface, const struct missing *missing)
{
	if (missing->ingress || missing->egress || missing->admit)
		sw_say("%s: put back what was taken off or out of its place:%s%s%s", iface->name,
		       missing->ingress ? " synward_ingress (XDP)" : "",
		       missing->egress ? " synward_egress (tc)" : "",
		       missing->admit ? " synward_admit (tc)" : "");
	if (missing->replies)
		sw_say("%s: XDP %s from now on: the other end of this veth has no XDP program any "
		       "more",
		       iface->name, sw_xdp_mode_name(iface->xdp_mode));
}

static void tell_lost(const struct sw_tracker *tracker, const struct sw_iface_state *iface,
		      bool ingress, bool egress, bool admit)
{
	struct sw_event event = { .cause = SW_EVENT_HOOK_LOST };

	if (ingress)
		event.flags |= SW_HOOK_INGRESS;
	if (egress)
		event.flags |= SW_HOOK_EGRESS;
	if (admit)
		event.flags |= SW_HOOK_ADMIT;
	_Static_assert(sizeof(iface->name) <= sizeof(event.key.addr[0]), "the name has room");
	memcpy(event.key.addr[0], iface->name, sizeof(iface->name));
	if (event.flags)
		sw_tell(tracker, event); /* who reads events misses one, at worst */
}

int sw_tracker_put_back(struct sw_tracker *tracker)
{
	int err = 0;

	for (size_t i = 0; !err && i < tracker->count; i++)
		if (!tracker->settled[i].gone)
			err = put_back(tracker, &tracker->iface[i]);
	return err;
}

static int mend(struct sw_tracker *tracker, struct sw_iface_state *iface, bool *mended)
{
	struct missing missing = look_for_missing(tracker, iface);
	int err;

	missing.replies = loses_replies(tracker, iface);
	if (!missing.ingress && !missing.egress && !missing.admit && !missing.replies)
		return 0;
	tell_lost(tracker, iface, missing.ingress, missing.egress, missing.admit);
	err = put_back(tracker, iface);
	if (err)
		return err;
	*mended = true;
	say_mended(iface, &missing);
	return 0;
}

static bool others_are_left(const struct sw_tracker *tracker, const struct sw_iface_state *iface)
{
	for (size_t i = 0; i < tracker->count; i++)
		if (&tracker->iface[i] != iface && !tracker->settled[i].gone)
			return true;
	return false;
}

/* `err`: what came of it already, and has been reported. */
static int lose(struct sw_tracker *tracker, struct sw_iface_state *iface, int err)
{
	tracker->settled[iface - tracker->iface].gone = true;
	tell_lost(tracker, iface, iface->record.ingress, iface->record.egress, iface->record.admit);
	sw_iface_delete(&tracker->maps, iface->ifindex);
	if (!others_are_left(tracker, iface))
		return err
			       ?: sw_fail(0,
					  "If it was moved, `synward detach` where it is now takes "
					  "off what went with it",
					  "serve %s any longer: it is gone from this namespace",
					  iface->name);
	sw_say("%s is gone from this namespace; if it was moved, `synward detach %s` takes off "
	       "what went with it",
	       iface->name, iface->name);
	return 0;
}

/* An interface of that name is there again. */
static int find_back(struct sw_tracker *tracker, struct sw_iface_state *iface)
{
	char name[IF_NAMESIZE];
	int err;

	if (!if_nametoindex(iface->name))
		return 0;
	memcpy(name, iface->name, sizeof(name));
	sw_iface_close(iface);
	err = sw_iface_open(name, iface) ?: put_back(tracker, iface);
	if (!err)
		sw_say("%s is back", name);
	return err;
}

static int keep(struct sw_tracker *tracker, struct sw_iface_state *iface, bool *mended)
{
	char name[IF_NAMESIZE];
	int err;

	if (tracker->settled[iface - tracker->iface].gone)
		return find_back(tracker, iface);
	memcpy(name, iface->name, sizeof(name));
	err = sw_iface_look_again(iface);
	if (err == -ENODEV)
		return lose(tracker, iface, 0);
	if (err)
		return err;
	if (strcmp(name, iface->name))
		sw_say("%s is called %s now", name, iface->name);
	err = mend(tracker, iface, mended);
	/* It goes program by program, and may have begun to when they were looked for. */
	return err && !if_indextoname(iface->ifindex, name) ? lose(tracker, iface, err) : err;
}

int sw_tracker_mend(struct sw_tracker *tracker, bool *mended)
{
	int err = 0;

	*mended = false;
	for (size_t i = 0; !err && i < tracker->count; i++)
		err = keep(tracker, &tracker->iface[i], mended);
	return err;
}

bool sw_tracker_concerns(const struct sw_tracker *tracker, __u32 ifindex)
{
	for (size_t i = 0; i < tracker->count; i++)
		if (tracker->iface[i].ifindex == ifindex || tracker->settled[i].gone)
			return true;
	return false;
}
