// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Asks the driver by ethtool's ioctl, and the kernel by generic netlink. Debian 12's headers don't
 * have linux/netdev.h; the four numbers of its interface that are needed are written out here.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/nic.h"

enum { /* Documentation/netlink/specs/netdev.yaml */
	DEV_GET = 1,
	DEV_IFINDEX = 1,
	DEV_XDP_FEATURES = 3,
	XDP_BASIC = 1 << 0,
	XDP_RX_FRAGS = 1 << 5,
};

void sw_nic_driver(const char *ifname, char driver[SW_DRIVER_TEXT])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (char *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	driver[0] = '\0';
	if (fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request))
		snprintf(driver, SW_DRIVER_TEXT, "%s", info.driver);
	close(fd);
}

bool sw_nic_strips_vlan(const char *ifname)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq request = { .ifr_data = (char *)&flags };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	known = fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return known && (flags.data & ETH_FLAG_RXVLAN);
}

/* --- Generic netlink ------------------------------------------------------------------------ */

/* One attribute of an answer, copied out by number. */
struct wanted {
	__u16 type;
	size_t size;
	void *value;
	bool found;
};

static int take_attribute(const struct nlattr *attribute, void *context)
{
	struct wanted *wanted = context;

	if (mnl_attr_get_type(attribute) != wanted->type ||
	    mnl_attr_get_payload_len(attribute) < wanted->size)
		return MNL_CB_OK;
	memcpy(wanted->value, mnl_attr_get_payload(attribute), wanted->size);
	wanted->found = true;
	return MNL_CB_OK;
}

static int take_answer(const struct nlmsghdr *header, void *context)
{
	return mnl_attr_parse(header, sizeof(struct genlmsghdr), take_attribute, context);
}

static struct nlmsghdr *begin(char *buffer, __u16 family, __u8 command)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));

	header->nlmsg_type = family;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	generic->cmd = command;
	generic->version = 1;
	return header;
}

/* Sends the request and reads until its acknowledgement. */
static bool ask(struct mnl_socket *socket, struct nlmsghdr *request, struct wanted *wanted)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	int length;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return false;
	do {
		length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (length >= 0)
			length = mnl_cb_run(buffer, length, 0, mnl_socket_get_portid(socket),
					    take_answer, wanted);
	} while (length > MNL_CB_STOP);
	return length == MNL_CB_STOP && wanted->found;
}

static bool ask_features(struct mnl_socket *socket, __u32 ifindex, __u64 *features)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	__u16 family = 0;
	struct wanted id = { CTRL_ATTR_FAMILY_ID, sizeof(family), &family, false };
	struct wanted list = { DEV_XDP_FEATURES, sizeof(*features), features, false };
	struct nlmsghdr *request = begin(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);

	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, "netdev");
	if (!ask(socket, request, &id))
		return false;
	request = begin(buffer, family, DEV_GET);
	mnl_attr_put_u32(request, DEV_IFINDEX, ifindex);
	return ask(socket, request, &list);
}

enum sw_native_xdp sw_nic_native_xdp(__u32 ifindex)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_GENERIC);
	__u64 features = 0;
	bool known;

	if (!socket)
		return SW_NATIVE_UNKNOWN;
	known = !mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) &&
		ask_features(socket, ifindex, &features);
	mnl_socket_close(socket);
	if (!known)
		return SW_NATIVE_UNKNOWN;
	if (!(features & XDP_BASIC))
		return SW_NATIVE_NONE;
	return features & XDP_RX_FRAGS ? SW_NATIVE_FRAGS : SW_NATIVE_BASIC;
}
