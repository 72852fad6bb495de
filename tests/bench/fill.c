// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * fill MAP_ID COUNT SECONDS: puts COUNT established flows into a map sw_flows, all of which end in
 * SECONDS from now. For the benchmark of expiry; never installed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <synward/flow.h>

#define BATCH 4096

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

static struct sw_flow established(__u64 start_ns, __u32 seconds)
{
	struct sw_flow flow = { .start_ns = start_ns, .timeout_ms = seconds * 1000 };

	flow.deadline_ns = start_ns + seconds * SW_NS_PER_S;
	flow.ep[0].state = flow.ep[1].state = ESTABLISHED;
	flow.ep[0].seen = flow.ep[1].seen = 1;
	return flow;
}

static int fill(int fd, __u32 count, __u32 seconds)
{
	static struct sw_flow_key keys[BATCH];
	static struct sw_flow flows[BATCH];
	__u64 start_ns = now_ns();

	for (__u32 done = 0; done < count;) {
		__u32 batch = count - done < BATCH ? count - done : BATCH;

		for (__u32 i = 0; i < batch; i++) {
			keys[i] = key_of(done + i);
			flows[i] = established(start_ns, seconds);
		}
		if (bpf_map_update_batch(fd, keys, flows, &batch, NULL))
			return -errno;
		done += batch;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int fd, err;

	if (argc != 4) {
		fprintf(stderr, "usage: fill MAP_ID COUNT SECONDS\n");
		return 2;
	}
	fd = bpf_map_get_fd_by_id((__u32)atoi(argv[1]));
	if (fd < 0) {
		fprintf(stderr, "fill: Couldn't open map %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	err = fill(fd, (__u32)atoi(argv[2]), (__u32)atoi(argv[3]));
	if (err)
		fprintf(stderr, "fill: Couldn't fill map %s: %s\n", argv[1], strerror(-err));
	close(fd);
	return err ? 1 : 0;
}
