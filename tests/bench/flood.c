// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * flood [-r RATE] [-t SECONDS] [-o] [-a MAP] IFACE ADDRESS PORT COUNT [FLAGS]: sends COUNT TCP
 * segments from spoofed addresses (flood.h) to ADDRESS:PORT out of IFACE. They look as Linux makes
 * them: SYNs with all options, others with time stamps, RSTs with none.
 *
 * SIGTERM ends it before.
 *
 * For tests and benchmarks of this project only. It is never installed, and refuses to send
 * anywhere but out of a veth in a network namespace that a lab of this project made.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "flood.h"
#include "flood.skel.h"
#include "generate.h"

#define FLAG_LETTERS "FSRPA"
#define COUNT_MAX    20000000L
#define SECONDS_MAX  60
#define NS_PER_S     1000000000ULL
#define BATCH        64 /* frames that are on the wire before the next are made */

static const char usage[] =
	"usage: flood [-r RATE] [-t SECONDS] [-o] [-a MAP] IFACE ADDRESS PORT COUNT [FLAGS]\n"
	"  COUNT  up to %ld\n"
	"  FLAGS  letters of %s (default S), or \"mixed\": S, A, R, FA, SA and PA at random\n"
	"  -r     segments a second at most\n"
	"  -t     ends after SECONDS, up to %d, however many were sent\n"
	"  -o     the n-th segment comes from the n-th source, else all is random\n"
	"  -a     send the ACKs to the SYN-ACKs that the meter kept in the pinned map MAP\n";

struct settings {
	const char *iface, *address, *answers;
	unsigned short port;
	long count, rate, seconds;
	const char *flags;
	bool in_order;
};

/* Where to: what is the same in every segment. */
struct target {
	int family;
	struct in6_addr address; /* its first bytes, for IPv4 */
	__u8 from[ETH_ALEN], to[ETH_ALEN];
	__u16 port;
};

/* The far end's address on the wire: what the kernel's neighbour table has for it. */
static int resolve(const struct settings *s, __u8 *mac)
{
	char command[128], found[32];
	struct ether_addr ether;
	int err = -ENOENT;
	FILE *ip;

	snprintf(command, sizeof(command), "ip neigh get %s dev %s 2>&1", s->address, s->iface);
	ip = popen(command, "r");
	if (!ip)
		return -errno;
	if (fscanf(ip, "%*s dev %*s lladdr %31s", found) == 1 && ether_aton_r(found, &ether)) {
		memcpy(mac, ether.ether_addr_octet, ETH_ALEN);
		err = 0;
	}
	pclose(ip);
	return err;
}

static int find_target(const struct settings *s, struct target *target)
{
	struct ifreq request = {};

	target->family = strchr(s->address, ':') ? AF_INET6 : AF_INET;
	target->port = htons(s->port);
	if (inet_pton(target->family, s->address, &target->address) != 1)
		return -EINVAL;
	if (ask_interface(s->iface, SIOCGIFHWADDR, &request))
		return -errno;
	memcpy(target->from, request.ifr_hwaddr.sa_data, ETH_ALEN);
	return resolve(s, target->to);
}

/* --- Templates --------------------------------------------------------------------------------- */

static __u8 *write_ip(const struct target *to, struct flood_kind *kind, __u8 *at)
{
	struct ip6_hdr ip6 = { .ip6_flow = htonl(6U << 28),
			       .ip6_plen = htons(kind->tcp_length),
			       .ip6_nxt = IPPROTO_TCP,
			       .ip6_hlim = 64,
			       .ip6_dst = to->address };
	struct iphdr ip = { .version = 4,
			    .ihl = 5,
			    .ttl = 64,
			    .protocol = IPPROTO_TCP,
			    .tot_len = htons(sizeof(ip) + kind->tcp_length),
			    .frag_off = htons(IP_DF) };

	if (to->family == AF_INET6) {
		memcpy(at, &ip6, sizeof(ip6));
		kind->tcp_sum = sum_words(&to->address, 16);
		return at + sizeof(ip6);
	}
	memcpy(&ip.daddr, &to->address, 4);
	memcpy(at, &ip, sizeof(ip));
	kind->ip_sum = sum_words(&ip, sizeof(ip));
	kind->tcp_sum = sum_words(&to->address, 4);
	return at + sizeof(ip);
}

static struct flood_kind make_kind(const struct target *to, __u8 flags)
{
	struct flood_kind kind = { .flags = flags };
	struct ether_header eth = { .ether_type = htons(to->family == AF_INET ? ETHERTYPE_IP
									      : ETHERTYPE_IPV6) };
	struct tcphdr tcp = { .dest = to->port, .window = htons(64240) };
	__u8 options[20] = {}, frame[FLOOD_FRAME_MAX] = {}, *at = frame;

	kind.tcp_length = write_options(to->family, flags, options, &kind.ts_at);
	memcpy(eth.ether_shost, to->from, ETH_ALEN);
	memcpy(eth.ether_dhost, to->to, ETH_ALEN);
	memcpy(at, &eth, sizeof(eth));
	at = write_ip(to, &kind, at + sizeof(eth));
	tcp.doff = kind.tcp_length / 4;
	tcp.th_flags = flags;
	memcpy(at, &tcp, sizeof(tcp));
	memcpy(at + sizeof(tcp), options, sizeof(options));
	kind.tcp_sum +=
		sum_words(at, kind.tcp_length) + htons(IPPROTO_TCP) + htons(kind.tcp_length);
	memcpy(kind.frame, frame, sizeof(frame));
	return kind;
}

/* 0 if they are no flags. */
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

