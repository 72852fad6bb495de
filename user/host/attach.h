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

/* How programs are attached at tc. */
enum sw_tc_way {
	SW_TC_ANY, /* by TCX, and if the kernel has none, by clsact */
	SW_TC_TCX,
	SW_TC_CLSACT,
};

/* What is to be attached, and how. */
struct sw_attach_options {
	enum sw_mode mode;
	enum sw_tc_way tc;
	bool guard; /* XDP answers; what cookies open is handed to its listener at tc ingress */
};

/* Where XDP is to run: as asked for, or where guard's replies arrive. */
enum sw_mode sw_mode_for(const struct sw_iface_state *iface,
			 const struct sw_attach_options *wanted);

/* Programs can't be there in both modes: what runs in another one than this goes first. */
bool sw_mode_differs(const struct sw_iface_state *iface, enum sw_mode mode);

/*
 * Puts a fresh synward_ingress over these maps on the interface: into libxdp's dispatcher where
 * there can be one, else alone. An ingress program of synward that *iface found there is replaced
 * by it without a gap. `guards`: it can do more than track.
 */
int sw_attach_ingress(const struct sw_iface_state *iface, const struct sw_maps *maps,
		      enum sw_mode mode, bool guards);

/* Takes synward's program off; others stay. An interface that is gone is no error. */
int sw_detach_ingress(const struct sw_iface_state *iface);

/* A program of ours at tc stands where sw_attach_tc() would put it. */
bool sw_tc_is_placed(const struct sw_iface_state *iface, const struct sw_prog *prog,
		     enum sw_tc_way way);

/*
 * Puts a tc program at this point, before all others; one of ours that is there, in whatever way, goes.
 * *own_clsact: we made the clsact qdisc that is there; it is made where it is needed.
 */
int sw_attach_tc(const struct sw_iface_state *iface, enum bpf_tc_attach_point point, int prog_fd,
		 enum sw_tc_way way, bool *own_clsact);

/* Takes it off, and clsact too if we made it and nobody else uses it. */
int sw_detach_tc(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
		 bool own_clsact);

#endif
