/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Every counter, its name and its help text, in one table. The reasons why a segment changed
 * nothing are counters too, so that a reason printed beside a segment and the total in `synward
 * stats` go by one name. Numbers are not reused: new ones go to the end.
 */
#ifndef SYNWARD_STATS_H
#define SYNWARD_STATS_H

#include <synward/types.h>

#define SW_COUNTERS(X)                                                                            \
	X(NONE, none, "no reason")                                                                \
	X(FRAMES, frames, "frames seen at XDP ingress and tc egress")                             \
	X(SEGMENTS, segments, "TCP segments that were read whole")                                \
	X(NOT_IP, not_ip, "frames passed: neither IPv4 nor IPv6")                                 \
	X(VLAN_DEEP, vlan_deep, "frames passed: more than two VLAN tags")                         \
	X(NOT_TCP, not_tcp, "packets passed: IP, but not TCP")                                    \
	X(FRAGMENT, fragment, "packets passed: IP fragments")                                     \
	X(EXT_HEADER, ext_header, "packets passed: IPv6 extension headers beyond what is parsed") \
	X(TRUNCATED, truncated, "malformed frames: they end inside a header")                     \
	X(BAD_IP, bad_ip, "malformed packets: IP version, header or total length is wrong")       \
	X(BAD_TCP, bad_tcp, "malformed segments: TCP header shorter or longer than it may be")    \
	X(BAD_CHECKSUM, bad_checksum, "malformed segments: wrong TCP checksum (replay only)")     \
	X(BAD_FLAGS, bad_flags, "malformed segments: SYN with FIN or RST, or no SYN, ACK or RST") \
	X(SYN_RETRANSMITTED, syn_retransmitted, "SYNs and SYN+ACKs sent again")                   \
	X(SYN_OLD, syn_old, "SYNs not newer than the connection they meet: old duplicates")       \
	X(SYN_CHALLENGE, syn_challenge, "SYNs inside a synchronised connection (RFC 5961, 4)")    \
	X(SYNACK_BAD_ACK, synack_bad_ack, "SYN+ACKs that do not acknowledge the SYN")             \
	X(ACK_BAD, ack_bad, "ACKs during the handshake that do not acknowledge the SYN")          \
	X(ACK_UNSENT, ack_unsent, "ACKs of something the peer has not sent (RFC 9293, 3.10.7.4)") \
	X(OUT_OF_WINDOW, out_of_window, "data or FINs outside the receiver's window")             \
	X(RST_CHALLENGE, rst_challenge, "RSTs in the window but not exact (RFC 5961, 3)")         \
	X(RST_BLIND, rst_blind, "RSTs outside the window, or that do not acknowledge the SYN")    \
	X(RST_NO_FLOW, rst_no_flow, "RSTs for a connection that is not known")                    \
	X(AFTER_CLOSE, after_close, "segments to a connection both of whose ends are closed")     \
	X(HALFOPEN_OPENED, halfopen_opened, "half-open records made")                             \
	X(HALFOPEN_FAILED, halfopen_failed, "half-open records that could not be made")           \
	X(FLOWS_OPENED, flows_opened,                                                             \
	  "flows proved live by both ends and moved into the flow table")                         \
	X(FLOWS_CLOSED, flows_closed, "flows whose both ends reached TIME_WAIT or CLOSED")        \
	X(FLOWS_EXPIRED, flows_expired, "flows removed when their time was over, 2 MSL included") \
	X(FLOWS_REMOVED, flows_removed, "flows removed from the flow table, for whatever reason") \
	X(FLOWS_MIDSTREAM, flows_midstream, "records begun without a SYN")                        \
	X(FLOWS_REPLACED, flows_replaced,                                                         \
	  "flows replaced by a new incarnation (RFC 6191, RFC 1122)")                             \
	X(FLOW_TABLE_FULL, flow_table_full,                                                       \
	  "live flows left among the half-open: the flow table is full")                          \
	X(RACE_LOST, race_lost, "segments that met a record while another CPU was moving it")     \
	X(FORWARDED, forwarded, "frames at tc egress that XDP had counted on their way in")       \
	X(EVENTS_LOST, events_lost, "events that found the ring buffer full")                     \
	X(COOKIES_SENT, cookies_sent, "guard: SYN cookies sent")                                  \
	X(COOKIES_ACCEPTED, cookies_accepted, "guard: SYN cookies that came back valid")          \
	X(COOKIES_REJECTED, cookies_rejected, "guard: SYN cookies that came back wrong")          \
	X(COOKIE_OLD, cookie_old, "guard: ACKs dropped: their cookie names no epoch that counts") \
	X(COOKIE_BAD, cookie_bad, "guard: ACKs dropped: the MAC of their cookie is wrong")        \
	X(STRAY, stray, "guard: segments dropped: no socket, no flow, no cookie still out")       \
	X(STRAY_PASSED, stray_passed,                                                             \
	  "guard: segments passed: no socket, no flow, the kernel answers")                       \
	X(SYN_NO_LISTENER, syn_no_listener, "guard: SYNs passed: nobody listens there")           \
	X(SYN_TO_SOCKET, syn_to_socket,                                                           \
	  "guard: SYNs passed: their connection has a socket already")                            \
	X(SYN_UNFIT, syn_unfit, "guard: SYNs passed: no cookie suits them, or their listener")    \
	X(OVER_BUDGET, over_budget,                                                               \
	  "guard: SYNs dropped: their source prefix has had its replies")                         \
	X(REPLY_FAILED, reply_failed, "guard: SYNs dropped: no reply could be made of them")      \
	X(ADMITTED, admitted, "guard: connections by a cookie that their listener has taken")     \
	X(ADMIT_REFUSED, admit_refused, "guard: connections that the kernel would not take")      \
	X(DRY_RUN_REPLIES, dry_run_replies,                                                       \
	  "guard: SYNs passed that a cookie would have answered")                                 \
	X(DRY_RUN_DROPS, dry_run_drops, "guard: segments passed that would have been dropped")    \
	X(COOKIES_ON, cookies_on, "guard: times that a port began to answer with cookies")        \
	X(SYN_UNFIT_DROPPED, syn_unfit_dropped,                                                   \
	  "guard: SYNs dropped: no cookie suits them, and too many to pass")                      \
	X(ACK_OLD, ack_old, "ACKs older than their sender can mean (RFC 5961, 5.2)")              \
	X(MARTIAN, martian, "segments in the name of what can be no host, or of this host")       \
	X(SYN_MARTIAN, syn_martian, "guard: SYNs passed: from or to what can be no host")         \
	X(SYN_OTHER_MAC, syn_other_mac,                                                           \
	  "guard: SYNs passed: their frame is not for the interface")                             \
	X(SYN_NOT_LOCAL, syn_not_local, "guard: SYNs passed: they go to another host's address")  \
	X(FLOWS_DELETED, flows_deleted, "flows removed by `synward flows --delete`")              \
	X(UNREAD_DROPPED, unread_dropped,                                                         \
	  "guard: fragments, deep VLANs, long headers dropped: too many")                         \
	X(PROXY_SYNS, proxy_syns,                                                                 \
	  "proxy: SYNs sent to a service for clients who proved themselves")                      \
	X(PROXIED, proxied, "proxy: connections that their service has answered")                 \
	X(PROXY_REFUSED, proxy_refused, "proxy: connections that their service refused")          \
	X(PROXY_UNANSWERED, proxy_unanswered,                                                     \
	  "proxy: connections given up: their service did not answer")                            \
	X(PROXY_KEPT, proxy_kept, "proxy: data kept until the service answered")                  \
	X(PROXY_NOT_KEPT, proxy_not_kept, "proxy: data dropped before the service answered")      \
	X(PROXY_FULL, proxy_full, "proxy: ACKs dropped: the table of connections is full")        \
	X(PROXY_FAILED, proxy_failed, "proxy: segments dropped: they could not be rewritten")     \
	X(DENIED, denied, "guard: segments dropped: their source is denied")                      \
	X(SYN_ALLOWED, syn_allowed, "guard: SYNs passed: their source is allowed")                \
	X(ACCEPT_QUEUE_FULL, accept_queue_full,                                                   \
	  "guard: SYNs dropped: the listener's queue for accept() is full")                       \
	X(SYN_TOO_FAR, syn_too_far,                                                               \
	  "guard: SYNs passed: below their listener's hop limit (RFC 5082)")                      \
	X(LOST, lost, "guard: connections by a cookie that their listener has not got")           \
	X(RETREATS, retreats, "guard: times that a port that lost connections fell back")         \
	X(SYN_RETREATED, syn_retreated, "guard: SYNs passed: their port has fallen back")         \
	X(SYN_NOT_LEARNT, syn_not_learnt,                                                         \
	  "protect: SYNs passed: no answer of their service is known")                            \
	X(SYN_OTHER_WAY, syn_other_way,                                                           \
	  "guard: SYNs passed: no answer has gone the way they came")                             \
	X(UNFIT_IP, unfit_ip, "guard: SYNs, cookies' ACKs passed: IP options, extension headers") \
	X(UNFIT_CHECKSUM, unfit_checksum,                                                         \
	  "guard: SYNs, cookies' ACKs passed: a wrong checksum of IP or TCP")                     \
	X(UNFIT_SIGNED, unfit_signed,                                                             \
	  "guard: SYNs, cookies' ACKs passed: signed by TCP MD5 or AO")                           \
	X(UNFIT_MSS, unfit_mss, "guard: SYNs passed: their MSS is below the least of a cookie")   \
	X(SYN_LOST_BEFORE, syn_lost_before,                                                       \
	  "guard: SYNs passed: their clients alone have lost connections")                        \
	X(TIME_WAITS_ENDED, time_waits_ended,                                                     \
	  "guard: sockets in TIME_WAIT that ended for another host's cookie")                     \
	X(EARLY_DROPPED, early_dropped,                                                           \
	  "guard: segments dropped: what makes their socket has yet to come")

/* The value of the per-CPU map sw_stats, one element: each counter by its name. */
struct sw_stats {
#define SW_COUNTER_FIELD(id, name, help) __u64 name;
	SW_COUNTERS(SW_COUNTER_FIELD)
#undef SW_COUNTER_FIELD
};

/* A counter's place in struct sw_stats. */
enum sw_counter {
#define SW_COUNTER_ENUM(id, name, help) SW_##id,
	SW_COUNTERS(SW_COUNTER_ENUM)
#undef SW_COUNTER_ENUM
	SW_COUNTER_MAX
};

_Static_assert(sizeof(struct sw_stats) == 8 * SW_COUNTER_MAX, "one word a counter");

#endif
