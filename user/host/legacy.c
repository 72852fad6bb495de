// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "host/legacy.h"

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       (int)IPT_SO_GET_INFO == (int)IP6T_SO_GET_INFO &&
		       (int)IPT_SO_GET_ENTRIES == (int)IP6T_SO_GET_ENTRIES,
	       "both families ask alike");

static const struct {
	const char *names;
	int domain, level;
	size_t target_offset, next_offset; /* in an entry */
} families[] = {
	{ "/proc/net/ip_tables_names", AF_INET, IPPROTO_IP,
	  offsetof(struct ipt_entry, target_offset), offsetof(struct ipt_entry, next_offset) },
	{ "/proc/net/ip6_tables_names", AF_INET6, IPPROTO_IPV6,
	  offsetof(struct ip6t_entry, target_offset), offsetof(struct ip6t_entry, next_offset) },
};

/* Where the kernel has no iptables-legacy, or has not needed it yet, there is no such file. */
bool sw_legacy_has(const char *table, int family)
{
	FILE *file = fopen(families[family].names, "re");
	bool found = false;
	char name[64];

	if (!file)
		return false;
	while (!found && fscanf(file, "%63s", name) == 1)
		found = !strcmp(name, table);
	fclose(file);
	return found;
}

static __u16 offset_at(const char *entry, size_t where)
{
	__u16 offset;

	memcpy(&offset, entry + where, sizeof(offset));
	return offset;
}

/* Has a rule among the entries this target? */
static bool have_target(const char *entry, size_t size, int family, const char *target)
{
	const char *end = entry + size;

	while (entry + families[family].next_offset + sizeof(__u16) <= end) {
		const struct xt_entry_target *its =
			(const void *)(entry + offset_at(entry, families[family].target_offset));
		__u16 next = offset_at(entry, families[family].next_offset);

		if ((const char *)(its + 1) > end || !next)
			return false;
		if (!strcmp(its->u.user.name, target))
			return true;
		entry += next;
	}
	return false;
}

static int ask(int sock, int family, const char *table, const char *target)
{
	struct ipt_getinfo info = {};
	struct ipt_get_entries *entries;
	socklen_t length = sizeof(info);
	int err = 0;

	snprintf(info.name, sizeof(info.name), "%s", table);
	if (getsockopt(sock, families[family].level, IPT_SO_GET_INFO, &info, &length))
		return -errno;
	length = (socklen_t)sizeof(*entries) + info.size;
	entries = calloc(1, length);
	if (!entries)
		return -ENOMEM;
	snprintf(entries->name, sizeof(entries->name), "%s", table);
	entries->size = info.size;
	if (getsockopt(sock, families[family].level, IPT_SO_GET_ENTRIES, entries, &length))
		err = -errno;
	else
		err = have_target((const char *)entries->entrytable, info.size, family, target);
	free(entries);
	return err;
}

int sw_legacy_sets_mss(int family)
{
	int sock, err;

	if (!sw_legacy_has("mangle", family))
		return 0;
	sock = socket(families[family].domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (sock < 0)
		return -errno;
	err = ask(sock, family, "mangle", "TCPMSS");
	close(sock);
	return err;
}
