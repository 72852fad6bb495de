/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the generators (flood.c, talk.c) share: where they may send, and how their segments look.
 * They refuse to send anywhere but out of a veth in a network namespace that a lab of this project
 * made.
 */
#ifndef SYNWARD_BENCH_GENERATE_H
#define SYNWARD_BENCH_GENERATE_H

#include <glob.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/types.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* One of those that this project's labs make and name. */
static bool in_lab_namespace(void)
{
	struct stat here, lab;
	glob_t labs = {};
	bool found = false;

	if (stat("/proc/self/ns/net", &here) || glob("/run/netns/sw-*", 0, NULL, &labs))
		return false;
	for (size_t i = 0; i < labs.gl_pathc; i++)
		if (stat(labs.gl_pathv[i], &lab) == 0 && lab.st_dev == here.st_dev &&
		    lab.st_ino == here.st_ino)
			found = true;
	globfree(&labs);
	return found;
}

static int ask_interface(const char *iface, unsigned long question, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;

	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", iface);
	err = ioctl(fd, question, request);
	close(fd);
	return err;
}

static bool is_veth(const char *iface)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&info };

	return ask_interface(iface, SIOCETHTOOL, &request) == 0 && strcmp(info.driver, "veth") == 0;
}

static __u32 sum_words(const void *data, size_t bytes)
{
	const __u8 *at = data;
	__u32 sum = 0;
	__u16 word;

	for (; bytes; bytes -= 2, at += 2) {
		memcpy(&word, at, 2);
		sum += word;
	}
	return sum;
}

/* The options of Linux. Returns the length of the header with them. */
static __u8 write_options(int family, __u8 flags, __u8 *options, __u8 *ts_at)
{
	const __u8 with_syn[] = { 2, 4, 5, family == AF_INET ? 180 : 160, /* MSS 1460, 1440 */
				  4, 2, 8, 10,
				  0, 0, 0, 0,
				  0, 0, 0, 0,
				  1, 3, 3, 7 };
	const __u8 others[] = { 1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0 };

	if (flags & TH_RST)
		return 20;
	if (flags & TH_SYN) {
		memcpy(options, with_syn, sizeof(with_syn));
		*ts_at = 20 + 8;
		return 20 + sizeof(with_syn);
	}
	memcpy(options, others, sizeof(others));
	*ts_at = 20 + 4;
	return 20 + sizeof(others);
}

#endif
