/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * TCX (Linux 6.6): the list of programs that run on an interface at tc, before any filter. A program in
 * it needs no qdisc, and stays when its process ends.
 */
#ifndef SYNWARD_USER_TCX_H
#define SYNWARD_USER_TCX_H

#include <bpf/libbpf.h>
#include <linux/types.h>

#define SW_TCX_MAX 64 /* as many as the kernel takes in one list */

struct sw_tcx {
	__u32 count;
	__u32 id[SW_TCX_MAX]; /* of programs, in the order in which they run */
};

/* 0 or -errno; -EINVAL: this kernel has none. */
int sw_tcx_list(__u32 ifindex, enum bpf_tc_attach_point point, struct sw_tcx *list);

/* Puts the program before all others. 0 or -errno, as above. */
int sw_tcx_attach(__u32 ifindex, enum bpf_tc_attach_point point, int prog_fd);

/* Puts it into the place of that one, in one step. 0 or -errno. */
int sw_tcx_replace(__u32 ifindex, enum bpf_tc_attach_point point, int prog_fd, int old_fd);

/* 0 or -errno. */
int sw_tcx_detach(__u32 ifindex, enum bpf_tc_attach_point point, int prog_fd);

#endif
