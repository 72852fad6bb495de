// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * An answer comes over a socket of its own, which is closed whatever became of it: so no answer to one
 * request is ever taken for another's.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/netlink.h"

/* The kernel puts no more than this into one message of a list, or of what it tells. */
#define ANSWER_MAX 32768

static int receive(struct mnl_socket *socket, mnl_cb_t take, void *context)
{
	char buffer[ANSWER_MAX];
	ssize_t length;
	int err;

	do {
		length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (length < 0)
			return -errno;
		err = mnl_cb_run(buffer, (size_t)length, 0, mnl_socket_get_portid(socket), take,
				 context);
	} while (err > MNL_CB_STOP);
	return err < 0 ? -errno : 0;
}

static int ask(int bus, struct nlmsghdr *request, __u16 flags, mnl_cb_t take, void *context)
{
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	int err = 0;

	if (!socket)
		return -errno;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		err = -errno;
	err = err ?: receive(socket, take, context);
	mnl_socket_close(socket);
	return err;
}

int sw_netlink_list(int bus, struct nlmsghdr *request, mnl_cb_t take, void *context)
{
	return ask(bus, request, NLM_F_DUMP, take, context);
}

int sw_netlink_get(int bus, struct nlmsghdr *request, mnl_cb_t take, void *context)
{
	return ask(bus, request, NLM_F_ACK, take, context);
}

int sw_netlink_link(__u32 ifindex, __s32 netns, mnl_cb_t take, void *context)
{
	char buffer[SW_NETLINK_REQUEST];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_type = RTM_GETLINK;
	head->ifi_index = (int)ifindex;
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (netns != SW_NETNS_OURS)
		mnl_attr_put_u32(request, IFLA_TARGET_NETNSID, (__u32)netns);
	return sw_netlink_get(NETLINK_ROUTE, request, take, context);
}

int sw_netlink_make(int bus, struct nlmsghdr *request)
{
	return ask(bus, request, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, NULL, NULL);
}

int sw_netlink_listen(int bus, const int *groups, size_t count)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, bus), err;

	if (fd < 0)
		return -errno;
	err = bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	for (size_t i = 0; !err && i < count; i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])))
			err = -errno;
	if (err)
		close(fd);
	return err ?: fd;
}

int sw_netlink_hear(int fd, mnl_cb_t take, void *context)
{
	char buffer[ANSWER_MAX];
	int lost = 0;

	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);

		if (length < 0 && errno == ENOBUFS)
			lost = -ENOBUFS;
		else if (length < 0)
			return errno == EAGAIN || errno == EINTR ? lost : -errno;
		else
			mnl_cb_run(buffer, (size_t)length, 0, 0, take, context);
	}
}
