/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What an interface is a part of: a bridge, a bond, a VRF.
 */
#ifndef SYNWARD_USER_MASTER_H
#define SYNWARD_USER_MASTER_H

#include <linux/types.h>
#include <net/if.h>

struct sw_master {
	__u32 ifindex; /* 0: of nothing */
	char name[IF_NAMESIZE];
	char kind[16]; /* "bridge", "bond", "vrf" */
	__u16 mac[3];
};

/* 0 or -errno. */
int sw_master_read(__u32 ifindex, struct sw_master *master);

#endif
