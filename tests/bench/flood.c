// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * flood IFACE ADDRESS PORT COUNT [FLAGS]: sends COUNT TCP segments (SYN unless FLAGS names others,
 * of the letters FSRPA) from spoofed addresses to ADDRESS:PORT out of IFACE.
 *
 * For tests and benchmarks of this project only. It is never installed, and refuses to send
 * anywhere but out of a veth in a network namespace that a lab of this project made.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "flood.skel.h"

#define FLAG_LETTERS "FSRPA"
#define COUNT_MAX    20000000L
#define BATCH        64

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

/* One of those that this project's labs make and name. */
static int in_lab_namespace(void)
{
	struct stat here, lab;
	glob_t labs = {};
	int found = 0;

	if (stat("/proc/self/ns/net", &here) || glob("/run/netns/sw-*", 0, NULL, &labs))
		return 0;
	for (size_t i = 0; i < labs.gl_pathc; i++)
		if (stat(labs.gl_pathv[i], &lab) == 0 && lab.st_ino == here.st_ino)
			found = 1;
	globfree(&labs);
	return found;
}

static int is_veth(const char *iface)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	err = ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return err == 0 && strcmp(info.driver, "veth") == 0;
}

static int fill_template(struct frame *frame, const char *iface, const char *address)
{
	struct ifreq request = {};
	int fd, err;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	err = ioctl(fd, SIOCGIFHWADDR, &request);
	close(fd);
	if (err || inet_pton(AF_INET, address, &frame->ip.daddr) != 1)
		return -EINVAL;
	memcpy(frame->eth.ether_shost, request.ifr_hwaddr.sa_data, ETH_ALEN);
	frame->eth.ether_type = htons(ETHERTYPE_IP);
	frame->ip.version = 4;
	frame->ip.ihl = 5;
	frame->ip.ttl = 64;
	frame->ip.protocol = IPPROTO_TCP;
	frame->ip.tot_len = htons(sizeof(frame->ip) + sizeof(frame->tcp));
	frame->tcp.doff = 5;
	frame->tcp.window = htons(64240);
	return 0;
}

/* The far end's address on the wire: what the kernel's neighbour table has for it. */
static int resolve(struct frame *frame, const char *iface, const char *address)
{
	char line[256], ip[64], mac[64], dev[64];
	FILE *arp = fopen("/proc/net/arp", "r");
	int err = -ENOENT;

	if (!arp)
		return -errno;
	while (err && fgets(line, sizeof(line), arp)) {
		struct ether_addr ether;

		if (sscanf(line, "%63s %*s %*s %63s %*s %63s", ip, mac, dev) != 3)
			continue;
		if (strcmp(ip, address) || strcmp(dev, iface) || !ether_aton_r(mac, &ether))
			continue;
		memcpy(frame->eth.ether_dhost, ether.ether_addr_octet, ETH_ALEN);
		err = 0;
	}
	fclose(arp);
	return err;
}

static __u8 parse_flags(const char *letters)
{
	__u8 flags = 0;

	for (; *letters; letters++) {
		const char *at = strchr(FLAG_LETTERS, *letters);

		if (!at)
			return 0;
		flags |= (__u8)(1 << (at - FLAG_LETTERS));
	}
	return flags;
}

static int send_frames(int prog_fd, struct frame *frame, const char *iface, long count)
{
	struct xdp_md ctx = { .data_end = sizeof(*frame),
			      .ingress_ifindex = if_nametoindex(iface) };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(*frame),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = (int)count,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	struct timespec begin, end;
	double seconds;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	err = bpf_prog_test_run_opts(prog_fd, &opts);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (err)
		return err;
	seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	printf("{\"sent\":%ld,\"seconds\":%.3f,\"per_second\":%.0f}\n", count, seconds,
	       (double)count / seconds);
	return 0;
}

int main(int argc, char **argv)
{
	struct frame frame = {};
	struct flood *skel;
	long count;
	__u8 flags;
	int err;

	if (argc < 5 || argc > 6) {
		fprintf(stderr, "usage: flood IFACE ADDRESS PORT COUNT [FLAGS of %s]\n",
			FLAG_LETTERS);
		return 2;
	}
	count = atol(argv[4]);
	flags = parse_flags(argc == 6 ? argv[5] : "S");
	if (count < 1 || count > COUNT_MAX || !flags) {
		fprintf(stderr, "flood: COUNT is 1 to %ld, FLAGS letters of %s\n", COUNT_MAX,
			FLAG_LETTERS);
		return 2;
	}
	if (!in_lab_namespace() || !is_veth(argv[1])) {
		fprintf(stderr, "flood: %s is not a veth in a lab's namespace\n", argv[1]);
		return 1;
	}
	if (fill_template(&frame, argv[1], argv[2]) || resolve(&frame, argv[1], argv[2])) {
		fprintf(stderr, "flood: %s is no neighbour on %s: ping it first\n", argv[2],
			argv[1]);
		return 1;
	}
	skel = flood__open();
	if (!skel)
		return 1;
	skel->rodata->flags = flags;
	skel->rodata->port = (__u16)atoi(argv[3]);
	err = flood__load(skel);
	if (!err)
		err = send_frames(bpf_program__fd(skel->progs.flood), &frame, argv[1], count);
	if (err)
		fprintf(stderr, "flood: Couldn't send: %s\n", strerror(-err));
	flood__destroy(skel);
	return err ? 1 : 0;
}
