// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What is sent again is the client's own ACK, made anew: it comes in through the interface it came by, as
 * if the client had sent it once more (BPF_PROG_RUN on live frames), and tc ingress makes of it what is due.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include <synward/translate.h>

#include "daemon/proxy.h"
#include "host/clock.h"
#include "synward.skel.h"

#define PERIOD_NS (250 * SW_NS_PER_MS)

/* Of a processor it takes one part in so many. */
#define SHARE 20

#define FRAME_MAX (SW_ETHERNET_HEADER + SW_VLAN_TAG + SW_IPV6_HEADER + SW_TCP_HEADER)

static bool is_ipv4(const __u8 address[16])
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(address, mapped, sizeof(mapped));
}

/* Ethernet, as the client's frame had it. Returns its bytes. */
static size_t put_ethernet(__u8 *frame, const struct sw_proxied *p, bool ipv4)
{
	__u16 type = sw_wire16(ipv4 ? SW_ETH_IPV4 : SW_ETH_IPV6), tag = sw_wire16(p->vlan_tag);
	size_t at = sizeof(p->mac);

	memcpy(frame, p->mac, sizeof(p->mac));
	if (p->vlan_type) {
		memcpy(frame + at, &p->vlan_type, 2);
		memcpy(frame + at + 2, &tag, 2);
		at += SW_VLAN_TAG;
	}
	memcpy(frame + at, &type, 2);
	return at + 2;
}

/* The ACK's IP and TCP headers as one reply, whose packet is seen from the service: `to` is the sender. */
static void build_ack(struct sw_reply *ack, const struct sw_packet *packet,
		      const struct sw_proxied *p, __u16 from_port, __u16 to_port)
{
	const struct sw_reply_terms terms = { .hop_limit = 64 };
	__u32 ip_words = packet->ipv4 ? SW_IPV4_WORDS : SW_IPV6_WORDS, *tcp, first;
	__u32 ports = sw_wire32((__u32)to_port << 16 | from_port); /* as the SYN+ACK had them */
	__u64 sum = sw_wire32(SW_IP_TCP);

	memset(ack, 0, sizeof(*ack));
	tcp = &ack->word[ip_words];
	ack->length = 4 * (ip_words + sw_proxy_ack(p, tcp, ports, false, false));
	if (packet->ipv4)
		sw_reply_ipv4(ack, packet, &terms);
	else
		sw_reply_ipv6(ack, packet, &terms);
	first = packet->ipv4 ? 3 : 2;
	sum += sw_wire32(ack->length - 4 * ip_words);
	sum = sw_sum_words(sum, &ack->word[first], (int)(ack->length / 4 - first));
	ack->half[2 * ip_words + SW_TCP_CHECKSUM_HALF] = sw_fold_checksum(sum);
}

static size_t build_frame(__u8 frame[FRAME_MAX + 4 * SW_TIMESTAMP_WORDS],
			  const struct sw_flow_key *key, const struct sw_proxied *p)
{
	__u8 client = p->client & 1;
	struct sw_packet packet = { .ipv4 = is_ipv4(key->addr[client]) };
	struct sw_reply ack;
	size_t at;

	memcpy(packet.to, key->addr[client], 16);
	memcpy(packet.from, key->addr[!client], 16);
	build_ack(&ack, &packet, p, key->port[client], key->port[!client]);
	at = put_ethernet(frame, p, packet.ipv4);
	memcpy(frame + at, ack.word, ack.length);
	return at + ack.length;
}

/* The interface may be gone meanwhile: then so is the client. */
static void send_again(int prog_fd, const struct sw_flow_key *key, const struct sw_proxied *p)
{
	__u8 frame[FRAME_MAX + 4 * SW_TIMESTAMP_WORDS];
	size_t size = build_frame(frame, key, p);
	struct xdp_md context = { .data_end = (__u32)size, .ingress_ifindex = p->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (__u32)size,
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	bpf_prog_test_run_opts(prog_fd, &run);
}

static int look(const struct synward *object)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	return bpf_prog_test_run_opts(bpf_program__fd(object->progs.synward_retry), &run) ? -errno
											  : 0;
}

__u64 sw_proxy_live(const struct sw_proxy_care *care)
{
	const struct synward *object = care->tracker->proxy;

	return object && !look(object) ? object->bss->proxy_retry.live : 0;
}

static int look_through(const struct synward *object)
{
	const struct sw_proxy_retry *retry = &object->bss->proxy_retry;
	int err = look(object);

	if (err)
		return err;
	for (__u32 i = 0; i < retry->count && i < SW_PROXY_RETRIES; i++)
		send_again(bpf_program__fd(object->progs.synward_again), &retry->due[i].key,
			   &retry->due[i].proxied);
	return 0;
}

static int work(void *context, struct sw_next *next)
{
	struct sw_proxy_care *care = context;
	__u64 began = sw_monotonic_ns(), took;
	int err = care->tracker->proxy ? look_through(care->tracker->proxy) : 0;

	took = sw_monotonic_ns() - began;
	next->by_ns = began + (SHARE * took > PERIOD_NS ? SHARE * took : PERIOD_NS);
	return err;
}

struct sw_duty sw_proxy_duty(struct sw_proxy_care *care)
{
	return (struct sw_duty){
		.what = "look after proxied connections",
		.fd = -1,
		.work = work,
		.context = care,
	};
}
