/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard's rules, as functions of numbers: when a port begins and ends to answer with cookies, whose
 * cookie a listener takes, which may be under way, and how much of what belongs to nobody the kernel
 * is left. No maps and no clock: times are nanoseconds of CLOCK_MONOTONIC, and parameters. The data
 * path, `synward status` and the unit tests call the same functions.
 */
#ifndef SYNWARD_PRESSURE_H
#define SYNWARD_PRESSURE_H

#include <synward/cookie.h>
#include <synward/guard.h>

/* --- A port's cookies begin and end (auto) ---------------------------------------------------- */

/*
 * So many half-open connections of a listener are pressure: the setting `high`, or three quarters of
 * its backlog, well before the kernel drops SYNs of its own accord. At least one.
 */
SW_INLINE __u32 sw_high_mark(__u32 high, __u32 backlog)
{
	__u32 most = backlog - backlog / 4;

	if (most > high)
		most = high;
	return most ? most : 1;
}

/* There has been no pressure for longer than the quiet time; busy_ns: when there last was. */
SW_INLINE bool sw_is_quiet(__u64 busy_ns, __u32 quiet_ms, __u64 now)
{
	return now > busy_ns + quiet_ms * SW_NS_PER_MS;
}

enum sw_turn {
	TURN_NONE, /* it stays as it is */
	TURN_ON,
	TURN_OFF,
};

/*
 * Before a SYN: do cookies begin or end? `full`: the listener's queue has reached its high mark. When
 * the quiet time is over the queue may still be full of what came before the cookies: they go on.
 */
SW_INLINE enum sw_turn sw_turn_of(bool on, bool full, bool quiet)
{
	if (!on)
		return full ? TURN_ON : TURN_NONE;
	return quiet && !full ? TURN_OFF : TURN_NONE;
}

/* What the same SYN says of pressure: true, the quiet time begins anew. */
SW_INLINE bool sw_busy_again(bool on, bool full, bool quiet)
{
	return full && (!on || quiet);
}

/*
 * Are SYNs to this port answered with cookies, as far as can be told without its listener's queue?
 * (Where that is still full when the quiet time is over, the next SYN makes it so again.)
 */
SW_INLINE bool sw_sends_cookies(enum sw_cookie_mode mode, bool on, bool quiet)
{
	if (mode != COOKIES_AUTO)
		return mode == COOKIES_ALWAYS;
	return on && !quiet;
}

/* Windows of a second. */
SW_INLINE void sw_renew_window(struct sw_pressure *pressure, __u64 now)
{
	if (now < pressure->since_ns + SW_NS_PER_S)
		return;
	pressure->since_ns = now;
	pressure->sent = pressure->accepted = 0;
}

/* The port is busy: more of its cookies are unanswered than the low mark. */
SW_INLINE bool sw_many_unanswered(const struct sw_pressure *pressure, __u32 low)
{
	return (__s32)(pressure->sent - pressure->accepted) > (__s32)low;
}

/* One more cookie goes out. True if the port is busy then. */
SW_INLINE bool sw_cookie_sent(struct sw_pressure *pressure, __u32 low, __u64 now)
{
	sw_renew_window(pressure, now);
	pressure->sent++;
	return sw_many_unanswered(pressure, low);
}

/* --- Whose cookie ----------------------------------------------------------------------------- */

/*
 * How a connection that a cookie opened becomes a socket in a family (0 IPv4, 1 IPv6), if its listener
 * is a plain one. Where our own cookie is no use, the kernel's is, provided that it takes it at any time;
 * where no ACK may begin a connection, neither.
 */
