/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a network interface's driver says of itself.
 */
#ifndef SYNWARD_USER_NIC_H
#define SYNWARD_USER_NIC_H

#include <linux/types.h>

/* The driver's name, "" if it does not say. */
#define SW_DRIVER_TEXT 32
void sw_nic_driver(const char *ifname, char driver[SW_DRIVER_TEXT]);

/* Native XDP, by the kernel's list of features (netdev netlink family, Linux 6.3). */
enum sw_native_xdp {
	SW_NATIVE_NONE = 0,
	SW_NATIVE_BASIC, /* passes and drops, but takes no frames of several buffers */
	SW_NATIVE_FRAGS,
	SW_NATIVE_UNKNOWN, /* the kernel keeps no such list */
};

enum sw_native_xdp sw_nic_native_xdp(__u32 ifindex);

/* The card takes VLAN tags off what arrives (ethtool's rx-vlan-offload). */
bool sw_nic_strips_vlan(const char *ifname);

#endif
