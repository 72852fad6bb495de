// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Taking synward off: its programs, the clsact qdisc where it was made for them, and what sw_ifaces
 * has of the interface. What others put there stays.
 */
#include <errno.h>

#include "host/attach.h"
#include "host/detach.h"
#include "host/lock.h"

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
	if (iface->misfit)
		return err;
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
		int this = sw_iface_look_again(iface);

		if (!this)
			err = sw_iface_detach(iface) ?: err;
		else if (this != -ENODEV)
			err = this;
	}
	sw_lock_release_setup();
	return err;
}
