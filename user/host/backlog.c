// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * As `ss -ltn` does: sock_diag, which for a listener gives both numbers in the place of a connection's
 * queues. Full is one more than the backlog (sk_acceptq_is_full()).
 */
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "host/backlog.h"
#include "host/netlink.h"

static int take_listener(const struct nlmsghdr *message, void *context)
{
	const struct inet_diag_msg *listener = mnl_nlmsg_get_payload(message);
	struct sw_full_listeners *full = context;

	if (listener->idiag_rqueue <= listener->idiag_wqueue)
		return MNL_CB_OK;
	full->count++;
	full->port = ntohs(listener->id.idiag_sport);
	full->waiting = listener->idiag_rqueue;
	full->backlog = listener->idiag_wqueue;
	return MNL_CB_OK;
}

static int list(__u8 family, struct sw_full_listeners *full)
{
	char buffer[SW_NETLINK_REQUEST];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *ask = mnl_nlmsg_put_extra_header(request, sizeof(*ask));

	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	ask->sdiag_family = family;
	ask->sdiag_protocol = IPPROTO_TCP;
	ask->idiag_states = 1U << TCP_LISTEN;
	return sw_netlink_list(NETLINK_SOCK_DIAG, request, take_listener, full);
}

int sw_full_listeners_read(struct sw_full_listeners *full)
{
	*full = (struct sw_full_listeners){};
	return list(AF_INET, full) ?: list(AF_INET6, full);
}
