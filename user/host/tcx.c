// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * By bpf(2) itself: Debian 12's libbpf and headers are older than TCX. The numbers and layouts are those
 * of linux/bpf.h of Linux 6.6.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/tcx.h"

enum {
	TCX_INGRESS = 46, /* enum bpf_attach_type */
	TCX_EGRESS = 47,
	REPLACE = 1 << 2, /* BPF_F_... */
	BEFORE = 1 << 3,
};

/* BPF_PROG_ATTACH, BPF_PROG_DETACH */
struct attach {
	__u32 ifindex;
	__u32 prog_fd;
	__u32 type;
	__u32 flags;
	__u32 replaced_fd;
	__u32 relative_fd; /* 0: none, so that "before" is before all */
	__u64 revision;
};

_Static_assert(sizeof(struct attach) == 32, "as union bpf_attr has it");

/* BPF_PROG_QUERY */
struct query {
	__u32 ifindex;
	__u32 type;
	__u32 flags;
	__u32 attach_flags;
	__u64 prog_ids;
	__u32 count;
	__u32 padding;
	__u64 prog_attach_flags;
	__u64 link_ids;
	__u64 link_attach_flags;
	__u64 revision;
};

_Static_assert(sizeof(struct query) == 64, "as union bpf_attr has it");

static __u32 type_of(enum bpf_tc_attach_point point)
{
	return point == BPF_TC_INGRESS ? TCX_INGRESS : TCX_EGRESS;
}

static int call(int command, void *attr, size_t size)
{
	return syscall(SYS_bpf, command, attr, size) ? -errno : 0;
}

int sw_tcx_list(__u32 ifindex, enum bpf_tc_attach_point point, struct sw_tcx *list)
{
	struct query query = {
		.ifindex = ifindex,
		.type = type_of(point),
		.prog_ids = (__u64)(unsigned long)list->id,
		.count = SW_TCX_MAX,
	};
	int err = call(BPF_PROG_QUERY, &query, sizeof(query));

	list->count = err ? 0 : query.count;
	return err;
}

int sw_tcx_attach(__u32 ifindex, enum bpf_tc_attach_point point, int prog_fd)
{
	struct attach attach = {
		.ifindex = ifindex,
		.prog_fd = (__u32)prog_fd,
		.type = type_of(point),
		.flags = BEFORE,
	};

	return call(BPF_PROG_ATTACH, &attach, sizeof(attach));
}

int sw_tcx_replace(__u32 ifindex, enum bpf_tc_attach_point point, int prog_fd, int old_fd)
{
	struct attach attach = {
		.ifindex = ifindex,
		.prog_fd = (__u32)prog_fd,
		.type = type_of(point),
		.flags = REPLACE,
		.replaced_fd = (__u32)old_fd,
	};

	return call(BPF_PROG_ATTACH, &attach, sizeof(attach));
}

int sw_tcx_detach(__u32 ifindex, enum bpf_tc_attach_point point, int prog_fd)
{
	struct attach attach = {
		.ifindex = ifindex,
		.prog_fd = (__u32)prog_fd,
		.type = type_of(point),
	};

	return call(BPF_PROG_DETACH, &attach, sizeof(attach));
}
