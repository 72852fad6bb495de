/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel's own types, as far as guard reads them (CO-RE: where a field is, the running kernel's
 * BTF says), and the one function of the kernel that it calls.
 */
#ifndef SYNWARD_KERNEL_BPF_H
#define SYNWARD_KERNEL_BPF_H

#include <linux/bpf.h>
#include <linux/in6.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct sock_common {
	__u32 skc_daddr, skc_rcv_saddr;
	__u16 skc_dport; /* network order */
	__u16 skc_num; /* host order */
	unsigned short skc_family;
	volatile unsigned char skc_state;
	__u32 skc_tw_rcv_nxt;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct bpf_iter__tcp {
	struct sock_common *sk_common;
};

struct sock {
	__u8 sk_userlocks; /* a bit-field until it became a byte */
	int sk_rcvbuf;
	__u32 sk_ack_backlog; /* connections that wait for accept() */
	__u32 sk_max_ack_backlog;
};

struct request_sock_queue {
	atomic_t qlen; /* half-open: SYN_RCVD */
};

struct ipv6_pinfo {
	__s16 hop_limit; /* -1: the interface's (older than 6.7: a bit field, which is not read) */
	__u8 tclass;
	__u8 min_hopcount;
};

struct inet_sock {
	struct ipv6_pinfo *pinet6;
	__s16 uc_ttl; /* -1: the namespace's */
	__u8 tos;
	__u8 min_ttl;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
};

struct tcp_options_received {
	__u16 user_mss;
};

struct tcp_md5sig_info;
struct tcp_ao_info;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	struct tcp_options_received rx_opt;
	__u32 window_clamp;
	__u8 scaling_ratio; /* Linux 6.6: of 256 bytes of buffer so many are for data */
	bool is_mptcp;
	struct tcp_md5sig_info *md5sig_info;
	struct tcp_ao_info *ao_info; /* Linux 6.7 */
};

struct tcp_request_sock {
	__u32 snt_isn; /* of the SYN+ACK */
};

struct inet_timewait_sock {
	struct sock_common __tw_common;
};

struct tcp_timewait_sock {
	struct inet_timewait_sock tw_sk;
	__u32 tw_ts_recent;
	int tw_ts_recent_stamp; /* seconds; 0: it has no timestamps */
};

#pragma clang attribute pop

/* net/tcp.h, Linux 6.9. Times as in the segment; the mss is the client's. */
struct bpf_tcp_req_attrs {
	__u32 rcv_tsval;
	__u32 rcv_tsecr;
	__u16 mss;
	__u8 rcv_wscale;
	__u8 snd_wscale;
	__u8 ecn_ok;
	__u8 wscale_ok;
	__u8 sack_ok;
	__u8 tstamp_ok;
	__u8 usec_ts_ok;
	__u8 reserved[3];
};

extern int bpf_sk_assign_tcp_reqsk(struct __sk_buff *skb, struct sock *sk,
				   struct bpf_tcp_req_attrs *attrs, int attrs__sz) __ksym __weak;

enum {
	KERNEL_AF_INET6 = 10, /* include/linux/socket.h */
	KERNEL_TCP_TIME_WAIT = 6, /* include/net/tcp_states.h, as the next two */
	KERNEL_TCP_LISTEN = 10,
	KERNEL_TCP_NEW_SYN_RECV = 12,
	KERNEL_RCVBUF_LOCK = 2, /* SOCK_RCVBUF_LOCK, include/net/sock.h */
};

#endif
