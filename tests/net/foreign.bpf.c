// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A program that is called synward_ingress and is not: one of its maps has another type, key or value
 * than synward's, by the macros that the test sets. It passes every frame.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/config.h>
#include <synward/event.h>

#define MAP(name, kind, entries, key_bytes, value_bytes) \
	struct {                                         \
		__uint(type, kind);                      \
		__uint(max_entries, entries);            \
		__uint(key_size, key_bytes);             \
		__uint(value_size, value_bytes);         \
	} name SEC(".maps")

#ifndef FLOWS_KEY
#define FLOWS_KEY sizeof(struct sw_flow_key)
#endif
#ifndef HALFOPEN_VALUE
#define HALFOPEN_VALUE sizeof(struct sw_flow)
#endif
#ifndef CONFIG_TYPE
#define CONFIG_TYPE BPF_MAP_TYPE_ARRAY
#endif
#ifndef STATS_TYPE
#define STATS_TYPE BPF_MAP_TYPE_PERCPU_ARRAY
#endif
#ifndef PORTS_KEY
#define PORTS_KEY sizeof(struct sw_port_key)
#endif
#ifndef KEYS_VALUE
#define KEYS_VALUE sizeof(struct sw_keys)
#endif

MAP(sw_flows, BPF_MAP_TYPE_HASH, 4096, FLOWS_KEY, sizeof(struct sw_flow));
MAP(sw_halfopen, BPF_MAP_TYPE_LRU_HASH, 4096, sizeof(struct sw_flow_key), HALFOPEN_VALUE);
MAP(sw_stats, STATS_TYPE, 1, 4, sizeof(struct sw_stats));
MAP(sw_config, CONFIG_TYPE, 1, 4, sizeof(struct sw_config));
MAP(sw_ports, BPF_MAP_TYPE_HASH, 256, PORTS_KEY, sizeof(struct sw_port));
MAP(sw_keys, BPF_MAP_TYPE_ARRAY, 1, 4, KEYS_VALUE);

static const char key[512]; /* as long as the longest of them */

SEC("xdp")
int synward_ingress(struct xdp_md *ctx)
{
	void *volatile found;

	(void)ctx;
	found = bpf_map_lookup_elem(&sw_flows, key);
	found = bpf_map_lookup_elem(&sw_halfopen, key);
	found = bpf_map_lookup_elem(&sw_stats, key);
	found = bpf_map_lookup_elem(&sw_config, key);
	found = bpf_map_lookup_elem(&sw_ports, key);
	found = bpf_map_lookup_elem(&sw_keys, key);
	(void)found;
	return XDP_PASS;
}
