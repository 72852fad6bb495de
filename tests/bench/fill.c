// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * fill FLOWS COUNT FIRST LAST [STATS]: puts COUNT established flows into the map sw_flows of id
 * FLOWS. The first ends in FIRST seconds from now, the last in LAST, the others evenly between.
 * Given the map sw_stats, waits until all have expired and prints by how many milliseconds the
 * latest of them was late. For the benchmark of expiry; never installed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <synward/flow.h>
#include <synward/stats.h>

#define BATCH    4096
#define CPUS_MAX 1024

struct fill {
	__u32 count;
	__u64 start_ns, first_ns, last_ns;
};

static int complain(const char *what, const char *map, int err)
{
	fprintf(stderr, "fill: Couldn't %s map %s: %s\n", what, map, strerror(err));
	return 1;
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * SW_NS_PER_S + (__u64)now.tv_nsec;
}

/* Flow n lies between an address of 198.18.0.0/15 (RFC 2544) that counts up, and one server. */
static struct sw_flow_key key_of(__u32 n)
{
	struct sw_flow_key key = { .port = { (__u16)(1024 + n / 0x20000), 80 } };
	__u8 client[] = { 198, (__u8)(18 + (n >> 16 & 1)), (__u8)(n >> 8), (__u8)n };
	__u8 server[] = { 203, 0, 113, 1 };

	memset(&key.addr[0][10], 0xff, 2);
	memset(&key.addr[1][10], 0xff, 2);
	memcpy(&key.addr[0][12], client, 4);
	memcpy(&key.addr[1][12], server, 4);
	return key;
}

static struct sw_flow established(__u64 start_ns, __u64 deadline_ns)
{
	struct sw_flow flow = { .start_ns = start_ns, .deadline_ns = deadline_ns };

	flow.timeout_ms = (__u32)((deadline_ns - start_ns) / SW_NS_PER_MS);
	flow.ep[0].state = flow.ep[1].state = ESTABLISHED;
	flow.ep[0].seen = flow.ep[1].seen = 1;
	return flow;
}

static __u64 deadline_of(const struct fill *fill, __u32 n)
{
	return fill->first_ns + (fill->last_ns - fill->first_ns) * n / fill->count;
}

static int put(int fd, const struct fill *fill)
{
	static struct sw_flow_key keys[BATCH];
	static struct sw_flow flows[BATCH];

	for (__u32 done = 0; done < fill->count;) {
		__u32 batch = fill->count - done < BATCH ? fill->count - done : BATCH;

		for (__u32 i = 0; i < batch; i++) {
			keys[i] = key_of(done + i);
			flows[i] = established(fill->start_ns, deadline_of(fill, done + i));
		}
		if (bpf_map_update_batch(fd, keys, flows, &batch, NULL))
			return -errno;
		done += batch;
	}
	return 0;
}

/* How many flows have expired so far. */
static __u64 expired(int fd)
{
	static struct sw_stats stats[CPUS_MAX];
	__u32 zero = 0;
	__u64 sum = 0;

	if (bpf_map_lookup_elem(fd, &zero, stats))
		exit(complain("read", "sw_stats", errno));
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += stats[cpu].flows_expired;
	return sum;
}

/*
 * Watches them go, and returns by how much the latest is late: while n are gone, one of the first
 * n + 1 is still there. Right to the 2 ms between two looks.
 */
static __u64 watch(int fd, const struct fill *fill, __u64 before)
{
	__u64 worst_ns = 0, gone = 0;

	while (gone < fill->count && now_ns() < fill->last_ns + 60 * SW_NS_PER_S) {
		__u64 now, deadline = deadline_of(fill, gone);

		usleep(2000);
		gone = expired(fd) - before;
		now = now_ns();
		if (now > deadline && now - deadline > worst_ns)
			worst_ns = now - deadline;
	}
	return worst_ns;
}

int main(int argc, char **argv)
{
	int flows, stats = -1, err;
	struct fill fill;
	__u64 before;

	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: fill FLOWS COUNT FIRST LAST [STATS]\n");
		return 2;
	}
	flows = bpf_map_get_fd_by_id((__u32)atoi(argv[1]));
	if (flows < 0)
		return complain("open", argv[1], errno);
	if (argc == 6) {
		stats = bpf_map_get_fd_by_id((__u32)atoi(argv[5]));
		if (stats < 0)
			return complain("open", argv[5], errno);
	}
	before = stats >= 0 ? expired(stats) : 0;
	fill.count = (__u32)atoi(argv[2]);
	fill.start_ns = now_ns();
	fill.first_ns = fill.start_ns + (__u64)(atof(argv[3]) * SW_NS_PER_S);
	fill.last_ns = fill.start_ns + (__u64)(atof(argv[4]) * SW_NS_PER_S);
	err = put(flows, &fill);
	if (err)
		return complain("fill", argv[1], -err);
	if (stats >= 0)
		printf("%llu\n", watch(stats, &fill, before) / SW_NS_PER_MS);
	return 0;
}
