/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the tests of guard share: a guarded port, the golden handshakes, a client that knows of TCP
 * what it must to answer a SYN+ACK, and counters checked as a whole.
 */
#ifndef SYNWARD_TESTS_GUARDED_H
#define SYNWARD_TESTS_GUARDED_H

#include <synward/budget.h>
#include <synward/config.h>
#include <synward/pressure.h>

#include "harness.h"
#include "net.h"

#define PORT    80
#define SERVER  "198.51.100.20" /* as golden_handshakes has it */
#define SERVER6 "2001:db8:1::b"

#define PRIME 23 /* events: no other count is a multiple of it by accident */

struct golden_handshake {
	const char *name;
	__u8 syn[160], reply[100], next_reply[100], ack[160]; /* next_reply: an epoch later */
	__u32 syn_size, syn_needed, reply_size, ack_size; /* syn_needed: without padding */
	bool v4;
	__u8 client[16], server[16];
	__u16 client_port;
	__u32 client_isn, server_isn;
	__u64 epoch; /* when the SYN comes */
	bool lacks_timestamps, lacks_sack, lacks_scaling, lacks_ecn; /* this host */
	bool scaled;
	__u8 client_scale, server_scale; /* as the cookie keeps them */
	__u32 ack_length;
};

struct golden_passed {
	const char *name;
	__u8 syn[1600];
	__u32 syn_size;
	enum sw_counter counter;
};

/* A guard that answers always, with all options, whose epoch GOLDEN_EPOCH is half over at START_NS. */
extern const struct sw_guard guard_usual;

/* Those of every port here. */
extern const struct sw_marks guard_marks;

#define GUARD_WSCALE 9 /* its own shift count */

/* The same, on the host that this handshake wants. */
struct sw_guard guard_for(const struct golden_handshake *g);

/* The harness reset, and PORT guarded so, in this mode. */
void guard_reset(const struct sw_guard *guard, enum sw_cookie_mode mode);

/* In the second from `now` on no more strays are left to the kernel. */
void guard_spend_strays(__u64 now);

/* Writes these settings alone. */
void guard_configure(const struct sw_guard *guard);

/* No SYN goes the short way, until one has gone the long one. */
void guard_cool_down(void);

/* The middle of an epoch, on the tests' clock. */
__u64 guard_time(__u64 epoch);

/* PORT, as the data path has left it; and written. */
void guard_port(struct sw_port *port);
void guard_set_port(const struct sw_port *port);

/* Where PORT stands, in both families, without an end. */
void guard_set_stand(enum sw_stand stand);

/* The interface's address; the addresses of this host, first bits of them. guard_reset() has its own. */
void guard_set_mac(const __u8 mac[6]);
void guard_set_local(const char *address, __u32 bits, bool is);

/* What is said of these clients, first bits of their address; guard_reset() forgets it. */
void guard_set_client(const char *address, __u32 bits, enum sw_client_rule rule);

/* What the route to these clients says; guard_reset() forgets it. */
void guard_set_route(const char *address, __u32 bits, const struct sw_route *route);

/* PORT at the addresses of a prefix; how long the prefixes are that are looked for, as they come. */
void guard_set_port_at(const char *address, __u32 bits, enum sw_cookie_mode mode);
void guard_set_masks(const __u32 *bits, __u32 count);

/* A __u32 in an array of one element (sw_blind, sw_sockets_now). */
struct bpf_map;
void guard_write_word(const struct bpf_map *map, __u32 value);
__u32 guard_read_word(const struct bpf_map *map);

/* Runs a frame at XDP. */
void guard_run(const __u8 *bytes, size_t size, __u64 now, struct passage *passage);

/*
 * These counters, each followed by its value, SW_NONE at the end, and no others: all the rest are 0,
 * but those of every frame (frames, segments).
 */
void guard_counted(const char *name, ...);

/* The flow is in neither map. */
void guard_unknown(const char *name, const struct sw_flow_key *key);

/* A client and a connection it wants. */
struct client {
	struct net_end here, there;
	__u32 isn;
	__u16 mss;
	bool plain; /* MSS is all it offers */
	struct sw_segment answer; /* the SYN+ACK it got */
};

struct client guard_client(const char *address, unsigned short port);

/* A segment of the client's, with the timestamp that it owes. */
struct sw_segment client_segment(const struct client *client, __u8 flags);
struct sw_segment client_syn(const struct client *client);
struct sw_segment client_ack(const struct client *client); /* of client->answer */

/* Sends such a segment. */
void guard_send(const struct sw_segment *segment, __u64 now, struct passage *passage);

/* Sends its SYN with a wrong checksum, which no cookie answers; true if that passes. */
bool guard_pass_unfit(const struct client *client, __u64 now);

/* Sends the client's SYN; true if it was answered, and then client->answer is what the client got. */
bool guard_ask(struct client *client, __u64 now);

/* The same, and it must be answered. */
void guard_open(struct client *client, __u64 now);

/* A test a row of a table whose rows begin with their names; how many failed. */
int run_table(const char *name, CMUnitTestFunction test, const void *rows, size_t size,
	      size_t count);

#endif
