/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Putting the programs on one interface, and taking them off. Each function changes one hook and
 * reports its error.
 */
#ifndef SYNWARD_USER_ATTACH_H
#define SYNWARD_USER_ATTACH_H

#include "host/iface.h"

enum sw_mode {
	SW_MODE_ANY, /* native, and if the driver refuses, generic */
	SW_MODE_NATIVE,
	SW_MODE_GENERIC,
};

/*
 * Puts a fresh synward_ingress over these maps on the interface: into libxdp's dispatcher where
 * there can be one, else alone. An ingress program of synward that *iface found there is replaced
 * by it without a gap.
 */
int sw_attach_ingress(const struct sw_iface_state *iface, const struct sw_maps *maps,
		      enum sw_mode mode);

/* Takes synward's program off; others stay. An interface that is gone is no error. */
int sw_detach_ingress(const struct sw_iface_state *iface);

/*
 * Puts a tc program at this point, making clsact if there is none (*made_clsact then becomes true);
 * replaces one of ours that is there.
 */
int sw_attach_tc(const struct sw_iface_state *iface, enum bpf_tc_attach_point point, int prog_fd,
		 bool *made_clsact);

/* Takes it off, and clsact too if we made it and nobody else uses it. */
int sw_detach_tc(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
		 bool made_clsact);

#endif