static void configure(struct flood *skel, const struct settings *s, const struct target *to)
{
	const __u8 mixed[] = { TH_SYN,          TH_ACK,          TH_RST,
			       TH_FIN | TH_ACK, TH_SYN | TH_ACK, TH_PUSH | TH_ACK };
	__u8 one = parse_flags(s->flags);
	__u32 count = one ? 1 : sizeof(mixed);

	for (__u32 i = 0; i < count; i++) {
		struct flood_kind kind = make_kind(to, one ?: mixed[i]);

		memcpy((void *)&skel->rodata->kinds[i], &kind, sizeof(kind));
	}
	skel->rodata->kind_count = count;
	skel->rodata->ipv6 = to->family == AF_INET6;
	skel->rodata->in_order = s->in_order;
	skel->rodata->answering = s->answers != NULL;
	skel->rodata->rate = (__u64)s->rate;
}

/* --- Sending ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped |= number == SIGTERM;
}

/*
 * A run of the program is interrupted when all should have been sent, and then often, for what is
 * late. It takes tens of milliseconds to begin anew, which would tear holes into a pace.
 */
static void set_alarms(const struct settings *s)
{
	struct itimerval alarms = { .it_interval.tv_usec = 50000 };
	double seconds = (double)s->seconds;

	if (s->rate && (double)s->count / (double)s->rate < seconds)
		seconds = (double)s->count / (double)s->rate;
	alarms.it_value.tv_sec = (time_t)seconds;
	alarms.it_value.tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 999999) + 1;
	signal(SIGALRM, on_signal);
	signal(SIGTERM, on_signal);
	setitimer(ITIMER_REAL, &alarms, NULL);
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * NS_PER_S + (__u64)now.tv_nsec;
}

static int send_frames(struct flood *skel, const struct settings *s, bool ipv6)
{
	char frame[FLOOD_FRAME_MAX] = {};
	__u32 length = ipv6 ? FLOOD_FRAME_MAX : FLOOD_FRAME_MAX - 20;
	struct xdp_md ctx = { .data_end = length, .ingress_ifindex = if_nametoindex(s->iface) };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = length,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = BATCH);
	int fd = bpf_program__fd(skel->progs.flood), err;
	__u64 end_ns;
	double seconds;

	skel->bss->limit = (__u64)s->count;
	skel->bss->start_ns = now_ns();
	end_ns = skel->bss->start_ns + (__u64)s->seconds * NS_PER_S;
	set_alarms(s);
	while (!stopped && skel->bss->sent < skel->bss->limit && now_ns() < end_ns) {
		opts.repeat = s->rate ? INT_MAX : (int)(skel->bss->limit - skel->bss->sent);
		err = bpf_prog_test_run_opts(fd, &opts);
		if (err && err != -EINTR)
			return err;
	}
	seconds = (double)(now_ns() - skel->bss->start_ns) / 1e9;
	printf("{\"sent\":%llu,\"seconds\":%.3f,\"per_second\":%.0f}\n", skel->bss->sent, seconds,
	       (double)skel->bss->sent / seconds);
	return 0;
}

static int flood(const struct settings *s, const struct target *to)
{
	struct flood *skel = flood__open();
	int answers = -1, err;

	if (!skel)
		return -errno;
	configure(skel, s, to);
	err = 0;
	if (s->answers) {
		answers = bpf_obj_get(s->answers);
		err = answers < 0 ? -errno : bpf_map__reuse_fd(skel->maps.answers, answers);
	}
	err = err ?: flood__load(skel);
	err = err ?: send_frames(skel, s, to->family == AF_INET6);
	if (err)
		fprintf(stderr, "flood: Couldn't send: %s\n", strerror(-err));
	if (answers >= 0)
		close(answers);
	flood__destroy(skel);
	return err;
}

static int parse(int argc, char **argv, struct settings *s)
{
	int option;

	while ((option = getopt(argc, argv, "r:t:oa:")) != -1) {
		switch (option) {
		case 'r':
			s->rate = atol(optarg);
			break;
		case 't':
			s->seconds = atol(optarg);
			break;
		case 'a':
			s->answers = optarg;
			s->flags = "A";
			s->in_order = true;
			break;
		case 'o':
			s->in_order = true;
			break;
		default:
			return -EINVAL;
		}
	}
	if (argc - optind < 4 || argc - optind > 5)
		return -EINVAL;
	s->iface = argv[optind];
	s->address = argv[optind + 1];
	s->port = (unsigned short)atoi(argv[optind + 2]);
	s->count = atol(argv[optind + 3]);
	if (argc - optind == 5)
		s->flags = argv[optind + 4];
	if (!parse_flags(s->flags) && strcmp(s->flags, "mixed"))
		return -EINVAL;
	return s->count < 1 || s->count > COUNT_MAX || s->rate < 0 || s->seconds < 1 ||
			       s->seconds > SECONDS_MAX
		       ? -EINVAL
		       : 0;
}

int main(int argc, char **argv)
{
	struct settings settings = { .flags = "S", .seconds = SECONDS_MAX };
	struct target target;

	if (parse(argc, argv, &settings)) {
		fprintf(stderr, usage, COUNT_MAX, FLAG_LETTERS, SECONDS_MAX);
		return 2;
	}
	if (!in_lab_namespace() || !is_veth(settings.iface)) {
		fprintf(stderr, "flood: %s is not a veth in a lab's namespace\n", settings.iface);
		return 1;
	}
	if (find_target(&settings, &target)) {
		fprintf(stderr, "flood: %s is no neighbour on %s: ping it first\n",
			settings.address, settings.iface);
		return 1;
	}
	return flood(&settings, &target) ? 1 : 0;
}
