/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The safety net: a guarded port whose cookies lose connections falls back, and tries again later. What
 * becomes of a connection that a cookie opened is told by its host, whatever else is on that:
 *
 *   served   the server says something (by proxy: its SYN+ACK); or there is a socket. A RST of a socket (an application that closes
 *            with SO_LINGER 0, be it at once) has an ACK flag: the kernel sends it of its own accord.
 *   lost     its first word is a RST without ACK, which answers the segment of a connection that the host
 *            does not know (RFC 9293, 3.10.7.1); or for a second there is neither a word nor a socket, though
 *            the listener is there and has room.
 *   neither  its client has reset it; the accept queue is filling up; the listener is gone; by proxy, its
 *            service has refused it, as it would have refused its SYN.
 *
 * So whoever is lost had a right to be served: its cookie was good, which nobody can forge. SW_WATCHED of a
 * port's connections in a family are watched at a time, and each that is lost weighs LOST_WEIGHT, each that
 * is served takes one off. Five in a row are enough, and in the long run one in LOST_WEIGHT + 1. Where
 * clients come faster than silence lasts a second, all watched ones without a socket after 20 ms are: the
 * socket is made by the same softirq that brings the segment. By proxy that is so of those alone whose SYN
 * has a request at the listener, and whose SYN+ACK went another way: a service may be far, or its SYN lost.
 *
 * A client that the host bars (a firewall, a filter of the listener's) is lost, too, whenever it comes, since XDP
 * answers its SYN; and who is served meanwhile is to have guard all the same. So a loss is held against the port for
 * any client once. Where others have been served since, it is the client that has fallen back, and not the port: the
 * kernel gets its SYNs, and does with them what it does alone. Silence counts as such only while nobody is served.
 * Of a share p of barred clients a run of five comes once in some p^-5 clients (one in ten: 100,000), and then the next
 * who is served makes good for it; those who were lost are remembered beyond that, and tried after others.
 * No clock and no map: times are nanoseconds of CLOCK_MONOTONIC, and parameters.
 */
#ifndef SYNWARD_RETREAT_H
#define SYNWARD_RETREAT_H

#include <synward/guard.h>
#include <synward/pressure.h>

#define SW_LOST_WEIGHT   16
#define SW_SILENT_WEIGHT 14 /* six of them are as five that are lost, and more */

#define SW_SILENT_NS (20 * SW_NS_PER_MS) /* without a socket for so long: silent */
#define SW_LOST_NS   SW_NS_PER_S /* lost */

/*
 * The kernel's cookies, and proxy after guard's own, are given less: with them two that are lost, or three
 * that are silent, are too many. From guard's own to none it takes five resets, or six silences; one that
 * tries proxy; and two, or three, with the kernel's cookies: eight at most, or ten.
 */
SW_INLINE __u32 sw_losses_borne(enum sw_stand stand)
{
	return (stand == STAND_GUARD ? 5 : 2) * SW_LOST_WEIGHT;
}

/* --- Back-off --------------------------------------------------------------------------------- */

/*
 * 5 s, 20 s, 80 s, ... an hour: what is tried again and lost costs a client each time, five in the first
 * hour, and one an hour from then on.
 */
#define SW_BACKOFF_MIN_NS (5 * SW_NS_PER_S)
#define SW_BACKOFF_MAX_NS (3600 * SW_NS_PER_S)

SW_INLINE __u64 sw_backoff_ns(__u32 times)
{
	return times < 5 ? SW_BACKOFF_MIN_NS << 2 * times : SW_BACKOFF_MAX_NS;
}

/* A connection that tries guard again and of which nothing is heard for so long leaves it to another. */
#define SW_TRIAL_NS (2 * SW_NS_PER_S)

/* --- Clients that are lost where others are served ----------------------------------------------- */

/* It is remembered for so long, if the port stands where it did, or guard is back. */
#define SW_LOST_CLIENT_NS (600 * SW_NS_PER_S)

/* Guard is tried again with others first, for so long: one that is barred would be lost whatever is tried. */
#define SW_OTHERS_FIRST_NS SW_NS_PER_S

#define SW_TICK_NS (10 * SW_NS_PER_MS) /* the coarse clock may be late by that */

/* IPv4: the address. IPv6: its /64, as who has one address of it has them all. */
SW_INLINE __u64 sw_client_prefix(const __u32 *address)
{
	__u64 first = (__u64)address[0] << 32 | address[1];

	return first ? first : address[3];
}

/* client: which end of the key. */
SW_INLINE __u64 sw_prefix_in(const struct sw_flow_key *key, __u8 client)
{
	return sw_client_prefix((const __u32 *)(client ? key->addr[1] : key->addr[0]));
}

SW_INLINE struct sw_lost_client *sw_lost_client_at(struct sw_retreat *retreat, __u64 prefix)
{
	return &retreat->lost_client[prefix * 0x9e3779b97f4a7c15 >> (64 - SW_LOST_CLIENTS_SHIFT)];
}

SW_INLINE bool sw_is_remembered(const struct sw_retreat *retreat, __u64 lost_ns, __u64 now)
{
	return lost_ns && now < lost_ns + SW_LOST_CLIENT_NS &&
	       (retreat->stand == STAND_GUARD || lost_ns > retreat->since_ns);
}

SW_INLINE bool sw_was_lost_before(const struct sw_retreat *retreat,
				  const struct sw_lost_client *client, __u64 prefix, __u64 now)
{
	return client->prefix == prefix && sw_is_remembered(retreat, client->since_ns, now);
}

/* It was lost, and others have been served since, or just before: its SYNs are the kernel's. */
SW_INLINE bool sw_client_fell_back(struct sw_retreat *retreat, __u64 prefix, __u64 now)
{
	const struct sw_lost_client *client = sw_lost_client_at(retreat, prefix);

	return sw_was_lost_before(retreat, client, prefix, now) &&
	       retreat->served_ns + SW_TICK_NS >= client->since_ns;
}

/* --- Where a port stands ---------------------------------------------------------------------- */

/* For what a port protects there is one way, whatever becomes of it. */
SW_INLINE struct sw_ways sw_ways_of(const struct sw_guard *guard, enum sw_protection protects,
				    enum sw_listener_kind listener, int family)
{
	if (protects)
		return (struct sw_ways){ .full = sw_protected_admission(guard, protects) };
	return (struct sw_ways){
		.full = sw_admission_of(listener, sw_admission_in(guard, family),
					guard->kernel_cookies == SYNCOOKIES_ALWAYS),
		.proxy = guard->chosen && guard->proxy,
		.kernel = guard->kernel_cookies == SYNCOOKIES_ALWAYS &&
			  !(guard->hindrance[family & 1] & HINDRANCE_NEW_ACK),
	};
}

/*
 * Where a port is tried again that has fallen back: with proxy, if that can serve what guard's own cookies
 * lost, as behind it a SYN comes first. Who is served by proxy is left there: to try guard's own cookies once
 * more would cost a client each time, and what it gains is less work.
 */
SW_INLINE enum sw_stand sw_stand_tried(const struct sw_ways *ways)
{
	return ways->full == ADMISSION_BPF && ways->proxy ? STAND_PROXY : STAND_GUARD;
}

/* How what guard's own cookie opens is admitted, be it of before the port fell back. */
SW_INLINE enum sw_admission sw_own_admission(enum sw_stand stand, const struct sw_ways *ways)
{
	return stand != STAND_GUARD && sw_stand_tried(ways) == STAND_PROXY ? ADMISSION_PROXY
									   : ways->full;
}

/* Whose cookies are sent from a stand. */
SW_INLINE enum sw_admission sw_admission_at(enum sw_stand stand, const struct sw_ways *ways)
{
	if (stand == STAND_GUARD || !ways->full)
		return ways->full;
	if (stand == STAND_PROXY)
		return sw_own_admission(stand, ways);
	return stand == STAND_KERNEL && ways->kernel ? ADMISSION_KERNEL : ADMISSION_NONE;
}

/* Where a port falls back to from there; to proxy by a trial alone. */
SW_INLINE enum sw_stand sw_stand_behind(enum sw_stand stand, const struct sw_ways *ways)
{
	return sw_admits_own(sw_admission_at(stand, ways)) && ways->kernel ? STAND_KERNEL
									   : STAND_OFF;
}

/* What made it fall back may have changed since: its family's cookies have become other ones. */
SW_INLINE bool sw_retreat_is_old(const struct sw_retreat *retreat, __u64 admission_ns)
{
	return retreat->stand != STAND_GUARD && retreat->since_ns < admission_ns;
}

/* What is tried beside the kernel's cookies is tried on without them. */
SW_INLINE void sw_take_stand(struct sw_retreat *retreat, enum sw_stand stand, __u64 again_ns,
			     __u64 now)
{
	retreat->stand = stand;
	retreat->since_ns = now;
	retreat->again_ns = again_ns;
	retreat->losses = 0;
	for (int i = 0; i < SW_WATCHED; i++)
		if (stand != STAND_OFF || !retreat->watched[i].trial)
			retreat->watched[i].since_ns = 0;
}

SW_INLINE void sw_forget_retreat(struct sw_retreat *retreat, __u64 now)
{
	retreat->times = 0;
	retreat->lost_ns = 0;
	for (int i = 0; i < SW_LOST_CLIENTS; i++)
		retreat->lost_client[i].since_ns = 0;
	sw_take_stand(retreat, STAND_GUARD, now, now);
}

/*
 * It falls back. Proxy is tried at once where guard's own cookies were lost. Who had been served for longer
 * than the last back-off begins with the shortest one again.
 */
SW_INLINE void sw_fall_back(struct sw_retreat *retreat, const struct sw_ways *ways, __u64 now)
{
	enum sw_stand behind = sw_stand_behind(retreat->stand, ways);
	__u64 again_ns = retreat->again_ns;

	if (retreat->stand != STAND_KERNEL) {
		bool lasted = now - retreat->since_ns > sw_backoff_ns(retreat->times);

		retreat->times = lasted ? 0 : retreat->times + 1;
		again_ns = now;
		if (retreat->stand == sw_stand_tried(ways))
			again_ns += sw_backoff_ns(retreat->times);
	}
	sw_take_stand(retreat, behind, again_ns, now);
}

SW_INLINE void sw_retreat_if_lossy(struct sw_retreat *retreat, const struct sw_ways *ways,
				   __u64 now)
{
	__u32 silent = 0;

	for (int i = 0; i < SW_WATCHED; i++) {
		const struct sw_watched *watched = &retreat->watched[i];

		silent += watched->since_ns > retreat->served_ns && watched->silent &&
			  !watched->trial;
	}
	if (retreat->losses + silent * SW_SILENT_WEIGHT < sw_losses_borne(retreat->stand))
		return;
	retreat->lost += silent;
	sw_fall_back(retreat, ways, now);
}

/* --- Watching --------------------------------------------------------------------------------- */

SW_INLINE bool sw_trial_due(const struct sw_retreat *retreat, const struct sw_ways *ways, __u64 now)
{
	return retreat->stand != STAND_GUARD && retreat->stand != sw_stand_tried(ways) &&
	       now >= retreat->again_ns;
}

/* With this client? */
SW_INLINE bool sw_trial_due_with(struct sw_retreat *retreat, const struct sw_ways *ways,
				 __u64 prefix, __u64 now)
{
	const struct sw_lost_client *client = sw_lost_client_at(retreat, prefix);
	bool lost = client->prefix == prefix && now < client->since_ns + SW_LOST_CLIENT_NS;

	return sw_trial_due(retreat, ways, lost ? now - SW_OTHERS_FIRST_NS : now);
}

/*
 * Watches a connection that a cookie of this admission has just opened. Those of cookies that were sent before
 * the port fell back say nothing new.
 */
SW_INLINE void sw_watch(struct sw_retreat *retreat, const struct sw_flow_key *key, __u8 client,
			enum sw_admission admission, const struct sw_ways *ways, __u64 now)
{
	/* it is to be tried, and a cookie has been sent since */
	bool trial = sw_trial_due_with(retreat, ways, sw_prefix_in(key, client), now) &&
		     retreat->trial_ns >= retreat->again_ns &&
		     admission == sw_admission_at(sw_stand_tried(ways), ways);
	struct sw_watched *place = trial ? &retreat->watched[0] : NULL;

	if (!trial && admission != sw_admission_at(retreat->stand, ways))
		return;
	for (int i = 0; i < SW_WATCHED && !place; i++)
		if (!retreat->watched[i].since_ns)
			place = &retreat->watched[i];
	if (!place)
		return;
	*place = (struct sw_watched){
		.since_ns = now,
		.key = *key,
		.client = client,
		.trial = trial,
		.proxied = admission == ADMISSION_PROXY,
	};
	if (trial)
		retreat->again_ns = now + SW_TRIAL_NS;
}

enum sw_verdict {
	VERDICT_NONE, /* it is not known yet */
	VERDICT_MOOT, /* nobody will */
	VERDICT_SERVED,
	VERDICT_LOST,
};

/* Is it to be held against the port? */
SW_INLINE bool sw_loss_counts(struct sw_retreat *retreat, const struct sw_watched *watched,
			      __u64 now)
{
	__u64 prefix = sw_prefix_in(&watched->key, watched->client);
	struct sw_lost_client *client = sw_lost_client_at(retreat, prefix);
	bool again = sw_was_lost_before(retreat, client, prefix, now);

	if (!again) {
		client->prefix = prefix;
		client->since_ns = retreat->lost_ns = now;
	}
	return !again || retreat->served_ns <= watched->since_ns;
}

/* Nothing bars it. */
SW_INLINE void sw_forget_loss(struct sw_retreat *retreat, const struct sw_watched *watched)
{
	__u64 prefix = sw_prefix_in(&watched->key, watched->client);
	struct sw_lost_client *client = sw_lost_client_at(retreat, prefix);

	if (client->prefix == prefix)
		client->since_ns = 0;
}

/* What has become of a watched connection. */
SW_INLINE void sw_judge_watched(struct sw_retreat *retreat, struct sw_watched *watched,
				enum sw_verdict verdict, const struct sw_ways *ways, __u64 now)
{
	bool trial = watched->trial, counts = verdict == VERDICT_LOST;

	if (counts)
		counts = sw_loss_counts(retreat, watched, now);
	watched->since_ns = 0;
	if (verdict == VERDICT_SERVED) {
		retreat->served_ns = now;
		sw_forget_loss(retreat, watched);
	}
	if (verdict == VERDICT_SERVED && trial)
		sw_take_stand(retreat, sw_stand_tried(ways), now, now);
	else if (verdict == VERDICT_SERVED && retreat->losses)
		retreat->losses--;
	else if (verdict == VERDICT_LOST && trial)
		retreat->again_ns = now + sw_backoff_ns(++retreat->times);
	else if (counts)
		retreat->losses += SW_LOST_WEIGHT;
	sw_retreat_if_lossy(retreat, ways, now);
}

/* What the host has of a connection of which its server has not said a word. */
enum sw_fate {
	FATE_MOOT, /* it is over; there is no listener, or it has no room */
	FATE_SERVED, /* a socket */
	FATE_UNKNOWN, /* nothing */
	FATE_ASKED, /* by proxy: the request that its SYN has made */
};

SW_INLINE enum sw_verdict sw_verdict_by_look(struct sw_watched *watched, enum sw_fate fate,
					     __u64 now)
{
	if (fate == FATE_MOOT)
		return VERDICT_MOOT;
	if (fate == FATE_SERVED)
		return VERDICT_SERVED;
	watched->silent = fate == FATE_ASKED || !watched->proxied;
	return now < watched->since_ns + SW_LOST_NS ? VERDICT_NONE : VERDICT_LOST;
}

/* --- Trying again ----------------------------------------------------------------------------- */

/*
 * May this SYN be answered, to try guard again? One a second; under pressure each, since hardly one in a
 * flood has a client behind it, until one is taken up, see sw_watch().
 */
SW_INLINE bool sw_begin_trial(struct sw_retreat *retreat, const struct sw_ways *ways, bool pressed,
			      __u64 now)
{
	if (!sw_trial_due(retreat, ways, now) ||
	    (!pressed && now < retreat->trial_ns + SW_NS_PER_S))
		return false;
	retreat->trial_ns = now;
	return true;
}

#endif