SW_INLINE enum sw_admission sw_admission_in(const struct sw_guard *guard, int family)
{
	__u8 hindrance = guard->hindrance[family & 1];

	if (guard->admission == ADMISSION_PROXY || (guard->chosen && guard->proxy && hindrance))
		return ADMISSION_PROXY; /* nothing hinders it: behind us a SYN comes first */
	if (!guard->admission || (hindrance & HINDRANCE_NEW_ACK))
		return ADMISSION_NONE;
	if (guard->admission == ADMISSION_BPF && !hindrance)
		return ADMISSION_BPF;
	return guard->kernel_cookies == SYNCOOKIES_ALWAYS ? ADMISSION_KERNEL : ADMISSION_NONE;
}

/* The cookie is ours, not the kernel's. */
SW_INLINE bool sw_admits_own(enum sw_admission admission)
{
	return admission == ADMISSION_BPF || admission == ADMISSION_PROXY;
}

/*
 * How a connection that a cookie opened would become one of the listener's. `admission`: how its
 * family admits; `kernel_cookies`: the kernel takes its own ones at any time. A listener that no SYN
 * has met yet is taken for a plain one.
 */
SW_INLINE enum sw_admission sw_admission_of(enum sw_listener_kind listener,
					    enum sw_admission admission, bool kernel_cookies)
{
	if (listener == LISTENING || listener == NOT_SEEN)
		return admission;
	if (listener == LISTENING_MPTCP && admission == ADMISSION_PROXY)
		return admission;
	if (listener == LISTENING_MPTCP && kernel_cookies)
		return ADMISSION_KERNEL;
	return ADMISSION_NONE;
}

/*
 * The same for a service that is not this host's. Without state it is the guard of the server itself that
 * admits, by whatever is ours.
 */
SW_INLINE enum sw_admission sw_protected_admission(const struct sw_guard *guard,
						   enum sw_protection protects)
{
	if (protects == PROTECT_STATELESS)
		return ADMISSION_BPF;
	return guard->proxy ? ADMISSION_PROXY : ADMISSION_NONE;
}

/* A cookie that came back later than this is too old. */
#define SW_COOKIE_LIFE_NS (SW_COOKIE_EPOCHS * SW_EPOCH_NS)

/*
 * Is there anything to check the ACK of an unknown connection against? cookie_ns: when this port sent
 * the last one, 0 for never, by any CPU's clock, which may be a tick ahead of this one's.
 */
SW_INLINE bool sw_cookie_outstanding(bool shared_keys, __u64 cookie_ns, __u64 now)
{
	return shared_keys || (cookie_ns && now < cookie_ns + SW_COOKIE_LIFE_NS);
}

/*
 * The kernel answers SYNs to this port, or did so until switched_ns: a cookie of its own may come
 * back.
 */
SW_INLINE bool sw_kernel_outstanding(enum sw_cookie_mode mode, bool on, __u64 switched_ns,
				     __u64 now)
{
	bool answers = mode != COOKIES_ALWAYS && !on;

	return answers || now < switched_ns + SW_COOKIE_LIFE_NS;
}

/* --- Strays ----------------------------------------------------------------------------------- */

/*
 * So many segments a second, on each CPU, that belong to no connection, or that a cookie can't
 * answer, are left to the kernel, which answers them as it should; more is a flood.
 */
#define SW_STRAYS_PER_SECOND 1000

/* One more of them, in the window that they share: may the kernel have it? */
SW_INLINE bool sw_stray_within_pace(struct sw_pressure *strays, __u64 now)
{
	sw_renew_window(strays, now);
	return strays->sent++ < SW_STRAYS_PER_SECOND;
}

/* --- Times in entries that CPUs share --------------------------------------------------------- */

/* So often the time of the last cookie is written, so that its line does not go to and fro. */
#define SW_WRITE_EVERY_NS SW_NS_PER_S

/* And that of the last pressure: several times within the quiet time that is measured from it. */
SW_INLINE __u64 sw_busy_write_every(__u32 quiet_ms)
{
	__u64 quarter = quiet_ms * SW_NS_PER_MS / 4;

	return quarter < SW_WRITE_EVERY_NS ? quarter : SW_WRITE_EVERY_NS;
}

#endif
